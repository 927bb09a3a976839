"""Read tables as a header and batches of rows: delimited text, and the sheets of workbooks.

The header is the row, among the first 40, with the most column names known to the rules. Rows come in
batches, so memory does not grow with the file.

Each sheet of a workbook must be a table, a list of published codes, a cover page of a report, or blank. Any
other sheet, and a table on a hidden sheet, raises Unreadable, so a person looks at the file.
"""

import csv
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from io import IncrementalNewlineDecoder, StringIO
from itertools import chain, islice
from operator import itemgetter
from typing import Literal

from gateway.classify.cells import has_formula, maybe_formulas, unwrapped
from gateway.classify.content import Row, Source, active, beside, malformed, text_chunks, unknown
from gateway.classify.report_wording import ReportWording, is_lookup, title_of
from gateway.classify.rules import Rules
from gateway.classify.value_kinds import read_date
from gateway.home.settings import ClassifyLimits

BATCH = 500
# Few enough for repeated passes to stay in the processor's cache.
_CELLS = 8_000
_ROWS_AT_ONCE = 50
_ROWS_SHOWN = 20
HEADER_WITHIN = 40
KNOWN_COLUMNS = 2
_NAME_LENGTH = 100
_ABOVE_LENGTH = 4_000
_END = ["\x1f"]
_ENDS = 2
_DELIMITERS = (",", ";", "\t", "|")

_SECOND = itemgetter(1)


@dataclass(frozen=True, slots=True)
class Header:
    """The header row of a table: the column `names`, and the row's `position` among all rows, from 0.
    `above`: the text of the rows above the header, in lower case. `telling`: the same text as written,
    without the usual words of reports. `crowded`: True if that text is more than a title, a date and filters.
    """

    names: tuple[str, ...]
    position: int
    above: str
    crowded: bool = False
    telling: str = ""

    def check(self, format: str) -> None:  # noqa: A002
        """Raise Unreadable if the rows above the header are `crowded`, because no recogniser reads text
        there.
        """
        if self.crowded:
            raise beside("more than a title above the table", format=format)


@dataclass(slots=True)
class Table:
    """A table: its header, and its rows in batches. The counts are complete once all batches are read.
    `formulas`: number of rows with a formula; `formula_rows`: the numbers of the first 20 of these rows.
    `skipped`: number of lines printed by a report under the table. `suspected`: True once the text has a sign
    of a formula; cells are searched for formulas only then.
    """

    header: Header
    batches: Iterable[list[Row]] = ()
    formulas: int = 0
    formula_rows: list[int] = field(default_factory=list)
    skipped: int = 0
    suspected: bool = False

    def read(self, rows: Iterator[Row], rules: Rules, limits: ClassifyLimits) -> Iterator[list[Row]]:
        """Yield the filled rows in batches, and update the counts. Raises Unreadable for too many rows or
        columns. Lines printed by a report under its table (a total, a date, the name of a system or person)
        are left out; any other row with only its first cell filled raises Unreadable.
        """
        seen, kept, number, wording = 0, 0, BATCH, rules.report_wording
        try:
            while batch := list(islice(rows, number)):
                seen += len(batch)
                if seen > limits.rows:
                    raise unknown("a table with more rows than this gateway reads", format="CSV")
                lengths = set(map(len, batch))
                number = max(_ROWS_AT_ONCE, min(BATCH, _CELLS // max(1, *lengths)))
                if max(lengths) > limits.columns:
                    raise unknown("a table with more columns than this gateway reads", format="CSV")
                # Nearly every batch passes this quick test; only the others are examined row by row.
                if not (min(lengths) > 1 and all(map(_SECOND, batch))) or wording.is_sum(batch[-1]):
                    batch = [row for row in batch if not self._is_skipped(row, wording)]
                if self.suspected:
                    batch = unwrapped(batch)
                    found = [place for place, row in enumerate(batch, kept + 1) if has_formula(row)]
                    self.formulas += len(found)
                    self.formula_rows += found[: _ROWS_SHOWN - len(self.formula_rows)]
                kept += len(batch)
                if batch:
                    yield batch
        except csv.Error:
            raise malformed("a cell is too long", format="CSV") from None

    def _is_skipped(self, row: Row, wording: ReportWording) -> bool:
        """Return True for a row to leave out: blank, a row of totals, or a line printed by a report.
        Totals and printed lines are counted in `skipped`. Raises Unreadable for any other row with only its
        first cell filled.
        """
        alone = not any(row[1:])
        if alone and not (row and row[0].strip()):
            return True
        if not alone and not wording.is_sum(row):
            return False
        if alone and not wording.is_line(row[0]):
            raise beside("a line under the table with one cell alone", format="CSV")
        self.skipped += 1
        return True


def read_table(source: Source, rules: Rules) -> Table:
    """Return the table in a text; its rows are read later, batch by batch.
    Raises Unreadable if no row looks like a header. Reading a faulty row later raises Unreadable, too.
    """
    sample = list(islice(_lines(_stretches(source)), 2 * HEADER_WITHIN))
    met = [d for d in _DELIMITERS if any(d in one for one in sample)] or _DELIMITERS[:1]
    found = [(d, find_header(_sampled(sample, d), rules, source.limits)) for d in met]
    delimiter, (score, header) = max(found, key=lambda each: each[1][0])
    if header is None or score < KNOWN_COLUMNS:
        raise unknown("no row of known column names", format="text")
    header.check("CSV")
    _check_header(_sampled(sample, delimiter), header)
    table = Table(header)
    # Append two lines found in no text. Where they do not come back as rows of their own, an unclosed
    # quotation mark has swallowed them.
    lines = chain(_lines(_stretches(source, table)), _END * _ENDS)
    rows = chain.from_iterable(_until_the_end(csv.reader(lines, delimiter=delimiter)))
    below = islice(rows, header.position + 1, None)
    table.batches = table.read(below, rules, source.limits)
    return table


def _check_header(rows: Iterable[Row], header: Header) -> None:
    """Raise Unreadable for an unsafe formula in or above the header row; take no further row from `rows`."""
    for row in islice(rows, header.position + 1):
        has_formula(row)


def find_header(rows: Iterable[Row], rules: Rules, limits: ClassifyLimits) -> tuple[int, Header | None]:
    """Return the number of known names in the header row, and the header; (0, None) if no name is known.
    The row with the most known names is the header; the search ends at a row where most names are known.
    """
    best, position, met = 0, 0, list[Row]()
    for row in islice(rows, HEADER_WITHIN):
        if len(row) > limits.columns:
            raise unknown("a table with more columns than this gateway reads", format="CSV")
        names = (name for name in set(row) if len(name) <= _NAME_LENGTH and len(row) >= KNOWN_COLUMNS)
        # A day heads marks, but also stands in titles and in rows.
        fields = {name: rules.column_field(name) for name in names if read_date(name) is None}
        named = [key for name in row if (key := fields.get(name))]
        score = len(set(named))
        if score > best:
            best, position = score, len(met)
        met.append(row)
        if score > KNOWN_COLUMNS and 2 * len(named) > len(row):
            break
    if not best:
        return 0, None
    above = met[:position]
    text = "".join(f" {' '.join(' '.join(row).casefold().split())}" for row in above)[:_ABOVE_LENGTH]
    return best, Header(tuple(met[position]), position, text, *title_of(above, rules.report_wording))


def line_batches(source: Source) -> Iterator[list[str]]:
    """Yield the lines of a text without line ends, in lists of many lines."""
    for text in _stretches(source):
        yield text.split("\n")[:-1]


def _stretches(source: Source, table: Table | None = None) -> Iterator[str]:
    """Yield a text in pieces of whole lines; set `table.suspected` at the first sign of a formula."""
    newlines = IncrementalNewlineDecoder(None, translate=True)
    rest = ""
    for piece in text_chunks(source):
        text = rest + newlines.decode(piece)
        if table is not None and not table.suspected:
            table.suspected = maybe_formulas(text)
        end = text.rfind("\n") + 1
        rest = text[end:]
        if len(rest) > source.limits.text_bytes:
            raise malformed("a line is too long", format="text")
        yield text[:end]
    yield (rest + newlines.decode("", final=True)).removesuffix("\n") + "\n"


def _lines(stretches: Iterable[str]) -> Iterator[str]:
    """Yield the lines one by one, each with a line feed, because a cell may have several lines."""
    # str.splitlines would also split at characters that end no line in a table.
    return chain.from_iterable(StringIO(text, newline="\n") for text in stretches)


def _until_the_end(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Yield rows, 50 at a time, without the two marker rows that `read_table` appends to a text.
    Raises Unreadable if a marker row is missing: an unclosed quotation mark has swallowed the row.
    """
    ends = 0
    while some := list(islice(rows, _ROWS_AT_ONCE)):
        while some and some[-1] == _END:
            some.pop()
            ends += 1
        yield some
    if ends != _ENDS:
        raise malformed("a quotation mark is never closed", format="CSV")


def _sampled(lines: Iterable[str], delimiter: str) -> Iterator[Row]:
    # The sample may end inside a cell, and the delimiter may be wrong.
    with suppress(csv.Error):
        yield from csv.reader(lines, delimiter=delimiter)


Shown = Literal["visible", "hidden", "very hidden"]
TableOf = Callable[[], Table]

SHEETS = 60


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet of a workbook: visibility, name, and `rows`, a function to read the rows from the start."""

    shown: Shown
    rows: Callable[[], Iterator[Row]]
    name: str


def tables_in(sheets: list[Sheet], rules: Rules, limits: ClassifyLimits, format: str) -> list[TableOf]:  # noqa: A002
    """Return a function for each table of a workbook; each call reads the table from the start.
    Raises Unreadable if no sheet has a table, or if a sheet is neither a table, nor codes, nor a cover page.
    """
    if len(sheets) > SHEETS:
        raise unknown(f"a workbook of more than {SHEETS} sheets", format=format)
    found, codes = list[TableOf](), rules.code_sets.values()
    for sheet in sheets:
        rows = sheet.rows()
        first = list(islice(rows, HEADER_WITHIN))
        score, header = find_header(first, rules, limits)
        is_codes = is_lookup(first, codes) or not any(cell.strip() for row in first[1:] for cell in row)
        is_codes = is_codes and is_lookup(sheet.rows(), codes)
        is_table = header is not None and score >= KNOWN_COLUMNS and not is_codes
        if not is_table and not any(any(map(str.strip, row)) for row in sheet.rows()):
            continue
        if sheet.shown == "very hidden":
            raise active("a sheet that the spreadsheet program does not show", format=format)
        if header is None or not is_table:
            if not (is_lookup(sheet.rows(), codes) or rules.report_wording.are_rows(sheet.rows())):
                where = "a hidden sheet" if sheet.shown == "hidden" else "a sheet"
                raise beside(f"{where} that is no table of known columns", format=format)
            continue
        if sheet.shown == "hidden":
            raise beside("a hidden sheet with a table", format=format)
        header.check(format)
        # The start of an only sheet is read once. Of several none waits half read: a reader may hold all.
        begun: list[Iterator[Row]] = [chain(first, rows)] if len(sheets) == 1 else []
        found.append(partial(_table, sheet, begun, header, rules, limits))
    if not found:
        raise unknown("a workbook without a row of known column names", format=format)
    return found


def _table(
    sheet: Sheet, begun: list[Iterator[Row]], header: Header, rules: Rules, limits: ClassifyLimits
) -> Table:
    rows, table = begun.pop() if begun else sheet.rows(), Table(header)
    _check_header(rows, header)
    table.batches = table.read(rows, rules, limits)
    return table
