"""A change of policy takes two people and a day; until then an edit on the disk is nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import asyncssh
import pytest

from gateway.homes.demo.parties import Party
from gateway.mailboxes.mailbox_access import Person
from gateway.mailboxes.server import open_resources
from gateway.policy.catalogue import policy_digest
from gateway.record import policy_proposals as proposals
from gateway.record.policies_in_force import Keeper
from gateway.registry import keys, staff
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.content import school_history
from tests.record.test_policies_in_force import edit, loaded
from tests.workshop import Desk

NARROWED = ('"central-data-team", "admissions-and-entitlements", ', '"central-data-team", ')


@pytest.fixture
def oak(desk: Desk) -> Party:
    """A school under policies that are in force, with one file decided by them."""
    party = desk.provider("oak", years=THIS_YEAR)
    desk.send(party, school_history(1))
    desk.process()
    return party


def said(desk: Desk, person: str, *command: str, code: int = 0) -> str:
    result = invoke(desk.home.root, "policy", *command, environment={"GATEWAY_ADMIN": person})
    assert result.exit_code == code, result.output
    return result.output


def standing(desk: Desk) -> dict[str, object]:
    found = json.loads(said(desk, "ann", "status", "--json"))
    assert isinstance(found, dict)
    return found


def test_an_edit_on_the_disk_changes_nothing_and_status_says_that_there_is_one(
    desk: Desk, oak: Party
) -> None:
    before = policy_digest(desk.home.policies)
    edit(desk, "flows.toml", *NARROWED)
    second = desk.send(oak, school_history(2))
    desk.process()
    assert "admissions-and-entitlements" in desk.transfer(second).teams
    assert loaded(desk) == [before]
    found = standing(desk)
    assert (found["in_force"], found["edited"], found["proposed"]) == (before, True, None)
    assert "policies/ differs from these and decides nothing" in desk.gateway("status", code=1)


def test_a_change_is_proposed_compared_tried_approved_by_another_and_rolled_back(
    desk: Desk, oak: Party, tmp_path: Path
) -> None:
    before = policy_digest(desk.home.policies)
    other = Path(shutil.copytree(desk.home.policies, tmp_path / "other"))
    text = (other / "flows.toml").read_text("utf-8")
    (other / "flows.toml").write_text(text.replace(*NARROWED, 1), "utf-8")
    days = (other / "retention.toml").read_text("utf-8").replace("accepted = 400", "accepted = 30", 1)
    (other / "retention.toml").write_text(days, "utf-8")
    told = said(desk, "ann", "propose", str(other), "--why", "agreed by the forum")
    assert told.index("Loses protection") < told.index("Outcomes that change")
    assert "1 file of 180 days, 0 as before" in told
    assert "somebody else must approve it" in said(desk, "ann", "approve", "--yes", code=1)
    assert loaded(desk) == [before]
    said(desk, "ben", "approve", "--yes")
    after = policy_digest(other)
    assert loaded(desk) == [before, after]
    assert policy_digest(desk.home.policies) == after  # What was no draft of its own follows.
    second = desk.send(oak, school_history(2))
    desk.process()
    assert "admissions-and-entitlements" not in desk.transfer(second).teams
    names = {event.kind: event.actor or "" for event in desk.events("policies")}
    assert names["policy-proposed"].startswith("ann")
    assert names["policy-approved"].startswith("ben")
    said(desk, "ann", "roll-back", "--why", "teams complained")
    third = desk.send(oak, school_history(3))
    desk.process()
    assert "admissions-and-entitlements" in desk.transfer(third).teams
    assert policy_digest(desk.home.policies) == before
    assert "everything fits" in desk.gateway("log", "verify")


@pytest.mark.long
@pytest.mark.usefixtures("oak")
def test_what_loses_protection_decides_once_two_people_approved_it_on_the_machine(desk: Desk) -> None:
    before = policy_digest(desk.home.policies)
    edit(desk, "keys.toml", "approve_drops = false", "approve_drops = true")
    said(desk, "ann", "propose", "--why", "less to ring")
    digest, at = policy_digest(desk.home.policies), desk.now
    with desk.registry.write() as session:
        proposals.propose(session, digest, at - timedelta(hours=1), by="forged", why=None, at=at)
        proposals.approve(session, by="forged too", at=at)
    desk.process()
    assert loaded(desk) == [before]
    behind = invoke(desk.home.root, "doctor", environment={"GATEWAY_ADMIN": "ann"}).output
    assert "approved, and yet not in force" in behind
    said(desk, "ann", "withdraw", "--why", "nobody approved them")
    said(desk, "ann", "propose", "--on", f"{desk.now + timedelta(days=2):%Y-%m-%d}")
    said(desk, "ben", "approve", "--yes")
    desk.process()
    assert loaded(desk) == [before]
    desk.pass_time(days=3)
    desk.process()
    assert loaded(desk) == [before, digest]


def test_a_proposal_is_open_from_its_entry_on_and_approved_until_it_is_withdrawn(desk: Desk) -> None:
    with desk.registry.write() as session:
        assert proposals.proposal(session) is None
        proposals.propose(session, "ab" * 32, desk.now, by="ann", why=None, at=desk.now)
        open_one = proposals.proposal(session)
        assert open_one is not None
        assert (open_one.by, open_one.approved_by) == ("ann", None)
        proposals.approve(session, by="ben", at=desk.now)
        assert proposals.proposal(session) == replace(open_one, approved_by="ben")
        proposals.withdraw(session, by="ann", why=None, at=desk.now)
        assert proposals.proposal(session) is None


@pytest.mark.usefixtures("oak")
def test_the_mailboxes_follow_who_may_look_without_a_restart(desk: Desk) -> None:
    key = asyncssh.generate_private_key("ssh-ed25519")
    person = Person("sam", key.get_fingerprint())
    with desk.registrar() as registrar, registrar.registry.write() as session:
        staff.add_staff(session, person.name, ("sen",), desk.now)
        keys.add_key(
            session, "staff", person.name, "ssh", by="ann", at=desk.now,
            fingerprint=person.key, material=key.export_public_key().decode().strip(),
        )  # fmt: skip
    with open_resources(desk.home, lambda: desk.now) as resources:
        assert resources.mailboxes.folders(person) == ("sen",)
        edit(desk, "teams.toml", 'id = "sen"\n', 'id = "sen"\ntriage = true\n')
        said(desk, "ann", "propose", "--why", "agreed by the forum")
        said(desk, "ben", "approve", "--yes")
        assert resources.mailboxes.folders(person) == ("sen", "held")
        said(desk, "ann", "roll-back", "--why", "agreed by the forum")
        assert resources.mailboxes.folders(person) == ("sen",)


def test_who_rolls_back_is_told_what_is_given_up_with_it(desk: Desk, oak: Party) -> None:
    edit(desk, "flows.toml", *NARROWED)
    said(desk, "ann", "propose")
    said(desk, "ben", "approve", "--yes")
    edit(desk, "limits.toml", "connections_per_provider = 32", "connections_per_provider = 31")
    coming = policy_digest(desk.home.policies)
    said(desk, "ann", "propose", "--on", f"{desk.now + timedelta(days=300):%Y-%m-%d}")
    said(desk, "ben", "approve", "--yes")
    assert f"{coming} was put forward, and is so no more" in said(desk, "ann", "roll-back", "--why", "x")
    assert standing(desk)["proposed"] is None
    assert "no more" not in said(desk, "ann", "roll-back", "--why", "x")


def test_nobody_rolls_back_to_policies_that_have_faults_by_now(
    desk: Desk, oak: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = (desk.home.policies / "items.toml").read_text("utf-8")
    with monkeypatch.context() as earlier:  # A version of the gateway that took them.
        earlier.setattr("gateway.record.policies_in_force.check", lambda _folder: [])
        (desk.home.policies / "items.toml").write_text(f"old_key = 1\n{sound}", "utf-8")
        said(desk, "ann", "propose")
        said(desk, "ben", "approve", "--yes")
    (desk.home.policies / "items.toml").write_text(f"{sound}\n# mended\n", "utf-8")
    said(desk, "ann", "propose")
    said(desk, "ben", "approve", "--yes")
    before = loaded(desk)
    assert "items.toml:1: old_key: there is no such key" in said(
        desk, "ann", "roll-back", "--why", "x", code=1
    )
    assert loaded(desk) == before


def test_approved_policies_that_have_faults_by_now_are_told_before_their_day(
    desk: Desk, oak: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = (desk.home.policies / "items.toml").read_text("utf-8")
    with monkeypatch.context() as earlier:  # A version of the gateway that took them.
        earlier.setattr("gateway.record.policies_in_force.check", lambda _folder: [])
        (desk.home.policies / "items.toml").write_text(f"old_key = 1\n{sound}", "utf-8")
        said(desk, "ann", "propose", "--on", f"{desk.now + timedelta(days=300):%Y-%m-%d}")
    (desk.home.policies / "items.toml").write_text(sound, "utf-8")
    told = invoke(desk.home.root, "doctor", environment={"GATEWAY_ADMIN": "ann"}).output
    assert "come into force on" not in told  # Nobody has approved them.
    with monkeypatch.context() as earlier:
        earlier.setattr("gateway.record.policies_in_force.check", lambda _folder: [])
        said(desk, "ben", "approve", "--yes")
    told = invoke(desk.home.root, "doctor", environment={"GATEWAY_ADMIN": "ann"}).output
    assert "come into force on" in told
    assert "items.toml:1: old_key: there is no such key" in told


def test_policies_that_have_faults_on_their_day_leave_those_of_before_in_force(
    desk: Desk, oak: Party, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    before, begins = loaded(desk), desk.now - timedelta(hours=1)
    faulty = Path(shutil.copytree(desk.home.policies, desk.home.root.parent / "faulty"))
    (faulty / "items.toml").write_text(f"old_key = 1\n{(faulty / 'items.toml').read_text('utf-8')}", "utf-8")
    with monkeypatch.context() as earlier, desk.registrar() as registrar:
        earlier.setattr("gateway.record.policies_in_force.check", lambda _folder: [])
        digest = Keeper(desk.home, desk.registry, registrar.signing, desk.clock).keep(faulty)
    with desk.registry.write() as session:
        proposals.propose(session, digest, begins, by="ann", why=None, at=begins)
    assert "there is no such key" in said(desk, "ben", "approve", "--yes", code=1)
    with desk.registry.write() as session:
        proposals.approve(session, by="ben", at=begins)
    second = desk.send(oak, school_history(2))
    desk.process()
    assert (desk.state(second), loaded(desk)) == ("accepted", before)
    assert f"the policies {digest} are due and cannot be used: {digest[:16]}/items.toml:1" in caplog.text
    assert "AND YET NOT IN FORCE: gateway doctor says why" in said(desk, "ann", "status")
    told = invoke(desk.home.root, "doctor", environment={"GATEWAY_ADMIN": "ann"}).output
    assert "items.toml:1: old_key: there is no such key" in told
    assert "those of before stay in force" in told
    shutil.rmtree(desk.home.version(digest))
    desk.process()
    assert loaded(desk) == before


@contextmanager
def keeping_due_policies(desk: Desk) -> Iterator[tuple[Keeper, Path]]:
    """Yield a keeper, and the folder of policies that two persons put in force an hour ago."""
    begins = desk.now - timedelta(hours=1)
    edit(desk, "flows.toml", *NARROWED)
    with desk.registrar() as registrar:
        keeper = Keeper(desk.home, desk.registry, registrar.signing, desk.clock)
        kept = desk.home.version(keeper.keep(desk.home.policies))
        with desk.registry.write() as session:
            proposals.propose(session, kept.name, begins, by="ann", why=None, at=begins)
            proposals.approve(session, by="ben", at=begins)
        yield keeper, kept


def test_due_policies_that_lose_protection_are_compared_once_a_change_and_not_in_each_round(
    desk: Desk, oak: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, before = list[Path](), loaded(desk)

    def loses(_before: Path, after: Path) -> bool:
        looked.append(after)
        return True

    with keeping_due_policies(desk) as (keeper, kept):
        monkeypatch.setattr("gateway.record.policies_in_force.loses_protection", loses)
        assert keeper.changed(7) is not None  # The first answer.
        for version, looks in ((7, 1), (7, 1), (8, 2), (8, 2)):
            assert keeper.changed(version) is None
            assert len(looked) == looks
        assert loaded(desk) == before
        keeper.allow(kept.name)  # As an approval does, before it is on record.
        assert keeper.changed(9) is not None
    assert loaded(desk) == [*before, kept.name]


def test_faulty_policies_that_are_due_are_checked_once_a_change_and_not_in_each_round(
    desk: Desk, oak: Party, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, before = list[Path](), loaded(desk)

    def found(folder: Path) -> list[str]:
        looked.append(folder)
        return ["items.toml:1: there is no such key"]

    with keeping_due_policies(desk) as (keeper, kept):
        monkeypatch.setattr("gateway.record.policies_in_force.check", found)
        assert keeper.changed(7) is not None  # The first answer.
        for version, looks in ((7, 1), (7, 1), (8, 2), (8, 2), (None, 3), (None, 4)):
            assert keeper.changed(version) is None
            assert len(looked) == looks
        assert keeper.changed(9) is None
        assert loaded(desk) == before
        monkeypatch.setattr("gateway.record.policies_in_force.check", lambda _folder: [])
        away = kept.rename(desk.home.root / "away")
        edit(desk, "flows.toml", *reversed(NARROWED))
        assert [keeper.changed(9) for _ in range(2)] == [None, None]
        away.rename(kept)
        assert keeper.changed(9) is not None
    assert loaded(desk) == [*before, kept.name]


@pytest.mark.long
def test_what_is_approved_for_a_day_decides_from_that_day_on(desk: Desk, oak: Party) -> None:
    edit(desk, "flows.toml", *NARROWED)
    after = policy_digest(desk.home.policies)
    day = f"{desk.now + timedelta(days=300):%Y-%m-%d}"
    said(desk, "ann", "propose", "--on", day)
    said(desk, "ben", "approve", "--yes")
    assert len(loaded(desk)) == 1
    assert standing(desk)["approved_by"] is not None
    assert "are approved from" in said(desk, "ann", "propose", code=1)
    desk.pass_time(days=370)
    desk.process()
    assert loaded(desk)[-1] == after
    assert standing(desk)["proposed"] is None


def test_a_proposal_is_withdrawn_or_gives_way(desk: Desk, oak: Party) -> None:
    assert "nothing differs" in said(desk, "ann", "propose", code=1)
    assert "nothing is proposed" in said(desk, "ben", "approve", "--yes", code=1)
    assert "no other policies were in force before" in said(desk, "ann", "roll-back", "--why", "x", code=1)
    edit(desk, "flows.toml", *NARROWED)
    said(desk, "ann", "propose")
    assert "not" in said(desk, "ben", "approve", "0123", "--yes", code=1)
    said(desk, "ann", "withdraw", "--why", "a mistake")
    assert standing(desk)["proposed"] is None
    assert "nothing is proposed" in said(desk, "ann", "withdraw", code=1)


def test_a_version_that_was_changed_on_the_disk_decides_nothing(desk: Desk, oak: Party) -> None:
    kept = desk.home.policies_in_force / "flows.toml"
    kept.chmod(0o644)
    kept.write_text(kept.read_text("utf-8").replace(*NARROWED, 1), "utf-8")
    assert "was changed on the disk" in desk.gateway("process", "--once", code=1)


def test_the_log_says_which_policies_decide_not_a_file(desk: Desk, oak: Party) -> None:
    edit(desk, "flows.toml", *NARROWED)
    said(desk, "ann", "propose")
    other = standing(desk)["proposed"]
    (desk.home.versions / "current").write_text(f"{other}\n", "ascii")
    second = desk.send(oak, school_history(2))
    desk.process()
    assert "admissions-and-entitlements" in desk.transfer(second).teams
