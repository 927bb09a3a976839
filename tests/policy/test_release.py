"""What the agreement says of a file that a person wants to send on."""

from __future__ import annotations

import pytest

from gateway.model import Classified, ContentRefused, Facts, Reason
from gateway.policy.catalogue import load_catalogue
from gateway.policy.decide import Release, ReleaseImpossibleError, judge_release
from gateway.policy.shipped import shipped_policies
from tests.policies import why
from tests.policy.tables import classified, london, provider

CATALOGUE = load_catalogue(shipped_policies())

NOON = london("2026-11-24T12:00")
BEFORE_RESULTS = london("2027-08-01T12:00")
UNKNOWN = ContentRefused(code="classify:unknown", format="table", extension="csv")


def judged(
    content: Classified | ContentRefused,
    *held_for: Reason,
    at=NOON,
    who=None,
    data_type: str | None = None,
    teams: tuple[str, ...] = (),
) -> Release:
    return judge_release(
        content, held_for, CATALOGUE, who or provider(), at, data_type=data_type, teams=teams
    )


def codes(release: Release) -> list[str]:
    return [each.code for each in release.forbidden]


def test_a_file_that_only_waited_for_a_person_goes_to_the_teams_of_its_flow() -> None:
    release = judged(classified("school-census"), why("policy:no-team"))
    assert (release.data_type, release.flow, codes(release)) == ("school-census", "school-census", [])
    assert release.teams
    assert "school-place-planning" not in release.teams


def test_a_person_says_what_an_unknown_file_is() -> None:
    with pytest.raises(ReleaseImpossibleError, match="say its kind"):
        judged(UNKNOWN)
    release = judged(UNKNOWN, data_type="eyfs-profile")
    assert (release.data_type, release.flow, codes(release)) == ("eyfs-profile", "eyfs-profile", [])


@pytest.mark.parametrize("content", [classified("student-core"), UNKNOWN], ids=["known", "unknown"])
def test_nobody_gives_records_of_pupils_to_place_planning(content: Classified | ContentRefused) -> None:
    with pytest.raises(ReleaseImpossibleError, match=r"2\.4\.2"):
        judged(content, data_type="student-core", teams=("central-data-team", "school-place-planning"))


@pytest.mark.parametrize(
    ("content", "held_for", "asked", "forbidden"),
    [
        (classified("gcse-results"), (), {"at": BEFORE_RESULTS}, ["policy:embargo"]),
        (
            classified("student-core", results=("gcse-results",), facts=Facts(academic_year="2026/27")),
            (),
            {},
            [],
        ),
        # Whatever the person calls it.
        (
            classified("gcse-results"),
            (),
            {"at": BEFORE_RESULTS, "data_type": "student-core"},
            ["policy:embargo"],
        ),
        (UNKNOWN, (), {"at": BEFORE_RESULTS, "data_type": "gcse-results"}, ["policy:embargo"]),
        (
            classified("student-core"),
            (),
            {"who": provider(ratified=False)},
            ["policy:agreement-not-ratified"],
        ),
        (classified("student-core"), (), {"who": provider(suspended=True)}, ["policy:suspended"]),
        (classified("ks2"), (), {}, ["policy:sender-not-in-flow"]),
        (
            classified("student-core", items=("Pupil: UPN", "Exclusions: Reason")),
            (),
            {"teams": ("ethnic-minority-and-traveller",)},
            ["policy:no-basis"],
        ),
        (
            classified("student-core"),
            (why("policy:items-outside-held", items="Telephone number"),),
            {},
            ["policy:items-outside-held"],
        ),
    ],
)
def test_what_the_agreement_forbids_is_named(content, held_for, asked, forbidden) -> None:
    assert codes(judged(content, *held_for, **asked)) == forbidden


@pytest.mark.parametrize(
    ("found", "held_for", "on_roll"),
    [
        ("9992001", (), True),
        ("9992002", (), False),
        ("9992001", (why("policy:other-school", found="9992002", expected="9992001", count=3),), False),
    ],
)
def test_nobody_is_on_a_roll_by_a_file_of_another_school(found, held_for, on_roll) -> None:
    content = classified("student-core", facts=Facts(la=found[:3], establishment=found[3:]))
    assert judged(content, *held_for, who=provider(dfe_number="9992001")).on_roll is on_roll


def test_what_nobody_could_read_goes_only_to_who_may_have_anything() -> None:
    assert judged(UNKNOWN, data_type="student-core").teams == ("central-data-team",)
    named = judged(UNKNOWN, data_type="student-core", teams=("sen",))
    assert (named.teams, codes(named)) == (("sen",), [])  # A person has looked at it, and says so.
    assert codes(judged(UNKNOWN, data_type="student-core", teams=("early-years",))) == ["policy:no-basis"]


def test_each_part_of_a_file_stays_what_it_is() -> None:
    core, results = classified("student-core", items=("SEN: SEN Type",)), classified("gcse-results")
    parts = ContentRefused(code="classify:several-kinds", parts=(core, results))
    early = judged(parts, data_type="student-core", at=BEFORE_RESULTS, teams=("sen",))
    assert codes(early) == ["policy:embargo", "policy:no-basis"]
    assert judged(parts, data_type="student-core").teams == ("central-data-team",)
    from_dfe = ContentRefused(code="classify:several-kinds", parts=(core, classified("ks2")))
    assert codes(judged(from_dfe, data_type="student-core")) == ["policy:sender-not-in-flow"]


@pytest.mark.parametrize(
    ("pupils", "teams"),
    [
        (0, {"central-data-team", "admissions-and-entitlements", "education-welfare", "sen"}),
        (1, {"central-data-team", "sen"}),
        (12, {"central-data-team", "sen"}),
    ],
)
def test_who_may_have_no_item_of_a_file_in_parts_has_it_only_if_no_pupil_is_in_it(
    pupils: int, teams: set[str]
) -> None:
    core = classified("student-core", items=("SEN: SEN Need",), pupils=pupils)
    parts = ContentRefused(code="classify:several-kinds", parts=(core, core))
    found = set(judged(parts, data_type="student-core").teams)
    assert found >= teams if pupils == 0 else found == teams


def test_a_file_that_is_called_otherwise_is_still_what_was_found_in_it() -> None:
    release = judged(classified("gcse-results"), data_type="student-core")
    assert release.teams == ("central-data-team",)
    with pytest.raises(ReleaseImpossibleError, match=r"2\.4\.2"):
        judged(
            ContentRefused(code="classify:several-kinds", parts=(classified("student-core"),)),
            data_type="school-census",
            teams=("school-place-planning",),
        )


def test_a_team_or_a_type_that_does_not_exist_is_named() -> None:
    with pytest.raises(ReleaseImpossibleError, match="no team planners"):
        judged(classified("student-core"), teams=("planners",))
    with pytest.raises(ReleaseImpossibleError, match="no flow"):
        judged(classified("student-core"), data_type="payroll")
