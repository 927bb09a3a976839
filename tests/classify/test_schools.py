"""Which schools the records of a file name, and what is told of them."""

from __future__ import annotations

import pytest

from gateway.classify.schools import MOST, NOTHING, RecordSchool, Schools, school_in_title, school_named
from gateway.model import Classified, NamedSchool
from tests.classify.conftest import Classify
from tests.corpus.children import csv
from tests.corpus.schools import ELM, OAK, core


def schools(classify: Classify, content: bytes) -> tuple[NamedSchool, ...]:
    found = classify(content)
    assert isinstance(found, Classified), found
    return found.schools


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ([("number", "9992001")], RecordSchool(dfe_number=OAK)),
        ([("number", " 999/2001 ")], RecordSchool(dfe_number=OAK)),
        ([("number", "999 2001")], RecordSchool(dfe_number=OAK)),
        ([("la", "999"), ("number", "2001")], RecordSchool(dfe_number=OAK)),
        ([("la", "908"), ("number", "2001"), ("number", "9992001")], RecordSchool(dfe_number=OAK)),
        ([("la", "999")], NOTHING),
        ([("la", "Somerset"), ("number", "2001")], RecordSchool(establishment="2001")),
        ([("number", "120001")], RecordSchool(urn="120001")),
        ([("number", "EY123456")], RecordSchool(urn="EY123456")),
        (
            [("number", "2001"), ("number", "120001"), ("la", "999")],
            RecordSchool(dfe_number=OAK, urn="120001"),
        ),
        ([("name", "9992001")], RecordSchool(dfe_number=OAK)),
        ([("name", " St. Mary's  School")], RecordSchool(name="stmarysschool")),
        ([("name", ""), ("name", "Oak")], RecordSchool(name="oak")),
        ([("number", "OAK-12")], RecordSchool(name="oak12")),
        ([("centre", "54321")], RecordSchool(centre="54321")),
        ([("number", "-"), ("name", " ")], NOTHING),
        ([("number", "٩٩٩٢٠٠١")], RecordSchool(name="٩٩٩٢٠٠١")),
    ],
)
def test_what_a_record_says_of_its_school(texts: list, expected: RecordSchool) -> None:  # type: ignore[type-arg]
    assert school_named(texts) == expected


@pytest.mark.parametrize(
    ("title", "number"),
    [
        ("elm primary (999/2002)", ELM),
        ("dfe number: 9992002", ELM),
        ("school 999 2002", ""),
        ("telephone 9992002", ""),
        ("printed 01/09/2026", ""),
        ("marks 100/1000", ""),
        ("999/2001 999/2001", OAK),
    ],
)
def test_a_number_in_a_title(title: str, number: str) -> None:
    assert school_in_title(title).dfe_number == number


def test_two_numbers_in_a_title_are_no_number() -> None:
    assert school_in_title("999/2001 and 999/2002") == RecordSchool(name="9992001 9992002")


def test_records_are_counted_by_school_the_most_first(classify: Classify) -> None:
    found = schools(classify, csv(core(LAESTAB=(OAK, OAK, OAK, ELM))))
    assert found == (NamedSchool(dfe_number=OAK, records=9), NamedSchool(dfe_number=ELM, records=3))


def test_no_name_leaves_the_file(classify: Classify) -> None:
    found = schools(classify, csv(core(School_Name=("Zebrafish School", "Oak"))))
    assert found == (NamedSchool(name=1, records=6), NamedSchool(name=2, records=6))
    assert "zebrafish" not in repr(classify(csv(core(School_Name="Zebrafish School")))).casefold()


def test_a_file_that_names_no_school_names_none(classify: Classify) -> None:
    assert schools(classify, csv(core())) == ()


def test_however_many_schools_there_are_what_is_told_is_bounded() -> None:
    counted = Schools()
    for number in range(6_000):
        counted.count(RecordSchool(name=f"school {number}"))
    found = counted.named()
    assert len(found) == MOST + 1
    assert found[-1] == NamedSchool(further=True, records=6_000 - MOST)


def test_what_stands_around_one_part_says_nothing_of_the_next() -> None:
    counted = Schools()
    counted.count(NOTHING, 2)
    counted.around = RecordSchool(dfe_number=OAK)
    counted.end_part()
    counted.count(NOTHING, 3)
    assert counted.named() == (NamedSchool(records=3), NamedSchool(dfe_number=OAK, records=2))


def test_the_roll_hears_of_each_record_s_school(classify: Classify) -> None:
    heard: list[str] = []
    classify(csv(core(LAESTAB=(OAK, ELM))), on_pupils=lambda told, _: heard.extend(one[-1] for one in told))
    assert heard == [OAK, ELM] * 6
