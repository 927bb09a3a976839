"""The examiners of a service: one per thread."""

import threading

from gateway.examiner.parent import Examiner
from gateway.home import Home


class Examiners:
    """One Examiner per thread, all closed together."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._mine = threading.local()
        self._all: list[Examiner] = []
        self._lock = threading.Lock()

    def mine(self) -> Examiner:
        """Return the calling thread's own examiner."""
        examiner: Examiner | None = getattr(self._mine, "examiner", None)
        if examiner is None:
            examiner = self._new()
            self._mine.examiner = examiner
            with self._lock:
                self._all.append(examiner)
        return examiner

    def _new(self) -> Examiner:
        """Return a new examiner for a thread without one."""
        return Examiner(self._home)

    def close(self) -> None:
        """End every child."""
        with self._lock:
            for examiner in self._all:
                examiner.close()
