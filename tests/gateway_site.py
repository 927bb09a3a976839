"""A whole gateway for tests: a home made by the command line, its services, schools and staff.

Everything is real: the `gateway` command, its services over sockets on free ports, keys made afresh.
Nothing here needs more than the Python packages; tests that want gpg or another client bring it.
"""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import asyncssh
import paramiko
import pysequoia

SECONDS = 60


@dataclass
class Party:
    """Someone with an SSH key and an OpenPGP key of their own, on the far side of the gateway."""

    name: str
    folder: Path
    openpgp: pysequoia.Tsk = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(self.ssh_key)
        self.ssh_key.chmod(0o600)
        key.write_public_key(self.ssh_public)
        self.openpgp = pysequoia.Tsk.generate(f"{self.name} <{self.name}@example.invalid>")
        self.certificate.write_text(str(self.openpgp.extract_certificate()))

    @property
    def ssh_key(self) -> Path:
        return self.folder / "ssh"

    @property
    def ssh_public(self) -> Path:
        return self.folder / "ssh.pub"

    @property
    def certificate(self) -> Path:
        return self.folder / "openpgp.asc"

    def seal(self, content: bytes, *certificates: str) -> bytes:
        """`content` signed by this party and encrypted to `certificates`, in binary."""
        recipients = [pysequoia.Cert.from_bytes(text.encode()) for text in certificates]
        return pysequoia.encrypt(
            bytes=content, recipients=recipients, signer=self.openpgp.signer(), armor=False
        )


@dataclass
class Places:
    """Where the running services listen."""

    intake: tuple[str, int]
    mailboxes: tuple[str, int]
    process: subprocess.Popen[str]


class Site:
    """One gateway in one temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.home = root / "home"
        self.environment = {**os.environ, "GATEWAY_HOME": str(self.home), "COLUMNS": "200"}
        self.gateway("init", "--log-origin", "test.invalid/log")
        self.certificate = self.gateway("keys", "gateway", "export").stdout

    def gateway(self, *arguments: str, check: bool = True, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run the `gateway` command on this home."""
        done = subprocess.run(
            [sys.executable, "-m", "gateway", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            **more,
        )
        if check and done.returncode:
            raise AssertionError(f"gateway {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def json(self, *arguments: str) -> Any:
        """What `gateway ARGUMENTS --json` prints."""
        return json.loads(self.gateway(*arguments, "--json").stdout)

    def provider(
        self, identifier: str, *, kind: str = "school", ratified: bool = True, dfe_number: str | None = None
    ) -> Party:
        """Enrol a provider with fresh keys."""
        party = Party(identifier, self.root / "parties" / identifier)
        extra = [] if dfe_number is None else ["--dfe-number", dfe_number]
        self.gateway(
            "providers", "add", identifier, "--name", f"The {identifier}", "--kind", kind,
            "--ssh-key", str(party.ssh_public), "--openpgp-key", str(party.certificate), *extra,
        )  # fmt: skip
        if ratified and kind in {"school", "academy"}:
            self.gateway("agreement", "ratify", identifier, "--signatory", "The Head")
        return party

    def staff(self, name: str, *teams: str) -> Party:
        """Enrol a member of staff with a fresh SSH key."""
        party = Party(name, self.root / "parties" / name)
        options = [option for team in teams for option in ("--team", team)]
        self.gateway("staff", "add", name, "--ssh-key", str(party.ssh_public), *options)
        return party

    def transfers(self, *options: str) -> list[dict[str, Any]]:
        """`gateway transfers list --json`."""
        listed: list[dict[str, Any]] = self.json("transfers", "list", *options)
        return listed

    def receipts(self, provider: str) -> Path:
        """The folder of a provider's published receipts."""
        return self.home / "published" / "providers" / provider / "receipts"

    def await_decided(self, number: int) -> list[dict[str, Any]]:
        """All transfers, once `number` of them are decided."""

        def decided() -> list[dict[str, Any]] | None:
            listed = self.transfers()
            done = [t for t in listed if t["state"] != "landed"]
            return listed if len(done) >= number else None

        return until(decided, f"{number} decided transfers")

    @contextmanager
    def running(self, *options: str) -> Iterator[Places]:
        """`gateway run` on free ports, stopped by SIGTERM."""
        log = (self.root / "run.log").open("a")
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--intake-port", "0", "--mailboxes-port", "0", *options],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            assert process.stdout is not None
            words = process.stdout.readline().split()
            if words[:2] != ["ready", "intake"]:
                raise AssertionError((self.root / "run.log").read_text())
            yield Places(_place(words[2]), _place(words[4]), process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(SECONDS)
            log.close()


def _place(text: str) -> tuple[str, int]:
    _, _, port = text.rpartition(":")
    return "127.0.0.1", int(port)


@contextmanager
def sftp(place: tuple[str, int], party: Party) -> Iterator[paramiko.SFTPClient]:
    """A paramiko session of `party`."""
    client = paramiko.SSHClient()
    client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
    client.connect(
        *place, username=party.name, key_filename=str(party.ssh_key), allow_agent=False, look_for_keys=False
    )
    try:
        yield client.open_sftp()
    finally:
        client.close()


def put(place: tuple[str, int], party: Party, name: str, data: bytes) -> None:
    """Upload `data` as `name` with paramiko."""
    with sftp(place, party) as session:
        session.putfo(io.BytesIO(data), name)


def get(place: tuple[str, int], party: Party, path: str) -> bytes:
    """Download with paramiko."""
    with sftp(place, party) as session:
        taken = io.BytesIO()
        session.getfo(path, taken)
        return taken.getvalue()


T = TypeVar("T")


def until(poll: Callable[[], T | None], what: str, seconds: float = SECONDS) -> T:
    """What `poll` gives once it gives something; AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        found = poll()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {seconds} s in vain for {what}")
        time.sleep(0.1)
