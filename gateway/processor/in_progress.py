"""Uploads safe in the sealed store and being decided, without any record yet.

Each upload also stays in the spool, so that a crash loses none: the upload is claimed again. Most are
decided within a moment and go on record together with the decision. A slower one goes on record as landed,
and its provider gets a receipt for landing.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gateway.model import Upload

A_MOMENT_SECONDS = 1.0
"""Seconds after which an undecided upload goes on record as landed."""


@dataclass(frozen=True, slots=True)
class _Claimed:
    """Upload as named inside, its reference in the spool, and the time of the claim."""

    upload: Upload
    there: str
    since: float


@dataclass(slots=True)
class InProgress:
    """Claimed uploads without a record. For one thread only; `clock` returns monotonic seconds."""

    clock: Callable[[], float]
    _claimed: dict[str, _Claimed] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return the number of uploads."""
        return len(self._claimed)

    def add(self, uploads: Mapping[str, Upload]) -> None:
        """Add uploads just claimed, keyed by spool reference."""
        now = self.clock()
        self._claimed |= {one.reference: _Claimed(one, there, now) for there, one in uploads.items()}

    @property
    def uploads(self) -> dict[str, Upload]:
        """Uploads by inside reference, oldest first."""
        return {reference: one.upload for reference, one in self._claimed.items()}

    @property
    def in_spool(self) -> set[str]:
        """References of the uploads in the spool."""
        return {one.there for one in self._claimed.values()}

    def late(self, *, all_of_them: bool = False) -> dict[str, Upload]:
        """Return uploads undecided for longer than a moment, by spool reference."""
        before = self.clock() - A_MOMENT_SECONDS
        return {one.there: one.upload for one in self._claimed.values() if all_of_them or one.since <= before}

    def hold_up(self, reference: str) -> None:
        """Count an upload as late from now on, because something delays its decision."""
        if (claimed := self._claimed.get(reference)) is not None:
            self._claimed[reference] = replace(claimed, since=float("-inf"))

    def take_out(self, references: Iterable[str]) -> Collection[str]:
        """Forget uploads now on record; return their references in the spool."""
        taken = (self._claimed.pop(reference, None) for reference in references)
        return [one.there for one in taken if one is not None]


_LONGEST_WAIT = 600.0
_DOUBLINGS = 10


@dataclass(slots=True)
class _Trouble:
    times: int = 0
    losses: int = 0
    not_before: float = 0.0


class BackOff:
    """Track failures per file; pauses grow from twice `pause_seconds` to ten minutes.

    `clock` returns monotonic seconds.
    """

    def __init__(self, pause_seconds: float, clock: Callable[[], float]) -> None:
        self._pause_seconds = pause_seconds
        self._clock = clock
        self._known: dict[str, _Trouble] = {}

    def rests(self, reference: str) -> bool:
        """Return True while it is too early to try this file again."""
        trouble = self._known.get(reference)
        return trouble is not None and self._clock() < trouble.not_before

    def has_lost(self, reference: str) -> bool:
        """Return True if examining this file has ended at least one child."""
        trouble = self._known.get(reference)
        return trouble is not None and trouble.losses > 0

    def note(self, reference: str, *, lost: bool = False) -> int:
        """Count a failure, with `lost` also a lost child, and return the number of children lost so far."""
        trouble = self._known.setdefault(reference, _Trouble())
        trouble.times += 1
        trouble.losses += lost
        pause = min(_LONGEST_WAIT, self._pause_seconds * 2 ** min(trouble.times, _DOUBLINGS))
        trouble.not_before = self._clock() + pause
        return trouble.losses

    def forget(self, reference: str) -> None:
        """Clear the failures of a file after success."""
        self._known.pop(reference, None)
