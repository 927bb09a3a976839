"""The two files of a service through which its penalties are listed, and lifted by an administrator.

intake      spool/penalties.json     published/lifted.json    across the wall
mailboxes   mailboxes/penalties.json mailboxes/lifted.json    both inside

penalties.json says who has to wait, and until when; inside, it is only shown. lifted.json says whom to
forgive what they owed before that time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from gateway.home import Home, Published, Spool
from gateway.zones.across import read_small

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
        """These penalties with one more. Where there are too many, the oldest are left out."""
        at = {**{known: when for known, when in self.at.items() if known != source}, source: now}
        return Lifted(at=dict(list(at.items())[-_MOST_LIFTED:]))


@dataclass(frozen=True, slots=True)
class PenaltyFiles:
    """Where a service lists who has to wait, and reads who was forgiven."""

    listed: Path
    lifted: Path

    def read_lifted(self) -> Lifted:
        """Who was forgiven; nobody where the file is missing. ValueError where it is not valid."""
        try:
            return Lifted.model_validate_json(read_small(self.lifted, _MOST_BYTES))
        except FileNotFoundError:
            return Lifted()

    def read_listed(self) -> Listed:
        """Who has to wait; nobody where the file is missing. ValueError where it is not valid."""
        try:
            return Listed.model_validate_json(read_small(self.listed, _MOST_BYTES))
        except FileNotFoundError:
            return Listed()

    def write_listed(self, listed: Listed) -> None:
        """Replace the list. It need not last: when the service has ended, nobody has to wait."""
        aside = self.listed.with_name(f".{self.listed.name}.new")
        aside.write_text(listed.model_dump_json(), "utf-8")
        aside.replace(self.listed)


def of_intake(spool: Spool, published: Published) -> PenaltyFiles:
    """The files of intake."""
    return PenaltyFiles(spool.root / _LIST, published.root / _LIFT)


def of_mailboxes(home: Home) -> PenaltyFiles:
    """The files of the mailboxes."""
    return PenaltyFiles(home.mailboxes / _LIST, home.mailboxes / _LIFT)
