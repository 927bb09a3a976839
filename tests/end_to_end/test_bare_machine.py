"""On a kernel without Landlock and seccomp everything works as elsewhere, and doctor says what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.workshop import Desk

pytestmark = pytest.mark.long

# Neither Landlock (444 to 446) nor seccomp is there, and prctl knows no filters (22), as on such a kernel.
BARE = """
import ctypes, errno, os, platform, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
seccomp, prctl = {"x86_64": (317, 157), "aarch64": (277, 167)}[platform.machine()]
absent, odd, allowed = 0x50000 | errno.ENOSYS, 0x50000 | errno.EINVAL, 0x7FFF0000
load = lambda place: (0x20, 0, 0, place)
equal = lambda value, then, otherwise: (0x15, then, otherwise, value)
steps = [load(0), equal(444, 6, 0), equal(445, 5, 0), equal(446, 4, 0), equal(seccomp, 3, 0),
         equal(prctl, 0, 3), load(16), equal(22, 2, 1), (6, 0, 0, absent), (6, 0, 0, allowed), (6, 0, 0, odd)]
kept = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *step) for step in steps))
assert libc.prctl(38, 1, 0, 0, 0) == 0
header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(kept))
assert libc.prctl(22, 2, header, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv(sys.executable, [sys.executable, "-m", "gateway", *sys.argv[1:]])
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with closing(Desk(tmp_path)) as found:
        yield found


def on_a_bare_machine(desk: Desk, *words: str) -> str:
    """What a command says there."""
    done = subprocess.run(
        [sys.executable, "-c", BARE, *words, "--home", str(desk.home.root)],
        capture_output=True, text=True, timeout=60, check=False, env={**os.environ, "COLUMNS": "500"},
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.timeout(120)
def test_a_file_is_accepted_there_and_doctor_says_what_is_missing(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sent = desk.send(oak, core_data(1))
    said = on_a_bare_machine(desk, "process", "--once")
    assert desk.state(sent) == "accepted", said
    doctor = " ".join(on_a_bare_machine(desk, "doctor").split())
    assert "the kernel has no Landlock" in doctor
    assert "the kernel filters no system calls" in doctor
