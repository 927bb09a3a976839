"""Excel's binary workbooks are refused record by record, before the library that reads cells sees them."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO
from zipfile import ZipFile

import pytest

from gateway.model import Classified, ContentRefused
from tests.classify import made
from tests.classify.conftest import Classify
from tests.corpus import books

PAGE = books.Page(made.core_rows())
MANY = "a sheet with more cells than this gateway reads of such files"
LARGE = "a binary workbook larger than this gateway reads; as XLSX it may be"
SHEET = "xl/worksheets/sheet1.bin"


def far(last: int) -> bytes:
    """A sheet of three columns with two rows: the first, and the last of so many."""
    return books.xlsb_sheet([["UPN", "Surname", "DOB"]]) + books.xlsb_sheet([["x"]], last)


@pytest.mark.parametrize(
    ("content", "form", "evidence"),
    [
        (lambda: books.xlsb(PAGE, more={SHEET: far(1_000_000)}), "XLSB", MANY),
        (lambda: books.xlsb(PAGE, more={SHEET: books.xlsb_sheet([["x"]], 2**20)}), "XLSB", "damaged"),
        (lambda: books.xls(books.Page([["UPN"], *[[]] * 60_000, [*[""] * 99, "x"]])), "XLS", MANY),
        (lambda: books.xls(books.Page([[1] * 100, *[[]] * 60_000, ["x"]])), "XLS", MANY),
    ],
    ids=["far apart", "below the last row", "far apart, old", "far apart, numbers in a row, old"],
)
def test_a_sheet_of_too_many_cells_is_not_loaded(
    classify: Classify, content: Callable[[], bytes], form: str, evidence: str
) -> None:
    found = classify(content())
    assert isinstance(found, ContentRefused)
    assert (found.format, evidence in found.evidence[0]) == (form, True)


def test_the_last_row_of_a_sheet_is_read(classify: Classify) -> None:
    found = classify(books.xlsb(PAGE, more={SHEET: books.xlsb_sheet(PAGE.rows, 2**20 - len(PAGE.rows))}))
    assert isinstance(found, Classified)


@pytest.mark.parametrize("kind", [355, 360, 667])
def test_a_link_to_another_file_is_active_content(classify: Classify, kind: int) -> None:
    with ZipFile(BytesIO(books.xlsb(PAGE))) as made_before:
        book = made_before.read("xl/workbook.bin")
    link = bytes([kind & 0x7F | 0x80, kind >> 7, 0])
    found = classify(books.xlsb(PAGE, more={"xl/workbook.bin": book + link}))
    assert isinstance(found, ContentRefused)
    assert (found.code, found.about) == ("classify:active-content", "links to other files")


@pytest.mark.parametrize("make", [books.xlsb, books.xls])
def test_a_workbook_that_unpacks_to_too_much_is_not_loaded(
    classify: Classify, make: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = make(PAGE)
    spare = 0 if make is books.xlsb else -1  # What is packed is less than what it unpacks to.
    monkeypatch.setattr("gateway.classify.binary_workbooks._LARGEST", len(content) + spare)
    found = classify(content)
    assert isinstance(found, ContentRefused)
    assert found.evidence == (LARGE,)
