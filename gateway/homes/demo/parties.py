"""Make the demo's schools and staff, with SSH and OpenPGP keys, and run services on its temporary home."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import asyncssh
import paramiko
import pysequoia

from gateway.errors import Fault

T = TypeVar("T")
_COMMAND_SECONDS = 300
_PATIENCE_SECONDS = 60
_FREE_PORTS = ("--intake-port", "0", "--mailboxes-port", "0", "--console-port", "0")


class Party:
    """A person or school of the demo with an SSH key and an OpenPGP key, made in `folder`.

    `ssh_public` and `certificate` are the public halves, as given to the authority.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.ssh_key, self.ssh_public = folder / "ssh", folder / "ssh.pub"
        self.certificate = folder / "openpgp.asc"
        folder.mkdir(parents=True, exist_ok=True)
        key = asyncssh.generate_private_key("ssh-ed25519")
        key.write_private_key(self.ssh_key)
        self.ssh_key.chmod(0o600)
        key.write_public_key(self.ssh_public)
        self.openpgp = pysequoia.Tsk.generate(f"{name} <{name}@example.invalid>")
        self.certificate.write_text(str(self.openpgp.extract_certificate()), "utf-8")

    def seal(self, content: bytes, *certificates: str) -> bytes:
        """Return `content` signed by this party, and encrypted to armored `certificates`; not armored."""
        recipients = [pysequoia.Cert.from_bytes(text.encode()) for text in certificates]
        return pysequoia.encrypt(
            bytes=content, recipients=recipients, signer=self.openpgp.signer(), armor=False
        )

    @contextmanager
    def sftp(self, place: tuple[str, int]) -> Iterator[paramiko.SFTPClient]:
        """Yield an SFTP session with the service at `place`."""
        client = paramiko.SSHClient()
        # The demo and the tests connect only to a service started by themselves, on loopback.
        client.set_missing_host_key_policy(paramiko.AutoAddPolicy())  # noqa: S507
        client.connect(
            *place, username=self.name, key_filename=str(self.ssh_key), allow_agent=False, look_for_keys=False
        )
        try:
            yield client.open_sftp()
        finally:
            client.close()

    def put(self, place: tuple[str, int], name: str, data: bytes) -> None:
        """Upload `data` under `name` to the service at `place`."""
        with self.sftp(place) as session:
            session.putfo(io.BytesIO(data), name)

    def get(self, place: tuple[str, int], path: str) -> bytes:
        """Return the content of `path` at the service at `place`. FileNotFoundError where missing."""
        taken = io.BytesIO()
        with self.sftp(place) as session:
            session.getfo(path, taken)
        return taken.getvalue()


class Running(NamedTuple):
    """The addresses of the running services and of the console, and the supervisor's process."""

    intake: tuple[str, int]
    mailboxes: tuple[str, int]
    console: str
    supervisor: subprocess.Popen[str]


@dataclass(frozen=True, slots=True)
class Stage:
    """A home, and the `gateway` command run on it as a process."""

    home: Path

    def gateway(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `gateway ARGUMENTS` on this home; the caller checks the exit code."""
        return subprocess.run(  # noqa: S603 - our own command, no shell
            [sys.executable, "-m", "gateway", *arguments],
            env=self._environment(),
            capture_output=True,
            text=True,
            timeout=_COMMAND_SECONDS,
            check=False,
        )

    def done(self, *arguments: str) -> str:
        """Return the output of `gateway ARGUMENTS`. Raises Fault on failure."""
        result = self.gateway(*arguments)
        if result.returncode:
            raise Fault(f"gateway {' '.join(arguments)} failed: {result.stderr or result.stdout}")
        return result.stdout

    def json(self, *arguments: str) -> Any:  # noqa: ANN401 - JSON
        """Return the parsed output of `gateway ARGUMENTS --json`."""
        return json.loads(self.done(*arguments, "--json"))

    def confirm(self, owner: str, *staff: str) -> None:
        """Record that the keys of a provider were confirmed by telephone. `staff`: "--staff" for a person's
        keys.
        """
        waiting = [
            key["fingerprint"] for key in self.json("keys", "list", owner, *staff) if key["unconfirmed"]
        ]
        if waiting:
            self.done("keys", "confirm", owner, *waiting, *staff)

    @contextmanager
    def running(self, log: Path) -> Iterator[Running]:
        """Run the services on free ports of this machine, logging to `log`."""
        with log.open("a") as errors:
            supervisor = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [sys.executable, "-m", "gateway", "run", *_FREE_PORTS],
                env=self._environment(),
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
            try:
                words = supervisor.stdout.readline().split() if supervisor.stdout else []
                if words[:1] != ["ready"]:
                    raise Fault(f"the services did not start: {log.read_text()}")
                yield Running(_place(words[2]), _place(words[4]), words[6], supervisor)
            finally:
                if supervisor.poll() is None:
                    supervisor.terminate()
                supervisor.wait(_COMMAND_SECONDS)
                if supervisor.stdout is not None:
                    supervisor.stdout.close()

    def await_decided(self, number: int) -> list[dict[str, Any]]:
        """Return all transfers once `number` of them are decided."""

        def decided() -> list[dict[str, Any]] | None:
            listed: list[dict[str, Any]] = self.json("transfers", "list")
            return listed if sum(t["state"] != "landed" for t in listed) >= number else None

        return until(decided, f"{number} decisions")

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "GATEWAY_HOME": str(self.home), "GATEWAY_LOG": "INFO"}


def until(poll: Callable[[], T | None], what: str, seconds: float = _PATIENCE_SECONDS) -> T:
    """Call `poll` until the result is true, and return that result. Fault after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        found = poll()
        if found:
            return found
        if time.monotonic() > deadline:
            raise Fault(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.1)


def _place(text: str) -> tuple[str, int]:
    return "127.0.0.1", int(text.rpartition(":")[2])
