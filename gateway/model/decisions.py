"""What is decided on a file, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from gateway.model.content import Classified
from gateway.model.kinds import Outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Why: a stable code, the clause it rests on, a sentence for a school secretary, the next step."""

    code: str
    clause: str
    sentence: str
    next_step: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The policy allows the file, as it was classified: it goes to `teams` under `flow`."""

    state: ClassVar[Outcome] = "accepted"
    classified: Classified
    flow: str
    teams: tuple[str, ...]
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """A person sends a held file on to `teams` under `flow`, as `data_type`, about `period` if known.

    `on_roll`: the pupils in it are on its sender's roll.
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
    """A drop or a declaration was taken and is on record; there is nothing to route."""

    state: ClassVar[Outcome] = "accepted"
    teams: ClassVar[tuple[str, ...]] = ()
    flow: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """The file waits: for a person, or until `until` (UTC) where a moment is known."""

    state: ClassVar[Outcome] = "held"
    reasons: tuple[Reason, ...]
    flow: str | None = None
    teams: tuple[str, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The file is not taken. Final."""

    state: ClassVar[Outcome] = "refused"
    teams: ClassVar[tuple[str, ...]] = ()
    reasons: tuple[Reason, ...]
    flow: str | None = None


Decision = Accepted | Released | Settled | Held | Refused
"""Each has a state, a flow, teams and reasons. Teams of a held file are those that it is to go to."""
