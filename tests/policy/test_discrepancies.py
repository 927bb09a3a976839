"""Clauses 7.3 and 8.2: two rolls compared. Pupils are digests; here, short words."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.discrepancies import (
    Discrepancy,
    RollRow,
    discrepancies,
    notices,
)
from gateway.policy.small_schemas import DiscrepancyPolicy
from tests.policies import shipped

MONDAY = datetime(2026, 11, 23, 9, tzinfo=UTC)


def row(
    provider: str, pupil: str, day: int = 0, *, on_roll: bool = True, **more: str | int | None
) -> RollRow:
    at = MONDAY + timedelta(days=day)
    return RollRow(provider=provider, pupil=pupil, on_roll=on_roll, at=at, **more)  # type: ignore[arg-type]


def found(*rows: RollRow) -> list[tuple[str, tuple[str, ...]]]:
    return [(each.kind, each.providers) for each in discrepancies(rows)]


def test_the_same_pupil_on_two_rolls_is_one_discrepancy() -> None:
    assert found(row("ash", "p"), row("oak", "p"), row("oak", "q")) == [("two-rolls", ("ash", "oak"))]
    assert found(row("ash", "p"), row("elm", "p"), row("oak", "p")) == [("two-rolls", ("ash", "elm", "oak"))]


def test_a_leaver_and_a_joiner_are_none_whichever_school_reports_first() -> None:
    leaver, joiner = row("ash", "p", 1, on_roll=False), row("oak", "p", 2)
    assert found(row("ash", "p", 0), leaver, joiner) == []
    assert found(joiner, leaver, row("ash", "p", 0)) == []
    late_leaver = row("ash", "p", 3, on_roll=False)
    assert found(row("ash", "p", 0), joiner) == [("two-rolls", ("ash", "oak"))]
    assert found(row("ash", "p", 0), joiner, late_leaver) == []


def test_a_pupil_missing_from_a_later_full_roll_has_left() -> None:
    rows = [row("ash", "p", 0), row("oak", "p", 2)]
    full = {"ash": MONDAY + timedelta(days=1)}
    assert discrepancies(rows, full) == []
    assert len(discrepancies(rows, {"ash": MONDAY})) == 1
    assert len(discrepancies(rows, {"oak": MONDAY})) == 1


def test_two_dates_of_birth_conflict_and_a_corrected_one_does_not() -> None:
    ash, oak = row("ash", "p", birth_date="x", on_roll=False), row("oak", "p", birth_date="y")
    assert found(ash, oak) == [("birth-date", ("ash", "oak"))]
    assert found(ash, oak, row("oak", "p", 1, birth_date="x")) == []
    assert found(ash, row("oak", "p")) == []
    assert found(row("oak", "p", birth_date="x"), row("oak", "p", 1, birth_date="y")) == []


def test_two_rolls_and_two_dates_of_birth_are_two_discrepancies() -> None:
    kinds = [kind for kind, _ in found(row("ash", "p", birth_date="x"), row("oak", "p", birth_date="y"))]
    assert kinds == ["birth-date", "two-rolls"]


def test_a_former_number_that_is_still_on_a_roll() -> None:
    new = row("oak", "new", former="old")
    assert found(row("ash", "old"), new) == [("former-upn", ("ash", "oak"))]
    assert found(row("oak", "old"), new) == [("former-upn", ("oak",))]
    assert found(row("ash", "old", on_roll=False), new) == []
    assert found(row("ash", "old"), row("oak", "new", former="old", on_roll=False)) == []
    assert found(row("oak", "same", former="same")) == []
    assert found(new) == []


def _two_rolls() -> Discrepancy:
    ash = row("ash", "p-digest", reference="261123-ash-AAAAA", record=4)
    oak = row("oak", "p-digest", reference="261123-oak-BBBBB", record=14)
    return discrepancies([ash, oak])[0]


def test_each_school_gets_one_notice_of_its_own_record_and_no_name() -> None:
    found = dict(notices(_two_rolls(), shipped()))
    ash, oak = found["ash"], found["oak"]
    assert "Record 4 of your file 261123-ash-AAAAA" in ash.sentence
    assert "Record 14 of your file 261123-oak-BBBBB" in oak.sentence
    for notice, other in ((ash, "oak"), (oak, "ash")):
        told = f"{notice.sentence} {notice.next_step}"
        assert other not in told
        assert "p-digest" not in told
        assert notice.clause == "7.3"


def test_the_other_school_is_named_only_where_the_policy_says_so() -> None:
    said = shipped().agreement.model_copy(update={"discrepancies": DiscrepancyPolicy(name_other_school=True)})
    found = dict(notices(_two_rolls(), shipped().model_copy(update={"agreement": said})))
    ash, oak = found["ash"], found["oak"]
    assert "another school (oak)" in ash.sentence
    assert "another school (ash)" in oak.sentence
    assert "261123-oak" not in ash.sentence


def test_a_row_without_a_reference_is_still_told() -> None:
    (_, first), _ = notices(discrepancies([row("ash", "p"), row("oak", "p")])[0], shipped())
    assert first.sentence.startswith("A record of yours is of a pupil")


ROWS = st.lists(
    st.builds(
        RollRow,
        provider=st.sampled_from(["ash", "elm", "oak"]),
        pupil=st.sampled_from("pqr"),
        on_roll=st.booleans(),
        at=st.integers(0, 10_000).map(lambda hours: MONDAY + timedelta(hours=hours)),
        birth_date=st.none() | st.sampled_from("xy"),
        former=st.none() | st.sampled_from("pqr"),
    ),
    max_size=12,
    unique_by=lambda each: (each.provider, each.pupil, each.at),
)


@given(rows=ROWS, shuffled=st.randoms())
def test_the_order_of_rows_does_not_matter(rows: list[RollRow], shuffled: object) -> None:
    other = list(rows)
    shuffled.shuffle(other)  # type: ignore[attr-defined]
    assert discrepancies(rows) == discrepancies(other)


@given(rows=ROWS)
def test_every_discrepancy_is_told_to_each_provider_once_and_has_its_own_key(rows: list[RollRow]) -> None:
    all_found = discrepancies(rows)
    assert len({(each.kind, each.key) for each in all_found}) == len(all_found)
    for each in all_found:
        told = [provider for provider, _ in notices(each, shipped())]
        assert told == sorted(set(told)) == list(each.providers)
        assert len(each.rows) > 1


@given(rows=ROWS)
def test_nobody_on_a_roll_means_no_two_rolls(rows: list[RollRow]) -> None:
    latest = {(each.provider, each.pupil): each for each in sorted(rows, key=lambda each: each.at)}
    pupils = [pupil for (_, pupil), each in latest.items() if each.on_roll]
    twice = {pupil for pupil in pupils if pupils.count(pupil) > 1}
    assert {each.key[0] for each in discrepancies(rows) if each.kind == "two-rolls"} == twice
