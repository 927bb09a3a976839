"""Slow answers about all schools or all files, each computed at most once a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

SECONDS = 60.0
MEANWHILE = 600.0
_MOST = 32

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class WithinTheMinute(Generic[K, V]):
    """A cache of a few slow answers, thread-safe. `clock` returns monotonic seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._working = threading.Lock()
        self._known: dict[K, tuple[float, V]] = {}
        self._renewed: set[K] = set()

    def of(self, asked: K, work: Callable[[], V]) -> V:
        """Return the answer to `asked`, at most a minute old, or a new one from `work`.

        While a new answer is computed in a separate thread, callers get the last one, unless ten minutes old.
        """
        known = self._within(asked, SECONDS)
        if known is None and (known := self._within(asked, MEANWHILE)) is not None:
            self._renew(asked, work)
        if known is not None:
            return known[1]
        with self._working:  # Concurrent callers wait for the same answer.
            known = self._within(asked, SECONDS)
            return known[1] if known is not None else self._worked_out(asked, work)

    def _within(self, asked: K, seconds: float) -> tuple[float, V] | None:
        with self._lock:
            known = self._known.get(asked)
            return known if known is not None and self._clock() < known[0] + seconds else None

    def _worked_out(self, asked: K, work: Callable[[], V]) -> V:
        now, found = self._clock(), work()
        with self._lock:
            self._known.pop(asked, None)
            while len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[asked] = (now, found)
        return found

    def _renew(self, asked: K, work: Callable[[], V]) -> None:
        with self._lock:
            if asked in self._renewed:
                return
            self._renewed.add(asked)

        def renew() -> None:
            try:
                with self._working:
                    self._worked_out(asked, work)
            finally:
                with self._lock:
                    self._renewed.discard(asked)

        threading.Thread(target=renew, name="judged", daemon=True).start()
