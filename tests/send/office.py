"""A school's office: its kit, driven by the real command, and a gateway that has enrolled it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from click.testing import Result
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.openpgp.sealer import generate_gateway_key
from gateway.samples import make, school
from gateway.send.connection import host_key_of
from tests import warm
from tests.commands import invoke
from tests.site import Site

PASSPHRASE = "correct horse battery staple"


class Office:
    """One school that has done its first day. `place` is where its kit looks for the gateway."""

    def __init__(
        self,
        site: Site,
        name: str,
        place: tuple[str, int],
        root: Path,
        *,
        ratified: bool = True,
        own: bool = False,
        openpgp_key: Path | None = None,
        passphrase: str = PASSPHRASE,
    ) -> None:
        self.site, self.name, self.root = site, name, root
        self.kit = root / "kit"
        root.mkdir(parents=True)
        self.passphrase = root / "passphrase"
        self.passphrase.write_text(f"{passphrase}\n")
        given = () if own else self.given(openpgp_key)
        self.done("setup", "--provider", name, "--owner", f"The {name} <office@{name}.invalid>", *given)
        self.enrol(ratified=ratified)
        self.meet(place)

    def given(self, openpgp_key: Path | None) -> tuple[str, ...]:
        """Keys that the office has already: without a passphrase, which takes half a second each time."""
        if openpgp_key is None:
            openpgp_key = self.root / "openpgp"
            openpgp_key.write_bytes(generate_gateway_key(f"The {self.name}", datetime.now(UTC)))
        ssh_key = self.root / "ssh"
        made = Ed25519PrivateKey.generate()
        ssh_key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        return "--openpgp-key", str(openpgp_key), "--ssh-key", str(ssh_key)

    def enrol(self, *, ratified: bool = True) -> None:
        """What the authority does with what it was handed, and the telephone call."""
        self.site.gateway(
            "providers", "add", self.name, "--name", f"The {self.name}", "--kind", "school",
            "--ssh-key", str(self.kit / "ssh.pub"), "--openpgp-key", str(self.kit / "certificate.asc"),
        )  # fmt: skip
        self.site.confirm(self.name)
        if ratified:
            self.site.gateway("agreement", "ratify", self.name, "--signatory", "The Head")

    def meet(self, place: tuple[str, int]) -> None:
        """Compare the gateway's keys with what was told by telephone."""
        shown = self.site.json("keys", "gateway", "show")[-1]
        self.done(
            "setup", "--host", place[0], "--port", str(place[1]), "--host-key", host_key_of(*place),
            "--gateway-key", shown["fingerprint"],
        )  # fmt: skip

    @property
    def environment(self) -> dict[str, str]:
        return {
            "GATEWAY_KIT": str(self.kit),
            "GATEWAY_KIT_PASSPHRASE_FILE": str(self.passphrase),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring",
            "COLUMNS": "200",
        }

    def send(self, *arguments: str) -> Result:
        """`gateway send ARGUMENTS`."""
        return invoke(None, "send", *arguments, environment=self.environment)

    def done(self, *arguments: str) -> str:
        """What it printed; fails where the command does."""
        result = self.send(*arguments)
        assert result.exit_code == 0, (arguments, result.exit_code, result.stdout, result.stderr)
        return result.stdout

    def json(self, *arguments: str, code: int = 0) -> Any:
        """What it printed as JSON, whatever it exited with being expected."""
        result = self.send(*arguments, "--json")
        assert result.exit_code == code, (arguments, result.exit_code, result.stdout, result.stderr)
        return json.loads(result.stdout)

    def process(self, *arguments: str) -> subprocess.Popen[str]:
        """The same command as a process of its own, to be killed."""
        return warm.Popen(
            [sys.executable, "-m", "gateway", "send", *arguments],
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def file(self, name: str, content: bytes) -> Path:
        """A plain file that lies in the office."""
        path = self.root / name
        path.write_bytes(content)
        return path

    def transfers(self) -> list[dict[str, Any]]:
        """What the gateway has of this school."""
        return self.site.transfers("--provider", self.name)


def with_another_column(seed: int) -> bytes:
    """A list of pupils with a column that the agreement does not list."""
    rng = random.Random(seed)
    plain = make("student-core", "csv-school-history", rng=rng, school=school(rng, 1), pupils=3).decode()
    head, *rows = plain.splitlines()
    return "\n".join([f"{head},Shoe size", *(f"{row},4" for row in rows), ""]).encode()
