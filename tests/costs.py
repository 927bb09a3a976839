"""What work costs, counted instead of timed: the same on every machine, however busy it is."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

T = TypeVar("T")


def python_calls(work: Callable[[], T]) -> tuple[T, int]:
    """What `work` gives, and how many functions of Python were called for it in this thread."""
    return _counting(work, {"call"})


def calls(work: Callable[[], T]) -> tuple[T, int]:
    """The same with functions of C."""
    return _counting(work, {"call", "c_call"})


def _counting(work: Callable[[], T], kinds: set[str]) -> tuple[T, int]:
    number = 0

    def count(_frame: FrameType, event: str, _given: object) -> None:
        nonlocal number
        number += event in kinds

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        return work(), number
    finally:
        sys.setprofile(before)
