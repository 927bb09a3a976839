"""A whole gateway for tests: a home made by the command line, its services, schools and staff.

Everything is real: the services, each a process of its own, over sockets on free ports; keys made afresh.
Commands run in this process; what is theirs as a process (streams, signals, exits) `stage.gateway` shows.
Nothing here needs more than the Python packages; tests that want gpg or another client bring it.
"""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from gateway.homes.demo import parties
from gateway.homes.demo.parties import Party, Running, Stage
from tests import warm
from tests.commands import Commands
from tests.waiting import until

__all__ = ["Party", "Running", "Site"]

_SERVICES = {"process", "run", "serve"}
parties.subprocess = warm  # type: ignore[assignment]


class Site(Commands):
    """One gateway in one temporary folder."""

    def __init__(self, root: Path, *init: str, workers: int = 0) -> None:
        """Make it in `root` by `gateway init` with these further options; so many workers, 0 as shipped."""
        super().__init__(root, *init)
        if workers:
            settings = self.home / "gateway.toml"
            settings.write_text(settings.read_text().replace("workers = 0", f"workers = {workers}"))
        self.certificate = self.gateway("keys", "gateway", "export")

    def copied(self, root: Path) -> Self:
        """The same home elsewhere, while none of its services runs."""
        copy = object.__new__(type(self))
        shutil.copytree(self.home, root / "home")
        copy.root, copy.home, copy.certificate = root, root / "home", self.certificate
        return copy

    @property
    def stage(self) -> Stage:
        """Commands as processes of their own."""
        return Stage(self.home)

    @property
    def log(self) -> Path:
        """Where the services write what they log."""
        return self.root / "run.log"

    def gateway(self, *arguments: str) -> str:
        """What `gateway ARGUMENTS` printed; fails where the command does. Services have their own process."""
        return self.stage.done(*arguments) if arguments[0] in _SERVICES else super().gateway(*arguments)

    def refused(self, *arguments: str, code: int = 1) -> str:
        """The one line on stderr of a command that is expected to fail with `code`."""
        if arguments[0] not in _SERVICES:
            return super().refused(*arguments, code=code)
        result = self.stage.gateway(*arguments)
        assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
        return result.stderr

    def await_decided(self, number: int) -> list[dict[str, Any]]:
        """All transfers, once `number` of them are decided."""

        def decided() -> list[dict[str, Any]] | None:
            listed = self.transfers()
            return listed if sum(one["state"] != "landed" for one in listed) >= number else None

        return until(decided, f"{number} decisions")

    def running(self) -> AbstractContextManager[Running]:
        """`gateway run` on free ports, stopped by SIGTERM."""
        return self.stage.running(self.log)
