"""Workbooks: the table in them is read as any other, and what could hide in one is refused."""

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain, repeat

import openpyxl
import pytest

from gateway.classify import Rules
from gateway.classify.content import Row
from gateway.classify.delimited import HEADER_WITHIN, Sheet, tables_in
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, ContentRefused
from tests.classify import made
from tests.classify.cases import TABLES
from tests.classify.conftest import Classify


def workbook(rows: made.Rows, change=lambda book: None) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    change(book)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def with_part(content: bytes, name: str, change) -> bytes:
    """The archive with one member's bytes changed, or added where `change` gets nothing."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for member in old.namelist():
            new.writestr(member, change(old.read(member)) if member == name else old.read(member))
        if name not in old.namelist():
            new.writestr(name, change(b""))
    return out.getvalue()


def with_shared_strings(content: bytes) -> bytes:
    """The workbook with its texts where Excel puts them: in a part of their own, some in runs."""
    strings: list[bytes] = []

    def shared(found: re.Match[bytes]) -> bytes:
        strings.append(found[1])
        return b't="s"><v>%d</v>' % (len(strings) - 1)

    inline = rb't="inlineStr"><is>(<t[^>]*>.*?</t>)</is>'
    content = with_part(
        content, "xl/worksheets/sheet1.xml", lambda xml: re.sub(inline, shared, xml, flags=re.DOTALL)
    )
    items = b"".join(b"<si>%s</si>" % text for text in strings)
    items = items.replace(b"<t>UPN</t>", b"<r><t>U</t></r><r><t>PN</t></r><rPh><t>you pee en</t></rPh>")
    spelled = b"<sst xmlns='http://schemas.openxmlformats.org/spreadsheetml/2006/main'>%s</sst>" % items
    return with_part(content, "xl/sharedStrings.xml", lambda _: spelled)


def test_texts_in_a_part_of_their_own(classify: Classify) -> None:
    content = workbook(made.core_rows())
    found = classify(with_shared_strings(content))
    assert isinstance(found, Classified)
    assert [(one.place, one.kind) for one in found.unlisted] == [("text", "words")], "what is sounded out"
    assert replace(found, unlisted=()) == classify(content)


def test_a_text_in_one_run_or_of_nothing_is_read(classify: Classify) -> None:
    def change(strings: bytes) -> bytes:
        assert b"<si><t>Legal Surname</t></si>" in strings
        strings = strings.replace(b"<si><t>Legal Surname</t></si>", b"<si><r><t>Legal Surname</t></r></si>")
        return strings.replace(b"<si><t>Amir</t></si>", b"<si/>", 1)

    rows = made.core_rows()
    content = with_part(with_shared_strings(workbook(rows)), "xl/sharedStrings.xml", change)
    next(row for row in rows if "Amir" in row)[rows[0].index("Forename")] = ""
    found, other = classify(content), classify(workbook(rows))
    assert isinstance(found, Classified)
    assert replace(found, unlisted=()) == other


@pytest.mark.parametrize("case", TABLES, ids=lambda case: case.name)
def test_a_workbook_is_what_its_csv_is(classify: Classify, case) -> None:
    found, other = classify(workbook(case.rows())), classify(case.text().encode())
    assert isinstance(found, Classified), found
    assert isinstance(other, Classified)
    assert (found.format, found.extension) == ("XLSX", "xlsx")
    assert (found.data_type, found.pupils, found.items) == (other.data_type, other.pupils, other.items)
    assert (found.findings, found.facts) == (other.findings, other.facts)


def test_dates_and_numbers_are_cells_of_their_own_kind(classify: Classify) -> None:
    rows: list = made.core_rows()
    for row in rows[1:]:
        row[3] = datetime(2016, 5, 4)  # noqa: DTZ001 - a spreadsheet knows no zones
        row[5] = 4
    rows[3][3] = date(2027, 1, 1)
    found = classify(workbook(rows))
    assert isinstance(found, Classified), found
    assert [(f.code, f.rows) for f in found.findings] == [("date:future", (3,))]


def test_the_calendar_of_old_macs(classify: Classify) -> None:
    def mac(book) -> None:
        book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904

    rows: list = made.core_rows()
    rows[2][3] = date(2025, 1, 1)  # in the other calendar this number is a day of 2028 or of 2020
    rows[3][3] = date(2027, 1, 1)
    found = classify(workbook(rows, mac))
    assert isinstance(found, Classified), found
    assert [(f.code, f.rows) for f in found.findings] == [("date:future", (3,))]


def test_a_formula_that_reaches_out_is_active_content(classify: Classify) -> None:
    rows = made.core_rows()
    rows[5][1] = '=HYPERLINK("http://example.org","x")'
    assert code_of(classify(workbook(rows))) == "classify:active-content"


def test_macros_are_active_content(classify: Classify) -> None:
    content = with_part(workbook(made.core_rows()), "xl/vbaProject.bin", lambda _: b"macros")
    assert code_of(classify(content)) == "classify:active-content"


@pytest.mark.parametrize(
    ("before", "after", "about"),
    [
        (b"/relationships/styles", b"/relationships/oleObject", "a part of no known kind"),
        (b"<Relationship ", b'<Relationship TargetMode="External" ', "links to other files"),
    ],
)
def test_a_relation_that_sheets_do_not_need_is_active_content_of_a_workbook(
    classify: Classify, before: bytes, after: bytes, about: str
) -> None:
    def change(relations: bytes) -> bytes:
        assert before in relations
        return relations.replace(before, after, 1)

    found = classify(with_part(workbook(made.core_rows()), "xl/_rels/workbook.xml.rels", change))
    assert isinstance(found, ContentRefused), found
    assert (found.code, found.format, found.about) == ("classify:active-content", "XLSX", about)


def test_two_tables_of_two_kinds_are_told_one_by_one(classify: Classify) -> None:
    def add(book) -> None:
        sheet = book.create_sheet("More")
        for row in made.mark_rows():
            sheet.append(row)

    found = classify(workbook(made.core_rows(), add))
    assert code_of(found) == "classify:several-kinds"
    assert isinstance(found, ContentRefused)
    told = [part.data_type for part in found.parts if isinstance(part, Classified)]
    assert told == ["student-core", "attendance"]


def test_a_sheet_of_notes_makes_the_file_wait(classify: Classify) -> None:
    def add(book) -> None:
        book.create_sheet("Notes").append(["Please call me about this."])

    assert code_of(classify(workbook(made.core_rows(), add))) == "classify:beside-table"


def test_lines_above_the_header_and_gaps(classify: Classify) -> None:
    found = classify(workbook([["Core data of A School"], [], [], *made.core_rows()]))
    assert isinstance(found, Classified), found
    assert found.pupils == 12


def test_a_cell_far_to_the_right_is_refused(classify: Classify) -> None:
    def far(book) -> None:
        book.active.cell(5, 16_000, "x")

    assert code_of(classify(workbook(made.core_rows(), far))) == "classify:unknown"


@pytest.mark.parametrize(
    "change",
    [
        lambda xml: b"<!DOCTYPE x [<!ENTITY a 'b'>]>" + xml.partition(b"?>")[2],
        lambda xml: xml[:200],
        lambda xml: xml.replace(b't="inlineStr"><is><t>UPN</t></is>', b't="s"><v>7</v>', 1),
        lambda xml: b"",
    ],
    ids=["entities", "cut off", "no such string", "empty"],
)
def test_a_damaged_sheet_is_malformed(classify: Classify, change) -> None:
    content = with_part(workbook(made.core_rows()), "xl/worksheets/sheet1.xml", change)
    assert isinstance(classify(content), ContentRefused)


def test_a_workbook_without_a_table_is_told_as_one(classify: Classify) -> None:
    found = classify(workbook([]))
    assert isinstance(found, ContentRefused)
    assert found.code == "classify:unknown"
    assert found.evidence == ("a workbook without a row of known column names",)


class Held(list[str]):
    """A row that is counted while anybody holds it."""

    now = most = 0

    def __init__(self, cells: Row) -> None:
        super().__init__(cells)
        Held.now += 1
        Held.most = max(Held.most, Held.now)

    def __del__(self) -> None:
        Held.now -= 1


@dataclass
class Read:
    """What was read of the sheets of a workbook: readers begun, of these not yet over, and rows."""

    begun: int = 0
    unfinished: int = 0
    rows: int = 0

    def sheet(self, rows: Callable[[], Iterator[Row]]) -> Sheet:
        def reader() -> Iterator[Row]:
            self.begun, self.unfinished = self.begun + 1, self.unfinished + 1
            try:
                for row in rows():
                    self.rows += 1
                    yield Held(row)
            finally:
                self.unfinished -= 1

        return Sheet("visible", reader, "A")


@pytest.mark.parametrize(("sheets", "unfinished"), [(1, 1), (3, 0)])
def test_no_sheet_of_several_waits_half_read(rules: Rules, sheets: int, unfinished: int) -> None:
    read = Read()
    pages = [read.sheet(lambda: iter(made.core_rows(100)))] * sheets
    tables = tables_in(pages, rules, ClassifyLimits(), "XLS")
    assert (len(tables), read.begun, read.unfinished) == (sheets, sheets, unfinished)
    assert [sum(map(len, table().batches)) for table in tables] == sheets * [100]
    assert (read.begun, read.unfinished) == (1 if sheets == 1 else 2 * sheets, 0)


@pytest.mark.parametrize("sheets", [1, 2])
def test_the_first_rows_of_a_table_tell_that_it_is_no_list_of_codes(rules: Rules, sheets: int) -> None:
    read = Read()
    pages = [read.sheet(lambda: chain(made.core_rows(4), repeat([""], 10_000)))] * sheets
    assert len(tables_in(pages, rules, ClassifyLimits(), "XLS")) == sheets
    assert read.rows == sheets * HEADER_WITHIN


@pytest.mark.parametrize("gap", [0, 10_000])
@pytest.mark.parametrize(("codes", "is_table"), [(0, True), (45, False), (45, True)])
def test_blank_rows_and_lists_of_codes_are_not_kept(
    rules: Rules, gap: int, codes: int, *, is_table: bool
) -> None:
    """A list of codes is one to its end: a pupil below it would be seen by nobody."""
    ethnicities = [[code, "A meaning"] for code in sorted(rules.code_sets["ethnicity"])[:codes]]
    below = made.core_rows(4)[1:] if is_table else []

    def rows() -> Iterator[Row]:
        return chain([["Surname", "Forename"]], repeat([""], gap), ethnicities, below)

    Held.most = Held.now
    found = tables_in(
        [Read().sheet(rows), Read().sheet(lambda: iter(made.core_rows()))], rules, ClassifyLimits(), "XLS"
    )
    assert len(found) == 1 + is_table
    assert Held.most <= 2 * HEADER_WITHIN + 1


def code_of(found: Classified | ContentRefused) -> str:
    assert isinstance(found, ContentRefused), found
    return found.code
