"""The `gateway` command, run in this process: quick, and the same code."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from gateway.cli.app import COMMAND
from gateway.homes.demo.parties import Party
from gateway.secrets import passphrase
from tests.forking import forked


def invoke(
    home: Path | None, *arguments: str, given: str | None = None, environment: Mapping[str, str] | None = None
) -> Result:
    """`gateway ARGUMENTS` on this home, or on none, with `given` on its standard input.

    What a command leaves to its process (a passphrase, the form and place of log lines) ends with it. What it
    raises is raised here, where a process would show a trace and exit with 1 as well. Isolated children that
    it starts are forked.
    """
    with _as_it_was(), forked():
        named = {} if home is None else {"GATEWAY_HOME": str(home)}
        return CliRunner(env={**(environment or {}), **named}).invoke(
            COMMAND, list(arguments), input=given, catch_exceptions=False
        )


@contextmanager
def _as_it_was() -> Iterator[None]:
    root, environment = logging.getLogger(), dict(os.environ)
    handlers = root.handlers[:]
    known = [one for one in root.manager.loggerDict.values() if isinstance(one, logging.Logger)]
    levels = {one: one.level for one in (root, *known)}
    try:
        yield
    finally:
        root.handlers[:] = handlers  # The command's own writes to a stream that is closed now.
        for one, level in levels.items():
            one.setLevel(level)
        if passphrase.HANDED_ON not in environment:
            passphrase.forget()
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]


class Commands:
    """Commands on one home, which the first of them makes."""

    def __init__(self, root: Path, *init: str) -> None:
        """Make the home in `root` by `gateway init` with these further options."""
        self.root = root
        self.home = root / "home"
        named = ("--organisation", "Somerset County Council", "--log-origin", "test.invalid/log")
        self.gateway("init", *named, *init)

    def result(self, *arguments: str) -> Result:
        """What `gateway ARGUMENTS` printed, and how it exited."""
        return invoke(self.home, *arguments, environment={"COLUMNS": "200"})

    def gateway(self, *arguments: str) -> str:
        """What it printed; fails where the command does."""
        result = self.result(*arguments)
        assert result.exit_code == 0, (arguments, result.stdout, result.stderr)
        return result.stdout

    def refused(self, *arguments: str, code: int = 1) -> str:
        """The one line on stderr of a command that is expected to fail with `code`."""
        result = self.result(*arguments)
        assert result.exit_code == code, (arguments, result.exit_code, result.stdout, result.stderr)
        return result.stderr

    def json(self, *arguments: str) -> Any:
        """What `gateway ARGUMENTS --json` printed, read."""
        return json.loads(self.gateway(*arguments, "--json"))

    def confirm(self, identifier: str, *staff: str) -> None:
        """Record the telephone call by which the keys of a provider come into force, or of `--staff`."""
        listed = self.json("keys", "list", identifier, *staff)
        waiting = [key for key in listed if key["state"] == "pending" or key["unconfirmed"]]
        self.gateway("keys", "confirm", identifier, *(key["fingerprint"] for key in waiting), *staff)

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
        self.confirm(identifier)
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
