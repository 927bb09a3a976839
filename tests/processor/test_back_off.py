"""A file that cannot be dealt with rests longer each time, and no longer than ten minutes."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gateway.processor.claim import BackOff
from tests.clock import Seconds


@pytest.fixture
def clock() -> Seconds:
    return Seconds()


def rest(back_off: BackOff, clock: Seconds, reference: str = "a") -> float:
    """How long the file rests from now on, to a second."""
    begun = clock.now
    while back_off.is_pausing(reference):
        clock.now += 1
    return clock.now - begun


def test_a_file_without_a_failure_does_not_rest(clock: Seconds) -> None:
    assert not BackOff(5, clock).is_pausing("a")


@pytest.mark.parametrize(
    ("pause", "rests"),
    [
        (5, [10, 20, 40, 80, 160, 320, 600, 600]),
        (1, [2, 4, 8, 16, 32, 64, 128, 256, 512, 600]),
        (600, [600, 600]),
        (0, [0, 0]),
    ],
)
def test_each_failure_doubles_the_rest_up_to_ten_minutes(
    clock: Seconds, pause: float, rests: list[float]
) -> None:
    back_off = BackOff(pause, clock)
    found = []
    for _ in rests:
        back_off.note("a")
        found.append(rest(back_off, clock))
    assert found == rests


def test_a_file_that_fails_for_ever_is_still_tried_every_ten_minutes(clock: Seconds) -> None:
    back_off = BackOff(0.2, clock)
    found = []
    for _ in range(2000):  # Two to that power would be no number of seconds any more.
        back_off.note("a")
        found.append(rest(back_off, clock))
    assert all(earlier <= later for earlier, later in pairwise(found))
    assert found[-1] == 205  # 0.2 s, doubled ten times, to a whole second.


def test_one_file_does_not_rest_for_another(clock: Seconds) -> None:
    back_off = BackOff(5, clock)
    back_off.note("a")
    assert back_off.is_pausing("a")
    assert not back_off.is_pausing("b")


def test_only_losses_are_counted_as_losses(clock: Seconds) -> None:
    back_off = BackOff(5, clock)
    assert [back_off.note("a", lost=lost) for lost in (False, True, False, True, True)] == [0, 1, 1, 2, 3]
    assert back_off.note("b", lost=True) == 1


def test_a_file_that_was_dealt_with_begins_anew(clock: Seconds) -> None:
    back_off = BackOff(5, clock)
    for _ in range(4):
        back_off.note("a", lost=True)
    back_off.forget("a")
    assert not back_off.is_pausing("a")
    assert back_off.note("a", lost=True) == 1
    assert rest(back_off, clock) == 10
    back_off.forget("never heard of")
