"""Small files put in one session, beside what the disk alone takes for making them durable.

    python -m tests.bench.small_uploads [FILES]

The bound: as many files of the same size are written by a plain loop, each with the two fsyncs that make it
durable (of the file before it has its name, of the folder afterwards). What `internal-sftp` does has none.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from gateway.zones.spool import fsync_folder
from tests.bench.measure import in_turns, seconds
from tests.bench.parties import Target, empty_spool, intake, openssh, sealed
from tests.site import Site

_ROUNDS = 5


def plainly(folder: Path, content: bytes, files: int) -> None:
    """Write `files` files, each durable before the next is begun."""
    for number in range(files):
        aside = folder / f"{number}.part"
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(descriptor, content)
        os.fsync(descriptor)
        os.close(descriptor)
        aside.rename(folder / f"{number}")
        fsync_folder(folder)


def main(files: int) -> None:
    """Measure in turns, and print files a second."""
    with tempfile.TemporaryDirectory(prefix="small-uploads-") as scratch:
        root = Path(scratch)
        site = Site(root / "site")
        party = site.provider("oak")
        small = root / "small"
        small.write_bytes(sealed(site, party, [0])[0])
        plain = root / "plain"
        plain.mkdir()
        commands = "".join(f"put {small} %s/file{number}\n" for number in range(files))
        with openssh(root / "sshd", party.ssh_key) as theirs, intake(site, party) as ours:

            def putting(target: Target) -> Callable[[], float]:
                return lambda: _rate(lambda: target.sftp(commands.replace("%s", target.inbox)), clear)

            def clear() -> None:
                empty_spool(site)
                for folder in (plain, root / "sshd" / "files"):
                    for path in folder.iterdir():
                        path.unlink()
                os.sync()

            def _rate(work: Callable[[], object], after: Callable[[], None]) -> float:
                taken = seconds(work)
                after()
                return files / taken

            def bare() -> float:
                return _rate(lambda: plainly(plain, small.read_bytes(), files), clear)

            found = in_turns(range(_ROUNDS), putting(ours), putting(theirs), bare)
        for what, rates in zip(("gateway", "sshd", "two fsyncs a file, in a plain loop"), found, strict=True):
            least, most = min(rates), max(rates)
            print(f"{what:36} {statistics.median(rates):7.0f} files/s   {least:.0f} to {most:.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
