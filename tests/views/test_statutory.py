"""What a law asks for in a return passes, to the team whose duty it is; the same elsewhere waits.

The files are drawn here from what the law's documents name, and not from the rules.
"""

import csv
import io
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Accepted, Classified, Held, Provider
from gateway.policy.catalogue import load_catalogue
from gateway.policy.decide import decide
from gateway.policy.items import basis_for
from tests.classify import made
from tests.layouts.returns_of_law import RETURNS
from tests.views.making import view_of

POLICIES = Path(__file__).parents[2] / "policies"
ON_ITS_DAY = datetime(2027, 1, 21, 9, tzinfo=UTC)
OAK = Provider(id="oak", name="Oak", kind="school", dfe_number="9991234", ratified=True)
DFE = Provider(id="dfe", name="DfE", kind="dfe")

CENTRAL, WELFARE, SEN = "central-data-team", "education-welfare", "sen"
EVERYBODY = {CENTRAL, "admissions-and-entitlements", WELFARE, "ethnic-minority-and-traveller", SEN}
HAVE_EAL = {CENTRAL, "admissions-and-entitlements", WELFARE, "ethnic-minority-and-traveller"}
HAVE_FSM = {CENTRAL, "admissions-and-entitlements", WELFARE}

CENSUS = {
    "YoungCarer": ("N", "P", "S"),
    "KinshipCare": ("ND", "KF", "KI", "KU"),
    "DisabilityIndicator": ("Y", "N"),
    "PLAA": ("N", "A", "G", "R", "C", "O"),
    "FSMcategory": ("TFSM", "EFSM", "OFSM"),
    "EnglishProficiency": ("A", "B", "C", "D", "E", "N"),
    "UnitContactTimePupil": ("12",),
    "LearnFAMType": ("HNS", "EHC"),
    "LearnFAMCode": ("1",),
}
CTF = (
    ("SchoolHistory/School/RemovalGrounds", "D", {WELFARE}),
    ("ServiceChildConcern/MoveConcern", "true", {WELFARE}),
    ("ServiceChildConcern/AssessmentDate", "2026-10-02", {WELFARE}),
    ("LookedAfter/InCare", "true", {WELFARE}),
    ("LookedAfter/CareAuthority", "999", {WELFARE}),
    ("BasicDetails/Disabilities/Disability", "HEAR", {SEN}),
    ("NAWdetails/SpeakWelsh", "Y", {CENTRAL}),
    ("NAWdetails/NationalIdentity", "WEL", {CENTRAL}),
    ("NAWdetails/EALAcquisition", "A", {CENTRAL}),
    ("NAWdetails/SENGroupingandSupport", "GS1", {CENTRAL}),
    ("TuitionHours", "5", {CENTRAL}),
    ("UnitContactTimePupil", "12", {CENTRAL}),
    ("LearnFAMType", "HNS", {CENTRAL}),
    ("LearnFAMCode", "1", {CENTRAL}),
    ("BasicDetails/EnglishProficiency", "A", HAVE_EAL),
    ("FSMhistory/FSMinstance/FSMcategory", "TFSM", HAVE_FSM),
)
# The headings of the downloads that GIAP offers, each kind on a line.
GIAP = {
    kind: headings.split()
    for kind, headings in (
        line.split(": ") for line in (Path(__file__).parent / "giap.txt").read_text("utf-8").splitlines()
    )
}


def census(element: str, value: str) -> bytes:
    inside = f"<PupilCharacteristics><{element}>{value}</{element}></PupilCharacteristics>"
    records = [
        made.census_pupil(child).replace("</PupilIdentifiers>", "</PupilIdentifiers>" + inside)
        for child in made.children(6)
    ]
    return made.census_around(records).encode()


def transfer(path: str, value: str) -> bytes:
    names = path.split("/")
    inside = "".join(f"<{n}>" for n in names) + value + "".join(f"</{n}>" for n in reversed(names))
    records = [made.pupil(child, made.CORE_INSIDE + inside) for child in made.children(6)]
    return made.ctf(records, qualifier="full").encode()


def download(headings: list[str]) -> bytes:
    text = io.StringIO(newline="")
    out = csv.writer(text)
    out.writerow(headings)
    for child in made.children(6):
        known = {
            "UPN": child.upn,
            "SURNAME": child.surname,
            "DOB": child.born,
            "SEX": child.sex,
            "YEARGRP": "6",
        }
        known |= {"FORENAMES": child.forename, "FORENAME": child.forename, "LA": "999", "YEARGRP": "6"}
        known |= {
            "ESTAB": "1234",
            "ACADYR": "2026",
            "LAESTAB": "9991234",
            "URN": "120001",
            "SENTYPE": "MLD",
            "READ_OUTCOME": "EXS",
            "WRIT_OUTCOME": "EXS",
            "MATH_OUTCOME": "EXS",
            "SCI_OUTCOME": "EXS",
            "READOUTCOME": "AS",
        }
        out.writerow([known.get(name.upper(), "1") for name in headings])
    return text.getvalue().encode()


def decided(data: bytes, policies: Path = POLICIES, sender: Provider = OAK):
    rules, catalogue = load_rules(policies), load_catalogue(policies)
    what = classify(io.BytesIO(data), "x", ClassifyLimits(), rules, today=ON_ITS_DAY.date())
    assert isinstance(what, Classified), what
    return what, decide(what, catalogue, sender, ON_ITS_DAY), catalogue


@pytest.mark.parametrize(("element", "value"), [(e, v) for e, values in CENSUS.items() for v in values])
def test_what_the_census_asks_for_passes_with_each_of_its_codes(element: str, value: str):
    what, decision, _ = decided(census(element, value))
    assert isinstance(decision, Accepted), decision.reasons
    assert not what.unlisted
    assert not what.findings


@pytest.mark.parametrize("element", CENSUS)
def test_nothing_of_it_is_sensitive_to_a_welsh_county(element: str):
    what, decision, _ = decided(census(element, CENSUS[element][0]), POLICIES / "cwm-alarch")
    assert "policy:sensitive" not in {reason.code for reason in decision.reasons}
    assert not what.unlisted


@pytest.mark.parametrize("element", [e for e in CENSUS if CENSUS[e][0].isalpha() and "FAM" not in e])
def test_a_code_that_no_list_of_the_census_has_is_told(element: str):
    what, _, _ = decided(census(element, "ZZ"))
    assert [finding.code for finding in what.findings] == ["code:unknown"]


@pytest.mark.parametrize("element", CENSUS)
def test_what_the_census_asks_for_goes_to_those_who_make_the_return_and_to_nobody_else(element: str):
    data = census(element, CENSUS[element][0])
    what, decision, catalogue = decided(data)
    assert shown_to(data, what, catalogue, decision.teams, f"<{element}>") == {CENTRAL}


@pytest.mark.parametrize(("path", "value", "teams"), CTF, ids=[path for path, _, _ in CTF])
def test_what_a_transfer_file_carries_goes_to_the_team_whose_duty_it_is(
    path: str, value: str, teams: set[str]
):
    data = transfer(path, value)
    what, decision, catalogue = decided(data)
    assert isinstance(decision, Accepted), decision.reasons
    assert set(decision.teams) == EVERYBODY
    assert not what.unlisted
    assert shown_to(data, what, catalogue, decision.teams, f"<{path.rpartition('/')[2]}>") == teams


def shown_to(data: bytes, what: Classified, catalogue, teams, text: str) -> set[str]:
    def view(team: str) -> bytes:
        return view_of(
            data, basis_for(team, what.data_type, catalogue, "school", what.unlisted, form=what.format)
        )[0]

    return {team for team in teams if text.encode() in view(team)}


@pytest.mark.parametrize("path", [path for path, _, _ in CTF if not path.startswith("FSM")])
def test_a_welsh_county_s_transfer_files_pass_as_well(path: str):
    value = next(v for p, v, _ in CTF if p == path)
    _, decision, _ = decided(transfer(path, value), POLICIES / "cwm-alarch")
    codes = {reason.code for reason in decision.reasons}
    assert "policy:sensitive" not in codes


@pytest.mark.parametrize(
    ("heading", "value"),
    [
        ("Young Carer", "N"),
        ("Kinship Care", "ND"),
        ("Looked After", "N"),
        ("Disability", "HEAR"),
        ("PLAA", "A"),
        ("Single Unique Identifier", "1"),
    ],
)
def test_the_same_in_a_table_of_core_data_waits(heading: str, value: str):
    rows = [[*row, heading if n == 0 else value] for n, row in enumerate(made.core_rows())]
    _, decision, _ = decided(made.as_csv(rows).encode())
    assert isinstance(decision, Held)
    assert "policy:sensitive" in {reason.code for reason in decision.reasons}


def test_the_single_unique_identifier_waits_in_the_census_too():
    _, decision, _ = decided(census("SingleUniqueIdentifier", "1"))
    assert isinstance(decision, Held)


EARLY_LEARNING_GOALS = (
    "Listening, Attention and Understanding", "Speaking", "Self-Regulation", "Managing Self",
    "Building Relationships", "Gross Motor Skills", "Fine Motor Skills", "Comprehension", "Word Reading",
    "Writing", "Number", "Numerical Patterns", "Past and Present", "People, Culture and Communities",
    "The Natural World", "Creating with Materials", "Being Imaginative and Expressive",
)  # fmt: skip


def test_a_profile_as_tracking_programs_head_it_passes_with_all_its_goals():
    rows = [["UPN", "Surname", "Forename", "Date of Birth", *EARLY_LEARNING_GOALS]]
    for child in made.children(6):
        results = ["2"] * len(EARLY_LEARNING_GOALS)
        rows.append([child.upn, child.surname, child.forename, child.born, *results])
    data = made.as_csv(rows).encode()
    what, decision, catalogue = decided(data)
    assert isinstance(decision, Accepted), decision.reasons
    assert not what.unlisted
    assert not what.findings
    for team in (CENTRAL, "early-years"):
        basis = basis_for(team, what.data_type, catalogue, "school", what.unlisted, form=what.format)
        assert view_of(data, basis)[0].splitlines() == data.splitlines()


@pytest.mark.parametrize("name", RETURNS)
def test_returns_of_the_law_wait_for_the_reason_that_they_are_not_switched_on(name: str):
    _, decision, _ = decided(RETURNS[name][2])
    assert isinstance(decision, Held)
    assert "classify:law-return" in {reason.code for reason in decision.reasons}


@pytest.mark.parametrize(
    ("headings", "data_type", "sender"),
    [(GIAP["KS2"], "ks2", DFE), (GIAP["MTC"], "ks2", DFE), (GIAP["KS1"], "ks1", OAK)],
    ids=["KS2", "MTC", "KS1"],
)
def test_a_download_of_the_dfe_passes_whole(headings: list[str], data_type: str, sender: Provider):
    data = download(headings)
    what, decision, catalogue = decided(data, sender=sender)
    assert what.data_type == data_type
    assert isinstance(decision, Accepted), decision.reasons
    assert decision.teams == (CENTRAL,)
    assert not what.unlisted
    basis = basis_for(CENTRAL, data_type, catalogue, sender.kind, what.unlisted, form=what.format)
    assert view_of(data, basis) == (data, ())
