"""The two files through which penalties cross the zones: what intake lists, and what an administrator lifts.

spool/penalties.json    intake -> inside   who has to wait, and until when
published/lifted.json   inside -> intake   whom to forgive what they owed before that time
"""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict

from gateway.home import Published, Spool
from gateway.zones.landed import read_small

_MOST_LIFTED = 256
_MOST_BYTES = 4 * 1024**2


class Listed(BaseModel):
    """spool/penalties.json. Inside, it is only shown."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    until: dict[str, AwareDatetime] = {}


class Lifted(BaseModel):
    """published/lifted.json."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: dict[str, AwareDatetime] = {}

    def with_one(self, source: str, now: datetime) -> Lifted:
        """These and one more; the oldest are forgotten."""
        at = {**{known: when for known, when in self.at.items() if known != source}, source: now}
        return Lifted(at=dict(list(at.items())[-_MOST_LIFTED:]))


def listed_file(spool: Spool) -> Path:
    """Where intake lists."""
    return spool.root / "penalties.json"


def lifted_file(published: Published) -> Path:
    """Where the inside says whom to forgive."""
    return published.root / "lifted.json"


def read_lifted(published: Published) -> Lifted:
    """What was lifted; nothing where the file is missing. ValueError where it is not valid."""
    try:
        return Lifted.model_validate_json(read_small(lifted_file(published), _MOST_BYTES))
    except FileNotFoundError:
        return Lifted()


def read_listed(spool: Spool) -> Listed:
    """Who has to wait; nobody where the file is missing. ValueError where it is not valid."""
    try:
        return Listed.model_validate_json(read_small(listed_file(spool), _MOST_BYTES))
    except FileNotFoundError:
        return Listed()
