"""Cells that a spreadsheet would run: told of where they only compute, held where they reach outside."""

import re
from pathlib import Path

import pytest

import gateway.classify
from gateway.classify.cells import check_formula, maybe_formulas
from gateway.mailboxes.names import _EXTENSION
from gateway.model import Classified, ContentRefused
from gateway.words import HIDDEN, plain
from tests.classify import made
from tests.classify.conftest import Classify
from tests.corpus.books import zipped


def with_cell(*cells: tuple[int, str]) -> bytes:
    rows = made.core_rows()
    for row, cell in cells:
        rows[row][5] = cell
    return made.as_csv(rows).encode()


@pytest.mark.parametrize("cell", ["=1+1", " =A1", "+SUM(A1:A9)", "-ABS(B2)", "@SUM(A1)", "=LEFT(A1)&B1"])
def test_a_cell_that_computes_is_told_with_its_record(classify: Classify, cell: str) -> None:
    found = classify(with_cell((3, cell), (7, cell)))
    assert isinstance(found, Classified), found
    assert [(f.count, f.rows) for f in found.findings if f.code == "cell:formula"] == [(2, (3, 7))]


def test_whoever_collects_the_file_is_told_by_its_extension(classify: Classify) -> None:
    found = classify(with_cell((3, "=1+1")))
    other = classify(zipped({"core.csv": with_cell((3, "=1+1"))}))
    assert isinstance(found, Classified)
    assert isinstance(other, Classified)
    assert (found.extension, other.extension) == ("formulas.csv", "formulas.zip")
    assert _EXTENSION.fullmatch(found.extension)


def test_in_an_archive_the_records_count_on(classify: Classify) -> None:
    found = classify(zipped({"a.csv": with_cell(), "b.csv": with_cell((2, "=1+1"))}))
    assert isinstance(found, Classified), found
    assert [f.rows for f in found.findings if f.code == "cell:formula"] == [(14,)]


@pytest.mark.parametrize("cell", ['="4"', '=""', '="0012"', "-", "Westward Ho!", "-9N!", "+441823 000000"])
def test_a_text_as_excel_keeps_it_is_a_text(classify: Classify, cell: str) -> None:
    found = classify(with_cell((3, cell)))
    assert isinstance(found, Classified), found
    assert not any(f.code == "cell:formula" for f in found.findings)


@pytest.mark.parametrize(
    "cell",
    [
        '=HYPERLINK("http://x","y")',
        "=cmd|'/C calc'!A0",
        "+WEBSERVICE(A1)",
        "@call(A1)",
        "=[Book1.xlsx]Sheet1!A1",
        '="a"&IMPORTDATA(A1)',
        "=DDE(A1)",
        '=IMAGE("http://x")',
        "+calc|x!A0",
        "-'\\\\h\\s\\[b.xlsx]C'!A1",
    ],
)
def test_a_cell_that_reaches_out_makes_the_file_wait(classify: Classify, cell: str) -> None:
    found = classify(with_cell((3, cell)))
    assert isinstance(found, ContentRefused), found
    assert found.code == "classify:active-content"
    assert found.about == "a formula that calls another program, service or file"


def test_no_more_than_twenty_records_are_named(classify: Classify) -> None:
    rows = made.core_rows(40)
    for row in rows[1:]:
        row[5] = "=1+1"
    found = classify(made.as_csv(rows).encode())
    assert isinstance(found, Classified)
    told = next(f for f in found.findings if f.code == "cell:formula")
    assert (told.count, told.rows) == (40, tuple(range(1, 21)))


def test_the_quick_look_misses_no_formula() -> None:
    for before in ("", "a,", "a;", "a\t", "a|", 'a,"', "a\n", "a, ", 'a," '):
        for cell in ("=1+1", "@SUM(A1)", "+x|'y'", "-A(", "+S!A1"):
            assert maybe_formulas(before + cell), (before, cell)


@pytest.mark.parametrize("formula", ["SUM(A1:A3)", "Table1[UPN]", 'IF(A1="[x]",1,2)', "RECALL(1)", "A1&B1"])
def test_a_formula_that_stays_inside_does_not_reach_out(formula: str) -> None:
    check_formula(formula)  # raises nothing


def test_what_a_reason_names_is_in_words_that_receipts_show() -> None:
    source = Path(gateway.classify.__file__).parent
    text = "".join(path.read_text("utf-8") for path in sorted(source.glob("*.py")))
    kinds = re.findall(r'": "([a-z ,]+)",\n|", "([a-z ,]+)"\),\n', text)
    phrases = {a or b for a, b in kinds} | set(re.findall(r'(?:active|beside)\(\s*"([^"{}]+)"', text))
    assert len(phrases) > 15
    assert [phrase for phrase in sorted(phrases) if HIDDEN in plain(phrase)] == []
