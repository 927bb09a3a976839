"""No cost that can be counted grows unseen."""

from __future__ import annotations

import json

import pytest

from tests.bench.counts import COUNTS, grown, measured
from tests.costs import calls

pytestmark = pytest.mark.long


@pytest.mark.timeout(600)
def test_a_file_costs_no_more_statements_commits_fsyncs_and_calls_than_are_written_down() -> None:
    told = grown(json.loads(COUNTS.read_text("utf-8")), measured())
    assert not told, "if it has to be: python -m tests.bench.counts --write, and say why in the commit"


def test_what_grew_by_more_than_a_tenth_is_told_and_what_is_new_or_gone() -> None:
    before = {"a": 100.0, "b": 100.0, "c": 0.0, "d": 1.0}
    after = {"a": 110.0, "b": 111.0, "c": 1.0, "e": 2.0}
    assert grown(before, after) == [
        "b was 100 and is 111",
        "c was 0 and is 1",
        "e is new: 2",
        "d is no longer counted",
    ]


def test_one_more_call_for_each_element_would_be_seen() -> None:
    def work(more: int) -> None:
        for _ in range(100):
            for _ in range(1 + more):
                abs(-1)

    assert calls(lambda: work(1))[1] > 1.1 * calls(lambda: work(0))[1]
