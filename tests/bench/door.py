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

from tests.bench.measure import Line, Setting, in_turns, line, seconds
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

        def against(work: Callable[[Target], object], amount: float) -> list[list[float]]:
            def speed(target: Target) -> float:
                taken = seconds(lambda: work(target))
                clear()
                os.sync()  # What one left to be written must not slow the other.
                return amount / taken

            return in_turns(setting.rounds(3), lambda: speed(ours), lambda: speed(theirs))

        up = against(lambda target: _up(target, large), mebibytes)
        yield line("door", f"one stream up, {mebibytes} MiB", "MiB/s", up[0], "sshd", up[1],
                   better="more", target=1.0)  # fmt: skip
        many = against(lambda target: _streams(target, part), mebibytes)
        what = f"{_STREAMS} streams up, {mebibytes} MiB in all"
        yield line("door", what, "MiB/s", many[0], "sshd", many[1], better="more", target=1.0)  # fmt: skip
        short = against(lambda target: _sessions(target, small, sessions), sessions)
        yield line("door", f"{sessions} sessions of 100 KB", "sessions/s", short[0], "sshd", short[1],
                   better="more", target=1.2)  # fmt: skip
        batch = against(lambda target: _batch(target, small, 200), 200)
        yield line("door", "200 files of 100 KB in one session", "files/s", batch[0], "sshd", batch[1],
                   better="more", target=0.5)  # fmt: skip
        published = site.home / "published" / "providers" / "oak" / "out" / "large"
        shutil.copy(large, published)
        offered = setting.scratch / "sshd" / "files" / "large"

        def down(target: Target) -> float:
            if target is theirs and not offered.exists():
                offered.hardlink_to(large)
            got = setting.scratch / "got"
            taken = seconds(lambda: target.sftp(f"get {target.outbox}/large {got}\n"))
            got.unlink()
            os.sync()
            return mebibytes / taken

        found = in_turns(setting.rounds(3), lambda: down(ours), lambda: down(theirs))
        yield line("door", f"one stream down, {mebibytes} MiB", "MiB/s", found[0], "sshd", found[1],
                   better="more")  # fmt: skip


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
