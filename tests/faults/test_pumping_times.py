"""Reading takes processor time in proportion to the size of a content, whatever repeats in it.

The larger of two sizes, four times the smaller, takes about four times as much in one run; where the work
grows with the square of the size, sixteen times. `tests/classify/test_pumping.py` counts the lines of Python.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from lxml import etree

from gateway.classify import Rules, load_rules, markup
from tests.classify.conftest import POLICIES
from tests.classify.test_hostile import HOSTILE, cost_of_each
from tests.classify.test_pumping import CONSTRUCTS, MOST, TIMES, Pump, read

SMALL = 16 * 1024
FLOOR = 0.08  # what takes less processor time at the larger size is left alone: nobody waits for it
TRIES = 4


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(POLICIES)


def taken(content: bytes, rules: Rules) -> float:
    """Seconds of the processor that reading a content takes."""
    started = time.thread_time()
    read(content, rules)
    return time.thread_time() - started


def grows_too_fast(pump: Pump, rules: Rules) -> str:
    """Say how the processor time grows, where it grows much faster than the size; mostly nothing."""
    small, large = pump(SMALL), pump(SMALL * TIMES)
    longer, shorter = taken(large, rules), float("inf")
    for _ in range(TRIES):
        if longer < FLOOR:
            return ""
        shorter = min(shorter, taken(small, rules))
        if longer <= MOST * shorter:
            return ""
        longer = min(longer, taken(large, rules))
    return f"{shorter:.3f} s and {longer:.3f} s for {TIMES} times as much"


@pytest.mark.parametrize("name", CONSTRUCTS)
def test_reading_takes_time_in_proportion_to_the_size(name: str, rules: Rules) -> None:
    assert not grows_too_fast(CONSTRUCTS[name], rules)


def test_text_between_very_many_elements_is_looked_for_once() -> None:
    taken = []
    for count in (20_000, 80_000):
        record = etree.fromstring("<Pupil>" + "<a/>x" * count + "</Pupil>")
        start = time.process_time()
        markup._MORE(record)
        taken.append(time.process_time() - start)
    assert taken[1] < 16 * taken[0] / 2 + 0.05


def test_hostile_files_take_little_time(tmp_path: Path) -> None:
    """None takes ten times as long as an ordinary table of two megabytes, in the same process."""
    seconds, _ = cost_of_each(tmp_path, "seconds")
    ordinary = seconds.pop("ordinary")
    assert len(seconds) == len(HOSTILE)
    assert {name: taken for name, taken in seconds.items() if taken > 10 * ordinary} == {}
