"""Rows 10 and 11: who gets a copy of a file that is about it."""

from datetime import date

import pytest

from gateway.model import Accepted, Classified, Facts, NamedSchool, Provider
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.policy.schools import copies_for, part_of
from tests.policy.tables import classified, london, provider

ABOUT_OAK = Facts(la="999", establishment="4001")
OAK = provider(dfe_number="9994001")


def _copies(catalogue: Catalogue, file: Classified, kind: str, *providers: Provider) -> list[str]:
    decision = decide(file, catalogue, provider(kind), london("2026-11-24T12:00"))  # type: ignore[arg-type]
    assert isinstance(decision, Accepted)
    return [
        each.provider.id
        for each in copies_for(decision, file, catalogue, providers)
        if not each.waits and not each.part
    ]


@pytest.mark.parametrize(
    ("data_type", "kind", "copies"),
    [
        ("fft-aspire", "fft", ["oak"]),
        ("fft-aspire", "la", ["oak"]),
        ("alps-lpuk", "alps", ["oak"]),
        ("alps-lpuk", "lpuk", ["oak"]),
        ("ks4", "dfe", []),
        ("student-core", "school", []),
    ],
)
def test_only_rows_10_and_11_go_to_education_providers(
    catalogue: Catalogue, data_type: str, kind: str, copies: list[str]
) -> None:
    assert _copies(catalogue, classified(data_type, facts=ABOUT_OAK), kind, OAK) == copies


@pytest.mark.parametrize(
    "facts", [Facts(), Facts(la="999"), Facts(establishment="4001"), Facts(la="999", establishment="4002")]
)
def test_a_file_that_is_not_wholly_about_a_school_does_not_go_to_it(
    catalogue: Catalogue, facts: Facts
) -> None:
    assert _copies(catalogue, classified("fft-aspire", facts=facts), "fft", OAK) == []


def test_who_is_suspended_or_has_not_ratified_or_is_no_school_gets_nothing(catalogue: Catalogue) -> None:
    others = (
        provider(id="a", dfe_number="9994001", suspended=True),
        provider(id="z", dfe_number="9994001", closed_on=date(2026, 8, 31)),
        provider(id="b", dfe_number="9994001", ratified=False),
        provider("dfe", id="c", dfe_number="9994001"),
        provider("academy", id="d", dfe_number="9994001"),
    )
    assert _copies(catalogue, classified("fft-aspire", facts=ABOUT_OAK), "fft", *others) == ["d"]


MANY = (
    NamedSchool(dfe_number="9994001", records=9),
    NamedSchool(urn="140001", records=7),
    NamedSchool(establishment="4003", records=5),
    NamedSchool(name=1, records=3),
)


def _parts(catalogue: Catalogue, file: Classified, *providers: Provider) -> list[str]:
    decision = decide(file, catalogue, provider("fft"), london("2026-11-24T12:00"))
    assert isinstance(decision, Accepted), decision
    found = copies_for(decision, file, catalogue, providers)
    assert all(each.part for each in found)
    return [each.provider.id for each in found if not each.waits]


def test_a_file_about_many_schools_goes_in_parts_to_those_that_it_names_by_a_full_number(
    catalogue: Catalogue,
) -> None:
    known = (
        OAK,
        provider(id="elm", urn="140001"),
        provider(id="fir", dfe_number="9994003"),
        provider(id="ash", dfe_number="9994009"),
    )
    file = classified("fft-aspire", schools=MANY, extension="csv")
    assert _parts(catalogue, file, *known) == ["oak", "elm"]


@pytest.mark.parametrize("suspended", [False, True])
def test_a_number_on_record_for_two_providers_gives_neither_a_part(
    catalogue: Catalogue, *, suspended: bool
) -> None:
    file = classified("fft-aspire", schools=MANY, extension="csv")
    twice = provider(id="yew", dfe_number="9994001", suspended=suspended)
    assert _parts(catalogue, file, OAK, twice, provider(id="elm", urn="140001")) == ["elm"]


def test_what_is_no_table_is_not_divided(catalogue: Catalogue) -> None:
    file = classified("fft-aspire", schools=MANY, extension="xml")
    assert _parts(catalogue, file, OAK) == []


def test_a_part_holds_nothing_that_is_only_proposed_or_that_nobody_lists(catalogue: Catalogue) -> None:
    basis = part_of(OAK, "fft-aspire", (), catalogue)
    assert "SEN: NHS Number (Proposed)" not in basis.items
    assert {"Pupil: UPN", "Pupil premium"} <= set(basis.items)
    assert basis.of_school == ("9994001", "")
