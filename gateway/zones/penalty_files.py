"""The two files of a service for listing penalties, and for lifting them by an administrator.

intake      spool/penalties.json     published/lifted.json    across the wall
mailboxes   mailboxes/penalties.json mailboxes/lifted.json    both inside

penalties.json lists the waiting sources with their ends; inside, it is only displayed. lifted.json lists the
sources forgiven, with the time up to which debts are cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from gateway.home import Home, Published, Spool
from gateway.zones.spool import read_small

_MOST_LIFTED = 256
_MOST_BYTES = 4 * 1024**2
_LIST, _LIFT = "penalties.json", "lifted.json"


class Listed(BaseModel):
    """penalties.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: dict[str, AwareDatetime] = {}


class Lifted(BaseModel):
    """lifted.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: dict[str, AwareDatetime] = {}

    def with_one(self, source: str, now: datetime) -> Lifted:
        """Return the lifted penalties with one more, dropping the oldest above the maximum."""
        at = {**{known: when for known, when in self.at.items() if known != source}, source: now}
        return Lifted(at=dict(list(at.items())[-_MOST_LIFTED:]))


@dataclass(frozen=True, slots=True)
class PenaltyFiles:
    """The paths of a service's list of waiting sources, and of its forgiven sources."""

    listed: Path
    lifted: Path

    def read_lifted(self) -> Lifted:
        """Read the lifted penalties; none for a missing file. ValueError if invalid."""
        try:
            return Lifted.model_validate_json(read_small(self.lifted, _MOST_BYTES))
        except FileNotFoundError:
            return Lifted()

    def read_listed(self) -> Listed:
        """Return the waiting sources; none for a missing file. ValueError if invalid."""
        try:
            return Listed.model_validate_json(read_small(self.listed, _MOST_BYTES))
        except FileNotFoundError:
            return Listed()

    def write_listed(self, listed: Listed) -> None:
        """Replace the list. Need not be durable: nobody waits after the end of the service."""
        aside = self.listed.with_name(f".{self.listed.name}.new")
        aside.write_text(listed.model_dump_json(), "utf-8")
        aside.replace(self.listed)


def of_intake(spool: Spool, published: Published) -> PenaltyFiles:
    """Return the files of intake."""
    return PenaltyFiles(spool.root / _LIST, published.root / _LIFT)


def of_mailboxes(home: Home) -> PenaltyFiles:
    """Return the files of the mailboxes."""
    return PenaltyFiles(home.mailboxes / _LIST, home.mailboxes / _LIFT)
