"""Waiting for what other threads and processes do."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.005, 0.1
_REST = 4  # So many times as long as it takes to ask: what is waited for needs the processor too.


def until(poll: Callable[[], T | None], what: str, seconds: float = 60) -> T:
    """What `poll` gives, once that is something; fails where it takes longer than `seconds`."""
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE
    asked = time.thread_time()
    while not (found := poll()):
        assert time.monotonic() < deadline, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(max(pause, _REST * (time.thread_time() - asked)))
        asked = time.thread_time()
        pause = min(2 * pause, _LONGEST_PAUSE)
    return found


def eventually(condition: Callable[[], object], seconds: float = 60) -> None:
    """The same for what needs no name: that it happens at all."""
    until(condition, "what was to happen", seconds)
