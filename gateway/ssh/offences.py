"""Log lines on what clients do wrong: one for each client and cause, then a count, once a minute.

So no client can fill the log, whatever it does and however often.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter

log = logging.getLogger(__name__)

_SECONDS = 60.0
_KNOWN = 4_096


@dataclass(slots=True)
class _Told:
    """When it was told last, how grave it is, and how often it happened since."""

    at: float
    level: int
    since: int = 0


class Offences:
    """Notes what clients do wrong; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float], counts: Counter) -> None:
        self._clock = clock
        self._counts = counts
        self._told: dict[tuple[str, str], _Told] = {}

    def note(self, code: str, address: str, level: int = logging.WARNING) -> None:
        """Log `code` for `address`, or only count it where it was logged less than a minute ago."""
        self._counts.labels(code.partition(" ")[0]).inc()
        now = self._clock()
        told = self._told.pop((code, address), None)
        if told is not None and now - told.at < _SECONDS:
            told.since += 1
            self._told[code, address] = told
            return
        self._tell(code, address, level, 0 if told is None else told.since)
        self._told[code, address] = _Told(now, level)
        while len(self._told) > _KNOWN:
            del self._told[next(iter(self._told))]

    def look_round(self) -> None:
        """Tell what was only counted for a minute; forget what did not happen again."""
        before = self._clock() - _SECONDS
        for (code, address), told in list(self._told.items()):
            if told.at < before:
                del self._told[code, address]
                if told.since:
                    self._tell(code, address, told.level, told.since)

    def _tell(self, code: str, address: str, level: int, since: int) -> None:
        log.log(level, "offence code=%s address=%s suppressed=%d", code, address, since)
