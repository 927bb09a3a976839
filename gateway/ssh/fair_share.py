"""Fair shares of one event loop: while it is busy, heavy sources pause a little.

A client can cost the loop much by sending much: key exchanges, thousands of tiny packets, noise. The cost of
reading from each source is counted; nobody pauses while the loop has time to spare.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

_MEMORY_SECONDS = 0.25  # Time spent fades with this time constant.
_BUSY = 0.4  # Above this part of its time, the loop is busy.
_UNFAIR = 1.5  # A source above this multiple of a fair part pauses.
_LONGEST_PAUSE = 0.25
_KNOWN = 1_024
_ACTIVE = 1e-4  # Seconds, faded; below, a source is not active.


@dataclass(slots=True)
class _Spent:
    """Seconds of the loop, faded to the time `at`."""

    seconds: float = 0.0
    at: float = 0.0

    def faded(self, now: float) -> float:
        return self.seconds * math.exp((self.at - now) / _MEMORY_SECONDS)

    def add(self, seconds: float, now: float) -> float:
        self.seconds, self.at = self.faded(now) + seconds, now
        return self.seconds


class FairShare:
    """The recent loop time spent by source; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._all = _Spent()
        self._by_source: dict[str, _Spent] = {}

    def spend(self, source: str, seconds: float) -> float:
        """Count seconds spent on `source`; return the seconds to pause reading from it."""
        now = self.clock()
        spent = self._by_source.setdefault(source, _Spent(at=now)).add(seconds, now)
        if self._all.add(seconds, now) < _BUSY * _MEMORY_SECONDS:
            return 0.0
        fair = self._all.seconds / self._active(now)
        if spent <= _UNFAIR * fair:
            return 0.0
        return min(_LONGEST_PAUSE, _MEMORY_SECONDS * math.log(spent / fair))

    def _active(self, now: float) -> int:
        """Count the active sources; forget inactive ones when many."""
        wanting = {source: spent for source, spent in self._by_source.items() if spent.faded(now) > _ACTIVE}
        if len(self._by_source) > _KNOWN:
            self._by_source = wanting
        return max(1, len(wanting))
