"""What work costs, counted instead of timed: the same on every machine, however busy it is."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from sqlalchemy import Engine, event

T = TypeVar("T")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Collect the SQL statements that this process, in all of its threads, executes meanwhile."""
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", note)


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


def lines(work: Callable[[], T]) -> tuple[T, int]:
    """What `work` gives, and how many lines of Python this thread executed for it, rounds of loops too."""
    number = 0

    def count(_frame: FrameType, event: str, _given: object) -> object:
        nonlocal number
        number += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        return work(), number
    finally:
        sys.settrace(before)
