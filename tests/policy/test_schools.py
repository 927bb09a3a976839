"""Whose pupils a file holds, against whom its sender speaks for: every combination that matters."""

from __future__ import annotations

import pytest

from gateway.model import Accepted, Facts, NamedSchool, Provider, ProviderKind
from gateway.policy.catalogue import load_catalogue
from gateway.policy.decide import decide
from gateway.policy.schools import named_school, of_other_schools, without_school
from tests.policy.conftest import POLICIES
from tests.policy.tables import classified, london, provider

CATALOGUE = load_catalogue(POLICIES)
NOON = london("2026-11-24T12:00")
OAK, ELM, ASH = "9992001", "9992002", "9992003"


def dfe(number: str, records: int = 8, **more: str | int) -> NamedSchool:
    return NamedSchool(dfe_number=number, records=records, **more)  # type: ignore[arg-type]


def urn(number: str, records: int = 8) -> NamedSchool:
    return NamedSchool(urn=number, records=records)


def estab(number: str, records: int = 8) -> NamedSchool:
    return NamedSchool(establishment=number, records=records)


def name(number: int, records: int = 8) -> NamedSchool:
    return NamedSchool(name=number, records=records)


def centre(number: str, records: int = 8) -> NamedSchool:
    return NamedSchool(centre=number, records=records)


BLANK, MANY = NamedSchool(records=3), NamedSchool(further=True, records=3)
NUMBERED = provider(dfe_number=OAK, urn="120001")
BY_DFE = provider(dfe_number=OAK)
BY_URN = provider(urn="120001")
UNKNOWN = provider()
TRUST = provider("academy", schools=(OAK, ELM, "120003"))
LEAD = provider(dfe_number=OAK, urn="120001", schools=(ELM,))


@pytest.mark.parametrize(
    ("who", "schools", "others", "untold"),
    [
        # One school, whose numbers are on record or not.
        (NUMBERED, (), 0, 0),
        (NUMBERED, (dfe(OAK),), 0, 0),
        (NUMBERED, (dfe(OAK), BLANK), 0, 0),
        (NUMBERED, (dfe(ELM),), 8, 0),
        (NUMBERED, (dfe(OAK, 5), dfe(ELM, 3)), 3, 0),
        (NUMBERED, (dfe(ELM, 5), dfe(OAK, 3)), 5, 0),
        (NUMBERED, (dfe(OAK, urn="120001"),), 0, 0),
        (NUMBERED, (dfe(OAK, urn="120002"),), 8, 0),
        (NUMBERED, (urn("120001"),), 0, 0),
        (NUMBERED, (urn("120002"),), 8, 0),
        (NUMBERED, (estab("2001"),), 0, 0),
        (NUMBERED, (estab("2002"),), 8, 0),
        (NUMBERED, (dfe(OAK), MANY), 3, 0),
        (BY_DFE, (urn("120002"),), 0, 0),
        (BY_DFE, (urn("120002", 5), urn("120003", 3)), 3, 0),
        (BY_DFE, (dfe(OAK), urn("120002", 3)), 3, 0),
        (BY_DFE, (dfe(OAK, urn="120002"), urn("120002", 3)), 0, 0),
        (BY_URN, (dfe(ELM),), 0, 0),
        (BY_URN, (dfe(ELM, urn="120002"),), 8, 0),
        (UNKNOWN, (dfe(ELM),), 0, 0),
        (UNKNOWN, (dfe(OAK, 5), dfe(ELM, 3)), 3, 0),
        (UNKNOWN, (MANY,), 3, 0),
        # Names and centres, which are on record nowhere, are compared with one another.
        (NUMBERED, (name(1),), 0, 0),
        (NUMBERED, (name(1, 5), name(2, 3)), 3, 0),
        (NUMBERED, (dfe(OAK, name=1), name(1, 3)), 0, 0),
        (NUMBERED, (dfe(OAK, name=1), name(2, 3)), 3, 0),
        (NUMBERED, (dfe(OAK, 5, name=1), dfe(OAK, 3, name=2)), 0, 0),
        (NUMBERED, (centre("54321"),), 0, 0),
        (NUMBERED, (centre("54321", 5), centre("54322", 3)), 3, 0),
        (UNKNOWN, (dfe(OAK, 5, name=1), name(1, 3)), 0, 0),
        # Several schools.
        (TRUST, (dfe(OAK, 5), dfe(ELM, 3)), 0, 0),
        (TRUST, (dfe(OAK, 5), dfe(ELM, 3), dfe(ASH, 2)), 2, 0),
        (TRUST, (estab("2001", 5), estab("2002", 3)), 0, 0),
        (TRUST, (estab("2003"),), 8, 0),
        (TRUST, (urn("120003"),), 0, 0),
        (TRUST, (dfe(OAK, urn="120009"),), 0, 0),
        (TRUST, (), 0, None),
        (TRUST, (name(1),), 0, None),
        (TRUST, (centre("54321"),), 0, None),
        (TRUST, (urn("120009"),), 0, None),
        (TRUST, (dfe(OAK), BLANK), 0, 3),
        (TRUST, (dfe(OAK, name=1), name(1, 3)), 0, 3),
        (LEAD, (dfe(OAK, 5, urn="120001"), dfe(ELM, 3, urn="120002")), 0, 0),
        (LEAD, (dfe(ASH),), 8, 0),
        (LEAD, (), 0, None),
    ],
)
def test_records_of_other_schools_and_records_that_do_not_tell(
    who: Provider, schools: tuple[NamedSchool, ...], others: int, untold: int | None
) -> None:
    file = classified("student-core", schools=schools)
    found = sum(one.records for one in of_other_schools(file, who))
    assert (found, without_school(file, who)) == (others, untold)
    decision = decide(file, CATALOGUE, who, NOON)
    codes = {why.code for why in decision.reasons}
    assert isinstance(decision, Accepted) is (not others and untold == 0)
    assert ("policy:other-school" in codes) is bool(others)
    assert ("policy:school-not-named" in codes) is (untold != 0 and not others)
    assert ("policy:for-schools" in codes) is (bool(who.schools) and isinstance(decision, Accepted))


def test_the_reason_says_how_many_records_and_one_number_and_what_settles_it() -> None:
    file = classified("student-core", schools=(dfe(OAK, 5), dfe(ELM, 2), dfe(ASH, 1)))
    (why,) = decide(file, CATALOGUE, NUMBERED, NOON).reasons
    assert why.sentence == "The file names another school (9992002) than yours (9992001) in 3 of its records."
    assert why.next_step.startswith("Send one school's pupils at a time")
    (why,) = decide(
        classified("student-core", schools=(name(1, 5), name(2, 3))), CATALOGUE, BY_URN, NOON
    ).reasons
    assert (
        why.sentence == "The file names another school (no number) than yours (120001) in 3 of its records."
    )


@pytest.mark.parametrize("kind", ["dfe", "la"])
def test_who_is_no_education_provider_sends_for_everybody(kind: ProviderKind) -> None:
    file = classified("ks2", schools=(dfe(OAK), dfe(ELM)))
    assert isinstance(decide(file, CATALOGUE, provider(kind), NOON), Accepted)


@pytest.mark.parametrize(
    ("schools", "number"),
    [
        ((), OAK),
        ((dfe(OAK),), OAK),
        ((dfe(OAK, 5), dfe(ELM, 3)), None),
        ((dfe(OAK), BLANK), None),
        ((dfe(OAK), MANY), None),
        ((dfe(ELM),), None),
    ],
)
def test_a_file_is_about_one_school_where_every_record_names_it(
    schools: tuple[NamedSchool, ...], number: str | None
) -> None:
    file = classified("fft-aspire", facts=Facts(la="999", establishment="2001"), schools=schools)
    assert named_school(file) == number
