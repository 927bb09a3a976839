"""The two sides of the measurements: a home of the gateway with its providers, and peers of it."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from random import Random

from gateway.home import Home, Spool
from gateway.homes.demo.parties import Party
from gateway.model import Upload
from gateway.samples import make, school
from gateway.zones.spool import fsync_folder, hand_over, new_reference
from tests.bench.measure import until
from tests.content import core_data, not_beyond
from tests.ports import free_port
from tests.site import Site

CIPHER = "aes256-gcm@openssh.com"
_PUPILS = 45
_TIMEOUT = 300
BASE = core_data(1, pupils=_PUPILS)


@dataclass(frozen=True, slots=True)
class Target:
    """An SFTP server to measure, of process `pid`: `ssh` reaches it, `inbox` is where uploads may go."""

    name: str
    destination: str
    ssh: tuple[str, ...]
    inbox: str
    outbox: str
    pid: int

    def sftp(self, commands: str) -> None:
        """Run an OpenSSH sftp batch against it; fails where any command of it does."""
        done = subprocess.run(
            ["sftp", "-q", *self.ssh, "-b", "-", self.destination],
            input=commands,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"sftp to {self.name} failed: {done.stderr[-500:]}")


def _ssh(key: Path, port: int) -> tuple[str, ...]:
    options = {
        "Port": str(port),
        "IdentityFile": str(key),
        "IdentitiesOnly": "yes",
        "StrictHostKeyChecking": "no",
        "UserKnownHostsFile": "/dev/null",
        "GlobalKnownHostsFile": "/dev/null",
        "Ciphers": CIPHER,
        "LogLevel": "ERROR",
    }
    return ("-F", "none", *(part for name, value in options.items() for part in ("-o", f"{name}={value}")))


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def openssh(folder: Path, key: Path) -> Iterator[Target]:
    """OpenSSH's sshd with internal-sftp, with its own configuration and key, as whoever runs this."""
    server = shutil.which("sshd") or "/usr/sbin/sshd"
    files = folder / "files"
    files.mkdir(parents=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "host"], check=True)
    shutil.copy(key.with_suffix(".pub"), folder / "authorized_keys")
    port = free_port()
    (folder / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\n"
        f"PasswordAuthentication no\nPermitRootLogin prohibit-password\nCiphers {CIPHER}\nUseDNS no\n"
        f"MaxStartups 200\nSubsystem sftp internal-sftp -d {files}\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # Where it separates its privileges; only root needs one.
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([server, "-D", "-e", "-f", folder / "sshd_config"], stderr=log)
        try:
            until(lambda: answers(port), 20)
            yield Target("sshd", f"{getpass.getuser()}@127.0.0.1", _ssh(key, port), ".", ".", process.pid)
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def service(site: Site, *command: str, log: str) -> Iterator[subprocess.Popen[str]]:
    """`gateway COMMAND` on the home of `site`, until the end."""
    with (site.root / log).open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", *command],
            env={**os.environ, "GATEWAY_HOME": str(site.home), "GATEWAY_LOG": "WARNING"},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            start_new_session=True,  # As the scripts are: Linux shares the processors out by session.
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(60)


def intake(site: Site, party: Party) -> AbstractContextManager[Target]:
    """The gateway's intake alone, so that nothing takes the uploads away."""
    return _served(site, party, "intake")


def mailboxes(site: Site, party: Party) -> AbstractContextManager[Target]:
    """The gateway's mailboxes, for a member of staff."""
    return _served(site, party, "mailboxes")


@contextmanager
def _served(site: Site, party: Party, name: str) -> Iterator[Target]:
    port = free_port()
    with service(site, "serve", name, "--port", str(port), log=f"{name}.log") as process:
        words = process.stdout.readline().split() if process.stdout else []
        if words[:1] != ["ready"]:
            raise RuntimeError(f"{name} did not start: {(site.root / f'{name}.log').read_text()[-500:]}")
        there = f"{party.name}@127.0.0.1"
        yield Target("gateway", there, _ssh(party.ssh_key, port), "in", "out", process.pid)


@contextmanager
def processor(site: Site) -> Iterator[subprocess.Popen[str]]:
    """The gateway's processor alone, ready."""
    with service(site, "process", log="process.log") as process:
        words = process.stdout.readline() if process.stdout else ""
        if not words.startswith("ready"):
            raise RuntimeError(
                f"the processor did not start: {(site.root / 'process.log').read_text()[-500:]}"
            )
        yield process


def content(number: int, base: bytes = BASE) -> bytes:
    """A file of core data of about 100 KB, unlike that of any other number.

    Numbers are written in letters: a name with a digit in it would be held.
    """
    letters = ""
    while number:
        number, digit = divmod(number, 26)
        letters += chr(ord("A") + digit)
    return base.replace(b"GWSAMPLE", b"GWSAMPLE" + letters.encode())


@cache
def of_school(number: int) -> bytes:
    """A file of core data of a school's own pupils, whom no school of another number has."""
    rng = Random(number)
    return not_beyond(make("student-core", "ctf-full", rng=rng, school=school(rng, number), pupils=_PUPILS))


def sealed(site: Site, party: Party, numbers: Sequence[int], base: bytes = BASE) -> list[bytes]:
    """Files of core data of the same pupils, each sealed as a provider seals it."""
    return [party.seal(content(number, base), site.certificate) for number in numbers]


def fingerprint(party: Party) -> str:
    """The fingerprint of a party's SSH key."""
    shown = subprocess.run(
        ["ssh-keygen", "-lf", party.ssh_public], capture_output=True, text=True, check=True
    )
    return shown.stdout.split()[1]


class Landing:
    """Uploads that lie in the spool but for their records, so that many can land at one moment."""

    def __init__(self, site: Site, party: Party) -> None:
        self._spool = Spool(site.home / "spool")
        self._aside = Spool(site.root / "aside")
        self._party = party
        self._key = fingerprint(party)
        self._aside.landed.mkdir(parents=True, exist_ok=True)
        self._prepared: list[str] = []
        self._drawn: set[str] = set()

    def _fresh_reference(self, now: datetime) -> str:
        """One that was not drawn before: among thousands of one day some are drawn twice."""
        while (reference := new_reference(self._party.name, now)) in self._drawn:
            pass
        self._drawn.add(reference)
        return reference

    def prepare(self, name: str, data: bytes | Path) -> str:
        """Put one upload in place, as intake does; its reference."""
        now = datetime.now(UTC)
        source = self._spool.root / "bench.data"
        if isinstance(data, Path):
            shutil.copy(data, source)
        else:
            source.write_bytes(data)
        upload = Upload(
            reference=self._fresh_reference(now),
            provider=self._party.name,
            name=name,
            folder="in",
            size=source.stat().st_size,
            sha256="",
            started_at=now,
            landed_at=now,
            ssh_key=self._key,
        )
        hand_over(self._aside, upload, source)
        self._prepared.append(upload.reference)
        return upload.reference

    def land(self) -> list[str]:
        """Let all that is prepared land; the references, in order."""
        landed, self._prepared = self._prepared, []
        fsync_folder(self._spool.landed)
        for reference in landed:
            self._aside.upload(reference).rename(self._spool.upload(reference))
        return landed


def empty_spool(site: Site) -> None:
    """Throw away what landed; for measurements of intake alone."""
    home = Home(site.home)
    for path in home.spool.landed.iterdir():
        path.unlink()
    for path in home.spool.recent.iterdir():
        path.unlink()
