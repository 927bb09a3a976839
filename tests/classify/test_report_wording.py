"""Lines that reports print by themselves are passed over, and in no view; what a person wrote is not."""

from collections.abc import Callable

import pytest

from gateway.classify import load_rules
from tests.corpus import books
from tests.corpus.benign import rows
from tests.corpus.benign.core import SIMS
from tests.corpus.corpus import POLICIES
from tests.corpus.test_told import csv, decided, told
from tests.views.making import view_for

PRINTED = [
    "Report run by: Ann Brown on 24/11/2026 10:31",
    "Printed on 24 November 2026 at 09:01 by Ann Brown",
    "Total pupils: 24",
    "Service children: 4",
    "Page 1 of 2",
    "*** End of report ***",
    "Oak Primary School",
    "EXP = Expected, EM = Emerging",
    "Key: EXP = Expected, EM = Emerging",
    "I - Illness; / - Present",
]
WRITTEN = [
    "Ring Mrs Brown before you use this.",
    "Not to be shared with: Ann Brown",
    "Address not to be given out",
    "Do not share with: Tom Brown",
    "Child protection: 2",
    "Tom Brown: 3",
    "Ann Brown",
    "Tom = Refuge",
    "Tom - Refuge",
    "Key: Tom = Refuge",
    "Social worker: Ann Brown",
    "Mother: Ann Brown",
]


@pytest.mark.parametrize("line", PRINTED)
def test_a_line_of_a_report_is_passed_over_and_in_no_view(line: str) -> None:
    content = csv(rows(SIMS), below=[[line]])
    assert list(told(decided(content))) == ["policy:allowed"]
    view, left_out = view_for("central-data-team", content, "school")
    assert line.encode() not in view
    assert left_out


@pytest.mark.parametrize("line", WRITTEN)
def test_a_line_that_a_person_wrote_waits(line: str) -> None:
    assert "classify:beside-table" in told(decided(csv(rows(SIMS), below=[[line]])))


def test_totals_are_in_no_view() -> None:
    table = rows(SIMS)
    content = csv(table, below=[["Total", *[""] * (len(table[0]) - 2), 4711]])
    assert list(told(decided(content))) == ["policy:allowed"]
    assert b"4711" not in view_for("central-data-team", content, "school")[0]


@pytest.mark.parametrize("pupil", [["Mark Day", 9], ["", "Mark Day", 9], ["Mark", "Day", 9]])
def test_a_pupil_in_the_last_row_is_no_total(pupil: list[object]) -> None:
    assert not load_rules(POLICIES).report_wording.is_sum([str(cell) for cell in pupil])


TOTALS = [["Total", 24], ["Total pupils", 24], ["Total", 24, 24], ["Total", *[""] * 4, 24]]
TOTALS += [["Number of pupils", 24], ["Pupils on roll", 24]]


@pytest.mark.parametrize("total", TOTALS)
@pytest.mark.parametrize("kind", [books.xlsx, books.xls, books.xlsb, books.ods])
def test_totals_under_a_table_of_a_workbook_are_passed_over(
    kind: Callable[[books.Page], bytes], total: list[object]
) -> None:
    table = rows(SIMS)
    assert list(told(decided(kind(books.Page([*table, total]))))) == ["policy:allowed"]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("Year group (at 10 Nov 2026)", "year-group"),
        ("SEN status as at 24/11/2026", "sen-status"),
        ("Present (01 Sep 2026 - 20 Nov 2026)", "sessions-attended"),
        ("education_details.data.upn", "upn"),
        ("student.legal_surname", "surname"),
        ("/", "sessions-attended"),
        ("% Attendance", "attendance-rate"),
        ("Year group (see note)", None),
        ("carer.upn_of_sibling", None),
        ("-", None),
    ],
)
def test_days_paths_and_signs_around_the_name_of_a_column(name: str, field: str | None) -> None:
    assert load_rules(POLICIES).column_field(name) == field
