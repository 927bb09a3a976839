"""A watched folder: what is put there ends where it belongs, its receipt beside it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from gateway.cli.send_keys import Display
from gateway.send.kit import Kit
from gateway.send.passphrases import Passphrases
from gateway.send.sending import KitAtWork
from gateway.send.watching import Stillness, WatchedFolder
from tests.content import core_data
from tests.send.office import Office, with_another_column
from tests.site import Site

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def oak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    site = Site(tmp_path_factory.mktemp("site"))
    with site.running() as services:
        yield Office(site, "oak", services.intake, site.root / "oak")


def test_each_file_ends_where_it_belongs(oak: Office) -> None:
    folder = oak.root / "out"
    folder.mkdir()
    (folder / "core.xml").write_bytes(core_data(seed=11))
    (folder / "the same.xml").write_bytes(core_data(seed=11))
    (folder / "shoes.csv").write_bytes(with_another_column(12))
    (folder / "empty.csv").touch()
    (folder / ".hidden").write_text("x")
    oak.done("watch", str(folder), "--once", "--still", "0")
    sent = {path.name for path in (folder / "sent").iterdir()}
    assert {"core.xml", "the same.xml"} <= sent
    (one,) = oak.transfers()
    assert {f"core.xml.{one['reference']}.{form}" for form in ("txt", "json")} <= sent
    assert (folder / "sent" / f"the same.xml.{one['reference']}.json").exists()
    refused = {path.name for path in (folder / "refused").iterdir()}
    assert refused == {"shoes.csv", "shoes.csv.why.txt", "empty.csv", "empty.csv.why.txt"}
    assert "NOT sent" in (folder / "refused" / "shoes.csv.why.txt").read_text()
    assert [path.name for path in folder.iterdir() if path.is_file()] == [".hidden"]


def test_what_was_held_moves_on_when_it_is_decided(oak: Office) -> None:
    folder = oak.root / "letters"
    folder.mkdir()
    (folder / "letter.txt").write_text("Dear all, no data here.\n")
    watch = ("watch", str(folder), "--once", "--still", "0", "--anyway", "--why", "a trial")
    oak.done(*watch)
    assert (folder / "held" / "letter.txt").exists()
    (held,) = [one for one in oak.transfers() if one["state"] == "held"]
    oak.site.gateway("held", "refuse", held["reference"], "--why", "no data")
    (folder / "other.txt").write_text("Dear all, none here either.\n")
    oak.done(*watch)
    assert (folder / "refused" / "letter.txt").exists()
    assert "REFUSED" in (folder / "refused" / f"letter.txt.{held['reference']}.txt").read_text()


@pytest.mark.needs("setpriv")
def test_what_cannot_be_read_is_told_of_once_and_the_others_go_on(oak: Office) -> None:
    folder = oak.root / "mixed"
    folder.mkdir()
    (folder / "a locked.xml").write_bytes(core_data(seed=21))
    (folder / "a locked.xml").chmod(0)
    (folder / "b dangling.xml").symlink_to(folder / "nowhere")
    (folder / "c folder.xml").mkdir()
    (folder / "d good.xml").write_bytes(core_data(seed=22))
    (folder / "e good.xml").write_bytes(core_data(seed=23))
    # Nobody, root included, may read what has no permissions.
    plainly = () if os.geteuid() else ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")
    done = subprocess.run(
        [*plainly, sys.executable, "-m", "gateway", "send", "watch", str(folder), "--once", "--still", "0.5"],
        env={**os.environ, **oak.environment}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith(f"2 files in {folder} could not be taken: see above")
    assert {path.name for path in (folder / "sent").glob("*.xml")} == {"d good.xml", "e good.xml"}
    told = [line for line in done.stdout.splitlines() if "not taken" in line]
    assert told == [
        "b dangling.xml: not taken: it is a link: put the file itself there",
        "c folder.xml: not taken: it is a folder, and what lies in it is not looked at",
        "a locked.xml: not taken: Permission denied; it is tried again",
    ]
    (folder / "a locked.xml").chmod(0o600)
    (folder / "b dangling.xml").unlink()
    oak.done("watch", str(folder), "--once", "--still", "0")
    assert (folder / "sent" / "a locked.xml").exists()


def test_a_file_that_is_taken_away_between_two_looks_keeps_no_other_from_going(oak: Office) -> None:
    folder = oak.root / "fleeting"
    folder.mkdir()
    (folder / "a.csv").touch()
    (folder / "b.xml").write_bytes(core_data(seed=24))
    (folder / "c.xml").write_bytes(core_data(seed=25))
    told = []

    def tell(line: str) -> None:
        told.append(line)
        (folder / "b.xml").unlink(missing_ok=True)

    watched(oak, folder, tell).run(threading.Event(), once=True)
    assert "b.xml: not taken: it was taken away" in told
    assert (folder / "sent" / "c.xml").exists()


def test_a_watch_ends_when_told_though_the_gateway_is_silent(oak: Office) -> None:
    """It does not wait for an answer first: that may take minutes, and a service manager kills by then."""
    folder = oak.root / "told"
    folder.mkdir()
    (folder / "core.xml").write_bytes(core_data(seed=26))
    settings = oak.kit / "kit.toml"
    before = settings.read_text()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings.write_text(re.sub(r"port = \d+", f"port = {silent.getsockname()[1]}", before))
        watch = oak.process("watch", str(folder), "--still", "0")
        with silent.accept()[0]:
            watch.terminate()
            _, said = watch.communicate(timeout=300)
    settings.write_text(before)
    assert (watch.returncode, said) == (0, "")
    oak.done("watch", str(folder), "--once", "--still", "0")
    assert (folder / "sent" / "core.xml").exists()


def watched(oak: Office, folder: Path, tell: Callable[[str], None]) -> WatchedFolder:
    kit = Kit(oak.kit)
    sender = KitAtWork(kit, Passphrases(oak.name, oak.passphrase, None), Display())
    return WatchedFolder(sender, folder, Stillness(0, time.monotonic), tell=tell)


def test_a_file_that_is_still_being_written_is_not_taken(tmp_path: Path) -> None:
    seconds = [0.0]
    stillness = Stillness(5, lambda: seconds[0])
    file = tmp_path / "growing.csv"
    file.write_text("a")
    assert stillness.still([file]) == []
    seconds[0] = 4
    file.write_text("ab")
    assert stillness.still([file]) == []
    seconds[0] = 8
    assert stillness.still([file]) == []
    seconds[0] = 9
    assert stillness.still([file]) == [file]
