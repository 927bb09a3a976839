"""decide(), cell by cell against decisions.tsv, and what holds for every file there can be.

decisions.tsv: one line for each method ("+" means that every safeguard is attested), ratified or not,
moment (local), data type; one cell for each kind of provider:
  A accepted   B accepted, deposited on behalf   N held, not ratified   E held, embargo   NE both
  F refused, sender not in flow   X refused, no flow   M refused, method   S refused, safeguard missing
"""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.model import (
    Accepted,
    Classified,
    ContentRefused,
    Decision,
    Facts,
    Held,
    Provider,
    ProviderKind,
    Refused,
    Unlisted,
)
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.decide import Declaration, decide, decide_method
from gateway.policy.items import harmless_name
from tests.policy.conftest import POLICIES
from tests.policy.tables import classified, london, provider, table, words

CATALOGUE = load_catalogue(POLICIES)
KINDS = CATALOGUE.bodies.kinds()
OUTCOMES = {
    "A": (Accepted, {"policy:allowed"}),
    "B": (Accepted, {"policy:on-behalf"}),
    "N": (Held, {"policy:agreement-not-ratified"}),
    "E": (Held, {"policy:embargo"}),
    "NE": (Held, {"policy:agreement-not-ratified", "policy:embargo"}),
    "P": (Held, {"policy:assessment"}),
    "NP": (Held, {"policy:agreement-not-ratified", "policy:assessment"}),
    "F": (Refused, {"policy:sender-not-in-flow"}),
    "X": (Refused, {"policy:no-flow"}),
    "M": (Refused, {"policy:method-not-allowed"}),
    "S": (Refused, {"policy:safeguard-missing"}),
}
TEAMS = {
    row["data_type"]: tuple(team for team in words(row["teams"]) if team != "school-place-planning")
    for row in table("data_types")
}
UNRATIFIED = {row["data_type"]: row["unratified"] for row in table("data_types")}
RELEASES = {"a-level-results": london("2026-08-13T08:00"), "gcse-results": london("2026-08-20T08:00")}
EVERYTHING = frozenset(CATALOGUE.methods.safeguards())


def test_the_table_states_every_cell() -> None:
    rows = table("decisions")
    methods = {method.id for method in CATALOGUE.methods.method}
    assert {row["method"].rstrip("+") for row in rows} == methods | {"pigeon"}
    assert {row["data_type"] for row in rows} == {*CATALOGUE.data_types(), "staff-list"}
    assert all(row[kind] in OUTCOMES for row in rows for kind in KINDS)
    axes = [{row[axis] for row in rows} for axis in ("method", "ratified", "date", "data_type")]
    assert len(rows) == len(axes[0]) * len(axes[1]) * len(axes[2]) * len(axes[3])
    assert len({tuple(row.values())[:4] for row in rows}) == len(rows)


# Told of a return by its day, whatever becomes of it: `test_a_statutory_return_out_of_season_is_told_so`.
SEASON = {"policy:out-of-season"}


@pytest.mark.parametrize("method", sorted({row["method"] for row in table("decisions")}))
def test_every_cell_of_the_truth_table(method: str) -> None:
    for row in table("decisions"):
        if row["method"] != method:
            continue
        for kind in KINDS:
            decision = decide(
                classified(row["data_type"]),
                CATALOGUE,
                provider(kind, ratified=row["ratified"] == "yes"),
                london(row["date"]),
                method=method.rstrip("+"),
                safeguards=EVERYTHING if method.endswith("+") else frozenset(),
            )
            wanted, codes = OUTCOMES[row[kind]]
            where = (row, kind, decision)
            assert type(decision) is wanted, where
            assert {reason.code for reason in decision.reasons} - SEASON == codes, where
            if isinstance(decision, Accepted | Held):
                assert decision.teams == TEAMS[row["data_type"]], where
            if isinstance(decision, Held):
                assert decision.until == (RELEASES[row["data_type"]] if row[kind] == "E" else None), where


@pytest.mark.parametrize("row", table("rights"), ids=lambda row: row["item"])
def test_a_team_gets_a_file_only_if_it_may_have_every_item(row: dict[str, str]) -> None:
    file = classified("student-core", items=("Pupil: UPN", row["item"]))
    for kind in CATALOGUE.bodies.parties:
        decision = decide(file, CATALOGUE, provider(kind), london("2026-11-24T12:00"))
        teams = tuple(team for team in TEAMS["student-core"] if row[team] in {"y", kind})
        assert isinstance(decision, Accepted) is bool(teams)
        assert not isinstance(decision, Refused)
        assert decision.teams == teams


NOON = london("2026-11-24T12:00")


@pytest.mark.parametrize(
    ("pupils", "gets"),
    [(30, False), (None, False), (1, False), (0, True)],
    ids=["30", "unknown", "1", "none"],
)
def test_place_planning_never_gets_records_of_pupils(pupils: int | None, gets: bool) -> None:
    decision = decide(classified("school-census", pupils=pupils), CATALOGUE, provider(), NOON)
    assert isinstance(decision, Accepted)
    assert ("school-place-planning" in decision.teams) is gets


@pytest.mark.parametrize(
    ("refused", "kind", "code"),
    [
        (ContentRefused(code="classify:unknown"), Held, "classify:unknown"),
        (ContentRefused(code="classify:ambiguous"), Held, "classify:ambiguous"),
        (ContentRefused(code="classify:outside-agreement"), Held, "classify:outside-agreement"),
        (ContentRefused(code="classify:malformed"), Refused, "classify:malformed"),
        (ContentRefused(code="classify:something-new"), Held, "internal:held"),
        (ContentRefused(code=""), Held, "internal:held"),
    ],
)
def test_content_that_was_not_recognised(refused: ContentRefused, kind: type[Decision], code: str) -> None:
    decision = decide(refused, CATALOGUE, provider(), NOON)
    assert type(decision) is kind
    assert [reason.code for reason in decision.reasons] == [code]


@pytest.mark.parametrize(
    ("kind", "own", "la", "establishment", "held"),
    [
        ("school", "9992001", "999", "2001", False),
        ("school", "9992001", "999", "2002", True),
        ("academy", "9992001", "933", "2001", True),
        ("school", None, "999", "2002", False),
        ("school", "9992001", None, "2002", False),
        ("school", "9992001", "999", None, False),
        ("school", "9992001", "XXX", "XXXX", False),
        ("school", "9992001", "٩٩٩", "٢٠٠٢", False),
    ],
)
def test_content_that_names_another_school(
    kind: ProviderKind, own: str | None, la: str | None, establishment: str | None, held: bool
) -> None:
    file = classified("student-core", facts=Facts(la=la, establishment=establishment))
    decision = decide(file, CATALOGUE, provider(kind, dfe_number=own), NOON)
    codes = [reason.code for reason in decision.reasons]
    assert isinstance(decision, Held) is held
    assert ("policy:other-school" in codes) is held


def test_only_education_providers_speak_for_one_school() -> None:
    file = classified("ks2", facts=Facts(la="999", establishment="2002"))
    for kind in ("dfe", "la"):
        assert isinstance(decide(file, CATALOGUE, provider(kind, dfe_number="9992001"), NOON), Accepted)


def test_a_suspended_provider_waits_whoever_it_is() -> None:
    for kind, data_type in (("school", "attendance"), ("dfe", "ks2"), ("la", "ks2"), ("fft", "fft-aspire")):
        decision = decide(classified(data_type), CATALOGUE, provider(kind, suspended=True), NOON)
        assert isinstance(decision, Held)
        assert [reason.code for reason in decision.reasons] == ["policy:suspended"]


def test_what_a_closed_school_sends_waits() -> None:
    decision = decide(classified("phonics"), CATALOGUE, provider(closed_on=date(2026, 8, 31)), NOON)
    assert isinstance(decision, Held)
    assert [reason.code for reason in decision.reasons] == ["policy:closed", *SEASON]


@pytest.mark.parametrize(
    ("data_type", "facts", "at", "told"),
    [
        ("phonics", Facts(), "2026-06-20T12:00", None),
        ("phonics", Facts(), "2026-07-30T12:00", None),  # Late, and not long.
        ("phonics", Facts(), "2026-11-24T12:00", "(2025-26) from 8 June 2026 to 20 July 2026."),
        ("phonics", Facts(academic_year="2025/26"), "2027-06-20T12:00", "(2025-26) from 8 June 2026"),
        ("eyfs-profile", Facts(), "2026-04-20T12:00", None),  # Early.
        ("eyfs-profile", Facts(), "2026-02-20T12:00", "(2024-25) from 1 June 2025 to 30 June 2025."),
        ("school-census", Facts(reference_date=date(2026, 10, 1)), "2026-10-06T12:00", None),
        ("school-census", Facts(reference_date=date(2026, 10, 1)), "2026-11-05T12:00", None),
        ("school-census", Facts(reference_date=date(2026, 10, 1)), "2026-11-24T12:00", "(2026-27-autumn) "),
        ("school-census", Facts(reference_date=date(2026, 5, 21)), "2026-10-02T12:00", "(2025-26-summer) "),
        ("ks1", Facts(), "2026-11-24T12:00", None),  # Nobody asks for it since 2023/24.
        ("student-core", Facts(reference_date=date(2026, 5, 21)), "2026-10-02T12:00", None),
    ],
)
def test_a_statutory_return_out_of_season_is_told_so(
    data_type: str, facts: Facts, at: str, told: str | None
) -> None:
    decision = decide(classified(data_type, facts=facts), CATALOGUE, provider(), london(at))
    said = [reason.sentence for reason in decision.reasons if reason.code in SEASON]
    assert isinstance(decision, Accepted), decision
    assert len(said) == (told is not None), said
    assert told is None or told in said[0]


@pytest.mark.parametrize(
    ("data_type", "latest", "at", "told"),
    [
        ("attendance", "2026-11-20", "2026-11-24T12:00", None),
        ("attendance", "2026-07-20", "2026-09-03T12:00", None),
        ("attendance", "2026-10-09", "2026-11-24T12:00", "9 October 2026"),
        ("attendance", "2024-06-14", "2026-12-01T12:00", "14 June 2024"),
        ("exclusions", "2024-06-14", "2026-12-01T12:00", "14 June 2024"),
        ("phonics", "2024-06-14", "2026-06-20T12:00", None),
    ],
)
def test_attendance_of_the_past_is_taken_and_told_to_be_no_weeks(
    data_type: str, latest: str, at: str, told: str | None
) -> None:
    file = classified(data_type, facts=Facts(latest_day=date.fromisoformat(latest)))
    decision = decide(file, CATALOGUE, provider(), london(at))
    said = [reason for reason in decision.reasons if reason.code == "policy:not-this-week"]
    assert isinstance(decision, Accepted), decision
    assert len(said) == (told is not None)
    for reason in said:
        assert reason.sentence == f"No day in the file is after {told}, so it does not count as this week's."
        assert reason.next_step.startswith("If you meant this week's, export it again")


def test_attendance_that_waited_is_judged_by_the_day_on_which_it_landed() -> None:
    file = classified("attendance", facts=Facts(latest_day=date(2026, 9, 18)))
    for landed, told in ((london("2026-09-21T12:00"), False), (None, True)):
        decision = decide(file, CATALOGUE, provider(), NOON, landed_at=landed)
        assert ("policy:not-this-week" in {reason.code for reason in decision.reasons}) is told


def test_every_reason_to_wait_is_told_and_none_releases_by_itself() -> None:
    file = classified("gcse-results", facts=Facts(la="999", establishment="4002", academic_year="2026/27"))
    sender = provider(ratified=False, suspended=True, dfe_number="9994001")
    decision = decide(file, CATALOGUE, sender, NOON)
    assert isinstance(decision, Held)
    assert decision.until is None
    assert {reason.code for reason in decision.reasons} == {
        "policy:suspended",
        "policy:agreement-not-ratified",
        "policy:other-school",
        "policy:embargo",
    }


@pytest.mark.parametrize(
    ("data_type", "mixed_with", "facts", "at", "until"),
    [
        ("gcse-results", None, Facts(academic_year="2026/27"), "2026-11-24T12:00", "2027-08-19T08:00"),
        ("gcse-results", None, Facts(academic_year="2026-27"), "2027-08-19T07:59", "2027-08-19T08:00"),
        ("gcse-results", None, Facts(academic_year="2026"), "2027-08-19T08:00", None),
        ("gcse-results", None, Facts(reference_date=NOON.date()), "2026-11-24T12:00", None),
        ("gcse-results", None, Facts(), "2026-05-31T12:00", None),
        # Of the November series centres have the results from the day before, in January.
        ("gcse-results", None, Facts(), "2027-01-13T12:00", "2027-01-14T08:00"),
        ("gcse-results", None, Facts(), "2027-01-14T08:00", None),
        ("a-level-results", None, Facts(), "2027-01-13T12:00", None),
        ("gcse-results", None, Facts(), "2026-06-01T12:00", "2026-08-20T08:00"),
        ("gcse-results", None, Facts(academic_year="soon"), "2026-08-19T12:00", "2026-08-20T08:00"),
        ("a-level-results", None, Facts(academic_year="2024/25"), "2025-08-14T07:59", "2025-08-14T08:00"),
        ("a-level-results", "gcse-results", Facts(), "2026-08-13T09:00", "2026-08-20T08:00"),
        ("gcse-results", "a-level-results", Facts(), "2026-08-12T09:00", "2026-08-20T08:00"),
        ("gcse-results", "a-level-results", Facts(), "2026-08-20T08:00", None),
        ("ks4", None, Facts(academic_year="2026/27"), "2026-11-24T12:00", None),
    ],
)
def test_results_wait_for_their_official_moment(
    data_type: str, mixed_with: str | None, facts: Facts, at: str, until: str | None
) -> None:
    kind: ProviderKind = "dfe" if data_type == "ks4" else "school"
    decision = decide(
        classified(data_type, mixed_with=mixed_with, facts=facts), CATALOGUE, provider(kind), london(at)
    )
    if until is None:
        assert isinstance(decision, Accepted)
    else:
        assert isinstance(decision, Held)
        assert decision.until == london(until)
        assert decision.until.tzinfo is UTC


def test_results_of_november_wait_in_wales_too() -> None:
    wales, file = load_catalogue(POLICIES / "cwm-alarch"), classified("gcse-results")
    decision = decide(file, wales, provider(), london("2027-01-13T12:00"))
    assert isinstance(decision, Held)
    assert decision.until == london("2027-01-14T08:00")


def test_the_receipt_says_the_moment_by_the_local_clock() -> None:
    decision = decide(classified("gcse-results"), CATALOGUE, provider(), london("2026-08-19T12:00"))
    assert "08:00 on 20 August 2026" in decision.reasons[0].sentence


SENSITIVE = {"policy:items-outside-held", "policy:sensitive", "policy:sensitive-heading"}
OUTSIDE = {"policy:items-outside", *SENSITIVE}


@pytest.mark.parametrize(
    ("data_type", "other", "kind", "codes"),
    [
        ("student-core", ("Telephone number",), Accepted, {"policy:items-outside"}),
        ("student-core", ("Social care and child protection",), Held, SENSITIVE),
        ("student-core", ("Telephone number", "National insurance number"), Held, SENSITIVE),
        ("student-core", ("Results of key stage assessments",), Held, {"policy:items-outside-held"}),
        ("ks1", ("Results of key stage assessments",), Accepted, set()),
        ("school-census", ("Social care and child protection",), Held, SENSITIVE),
        ("school-census", ("Post looked-after arrangements",), Accepted, set()),
        ("school-census", ("Telephone number",), Accepted, {"policy:items-outside"}),
        ("gcse-results", ("Unique learner number",), Accepted, set()),
        ("gcse-results", ("Medical details",), Held, SENSITIVE),
    ],
)
def test_items_outside_appendix_a(
    data_type: str, other: tuple[str, ...], kind: type[Decision], codes: set[str]
) -> None:
    file = classified(data_type, other_items=other, facts=Facts(academic_year="2024/25"))
    decision = decide(file, CATALOGUE, provider(), NOON)
    assert type(decision) is kind
    told = {reason.code: reason.sentence for reason in decision.reasons if reason.code in OUTSIDE}
    assert set(told) == codes
    # Which items they are is said in words of ours, so that a school knows what to take out.
    assert all(item in " ".join(told.values()) for item in other) or not codes
    if "policy:sensitive" in codes:
        assert isinstance(decision, Held)
        assert decision.teams == ()


def test_an_item_that_is_only_proposed_waits_where_few_people_see_it() -> None:
    file = classified("student-core", items=("Pupil: UPN", "SEN: NHS Number (Proposed)"))
    decision = decide(file, CATALOGUE, provider(), NOON)
    assert isinstance(decision, Held)
    assert decision.teams == ()
    assert [(reason.code, reason.clause) for reason in decision.reasons] == [
        ("policy:sensitive", "10.5"),
        ("policy:sensitive-heading", "10.5"),
        ("policy:items-proposed-held", "11.4"),
    ]


def _numbered_clauses() -> set[str]:
    """The clause numbers printed in the agreement, with the groups and rows of its appendices."""
    text = (POLICIES / "agreement.txt").read_text("utf-8")
    printed = set(re.findall(r"^(?: ?- )?(\d+(?:\.\d+)*)\.? ", text, re.MULTILINE))
    groups = {f"11.{n}" for n in range(1, 1 + len({row["group"] for row in table("appendix_a")}))}
    return printed | groups | {f"12.{row['row']}" for row in table("appendix_b")}


CLAUSES = _numbered_clauses()
ANY_TEXT = st.text(max_size=12)
LISTED = st.sampled_from([*CATALOGUE.data_types()])
FACTS = st.builds(
    Facts,
    la=st.none() | st.sampled_from(["999", "933"]) | ANY_TEXT,
    establishment=st.none() | st.sampled_from(["2001", "2002"]) | ANY_TEXT,
    academic_year=st.none() | st.sampled_from(["2026/27", "2025", "1999-00"]) | ANY_TEXT,
    reference_date=st.none() | st.dates(),
)
ITEMS = st.lists(st.sampled_from([*CATALOGUE.appendix_a, "Pupil: Shoe size"]) | ANY_TEXT, max_size=4).map(
    tuple
)
UNLISTED = st.builds(
    Unlisted,
    position=st.integers(0, 9),
    header=ANY_TEXT | st.sampled_from(["Notes", "Sunita Patel"]),
    filled=st.integers(1, 9),
    kind=st.sampled_from(["free text", "names", "grades"]),
    place=st.sampled_from(["column", "element"]),
    topic=st.just("") | st.just("health"),
    assessment=st.just("") | st.just("mock"),
)
CONTENTS = st.builds(
    Classified,
    data_type=LISTED | ANY_TEXT,
    level=st.sampled_from(["certain", "strong", "moderate"]),
    evidence=st.just(()),
    format=ANY_TEXT,
    extension=ANY_TEXT,
    mixed_with=st.none() | LISTED | ANY_TEXT,
    pupils=st.none() | st.integers(0, 3),
    facts=FACTS,
    items=ITEMS,
    other_items=ITEMS,
    unlisted=st.lists(UNLISTED, max_size=4).map(tuple),
    results=st.lists(st.sampled_from(["gcse-results", "a-level-results"]), max_size=2, unique=True).map(
        tuple
    ),
) | st.builds(
    ContentRefused,
    code=ANY_TEXT | st.sampled_from(["classify:outside-agreement", "classify:other-assessments"]),
    runner_up=st.none() | ANY_TEXT,
    sensitive=st.lists(ANY_TEXT, max_size=2).map(tuple),
)
PROVIDERS = st.builds(
    Provider,
    id=st.just("oak"),
    name=ANY_TEXT,
    kind=st.sampled_from(KINDS),
    dfe_number=st.none() | st.just("9992001"),
    suspended=st.booleans(),
    ratified=st.booleans(),
    harmless=st.lists(ANY_TEXT | st.sampled_from(["notes", ""]), max_size=2).map(tuple),
)
MOMENTS = st.datetimes(datetime(1995, 1, 1), datetime(2150, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
METHODS = st.sampled_from([method.id for method in CATALOGUE.methods.method]) | ANY_TEXT
SAFEGUARDS = st.frozensets(st.sampled_from(sorted(EVERYTHING)) | ANY_TEXT)


def unlisted(**more: object) -> Unlisted:
    fields = {"position": 5, "header": "Notes", "filled": 9, "kind": "free text"} | more
    return Unlisted(**fields)  # type: ignore[arg-type]


def test_what_nobody_lists_is_told_until_an_administrator_lists_it_as_harmless() -> None:
    file = classified("student-core", unlisted=(unlisted(header="Locker No."),))
    taken = decide(file, CATALOGUE, provider(), NOON)
    assert isinstance(taken, Accepted)
    assert [reason.code for reason in taken.reasons] == ["policy:allowed", "policy:unlisted-left-out"]
    listed = decide(file, CATALOGUE, provider(harmless=("lockerno",)), NOON)
    assert [reason.code for reason in listed.reasons] == ["policy:allowed"]


def test_a_file_with_more_unknown_columns_than_anybody_is_told_of_waits() -> None:
    file = classified("student-core", unlisted=(unlisted(), unlisted(position=101, header="", further=True)))
    held = decide(file, CATALOGUE, provider(), NOON)
    assert isinstance(held, Held)
    assert [reason.code for reason in held.reasons] == ["policy:unlisted-items"]


@pytest.mark.parametrize(("header", "topic"), [("Medical Notes", "health"), ("", "")])
def test_no_list_makes_something_sensitive_or_nameless_harmless(header: str, topic: str) -> None:
    file = classified("student-core", unlisted=(unlisted(header=header, topic=topic),))
    names = ("medicalnotes", "")
    reasons = decide(file, CATALOGUE, provider(harmless=names), NOON).reasons
    assert ("policy:sensitive" if topic else "policy:unlisted-left-out") in [why.code for why in reasons]


def test_a_header_is_named_to_the_sender_only_where_the_whole_of_it_is_in_our_words() -> None:
    file = classified(
        "student-core",
        unlisted=(unlisted(header="Quillfeather"), unlisted(position=6, header="Sunita Patel", kind="codes")),
    )
    _, why = decide(file, CATALOGUE, provider(), NOON).reasons
    assert "2 columns" in why.sentence
    assert "column 5, column 6" in why.sentence
    assert "Patel" not in why.sentence
    named = classified("student-core", unlisted=(unlisted(header="Exam Result"),))
    assert "column 5 (Exam Result)" in decide(named, CATALOGUE, provider(), NOON).reasons[1].sentence


@pytest.mark.parametrize(("action", "kind"), [("hold", Held), ("leave-out", Accepted)])
def test_a_flow_says_what_becomes_of_what_nobody_lists(action: str, kind: type[Decision]) -> None:
    flows = CATALOGUE.flows.model_copy(
        update={"flow": tuple(f.model_copy(update={"unlisted": action}) for f in CATALOGUE.flows.flow)}
    )
    catalogue = CATALOGUE.model_copy(update={"flows": flows})
    catalogue.__dict__.pop("_flows", None)
    decision = decide(classified("student-core", unlisted=(unlisted(),)), catalogue, provider(), NOON)
    assert type(decision) is kind
    told = {reason.code for reason in decision.reasons} - {"policy:allowed"}
    assert told == {"policy:unlisted-left-out" if kind is Accepted else "policy:unlisted-items"}
    sensitive = classified("student-core", unlisted=(unlisted(topic="health"),))
    assert isinstance(decide(sensitive, catalogue, provider(), NOON), Held)


def test_results_wait_for_their_moment_whatever_they_stand_beside_and_whoever_sends_them() -> None:
    file = classified("alps-lpuk", results=("a-level-results",))
    before = decide(file, CATALOGUE, provider("alps"), london("2026-08-12T12:00"))
    assert isinstance(before, Held)
    assert before.until == RELEASES["a-level-results"]
    assert isinstance(decide(file, CATALOGUE, provider("alps"), before.until), Accepted)


def test_grades_are_never_core_data() -> None:
    file = classified("student-core", results=("gcse-results",), facts=Facts(academic_year="2024/25"))
    decision = decide(file, CATALOGUE, provider(), NOON)
    assert [reason.code for reason in decision.reasons] == ["policy:unlisted-items"]


@pytest.mark.parametrize(
    ("at", "year", "until"),
    [
        ("2026-11-24T12:00", "2026/27", None),
        ("2027-08-18T12:00", "2026/27", "2027-08-19T08:00"),
        ("2027-08-18T12:00", "2025/26", None),
    ],
)
def test_results_in_a_file_of_this_year_are_at_most_of_the_summer_that_was(
    at: str, year: str, until: str | None
) -> None:
    file = classified("student-core", results=("gcse-results",), facts=Facts(academic_year=year))
    decision = decide(file, CATALOGUE, provider(), london(at))
    assert ("policy:embargo" in {one.code for one in decision.reasons}) == (until is not None)


def test_mocks_and_predictions_are_no_results() -> None:
    file = classified("gcse-results", unlisted=(unlisted(kind="grades", assessment="mock"),))
    decision = decide(file, CATALOGUE, provider(), NOON)
    assert isinstance(decision, Held)
    assert [(reason.code, reason.clause) for reason in decision.reasons] == [
        ("classify:other-assessments", "7.5.3")
    ]


def test_content_that_is_sensitive_waits_as_such_whatever_it_is() -> None:
    refused = ContentRefused(code="classify:unknown", sensitive=("mental health",))
    decision = decide(refused, CATALOGUE, provider(), NOON)
    assert isinstance(decision, Held)
    assert [reason.code for reason in decision.reasons] == ["policy:sensitive", "classify:unknown"]


def _is_well_reasoned(decision: Decision) -> bool:
    return bool(decision.reasons) and all(
        reason.clause in CLAUSES and reason.sentence and reason.next_step for reason in decision.reasons
    )


@given(content=CONTENTS, sender=PROVIDERS, now=MOMENTS, method=METHODS, safeguards=SAFEGUARDS)
def test_decide_is_total_and_refuses_what_no_flow_lists(
    content: Classified | ContentRefused,
    sender: Provider,
    now: datetime,
    method: str,
    safeguards: frozenset[str],
) -> None:
    decision = decide(content, CATALOGUE, sender, now, method=method, safeguards=safeguards)
    assert _is_well_reasoned(decision)
    if isinstance(content, ContentRefused):
        assert not isinstance(decision, Accepted)
        return
    rows = {row["data_type"]: row["flow"] for row in table("data_types")}
    flows = {row["flow"]: row for row in table("flows")}
    flow = flows.get(rows.get(content.data_type, ""))
    allowed = CATALOGUE.flow_of(content.data_type)
    if flow is None or allowed is None or sender.kind not in allowed.kinds:
        assert isinstance(decision, Refused)
    if isinstance(decision, Accepted):
        assert decision.teams
        assert set(decision.teams) <= set(TEAMS[content.data_type]) | {"school-place-planning"}
        assert not sender.suspended
        assert not any(one.topic or one.assessment for one in content.unlisted)
        strange = [one for one in content.unlisted if harmless_name(one.header) not in sender.harmless]
        assert allowed is not None
        assert not strange or allowed.unlisted == "leave-out"
        assert not content.results or content.data_type not in {"student-core", "attendance", "exclusions"}
        if sender.kind in CATALOGUE.bodies.parties and not sender.ratified:
            assert UNRATIFIED[content.data_type] == "accept"
    if isinstance(decision, Held) and decision.until is not None:
        assert decision.until > now
        later = decide(content, CATALOGUE, sender, decision.until, method=method, safeguards=safeguards)
        assert not isinstance(later, Held) or later.until is None or later.until > decision.until


@given(
    sender=PROVIDERS,
    method=METHODS,
    data=LISTED | ANY_TEXT | st.sampled_from([each.id for each in CATALOGUE.methods.material]),
    at=MOMENTS,
    safeguards=SAFEGUARDS,
    circumstances=st.frozensets(ANY_TEXT | st.sampled_from([c.id for c in CATALOGUE.methods.circumstance])),
)
def test_decide_method_is_total_and_well_reasoned(
    *,
    sender: Provider,
    method: str,
    data: str,
    at: datetime,
    safeguards: frozenset[str],
    circumstances: frozenset[str],
) -> None:
    declared = Declaration(
        provider=sender, method=method, data=data, at=at, safeguards=safeguards, circumstances=circumstances
    )
    decision = decide_method(declared, CATALOGUE)
    assert _is_well_reasoned(decision)
    listed = {*CATALOGUE.data_types(), *(flow.id for flow in CATALOGUE.flows.flow)}
    if data not in listed | {each.id for each in CATALOGUE.methods.material}:
        assert isinstance(decision, Refused)


def test_a_second_before_and_at_the_moment(catalogue: Catalogue) -> None:
    moment = london("2026-08-20T08:00")
    before = decide(classified("gcse-results"), catalogue, provider(), moment - timedelta(microseconds=1))
    assert isinstance(before, Held)
    assert isinstance(decide(classified("gcse-results"), catalogue, provider(), moment), Accepted)
