"""Many files in a watched folder while kit and gateway are killed, again and again.

    python -m tests.send.many [--files 1000] [--kills 50] [--seed 1]

Whatever was killed when: each file has exactly one accepted transfer and one verified receipt beside it.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from gateway.verify.verify_files import verify_receipt_files
from tests import warm
from tests.content import core_data
from tests.ports import free_ports
from tests.send.office import Office
from tests.site import Site
from tests.waiting import until

_PATIENCE = 300


class Gateway:
    """`gateway run` on ports that stay, killed with all its children and started again."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._intake, self._mailboxes = free_ports(2)
        self._process: subprocess.Popen[str] | None = None

    @property
    def place(self) -> tuple[str, int]:
        return "127.0.0.1", self._intake

    def start(self) -> None:
        """Start it and wait until it listens."""
        with self._site.log.open("a") as log:
            self._process = warm.Popen(
                [sys.executable, "-m", "gateway", "run", "--home", str(self._site.home), "--intake-port",
                 str(self._intake), "--mailboxes-port", str(self._mailboxes)],
                stdout=subprocess.PIPE, stderr=log, text=True, start_new_session=True,
            )  # fmt: skip
        assert self._process.stdout is not None
        assert self._process.stdout.readline().startswith("ready"), self._site.log.read_text()

    def kill(self) -> None:
        """kill -9 for the supervisor and all its services at once."""
        assert self._process is not None
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(60)
        if self._process.stdout is not None:
            self._process.stdout.close()


def run(root: Path, *, files: int, kills: int, seed: int) -> None:
    """Send so many files, with so many kills in between; fails where one of them is lost or doubled."""
    rng = random.Random(seed)
    site = Site(root)
    gateway = Gateway(site)
    gateway.start()
    watch = None
    try:
        oak = Office(site, "oak", gateway.place, root / "oak")
        folder = oak.root / "out"
        folder.mkdir()
        for number in range(files):
            (folder / f"core-{number:04}.xml").write_bytes(core_data(seed=1_000 + number, pupils=2))
        watch = oak.process("watch", str(folder), "--still", "0.2")
        for _ in range(kills):
            time.sleep(rng.uniform(0.3, 3))
            if rng.random() < 2 / 3:
                end(watch)
                watch = oak.process("watch", str(folder), "--still", "0.2")
            else:
                gateway.kill()
                gateway.start()
        until(lambda: not list(folder.glob("*.xml")) or None, "the last file", _PATIENCE + files)
        watch.terminate()
        watch.communicate(timeout=60)
        check(oak, folder, files)
    finally:
        gateway.kill()
        if watch is not None and watch.poll() is None:
            end(watch)


def end(process: subprocess.Popen[str]) -> None:
    """kill -9."""
    process.kill()
    process.communicate(timeout=60)


def check(oak: Office, folder: Path, files: int) -> None:
    """Exactly one accepted transfer, and one verified receipt beside each file."""
    accepted = [one for one in oak.transfers() if one["state"] == "accepted"]
    assert len(accepted) == files, len(accepted)
    assert {one["state"] for one in oak.transfers()} <= {"accepted", "refused"}
    sent = sorted((folder / "sent").glob("*.xml"))
    assert len(sent) == files
    references = {one["reference"] for one in accepted}
    certificate = oak.site.certificate.encode()
    for file in sent:
        (receipt,) = (folder / "sent").glob(f"{file.name}.*.json")
        (verdict,) = [v for v in verify_receipt_files([receipt], certificate) if v.file == receipt.name]
        assert verdict.good, verdict
        assert verdict.reference in references
        references.discard(verdict.reference)
    assert not list((folder / "refused").iterdir())


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(prog="tests.send.many")
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        run(Path(root), files=asked.files, kills=asked.kills, seed=asked.seed)
    print(f"{asked.files} files, {asked.kills} kills: each accepted once, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
