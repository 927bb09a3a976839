"""What a file says of itself."""

from datetime import date

import pytest

from gateway.model import Classified, ContentRefused, Facts
from tests.classify import made
from tests.classify.cases import TEXTS
from tests.classify.conftest import Classify
from tests.classify.test_archive import archive


def facts(classify: Classify, text: str) -> Facts:
    found = classify(text.encode())
    assert isinstance(found, Classified), found
    return found.facts


def test_a_ctf(classify: Classify) -> None:
    assert facts(classify, TEXTS["phonics"][0]) == Facts(
        la="999",
        establishment="1234",
        urn="123456",
        academic_year="2025/26",
        reference_date=date(2026, 6, 20),
        key_stage="KS1",
        software="Arbor",
        version="25.0",
        upn_authorities=("999",),
        upper_years=0,
    )


def test_a_census(classify: Classify) -> None:
    assert facts(classify, TEXTS["census"][0]) == Facts(
        la="999",
        establishment="1234",
        academic_year="2026/27",
        term="autumn",
        reference_date=date(2026, 10, 1),
        software="SIMS 7.222",
        upn_authorities=("999",),
        upper_years=0,
    )


def test_a_table_with_its_school_in_columns(classify: Classify) -> None:
    assert facts(classify, TEXTS["census-csv"][0]) == Facts(
        la="999",
        establishment="1234",
        urn="123456",
        academic_year="2025/26",
        term="autumn",
        upn_authorities=("999",),
        upper_years=0,
    )


def test_a_table_with_one_number_for_both(classify: Classify) -> None:
    found = facts(classify, TEXTS["ks4-csv"][0])
    assert (found.la, found.establishment) == ("999", "1234")


def test_a_table_of_many_schools_names_none(classify: Classify) -> None:
    found = facts(classify, TEXTS["ks2-csv"][0])
    assert (found.la, found.establishment) == ("999", None)


def test_numbers_that_are_none_are_left_out(classify: Classify) -> None:
    text = made.ctf([made.pupil(made.Child(1), made.CORE_INSIDE)])
    text = text.replace("<LEA>999", "<LEA>XXX", 1).replace("<Estab>1234", "<Estab>XXXX", 1)
    found = facts(classify, text.replace("<AcademicYear>2025", "<AcademicYear>this"))
    assert (found.la, found.establishment, found.academic_year) == (None, None, None)


def test_the_name_of_a_system_is_cut_and_plain(classify: Classify) -> None:
    text = TEXTS["core"][0].replace("Arbor", "A&lt;b&gt;\n\u202e" + "x" * 90)
    assert facts(classify, text).software == "Ab" + "x" * 38


def results_of(*years: str) -> made.Rows:
    """GCSE results, each row with the academic year that is next."""
    head, *rows = made.result_rows(["9", "4", "U"])
    told = ([*row, years[number % len(years)]] for number, row in enumerate(rows))
    return [[*head, "Academic Year"], *told]


@pytest.mark.parametrize(
    ("years", "year"),
    [
        (("2024/25",), "2024/25"),
        (("2024/25", "2024/25", "2025/26"), "2025/26"),
        (("2024/25", "2024/25", ""), None),
        (("2024/25", "2024/25", "2025"), None),
    ],
)
def test_results_are_of_the_latest_year_and_of_none_where_one_has_none(
    classify: Classify, years: tuple[str, ...], year: str | None
) -> None:
    assert facts(classify, made.as_csv(results_of(*years))).academic_year == year


@pytest.mark.parametrize("later", ["2025/26", ""])
def test_results_that_come_together_wait_for_the_latest_of_them(classify: Classify, later: str) -> None:
    early, late = (made.as_csv(results_of(year)).encode() for year in ("2024/25", later))
    for first, then in ((early, late), (late, early)):
        found = classify(archive(("a.csv", first), ("b.csv", then)))
        assert (found.data_type, found.facts.academic_year) == ("gcse-results", later or None)


def test_pupils_of_year_9_and_above_are_counted_by_year_group(classify: Classify) -> None:
    rows = made.core_rows()
    for row, year in zip(rows[1:], ("8", "9", "11", "Year 10", "R", "Year 7"), strict=False):
        row[rows[0].index("Year Group")] = year
    assert facts(classify, made.as_csv(rows)).upper_years == 3


def test_without_year_groups_they_are_counted_by_their_age_before_this_school_year(
    classify: Classify,
) -> None:
    rows = made.core_rows()
    place = rows[0].index("Year Group")
    for row, born in zip(rows[1:], ("2013-08-31", "2013-09-01", "2010-01-01"), strict=False):
        row[rows[0].index("DOB")] = born
    rows = [[*row[:place], *row[place + 1 :]] for row in rows]
    assert facts(classify, made.as_csv(rows)).upper_years == 2


@pytest.mark.parametrize("later", ["2025/26", ""])
def test_of_results_that_come_together_each_part_has_its_own_years(classify: Classify, later: str) -> None:
    early, late = (made.as_csv(results_of(year)).encode() for year in ("2024/25", later))
    summary = b"Subject,Number\r\nMathematics,30\r\nEnglish,28\r\n"
    for first, then in ((summary, early), (early, summary)):
        found = classify(archive(("a.csv", first), ("b.csv", then)))
        assert (found.data_type, found.facts.academic_year) == ("gcse-results", "2024/25")
    found = classify(archive(("a.csv", early), ("b.csv", summary), ("c.csv", late)))
    assert found.facts.academic_year == (later or None)


def test_censuses_of_two_terms_are_parts_that_are_decided_one_by_one(classify: Classify) -> None:
    autumn, table = TEXTS["census"][0], TEXTS["census-csv"][0]
    pairs = [
        (autumn, autumn.replace("AUT</Term>", "SPR</Term>")),
        (table, table.replace("2025/26", "2024/25")),
    ]
    for text, other in pairs:
        found = classify(archive(("a", text.encode()), ("b", other.encode())))
        assert isinstance(found, ContentRefused)
        assert found.code == "classify:several-kinds"
        assert [part.data_type for part in found.parts] == ["school-census"] * 2
        again = made.as_csv(made.session_blade_rows()).encode()
        found = classify(archive(("a", text.encode()), ("b", text.encode()), ("c", again)))
        assert (found.data_type, found.facts.term) == ("school-census", "autumn")
