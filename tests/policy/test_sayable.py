"""What agreements say of ends, signatures, limits and embargoes is said in policies, without code."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from typing import Any

import pytest

from gateway.model import Facts
from gateway.policy.calendar_schema import CalendarFile, Census, DayRule, OwnTimescale, Results, Term
from gateway.policy.catalogue import Catalogue
from gateway.policy.crosscheck import contradictions
from gateway.policy.dates import censuses, day_after, periods_by_rule, release_moment
from gateway.policy.ratification import has_ended, in_force, lapse_day, year_to_ratify
from gateway.policy.schema import Records
from gateway.policy.small_schemas import Signatory

NAMES = {"role": "head", "name": "Head"}


def day(text: str) -> date:
    return date.fromisoformat(text)


def with_year(catalogue: Catalogue, **year: Any) -> Catalogue:
    changed = catalogue.agreement.year.model_copy(update=year)
    return catalogue.model_copy(
        update={"agreement": catalogue.agreement.model_copy(update={"year": changed})}
    )


def test_an_agreement_with_a_fixed_end_counts_until_then_whenever_it_was_signed(catalogue: Catalogue) -> None:
    fixed = with_year(catalogue, valid_years=2, ends=day("2028-08-31"))
    assert year_to_ratify((), day("2027-11-01"), fixed) == "2027-28"
    assert lapse_day("2027-28", fixed) == day("2028-09-01")
    assert in_force(["2027-28"], day("2028-08-31"), fixed)
    assert not in_force(["2027-28"], day("2028-09-01"), fixed)
    assert year_to_ratify(["2026-27"], day("2028-08-01"), fixed) == "2026-27"
    assert (has_ended(day("2028-08-31"), fixed), has_ended(day("2028-09-01"), fixed)) == (False, True)
    assert lapse_day("2027-28", with_year(catalogue, valid_years=2)) == day("2029-09-01")


def test_each_kind_of_party_has_signatories_of_its_own(catalogue: Catalogue) -> None:
    head, chair = Signatory(**NAMES, by_copy=True), Signatory(role="chair", name="Chair", kinds=("academy",))
    of = catalogue.agreement.model_copy(update={"signatory": (head, chair)})
    assert [each.role for each in of.signatories("school")] == ["head"]
    assert [each.role for each in of.signatories("academy")] == ["head", "chair"]
    wrong = Signatory(role="chair", name="Chair", kinds=("acadamy",), by_copy=True)
    told = [
        text
        for signatories in ((wrong,), (head.model_copy(update={"by_copy": False}),))
        for _, _, text in contradictions(
            catalogue.model_copy(
                update={"agreement": of.model_copy(update={"signatory": signatories})},
            )
        )
    ]
    assert "bodies.toml lists no kind acadamy; perhaps academy" in told
    assert "for a school, exactly one of them signs by the copy in /agreement: by_copy = true" in told


@pytest.mark.parametrize(
    ("start", "count", "end"),
    [
        ("2026-10-01", 5, "2026-10-06"),
        ("2026-10-01", "5 school days", "2026-10-08"),
        ("2026-10-21", "3 school days", "2026-11-02"),
        ("2026-12-18", "1 school day", "2027-01-04"),
        ("2027-04-30", "1 school day", "2027-05-04"),
        ("2026-10-24", 0, "2026-10-24"),
    ],
)
def test_limits_are_in_days_or_in_school_days(
    catalogue: Catalogue, start: str, count: int | str, end: str
) -> None:
    assert day_after(day(start), count, catalogue.calendar) == day(end)


def test_past_the_known_terms_every_weekday_counts(catalogue: Catalogue) -> None:
    bare = catalogue.calendar.model_copy(update={"school_year": (), "term_rule": ()})
    assert day_after(day("2026-10-02"), "6 school days", bare) == day("2026-10-12")


def test_a_census_and_a_timescale_may_be_due_in_school_days(catalogue: Catalogue) -> None:
    rule = DayRule(weekday="thursday", month=10, nth=1)
    census = Census(term="autumn", rule=rule, due_days="10 school days", open_days=0)
    calendar = catalogue.calendar.model_copy(update={"census": (census,)})
    assert [each.due for each in censuses(calendar, (2026,))] == [day("2026-10-15")]
    monthly = OwnTimescale(id="counts", every="month", due_days="2 school days")
    found = {each.name: each.due for each in periods_by_rule(monthly, calendar, range(2026, 2027))}
    assert found["2026-10"] == day("2026-11-03")


def test_the_last_week_of_a_term_and_the_end_of_it_are_times(catalogue: Catalogue) -> None:
    week = OwnTimescale(id="w", every="last-week-of-term", due_days=0)
    assert periods_by_rule(week, catalogue.calendar, ()) == []
    found = {each.name: each for each in periods_by_rule(week, catalogue.calendar, range(2026, 2028))}
    assert (found["2026-27-autumn"].first, found["2026-27-autumn"].due) == (
        day("2026-12-14"),
        day("2026-12-18"),
    )
    assert (found["2026-27-spring"].first, found["2026-27-spring"].due) == (
        day("2027-03-22"),
        day("2027-03-25"),
    )
    assert (found["2026-27-summer"].first, found["2026-27-summer"].due) == (
        day("2027-07-19"),
        day("2027-07-23"),
    )
    term = OwnTimescale(id="t", every="term", due_days="3 school days")
    ends = {each.name: each for each in periods_by_rule(term, catalogue.calendar, range(2026, 2028))}
    assert (ends["2026-27-autumn"].first, ends["2026-27-autumn"].due) == (
        day("2026-12-18"),
        day("2027-01-06"),
    )


def test_a_term_that_begins_before_easter_is_the_spring_s(catalogue: Catalogue) -> None:
    term, calendar = OwnTimescale(id="t", every="term", due_days=0), catalogue.calendar
    (year,) = (each for each in calendar.school_year if each.academic_year == "2026-27")
    for first, name in (("2027-03-27", "spring"), ("2027-03-28", "summer")):
        last = Term(first=day(first), last=day("2027-07-23"))
        moved = year.model_copy(update={"terms": (*year.terms[:-1], last)})
        found = periods_by_rule(term, calendar.model_copy(update={"school_year": (moved,)}), [2027])
        assert [each.name for each in found if each.due == last.last] == [f"2026-27-{name}"]


def test_of_two_embargoes_of_one_kind_the_later_counts_in_any_order(catalogue: Catalogue) -> None:
    rule = DayRule(weekday="thursday", on_or_after="08-19")
    own = DayRule(weekday="monday", on_or_after="09-07")
    gcse = Results(
        data_type="gcse-results", time=time(8), season=day("2026-06-01").strftime("%m-%d"), rule=rule
    )
    ours = gcse.model_copy(update={"rule": own, "time": time(12)})
    now, facts = datetime(2026, 8, 21, tzinfo=UTC), Facts(academic_year="2025/26")
    for results in ((gcse, ours), (ours, gcse)):
        calendar = CalendarFile.model_validate(catalogue.calendar.model_copy(update={"results": results}))
        held = catalogue.model_copy(update={"calendar": calendar})
        assert release_moment(("gcse-results",), facts, held, now) == datetime(2026, 9, 7, 11, tzinfo=UTC)


def test_a_law_pack_dates_the_first_embargo_and_leaves_the_own_one(catalogue: Catalogue) -> None:
    before = catalogue.calendar.results
    own = next(each for each in before if each.data_type == "ks2").model_copy(update={"dates": ()})
    calendar = catalogue.calendar.model_copy(update={"results": (*before, own)}).under(catalogue.law)
    ks2 = [each.dates for each in calendar.results if each.data_type == "ks2"]
    assert ks2[0]
    assert ks2[1] == ()


def test_a_team_gets_the_records_of_some_children_where_it_gets_records_at_all(catalogue: Catalogue) -> None:
    flow = catalogue.flow_of("attendance")
    assert flow is not None
    team, others = flow.of("attendance").teams[0], [each for each in catalogue.flows.flow if each != flow]

    def told(team: str, item: str) -> set[str]:
        records = {"records": {team: Records(item=item, values=("Y",))}}
        entries = tuple(
            each.model_copy(update=records) if each.id == "attendance" else each for each in flow.data_type
        )
        flows = (flow.model_copy(update={"data_type": entries}), *others)
        changed = catalogue.model_copy(update={"flows": catalogue.flows.model_copy(update={"flow": flows})})
        return {text for _, place, text in contradictions(changed) if "records" in place}

    assert told(team, "Pupil: UPN") == set()
    assert told(team, "Pupil: UPM") == {"the agreement lists no Pupil: UPM; perhaps Pupil: UPN"}
    assert told("school-place-planning", "Pupil: UPN") == {
        "school-place-planning gets no records of attendance"
    }
