"""A clean Debian in a folder, to follow the guides in: what a newcomer has before the first command.

systemd runs in it as the first process, in namespaces of its own (boot.sh). Commands run as root at a
terminal of their own. The network of the machine is theirs only where they are to fetch something.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.production.guide import REPOSITORY
from tests.production.terminal import Typing

SOURCE = "/usr/src/gateway"
CERTIFICATES = Path("etc/ssl/certs/ca-certificates.crt")
PASSPHRASE = "a passphrase of the test"
EDITOR = Path("usr/local/bin/edited")
_BOOT = Path(__file__).with_name("boot.sh")
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "PIP_CERT": f"/{CERTIFICATES}",
    "SYSTEMD_EDITOR": f"/{EDITOR}",
    "SYSTEMD_PAGER": "",
}
# Writes what lies in /root/lines where systemctl edit shows that own lines belong.
_EDITED = """#!/bin/sh
for file; do sed -i '/^### Anything between/r /root/lines' "$file"; done
"""


@dataclass
class Root:
    """The folder, and the first process of the namespaces in which it is the root."""

    folder: Path
    first: int
    others: list[subprocess.Popen[str]] = field(default_factory=list)

    def inside(self, *words: str, network: bool = False) -> list[str]:
        """What runs a program there."""
        spaces = ["--mount", "--uts", "--ipc", "--pid", "--cgroup", "--root", *([] if network else ["--net"])]
        variables = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        return [
            "nsenter", f"--target={self.first}", *spaces, "env", "-i", f"--chdir={SOURCE}", *variables, *words
        ]  # fmt: skip

    def type(self, command: str, *, network: bool = False, seconds: float = 300) -> str:
        """Type a command at a terminal, and the passphrase whenever it is asked for; what is shown."""
        words = self.inside("bash", "-euo", "pipefail", "-c", command, network=network)
        said = Typing(words, {r"assphrase.*:|The same again:": PASSPHRASE}).until(seconds=seconds)
        assert said is not None
        assert said.code == 0, f"{command}\n{said.shown}\n{self.journal()[-6000:]}"
        return said.shown

    def talk(self, *words: str) -> subprocess.Popen[str]:
        """A program to exchange lines with, that has said that it is ready."""
        process = subprocess.Popen(
            self.inside(*words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.others.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def give(self, address: str) -> None:
        """One more address of its own."""
        into = [f"--target={self.first}", "--net"]
        subprocess.run(["nsenter", *into, "ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)

    def shown(self, unit: str, what: str) -> str:
        """A property of a unit."""
        words = self.inside("systemctl", "show", "--property", what, "--value", unit)
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()

    def journal(self, *chosen: str) -> str:
        """What was logged since the start."""
        words = self.inside("journalctl", "--no-pager", *chosen)
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout


@contextlib.contextmanager
def clean_root(*, source: bool = True) -> Iterator[Root]:
    """A fresh Debian 13, or GATEWAY_TEST_SUITE, that has booted, with this source if it is wanted."""
    base = Path(tempfile.mkdtemp(prefix="gateway-root-", dir="/var/tmp"))
    # In a session of its own: what interrupts the tests must not interrupt its cleaning up.
    holder = subprocess.Popen(
        ["sh", str(_BOOT), str(base)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert holder.stdin is not None
    assert holder.stdout is not None
    others: list[subprocess.Popen[str]] = []
    try:
        said = holder.stdout.readline().split()
        assert said[:1] == ["booted"], "see the errors above"
        root = Root(base / "root", int(said[1]), others)
        let_reach(root.folder)
        (root.folder / EDITOR).write_text(_EDITED)
        (root.folder / EDITOR).chmod(0o755)
        place = root.folder / SOURCE.lstrip("/")
        place.mkdir()
        if source:
            lay_source(place)
        root.type("systemctl is-system-running --wait")
        yield root
    finally:
        for process in others:
            process.kill()
            process.wait()
        with holder.stdout:
            holder.stdin.close()
            assert holder.wait(120) == 0


def let_reach(folder: Path) -> None:
    """Let programs of a root folder reach what this machine does."""
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    if (Path("/") / CERTIFICATES).exists():  # A proxy on the way may have a certificate of its own.
        shutil.copy(Path("/") / CERTIFICATES, folder / CERTIFICATES)


def lay_source(place: Path, without: str = "-") -> None:
    """Copy this source into a folder, without what lies below one of its own."""
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in names:
        if (REPOSITORY / name).is_file() and not name.startswith(without):
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, place / name)
