"""The worker that brings tasks: whatever goes wrong, it begins again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from gateway.processor.worker import TaskWorker
from gateway.record.registrar import Registrar
from tests.waiting import until


class Odd:
    """In the place of a registry: of where it is nobody can ask."""

    def __init__(self) -> None:
        self.asked = 0

    @property
    def url(self) -> str:
        self.asked += 1
        raise KeyError("nobody thought of this")


class Place:
    """In the place of a registrar."""

    def __init__(self) -> None:
        self.registry = Odd()


async def take(_: Sequence[str]) -> None:
    raise AssertionError


def test_an_error_that_nobody_thought_of_does_not_end_it() -> None:
    place: Any = Place()
    worker = TaskWorker(cast(Registrar, place), take, at_once=1)
    worker.start()
    until(lambda: place.registry.asked >= 2, "another attempt")
    worker.end()
