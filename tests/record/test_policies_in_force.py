"""Edited policies come into force when they are whole, on the log, and never halfway."""

from __future__ import annotations

import json
import logging
import shutil
import threading
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from obstore.store import MemoryStore

from gateway.errors import ConfigurationError, Fault
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Job, Looked
from gateway.home import Home
from gateway.model import Refused
from gateway.policy.catalogue import policy_digest, policy_files
from gateway.processor.service import open_processor
from gateway.publish import everything
from gateway.record import policies_in_force, policy_proposals
from gateway.record.consequences import Ruling
from gateway.record.policies_in_force import Keeper, check_on_record, edited, put_draft
from gateway.record.registrar import Registrar
from gateway.record.rulings import Batch, put_in_force
from gateway.registry import log
from gateway.registry.log import Entry
from gateway.registry.tables import PolicyDraftRow
from gateway.store.objects import ObjectStore
from tests.clock import THIS_YEAR
from tests.content import core_data, core_data_and_telephones, school_history
from tests.policies import enact
from tests.waiting import until
from tests.workshop import Desk


def edit(desk: Desk, file: str, there: str, instead: str) -> None:
    path = desk.home.policies / file
    text = path.read_text("utf-8")
    assert there in text
    path.write_text(text.replace(there, instead, 1), "utf-8")


def loaded(desk: Desk) -> list[str]:
    """The digests of the policies that the log says were loaded, in order."""
    events = [event for event in desk.events("policies") if event.kind == "policy-loaded"]
    return [json.loads(event.leaf)["fields"]["sha256"] for event in events]


def policies_of(desk: Desk, reference: str) -> str:
    (leaf,) = [event.leaf for event in desk.events(reference) if event.kind == "decided"]
    return str(json.loads(leaf)["fields"]["policies"])


def test_what_is_edited_decides_the_next_file_and_stands_on_the_log(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    before = policy_digest(desk.home.policies)
    first = desk.send(oak, school_history(1))
    desk.process()
    edit(desk, "flows.toml", '"central-data-team", "admissions-and-entitlements", ', '"central-data-team", ')
    after = policy_digest(desk.home.policies)
    enact(desk.home.root)
    second = desk.send(oak, school_history(2))
    desk.process()
    assert "admissions-and-entitlements" in desk.transfer(first).teams
    assert "admissions-and-entitlements" not in desk.transfer(second).teams
    assert loaded(desk) == [before, after]
    assert (policies_of(desk, first), policies_of(desk, second)) == (before, after)
    assert [policy_digest(desk.home.version(digest)) for digest in (before, after)] == [before, after]


def test_what_comes_into_force_during_an_examination_decides_the_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak, examine, after = desk.provider("oak", years=THIS_YEAR), Examiner.examine, list[str]()

    def edited_meanwhile(examiner: Examiner, job: Job) -> Looked:
        monkeypatch.setattr(Examiner, "examine", examine)
        found = examine(examiner, job)
        keeper = Keeper(desk.home, desk.registry, registrar.signing, desk.clock, by_hand=True)
        with edited(desk.home.policies_in_force, LOOSER[0], looser(desk)) as folder:
            after.append(keeper.keep(folder))
        keeper.put_in_force(*after)
        return found

    with desk.registrar() as registrar:
        monkeypatch.setattr(Examiner, "examine", edited_meanwhile)
        sent = desk.send(oak, school_history(1))
        desk.process()
        assert [policies_of(desk, sent)] == after
        ruling = Ruling(reference=sent, decision=Refused(reasons=()))
        with desk.registry.write() as session, pytest.raises(Fault, match="other policies came into force"):
            put_in_force(registrar, Batch(session), [ruling], desk.now)


def test_a_service_that_starts_as_they_first_come_into_force_takes_them(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """The moment after the log's first entry, of which the processor itself tells."""
    found: list[Path] = []

    class Starting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "are in force" in record.getMessage():
                with desk.registry.read() as session:
                    check_on_record(session, desk.home)
                found.append(desk.home.policies_in_force)

    logger, starting = logging.getLogger(policies_in_force.__name__), Starting()
    caplog.set_level(logging.INFO, logger.name)
    logger.addHandler(starting)
    try:
        desk.process()
    finally:
        logger.removeHandler(starting)
    assert found == [desk.home.version(policy_digest(desk.home.policies))]


def line_of(desk: Desk, file: str, text: str) -> int:
    """The first line of a policy file in which `text` stands, counted from 1."""
    lines = (desk.home.policies / file).read_text("utf-8").splitlines()
    return next(number for number, line in enumerate(lines, start=1) if text in line)


def test_an_edit_that_is_not_whole_changes_nothing_and_is_told(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.send(oak, core_data(1))
    desk.process()
    edit(desk, "flows.toml", 'basis = ["supporting"]', 'basis = ["whatever"]')
    edit(desk, "data_types.toml", "[types.student-core]", "[types.student core]")
    second = desk.send(oak, core_data(2))
    told = desk.gateway("policy", "propose", code=1)
    desk.process()
    assert desk.state(second) == "accepted"
    basis, types = (
        line_of(desk, "flows.toml", '"whatever"'),
        line_of(desk, "data_types.toml", "student core]"),
    )
    assert f"policies/flows.toml:{basis}: flow[0].basis: agreement.toml has no basis whatever" in told
    assert f"policies/data_types.toml:{types}" in told
    assert len(loaded(desk)) == 1


def test_without_any_whole_policies_nothing_starts(desk: Desk) -> None:
    edit(desk, "teams.toml", "triage = true", "triage = perhaps")
    place = f"policies/teams.toml:{line_of(desk, 'teams.toml', 'perhaps')}:"
    assert place in desk.gateway("process", "--once", code=1)


@pytest.mark.long
def test_a_running_processor_takes_an_edit_over(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    stop = threading.Event()
    with open_processor(desk.home, lambda: desk.now) as processor:
        running = threading.Thread(target=processor.run, args=(stop,))
        running.start()
        try:
            text = desk.home.published.common / "agreement" / "agreement.txt"
            first = desk.send(oak, core_data(1))
            until(lambda: desk.state(first) == "accepted", "the first file")
            edit(desk, "rights.toml", '"Medical details"', '"Medical details", "Telephone number"')
            edit(desk, "rights.toml", 'default = "notice"', 'default = "hold"')
            edit(desk, "agreement.txt", "Version 2.0", "Version 2.1")
            enact(desk.home.root)
            processor.wake()
            until(lambda: "Version 2.1" in text.read_text(), "the new text")
            second = desk.send(oak, core_data_and_telephones(2))
            until(lambda: desk.state(second) not in {"", "landed"}, "the second file")
        finally:
            stop.set()
            processor.wake()
            running.join(60)
    assert desk.state(second) == "held"
    assert len(loaded(desk)) == 2
    with desk.registry.read() as session:
        published = log.latest(session, "agreement-published")
    assert published is not None
    assert json.loads(published.leaf)["fields"]["academic_year"] == THIS_YEAR[0]


def test_check_names_file_line_and_key_of_every_fault(desk: Desk) -> None:
    assert "no fault" in desk.gateway("policy", "check")
    edit(desk, "limits.toml", "login_seconds = 25", 'login_seconds = "soon"')
    edit(desk, "retention.toml", "accepted = 400", "accepted = 0")
    edit(desk, "calendar.toml", 'timezone = "Europe/London"', 'timezone = "Europe/Taunton"')
    faults = json.loads(desk.gateway("policy", "check", "--json", code=1))
    assert {(fault["file"], fault["line"]) for fault in faults} == {
        ("limits.toml", line_of(desk, "limits.toml", '"soon"')),
        ("retention.toml", line_of(desk, "retention.toml", "accepted = 0")),
        ("calendar.toml", line_of(desk, "calendar.toml", "Europe/Taunton")),
    }
    assert {fault["key"] for fault in faults} >= {"intake.login_seconds", "sealed.accepted.constrained-int"}
    edit(desk, "limits.toml", 'login_seconds = "soon"', "login_seconds = 25")
    edit(desk, "retention.toml", "accepted = 0", "accepted = 400")
    zone = line_of(desk, "calendar.toml", "Europe/Taunton")
    assert f"calendar.toml:{zone}: timezone: there is no such time zone" in desk.gateway(
        "policy", "check", code=1
    )


@pytest.mark.parametrize("every", [False, True])
def test_a_snapshot_that_was_lost_is_made_again(desk: Desk, tmp_path: Path, every: bool) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.process()
    (desk.home.versions if every else desk.home.policies_in_force).rename(tmp_path / "gone")
    sent = desk.send(oak, core_data())
    desk.process()
    assert desk.state(sent) == "accepted"
    assert len(loaded(desk)) == 1


@pytest.mark.parametrize(
    ("edit_of", "by_hand", "is_kept"),
    [
        (("calendar.toml", "", "# As of old.\n"), False, True),
        (("keys.toml", "approve_drops = false", "approve_drops = true"), False, False),
        (("keys.toml", "approve_drops = false", "approve_drops = true"), True, True),
    ],
)
def test_a_draft_of_the_console_is_kept_as_a_version_and_one_that_loses_protection_by_hand_alone(
    desk: Desk, edit_of: tuple[str, str, str], by_hand: bool, is_kept: bool
) -> None:
    file, there, instead = edit_of
    with desk.registrar() as registrar:
        base = desk.home.policies_in_force
        content = (base / file).read_text("utf-8").replace(there, instead, 1)
        with edited(base, file, content) as folder:
            digest = policy_digest(folder)
        with desk.registry.write() as session:
            put_draft(session, PolicyDraftRow(digest=digest, base=base.name, file=file, content=content))
        keeper = Keeper(desk.home, desk.registry, registrar.signing, desk.clock, by_hand=by_hand)
        with nullcontext() if is_kept else pytest.raises(ConfigurationError, match="is missing"):
            assert keeper.folder(digest) == desk.home.version(digest)
    assert desk.home.version(digest).is_dir() is is_kept


def test_what_is_kept_goes_to_other_hosts_and_is_looked_for_only_after_a_change(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    with desk.registrar() as registrar:
        keeper = Keeper(desk.home, desk.registry, registrar.signing, desk.clock)
        assert keeper.changed(7) is not None
        keeper.registry = Mock()  # Which is not read again.
        assert keeper.changed(7) is None
        keeper.registry = desk.registry
        with desk.registry.write() as session:
            at, digest = desk.now + timedelta(days=1), "d" * 64
            policy_proposals.propose(session, digest, at, by="ann", why=None, at=desk.now)
            policy_proposals.approve(session, by="ben", at=desk.now)
            registrar.sign_head(session, desk.now)
        assert keeper.changed(8) is None
        desk.now = at
        assert keeper.changed(8) is None  # It is due.
        assert f"{digest} is missing" in caplog.text
        others = keeper._others = Mock()
        digest = keeper.keep(desk.home.policies)
    files = {path.name: path.read_bytes() for path in policy_files(desk.home.policies)}
    others.put_policies.assert_called_once_with(digest, files)


LOOSER = ("keys.toml", "approve_drops = false", "approve_drops = true")


def proposed_by_hand(desk: Desk, registrar: Registrar, keeper: Keeper, *, days: int) -> str:
    """A version that loses protection, approved at the machine for some days on: its digest."""
    with edited(desk.home.policies_in_force, LOOSER[0], looser(desk)) as folder:
        digest = keeper.keep(folder)
    with desk.registry.write() as session:
        at = desk.now + timedelta(days=days)
        policy_proposals.propose(session, digest, at, by="ann", why=None, at=desk.now)
        registrar.sign_head(session, desk.now)
    keeper.allow(digest)
    with desk.registry.write() as session:
        policy_proposals.approve(session, by="ben", at=desk.now)
        registrar.sign_head(session, desk.now)
    return digest


def looser(desk: Desk) -> str:
    file, there, instead = LOOSER
    return (desk.home.policies_in_force / file).read_text("utf-8").replace(there, instead, 1)


@pytest.mark.parametrize("looks", ["between", "after"])
@pytest.mark.parametrize("forged", ["proposal", "load"])
def test_what_was_allowed_by_hand_is_forbidden_again_though_no_service_saw_it(
    desk: Desk, looks: str, forged: str
) -> None:
    """Proposed, approved and withdrawn between two looks: entries forged later cannot use the mark."""
    with desk.registrar() as registrar:
        service, at_machine = (
            Keeper(desk.home, desk.registry, registrar.signing, desk.clock, by_hand=by_hand)
            for by_hand in (False, True)
        )
        service.changed(1)
        digest = proposed_by_hand(desk, registrar, at_machine, days=1)
        with desk.registry.write() as session:
            policy_proposals.withdraw(session, by="eve", why=None, at=desk.now)
            registrar.sign_head(session, desk.now)
        if looks == "between":
            service.changed(2)
        with desk.registry.write() as session:
            if forged == "load":
                loaded = Entry(
                    kind="policy-loaded", subject=policy_proposals.SUBJECT, fields={"sha256": digest}
                )
                log.append(session, [loaded], desk.now)
                again = "0" * 64
            else:
                again = digest
            policy_proposals.propose(session, again, desk.now, by="ann", why=None, at=desk.now)
            registrar.sign_head(session, desk.now)
        service.changed(3)
        if forged == "proposal":
            with desk.registry.write() as session:
                policy_proposals.approve(session, by="ben", at=desk.now)
                registrar.sign_head(session, desk.now)
        service.changed(4)
        assert desk.home.policies_in_force.name != digest
        assert service.current().folder.name != digest


def test_a_mark_by_hand_holds_for_a_version_in_force_by_the_log_though_another_is_proposed(
    desk: Desk,
) -> None:
    """The service ended between the log's entry and the pointer."""
    with desk.registrar() as registrar:
        at_machine = Keeper(desk.home, desk.registry, registrar.signing, desk.clock, by_hand=True)
        digest = proposed_by_hand(desk, registrar, at_machine, days=0)
        with desk.registry.write() as session:
            loaded = Entry(kind="policy-loaded", subject=policy_proposals.SUBJECT, fields={"sha256": digest})
            log.append(session, [loaded], desk.now)
            policy_proposals.propose(session, "0" * 64, desk.now, by="ann", why=None, at=desk.now)
            registrar.sign_head(session, desk.now)
        Keeper(desk.home, desk.registry, registrar.signing, desk.clock).current()
    assert desk.home.policies_in_force.name == digest


def at_two_hosts(desk: Desk, registrar: Registrar, root: Path) -> tuple[Keeper, Keeper]:
    """Make a keeper of the desk's home, after its first look, and one of a copy of that home."""
    first = Keeper(desk.home, desk.registry, registrar.signing, desk.clock)
    first.changed(1)
    shutil.copytree(desk.home.root, root)
    return first, Keeper(Home(root), desk.registry, registrar.signing, desk.clock)


def test_another_host_that_looks_as_a_version_comes_into_force_takes_no_mark_away(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks between the log's entry and the pointer of the host that switches, which may die there."""
    shared = ObjectStore(MemoryStore(), tmp_path)
    with desk.registrar() as registrar:
        first, other = at_two_hosts(desk, registrar, tmp_path / "other")
        at_machine = Keeper(desk.home, desk.registry, registrar.signing, desk.clock, by_hand=True)
        for keeper in (first, other, at_machine):
            keeper._others = shared
        first.vouch()
        digest = proposed_by_hand(desk, registrar, at_machine, days=1)
        for keeper in (first, other):
            keeper.changed(2)
        desk.now += timedelta(days=1)
        points = Keeper._point_to

        def looked_at(keeper: Keeper, pointed: str) -> None:
            if keeper is first and pointed == digest:
                other.changed(3)
            points(keeper, pointed)

        monkeypatch.setattr(Keeper, "_point_to", looked_at)
        first.changed(3)
        assert desk.home.policies_in_force.name == other.home.policies_in_force.name == digest


@pytest.mark.parametrize("by_hand", [True, False])
def test_what_is_put_in_force_by_hand_is_used_after_a_kill_before_the_pointer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, by_hand: bool
) -> None:
    with desk.registrar() as registrar:
        service, other = (
            Keeper(desk.home, desk.registry, registrar.signing, desk.clock, by_hand=by)
            for by in (False, by_hand)
        )
        with edited(desk.home.policies_in_force, LOOSER[0], looser(desk)) as folder:
            digest = other.keep(folder)
        with monkeypatch.context() as killed:
            killed.setattr(Keeper, "_point_to", Mock(side_effect=KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                other.put_in_force(digest)
        assert desk.home.policies_in_force.name != digest
        assert (service.current().folder.name == digest) is by_hand


def test_a_version_proposed_at_another_host_is_fetched_at_the_next_look_and_not_yet_in_force(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = ObjectStore(MemoryStore(), tmp_path)
    with desk.registrar() as registrar:
        first, other = at_two_hosts(desk, registrar, tmp_path / "other")
        other.changed(1)
        first._others = other._others = shared
        with edited(desk.home.policies_in_force, LOOSER[0], looser(desk)) as folder:
            digest = first.keep(folder)
        with desk.registry.write() as session:
            at = desk.now + timedelta(days=1)
            policy_proposals.propose(session, digest, at, by="ann", why=None, at=desk.now)
            registrar.sign_head(session, desk.now)
        monkeypatch.setattr(other, "current", Mock(side_effect=AssertionError))
        assert other.changed(2) is None
        assert other.home.version(digest).is_dir()


@pytest.mark.long
def test_what_waits_for_a_signature_goes_on_when_its_flow_takes_it_without(desk: Desk) -> None:
    waiting = desk.send(desk.provider("oak"), core_data(1))
    desk.process()
    assert desk.codes(waiting)[0] == "policy:agreement-not-ratified"
    with open_processor(desk.home, lambda: desk.now) as processor:
        edit(
            desk,
            "flows.toml",
            'clause = "12.1"\n',
            'clause = "12.1"\nratification = "accept-with-notice-until 08-31"\n',
        )
        enact(desk.home.root)
        processor.drain()
    assert desk.state(waiting) == "accepted"
    assert "policy:taken-unratified" in desk.codes(waiting)


def test_a_notice_that_another_process_publishes_meanwhile_stays(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    events, published = log.events, desk.home.published

    def tell_change(number: int) -> None:
        fields = {"sha256": "0" * 64, "count": number}
        entry = Entry(kind="changes-told", subject="agreement", fields=fields, note=f"Change {number}.\n")
        with desk.registry.write() as session:
            log.append(session, [entry], desk.now)
        everything.publish_agreement_news(desk.registry, published)

    def read_then_changed(*given: Any, **more: Any) -> Any:
        found = events(*given, **more)
        monkeypatch.setattr(everything.log, "events", events)
        tell_change(2)
        return found

    tell_change(1)
    monkeypatch.setattr(everything.log, "events", read_then_changed)
    everything.publish_agreement_news(desk.registry, published)
    folder = published.common / "agreement"
    assert {path.read_text() for path in folder.glob("notice-*.txt")} == {"Change 1.\n", "Change 2.\n"}
