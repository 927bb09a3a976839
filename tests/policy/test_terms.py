"""The calendar covers the coming year by rule, and says when it is time to write the dates down."""

from datetime import date, timedelta

import pytest

from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import (
    bank_holidays,
    is_ending,
    last_written,
    school_days,
    school_year,
    terms_by_rule,
)
from gateway.policy.timescale import status
from tests.policy.tables import provider

YEARS = range(2024, 2050)


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize("first", YEARS)
def test_every_year_has_six_terms_by_rule_and_never_a_day_too_many(catalogue: Catalogue, first: int) -> None:
    year = terms_by_rule(catalogue.calendar, first)
    days = [
        each
        for term in year.terms
        for each in (term.first + timedelta(days=n) for n in range((term.last - term.first).days + 1))
        if each.weekday() < 5 and each not in bank_holidays(each.year)
    ]
    assert len(year.terms) == 6
    assert 170 <= len(days) <= 195
    breaks = zip(year.terms, year.terms[1:], strict=False)
    assert all((later.first - earlier.last).days >= 9 for earlier, later in breaks)
    assert year.terms[0].first.month == 9
    assert year.terms[-1].last.month == 7


@pytest.mark.parametrize("first", [2025, 2026])
def test_by_rule_nearly_no_day_is_expected_on_which_the_written_year_has_none(
    catalogue: Catalogue, first: int
) -> None:
    written = catalogue.calendar
    ruled = written.model_copy(update={"school_year": (terms_by_rule(written, first),)})
    of_rule, of_year = (set(school_days(each, frozenset())) for each in (ruled, written))
    assert len(of_rule - of_year) <= 6
    assert len(of_rule & of_year) >= 175


def test_what_is_written_down_wins_over_the_rule(catalogue: Catalogue) -> None:
    year = school_year(catalogue.calendar, 2026)
    assert year is not None
    assert year.terms[0].first == day("2026-09-03")
    assert terms_by_rule(catalogue.calendar, 2026).terms[0].first == day("2026-09-02")


def test_the_coming_year_is_covered_without_an_edit(catalogue: Catalogue) -> None:
    found = {each.data_type: each for each in status(provider(), [], catalogue, day("2027-11-24"))}
    assert (found["student-core"].state, found["student-core"].due) == ("due", day("2027-11-24"))
    assert found["attendance"].due == day("2027-11-26")


def test_without_written_terms_and_without_rules_nothing_is_judged_by_school_days(
    catalogue: Catalogue,
) -> None:
    bare = catalogue.model_copy(update={"calendar": catalogue.calendar.model_copy(update={"term_rule": ()})})
    found = {each.data_type: each for each in status(provider(), [], bare, day("2027-11-24"))}
    assert (found["student-core"].state, found["student-core"].due) == ("no-calendar", None)
    assert found["school-census"].state == "missing"


@pytest.mark.parametrize(
    ("on", "ending"), [("2027-04-24", False), ("2027-04-25", True), ("2028-01-01", True)]
)
def test_before_the_written_terms_end_it_is_said(catalogue: Catalogue, on: str, ending: bool) -> None:
    assert last_written(catalogue.calendar) == day("2027-07-23")
    assert is_ending(catalogue.calendar, day(on)) is ending


def test_a_calendar_without_rules_is_ending_a_year_ahead(catalogue: Catalogue) -> None:
    bare = catalogue.calendar.model_copy(update={"term_rule": ()})
    assert not is_ending(bare, day("2026-07-23"))
    assert is_ending(bare, day("2026-07-24"))


def test_a_calendar_without_any_written_term_is_ending(catalogue: Catalogue) -> None:
    assert is_ending(catalogue.calendar.model_copy(update={"school_year": ()}), day("2026-11-24"))


def test_the_bank_holidays_are_those_of_the_nation(catalogue: Catalogue) -> None:
    assert day("2027-03-17") in bank_holidays(2027, "northern-ireland")
    assert day("2027-03-17") not in bank_holidays(2027)
    elsewhere = catalogue.calendar.model_copy(update={"nation": "northern-ireland"})
    gone = set(school_days(catalogue.calendar, frozenset())) - set(school_days(elsewhere, frozenset()))
    assert day("2027-03-17") in gone
    assert gone <= bank_holidays(2026, "northern-ireland") | bank_holidays(2027, "northern-ireland")
