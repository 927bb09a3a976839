"""Disks that are full or may not be written: nothing half-kept, nothing promised, recovery by itself."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gateway.zones.spool import read_handed_over
from tests.faults.conftest import Note
from tests.faults.disks import Disk, disk_over
from tests.faults.invariant import settled
from tests.faults.services import until
from tests.faults.yard import Yard

pytestmark = [pytest.mark.root, pytest.mark.needs("mount"), pytest.mark.timeout(180)]
FAULTS = {"full": (Disk.fill, Disk.make_room), "read-only": (Disk.forbid, Disk.allow)}


@pytest.mark.parametrize("kind", FAULTS)
def test_the_spool(fresh_yard: Yard, kind: str, note: Note) -> None:
    spoil, mend = FAULTS[kind]
    with fresh_yard.up(fresh_yard.intake), disk_over(fresh_yard.home.spool.root) as disk:
        fresh_yard.send_fresh(3)
        spoil(disk)
        name, data = fresh_yard.fresh(pupils=60)
        assert not fresh_yard.send(name, data)
        assert name not in landed_names(fresh_yard)
        mend(disk)
        fresh_yard.send_until_told(name, data)
        with fresh_yard.up(fresh_yard.processor):
            fresh_yard.await_decided(name)
        fresh_yard.stop()
    outcome = settled(fresh_yard)
    assert outcome.accepted == 4
    note(f"spool {kind}", 1, outcome)


@pytest.mark.parametrize("kind", FAULTS)
def test_the_sealed_store(fresh_yard: Yard, kind: str, note: Note) -> None:
    spoil, mend = FAULTS[kind]
    with disk_over(fresh_yard.home.root / "sealed") as disk:
        with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
            fresh_yard.await_decided(*fresh_yard.send_fresh(2))
            spoil(disk)
            names = fresh_yard.send_fresh(3)
            until(
                lambda: "the sealed store cannot be written" in fresh_yard.processor.log.read_text(),
                "the alarm",
            )
            assert fresh_yard.states(*names) == []
            assert not list(disk.folder.glob("*.part"))
            mend(disk)
            fresh_yard.await_decided(*names)
        fresh_yard.stop()
    outcome = settled(fresh_yard)
    assert outcome.accepted == 5
    note(f"sealed store {kind}", 1, outcome)


def test_room_for_small_files_only(fresh_yard: Yard, note: Note) -> None:
    """A file too large for what is left keeps smaller ones waiting no longer than until the next round."""
    with disk_over(fresh_yard.home.root / "sealed", "256k"):
        with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
            large, data = fresh_yard.fresh(pupils=4_000)
            assert len(data) > 256 * 1024
            assert fresh_yard.send(large, data)
            (small,) = fresh_yard.send_fresh(1)
            fresh_yard.await_decided(small)
            assert fresh_yard.states(large) == []
        fresh_yard.stop()
    outcome = settled(fresh_yard)
    assert outcome.accepted == 2
    note("sealed store with room for small files only", 1, outcome)


@pytest.mark.parametrize("kind", FAULTS)
def test_what_is_published(fresh_yard: Yard, kind: str, note: Note) -> None:
    spoil, mend = FAULTS[kind]
    with disk_over(fresh_yard.home.published.root, "8m") as disk:
        with fresh_yard.up(fresh_yard.intake, fresh_yard.processor):
            fresh_yard.await_decided(*fresh_yard.send_fresh(2))
            spoil(disk)
            names = fresh_yard.send_fresh(3)
            fresh_yard.await_decided(*names)
            until(lambda: "published/ cannot be written" in fresh_yard.processor.log.read_text(), "the alarm")
            mend(disk)
            until(lambda: all(receipt_of(fresh_yard, name) for name in names), "the receipts")
        fresh_yard.stop()
    outcome = settled(fresh_yard)
    assert outcome.accepted == 5
    note(f"published {kind}", 1, outcome)


@pytest.mark.parametrize("kind", FAULTS)
def test_the_database_and_the_log(fresh_yard: Yard, kind: str, note: Note) -> None:
    spoil, mend = FAULTS[kind]
    folder = database_apart(fresh_yard)
    with disk_over(folder, "8m") as disk:
        with fresh_yard.up(fresh_yard.intake):
            with fresh_yard.up(fresh_yard.processor):
                fresh_yard.await_decided(*fresh_yard.send_fresh(2))
                if kind == "full":
                    spoil(disk)
                    names = fresh_yard.send_fresh(3)
                    until(
                        lambda: "the registry did not answer" in fresh_yard.processor.log.read_text(),
                        "the alarm",
                    )
            if kind == "read-only":
                # Nobody can take the right to write from a file system on which a file is open to be written.
                spoil(disk)
                names = fresh_yard.send_fresh(3)
                fresh_yard.processor.launch()
                assert fresh_yard.processor.wait() == 1
                assert re.search(
                    r"(?m)^gateway: the registry cannot be written", fresh_yard.processor.log.read_text()
                )
            mend(disk)
            assert (
                len(list(fresh_yard.home.spool.landed.glob("*.landed"))) + len(fresh_yard.states(*names)) == 3
            )
            with fresh_yard.up(fresh_yard.processor):
                fresh_yard.await_decided(*names)
        fresh_yard.stop()
    outcome = settled(fresh_yard)
    assert outcome.accepted == 5
    note(f"database and log {kind}", 1, outcome)


def test_the_database_is_full_while_files_are_decided(fresh_yard: Yard, note: Note) -> None:
    """What has landed stays landed while no decision can be recorded, and is decided when there is room."""
    folder = database_apart(fresh_yard)
    with disk_over(folder, "8m") as disk:
        with fresh_yard.up(fresh_yard.intake):
            fresh_yard.processor.start()
            names = fresh_yard.send_fresh(1)
            fresh_yard.await_decided(*names)
            disk.fill()
            names += fresh_yard.send_fresh(39)
            until(lambda: "the registry did not answer" in fresh_yard.processor.log.read_text(), "the alarm")
            disk.make_room()
            fresh_yard.await_decided(*names)
        fresh_yard.stop()
    outcome = settled(fresh_yard)
    assert outcome.accepted == 40
    note("database and log full", 1, outcome)


def database_apart(yard: Yard) -> Path:
    """Put the registry in a folder of its own; that folder."""
    folder = yard.site.root / "database"
    folder.mkdir()
    for path in yard.home.root.glob("registry.db*"):
        path.rename(folder / path.name)
    yard.set(database=f"sqlite:///{folder / 'registry.db'}")
    return folder


def landed_names(yard: Yard) -> str:
    landed = yard.home.spool.landed.glob("*.landed")
    return "".join(read_handed_over(yard.home.spool, path.stem)[0].name for path in landed)


def receipt_of(yard: Yard, name: str) -> bool:
    return bool(list(yard.site.receipts("oak").glob(f"{name}.*.txt")))
