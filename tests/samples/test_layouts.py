"""What the layouts draw is what their formats say, and the planted faults are really in the bytes."""

import csv
import io
import re

import pytest
from lxml import etree
from openpyxl import load_workbook
from stdnum.gb import upn as stdnum_upn

from gateway.samples import LAYOUTS, build, build_layout, make
from gateway.samples.presentation import PRESENTATIONS

UPN = re.compile(r"[A-Z]999\d{8}[0-9A-HJ-NP-RT-Z]")
PLAIN = [layout for layout in LAYOUTS if "upn:check-letter" in layout.faults]


def name(layout):
    return f"{layout.data_type} {layout.variant}"


def rows(content, encoding="utf-8"):
    return list(csv.reader(io.StringIO(content.decode(encoding), newline="")))


@pytest.mark.parametrize("layout", PLAIN, ids=name)
def test_planted_upns_are_in_the_file_and_no_others_are_wrong(layout):
    built = build_layout(layout, pupils=60, errors=True)
    upns = set(UPN.findall(built.content.decode(built.encoding)))
    wrong = [u for u in upns if stdnum_upn.calc_check_digit(u[1:]) != u[0]]
    temporary = [u for u in upns if u[-1].isalpha()]
    assert len(wrong) == built.faults["upn:check-letter"]
    assert len(temporary) == built.faults["upn:temporary"]


@pytest.mark.parametrize("layout", LAYOUTS, ids=name)
def test_a_clean_file_has_no_wrong_upn(layout):
    built = build_layout(layout, pupils=30)
    upns = set(UPN.findall(built.content.decode(built.encoding)))
    assert [u for u in upns if stdnum_upn.calc_check_digit(u[1:]) != u[0]] == []


@pytest.mark.parametrize("layout", LAYOUTS, ids=name)
def test_every_presentation_that_suits_the_layout_can_be_built_for_one_pupil(layout):
    for way in PRESENTATIONS:
        if layout.form in way.suits:
            assert build_layout(layout, way, pupils=1, errors=True).content


def test_the_seventeen_goals_are_in_an_early_years_file():
    root = etree.fromstring(make("eyfs-profile", "ctf", pupils=3))
    first = root.find(".//Pupil")
    components = [node.text for node in first.iterfind(".//Component")]
    assert components == [f"E{n:02d}" for n in range(1, 18)]
    assert {node.text for node in root.iterfind(".//Stage")} == {"EYF"}


def test_a_leaver_carries_the_results_of_three_stages():
    root = etree.fromstring(make("student-core", "ctf-full-leaver", pupils=3))
    assert [node.text for node in root.find(".//Pupil").iterfind(".//Stage")] == ["EYF", "KS1", "KS2"]
    assert root.find(".//SchoolHistory/School/LeavingDate") is not None


def test_key_stage_1_with_retakes_has_some_phonics_and_more_assessments():
    root = etree.fromstring(make("ks1", "ctf-with-retakes", pupils=40))
    subjects = [node.text for node in root.iterfind(".//Subject")]
    assert 0 < subjects.count("PHO") < len(subjects) / 2


def test_census_days_are_the_published_thursdays():
    for variant, day in (("autumn", "2025-10-02"), ("spring", "2026-01-15"), ("summer", "2026-05-21")):
        root = etree.fromstring(make("school-census", f"xml-{variant}", pupils=3))
        assert root.findtext("Header/CollectionDetails/ReferenceDate") == day


def test_some_pupils_of_a_census_are_no_longer_on_roll():
    root = etree.fromstring(make("school-census", "xml-summer", pupils=20))
    assert len(root.findall(".//PupilOnRoll")) == 18
    assert len(root.findall(".//PupilNoLongerOnRoll")) == 2


@pytest.mark.parametrize("data_type", ["gcse-results", "a-level-results"])
def test_result_files_have_records_of_192_characters(data_type):
    built = build(data_type, "jcq", pupils=12)
    records = built.content.decode("windows-1252").split("\r\n")[:-1]
    assert {len(record) for record in records} == {192}
    assert [record[:2] for record in records] == ["R1", "R3", *["R5"] * 12, "R7", "R9"]
    assert all(UPN.fullmatch(record[72:85]) for record in records[2:-2])


def test_mixed_result_files_have_grades_of_both_kinds():
    records = make("gcse-results", "jcq-mixed", pupils=30).decode("windows-1252").split("\r\n")[2:32]
    grades = [record[108 + 7 * n + 6] for record in records for n in range(5)]
    assert any(grade.isdigit() for grade in grades)
    assert any(grade in "*ABCDE" for grade in grades)


def test_old_attendance_codes_differ_from_the_codes_of_2024():
    def marks(variant):
        return {row[-1] for row in rows(make("attendance", variant, pupils=200))[1:]}

    assert "H" in marks("csv-sessions-old-codes")
    assert "H" not in marks("csv-sessions")
    assert {"C1", "Y1"} <= marks("csv-sessions")


def test_both_shapes_of_exclusions():
    one = etree.fromstring(make("exclusions", "xml-one-reason", pupils=9))
    many = etree.fromstring(make("exclusions", "xml-many-reasons", pupils=9))
    assert all(len(node.findall("Reason")) == 1 for node in one.iter("Exclusion"))
    assert max(len(node.findall("Reasons/Reason")) for node in many.iter("Exclusion")) > 1


def test_the_fft_template_has_two_columns_called_year():
    header = rows(make("fft-aspire", "csv-estimates", pupils=2))[0]
    assert header.count("Year") == 2


def test_presentations_write_what_they_say():
    def head(variant):
        return make("attendance", f"csv-weekly{variant}", pupils=3)

    assert head("-bom").startswith(b"\xef\xbb\xbf")
    assert head("-utf16").startswith((b"\xff\xfe", b"\xfe\xff"))
    assert b"UPN;Surname" in head("-semicolon")
    assert "UPN\tSurname" in head("-tab").decode("utf-16")
    assert b"\r\n" not in head("-windows1252")
    assert head("-preamble").startswith(b"Exported")
    assert make("attendance", "xlsx-weekly").startswith(b"PK")
    assert head("-spreadsheet").startswith(b"sep=;\r\n")
    assert head("-spreadsheet").endswith(b";" * 15 + b"\r\n")
    assert b" SURNAME , FORENAME , REG " in head("-worn")
    assert head("-worn").splitlines()[2].endswith(b", UPN ")


def test_commented_xml_is_the_same_document():
    plain, commented = (make("student-core", f"ctf-full{way}", pupils=4) for way in ("", "-commented"))
    assert b"<!--" in commented
    assert b"\r\n" in commented
    assert etree.tostring(etree.fromstring(plain)) == etree.tostring(etree.fromstring(commented))


def test_a_workbook_with_a_cover_has_its_table_on_the_second_sheet():
    book = load_workbook(io.BytesIO(make("attendance", "xlsx-weekly-cover", pupils=3)))
    assert book.sheetnames == ["Read me", "Export"]
    assert [row[0].value for row in book["Export"]][2] == "UPN"
