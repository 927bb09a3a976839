"""Growing pauses between attempts at files the processor failed on, and counts of lost children."""

from collections.abc import Callable
from dataclasses import dataclass

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
