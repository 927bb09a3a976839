"""A clean Debian in a folder, to follow the guides in: what a newcomer has before the first command.

systemd runs in it as the first process, in namespaces of its own (boot.sh). Commands run as root at a
terminal of their own. The network of the machine is theirs only where they are to fetch something.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.production.guide import REPOSITORY

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
        process, terminal = pty.fork()
        if process == 0:
            words = self.inside("bash", "-euo", "pipefail", "-c", command, network=network)
            os.execvp(words[0], words)
        status, shown = _converse(process, terminal, time.monotonic() + seconds)
        assert status == 0, f"{command}\n{shown}\n{self.journal()[-6000:]}"
        return shown.replace("\r\n", "\n")

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


def _converse(process: int, terminal: int, deadline: float) -> tuple[int, str]:
    """Answer each question for a passphrase, until the end; the exit status and what was shown."""
    shown, answered = "", 0
    try:
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 1.0)[0]:
                continue
            data = os.read(terminal, 65536)
            if not data:
                break
            shown += data.decode(errors="replace")
            if re.search(r"assphrase.*:|The same again:", shown[answered:]):
                time.sleep(0.2)  # The question is shown before the terminal is made ready for secrets.
                os.write(terminal, PASSPHRASE.encode() + b"\n")
                answered = len(shown)
        else:
            os.kill(process, 9)
    except OSError:
        pass  # The other end of the terminal is closed.
    status = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)  # Not before: it would hang up on a process that is just ending.
    return status, shown


@contextlib.contextmanager
def clean_root() -> Iterator[Root]:
    """A fresh Debian 13 that has booted, with this source unpacked."""
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
        _unpack(root.folder)
        root.type("systemctl is-system-running --wait")
        yield root
    finally:
        for process in others:
            process.kill()
            process.wait()
        holder.stdin.close()
        assert holder.wait(120) == 0


def _unpack(folder: Path) -> None:
    shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
    (folder / EDITOR).write_text(_EDITED)
    (folder / EDITOR).chmod(0o755)
    if (Path("/") / CERTIFICATES).exists():  # A proxy on the way may have a certificate of its own.
        shutil.copy(Path("/") / CERTIFICATES, folder / CERTIFICATES)
    names = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    for name in names:
        if (REPOSITORY / name).is_file():
            place = folder / SOURCE.lstrip("/") / name
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, place)
