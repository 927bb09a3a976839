"""A watched folder into which others write: slowly, with pauses, anew, under other names."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.cli.send_keys import Display
from gateway.samples import make, school
from gateway.send.files import InUse, make_anew, unwritten
from gateway.send.kit import Kit
from gateway.send.passphrases import Passphrases
from gateway.send.sending import KitAtWork
from gateway.send.watching import Stillness, WatchedFolder
from gateway.verify.verify_files import verify_receipt_files
from tests.content import core_data
from tests.send import many
from tests.send.office import Office
from tests.site import Site
from tests.waiting import until

Lock = Callable[[object, int], object]
_ASKS = """
import sys
from pathlib import Path
from gateway.send import files
try:
    with files.unwritten(Path(sys.argv[1])):
        pass
except files.InUse as error:
    print(error)
"""

MANY = 120  # Fifty at a time; `make nightly` sends three hundred.


@pytest.fixture(scope="module")
def oak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.running() as services:
        yield Office(site, "oak", services.intake, site.root / "oak")


def watched(
    office: Office, folder: Path, tell: Callable[[str], None], stillness: Stillness | None = None
) -> WatchedFolder:
    sender = KitAtWork(Kit(office.kit), Passphrases(office.name, office.passphrase, None), Display())
    return WatchedFolder(sender, folder, stillness or Stillness(0, time.monotonic), tell=tell)


@pytest.mark.long
def test_a_file_that_a_paused_writer_has_open_is_neither_sent_nor_moved(oak: Office) -> None:
    """Half of a list of pupils is a whole list of half of them: only the system knows that more comes."""
    folder = oak.root / "paused"
    folder.mkdir()
    whole = make_list(41)
    half = whole[: whole.index(b"\n", len(whole) // 2) + 1]
    told: list[str] = []
    stop = threading.Event()
    with (folder / "pupils.csv").open("wb") as writer:
        writer.write(half)
        writer.flush()
        (folder / "other.xml").write_bytes(core_data(seed=42))
        watching = watched(oak, folder, told.append)
        thread = threading.Thread(target=watching.run, args=(stop,))
        thread.start()
        try:
            until(lambda: (folder / "sent" / "other.xml").exists() or None, "the other file")
            assert (folder / "pupils.csv").read_bytes() == half
            writer.write(whole[len(half) :])
            writer.close()
            until(lambda: (folder / "sent" / "pupils.csv").exists() or None, "the whole file")
        finally:
            stop.set()
            thread.join(60)
    assert (folder / "sent" / "pupils.csv").read_bytes() == whole
    assert [line for line in told if line.startswith("pupils.csv: not taken")] == [
        "pupils.csv: not taken: somebody has it open to write to; it is taken once it is closed"
    ]
    digests = {one["state"] for one in oak.transfers()}
    assert digests == {"accepted"}
    assert len(oak.transfers()) == 2, "no half was sent"


def test_what_was_changed_after_it_was_sent_is_not_moved_and_is_sent_as_well(oak: Office) -> None:
    folder = oak.root / "changed"
    folder.mkdir()
    first, second = core_data(seed=43), core_data(seed=44)
    (folder / "core.xml").write_bytes(first)
    told: list[str] = []
    watching = watched(oak, folder, told.append)
    hand_over = KitAtWork.hand_over

    def written_meanwhile(self: KitAtWork, *arguments: object) -> None:
        hand_over(self, *arguments)  # type: ignore[arg-type]
        if (folder / "core.xml").read_bytes() == first:
            (folder / "new.tmp").write_bytes(second)
            (folder / "new.tmp").rename(folder / "core.xml")

    before = len(oak.transfers())
    KitAtWork.hand_over = written_meanwhile  # type: ignore[method-assign]
    try:
        watching.run(threading.Event(), once=True)
    finally:
        KitAtWork.hand_over = hand_over  # type: ignore[method-assign]
    assert (folder / "sent" / "core.xml").read_bytes() == second
    assert len(oak.transfers()) == before + 2
    assert len(list((folder / "sent").glob("core.xml.*.json"))) == 2, "a receipt for each"
    assert any("was changed since" in line for line in told)


def test_a_name_that_programs_use_while_they_write_waits_for_its_rename(oak: Office) -> None:
    folder = oak.root / "named"
    folder.mkdir()
    (folder / "core.xml.part").write_bytes(core_data(seed=45))
    watching = watched(oak, folder, lambda _: None)
    watching.run(threading.Event(), once=True)
    assert (folder / "core.xml.part").exists()
    (folder / "core.xml.part").rename(folder / "core.xml")
    watching.run(threading.Event(), once=True)
    assert (folder / "sent" / "core.xml").exists()


@pytest.mark.long
@pytest.mark.timeout(600)
def test_more_than_a_batch_at_once_are_finished_in_order_and_counted(oak: Office) -> None:
    folder = oak.root / "many"
    folder.mkdir()
    names = [f"core {number:03}.xml" for number in reversed(range(MANY))]
    for number, name in enumerate(names):
        (folder / name).write_bytes(core_data(seed=1_000 + number, pupils=1))
    told: list[str] = []
    before = len(oak.transfers())
    watched(oak, folder, told.append).run(threading.Event(), once=True)
    assert [path for path in folder.iterdir() if path.is_file()] == []
    assert len(list((folder / "sent").glob("*.xml"))) == MANY
    assert len(oak.transfers()) == before + MANY
    assert told[-1].endswith(f"({MANY} of {MANY})")
    sent = [line.partition(":")[0] for line in told]
    for start in range(0, MANY, 50):  # Those of one batch are decided at once, in any order.
        assert sorted(sent[start : start + 50]) == sorted(names[start : start + 50])
    certificate = oak.site.certificate.encode()
    receipt = next((folder / "sent").glob("core 007.xml.*.json"))
    assert all(verdict.good for verdict in verify_receipt_files([receipt], certificate))


@pytest.mark.long
def test_a_nightly_export_is_sent_whole_while_kit_and_gateway_are_killed(tmp_path: Path) -> None:
    """Each way of writing three times; `make nightly` has 300 files."""
    many.run(tmp_path, files=30, kills=4, seed=3)


@pytest.mark.long
def test_what_seems_cut_off_waits_for_its_rest_and_is_refused_in_the_end(oak: Office) -> None:
    folder = oak.root / "cut"
    folder.mkdir()
    whole, told = make_list(46), list[str]()
    half = whole[: whole.rindex(b",")]
    (folder / "pupils.csv").write_bytes(half)
    stillness = Stillness(0.5, time.monotonic)

    def tell(line: str) -> None:
        told.append(line)
        if "cut off" in line and len(told) == 1:
            with (folder / "pupils.csv").open("ab") as file:
                file.write(whole[len(half) :])

    watching = watched(oak, folder, tell, stillness)
    watching.run(threading.Event(), once=True)
    assert (folder / "sent" / "pupils.csv").read_bytes() == whole
    (folder / "never.csv").write_bytes(half)
    watching.run(threading.Event(), once=True)
    assert (folder / "refused" / "never.csv").read_bytes() == half
    assert "The last line of the file has no end" in (folder / "refused" / "never.csv.why.txt").read_text()


@pytest.mark.parametrize("lock", [fcntl.flock, fcntl.lockf])
def test_the_system_is_asked_whether_somebody_has_locked_it(tmp_path: Path, lock: Lock) -> None:
    """Another process: locks of fcntl are a process's."""
    file = tmp_path / "locked.csv"
    file.touch()
    with file.open("r+") as locked:
        lock(locked, fcntl.LOCK_EX)
        asked = subprocess.run(
            [sys.executable, "-c", _ASKS, file], capture_output=True, text=True, check=True
        )
    assert asked.stdout == "somebody has locked it\n"


def test_the_system_is_asked_whether_somebody_writes(tmp_path: Path) -> None:
    file = tmp_path / "open.csv"
    with file.open("w") as writer:
        writer.write("a")
        with pytest.raises(InUse), unwritten(file):
            pass
    with file.open(), unwritten(file) as (source, told):
        assert (source.read(), told) == (b"a", True), "readers are no matter"


def test_where_the_system_cannot_tell_a_file_has_to_be_still_for_longer(tmp_path: Path) -> None:
    seconds = [0.0]
    stillness = Stillness(5, lambda: seconds[0])
    file = tmp_path / "far.csv"
    file.write_text("a")
    stillness.still([file])
    seconds[0] = 5
    assert stillness.still([file]) == [file]
    assert (stillness.is_sure(file, told=True), stillness.is_sure(file, told=False)) == (True, False)
    seconds[0] = 60
    assert stillness.still([file]) == [file]
    assert stillness.is_sure(file, told=False)


def make_list(seed: int) -> bytes:
    rng = random.Random(seed)
    return make("student-core", "csv-aliases", rng=rng, school=school(rng, 1), pupils=30)


def test_a_file_that_two_runs_write_at_once_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, sync = tmp_path / "settings.toml", os.fsync
    killed = tmp_path / f".{hashlib.sha256(file.name.encode()).hexdigest()[:16]}.new"
    killed.touch()
    os.utime(killed, (0, 0))

    def meanwhile(descriptor: int) -> None:
        monkeypatch.setattr(os, "fsync", sync)
        make_anew(file, b"of the other run")
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", meanwhile)
    make_anew(file, b"of this run")
    assert file.read_bytes() == b"of this run"
    assert list(tmp_path.iterdir()) == [file]
