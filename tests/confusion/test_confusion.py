"""A bounded confusion matrix: every layout, and a sample of presentations, sizes and faults."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.classify import Rules, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.samples import LAYOUTS
from gateway.samples.presentation import PLAIN
from tests.confusion.cases import Case, answer, cases, misses, said
from tests.confusion.confusion import POLICIES, Matrix, others, shown
from tests.confusion.memory import measured

LIMITS = ClassifyLimits()
EVERY_LAYOUT = [Case(layout, PLAIN, 40, errors, 3) for layout in LAYOUTS for errors in (False, True)]
SOME_PRESENTATIONS = [case for case in cases(1200, large=False) if case.way is not PLAIN][::12]


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load_rules(POLICIES)


@pytest.mark.parametrize("case", EVERY_LAYOUT + SOME_PRESENTATIONS, ids=str)
def test_a_sample_is_what_it_is(case: Case, rules: Rules):
    built = case.build()
    outcome = answer(built.content, built.name, LIMITS, rules)
    assert misses(case, built, outcome) == []


@pytest.mark.long
def test_no_file_of_the_negative_corpus_gets_a_data_type_or_takes_long(rules: Rules):
    matrix: Matrix = Counter()
    assert others(LIMITS, rules, matrix) == []
    assert matrix.total() > 80


def test_a_name_changes_no_type(rules: Rules):
    builts = [case.build() for case in EVERY_LAYOUT[::2]]
    names = [built.name for built in builts]
    for built, name in zip(builts, [*names[7:], *names[:7]], strict=True):
        outcome = answer(built.content, name, LIMITS, rules)
        assert said(outcome) == built.data_type, f"{built.name} as {name}"


def test_the_cases_hold_every_layout_in_every_presentation_clean_and_with_faults():
    every = {(c.layout.data_type, c.layout.variant, c.way.name) for c in cases(10_000)}
    two_rounds = cases(2 * len(every))
    for errors in (False, True):
        chosen = [c for c in two_rounds if c.errors is errors]
        assert {(c.layout.data_type, c.layout.variant, c.way.name) for c in chosen} == every
    assert {5, 300, 2000} <= {c.pupils for c in two_rounds}


def test_a_wrong_answer_is_a_miss_and_shows_in_the_matrix(rules: Rules):
    """The harness itself can fail: the answer for one file is held against the truth of another."""
    case, other = EVERY_LAYOUT[0], next(c for c in EVERY_LAYOUT if c.layout.data_type == "school-census")
    outcome = answer(other.build().content, "x.xml", LIMITS, rules)
    assert misses(case, case.build(), outcome)[0].startswith("type: said school-census")
    table = shown(Counter({("student-core", "school-census"): 1}))
    assert [column.header for column in table.columns] == ["truth", "school-census"]


def test_memory_taken_and_given_back_is_measured():
    with measured() as growth:
        bytearray(b"x" * 150_000_000)
    assert 140 < growth.megabytes < 400


def test_a_wrong_count_is_a_miss(rules: Rules):
    clean, spoilt = EVERY_LAYOUT[0], EVERY_LAYOUT[1]
    outcome = answer(spoilt.build().content, "x.xml", LIMITS, rules)
    assert any(miss.startswith("upn:check-letter") for miss in misses(clean, clean.build(), outcome))
