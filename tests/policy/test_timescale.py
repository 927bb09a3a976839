"""What is due when, and how each arrival is judged. Days are stated, not computed."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

import pytest

from gateway.model import Arrival
from gateway.policy.calendar_schema import Inset
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import (
    academic_year,
    bank_holidays,
    day_by_rule,
    day_in,
    first_year,
    local_day,
    school_days,
    week_name,
)
from gateway.policy.timescale import DutySpan, FlowStatus, agenda, days_opened, due_within, in_words, status
from tests.costs import python_calls
from tests.policy.tables import london, provider

FLOWS = {"student-core": "student-core", "attendance": "student-core", "exclusions": "student-core"}

# Well under a second on any machine: an idle one makes five million a second.
CALLS = 3_000_000


def day(text: str) -> date:
    return date.fromisoformat(text)


def came(data_type: str, *days: str) -> list[Arrival]:
    """Files that came on these days and do not say what they are about."""
    return [Arrival(FLOWS.get(data_type, data_type), data_type, london(f"{each}T16:00")) for each in days]


def judged(
    catalogue: Catalogue, data_type: str, received: list[Arrival], on: str, owed: DutySpan | None = None
) -> FlowStatus:
    kind = {"ks2": "dfe", "ks4": "dfe", "fft-aspire": "fft"}.get(data_type, "school")
    found = status(provider(kind), received, catalogue, day(on), owed)  # type: ignore[arg-type]
    return next(each for each in found if each.data_type == data_type)


@pytest.mark.parametrize(
    ("data_type", "arrivals", "on", "due", "state"),
    [
        # Daily: Tuesday 24 November 2026 is a school day.
        ("student-core", (), "2026-11-24", "2026-11-24", "due"),
        ("student-core", ("2026-11-24",), "2026-11-24", "2026-11-24", "on-time"),
        ("student-core", ("2026-11-23",), "2026-11-24", "2026-11-24", "due"),
        ("student-core", (), "2026-11-28", "2026-11-27", "missing"),
        ("student-core", ("2026-11-28",), "2026-11-29", "2026-11-27", "late"),
        ("student-core", ("2026-10-23",), "2026-10-28", "2026-10-23", "on-time"),
        ("student-core", ("2026-11-25",), "2026-11-24", "2026-11-24", "due"),
        # The May Day holiday of 2026 is Monday the 4th.
        ("student-core", (), "2026-05-04", "2026-05-01", "missing"),
        # Weekly, by the last school day of the week.
        ("attendance", (), "2026-11-24", "2026-11-27", "due"),
        ("attendance", ("2026-11-23",), "2026-11-27", "2026-11-27", "on-time"),
        ("attendance", ("2026-11-28",), "2026-11-28", "2026-11-27", "late"),
        ("attendance", (), "2026-11-28", "2026-11-27", "missing"),
        ("attendance", ("2027-03-25",), "2027-03-25", "2027-03-25", "on-time"),
        # Exclusions belong to the daily update.
        ("exclusions", (), "2026-11-24", "2026-11-24", "due"),
        ("exclusions", ("2026-11-24",), "2026-11-24", "2026-11-24", "on-time"),
        ("exclusions", ("2026-11-23",), "2026-11-24", "2026-11-24", "due"),
        ("exclusions", (), "2026-11-28", "2026-11-27", "missing"),
        # The authority asks for the census of 1 October 2026 by the 7th; the DfE closes on the 28th.
        ("school-census", (), "2026-09-10", "2026-10-07", "not-due"),
        ("school-census", ("2026-09-20",), "2026-09-20", "2026-10-07", "early"),
        ("school-census", (), "2026-10-01", "2026-10-07", "due"),
        ("school-census", (), "2026-10-07", "2026-10-07", "due"),
        ("school-census", (), "2026-10-08", "2026-10-07", "missing"),
        ("school-census", ("2026-10-07",), "2026-11-24", "2026-10-07", "on-time"),
        ("school-census", ("2026-10-08",), "2026-11-24", "2026-10-07", "late"),
        ("school-census", ("2026-09-20", "2026-10-02"), "2026-11-24", "2026-10-07", "on-time"),
        ("school-census", ("2026-10-02",), "2027-01-21", "2027-01-27", "due"),
        # Yearly.
        ("eyfs-profile", (), "2027-06-15", "2027-06-30", "due"),
        ("eyfs-profile", ("2027-05-20",), "2027-06-15", "2027-06-30", "early"),
        ("eyfs-profile", ("2027-06-30",), "2027-07-15", "2027-06-30", "on-time"),
        ("eyfs-profile", ("2027-07-01",), "2027-07-15", "2027-06-30", "late"),
        ("phonics", (), "2027-07-21", "2027-07-20", "missing"),
        ("gcse-results", ("2026-08-19",), "2026-08-19", "2026-08-27", "early"),
        ("gcse-results", ("2026-08-20",), "2026-11-24", "2026-08-27", "on-time"),
        ("gcse-results", (), "2026-08-28", "2026-08-27", "missing"),
        ("a-level-results", (), "2026-08-20", "2026-08-20", "due"),
        ("a-level-results", (), "2026-08-28", "2026-08-20", "not-due"),
        ("ks2", ("2026-07-08",), "2026-07-10", "2026-09-30", "on-time"),
        ("ks4", (), "2026-12-01", "2026-11-30", "missing"),
        ("fft-aspire", ("2026-10-01",), "2026-11-24", None, "received"),
        ("fft-aspire", (), "2026-11-24", None, "not-due"),
        # A year whose terms nobody has written down.
        ("student-core", (), "2031-11-24", "2031-11-24", "due"),
        ("school-census", (), "2031-11-24", "2031-10-08", "missing"),
    ],
)
def test_a_day_and_its_state(
    *, catalogue: Catalogue, data_type: str, arrivals: tuple[str, ...], on: str, due: str | None, state: str
) -> None:
    found = judged(catalogue, data_type, came(data_type, *arrivals), on)
    assert (found.state, found.due) == (state, day(due) if due else None)


@pytest.mark.parametrize(
    ("data_type", "arrivals", "on", "missed"),
    [
        ("student-core", ("2026-11-20",), "2026-11-24", 1),
        ("student-core", ("2026-11-24",), "2026-11-24", 0),
        ("student-core", (), "2026-09-08", 3),
        ("student-core", ("2026-07-17",), "2026-09-08", 3),
        ("student-core", ("2026-11-26",), "2026-11-28", 1),
        ("attendance", ("2026-11-13",), "2026-11-24", 1),
        ("school-census", (), "2027-05-21", 2),
        ("a-level-results", (), "2026-08-28", 0),
        ("gcse-results", (), "2026-08-28", 1),
    ],
)
def test_periods_missed_since_the_last_file(
    catalogue: Catalogue, data_type: str, arrivals: tuple[str, ...], on: str, missed: int
) -> None:
    assert judged(catalogue, data_type, came(data_type, *arrivals), on).missed == missed


def test_what_was_due_before_a_provider_took_part_is_not_missed(catalogue: Catalogue) -> None:
    joined = day("2026-11-23")
    gcse = judged(catalogue, "gcse-results", [], "2026-11-24", DutySpan(since=joined))
    core = judged(catalogue, "student-core", [], "2026-11-24", DutySpan(since=joined))
    assert (gcse.state, gcse.missed) == ("not-due", 0)
    assert (core.state, core.missed) == ("due", 1)


def test_the_last_arrival_is_told_and_the_order_of_receipts_does_not_matter(catalogue: Catalogue) -> None:
    arrivals = came("student-core", "2026-11-20", "2026-11-24", "2026-11-18")
    found = judged(catalogue, "student-core", arrivals, "2026-11-24")
    assert found.last == london("2026-11-24T16:00")
    assert judged(catalogue, "student-core", arrivals[::-1], "2026-11-24") == found


TERM = (day("2026-11-02"), day("2026-12-18"))  # Seven weeks.


def over_the_term(
    catalogue: Catalogue, received: list[Arrival], owed: DutySpan | None = None, *,
    span: tuple[date, date] = TERM, on: str = "2027-01-15", suspended: bool = False,
) -> Mapping[str, Counter[str]]:  # fmt: skip
    school = provider("school", suspended=suspended)
    found = defaultdict[str, Counter[str]](Counter)
    for _, entry, _, _, state in due_within(school, received, catalogue, span, on=day(on), owed=owed):
        found[entry.id][state] += 1
    return found


def test_what_came_over_a_term_is_counted_by_how_it_came(catalogue: Catalogue) -> None:
    on_fridays = came("attendance", "2026-11-06", "2026-11-13", "2026-11-21", "2026-12-18")
    nil = [Arrival("", "attendance", london("2026-12-01T09:00"), "2026-W49", nil=True)]
    found = over_the_term(catalogue, [*on_fridays, *nil])
    assert found["attendance"] == Counter({"on-time": 3, "late": 1, "nil": 1, "missing": 2})
    assert "school-census" not in found  # Its day is not in this term.
    assert found["student-core"]["missing"] == 35
    assert "a-level-results" not in found  # Not owed by every school.


def test_over_a_term_nobody_owes_what_was_due_before_they_came_or_after_they_left(
    catalogue: Catalogue,
) -> None:
    owed = DutySpan(since=day("2026-11-16"), until=day("2026-11-29"))
    assert over_the_term(catalogue, [], owed)["attendance"]["missing"] == 2
    assert over_the_term(catalogue, [], suspended=True) == {}


@pytest.mark.parametrize(("on", "in_time"), [("2026-11-13", 0), ("2026-11-14", 1)])
def test_what_is_due_counts_once_its_day_is_over(catalogue: Catalogue, on: str, in_time: int) -> None:
    on_friday = came("attendance", "2026-11-13")
    span = TERM[0], day("2026-11-13")
    found = over_the_term(catalogue, on_friday, span=span, on=on)
    assert found["attendance"] == Counter({"on-time": in_time, "missing": 1})


def test_the_days_of_the_year_to_come_are_told_of_what_is_due_seldom(catalogue: Catalogue) -> None:
    today = day("2026-11-24")
    flows = status(provider("school"), [], catalogue, today)
    later = {
        now.data_type: [one.due for one in ahead]
        for now, *ahead in agenda(provider("school"), flows, catalogue, today)
    }
    assert later["school-census"] == [day("2027-01-27"), day("2027-05-26"), day("2027-10-13")]
    assert later["student-core"] == []


def test_a_school_that_closes_is_told_of_nothing_that_is_due_after_its_last_day(catalogue: Catalogue) -> None:
    today = day("2026-11-24")
    closes = provider("school", closed_on=day("2027-01-31"))
    found = agenda(closes, status(closes, [], catalogue, today), catalogue, today)
    due = {now.data_type: [one.due for one in (now, *ahead)] for now, *ahead in found}
    assert due["school-census"] == [day("2026-10-07"), day("2027-01-27")]
    assert "pupil-premium" not in due
    closed = provider("school", closed_on=day("2026-11-20"))
    left = agenda(closed, status(closed, [], catalogue, today), catalogue, today)
    assert {one.due for days in left for one in days if one.due and one.due > day("2026-11-20")} == set()


@pytest.mark.parametrize(
    ("came_on", "said"),
    [
        ("2026-11-27", "came in time, it is due on 27 November 2026"),
        ("2026-11-20", "due in 3 days, on 27 November 2026"),
    ],
)
def test_a_file_that_came_is_told_with_its_day(catalogue: Catalogue, came_on: str, said: str) -> None:
    on = max("2026-11-24", came_on)
    assert in_words(judged(catalogue, "attendance", came("attendance", came_on), on), day(on)) == said


def test_what_came_later_than_the_day_asked_about_does_not_count(catalogue: Catalogue) -> None:
    found = judged(catalogue, "school-census", came("school-census", "2026-10-20"), "2026-10-05")
    assert (found.state, found.last) == ("due", None)


def test_days_are_counted_by_the_local_clock(catalogue: Catalogue) -> None:
    at = datetime(2026, 7, 9, 23, 30, tzinfo=UTC)
    assert local_day(at, "Europe/London") == day("2026-07-10")
    found = judged(catalogue, "student-core", [Arrival("student-core", "student-core", at)], "2026-07-10")
    assert found.state == "on-time"


@pytest.mark.parametrize(
    ("dfe_number", "expected"),
    [
        (None, {"phonics", "gcse-results", "a-level-results"}),
        ("9992001", {"phonics"}),
        ("9994001", {"gcse-results", "a-level-results"}),
        ("9997001", {"phonics", "gcse-results", "a-level-results"}),
        ("999xxxx", {"phonics", "gcse-results", "a-level-results"}),
    ],
)
def test_a_school_is_asked_only_for_what_its_phase_sends(
    catalogue: Catalogue, dfe_number: str | None, expected: set[str]
) -> None:
    found = {
        each.data_type for each in status(provider(dfe_number=dfe_number), [], catalogue, day("2026-11-24"))
    }
    assert found & {"phonics", "gcse-results", "a-level-results"} == expected
    assert not found & {"ks2", "ks4", "fft-aspire", "alps-lpuk"}


def test_what_an_operator_deposits_for_others_is_shown_but_never_missing(catalogue: Catalogue) -> None:
    found = {each.data_type: each.state for each in status(provider("la"), [], catalogue, day("2026-12-01"))}
    assert found == {"ks2": "not-due", "ks4": "not-due", "fft-aspire": "not-due", "alps-lpuk": "not-due"}


def test_a_training_day_of_one_school_is_no_school_day_of_its(catalogue: Catalogue) -> None:
    inset = Inset(provider="oak", days=(day("2026-11-24"),))
    changed = catalogue.model_copy(
        update={"calendar": catalogue.calendar.model_copy(update={"inset": (inset,)})}
    )
    assert judged(changed, "student-core", [], "2026-11-24").due == day("2026-11-23")
    elm = status(provider(id="elm"), [], changed, day("2026-11-24"))
    assert elm[0].due == day("2026-11-24")


@pytest.mark.parametrize(("first", "last"), [("2025-09-01", "2026-08-31"), ("2026-09-01", "2027-08-31")])
def test_a_school_year_has_195_days_without_weekends_and_bank_holidays(
    catalogue: Catalogue, first: str, last: str
) -> None:
    days = [each for each in school_days(catalogue.calendar, frozenset()) if day(first) <= each <= day(last)]
    assert len(days) == 195
    assert not [each for each in days if each.weekday() > 4 or each in bank_holidays(each.year)]
    assert day("2026-05-04") not in days
    assert day("2027-05-03") not in days


@pytest.mark.parametrize(
    "text", ["2025-10-02", "2026-01-15", "2026-05-21", "2026-10-01", "2027-01-21", "2027-05-20"]
)
def test_census_days_by_rule(catalogue: Catalogue, text: str) -> None:
    year = day(text).year
    assert day(text) in {day_by_rule(each.rule, each.dates, year) for each in catalogue.calendar.census}


@pytest.mark.parametrize(("census", "deadline"), [(0, "2025-10-29"), (1, "2026-02-11"), (2, "2026-06-17")])
def test_census_deadlines(catalogue: Catalogue, census: int, deadline: str) -> None:
    entry = catalogue.calendar.census[census]
    held = day_by_rule(entry.rule, entry.dates, day(deadline).year)
    assert held + timedelta(days=entry.due_days) == day(deadline)


@pytest.mark.parametrize(
    ("data_type", "text"),
    [
        ("a-level-results", "2024-08-15"),
        ("gcse-results", "2024-08-22"),
        ("a-level-results", "2025-08-14"),
        ("gcse-results", "2025-08-21"),
        ("a-level-results", "2026-08-13"),
        ("gcse-results", "2026-08-20"),
    ],
)
def test_the_rule_gives_the_results_days_that_were_announced(
    catalogue: Catalogue, data_type: str, text: str
) -> None:
    results = next(each for each in catalogue.calendar.results if each.data_type == data_type)
    assert day_by_rule(results.rule, (), day(text).year) == day(text)
    assert day(text) in results.dates


def test_a_day_that_was_set_wins_over_the_rule(catalogue: Catalogue) -> None:
    rule = catalogue.calendar.results[0].rule
    assert day_by_rule(rule, (day("2027-08-11"),), 2027) == day("2027-08-11")
    assert day_by_rule(rule, (day("2027-08-11"),), 2028) == day("2028-08-17")


@pytest.mark.parametrize(
    ("text", "year"),
    [
        ("2026-08-31", "2025-26"),
        ("2026-09-01", "2026-27"),
        ("2099-12-31", "2099-00"),
        ("2100-01-01", "2099-00"),
    ],
)
def test_the_academic_year_of_a_day(text: str, year: str) -> None:
    assert academic_year(day(text), "09-01") == year
    assert first_year(year) == int(year[:4])


@pytest.mark.parametrize("text", ["2026", "2026-28", "2026/27", "2026-7", "", "x026-27", "٢٠٢٦-٢٧"])
def test_what_is_no_academic_year(text: str) -> None:
    with pytest.raises(ValueError, match="not an academic year"):
        first_year(text)


def test_the_last_of_february_in_a_common_year() -> None:
    assert day_in(2027, "02-29") == day("2027-02-28")


def _a_year_of_files(catalogue: Catalogue) -> list[Arrival]:
    days = [each for each in school_days(catalogue.calendar, frozenset()) if each < day("2026-08-01")]
    daily = [Arrival("student-core", "student-core", london(f"{each}T17:00"), str(each)) for each in days]
    fridays = [each for each in days if each.weekday() == 4]
    weekly = [
        Arrival("student-core", "attendance", london(f"{each}T18:00"), week_name(each)) for each in fridays
    ]
    yearly = [r for name in ("eyfs-profile", "phonics", "ks1") for r in came(name, "2026-06-20")]
    return [*daily, *weekly, *yearly, *came("school-census", "2025-10-03", "2026-01-16", "2026-05-22")]


def test_a_year_of_300_schools_costs_few_calls(catalogue: Catalogue) -> None:
    """Each school has training days of its own, so that no two share a plan."""
    received = _a_year_of_files(catalogue)
    schools = [provider(id=f"school-{n}", dfe_number=f"999{2000 + n}") for n in range(300)]
    free = (day("2026-03-02"), day("2026-06-08"))
    shut = [(free[0] + timedelta(days=n % 20), free[1] + timedelta(days=n // 20)) for n in range(300)]
    inset = tuple(Inset(provider=each.id, days=days) for each, days in zip(schools, shut, strict=True))
    calendar = catalogue.calendar.model_copy(update={"inset": inset})
    changed = catalogue.model_copy(update={"calendar": calendar})
    found, calls = python_calls(
        lambda: [status(each, received, changed, day("2026-07-17")) for each in schools]
    )
    assert calls < CALLS
    states = {(each.data_type, each.state) for school in found for each in school}
    assert states == {
        ("student-core", "on-time"),
        ("attendance", "on-time"),
        ("exclusions", "on-time"),
        ("school-census", "on-time"),
        ("pupil-premium", "not-due"),
        ("eyfs-profile", "on-time"),
        ("phonics", "on-time"),
        ("ks1", "on-time"),
    }


@pytest.mark.parametrize(("on", "opened"), [("2026-11-24", "2026-11-23"), ("2020-01-01", None)])
def test_days_open_with_the_day_or_the_week_whichever_is_earlier(
    catalogue: Catalogue, on: str, opened: str | None
) -> None:
    written = catalogue.calendar.model_copy(update={"term_rule": ()})
    found = days_opened(catalogue.model_copy(update={"calendar": written}), date.fromisoformat(on))
    assert (found and found.isoformat()) == opened
