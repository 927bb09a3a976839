"""A file stands in the spool until its decision commits; one that takes longer is landed on record before."""

from __future__ import annotations

import errno
import json
import os
import threading
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from gateway.examiner.protocol import FileLost
from gateway.passage import Examination, conclude, examine
from gateway.processor import claim, loop
from gateway.processor.loop import Watch
from gateway.processor.service import open_processor
from gateway.record.conclude import assignments
from gateway.record.registrar import Registrar
from gateway.store.of_home import SealedFolder
from gateway.zones.spool import Spool, waiting
from tests.clock import THIS_YEAR, Seconds
from tests.content import core_data
from tests.processor.test_turns import file
from tests.workshop import Desk


def endings(desk: Desk, reference: str) -> list[str]:
    return [path.suffix for path in desk.receipts("oak", f"*.{reference}.*")]


def test_a_file_has_one_entry_and_one_receipt(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claim, "A_MOMENT_SECONDS", 600.0)
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), core_data())
    desk.process()
    assert desk.state(sent) == "accepted"
    (entry,) = desk.events(sent)
    fields = json.loads(entry.leaf)["fields"]
    upload = desk.transfer(sent).upload
    assert (fields["folder"], fields["key"], fields["sha256"]) == ("in", upload.ssh_key, upload.sha256)
    told = {table for table, _, _ in json.loads(entry.rows or "")["rows"]}
    assert {"transfer", "reason", "delivery", "receipt"} <= told
    assert endings(desk, sent) == [".json", ".txt"]
    assert list(waiting(desk.home.spool)) == []
    verified = desk.gateway(
        "receipts", "verify", str(desk.receipts("oak", f"*.{sent}.json")[0]), "--gateway-key",
        str(desk.home.published.common / "keys" / "gateway.asc"),
    )  # fmt: skip
    assert "vouches for all that the gateway put on record of it" in verified
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def test_what_may_not_be_durable_in_the_store_stays_in_the_spool(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = desk.land(desk.provider("oak"), b"sealed")
    with desk.registrar() as registrar:
        failing = claim.Claim(registrar)
        with monkeypatch.context() as broken:
            broken.setattr(SealedFolder, "settle", Mock(side_effect=OSError(errno.EIO, "Input/output error")))
            failing.take([sent])
        assert [str(one) for one in failing.faults] == [
            "the sealed store cannot be written: Input/output error"
        ]
        assert (desk.state(sent), list(waiting(desk.home.spool))) == ("", [sent])
        again = claim.Claim(registrar)
        again.take([sent])
        assert (again.faults, desk.state(sent), list(waiting(desk.home.spool))) == ([], "landed", [])


@pytest.mark.parametrize(("minutes", "is_intakes"), [(0, True), (9, True), (11, False)])
def test_intakes_time_of_landing_counts_unless_it_is_ten_minutes_from_the_kernels(
    desk: Desk, minutes: float, is_intakes: bool
) -> None:
    sent, landed_at = desk.land(desk.provider("oak"), b"sealed"), desk.now
    desk.pass_time(minutes=minutes)
    with desk.registrar() as registrar:
        claim.Claim(registrar).take([sent])
    found = desk.transfer(sent).upload.landed_at
    assert (found == landed_at) is is_intakes
    assert is_intakes or desk.now - timedelta(minutes=1) < found <= desk.now


def test_an_upload_that_cannot_be_read_is_a_fault_and_holds_up_no_other(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak, read = desk.provider("oak"), claim.read_handed_over
    bad, good = desk.land(oak, b"one"), desk.land(oak, b"two")

    def fails(spool: Spool, reference: str) -> object:
        if reference == bad:
            raise OSError(errno.EIO, "Input/output error")
        return read(spool, reference)

    monkeypatch.setattr(claim, "read_handed_over", fails)
    with desk.registrar() as registrar:
        failing = claim.Claim(registrar)
        failing.take([bad, good])
    assert [str(one) for one in failing.faults] == ["the spool cannot be read: Input/output error"]
    assert (desk.state(bad), desk.state(good)) == ("", "landed")
    assert list(waiting(desk.home.spool)) == [bad]


def test_where_the_file_system_tells_of_no_holes_a_file_has_none(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, seek = desk.land(desk.provider("oak"), b"sealed"), os.lseek

    def tells_nothing(descriptor: int, place: int, how: int) -> int:
        if how == os.SEEK_HOLE:
            raise OSError(errno.EINVAL, "no such thing")
        return seek(descriptor, place, how)

    monkeypatch.setattr(os, "lseek", tells_nothing)
    with desk.registrar() as registrar:
        claim.Claim(registrar).take([sent])
    assert desk.state(sent) == "landed"


def test_an_upload_and_a_look_for_receipts_wake_the_processor(tmp_path: Path) -> None:
    woken = threading.Event()
    with closing(Watch(tmp_path, woken.set)) as watch:
        watch.renew()
        (tmp_path / "half.part").touch()
        assert not woken.wait(0.2)
        for appears in (
            lambda: (tmp_path / "half.part").rename(tmp_path / "one.landed"),
            (tmp_path / "two.landed").touch,
            (tmp_path / "oak.asked").touch,
        ):
            appears()
            assert woken.wait(10)
            woken.clear()


def test_a_watch_that_the_system_refuses_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def told() -> int:
        return caplog.text.count("the spool cannot be watched (No space left on device)")

    with closing(Watch(tmp_path, lambda: None)) as watch:
        with monkeypatch.context() as none_left:
            refused = Mock(side_effect=OSError(errno.ENOSPC, "No space left on device"))
            none_left.setattr("watchdog.observers.inotify.InotifyWatchGroup", refused)
            watch.renew()
            watch.renew()
            assert (refused.call_count, told()) == (2, 1)
        watch.renew()
        (tmp_path / "one.landed").touch()


def test_a_decided_upload_that_stays_in_the_spool_is_told_as_a_fault(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(claim, "A_MOMENT_SECONDS", 600.0)
    removals = Mock(side_effect=[OSError(errno.EIO, "Input/output error"), None])
    monkeypatch.setattr(claim, "take_away", removals)
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), core_data())
    desk.process()
    assert desk.state(sent) == "accepted"
    assert "the spool cannot be emptied: Input/output error; it is tried again" in caplog.text
    assert removals.call_count == 2


def test_one_that_takes_longer_is_told_before_that_it_has_landed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "A_MOMENT_SECONDS", -1.0)
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), core_data())
    desk.process()
    assert desk.state(sent) == "accepted"
    assert [event.kind for event in desk.events(sent)] == ["landed", "decided"]
    assert endings(desk, sent) == [".json", ".landed", ".txt"]
    assert list(waiting(desk.home.spool)) == []
    assert "everything fits" in desk.gateway("log", "verify", "--sealed")


def test_many_together_have_an_entry_each_that_vouches_for_its_own_rows(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "A_MOMENT_SECONDS", 600.0)
    oak = desk.provider("oak", years=THIS_YEAR)
    sent = [desk.send(oak, core_data(seed), f"{seed}.xml.pgp") for seed in range(1, 5)]
    desk.process()
    for reference in sent:
        (entry,) = desk.events(reference)
        rows = json.loads(entry.rows or "")["rows"]
        mine = str(desk.transfer(reference).sequence)
        assert [key for table, key, _ in rows if table == "transfer"] == [f"[{mine}]"]
        assert {json.loads(key)[0] for table, key, _ in rows if table == "reason"} == {int(mine)}
    assert "everything fits" in desk.gateway("log", "verify")


def test_the_file_that_landed_last_replaces_others_whichever_is_decided_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claim, "A_MOMENT_SECONDS", 600.0)
    oak, sent = desk.provider("oak", years=THIS_YEAR), list[str]()
    for _ in range(2):
        sent.append(desk.send(oak, core_data(len(sent))))
        desk.pass_time(seconds=1)
    with desk.registrar() as registrar, closing(desk.children.lent(desk.home)) as examiners:
        progress = claim.InProgress(lambda: 0.0)
        claim.claim_waiting(registrar, progress=progress)
        for one in assignments(registrar, sent[::-1], desk.now, progress.uploads):
            found = examine(one, examiners.mine().examine, desk.now)
            conclude(registrar, [replace(found, upload=one.upload)])
    first, last = (desk.receipts("oak", f"*.{one}.txt")[0].read_text() for one in sent)
    assert f"stands instead of this one: {sent[1]}" in " ".join(first.split())
    assert "This file replaces" not in first + last
    shown = json.loads(desk.gateway("transfers", "show", sent[1], "--json"))
    assert (shown["replaces"], shown["superseded_by"]) == (sent[0], None)


def test_a_file_is_given_longer_for_each_file_before_it_until_it_is_landed() -> None:
    now = [0.0]
    progress = claim.InProgress(lambda: now[0])
    progress.add({f"there-{number}": file("oak", number).upload for number in range(20)})
    now[0] = 2.05
    assert set(progress.late()) == {f"there-{number}" for number in range(10)}
    assert set(progress.late(all_of_them=True)) == set(progress.in_spool.values())
    progress.take_out([file("oak", number).upload.reference for number in range(10)])
    assert not progress.late()  # Those before it are decided, at the rate that was expected.


def test_however_long_the_queue_a_file_is_landed_after_half_a_minute() -> None:
    now = [0.0]
    progress = claim.InProgress(lambda: now[0])
    progress.add({f"there-{number}": file("oak", number).upload for number in range(2000)})
    now[0] = 30.9
    assert len(progress.late()) < 300
    now[0] = 31.1
    assert len(progress.late()) == 2000


def test_a_file_whose_outcome_cannot_be_recorded_three_times_is_held_for_a_person(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent, record = desk.send(desk.provider("oak", years=THIS_YEAR), core_data()), loop.conclude

    def fails(registrar: Registrar, examined: list[Examination]) -> Any:
        if any(not isinstance(one.examined, FileLost) for one in examined):
            raise RuntimeError("no row takes it")
        return record(registrar, examined)

    monkeypatch.setattr(loop, "conclude", fails)
    hours, states = Seconds(), list[str]()
    back_off = claim.BackOff(5, hours)
    for _ in range(3):
        with open_processor(desk.home, desk.clock, examiners=desk.children.lent) as processor:
            processor._back_off = back_off
            processor.drain()
        states.append(desk.state(sent))
        hours.now += 3600
    assert states == ["landed", "landed", "held"]
    assert desk.codes(sent) == ["internal:held"]
