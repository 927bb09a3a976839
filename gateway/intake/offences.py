"""Log lines on offences, at most one a minute of each kind from each address."""

from __future__ import annotations

import logging
from collections.abc import Callable

from gateway.observe.metrics import OFFENCES

log = logging.getLogger(__name__)

_SECONDS = 60.0
_KNOWN = 4_096


class Offences:
    """Notes offences; `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, str], tuple[float, int]] = {}

    def note(self, code: str, address: str) -> None:
        """Log `code` for `address`, or only count it where it was logged less than a minute ago."""
        OFFENCES.labels(code).inc()
        now = self._clock()
        since, suppressed = self._seen.pop((code, address), (float("-inf"), 0))
        if now - since < _SECONDS:
            self._seen[code, address] = (since, suppressed + 1)
            return
        log.warning("offence code=%s address=%s suppressed=%d", code, address, suppressed)
        self._seen[code, address] = (now, 0)
        while len(self._seen) > _KNOWN:
            del self._seen[next(iter(self._seen))]
