"""A nightly export into a watched folder while kit and gateway are killed, again and again: `make nightly`.

    python -m tests.send.many [--files 1000] [--kills 50] [--seed 1] [--still 5]

However it was written and whatever was killed when: each file is sent whole, has exactly one accepted
transfer, and one verified receipt beside it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from gateway.verify.verify_files import verify_receipt_files
from tests import warm
from tests.ports import free_ports
from tests.send.export import Written, planned, under_way
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
                 str(self._intake), "--mailboxes-port", str(self._mailboxes), "--console-port", "0"],
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


def run(root: Path, *, files: int, kills: int, seed: int, still: float = 0.2) -> None:
    """Send an export of so many files, with so many kills in between; fails for a half, lost or doubled."""
    rng = random.Random(seed)
    site = Site(root)
    gateway = Gateway(site)
    gateway.start()
    watch = None
    try:
        oak = Office(site, "oak", gateway.place, root / "oak")
        folder = oak.root / "out"
        folder.mkdir()
        plan = planned(folder, files, still, rng)
        watching = "watch", str(folder), "--still", str(still)
        watch = oak.process(*watching)
        with under_way(plan) as is_written:
            for _ in range(kills):
                time.sleep(rng.uniform(0.3, 3))
                if rng.random() < 2 / 3:
                    end(watch)
                    watch = oak.process(*watching)
                else:
                    gateway.kill()
                    gateway.start()
            until(is_written, "the last writer", _PATIENCE + files)
        until(lambda: not [*folder.glob("export*")] or None, "the last file", _PATIENCE + files)
        watch.terminate()
        told, _ = watch.communicate(timeout=60)
        check(oak, folder, plan)
        print(told[-300:])
    finally:
        gateway.kill()
        if watch is not None and watch.poll() is None:
            end(watch)


def end(process: subprocess.Popen[str]) -> None:
    """kill -9."""
    process.kill()
    process.communicate(timeout=60)


def check(oak: Office, folder: Path, plan: Sequence[Written]) -> None:
    """Each file whole in sent/, with one accepted transfer of it and one verified receipt beside."""
    accepted = [one for one in oak.transfers() if one["state"] == "accepted"]
    assert len(accepted) == len(plan), (len(accepted), len(plan))
    assert {one["state"] for one in oak.transfers()} <= {"accepted", "refused"}
    sent = {path.name: path for path in (folder / "sent").iterdir() if path.suffix in {".xml", ".csv"}}
    assert sent.keys() == {one.path.name for one in plan}
    references = {one["reference"] for one in accepted}
    certificate = oak.site.certificate.encode()
    for one in plan:
        assert sent[one.path.name].read_bytes() == one.content, f"half of one {one.way}"
        (path,) = (folder / "sent").glob(f"{one.path.name}.*.json")
        (verdict,) = [v for v in verify_receipt_files([path], certificate) if v.file == path.name]
        assert verdict.good, verdict
        receipt = json.loads(path.read_text())["receipt"]
        assert receipt["content_sha256"] == hashlib.sha256(one.content).hexdigest(), one.way
        references.remove(receipt["reference"])
    whole = {one.path.name: one.content for one in plan}
    for path in (folder / "refused").glob("*.why.txt"):
        half = path.with_name(path.name.removesuffix(".why.txt"))
        name = half.name.replace(" (2)", "")
        assert whole[name].startswith(half.read_bytes())
        assert half.read_bytes() != whole[name], half


def main() -> None:
    """Run as a command."""
    parser = argparse.ArgumentParser(prog="tests.send.many")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument("--still", type=float, default=5)
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        run(Path(root), files=asked.files, kills=asked.kills, seed=asked.seed, still=asked.still)
    seconds = time.monotonic() - began
    print(f"{asked.files} files, {asked.kills} kills: each accepted once and whole, {seconds:.0f} s")


if __name__ == "__main__":
    main()
