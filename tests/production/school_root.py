"""A clean Debian without anything of ours, on a cable of its own: the computer of a school.

Its programs run as root in their own root folder and network, at a terminal where somebody answers what is
asked. The other end of the cable is this machine's, where a gateway listens.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.production.clean_root import CERTIFICATES, lay_source, let_reach
from tests.production.terminal import Said, Typing

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
        made = ["--quiet", "--variant=minbase", "--include=pipx,ca-certificates", "trixie", str(root)]
        subprocess.run(["mmdebstrap", *made], check=True)
        let_reach(root)
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
    lay_source(source, without="tests/")
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder)]
    subprocess.run([*build, str(source)], check=True)
    (made,) = folder.glob("*.whl")
    return made
