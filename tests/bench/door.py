"""The door: OpenSSH's sftp against intake and against OpenSSH's own internal-sftp.

Intake hashes what it receives and acknowledges nothing that is not durable; internal-sftp does
neither. Both get the same files, from the same client, with the same cipher.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.bench.measure import Costs, Line, Setting, in_turns, line, seconds
from tests.bench.parties import Target, empty_spool, intake, openssh, sealed
from tests.site import Site

_STREAMS = 8
_CLIENTS = 4


def run(setting: Setting) -> Iterator[Line]:
    """Every line on the door."""
    mebibytes, sessions = (128, 100) if setting.quick else (1024, 500)
    site = Site(setting.scratch / "door")
    party = site.provider("oak")
    small = setting.scratch / "small"
    small.write_bytes(sealed(site, party, [0])[0])
    large = _filled(setting.scratch / "large", small, mebibytes)
    part = _filled(setting.scratch / "part", small, mebibytes // _STREAMS)
    with (
        openssh(setting.scratch / "sshd", party.ssh_key) as theirs,
        intake(site, party) as ours,
    ):

        def clear() -> None:
            empty_spool(site)
            for path in (setting.scratch / "sshd" / "files").iterdir():
                path.unlink()

        def against(  # noqa: PLR0917 - a line of the table, in the order of its columns
            what: str,
            per: str,
            amount: float,
            work: Callable[[Target], object],
            target: float,
            clear: Callable[[], None] = clear,
        ) -> Line:
            costs = {one.name: Costs(one.pid) for one in (ours, theirs)}

            def speed(target: Target) -> float:
                with costs[target.name].of(amount):
                    taken = seconds(lambda: work(target))
                clear()
                os.sync()  # What one left to be written must not slow the other.
                return amount / taken

            rates = in_turns(setting.rounds(3), lambda: speed(ours), lambda: speed(theirs))
            cpu = (per, costs[ours.name].rounds, costs[theirs.name].rounds)
            return line("door", what, f"{per}s/s" if per != "MiB" else "MiB/s", rates[0], "sshd", rates[1],
                        better="more", target=target, cpu=cpu)  # fmt: skip

        yield against(f"one stream up, {mebibytes} MiB", "MiB", mebibytes, lambda to: _up(to, large), 1.0)
        what = f"{_STREAMS} streams up, {mebibytes} MiB in all"
        yield against(what, "MiB", mebibytes, lambda to: _streams(to, part), 1.0)
        what = f"{sessions} sessions of 100 KB"
        yield against(what, "session", sessions, lambda to: _sessions(to, small, sessions), 1.2)
        what = "200 files of 100 KB in one session"
        yield against(what, "file", 200, lambda to: _batch(to, small, 200), 0.5)
        published = site.home / "published" / "providers" / "oak" / "out" / "large"
        shutil.copy(large, published)
        (setting.scratch / "sshd" / "files" / "large").hardlink_to(large)
        got = setting.scratch / "got"
        yield against(f"one stream down, {mebibytes} MiB", "MiB", mebibytes,
                      lambda to: to.sftp(f"get {to.outbox}/large {got}\n"), 0.9, got.unlink)  # fmt: skip


def _filled(path: Path, head: Path, mebibytes: int) -> Path:
    """A file that begins as a sealed one and goes on with noise."""
    with path.open("wb") as file:
        file.write(head.read_bytes())
        noise = os.urandom(1024**2)
        while file.tell() < mebibytes * 1024**2:
            file.write(noise[: mebibytes * 1024**2 - file.tell()])
    return path


def _up(target: Target, file: Path) -> None:
    target.sftp(f"put {file} {target.inbox}/large\n")


def _streams(target: Target, file: Path) -> None:
    with ThreadPoolExecutor(_STREAMS) as pool:
        for done in [
            pool.submit(target.sftp, f"put {file} {target.inbox}/part{number}\n")
            for number in range(_STREAMS)
        ]:
            done.result()


def _sessions(target: Target, file: Path, number: int) -> None:
    """Each connects, puts one file and quits; four clients at a time."""
    with ThreadPoolExecutor(_CLIENTS) as pool:
        for done in [
            pool.submit(target.sftp, f"put {file} {target.inbox}/small{count}\n") for count in range(number)
        ]:
            done.result()


def _batch(target: Target, file: Path, number: int) -> None:
    target.sftp("".join(f"put {file} {target.inbox}/file{count}\n" for count in range(number)))
