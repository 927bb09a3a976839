"""A whole gateway for tests: a home made by the command line, its services, schools and staff.

Everything is real: the `gateway` command, its services over sockets on free ports, keys made afresh.
Nothing here needs more than the Python packages; tests that want gpg or another client bring it.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from gateway.demo.parties import Party
from gateway.demo.stage import Running, Stage, until

__all__ = ["Party", "Running", "Site", "until"]


class Site:
    """One gateway in one temporary folder."""

    def __init__(self, root: Path, *init: str) -> None:
        """Make it in `root` by `gateway init` with these further options."""
        self.root = root
        self.home = root / "home"
        self.stage = Stage(self.home)
        self.log = root / "run.log"
        self.gateway("init", "--log-origin", "test.invalid/log", *init)
        self.certificate = self.gateway("keys", "gateway", "export")

    def gateway(self, *arguments: str) -> str:
        """What `gateway ARGUMENTS` printed; fails where the command does."""
        return self.stage.done(*arguments)

    def refused(self, *arguments: str, code: int = 1) -> str:
        """The one line on stderr of a command that is expected to fail with `code`."""
        result = self.stage.gateway(*arguments)
        assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
        return result.stderr

    def json(self, *arguments: str) -> Any:
        """What `gateway ARGUMENTS --json` printed, read."""
        return self.stage.json(*arguments)

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
        self.stage.confirm(identifier)
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
        return self.stage.await_decided(number)

    def running(self) -> AbstractContextManager[Running]:
        """`gateway run` on free ports, stopped by SIGTERM."""
        return self.stage.running(self.log)
