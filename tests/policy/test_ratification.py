"""Clause 1.4: ratified for an academic year, lapsing at the review, with warnings before."""

from datetime import date
from pathlib import Path

import pytest

from gateway.model import Accepted, Held
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.decide import Declaration, decide, decide_method
from gateway.policy.ratification import (
    following,
    in_force,
    lapse_day,
    status_on,
    unratified,
    year_to_ratify,
)
from tests.policy.tables import classified, london, provider


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
    found = status_on(years, day(on), catalogue)
    assert (found.standing, found.days_left, found.warning) == (standing, left, warning)
    assert (found.standing == "ratified") == in_force(years, day(on), catalogue)


def test_the_coming_year_is_known_when_it_is_ratified(catalogue: Catalogue) -> None:
    assert status_on(("2026-27", "2027-28"), day("2027-08-01"), catalogue).next_year
    assert not status_on(("2026-27",), day("2027-08-01"), catalogue).next_year
    assert following("2098-99") == "2099-00"
    assert lapse_day("2026-27", catalogue) == day("2027-09-01")


def _catalogue(policies: Path, setting: str) -> Catalogue:
    """The policies with a setting for core data."""
    path = policies / "flows.toml"
    text = path.read_text("utf-8")
    assert text.count('id = "student-core"\nclause = "12.1"') == 1
    path.write_text(text.replace('clause = "12.1"', f'clause = "12.1"\nratification = "{setting}"'))
    return load_catalogue(policies)


@pytest.mark.parametrize(
    ("setting", "at", "waits", "notice"),
    [
        ("hold", "2026-09-01T12:00", True, None),
        ("accept", "2026-09-01T12:00", False, None),
        ("accept-with-notice-until 10-31", "2026-09-01T00:00", False, "31 October 2026"),
        ("accept-with-notice-until 10-31", "2026-10-31T23:59", False, "31 October 2026"),
        ("accept-with-notice-until 10-31", "2026-11-01T00:00", True, None),
        ("accept-with-notice-until 10-31", "2027-08-31T12:00", True, None),
        ("accept-with-notice-until 10-31", "2027-09-01T12:00", False, "31 October 2027"),
        ("accept-with-notice-until 01-31", "2026-12-01T12:00", False, "31 January 2027"),
        ("accept-with-notice-until 01-31", "2027-02-01T12:00", True, None),
        ("accept-with-notice-until 2026-10-31", "2026-10-31T12:00", False, "31 October 2026"),
        ("accept-with-notice-until 2026-10-31", "2027-10-01T12:00", True, None),
    ],
)
def test_each_flow_says_what_becomes_of_files_of_who_has_not_ratified(
    *, policies: Path, setting: str, at: str, waits: bool, notice: str | None
) -> None:
    catalogue = _catalogue(policies, setting)
    decision = decide(classified("student-core"), catalogue, provider(ratified=False), london(at))
    told = [r.sentence for r in decision.reasons if r.code == "policy:taken-unratified"]
    assert isinstance(decision, Held) is waits
    assert ("policy:agreement-not-ratified" in {r.code for r in decision.reasons}) is waits
    assert [notice in sentence for sentence in told] == ([True] if notice else [])
    ratified = decide(classified("student-core"), catalogue, provider(), london(at))
    assert isinstance(ratified, Accepted)
    assert [r.code for r in ratified.reasons] == ["policy:allowed"]


@pytest.mark.parametrize("data_type", ["school-census", "eyfs-profile", "phonics", "ks1", "exclusions"])
def test_what_a_statute_requires_does_not_wait_for_a_signature(catalogue: Catalogue, data_type: str) -> None:
    first_of_september = london("2026-09-01T00:01")
    decision = decide(classified(data_type), catalogue, provider(ratified=False), first_of_september)
    assert isinstance(decision, Accepted)


@pytest.mark.parametrize(
    ("data", "waits"), [("exclusions", False), ("student-core", True), ("finance", True)]
)
def test_what_is_declared_waits_for_a_signature_where_a_file_would(
    *, catalogue: Catalogue, data: str, waits: bool
) -> None:
    declaration = Declaration(
        provider=provider(ratified=False),
        data=data,
        method="b2b" if data != "finance" else "email",
        at=london("2026-09-01T12:00"),
        safeguards=frozenset(catalogue.methods.safeguards()),
    )
    assert isinstance(decide_method(declaration, catalogue), Held) is waits


def test_one_update_that_is_declared_waits_if_any_of_it_must(catalogue: Catalogue) -> None:
    flow = catalogue.flow("student-core")
    assert flow is not None
    september = london("2026-09-01T12:00")
    both = ("exclusions", "student-core")
    found = [*unratified(provider(ratified=False), flow, both, catalogue, september)]
    assert [(action, why.code) for action, why in found] == [("hold", "policy:agreement-not-ratified")]
