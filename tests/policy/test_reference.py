"""By what a file is about, not by when it came: the period that its facts give, and what that satisfies."""

from datetime import date

import pytest

from gateway.model import Arrival, Facts, ProviderKind
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import reference_period
from gateway.policy.timescale import DutySpan, State, status
from tests.policy.tables import classified, london, provider

SENT_BY: dict[str, ProviderKind] = {"ks2": "dfe", "ks4": "dfe", "fft-aspire": "fft"}


def day(text: str) -> date:
    return date.fromisoformat(text)


@pytest.mark.parametrize(
    ("data_type", "facts", "landed", "period"),
    [
        # The census: its term and year, or its reference day.
        ("school-census", Facts(term="summer", academic_year="2025/26"), "2026-10-05", "2025-26-summer"),
        ("school-census", Facts(term="autumn", academic_year="2026/27"), "2026-10-05", "2026-27-autumn"),
        ("school-census", Facts(reference_date=day("2026-05-21")), "2026-10-05", "2025-26-summer"),
        ("school-census", Facts(reference_date=day("2026-10-01")), "2026-10-05", "2026-27-autumn"),
        ("school-census", Facts(reference_date=day("2027-01-21")), "2027-01-22", "2026-27-spring"),
        # A term without a year is the latest that can have been taken.
        ("school-census", Facts(term="summer"), "2026-10-05", "2025-26-summer"),
        ("school-census", Facts(term="autumn"), "2026-10-05", "2026-27-autumn"),
        ("school-census", Facts(term="autumn"), "2026-07-01", "2025-26-autumn"),
        # A year alone tells only that it is not the census being taken.
        ("school-census", Facts(academic_year="2025/26"), "2026-10-05", "2025-26"),
        ("school-census", Facts(academic_year="2026/27"), "2026-10-05", None),
        ("school-census", Facts(), "2026-10-05", None),
        # A day to come is nobody's reference day yet: it stands as it is said, and is due nowhere.
        ("school-census", Facts(reference_date=day("2027-05-20")), "2026-10-05", "2027-05-20"),
        # Yearly: the academic year; where only a day is said, the day.
        (
            "phonics",
            Facts(academic_year="2025/26", reference_date=day("2026-09-03")),
            "2026-09-03",
            "2025-26",
        ),
        ("ks1", Facts(academic_year="2024-25"), "2026-06-20", "2024-25"),
        ("ks4", Facts(academic_year="2025/26"), "2026-10-20", "2025-26"),
        ("eyfs-profile", Facts(reference_date=day("2026-06-20")), "2026-06-20", "2026-06-20"),
        ("eyfs-profile", Facts(), "2026-06-20", None),
        # Results: the summer of which they are.
        ("gcse-results", Facts(academic_year="2025/26"), "2026-11-24", "2025-26"),
        ("gcse-results", Facts(reference_date=day("2025-08-21")), "2026-08-20", "2024-25"),
        ("a-level-results", Facts(), "2026-08-20", None),
        # Daily and weekly: the day on which the school's system wrote it.
        ("student-core", Facts(reference_date=day("2026-11-23")), "2026-11-24", "2026-11-23"),
        ("student-core", Facts(reference_date=day("2026-11-25")), "2026-11-24", None),
        ("student-core", Facts(academic_year="2026/27"), "2026-11-24", None),
        ("exclusions", Facts(reference_date=day("2026-11-23")), "2026-11-24", "2026-11-23"),
        ("attendance", Facts(reference_date=day("2026-11-20")), "2026-11-24", "2026-W47"),
        ("attendance", Facts(reference_date=day("2027-01-01")), "2027-01-04", "2026-W53"),
        ("attendance", Facts(), "2026-11-24", None),
        # A table says up to which day it goes. One of the weeks before counts for the week in which it comes:
        # whoever sends on Monday, or after a holiday, is not late.
        ("attendance", Facts(latest_day=day("2026-11-24")), "2026-11-24", None),
        ("attendance", Facts(latest_day=day("2026-11-20")), "2026-11-23", None),
        ("attendance", Facts(latest_day=day("2026-10-23")), "2026-11-27", None),
        ("attendance", Facts(latest_day=day("2026-10-23")), "2026-11-28", "2026-W43"),
        ("attendance", Facts(latest_day=day("2026-07-20")), "2026-09-03", None),
        ("attendance", Facts(latest_day=day("2026-07-20")), "2026-09-30", None),
        ("attendance", Facts(latest_day=day("2026-07-20")), "2026-10-01", "2026-W30"),
        ("attendance", Facts(latest_day=day("2026-12-18")), "2027-01-04", None),
        ("attendance", Facts(latest_day=day("2027-03-25")), "2027-04-12", None),
        ("attendance", Facts(latest_day=day("2027-04-30")), "2027-05-04", None),  # After a bank holiday.
        ("attendance", Facts(latest_day=day("2028-02-29")), "2028-03-06", None),
        ("attendance", Facts(latest_day=day("2028-02-29")), "2028-06-12", "2028-W09"),
        ("attendance", Facts(latest_day=day("2024-06-14")), "2026-12-01", "2024-W24"),
        ("attendance", Facts(latest_day=day("1999-06-14")), "2026-12-01", "1999-W24"),
        ("attendance", Facts(latest_day=day("2062-11-20")), "2026-11-24", None),
        # No set time, no flow.
        ("fft-aspire", Facts(academic_year="2026/27"), "2026-11-24", "2026-27"),
        ("fft-aspire", Facts(academic_year="soon"), "2026-11-24", None),
        ("staff-list", Facts(academic_year="2026/27"), "2026-11-24", None),
    ],
)
def test_the_period_that_a_file_says_it_is_about(
    catalogue: Catalogue, data_type: str, facts: Facts, landed: str, period: str | None
) -> None:
    assert reference_period(classified(data_type, facts=facts), catalogue, day(landed)) == period


@pytest.mark.parametrize("on", ["2026-09-20", "2026-11-24", "2027-02-01", "2027-06-01"])
def test_a_census_whose_term_is_not_given_is_of_the_term_in_which_it_is(
    catalogue: Catalogue, on: str
) -> None:
    censuses = tuple(each.model_copy(update={"term": None}) for each in catalogue.calendar.census)
    bare = catalogue.model_copy(
        update={"calendar": catalogue.calendar.model_copy(update={"census": censuses})}
    )
    ours, theirs = (
        {s.data_type: s.period for s in status(provider(), [], c, day(on))} for c in (catalogue, bare)
    )
    assert ours["school-census"] == theirs["school-census"]
    assert ours["school-census"] is not None


def _arrival(data_type: str, text: str) -> Arrival:
    """DAY: it came then. DAY PERIOD: and says what it is about. DAY nil PERIOD: there is nothing to send."""
    on, *about = text.split()
    period = about[-1] if about else None
    return Arrival(data_type, data_type, london(f"{on}T16:00"), period, nil=about[:1] == ["nil"])


@pytest.mark.parametrize(
    ("data_type", "came", "on", "state", "known_by"),
    [
        # A summer census never satisfies the autumn's, whenever it comes.
        ("school-census", ["2026-10-05 2025-26-summer"], "2026-10-29", "missing", None),
        ("school-census", ["2026-10-05 2025-26-summer"], "2026-10-06", "due", None),
        ("school-census", ["2026-10-05 2026-27-autumn"], "2026-10-29", "on-time", "file"),
        ("school-census", ["2026-10-05"], "2026-10-29", "on-time", "arrival"),
        ("school-census", ["2026-11-05 2026-27-autumn"], "2026-11-24", "late", "file"),
        ("school-census", ["2026-09-20 2026-27-autumn"], "2026-10-29", "early", "file"),
        # A census that has not been opened yet is none.
        ("school-census", ["2026-10-05 2026-27-summer"], "2027-05-06", "not-due", None),
        ("school-census", ["2026-10-05 2027-05-20"], "2027-05-20", "due", None),
        # What came in spring and is the autumn's was late for that, and is not the spring's.
        ("school-census", ["2027-02-01 2026-27-autumn"], "2027-02-18", "missing", None),
        # Yearly: last year's file sent again is not this year's.
        ("phonics", ["2027-06-20 2025-26"], "2027-07-21", "missing", None),
        ("phonics", ["2027-06-20 2026-27"], "2027-07-21", "on-time", "file"),
        ("gcse-results", ["2026-08-21 2024-25"], "2026-08-28", "missing", None),
        ("gcse-results", ["2026-08-21 2025-26"], "2026-08-28", "on-time", "file"),
        ("ks4", ["2026-10-20 2025-26"], "2026-12-01", "on-time", "file"),
        ("ks4", ["2026-10-20 2024-25"], "2026-12-01", "missing", None),
        ("eyfs-profile", ["2026-06-20 2026-06-20"], "2026-07-01", "on-time", "file"),
        # Daily: last week's export sent today is not today's.
        ("student-core", ["2026-11-24 2026-11-17"], "2026-11-24", "due", None),
        ("student-core", ["2026-11-24 2026-11-24"], "2026-11-24", "on-time", "file"),
        ("student-core", ["2026-11-24"], "2026-11-24", "on-time", "arrival"),
        # An export of a Saturday belongs to Friday's period, and is late.
        ("student-core", ["2026-11-28 2026-11-28"], "2026-11-29", "late", "file"),
        ("attendance", ["2026-11-24 2026-W47"], "2026-11-28", "missing", None),
        ("attendance", ["2026-11-24 2026-W48"], "2026-11-28", "on-time", "file"),
        ("attendance", ["2026-11-24 2026-W47"], "2026-11-22", "missing", None),
        ("attendance", ["2026-11-24 2024-W24"], "2026-11-24", "due", None),
        ("attendance", ["2026-11-24 2024-W24"], "2026-11-28", "missing", None),
        ("attendance", ["2026-11-24 2024-W24", "2026-11-27"], "2026-11-28", "on-time", "arrival"),
        # The word that there is nothing to send.
        ("attendance", ["2026-11-24 nil 2026-W48"], "2026-11-28", "nil", "nil"),
        ("school-census", ["2026-10-02 nil 2026-27-autumn"], "2026-11-24", "nil", "nil"),
        ("school-census", ["2026-10-02 nil 2025-26-summer"], "2026-11-24", "missing", None),
        (
            "school-census",
            ["2026-10-02 nil 2026-27-autumn", "2026-10-05 2026-27-autumn"],
            "2026-11-24",
            "on-time",
            "file",
        ),
    ],
)
def test_what_a_file_is_about_decides_which_period_it_satisfies(
    *, catalogue: Catalogue, data_type: str, came: list[str], on: str, state: State, known_by: str | None
) -> None:
    sender = provider(SENT_BY.get(data_type, "school"))
    received = [_arrival(data_type, each) for each in came]
    found = {each.data_type: each for each in status(sender, received, catalogue, day(on))}
    assert (found[data_type].state, found[data_type].known_by) == (state, known_by)


@pytest.mark.parametrize(
    ("came", "state", "known_by", "missed"),
    [
        ([("student-core", "2026-11-24")], "on-time", "daily-update", 0),
        ([("student-core", "2026-11-23")], "due", None, 0),
        ([("student-core", "2026-11-20")], "due", None, 1),
        ([("exclusions", "2026-11-24")], "on-time", "arrival", 0),
        ([("exclusions", "2026-11-24 2026-11-24"), ("student-core", "2026-11-24")], "on-time", "file", 0),
        ([("student-core", "2026-11-24 2026-11-20")], "due", None, 1),
        ([("attendance", "2026-11-24")], "due", None, 53),
    ],
)
def test_the_daily_update_tells_of_exclusions_too(
    catalogue: Catalogue, came: list[tuple[str, str]], state: State, known_by: str | None, missed: int
) -> None:
    received = [_arrival(*each) for each in came]
    found = {e.data_type: e for e in status(provider(), received, catalogue, day("2026-11-24"))}
    judged = found["exclusions"]
    assert (judged.timescale, judged.state, judged.known_by) == ("daily", state, known_by)
    assert judged.missed == missed
    own = [each.at for each in received if each.data_type == "exclusions"]
    assert judged.last == (own[0] if own else None)


def test_an_exclusion_alone_is_not_the_daily_update(catalogue: Catalogue) -> None:
    received = [_arrival("exclusions", "2026-11-24")]
    found = {e.data_type: e.state for e in status(provider(), received, catalogue, day("2026-11-24"))}
    assert found["student-core"] == "due"


@pytest.mark.parametrize(
    ("expected", "dfe_number", "data_type", "state", "missed"),
    [
        ({}, None, "phonics", "missing", 1),
        ({}, None, "ks1", "not-due", 0),  # The law has left it to schools since 2023/24.
        ({"ks1": True}, None, "ks1", "missing", 1),
        ({"ks1": False}, None, "ks1", "not-expected", 0),
        ({"ks1": False}, "9992001", "ks1", "not-expected", 0),
        ({}, None, "a-level-results", "not-due", 0),
        ({"a-level-results": True}, None, "a-level-results", "missing", 1),
        # A secondary school that has pupils in reception.
        ({"eyfs-profile": True}, "9994001", "eyfs-profile", "missing", 1),
    ],
)
def test_each_provider_has_expectations_of_its_own(
    *,
    catalogue: Catalogue,
    expected: dict[str, bool],
    dfe_number: str | None,
    data_type: str,
    state: State,
    missed: int,
) -> None:
    judged = status(
        provider(dfe_number=dfe_number), [], catalogue, day("2026-08-31"), DutySpan(expected=expected)
    )
    found = next(each for each in judged if each.data_type == data_type)
    assert (found.state, found.missed) == (state, missed)


def test_a_suspended_or_closed_school_owes_nothing(catalogue: Catalogue) -> None:
    received = [_arrival("student-core", "2026-11-20")]
    closed = DutySpan(until=day("2026-11-20"))
    for sender, owed in ((provider(suspended=True), DutySpan()), (provider(), closed)):
        found = status(sender, received, catalogue, day("2026-11-24"), owed)
        assert {(each.state, each.due, each.missed) for each in found} == {("not-expected", None, 0)}
        assert found[0].last == received[0].at
    on_its_last_day = status(provider(), received, catalogue, day("2026-11-20"), closed)
    assert on_its_last_day[0].state == "on-time"


def test_nobody_can_be_made_to_owe_what_another_sends(catalogue: Catalogue) -> None:
    found = status(provider("la"), [], catalogue, day("2026-12-01"), DutySpan(expected={"ks2": True}))
    assert {each.data_type: each.state for each in found}["ks2"] == "not-due"
