"""The `gateway` command, run in this process: quick, and the same code."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import Result
from typer.testing import CliRunner

from gateway.cli.app import app
from gateway.demo.parties import Party


@dataclass(frozen=True)
class Commands:
    """Commands on one home, which the first of them makes."""

    root: Path

    def __post_init__(self) -> None:
        self.gateway("init", "--log-origin", "test.invalid/log")

    @property
    def home(self) -> Path:
        return self.root / "home"

    def result(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, arguments, env={"GATEWAY_HOME": str(self.home), "COLUMNS": "200"})

    def gateway(self, *arguments: str) -> str:
        """What it printed; fails where the command does."""
        result = self.result(*arguments)
        assert result.exit_code == 0, (arguments, result.stdout, result.stderr, result.exception)
        return result.stdout

    def refused(self, *arguments: str) -> str:
        """The one line on stderr of a command that is expected to fail."""
        result = self.result(*arguments)
        assert result.exit_code == 1, (arguments, result.stdout, result.exception)
        return result.stderr

    def json(self, *arguments: str) -> Any:
        return json.loads(self.gateway(*arguments, "--json"))

    def confirm(self, identifier: str) -> None:
        """Record the telephone call by which the keys of a provider come into force."""
        waiting = [key for key in self.json("keys", "list", identifier) if key["state"] == "pending"]
        self.gateway("keys", "confirm", identifier, *(key["fingerprint"] for key in waiting))

    def provider(self, identifier: str) -> Party:
        party = Party(identifier, self.root / "parties" / identifier)
        self.gateway(
            "providers", "add", identifier, "--name", f"The {identifier}", "--kind", "school",
            "--ssh-key", str(party.ssh_public), "--openpgp-key", str(party.certificate),
        )  # fmt: skip
        self.confirm(identifier)
        self.gateway("agreement", "ratify", identifier, "--signatory", "The Head")
        return party

    def receipts(self, provider: str) -> Path:
        return self.home / "published" / "providers" / provider / "receipts"
