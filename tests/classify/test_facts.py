"""What a file says of itself."""

from datetime import date

from gateway.model import Classified, Facts
from tests.classify import made
from tests.classify.cases import TEXTS
from tests.classify.conftest import Classify


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
