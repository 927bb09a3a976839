"""Log clients' offences: one line for each client and cause, then a count, once a minute.

So no client can fill the log.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Counter

_log = logging.getLogger(__name__)

_SECONDS = 60.0
_KNOWN = 4_096


@dataclass(slots=True)
class _Told:
    """The last log time of an offence, its level, and the count since."""

    at: float
    level: int
    since: int = 0


class Offences:
    """A log of clients' offences; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float], counts: Counter) -> None:
        self._clock = clock
        self._counts = counts
        self._told: dict[tuple[str, str, str], _Told] = {}

    def note(self, code: str, address: str, *, level: int = logging.WARNING, detail: str = "") -> None:
        """Log `code` for `address`, or only count it if logged less than a minute ago.

        `detail` describes an internal failure, in words of the gateway.
        """
        self._counts.labels(code).inc()
        now, key = self._clock(), (code, address, detail)
        told = self._told.pop(key, None)
        if told is not None and now - told.at < _SECONDS:
            told.since += 1
            self._told[key] = told
            return
        _tell(key, level, 0 if told is None else told.since)
        self._told[key] = _Told(now, level)
        while len(self._told) > _KNOWN:
            del self._told[next(iter(self._told))]

    def look_round(self) -> None:
        """Log the counts of the last minute; forget offences not repeated."""
        before = self._clock() - _SECONDS
        for key, told in list(self._told.items()):
            if told.at < before:
                del self._told[key]
                if told.since:
                    _tell(key, told.level, told.since)


def _tell(key: tuple[str, str, str], level: int, since: int) -> None:
    code, address, detail = key
    line = f"offence code={code} address={address} suppressed={since} {detail}"
    _log.log(level, "%s", line.rstrip())
