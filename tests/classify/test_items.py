"""Data items: the labels are the agreement's, and a file carries those that it fills."""

import pytest

from gateway.classify import Rules
from gateway.model import Classified
from tests.classify import made
from tests.classify.conftest import Classify

# Typed from Appendix A of the agreement.
APPENDIX_A = {
    "Pupil": """Address, Date of Birth, EAL, Ethnic Source, Ethnicity, First Language, Forename, Former UPN,
        FSM Eligible/Date, Gender, Guardians, Medical Flag, Middle Names, Mode of Travel, NCY,
        Preferred Forename, Preferred Surname, Religion, Service Family, Surname, Traveller Family, UPN,
        Youth Support Services Agreement Indicator""",
    "School History": """Boarder, End Date, Enrolment Status, LA Number, Part Time, Registration Group,
        School Name, School Number, Start Date""",
    "Attendance": "Attendance Mark, Absence Reason",
    "SEN": "NHS Number (Proposed), SEN History, SEN Need, SEN Status/Date",
    "Exclusions": "Category, End Date, Reason, Start Date",
}


def test_the_labels_are_those_of_appendix_a(rules: Rules) -> None:
    typed = [f"{group}: {name.strip()}" for group, names in APPENDIX_A.items() for name in names.split(",")]
    assert list(dict.fromkeys(item.label for item in rules.items.values())) == typed


def test_only_the_nhs_number_is_proposed(rules: Rules) -> None:
    assert [i.label for i in rules.items.values() if i.proposed] == ["SEN: NHS Number (Proposed)"]


CTF_ITEMS = [
    "Pupil: Address",
    "Pupil: Date of Birth",
    "Pupil: Ethnicity",
    "Pupil: Forename",
    "Pupil: Gender",
    "Pupil: Guardians",
    "Pupil: Medical Flag",
    "Pupil: NCY",
    "Pupil: Surname",
    "Pupil: UPN",
    "School History: End Date",
    "School History: Enrolment Status",
    "School History: LA Number",
    "School History: School Name",
    "School History: School Number",
    "School History: Start Date",
    "SEN: SEN Status/Date",
]
TABLE_ITEMS = [
    "Pupil: Address",
    "Pupil: Date of Birth",
    "Pupil: Ethnicity",
    "Pupil: First Language",
    "Pupil: Forename",
    "Pupil: FSM Eligible/Date",
    "Pupil: Gender",
    "Pupil: NCY",
    "Pupil: Surname",
    "Pupil: UPN",
    "School History: Registration Group",
    "SEN: SEN Status/Date",
]


def items(classify: Classify, text: str) -> tuple[list[str], list[str]]:
    found = classify(text.encode())
    assert isinstance(found, Classified), found
    return list(found.items), list(found.other_items)


def test_a_ctf(classify: Classify) -> None:
    contact = "<Contacts><Contact><Surname>Brown</Surname><Email>a@example.org</Email></Contact></Contacts>"
    nhs = "<NHSNumber>9434765919</NHSNumber>"
    text = made.ctf([made.pupil(made.Child(1), made.CORE_INSIDE + made.HISTORY + contact + nhs)])
    assert items(classify, text) == (
        [*CTF_ITEMS[:-1], "SEN: NHS Number (Proposed)", CTF_ITEMS[-1]],
        ["Telephone number", "E-mail address"],
    )


@pytest.mark.parametrize("inside", ["<Stage>KS1</Stage>", ""])
def test_assessments_are_items_where_no_key_stage_stands_around_them(classify: Classify, inside: str) -> None:
    results = made.KS1.replace("<Stage>KS1</Stage>", "").replace("<Year>", f"{inside}<Year>")
    leaver = made.pupil(made.Child(1), made.CORE_INSIDE + results + made.HISTORY)
    assert "Results of key stage assessments" in items(classify, made.ctf([leaver], qualifier="full"))[1]


def test_a_table(classify: Classify) -> None:
    assert items(classify, made.as_csv(made.core_rows())) == (TABLE_ITEMS, ["Telephone number"])


def test_an_empty_column_carries_nothing(classify: Classify) -> None:
    rows = made.core_rows()
    for row in rows[1:]:
        row[-1] = ""
    assert items(classify, made.as_csv(rows))[1] == []


def test_plain_names_are_read_in_the_light_of_the_type(classify: Classify) -> None:
    exclusions, _ = items(classify, made.as_csv(made.exclusion_rows()))
    assert [i for i in exclusions if i.startswith("Exclusions")] == [
        "Exclusions: Category",
        "Exclusions: End Date",
        "Exclusions: Reason",
        "Exclusions: Start Date",
    ]
    marks, _ = items(classify, made.as_csv(made.mark_rows()))
    assert "Attendance: Attendance Mark" in marks


@pytest.mark.parametrize("name", ["Contact 1 Surname", "Parent Name", "contact_1_relationship"])
def test_guardians_go_by_many_names(rules: Rules, name: str) -> None:
    assert rules.column_field(name) == "guardians"


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("KS4_UPN", "upn"),
        ("FSP_SURNAME", "surname"),
        ("Pupil DOB", "birth-date"),
        ("Legal  forename", "forename"),
        ("upn_ex", "upn"),
        ("sex", "sex"),
        ("KS4_SEX", "sex"),
        ("KS4_LAESTAB", "school-number"),
        ("LAESTAB_ex", "school-number"),
        ("Category_2_ex", "exclusion-category"),
        ("FSP_COM_G01", "eyfs-goal"),
        ("FSP_COM_LAU", "eyfs-goal"),
        ("FSP_MAT_NUM", "eyfs-goal"),
        ("READEXPSTD", "ks2-result"),
        ("Mat Expected", "ks2-result"),
        ("GPS Expected Standard", "ks2-result"),
        ("RWM Higher (Standard)", "ks2-result"),
        ("Mon PM", "attendance-mark"),
        ("Monday 07/09 AM", "attendance-mark"),
        ("2026-09-07 AM", "attendance-mark"),
        ("KS4_EBACC_95", "ks4-result"),
        ("Phonics_PHONICS_MARK_AUT21", "phonics-mark"),
        ("Maths FFT50", "fft-benchmark"),
        ("Month", "fft-template"),
        ("Friends", None),
        ("", None),
        ("___", None),
    ],
)
def test_columns(rules: Rules, name: str, field: str | None) -> None:
    assert rules.column_field(name) == field


def test_the_exact_form_of_an_element_wins(rules: Rules) -> None:
    assert rules.element_field("Contact", "Surname") == "guardians"
    assert rules.element_field("Contact", "Email") == "email"
    assert rules.element_field("Pupil", "Surname") == "surname"
    assert rules.element_field("Pupil", "Nothing") is None
