"""Recognise lines without pupils' data: printed by reports around a table, or stored by workbooks."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, islice

from gateway.classify.content import Row
from gateway.classify.sensitive import is_legible

_TOKEN = re.compile(r"[^\W\d_]+|\d+")
_NAMING = re.compile(r"\bby\b ?:?|:(?!\d)", re.IGNORECASE)
# "Not to be shared with: Ann Brown" is a statement about a person.
_NO_HEADING = frozenset({"not", "no", "do", "must", "with", "please", "keep"})
_PAIRS, _IN_A_PAIR = re.compile(r"[,;]"), re.compile(r"=|\s[-\u2013]\s")
_PAIR = 2
_FIGURES = re.compile(r"[-+]?\d{1,7}([.,]\d{1,4})?%?", re.ASCII)
_LONGEST = 150
_LONGEST_NUMBER = 6
_ABOVE = 4_000
_STORY_LENGTH = 60
_STORY_WORDS = 7
_COVER_CELLS = 60
_TITLE_CELLS = 40
_TITLE_WORDS = 12
_TABLE_CELLS = 3
_WIDE_ROWS = 3
_LOOKUP_COLUMNS = 3
_LOOKUP_ROWS = 500
_LONGEST_MEANING = 60
_SUMS = frozenset({"total", "totals", "grand total", "average", "averages", "mean", "count", "sum"})
_COUNTED = frozenset({"number of", "number on", "pupils", "students", "children", "learners"})


@dataclass(frozen=True, slots=True)
class ReportWording:
    """Recogniser of the lines printed by reports around a table.
    `words`: words of such lines. `schools`: last words of school names. `headings`: words of column names.
    `codes`: all codes of the rules. `is_name` returns True for a name, `is_telling` for a sensitive heading.
    """

    words: frozenset[str]
    schools: frozenset[str]
    is_name: Callable[[str], bool]
    headings: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    is_telling: Callable[[str], bool] = bool

    def is_line(self, text: str) -> bool:
        """Return True if a line has only report words, dates and short numbers, or names a person or school.
        A person's name follows "by" or a colon: "Report run by: Ann Brown on 4 May". True also for a count
        after a heading ("Service children: 4") and for a key to codes ("EXP = Expected").
        """
        if len(text) > _LONGEST:
            return False
        named = text.casefold().split()[-1:]
        is_school = not self.schools.isdisjoint(named) and self._is_named(text)
        # "Key: EXP = Expected".
        before, _, after = text.partition(":")
        listed = after if self.are_words(before) else text
        pairs = [_IN_A_PAIR.split(pair) for pair in _PAIRS.split(listed.strip(" .")) if pair.strip()]
        is_key = bool(pairs) and all(
            len(pair) == _PAIR and all(one.strip().upper() in self.codes for one in pair) for pair in pairs
        )
        counted, colon, count = text.rpartition(":")
        tokens = _TOKEN.findall(counted.casefold())
        plain = bool(colon and tokens) and is_legible(counted) and not self.is_telling(counted)
        is_count = plain and _FIGURES.fullmatch(count.strip()) and self.headings.issuperset(tokens)
        if is_school or is_key or is_count or self.are_words(text):
            return True
        heading, _, after = _NAMING.sub("\n", text, count=1).partition("\n")
        words = after.split()
        while words and self.are_words(words[-1]):
            words.pop()
        plain = _NO_HEADING.isdisjoint(heading.casefold().split()) and self.are_words(heading)
        return plain and self._is_named(" ".join(words))

    def is_sum(self, row: Row) -> bool:
        """Return True for a row of totals: a word for totals, then only figures in the other cells.
        True also for one count under a heading that begins with a word for totals or pupils: "Total pupils",
        "24".
        """
        first, *others = [*filter(None, map(str.strip, row))] or [""]
        if not all(map(_FIGURES.fullmatch, others)):
            return False
        heading = first.rstrip(": ").casefold()
        begins = heading.startswith(tuple(f"{word} " for word in _SUMS | _COUNTED))
        counted = begins and len(others) == 1 and self.is_line(f"{heading}: {others[0]}")
        return counted or heading in _SUMS

    def are_rows(self, rows: Iterable[Row]) -> bool:
        """Return True if rows look like a report's cover page: at most 60 cells, all report lines."""
        cells = [[cell.strip() for cell in row if cell.strip()] for row in islice(rows, _COVER_CELLS + 1)]
        return sum(map(len, cells)) <= _COVER_CELLS >= len(cells) and all(
            (len(row) == _PAIR and self.is_line(f"{row[0].rstrip(': ')}: {row[1]}"))
            or all(map(self.is_line, row))
            for row in cells
        )

    def _is_named(self, text: str) -> bool:
        return 0 < len(text.split()) <= _TITLE_WORDS // 2 and self.is_name(text)

    def are_words(self, text: str) -> bool:
        """Return True if a text consists of report words, dates and short numbers only."""
        tokens = _TOKEN.findall(text.casefold())
        return is_legible(text) and all(
            t in self.words or (t.isdigit() and len(t) <= _LONGEST_NUMBER) for t in tokens
        )


def title_of(rows: Sequence[Row], wording: ReportWording) -> tuple[bool, str]:
    """Return True if the rows above a table hold more than title, date and filters; and, second, their text.
    The text has up to 4,000 characters, and leaves out cells that have only the usual words of reports.
    """
    filled = [[cell for cell in row if cell.strip()] for row in rows]
    cells = list(chain.from_iterable(filled))
    wide = sum(len(row) >= _TABLE_CELLS for row in filled)
    crowded = len(cells) > _TITLE_CELLS or wide > _WIDE_ROWS
    crowded |= any(is_long(cell) and not wording.is_line(cell) for cell in cells)
    return crowded, " ".join(" ".join(c.split()) for c in cells if not wording.are_words(c))[:_ABOVE]


def is_long(text: str) -> bool:
    """Return True for a text longer than a title: over 150 characters or 12 words."""
    return len(text) > _LONGEST or len(text.split()) > _TITLE_WORDS


def is_free_text(text: str) -> bool:
    """Return True for a value of more than 60 characters, or at least seven words: free text."""
    return len(text) > _STORY_LENGTH or text.count(" ") >= _STORY_WORDS - 1


def is_lookup(rows: Iterable[Row], codes: Collection[frozenset[str]]) -> bool:
    """Return True where rows list published codes and their meanings, below at most one heading row.
    The first cell of each row is a code of one published list, no code twice; the other cells are short.
    """
    lists, counted, met = list(codes), 0, set[str]()
    for number, row in enumerate(rows):
        cells = [cell.strip() for cell in row if cell.strip()]
        if not cells:
            continue
        counted += 1
        if len(cells) > _LOOKUP_COLUMNS or counted > _LOOKUP_ROWS or max(map(len, cells)) > _LONGEST_MEANING:
            return False
        code = cells[0].upper()
        fitting = [known for known in lists if code in known and code not in met]
        if fitting:
            lists = fitting
            met.add(code)
        elif number > 0:
            return False
    return bool(met)
