"""The isolated children of a processor, kept for the next one: to start them takes most of a second."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gateway.examiner.parent import Examiner, Examiners
from gateway.home import Home
from tests.forking import in_this_thread


class Children:
    """Those of one home. A processor is given them by `lent`, and they are here again when it has stopped."""

    def __init__(self) -> None:
        self._idle: list[_Kept] = []
        self._settings = b""

    def lent(self, home: Home) -> Examiners:
        """For one processor; those that read other settings when they started are ended before."""
        settings = home.settings.read_bytes()
        if settings != self._settings:
            self.end()
        self._settings = settings
        return _Lent(self._idle, home)

    def end(self) -> None:
        """End them all."""
        while self._idle:
            self._idle.pop().end()


class _Kept:
    """An examiner with a thread of its own: its children end with the thread that started them."""

    def __init__(self, examiner: Examiner) -> None:
        self._examiner = examiner
        self._thread = ThreadPoolExecutor(1, "kept", initializer=in_this_thread)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        asked = getattr(self._examiner, name)
        return lambda *given, **named: self._thread.submit(asked, *given, **named).result()

    def end(self) -> None:
        self._thread.submit(self._examiner.close).result()
        self._thread.shutdown()


class _Lent(Examiners):
    def __init__(self, idle: list[_Kept], home: Home) -> None:
        super().__init__(home)
        self._idle = idle
        self._taken: list[_Kept] = []
        self._here = threading.local()
        self._one_at_a_time = threading.Lock()

    def mine(self) -> Examiner:
        kept = getattr(self._here, "kept", None)
        if kept is None:
            with self._one_at_a_time:
                kept = self._idle.pop() if self._idle else _Kept(super().mine())
                self._taken.append(kept)
            self._here.kept = kept
        return kept

    def close(self) -> None:
        """Take them back."""
        with self._one_at_a_time:
            self._idle += self._taken
            self._taken = []
