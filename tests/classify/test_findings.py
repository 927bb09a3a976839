"""Quality findings: each planted fault is found, counted and placed, and none other."""

import random
import re

import pytest
from stdnum.gb.upn import calc_check_digit as upn_check_letter

from gateway.classify import Rules, tally
from gateway.classify.content import classified_as
from gateway.classify.findings import FINDINGS, describe
from gateway.model import Classified, Finding
from gateway.samples import make
from tests.classify import made
from tests.classify.cases import TEXTS
from tests.classify.conftest import Classify

TEMPORARY = upn_check_letter("99912342600A") + "99912342600A"
WRONG = "Q207000016049"


def found_in(classify: Classify, text: str) -> list[tuple[str, str, int, tuple[int, ...]]]:
    found = classify(text.encode())
    assert isinstance(found, Classified), found
    return [(f.code, f.about, f.count, f.rows) for f in found.findings]


def changed(column: str, row: int, value: str) -> str:
    rows = made.core_rows()
    rows[row][rows[0].index(column)] = value
    return made.as_csv(rows)


@pytest.mark.parametrize(("text", "data_type"), TEXTS.values(), ids=TEXTS)
def test_a_good_file_has_none(classify: Classify, text: str, data_type: str) -> None:
    assert found_in(classify, text) == []


@pytest.mark.parametrize(
    ("column", "value", "code", "about"),
    [
        ("UPN", WRONG, "upn:check-letter", "Pupil: UPN"),
        ("UPN", "12345", "upn:malformed", "Pupil: UPN"),
        ("UPN", TEMPORARY, "upn:temporary", "Pupil: UPN"),
        ("UPN", made.Child(0).upn, "upn:duplicate", "Pupil: UPN"),
        ("UPN", "", "item:missing", "Pupil: UPN"),
        ("Legal Surname", "", "item:missing", "Pupil: Surname"),
        ("DOB", "", "item:missing", "Pupil: Date of Birth"),
        ("DOB", "2026-11-25", "date:future", "Pupil: Date of Birth"),
        ("DOB", "31/02/2016", "date:malformed", "Pupil: Date of Birth"),
        ("Gender", "X", "code:unknown", "Pupil: Gender"),
        ("Ethnicity", "ZZZZ", "code:unknown", "Pupil: Ethnicity"),
        ("SEN Status", "Z", "code:unknown", "SEN: SEN Status/Date"),
    ],
)
def test_a_fault_in_a_table(classify: Classify, column: str, value: str, code: str, about: str) -> None:
    assert found_in(classify, changed(column, 7, value)) == [(code, about, 1, (7,))]


@pytest.mark.parametrize("blank", [" ", "  "])
def test_a_column_of_blank_upns_is_as_one_of_none(classify: Classify, blank: str) -> None:
    def filled(upn: str) -> Classified:
        profile = make("eyfs-profile", "csv", rng=random.Random(1), pupils=5).decode()
        found = classify(re.sub(r",[A-Z]999[0-9]{9},", f",{upn},", profile).encode())
        assert isinstance(found, Classified)
        return found

    assert filled(blank).pupils == filled("").pupils == 5
    assert [one.code for one in filled(blank).findings] == ["upn:malformed"]  # Not repeated ones.


@pytest.mark.parametrize(("remembered", "pupils", "repeated"), [(2, 5, (5,)), (3, 5, (4, 5)), (4, 3, (4, 5))])
def test_beyond_so_many_pupils_records_are_counted(
    rules: Rules,
    monkeypatch: pytest.MonkeyPatch,
    remembered: int,
    pupils: int,
    repeated: tuple[int, ...],
) -> None:
    monkeypatch.setattr(tally, "PUPILS_REMEMBERED", remembered)
    counted = tally.Tally(rules, None)
    for row, number in enumerate((0, 1, 2, 2, 0), 1):
        counted.rows({"upn": (made.Child(number).upn,)}, range(row, row + 1), {"upn"}, ("",), lambda: ())
    found = counted.completed(classified_as("student-core", "certain", [], "CSV"))
    assert found.pupils == pupils
    assert [one.rows for one in found.findings if one.code == "upn:duplicate"] == [repeated]


@pytest.mark.parametrize(
    ("good", "bad", "code", "about"),
    [
        (made.Child(6).upn, WRONG, "upn:check-letter", "Pupil: UPN"),
        (made.Child(6).upn, TEMPORARY, "upn:temporary", "Pupil: UPN"),
        (made.Child(6).upn, made.Child(0).upn, "upn:duplicate", "Pupil: UPN"),
        (f"<UPN>{made.Child(6).upn}</UPN>", "", "item:missing", "Pupil: UPN"),
        (f"<DOB>{made.Child(6).born}</DOB>", "<DOB/>", "item:missing", "Pupil: Date of Birth"),
        (f"<DOB>{made.Child(6).born}</DOB>", "<DOB>2027-01-01</DOB>", "date:future", "Pupil: Date of Birth"),
        ("<SENprovision>K", "<SENprovision>Z", "code:unknown", "SEN: SEN Status/Date"),
    ],
)
def test_a_fault_in_a_ctf(classify: Classify, good: str, bad: str, code: str, about: str) -> None:
    pupils = [made.pupil(child, made.CORE_INSIDE) for child in made.children()]
    assert good in pupils[6]
    pupils[6] = pupils[6].replace(good, bad)
    assert found_in(classify, made.ctf(pupils)) == [(code, about, 1, (7,))]


def test_a_result_outside_its_list(classify: Classify) -> None:
    pupils = [made.pupil(child, made.PHONICS) for child in made.children()]
    pupils[3] = pupils[3].replace("<Result>35<", "<Result>41<")
    assert found_in(classify, made.ctf(pupils)) == [("code:unknown", "assessment result", 1, (4,))]
    found = classify(made.ctf(pupils).encode())
    assert [one.item for one in found.findings] == ["Results of key stage assessments"]


def test_an_unknown_mark(classify: Classify) -> None:
    rows = made.mark_rows()
    rows[5][5] = "%"
    assert found_in(classify, made.as_csv(rows)) == [("code:unknown", "mark", 1, (5,))]


@pytest.mark.parametrize("code", ["F", "H", "J", "Y"])
def test_a_withdrawn_mark_is_told_in_a_register_of_today(classify: Classify, code: str) -> None:
    rows = made.mark_rows()
    rows[5][5] = code
    told = [("code:unknown", "mark", 1, (5,))]
    assert found_in(classify, made.as_csv(rows)) == told
    assert found_in(classify, made.as_csv(rows).replace("/2026", "/2023")) == []


def test_pupils_stand_in_a_register_more_than_once(classify: Classify) -> None:
    assert found_in(classify, made.as_csv(made.mark_rows())) == []


def test_a_column_that_is_missing_is_missing_everywhere(classify: Classify) -> None:
    rows = [row[:3] + row[4:] for row in made.phonics_rows()]
    assert found_in(classify, made.as_csv(rows)) == [
        ("item:missing", "Pupil: Forename", 12, tuple(range(1, 13)))
    ]


def test_only_the_first_rows_are_named_and_all_are_counted(classify: Classify) -> None:
    rows = made.core_rows(60)
    for row in rows[21:]:
        row[7] = "ZZZZ"
    assert found_in(classify, made.as_csv(rows)) == [
        ("code:unknown", "Pupil: Ethnicity", 40, tuple(range(21, 41)))
    ]


def test_duplicates_far_apart_are_found(classify: Classify) -> None:
    rows = made.core_rows(2_500)
    rows[2_400][0] = rows[1][0]
    assert found_in(classify, made.as_csv(rows)) == [
        ("upn:duplicate", "Pupil: UPN", 1, (2_400,)),
        ("upn:other-name", "Pupil: UPN", 1, (2_400,)),
    ]


def test_a_minority_of_bad_upns_never_refuses(classify: Classify) -> None:
    rows = made.core_rows()
    for row in rows[1:6]:
        row[0] = WRONG
    found = classify(made.as_csv(rows).encode())
    assert isinstance(found, Classified)
    assert [(f.code, f.count) for f in found.findings] == [
        ("upn:check-letter", 5),
        ("upn:duplicate", 4),
        ("upn:other-name", 4),
    ]


def test_every_code_has_a_severity_and_a_sentence() -> None:
    for code, (severity, sentence) in FINDINGS.items():
        finding = Finding(code=code, severity=severity, count=3, rows=(1, 2), about="Pupil: UPN")
        assert describe(finding) == f"3 records (Pupil: UPN): {sentence} Records: 1, 2, …."
        assert sentence.endswith(".")


def test_a_year_of_birth_is_no_year_group(classify: Classify) -> None:
    rows = made.table(
        "UPN,Surname,Forename,Key stage,Day,Month,Year,FFT50",
        lambda c: f"{c.upn},{c.surname},{c.forename},KS4,1,2,2010,5",
        12,
    )
    assert found_in(classify, made.as_csv(rows)) == []


def test_how_many_results_there_should_be_is_told(classify: Classify) -> None:
    found = classify(made.as_csv(row[:-1] for row in made.ks1_rows()).encode())
    assert isinstance(found, Classified)
    assert [(one.code, one.count, one.of) for one in found.findings] == [("results:lacking", 1, 4)]
