"""A clean Debian without anything of ours, on a cable of its own: the computer of a school.

Its programs run as root in their own root folder and network, at a terminal where somebody answers what is
asked. The other end of the cable is this machine's, where a gateway listens.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.production.clean_root import CERTIFICATES
from tests.production.guide import REPOSITORY

HERE, THERE = "203.0.113.237", "203.0.113.238"
"""The two ends of the cable, of the block that RFC 5737 keeps for examples."""
_MOUNTED = 'mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && shift && exec "$@"'
_ENVIRONMENT = {
    "PATH": "/root/.local/bin:/usr/sbin:/usr/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "PIP_CERT": f"/{CERTIFICATES}",
    "COLUMNS": "200",
    "TERM": "dumb",
}


@dataclass(frozen=True)
class Said:
    """How a program ended, and all that the terminal showed of it."""

    code: int
    shown: str


class Typing:
    """A program at a terminal. `answers`: what is typed where the terminal shows such a question."""

    def __init__(self, words: list[str], answers: Mapping[str, str]) -> None:
        self._answers, self._answered, self.shown = dict(answers), 0, ""
        self.process, self._terminal = pty.fork()
        if self.process == 0:
            os.execvp(words[0], words)

    def until(self, text: str | None = None, seconds: float = 300) -> Said | None:
        """Go on until it shows a text, or has ended, which gives how."""
        deadline = time.monotonic() + seconds
        while text is None or text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            if not select.select([self._terminal], [], [], 1.0)[0]:
                continue
            with contextlib.suppress(OSError):  # The other end of the terminal is closed.
                if data := os.read(self._terminal, 65536):
                    self.shown += data.decode(errors="replace")
                    self._answer()
                    continue
            return self._ended()
        return None

    def glance(self) -> None:
        """Read what it shows now, and answer what it asks."""
        if select.select([self._terminal], [], [], 0)[0]:
            try:
                self.shown += os.read(self._terminal, 65536).decode(errors="replace")
            except OSError:  # The other end of the terminal is closed.
                raise AssertionError(f"it has ended: {self._ended()}") from None
            self._answer()

    def kill(self) -> None:
        """kill -9 for it and all that it started."""
        os.killpg(self.process, signal.SIGKILL)
        self._ended()

    def _ended(self) -> Said:
        status = os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])
        os.close(self._terminal)
        return Said(status, self.shown.replace("\r\n", "\n"))

    def _answer(self) -> None:
        for question, answer in self._answers.items():
            if re.search(question, self.shown[self._answered :]):
                time.sleep(0.3)  # The question is shown before the terminal is made ready for secrets.
                self._answered = len(self.shown)
                os.write(self._terminal, answer.encode() + b"\n")
                return


class SchoolRoot:
    """The folder, and the process that holds the network namespace."""

    def __init__(self, folder: Path, holder: int, cable: str) -> None:
        self.folder, self._holder, self._cable = folder, holder, cable

    def words(self, command: str, *, network: bool = False) -> list[str]:
        """What runs a command of the shell there; on this machine's network only to fetch something."""
        space = [] if network else ["nsenter", f"--target={self._holder}", "--net"]
        variables = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        inside = ["chroot", str(self.folder), "env", "-i", "--chdir=/root", *variables, "bash", "-c", command]
        return [*space, "unshare", "--mount", "sh", "-c", _MOUNTED, "sh", str(self.folder), *inside]

    def type(
        self, command: str, answers: Mapping[str, str], *, network: bool = False, seconds: float = 300
    ) -> Said:
        """Type a command and answer what is asked, until it has ended."""
        said = Typing(self.words(command, network=network), answers).until(seconds=seconds)
        assert said is not None
        return said

    def plug(self, *, connected: bool) -> None:
        """Pull the cable out, or put it in again."""
        _ip("link", "set", self._cable, "up" if connected else "down")

    def slow(self, rate: str) -> None:
        """Let so much through in each direction that leaves the school's end: 2mbit."""
        inside = ["nsenter", f"--target={self._holder}", "--net", "tc", "qdisc", "replace", "dev", "school"]
        subprocess.run(
            [*inside, "root", "tbf", "rate", rate, "burst", "32kb", "latency", "400ms"], check=True
        )


@contextlib.contextmanager
def school_root() -> Iterator[SchoolRoot]:
    """A fresh Debian 13 with pipx and nothing else, on its cable."""
    base = Path(tempfile.mkdtemp(prefix="gateway-school-", dir="/var/tmp"))
    root, cable = base / "root", f"gw{os.getpid()}"
    holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
    try:
        subprocess.run(
            [
                "mmdebstrap",
                "--quiet",
                "--variant=minbase",
                "--include=pipx,ca-certificates",
                "trixie",
                str(root),
            ],
            check=True,
        )
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        if (Path("/") / CERTIFICATES).exists():  # A proxy on the way may have a certificate of its own.
            shutil.copy(Path("/") / CERTIFICATES, root / CERTIFICATES)
        _lay_cable(cable, holder.pid)
        yield SchoolRoot(root, holder.pid, cable)
    finally:
        holder.kill()
        holder.wait()
        subprocess.run(["rm", "--recursive", "--force", "--one-file-system", str(base)], check=True)


def _lay_cable(cable: str, holder: int) -> None:
    """A cable from this machine into the namespace; it goes when the namespace does."""
    _ip("link", "add", cable, "type", "veth", "peer", "name", "school", "netns", str(holder))
    _ip("address", "add", f"{HERE}/30", "dev", cable)
    _ip("link", "set", cable, "up")
    for words in (("link", "set", "lo", "up"), ("address", "add", f"{THERE}/30", "dev", "school"),
                  ("link", "set", "school", "up")):  # fmt: skip
        subprocess.run(["nsenter", f"--target={holder}", "--net", "ip", *words], check=True)


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def wheel(folder: Path) -> Path:
    """The release's wheel of this source, as a school is given it."""
    source = folder / "source"
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in names:
        if (REPOSITORY / name).is_file() and not name.startswith("tests/"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, source / name)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(source)], check=True)
    (made,) = folder.glob("*.whl")
    return made
