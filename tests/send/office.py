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

from gateway.home import Home
from gateway.openpgp.sealer import generate_gateway_key
from gateway.samples import make, school
from tests import warm
from tests.commands import invoke
from tests.site import Site
from tests.waiting import until

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
        site.gateway("providers", "add", name, "--name", f"The {name}", "--kind", "school")
        given = () if own else self.given(openpgp_key)
        self.done(*self.invited(place), "--owner", f"The {name} <office@{name}.invalid>", *given)
        self.enrol(ratified=ratified)

    def given(self, openpgp_key: Path | None) -> tuple[str, ...]:
        """Keys that the office has already: without a passphrase, which takes half a second each time."""
        if openpgp_key is None:
            openpgp_key = self.root / "openpgp"
            openpgp_key.write_bytes(generate_gateway_key(f"The {self.name}", datetime.now(UTC)))
        ssh_key = self.root / "ssh"
        made = Ed25519PrivateKey.generate()
        ssh_key.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()))
        return "--openpgp-key", str(openpgp_key), "--ssh-key", str(ssh_key)

    def invited(self, place: tuple[str, int]) -> tuple[str, ...]:
        """What is typed to open an invitation, with the words that were heard on the telephone."""
        asked = self.site.result("providers", "invite", self.name, "--address", f"{place[0]}:{place[1]}")
        assert asked.exit_code == 0, asked.stderr
        invitation = self.root / f"{self.name}.invitation"
        invitation.write_text(asked.stdout)
        return "setup", str(invitation), "--words", asked.stderr.splitlines()[1].strip()

    def enrol(self, *, ratified: bool = True) -> None:
        """What the authority does with what it was handed, and the telephone call."""
        self.site.gateway("keys", "add", self.name, str(self.root / f"{self.name}.keys"))
        heard = self.done("setup").splitlines()[2].split()
        self.site.gateway("keys", "confirm", self.name, *heard)
        if ratified:
            self.site.gateway("agreement", "ratify", self.name, "--signatory", "The Head")
        shown = Home(self.site.home).published.common / "agreement" / "policies.asc"
        until(lambda: shown.exists() or None, "the policies by which the kit checks")

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

    def by_a_clock(self, offset: str, *arguments: str) -> tuple[int, str]:
        """Exit code and standard error of the same command by a clock that is wrong by an offset."""
        done = subprocess.run(
            ["faketime", "-f", offset, sys.executable, "-m", "gateway", "send", *arguments],
            env={**os.environ, **self.environment}, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        return done.returncode, done.stderr

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
