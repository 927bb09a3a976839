"""Batches are pushed to a system's SFTP server by the courier, which knows nothing of the inside."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import asyncssh
import paramiko
import pytest

from gateway.acts.handon import make
from gateway.courier import pushing, service
from gateway.examiner.parent import Examiners
from gateway.processor import handing_on
from gateway.processor.claim import SideJobs
from gateway.processor.handing_on import HandingOn
from gateway.registry import hand_ons, log
from tests.hand_on.nights import CONTENT, NIGHTLY, declare, place, rows, sent, values
from tests.hand_on.system import System
from tests.hand_on.test_following import restrict
from tests.waiting import until
from tests.workshop import Desk

pytestmark = pytest.mark.long

BATCH = "casework-000001"


@pytest.fixture
def system(tmp_path: Path) -> System:
    return System(tmp_path)


@pytest.fixture
def owed(desk: Desk, system: System) -> str:
    """A file whose batch waits to be pushed."""
    with desk.home.settings.open("a") as settings:
        settings.write(f'\n[hand_on]\nkey_file = "{system.user_key}"\n')
    server = f'[hand_on.sftp]\nhost = "127.0.0.1"\nport = {system.port}\nuser = "gateway"\nfolder = "/in"\n'
    (system.folder / "in").mkdir()
    text = NIGHTLY.replace("[[hand_on.file]]", f'{server}host_key = "{system.pinned}"\n\n[[hand_on.file]]', 1)
    return sent(desk, text)


def names(system: System) -> list[str]:
    return sorted(path.name for path in (system.folder / "in").iterdir())


def expected(reference: str) -> list[str]:
    files = (f"{what}_9994001_{reference}.csv" for what in ("addresses", "contacts", "pupils"))
    return sorted([*files, f"{BATCH}.json", f"{BATCH}.json.asc"])


def test_a_batch_is_pushed_whole_and_nothing_of_it_stays_here(desk: Desk, system: System, owed: str) -> None:
    assert not list(system.folder.glob("in/*"))
    with system.up():
        assert pushing.push(place(desk).parent) == 1
        assert pushing.push(place(desk).parent) == 0
    assert names(system) == expected(owed)
    assert [one["UPN"] for one in rows(system.folder / "in", "pupils")] == values(CONTENT, "UPN")
    desk.process()
    assert list(place(desk).iterdir()) == []
    (event,) = [one for one in desk.events(owed) if one.kind == "collected"]
    assert json.loads(event.leaf)["fields"]["key"] == system.host_key.get_fingerprint()


def test_a_child_who_is_marked_before_a_push_is_not_pushed(desk: Desk, system: System, owed: str) -> None:
    restrict(desk)
    desk.process()
    with system.up():
        assert pushing.push(place(desk).parent) == 1
    assert [one["UPN"] for one in rows(system.folder / "in", "pupils")] == values(CONTENT, "UPN")[1:]


def stood_still(desk: Desk, seconds: float = 60) -> None:
    """The processor has not looked for so long."""
    told = place(desk).with_name("server.toml")
    os.utime(told, (time.time() - seconds,) * 2)


def test_while_the_processor_stands_still_nothing_is_pushed(desk: Desk, system: System, owed: str) -> None:
    restrict(desk)
    with system.up():
        for seconds in (60, -60):  # Its clock may have been set back since.
            stood_still(desk, seconds)
            assert pushing.push(place(desk).parent) == 0
        assert names(system) == []
        desk.process()
        assert pushing.push(place(desk).parent) == 1
    assert [one["UPN"] for one in rows(system.folder / "in", "pupils")] == values(CONTENT, "UPN")[1:]


def test_a_processor_that_stands_still_during_a_push_ends_it_before_the_manifest(
    desk: Desk, system: System, owed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = paramiko.SFTPClient.putfo

    def put_then_stood_still(sftp: paramiko.SFTPClient, *arguments: Any) -> Any:
        done = put(sftp, *arguments)
        stood_still(desk)
        return done

    monkeypatch.setattr(paramiko.SFTPClient, "putfo", put_then_stood_still)
    nothing = SimpleNamespace(monotonic=time.monotonic)  # A stop would wait with it.
    monkeypatch.setattr(service, "time", nothing, raising=False)
    with system.up():
        assert pushing.push(place(desk).parent) == 0
    assert [name for name in names(system) if not name.endswith(".part")] == []
    assert not list(place(desk).with_name("done").iterdir())


def test_a_push_before_a_child_was_marked_is_on_record_also_where_nobody_had_noted_it(
    desk: Desk, system: System, owed: str
) -> None:
    with system.up():
        assert pushing.push(place(desk).parent) == 1
        restrict(desk)
        desk.process()
        assert pushing.push(place(desk).parent) == 1
    desk.process()
    (event,) = [one for one in desk.events("casework") if one.kind == "noted"]
    assert event.note == f"{BATCH} was sent before it was made anew, with what it lacks since"
    assert json.loads(desk.gateway("handon", "list", "--json"))[0]["state"] == "sent"


def test_a_host_that_leads_once_more_pushes_nothing_of_its_earlier_term(
    desk: Desk, system: System, owed: str
) -> None:
    with desk.registrar() as registrar, closing(Examiners(desk.home)) as examiners:
        jobs = SideJobs(0, lambda _: None, lambda: None)
        found = HandingOn(registrar, examiners, jobs)
        found.tend(registrar, 0, time.time(), at_once=True)
        assert place(desk).is_dir()
        found.tend(registrar, 1, time.time(), at_once=True)
        assert not place(desk).exists()
    desk.process()
    assert len(list(place(desk).iterdir())) == 5


@pytest.mark.parametrize("marked", [False, True])
def test_what_a_former_leader_has_pushed_is_on_record_before_its_folders_are_emptied(
    desk: Desk, system: System, owed: str, *, marked: bool
) -> None:
    with system.up():
        assert pushing.push(place(desk).parent) == 1
    if marked:
        restrict(desk)
    with desk.registrar() as registrar, closing(Examiners(desk.home)) as examiners:
        HandingOn(registrar, examiners, SideJobs(0, lambda _: None, lambda: None)).withdraw(registrar)
    assert list(desk.home.hand_on.iterdir()) == []
    assert json.loads(desk.gateway("handon", "list", "--json"))[0]["state"] == ("owed" if marked else "sent")
    assert len([one for one in desk.events("casework") if one.kind == "noted"]) == marked


def test_a_courier_that_is_killed_midway_loses_and_doubles_nothing(
    desk: Desk, system: System, owed: str
) -> None:
    """It is killed with SIGKILL while the second of the files is on its way."""
    command = [sys.executable, "-m", "gateway", "serve", "courier", "--home", str(desk.home.root)]
    system.hanging = "contacts_"
    with system.up():
        courier = subprocess.Popen(command)
        assert system.hangs.wait(60)
        courier.send_signal(signal.SIGKILL)
        courier.wait()
        assert f"{BATCH}.json" not in names(system)
        assert any(name.endswith(".part") for name in names(system))
        system.hanging = ""
        desk.process()  # A processor is at work all the time.
        courier = subprocess.Popen(command)
        try:
            until(lambda: f"{BATCH}.json" in names(system), "the manifest")
        finally:
            courier.terminate()
            assert courier.wait(60) == 0
    assert names(system) == expected(owed)
    for one in json.loads((system.folder / "in" / f"{BATCH}.json").read_text())["files"]:
        data = (system.folder / "in" / one["name"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == one["sha256"]
    desk.process()
    assert desk.kinds(owed).count("collected") == 1


def test_a_server_with_another_host_key_gets_nothing_and_it_is_told(
    desk: Desk, system: System, owed: str
) -> None:
    system.host_key = asyncssh.generate_private_key("ssh-ed25519")
    with system.up(), pytest.raises(paramiko.BadHostKeyException):
        pushing.push(place(desk).parent)
    assert names(system) == []
    desk.process()
    assert "another host key" in desk.gateway("handon", "list", "--json")


def test_a_server_with_a_host_key_of_another_kind_gets_nothing(desk: Desk, system: System, owed: str) -> None:
    system.host_key = asyncssh.generate_private_key("ecdsa-sha2-nistp256")
    with system.up(), pytest.raises(paramiko.SSHException):
        pushing.push(place(desk).parent)
    assert names(system) == []


def test_a_batch_that_waits_while_another_host_key_is_approved_is_on_record_with_that_key(
    desk: Desk, system: System, owed: str
) -> None:
    declared = (desk.home.policies / "hand_ons.toml").read_text()
    before = system.pinned
    system.host_key = asyncssh.generate_private_key("ssh-ed25519")
    declare(desk, declared.replace(before, system.pinned))
    desk.process()
    with system.up():
        assert pushing.push(place(desk).parent) == 1
    keys = [json.loads(one.leaf)["fields"]["key"] for one in desk.events(owed) if one.kind == "collected"]
    assert keys[-1] == system.host_key.get_fingerprint()


def test_that_a_batch_waits_for_another_server_is_under_a_signed_head_at_once(
    desk: Desk, system: System, owed: str
) -> None:
    declared = (desk.home.policies / "hand_ons.toml").read_text()
    declare(desk, declared.replace('user = "gateway"', 'user = "casework"'))
    with desk.registrar() as registrar:
        idle = HandingOn(registrar, Examiners(desk.home), SideJobs(1, lambda _work: None, lambda: None))
        idle._follow_targets(registrar, {one.id: one for one in registrar.catalogue.hand_ons.hand_on})
        with registrar.registry.read() as session:
            (batch,) = hand_ons.batches(session)
            assert batch.made_at is None
            head = log.newest_head(session)
            assert head is not None
            assert log.is_up_to_date(session, head)


def test_a_batch_that_waits_while_stricter_policies_come_into_force_is_made_anew_once_by_them(
    desk: Desk, system: System, owed: str
) -> None:
    assert (place(desk) / f"addresses_9994001_{owed}.csv").exists()
    declared = (desk.home.policies / "hand_ons.toml").read_text()
    desk.pass_time(minutes=1)
    declare(desk, declared[: declared.rindex("[[hand_on.file]]")])
    for _ in range(2):
        desk.pass_time(minutes=1)
        desk.process()
    with system.up():
        assert pushing.push(place(desk).parent) == 1
    assert names(system) == [one for one in expected(owed) if not one.startswith("addresses")]
    assert [one.kind for one in desk.events(owed)].count("collected") == 2


def test_a_batch_that_waits_while_another_server_is_approved_is_listed_with_that_server(
    desk: Desk, system: System, owed: str
) -> None:
    declared = (desk.home.policies / "hand_ons.toml").read_text()
    declare(desk, declared.replace('user = "gateway"', 'user = "casework"'))
    desk.process()
    (batch,) = json.loads(desk.gateway("handon", "list", "--json"))
    assert batch["target"] == f"casework@127.0.0.1:{system.port}"
    assert batch["state"] == "waits"


def test_what_lies_in_a_folder_while_a_server_is_approved_is_pushed_on_record(
    desk: Desk, system: System, owed: str
) -> None:
    declared = (desk.home.policies / "hand_ons.toml").read_text()
    declare(desk, NIGHTLY)
    desk.process()
    (batch,) = json.loads(desk.gateway("handon", "list", "--json"))
    assert (batch["target"], batch["state"]) == ("a folder of the home", "sent")
    declare(desk, declared)
    desk.process()
    (batch,) = json.loads(desk.gateway("handon", "list", "--json"))
    assert (batch["target"], batch["state"]) == (f"gateway@127.0.0.1:{system.port}", "waits")
    with system.up():
        assert pushing.push(place(desk).parent) == 1
    keys = [json.loads(one.leaf)["fields"].get("key") for one in desk.events(owed)]
    assert keys[-1] == system.host_key.get_fingerprint()


def test_a_batch_that_was_pushed_before_another_server_is_approved_is_not_sent_again(
    desk: Desk, system: System, owed: str
) -> None:
    with system.up():
        assert pushing.push(place(desk).parent) == 1
        declared = (desk.home.policies / "hand_ons.toml").read_text()
        declare(desk, declared.replace('user = "gateway"', 'user = "casework"'))
        desk.process()
        assert pushing.push(place(desk).parent) == 0
    (batch,) = json.loads(desk.gateway("handon", "list", "--json"))
    assert (batch["target"], batch["state"]) == (f"gateway@127.0.0.1:{system.port}", "sent")
    assert desk.kinds(owed).count("collected") == 1


def test_a_batch_in_a_folder_acknowledged_before_a_server_is_approved_is_not_pushed(
    desk: Desk, system: System, owed: str
) -> None:
    declared = (desk.home.policies / "hand_ons.toml").read_text()
    declare(desk, NIGHTLY)
    desk.process()
    before = desk.kinds(owed).count("collected")
    (place(desk).with_name("done") / f"{BATCH}.ack").touch()
    declare(desk, declared)
    desk.process()
    (batch,) = json.loads(desk.gateway("handon", "list", "--json"))
    assert (batch["target"], batch["state"]) == ("a folder of the home", "acknowledged")
    assert desk.kinds(owed).count("collected") == before


def test_a_batch_being_made_while_another_host_key_is_approved_is_placed_with_that_key_alone(
    desk: Desk, system: System, owed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    declared = (desk.home.policies / "hand_ons.toml").read_text()
    before = system.pinned
    system.host_key = asyncssh.generate_private_key("ssh-ed25519")
    is_approved = False

    def made_then_approved(*arguments: Any) -> Any:
        nonlocal is_approved
        made = make(*arguments)
        if not is_approved:
            is_approved = True
            declare(desk, declared.replace(before, system.pinned))
            told = place(desk).with_name("server.toml")
            until(lambda: system.pinned in told.read_text(), "the other host key")
        return made

    monkeypatch.setattr(handing_on, "make", made_then_approved)
    desk.gateway("handon", "retry", "casework", "1", "--why", "lost over there")
    desk.process()
    assert is_approved
    keys = [json.loads(one.leaf)["fields"]["key"] for one in desk.events(owed) if one.kind == "collected"]
    assert keys[1:] == [system.host_key.get_fingerprint()]


def test_a_batch_to_be_made_anew_while_another_host_key_is_approved_is_on_record_with_that_key(
    desk: Desk, system: System, owed: str
) -> None:
    declared = (desk.home.policies / "hand_ons.toml").read_text()
    before = system.pinned
    system.host_key = asyncssh.generate_private_key("ssh-ed25519")
    restrict(desk)
    declare(desk, declared.replace(before, system.pinned))
    desk.process()
    with system.up():
        assert pushing.push(place(desk).parent) == 1
    keys = [json.loads(one.leaf)["fields"]["key"] for one in desk.events(owed) if one.kind == "collected"]
    assert keys[1:] == [system.host_key.get_fingerprint()]


@pytest.mark.parametrize("file", ["addresses_", f"{BATCH}.json"])
def test_a_batch_made_anew_while_it_is_pushed_is_pushed_anew(
    desk: Desk, system: System, owed: str, monkeypatch: pytest.MonkeyPatch, file: str
) -> None:
    rename, is_marked = paramiko.SFTPClient.posix_rename, False

    def marked_then_renamed(sftp: paramiko.SFTPClient, old: str, new: str) -> None:
        nonlocal is_marked
        if not is_marked and Path(new).name.startswith(file):
            is_marked = True
            restrict(desk)
            desk.process()
        rename(sftp, old, new)

    monkeypatch.setattr(paramiko.SFTPClient, "posix_rename", marked_then_renamed)
    with system.up():
        with pytest.raises(FileNotFoundError):
            pushing.push(place(desk).parent)
        desk.process()
        assert json.loads(desk.gateway("handon", "list", "--json"))[0]["state"] == "waits"
        assert pushing.push(place(desk).parent) == 1
    assert [one["UPN"] for one in rows(system.folder / "in", "addresses")] == values(CONTENT, "UPN")[1:]
    desk.process()
    assert json.loads(desk.gateway("handon", "list", "--json"))[0]["state"] == "sent"


def test_a_batch_that_another_host_has_sent_meanwhile_is_not_made_again(
    desk: Desk, system: System, owed: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The host led, and stood still while it made the batch."""
    made_at = desk.now + timedelta(minutes=1)

    def made_and_sent_elsewhere(*arguments: Any) -> Any:
        made = make(*arguments)
        with desk.registry.write() as session:
            batch = hand_ons.find(session, "casework", 1)
            batch.made_at = batch.sent_at = made_at
            session.add(batch)
            log.record_changes(session, desk.now)
        return made

    monkeypatch.setattr(handing_on, "make", made_and_sent_elsewhere)
    desk.gateway("handon", "retry", "casework", "1", "--why", "lost over there")
    desk.process()
    with desk.registry.read() as session:
        batch = hand_ons.find(session, "casework", 1)
    assert (batch.made_at, batch.sent_at) == (made_at, made_at)
    assert list(place(desk).iterdir()) == []


def test_a_batch_that_was_never_placed_counts_not_as_sent(desk: Desk, owed: str) -> None:
    shutil.rmtree(place(desk))
    (place(desk).with_name("done") / f"{BATCH}.sent").touch()
    desk.process()
    assert json.loads(desk.gateway("handon", "list", "--json"))[0]["state"] == "waits"
    assert len(list(place(desk).iterdir())) == 5


def test_the_system_acknowledges_with_a_file(desk: Desk, system: System, owed: str) -> None:
    with system.up():
        pushing.push(place(desk).parent)
        desk.process()
        (system.folder / "in" / f"{BATCH}.ack").touch()
        pushing.push(place(desk).parent)
    desk.process()
    assert not list(place(desk).parent.glob("casework-*"))
    assert json.loads(desk.gateway("handon", "list", "--json"))[0]["state"] == "acknowledged"


def test_a_host_that_leads_anew_looks_whether_a_batch_is_acknowledged(
    desk: Desk, system: System, owed: str
) -> None:
    with system.up():
        pushing.push(place(desk).parent)
        desk.process()
        shutil.rmtree(desk.home.hand_on)  # At this host there was none of it.
        desk.process()
        (system.folder / "in" / f"{BATCH}.ack").touch()
        assert pushing.push(place(desk).parent) == 0
    desk.process()
    assert json.loads(desk.gateway("handon", "list", "--json"))[0]["state"] == "acknowledged"


def test_whatever_a_captured_courier_puts_among_its_notes_the_round_goes_on(
    desk: Desk, system: System, owed: str, tmp_path: Path
) -> None:
    notes = place(desk).with_name("done")
    kept = tmp_path / "kept"
    kept.write_text("of the inside")
    os.mkfifo(notes / "trouble")
    (notes / "casework-000009.ack").symlink_to(kept)
    (notes / "casework-000008.sent").mkdir()
    desk.process()
    assert kept.read_text() == "of the inside"
    assert not (notes / "casework-000009.ack").is_symlink()
    assert len(list(place(desk).iterdir())) == 5
