"""A clean Debian in a folder, to follow the guides in: what a newcomer has before the first command.

Commands run in it as root at a terminal of their own. The network of the machine is theirs only where they
are to fetch something. There is no systemd running in it: of `systemctl`, what only asks that one is
reported as ignored, and services are run by as_systemd.py.
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
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
    "SYSTEMD_OFFLINE": "1",
    "PIP_CERT": f"/{CERTIFICATES}",
}
_NAMESPACES = """
set -e
ip link set lo up
mount --bind {root} {root}
mount -t proc proc {root}/proc
mount --rbind /dev {root}/dev
mount -t tmpfs -o mode=755 tmpfs {root}/run
cp /etc/resolv.conf {root}/etc/resolv.conf
echo "127.0.0.1 localhost $(uname -n)" > {root}/etc/hosts
echo made
exec sleep infinity
"""


@dataclass
class Root:
    """The folder, and the namespaces in which it is the root."""

    folder: Path
    holder: subprocess.Popen[str]
    services: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    others: list[subprocess.Popen[str]] = field(default_factory=list)

    def _inside(self, *words: str, network: bool) -> list[str]:
        into = ["nsenter", f"--target={self.holder.pid}", "--mount", *([] if network else ["--net"])]
        variables = [f"{name}={value}" for name, value in _ENVIRONMENT.items()]
        return [*into, "chroot", str(self.folder), "env", "-i", f"--chdir={SOURCE}", *variables, *words]

    def type(self, command: str, *, network: bool = False, seconds: float = 300) -> str:
        """Type a command at a terminal, and the passphrase whenever it is asked for; what is shown."""
        process, terminal = pty.fork()
        if process == 0:
            words = self._inside("bash", "-euo", "pipefail", "-c", command, network=network)
            os.execvp(words[0], words)
        status, shown = _converse(process, terminal, time.monotonic() + seconds)
        assert status == 0, f"{command}\n{shown}"
        return shown.replace("\r\n", "\n")

    def talk(self, *words: str) -> subprocess.Popen[str]:
        """A program to exchange lines with, that has said that it is ready."""
        inside = self._inside(*words, network=False)
        process = subprocess.Popen(
            inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )  # fmt: skip
        self.others.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def start(self, service: str) -> None:
        """What systemd would start; returns when the service says that it is ready."""
        log = self.folder.with_name(f"{self.folder.name}.{service}.log")
        with log.open("wb") as out:
            words = self._inside(
                "python3", f"{SOURCE}/tests/production/as_systemd.py", service, network=False
            )
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.services[service] = process
        deadline = time.monotonic() + 60
        while b"ready " not in log.read_bytes():
            assert process.poll() is None, (service, log.read_text())
            assert time.monotonic() < deadline, (service, log.read_text())
            time.sleep(0.1)

    def stop(self, service: str) -> None:
        """As systemd stops it; a clean end."""
        process = self.services.pop(service)
        process.terminate()
        assert process.wait(60) == 0, service

    def once(self, unit: str) -> str:
        """Run a unit that ends by itself; what it logged."""
        words = self._inside("python3", f"{SOURCE}/tests/production/as_systemd.py", unit, network=False)
        done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, (unit, done.stdout, done.stderr)
        return done.stdout


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
    """A fresh Debian 13 with systemd's programs and this source, unpacked."""
    folder = Path(tempfile.mkdtemp(prefix="gateway-root-", dir="/var/tmp")) / "root"
    holder = None
    try:
        _unpack(folder)
        holder = subprocess.Popen(
            ["unshare", "--net", "--mount", "sh", "-c", _NAMESPACES.format(root=folder)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "made\n"
        root = Root(folder, holder)
        try:
            yield root
        finally:
            for process in (*root.services.values(), *root.others):
                process.kill()
                process.wait()
    finally:
        if holder is not None:
            holder.kill()
            holder.wait()
        shutil.rmtree(folder.parent)


def _unpack(folder: Path) -> None:
    done = subprocess.run(
        ["mmdebstrap", "--variant=minbase", "--include=systemd,ca-certificates", "trixie", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    # The first boot does this.
    subprocess.run(["systemd-machine-id-setup", f"--root={folder}"], check=True, capture_output=True)
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
