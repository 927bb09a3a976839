"""The examiners of a service: one for each of its threads."""

from __future__ import annotations

import threading

from gateway.examiner.parent import Examiner
from gateway.home import Home


class Examiners:
    """One Examiner for each thread that asks; all of them are ended together."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._mine = threading.local()
        self._all: list[Examiner] = []
        self._lock = threading.Lock()

    def mine(self) -> Examiner:
        """The calling thread's own examiner."""
        examiner: Examiner | None = getattr(self._mine, "examiner", None)
        if examiner is None:
            examiner = self._new()
            self._mine.examiner = examiner
            with self._lock:
                self._all.append(examiner)
        return examiner

    def _new(self) -> Examiner:
        """A fresh examiner, for a thread that has none."""
        return Examiner(self._home)

    def close(self) -> None:
        """End every child."""
        with self._lock:
            for examiner in self._all:
                examiner.close()
