"""Decisions on a file and their reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from gateway.model.content import Classified
from gateway.model.kinds import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Reason: a stable code, its clause, a sentence for a school secretary, the next step."""

    code: str
    clause: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """File allowed by policy as classified; goes to `teams` under `flow`."""

    state: ClassVar[Outcome] = "accepted"
    classified: Classified
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """Held file released by a person to `teams` under `flow`, as `data_type`, about `period` if known.

    `on_roll`: the file's pupils count as on its sender's roll.
    """

    state: ClassVar[Outcome] = "accepted"
    data_type: str | None = None
    period: str | None = None
    on_roll: bool = True
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Drop or declaration taken and recorded; nothing to route."""

    state: ClassVar[Outcome] = "accepted"
    teams: ClassVar[tuple[str, ...]] = ()
    flow: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """File waiting for a person, or until `until` (UTC) where known."""

    state: ClassVar[Outcome] = "held"
    reasons: tuple[Reason, ...]
    flow: str | None = None
    teams: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """File not taken. Final. `few`: something in it is sensitive, so only few people may know of it."""

    state: ClassVar[Outcome] = "refused"
    teams: ClassVar[tuple[str, ...]] = ()
    reasons: tuple[Reason, ...]
    flow: str | None = None
    few: bool = False


Decision = Accepted | Released | Settled | Held | Refused
"""Each decision has a state, a flow, teams and reasons. A held file's teams are its intended recipients."""
