"""The services as the units run them, as far as that can be shown without systemd as the first process.

Own users with the folders that sysusers and tmpfiles make, no network of their own, no system calls
beyond the units' filter, no memory that is written and run, no privileges and no way to gain any;
sockets, readiness and signs of life as systemd hands them over and hears of them.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.cli.install import shipped_units

REPOSITORY = Path(__file__).parents[2]
NO_WRITTEN_MEMORY_IS_RUN = 65  # PR_SET_MDWE
SECCOMP, SECCOMP_REFUSES, SECCOMP_ALLOWS = 22, 0x50000, 0x7FFF0000

# What systemd does between fork and exec, for what can only be done in the process itself: sockets of no
# family but AF_UNIX are made (RestrictAddressFamilies=), and no set-user-ID or set-group-ID bit is set
# (RestrictSUIDSGID=), as a filter of system calls by one argument of each.
CONFINE = f"""
import ctypes, errno, os, platform, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl({NO_WRITTEN_MEMORY_IS_RUN}, 1, 0, 0, 0) == 0
# socket(2); then chmod, fchmod, fchmodat, mkdir and mkdirat, each with the place of its mode.
call, modes = {{
    "x86_64": (41, {{90: 1, 91: 1, 268: 2, 83: 1, 258: 2}}), "aarch64": (198, {{52: 1, 53: 2, 34: 2}}),
}}[platform.machine()]
allowed, steps = (6, 0, 0, {SECCOMP_ALLOWS}), [(0x20, 0, 0, 0)]
for number, place, test, error in [
    (call, 0, (0x15, 1, 0, 1), errno.EAFNOSUPPORT),
    *((number, place, (0x45, 0, 1, 0o6000), errno.EPERM) for number, place in modes.items()),
]:
    refused = (6, 0, 0, {SECCOMP_REFUSES} | error)
    steps += [(0x15, 0, 4, number), (0x20, 0, 0, 16 + 8 * place), test, refused, allowed]
steps.append(allowed)
program = b"".join(struct.pack("HBBI", *step) for step in steps)
kept = ctypes.create_string_buffer(program)
header = struct.pack("HxxxxxxP", len(steps), ctypes.addressof(kept))
assert libc.prctl({SECCOMP}, 2, header, 0, 0) == 0, os.strerror(ctypes.get_errno())
"""
SHIM = f"""{CONFINE}
if "LISTEN_FDS" in os.environ:
    os.environ["LISTEN_PID"] = str(os.getpid())
    for place, number in enumerate(sys.argv[1].split(",")):
        os.dup2(int(number), 3 + place)
os.execv(sys.executable, [sys.executable, "-m", "gateway", *sys.argv[2:]])
"""


def users(root: Path) -> dict[str, tuple[int, int, list[int]]]:
    """User, group and further groups by name, as systemd-sysusers made them below `root`."""
    groups = [line.split(":") for line in (root / "etc/group").read_text().splitlines()]
    found = {}
    for line in (root / "etc/passwd").read_text().splitlines():
        name, _, user, group, *_ = line.split(":")
        others = [int(number) for _, _, number, members in groups if name in members.split(",")]
        found[name] = (int(user), int(group), others)
    return found


def denied_calls() -> list[str]:
    """The system calls that the units' SystemCallFilter= leaves out, of those that this machine knows."""
    common = (shipped_units() / "gateway-.service.d/50-confinement.conf").read_text()
    lines = re.findall(r"^SystemCallFilter=(.+)$", common, re.MULTILINE)
    allowed = _calls(lines[0].split())
    for line in lines[1:]:
        allowed -= _calls(line.removeprefix("~").split())
    known = set(
        subprocess.run(["enosys", "--list"], capture_output=True, text=True, check=True).stdout.split()
    )
    return sorted((known & _calls(["@known"])) - allowed)


def _calls(sets: list[str]) -> set[str]:
    listed = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", *sets], capture_output=True, text=True, check=True
    ).stdout
    found: set[str] = set()
    for line in listed.splitlines():
        word = line.strip()
        if line.startswith(" ") and not word.startswith("#"):
            found |= _calls([word]) if word.startswith("@") else {word}
    return found


def _closed_to_others(path: Path) -> Path | None:
    """The first folder above `path` that another user cannot cross."""
    above = [path, *path.parents][::-1]
    return next((folder for folder in above if not folder.stat().st_mode & 0o001), None)


def opened_up(stage: Path) -> str:
    """A shell script that lets every user reach the interpreter and this code, in a mount namespace only."""
    lines = ["set -e", "umask 022"]
    for number, base in enumerate(
        dict.fromkeys(Path(p).resolve() for p in (sys.base_prefix, sys.prefix, REPOSITORY))
    ):
        closed = _closed_to_others(base)
        if closed is not None:
            kept = stage / str(number)
            kept.mkdir(exist_ok=True)
            lines += [
                f"mount --bind {shlex.quote(str(base))} {kept}",
                f"mountpoint -q {closed} || mount -t tmpfs -o mode=755 tmpfs {shlex.quote(str(closed))}",
                f"mkdir -p {shlex.quote(str(base))}",
                f"mount --move {kept} {shlex.quote(str(base))}",
            ]
    return "\n".join(lines)


@dataclass
class Unit:
    """A running service, and what it told systemd."""

    process: subprocess.Popen[str]
    told: list[str]
    log: Path

    def await_told(self, what: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while what not in self.told:
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, (what, self.told, self.log.read_text())
            time.sleep(0.05)

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(60)


@dataclass
class Machine:
    """A root folder with users and a home as the shipped files make them."""

    root: Path
    users: dict[str, tuple[int, int, list[int]]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    setup: str = ""

    @property
    def home(self) -> Path:
        return self.root / "var/lib/gateway"

    def make(self) -> None:
        self.root.chmod(0o755)
        done = subprocess.run(
            [sys.executable, "-m", "gateway", "install", "--prefix", str(self.root / "usr")],
            cwd=REPOSITORY, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        (self.root / "etc").mkdir()
        (self.root / "etc/passwd").write_text("root:x:0:0::/root:/bin/sh\n")
        (self.root / "etc/group").write_text("root:x:0:\n")
        subprocess.run(["systemd-sysusers", f"--root={self.root}", "gateway.conf"], check=True)
        self.users = users(self.root)
        self.calls = denied_calls()
        stage = self.root / "stage"
        stage.mkdir()
        self.setup = opened_up(stage)
        self.tmpfiles()

    def tmpfiles(self) -> None:
        """Make and hand over the folders, as at boot."""
        subprocess.run(["systemd-tmpfiles", f"--root={self.root}", "--create", "gateway.conf"], check=True)

    def command(
        self, user: str, *words: str, confined: bool = True, descriptors: str = "", umask: str = "022"
    ) -> list[str]:
        """What runs `gateway WORDS` as `user`, confined as its unit would confine it."""
        number, group, others = self.users[user]
        as_user = [
            "setpriv", f"--reuid={number}", f"--regid={group}",
            f"--groups={','.join(map(str, others))}" if others else "--clear-groups",
            "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all",
        ]  # fmt: skip
        confinement = ["unshare", "--user", "--map-current-user", "--net", "enosys"]
        confinement += [f"--syscall={call}" for call in self.calls]
        last = [sys.executable, "-c", SHIM, descriptors, *words]
        if not confined:
            confinement, last = [], [sys.executable, "-m", "gateway", *words]
        inner = shlex.join([*as_user, *confinement, *last])
        return ["unshare", "--mount", "sh", "-c", f"{self.setup}\numask {umask}\nexec {inner}"]

    def gateway(self, *words: str, user: str = "gateway", given: str | None = None) -> str:
        """What an administrator's command printed, run as runuser does."""
        done = subprocess.run(
            self.command(user, *words, confined=False),
            cwd="/", env=self._environment(), capture_output=True, text=True, timeout=120, check=False,
            input=given,
        )  # fmt: skip
        assert done.returncode == 0, (words, done.stdout, done.stderr)
        return done.stdout

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
            "GATEWAY_HOME": str(self.home),
            "HOME": "/var/lib/gateway",  # systemd and runuser name it, of the user's entry.
            "LOGNAME": "ada",
        }

    @contextlib.contextmanager
    def unit(
        self, name: str, user: str, words: list[str], listening: list[tuple[str, socket.socket]]
    ) -> Iterator[Unit]:
        """A service that is running as its unit would run it."""
        told: list[str] = []
        where = self.root / f"notify-{name}"
        log = self.root / f"{name}.log"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as hears, log.open("a") as errors:
            where.unlink(missing_ok=True)
            hears.bind(str(where))
            where.chmod(0o777)
            threading.Thread(target=_hear, args=(hears, told), daemon=True).start()
            numbers = [one.fileno() for _, one in listening]
            environment = {
                **self._environment(),
                "NOTIFY_SOCKET": str(where),
                "WATCHDOG_USEC": "3000000",
                "LISTEN_FDS": str(len(listening)),
                "LISTEN_FDNAMES": ":".join(called for called, _ in listening),
            }
            process = subprocess.Popen(
                self.command(
                    user, *words, descriptors=",".join(map(str, numbers)), umask="027",
                ),
                cwd="/", env=environment, stdout=errors, stderr=errors, text=True, pass_fds=numbers,
            )  # fmt: skip
            unit = Unit(process, told, log)
            try:
                unit.await_told("READY=1")
                yield unit
            finally:
                if process.poll() is None:
                    process.terminate()
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()


def _hear(hears: socket.socket, told: list[str]) -> None:
    with contextlib.suppress(OSError):
        while message := hears.recv(4096):
            told.append(message.decode())


def listen() -> socket.socket:
    """A socket that listens on a free port of this machine, as a .socket unit holds it."""
    one = socket.socket()
    one.bind(("127.0.0.1", 0))
    one.listen(64)
    return one


@contextlib.contextmanager
def machine() -> Iterator[Machine]:
    root = Path(tempfile.mkdtemp(prefix="gateway-machine-", dir="/var/tmp"))
    try:
        made = Machine(root)
        made.make()
        yield made
    finally:
        shutil.rmtree(root)
