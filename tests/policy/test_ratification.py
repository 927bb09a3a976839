"""Clause 1.4: ratified for an academic year, lapsing at the review, with warnings before."""

from datetime import date

import pytest

from gateway.policy.catalogue import Catalogue
from gateway.policy.ratification import following, in_force, lapse_day, register, year_to_ratify


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("years", "on", "counts"),
    [
        (("2026-27",), "2026-08-31", False),
        (("2026-27",), "2026-09-01", True),
        (("2026-27",), "2027-08-31", True),
        (("2026-27",), "2027-09-01", False),
        (("2025-26", "2026-27"), "2026-08-31", True),
        ((), "2026-11-24", False),
    ],
)
def test_the_days_a_ratification_covers(
    catalogue: Catalogue, years: tuple[str, ...], on: str, counts: bool
) -> None:
    assert in_force(years, day(on), catalogue) is counts


@pytest.mark.parametrize(
    ("years", "on", "year"),
    [
        ((), "2026-11-24", "2026-27"),
        (("2026-27",), "2026-11-24", "2026-27"),
        ((), "2027-07-15", "2026-27"),
        (("2026-27",), "2027-06-30", "2026-27"),
        (("2026-27",), "2027-07-01", "2027-28"),
        (("2026-27", "2027-28"), "2027-08-31", "2027-28"),
        (("2026-27",), "2027-09-01", "2027-28"),
    ],
)
def test_the_year_that_a_ratification_is_for(
    catalogue: Catalogue, years: tuple[str, ...], on: str, year: str
) -> None:
    assert year_to_ratify(years, day(on), catalogue) == year


@pytest.mark.parametrize(
    ("years", "on", "standing", "left", "warning"),
    [
        (("2026-27",), "2026-11-24", "ratified", 281, None),
        (("2026-27",), "2027-07-02", "ratified", 61, None),
        (("2026-27",), "2027-07-03", "ratified", 60, 60),
        (("2026-27",), "2027-08-02", "ratified", 30, 30),
        (("2026-27",), "2027-08-24", "ratified", 8, 30),
        (("2026-27",), "2027-08-25", "ratified", 7, 7),
        (("2026-27",), "2027-08-31", "ratified", 1, 7),
        (("2026-27",), "2027-09-01", "lapsed", 0, None),
        (("2026-27", "2027-28"), "2027-08-31", "ratified", 1, None),
        (("2027-28",), "2027-08-31", "never", 0, None),
        ((), "2026-11-24", "never", 0, None),
    ],
)
def test_how_a_provider_stands(
    *, catalogue: Catalogue, years: tuple[str, ...], on: str, standing: str, left: int, warning: int | None
) -> None:
    found = register(years, day(on), catalogue)
    assert (found.standing, found.days_left, found.warning) == (standing, left, warning)
    assert (found.standing == "ratified") == in_force(years, day(on), catalogue)


def test_the_coming_year_is_known_when_it_is_ratified(catalogue: Catalogue) -> None:
    assert register(("2026-27", "2027-28"), day("2027-08-01"), catalogue).next_year
    assert not register(("2026-27",), day("2027-08-01"), catalogue).next_year
    assert following("2098-99") == "2099-00"
    assert lapse_day("2026-27", catalogue) == day("2027-09-01")
