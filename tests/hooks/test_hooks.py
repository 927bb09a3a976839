"""Systems of the authority are told of events at an https address, at least once, and nobody else is."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from prometheus_client import CollectorRegistry

from gateway.courier import posting, service
from gateway.errors import ConfigurationError
from gateway.home.settings import load_settings
from gateway.processor.hook_round import HookRound
from gateway.processor.registry_view import RegistryView
from gateway.registry import hooks, log
from gateway.registry.tables import HandOnBatchRow, HookRow
from tests.clock import TERM_TIME, THIS_YEAR
from tests.content import core_data
from tests.costs import statements
from tests.hand_on.nights import values
from tests.hooks.receiver import SECTION, Receiver
from tests.waiting import until
from tests.workshop import Desk

pytestmark = pytest.mark.long

CONTENT = core_data(pupils=3)
TEAM = "education-welfare"


@pytest.fixture
def receiver(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Receiver:
    """A receiver whose certificate is trusted, and whose key the settings name."""
    made = Receiver(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.certificate))
    with desk.home.settings.open("a") as settings:
        settings.write(f'\n[hooks]\nkey_file = "{made.key}"\n')
    return made


def hooked(desk: Desk, receiver: Receiver, *events: str, team: str = "", name: str = "case-files") -> Path:
    """A hook on record, as two people add it; its folder."""
    with desk.registry.write() as session:
        session.add(
            HookRow(
                name=name, address=receiver.address, events=",".join(events), teams=team, made_at=desk.now,
                made_by="ann", entry=log.size(session), looked_at=desk.now,
            )
        )  # fmt: skip
        log.record_changes(session, desk.now)
    desk.process()
    return desk.home.hooks / name


def sent(desk: Desk, content: bytes = CONTENT) -> str:
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    reference = desk.send(oak, content)
    desk.process()
    return reference


def listed(desk: Desk) -> dict[str, Any]:
    (found,) = json.loads(desk.gateway("hooks", "list", "--json"))
    return dict(found)


def tried(desk: Desk, folder: Path) -> None:
    """What the courier does in one pass where the receiver fails, and then the inside."""
    with pytest.raises((posting.NotTakenError, httpx.HTTPError, ConfigurationError)):
        posting.post(folder, set())
    desk.process()


def test_an_accepted_file_is_told_and_signed_and_names_no_person(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    reference = sent(desk)
    with receiver.up():
        assert posting.post(folder, set()) == 1
        assert posting.post(folder, set()) == 0
    (message,) = receiver.taken
    data = message["data"]
    assert (message["type"], data["reference"], data["provider"]) == ("file.accepted", reference, "oak")
    assert (data["data_type"], TEAM in data["teams"]) == ("student-core", True)
    assert set(data) == {"reference", "provider", "data_type", "flow", "teams", "codes"}
    assert message["timestamp"] == desk.events(reference)[-1].at.isoformat().replace("+00:00", "Z")
    desk.process()
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["hook.toml"]
    assert listed(desk)["state"] == "well"


def test_while_the_processor_stands_still_no_message_is_posted(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    os.utime(folder / "hook.toml", (0, 0))
    with receiver.up():
        assert posting.post(folder, set()) == 0
        assert receiver.taken == []
        desk.process()
        assert posting.post(folder, set()) == 1


def test_a_hook_is_told_of_its_events_and_its_teams_alone(desk: Desk, receiver: Receiver) -> None:
    folders = [
        hooked(desk, receiver, "file.held", name="held"),
        hooked(desk, receiver, "file.accepted", team="early-years", name="others"),
        hooked(desk, receiver, "file.accepted", team=TEAM, name="ours"),
    ]
    sent(desk)
    assert [len(list(folder.glob("*.json"))) for folder in folders] == [0, 0, 1]


def test_a_file_that_is_held_or_taken_back_is_told_with_the_codes(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.held", "file.withdrawn")
    oak = desk.provider("oak", dfe_number="9994001")
    held = desk.send(oak, CONTENT)
    desk.process()
    codes = desk.codes(held)
    desk.ratify_all("oak")
    given = desk.send(oak, core_data(seed=2, pupils=3))
    desk.process()
    desk.gateway("transfers", "withdraw", given, "--why", "another school's pupils")
    desk.process()
    with receiver.up():
        posting.post(folder, set())
    told = {one["data"]["reference"]: one for one in receiver.taken}
    assert told[held]["type"] == "file.held"
    assert told[held]["data"]["codes"] == codes == ["policy:agreement-not-ratified"]
    assert told[given]["type"] == "file.withdrawn"
    assert TEAM in told[given]["data"]["teams"]


def test_a_team_that_a_file_was_only_proposed_for_is_not_told_that_it_was_taken_back(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = [
        hooked(desk, receiver, "file.withdrawn", team=team, name=team) for team in ("exclusions", TEAM)
    ]
    given = sent(desk)
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    further = ("--team", "exclusions", "--override", "--why", "a tribunal")
    desk.gateway("transfers", "redeliver", given, *further)
    desk.gateway("transfers", "withdraw", given, "--why", "another school's pupils")
    desk.process()
    assert [len(list(folder.glob("*.json"))) for folder in folders] == [0, 1]


def test_a_file_that_is_for_few_is_told_to_no_hook(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted", "file.held")
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    reference = desk.land(oak, oak.seal(CONTENT, desk.certificate))
    with desk.registry.write() as session:
        hooks.find(session, "case-files").events = "file.withdrawn"
    desk.process()
    child, surname, forename, born = (
        values(CONTENT, name)[0] for name in ("UPN", "Surname", "Forename", "DOB")
    )
    who = ("--upn", child, "--surname", surname, "--forename", forename, "--born", born)
    desk.gateway("pupils", "restrict", *who, "--why", "accuracy is contested")
    with desk.registry.write() as session:
        hooks.find(session, "case-files").events = "file.accepted,file.held"
        hooks.tell_again(session, hooks.find(session, "case-files"), desk.now - timedelta(days=1))
    desk.process()
    assert "decided" in desk.kinds(reference)
    assert list(folder.glob("*.json")) == []


def test_a_receiver_that_fails_is_told_later_under_the_same_id(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    with receiver.up():
        receiver.status = 503
        tried(desk, folder)
        assert listed(desk)["remark"] == "it answered 503"
        receiver.status = 204
        posting.post(folder, set())
        desk.process()
    assert len({name for _, name in receiver.asked}) == 1
    assert (len(receiver.asked), len(receiver.taken)) == (2, 1)
    assert listed(desk)["state"] == "well"


@pytest.mark.parametrize("cutting", [False, True])
def test_one_message_that_is_refused_or_cut_off_holds_up_no_other(
    desk: Desk, receiver: Receiver, *, cutting: bool
) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    for _ in range(2):
        desk.gateway("hooks", "try", "case-files")
    desk.process()
    receiver.refused, receiver.cutting = "file.accepted", cutting
    failed: set[str] = set()
    with receiver.up(), pytest.raises(posting.NotTakenError):
        posting.post(folder, failed)
    assert receiver.types() == ["hook.tried"] * 2
    assert len(failed) == 1
    for given_up in folder.glob("*.json"):
        given_up.unlink()
    assert (posting.post(folder, failed), failed) == (0, set())


def test_a_receiver_that_is_slow_is_waited_for_and_then_asked_again(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "_SECONDS", 0.2)
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    with receiver.up():
        receiver.hanging = True
        tried(desk, folder)
        assert listed(desk)["remark"] == "the address does not answer in time"
        receiver.hanging, receiver.interim = False, 1000
        tried(desk, folder)
        assert listed(desk)["remark"] == "the address does not answer in time"
        receiver.interim = 0
        monkeypatch.setattr(posting, "_SECONDS", 30)
        posting.post(folder, set())
    assert receiver.types() == ["file.accepted"]


def test_a_courier_that_is_killed_midway_loses_nothing(desk: Desk, receiver: Receiver) -> None:
    """It is killed with SIGKILL while the receiver has the message and has not answered."""
    hooked(desk, receiver, "file.accepted")
    sent(desk)
    command = [sys.executable, "-m", "gateway", "serve", "courier", "--home", str(desk.home.root)]
    with receiver.up():
        receiver.hanging = True
        courier = subprocess.Popen(command)
        assert receiver.hangs.wait(60)
        courier.send_signal(signal.SIGKILL)
        courier.wait()
        receiver.hanging = False
        courier = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        try:
            until(lambda: receiver.types() == ["file.accepted"], "the message")
        finally:
            courier.terminate()
            _, logged = courier.communicate(timeout=60)
            assert courier.returncode == 0
    assert "secret" not in logged  # The address may hold one.
    assert len({name for _, name in receiver.asked}) == 1


def test_an_inside_that_lost_its_folder_lays_the_same_messages_out_again(
    desk: Desk, receiver: Receiver
) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    before = {path.name: path.read_bytes() for path in folder.glob("*.json")}
    for path in folder.glob("*.json"):
        path.unlink()
    desk.process()
    assert before
    assert {path.name: path.read_bytes() for path in folder.glob("*.json")} == before


def test_what_is_taken_before_an_earlier_message_is_laid_out_no_more(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    for seed in (1, 2):
        desk.send(oak, core_data(seed))
        desk.process()
    earlier, later = sorted(folder.glob("*.json"))
    (folder / "done" / later.stem).touch()
    desk.process()
    assert list(folder.glob("*.json")) == [earlier]


def test_all_since_a_moment_is_sent_once_more_though_an_earlier_message_waits(
    desk: Desk, receiver: Receiver
) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    oak, references = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001"), []
    for seed in (1, 2, 3):
        references.append(desk.send(oak, core_data(seed)))
        desk.process()
        desk.pass_time(hours=1)
    for one in sorted(folder.glob("*.json"))[1:]:
        (folder / "done" / one.stem).touch()
    desk.process()
    desk.gateway("hooks", "try", "case-files", "--since", (desk.now - timedelta(minutes=90)).isoformat())
    for _ in range(2):
        desk.process()
    with receiver.up():
        posting.post(folder, set())
        desk.process()
        assert posting.post(folder, set()) == 0
    told = [one["data"]["reference"] for one in receiver.taken if one["type"] == "file.accepted"]
    assert told == [references[0], references[2]]


def test_a_day_means_all_that_came_since_it_began_by_the_authoritys_clock(
    desk: Desk, receiver: Receiver
) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    (posted,) = folder.glob("*.json")
    (folder / "done" / posted.stem).touch()
    desk.process()
    desk.gateway("hooks", "try", "case-files", "--since", f"{desk.now:%Y-%m-%d}")
    desk.process()
    assert posted in folder.glob("*.json")


def test_a_redirect_is_not_followed(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    receiver.status = 302
    with receiver.up():
        tried(desk, folder)
    assert {path for path, _ in receiver.asked} == {"/gateway?sig=secret"}
    assert listed(desk)["remark"] == "it answered 302"


def test_a_certificate_that_nobody_trusts_gets_nothing(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    monkeypatch.delenv("SSL_CERT_FILE")
    with receiver.up():
        tried(desk, folder)
    assert receiver.asked == []
    assert listed(desk)["remark"] == "the certificate of the address is not trusted"


def test_what_is_changed_on_the_way_is_no_message_of_the_gateway(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    seen: list[tuple[Any, bytes]] = []
    judge = receiver.receive
    receiver.receive = lambda headers, body: seen.append((headers, body)) or judge(headers, body)  # type: ignore[func-returns-value]
    with receiver.up():
        posting.post(folder, set())
    ((headers, body),) = seen
    with pytest.raises(InvalidSignature):
        receiver.program()(headers, body.replace(b"oak", b"elm"))
    with pytest.raises(InvalidSignature):
        receiver.program()({**headers, "webhook-id": "another"}, body)
    with pytest.raises(InvalidSignature):
        receiver.program()(headers, body.replace(b"case-files", b"others"))
    other = receiver.program("others")
    with pytest.raises(ValueError, match="another web hook"):
        other(headers, body)
    old = str(int(headers["webhook-timestamp"]) - 600)
    with pytest.raises((InvalidSignature, ValueError)):
        receiver.program()({**headers, "webhook-timestamp": old}, body)


def test_a_message_is_given_up_after_three_days_is_told_and_can_be_sent_again(
    desk: Desk, receiver: Receiver
) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    reference = sent(desk)
    desk.pass_time(hours=1)
    desk.process()
    assert "courier" in listed(desk)["remark"]
    desk.pass_time(hours=72)
    desk.process()
    assert list(folder.glob("*.json")) == []
    assert "were given up" in listed(desk)["remark"]
    status = desk.gateway("status", "--json", code=1)
    assert "hook-fails:case-files" in json.loads(status)["wrong"]
    assert "the web hook case-files: messages since" in desk.gateway("doctor")
    view = RegistryView(
        desk.home, desk.registry, load_settings(desk.home).watch, desk.clock, CollectorRegistry()
    )
    found = {one.name: one.samples for one in view.collect()}["gateway_hook_failing"]
    assert [(one.labels, one.value) for one in found] == [({"hook": "case-files"}, 1)]
    desk.gateway("hooks", "try", "case-files")
    desk.process()
    with receiver.up():
        assert posting.post(folder, set()) == 2
    desk.process()
    assert sorted(receiver.types()) == ["file.accepted", "hook.tried"]
    assert receiver.taken[0]["data"]["reference"] == reference
    assert listed(desk)["state"] == "well"
    assert "hook-fails" not in desk.gateway("status", "--json", code=1)


def test_a_message_about_an_hour_that_was_given_up_is_sent_again_while_a_later_one_waits(
    desk: Desk, receiver: Receiver
) -> None:
    folder = hooked(desk, receiver, "hand_on.late")
    with desk.registry.write() as session:
        for number, hours in ((1, 1), (2, 48)):
            session.add(
                HandOnBatchRow(
                    hand_on="casework", number=number, team=TEAM, target="t", owed_at=desk.now,
                    made_at=desk.now, sent_at=desk.now, due_at=desk.now + timedelta(hours=hours),
                )
            )  # fmt: skip
        log.record_changes(session, desk.now)
    for hours in (2, 48, 40):
        desk.pass_time(hours=hours)
        desk.process()
    assert ["000002" in path.stem for path in folder.glob("*.json")] == [True]
    assert "were given up" in listed(desk)["remark"]
    desk.gateway("hooks", "try", "case-files")
    desk.process()
    with receiver.up():
        posting.post(folder, set())
    desk.process()
    told = {one["data"]["batch"] for one in receiver.taken if one["type"] == "hand_on.late"}
    assert told == {"casework-000001", "casework-000002"}
    assert listed(desk)["state"] == "well"


def late_batch(desk: Desk, number: int, hours: int) -> None:
    """A batch that is to be acknowledged within so many hours."""
    with desk.registry.write() as session:
        session.add(
            HandOnBatchRow(
                hand_on="casework", number=number, team=TEAM, target="t", owed_at=desk.now, made_at=desk.now,
                sent_at=desk.now, due_at=desk.now + timedelta(hours=hours),
            )
        )  # fmt: skip
        log.record_changes(session, desk.now)


def test_a_message_given_up_since_the_moment_asked_for_is_sent_again_though_an_earlier_loss_is_told(
    desk: Desk, receiver: Receiver
) -> None:
    folder = hooked(desk, receiver, "file.accepted", "hand_on.late")
    sent(desk)
    late_batch(desk, 1, hours=30)
    late_batch(desk, 2, hours=60)
    for hours in (31, 43, 31):
        desk.pass_time(hours=hours)
        desk.process()
    lost = listed(desk)["remark"].partition("; ")[2]
    assert "were given up" in lost
    desk.gateway("hooks", "try", "case-files", "--since", (desk.now - timedelta(hours=80)).isoformat())
    desk.process()
    with receiver.up():
        posting.post(folder, set())
    desk.process()
    told = {one["data"]["batch"] for one in receiver.taken if one["type"] == "hand_on.late"}
    assert told == {"casework-000001", "casework-000002"}
    assert listed(desk)["remark"] == lost
    with receiver.up():
        assert posting.post(folder, set()) == 0


def test_what_was_given_up_before_the_moment_asked_for_is_told_still(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    desk.pass_time(hours=73)
    desk.process()
    desk.pass_time(hours=73)
    desk.process()
    assert "were given up" in (before := listed(desk)["remark"])
    desk.gateway("hooks", "try", "case-files", "--since", (desk.now - timedelta(hours=1)).isoformat())
    desk.process()
    with receiver.up():
        posting.post(folder, set())
    desk.process()
    assert receiver.types() == ["hook.tried"]
    assert listed(desk)["remark"] == before
    desk.gateway("hooks", "try", "case-files")
    desk.process()
    with receiver.up():
        posting.post(folder, set())
    desk.process()
    assert "file.accepted" in receiver.types()
    assert listed(desk)["state"] == "well"


def test_a_message_given_up_right_before_a_power_cut_is_sent_again(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    desk.pass_time(hours=73)
    (path,) = folder.glob("*.json")
    with desk.registry.read() as session:
        before = hooks.find(session, "case-files").model_dump()
    desk.process()
    with desk.registry.write() as session:  # Of the round only what it wrote to the disk is left.
        row = hooks.find(session, "case-files")
        for name in ("entry", "looked_at", "lost_since"):
            setattr(row, name, before[name])
        session.add(row)
        log.record_changes(session, desk.now)
    (folder / "done" / path.stem).write_bytes(b"given up")
    desk.process()
    with receiver.up():
        assert posting.post(folder, set()) == 1


def test_data_is_told_when_it_is_due_soon_and_when_it_is_late_once_each(
    desk: Desk, receiver: Receiver
) -> None:
    desk.now = TERM_TIME
    desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    folder = hooked(desk, receiver, "data.due", "data.late")
    with receiver.up():
        for _ in range(100):
            desk.pass_time(days=1)
            desk.process()
            posting.post(folder, set())
    assert {"data.due", "data.late"} == set(receiver.types())
    told = [(one["type"], one["data"]["data_type"], one["data"]["due"]) for one in receiver.taken]
    assert len(told) == len(set(told))
    for kind, data_type, due in told:
        (at,) = {
            one["timestamp"] for one in receiver.taken if one["type"] == kind and one["data"]["due"] == due
        }
        left = date.fromisoformat(due) - datetime.fromisoformat(at).date()
        assert left == (timedelta(days=7) if kind == "data.due" else timedelta(days=-1)), data_type


def first_told_of_oak(desk: Desk, receiver: Receiver, event: str) -> tuple[Path, set[str]]:
    """Let days of term pass until the first messages of the event wait: their folder and ids."""
    desk.now = TERM_TIME
    desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    folder = hooked(desk, receiver, event)
    while not list(folder.glob("*.json")):
        desk.pass_time(days=1)
        desk.process()
    return folder, {path.stem for path in folder.glob("*.json")}


def test_data_due_whose_message_was_given_up_is_told_once_it_is_asked_for(
    desk: Desk, receiver: Receiver
) -> None:
    folder, due = first_told_of_oak(desk, receiver, "data.due")
    for _ in range(4):
        desk.pass_time(days=1)
        desk.process()
    assert "were given up" in listed(desk)["remark"]
    desk.gateway("hooks", "try", "case-files")
    desk.process()
    assert due <= {path.stem for path in folder.glob("*.json")}


def test_data_late_whose_message_was_given_up_is_told_though_the_next_is_due_by_then(
    desk: Desk, receiver: Receiver
) -> None:
    folder, late = first_told_of_oak(desk, receiver, "data.late")
    for days in (2, 2, 120):
        desk.pass_time(days=days)
        desk.process()
    for path in folder.glob("*.json"):
        path.unlink()
    desk.gateway("hooks", "try", "case-files")
    desk.process()
    assert late <= {path.stem for path in folder.glob("*.json")}


def test_a_batch_that_another_system_did_not_acknowledge_is_told_once(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "hand_on.late")
    with desk.registry.write() as session:
        session.add(
            HandOnBatchRow(
                hand_on="casework", number=1, team=TEAM, target="t", owed_at=desk.now, made_at=desk.now,
                sent_at=desk.now, due_at=desk.now + timedelta(hours=1),
            )
        )  # fmt: skip
        log.record_changes(session, desk.now)
    desk.process()
    assert list(folder.glob("*.json")) == []
    desk.pass_time(hours=2)
    with receiver.up():
        for _ in range(3):
            desk.process()
            posting.post(folder, set())
    assert [one["data"]["batch"] for one in receiver.taken] == ["casework-000001"]


def test_whatever_a_captured_courier_puts_among_its_notes_the_round_goes_on(
    desk: Desk, receiver: Receiver, tmp_path: Path
) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    kept = tmp_path / "kept"
    kept.write_text("of the inside")
    os.mkfifo(folder / "done" / "trouble")
    (folder / "done" / "000000000009_x").symlink_to(kept)
    (folder / "done" / "000000000008_x").mkdir()
    sent(desk)
    assert kept.read_text() == "of the inside"
    assert not (folder / "done" / "000000000009_x").is_symlink()
    assert len(list(folder.glob("*.json"))) == 1


def test_two_people_add_a_hook_with_an_address_that_can_be_posted_to(
    desk: Desk, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("hooks", "add", "case-files", "--event", "file.accepted", "--why", "the case system")

    def add(who: str, address: str = receiver.address, *more: str, code: int = 0) -> str:
        monkeypatch.setenv("GATEWAY_ADMIN", who)
        return desk.gateway(*asked, "--address", address, *more, code=code)

    for wrong in (
        "https://me:secret@cases.example.gov.uk/",  # pragma: allowlist secret
        "http://cases.example.gov.uk/", "https://cases example/",
        "https://a..b/x", "https://./x", f"https://{'a' * 64}.example/", "https://a.example:99999/",
        "https://[:::]/", "https:///gateway", "cases.example.gov.uk", "https://cases.example.gov.uk/#part",
    ):  # fmt: skip
        assert "an address is like" in add("ann", wrong, code=2)
    add("ann", receiver.address, "--team", "none-such", code=1)
    held = ("--event", "file.held", "--team", "central-data-team")
    assert "held is no team's yet" in add("ann", receiver.address, *held, code=1)
    assert "waits for a second person" in add("ann")
    assert "waits for a second person" in add("ben", receiver.address + "&other")
    for event in desk.events("hooks"):  # Two digests with one equal half can be prepared.
        assert re.match(r"case-files [0-9a-f]{64}\b", event.note or "")
    assert "told from now on" in add("ben")
    assert listed(desk)["address"] == receiver.address.partition("/gateway")[0]
    assert "remove it first" in add("ann", code=1)
    desk.process()
    assert (desk.home.hooks / "case-files" / "hook.toml").exists()
    desk.gateway("hooks", "remove", "case-files", "--why", "replaced")
    desk.process()
    assert list(desk.home.hooks.iterdir()) == []
    assert {"hook-added", "hook-removed"} <= set(desk.kinds("hooks"))
    desk.gateway("hooks", "try", "case-files", code=1)


def test_each_command_of_the_guide_does_what_it_says(desk: Desk, receiver: Receiver, tmp_path: Path) -> None:
    keygen, adding, trying, public = re.findall(r"^```sh\n(.+?)^```", SECTION, re.MULTILINE | re.DOTALL)
    known = {
        **os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "GATEWAY_HOME": str(desk.home.root),
    }  # fmt: skip

    def run(script: str, who: str = "ann") -> str:
        return subprocess.run(
            ["bash", "-ec", script], env=known | {"GATEWAY_ADMIN": who}, cwd=tmp_path, check=True,
            capture_output=True, text=True,
        ).stdout  # fmt: skip

    for path in (receiver.key, Path(f"{receiver.key}.pub")):
        path.unlink()
    run(keygen)
    receiver.receive = receiver.program()
    adding = f"{adding.rstrip()} <<< {shlex.quote(receiver.address)}"
    assert "waits for a second person" in run(adding)
    run(adding, "ben")
    assert "case-files" in run(trying)
    desk.process()
    with receiver.up():
        posting.post(desk.home.hooks / "case-files", set())
    assert receiver.types() == ["hook.tried"]
    assert re.fullmatch(r"whpk_[A-Za-z0-9+/]{43}=\n", run(public))


def test_a_hook_without_news_is_not_written_to(desk: Desk, receiver: Receiver) -> None:
    hooked(desk, receiver, "file.accepted")
    with desk.registrar() as registrar:
        found = HookRound(registrar)
        found.tend(registrar)
        with statements() as seen:
            found.tend(registrar)
    assert not [one for one in seen if not one.lstrip().startswith(("SELECT", "BEGIN", "PRAGMA"))]


def test_nothing_is_posted_for_a_key_of_another_kind(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    asyncssh.generate_private_key("ecdsa-sha2-nistp256").write_private_key(receiver.key)
    with receiver.up():
        tried(desk, folder)
    assert receiver.asked == []
    assert "no usable key" in listed(desk)["remark"]


def test_an_address_that_is_not_reached_is_told(desk: Desk, receiver: Receiver) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    with pytest.raises(httpx.ConnectError):
        posting.post(folder, set())
    desk.process()
    assert listed(desk)["remark"] == "the address is not reached"


def test_an_address_of_no_host_is_told_and_tried_again(
    desk: Desk, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    folder = hooked(desk, receiver, "file.accepted")
    sent(desk)
    (folder / "hook.toml").write_text(f'address = "https://a..b/secret"\nkey_file = "{receiver.key}"\n')
    stop = threading.Event()
    thread = threading.Thread(
        target=posting.run, args=(desk.home.hooks, stop), kwargs={"pause_seconds": 0.05}
    )
    thread.start()
    try:
        until(lambda: caplog.text.count("does not take every message now: ") > 1, "another try")
    finally:
        stop.set()
        thread.join(60)
    assert "a..b" not in caplog.text
    desk.process()
    assert listed(desk)["remark"] == "the address is not reached"


def test_a_thread_that_cannot_be_started_is_started_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "case-files").mkdir()
    (tmp_path / "case-files" / "hook.toml").touch()
    served, stop, refusals = list[Path](), threading.Event(), iter([True])

    class Limited(threading.Thread):
        def start(self) -> None:
            if next(refusals, False):
                raise RuntimeError("can't start new thread")
            super().start()

    monkeypatch.setattr(threading, "Thread", Limited)

    def giving(folder: Path) -> Callable[[], None]:
        served.append(folder)
        return stop.set

    service.serve_each(tmp_path, "hook.toml", giving, said="{}: not now", stop=stop, pause_seconds=0.01)
    assert served == [tmp_path / "case-files"]
