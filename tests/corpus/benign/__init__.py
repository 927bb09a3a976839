"""Ordinary exports of school systems, as their makers write them, that hold nothing a school should not send.

Each file is generated from synthetic pupils whose UPNs carry LA 999. `core`, `attendance` and `results` were
written before anybody looked at how the rules decide them; `fresh`, `last`, `unseen`, `further`, `autumn` and
`winter` one after the other, each after the rules had been mended for those before. Held when first tried:
29 %, 18 %, 10 %, 35 %, 0 %, 10 %, 22 %. `office` has words and headings that were unknown later on.
"""

from __future__ import annotations

import csv as csv_module
import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from tests.classify import made

SURNAMES = ("Abbott", "O'Neill", "Świątek", "De la Cruz", "Ng", "Patel", "Smith-Jones", "Brown", "Okafor")
SURNAMES += ("Lloyd", "Müller", "St John", "Begum", "McDonald")
FORENAMES = ("Zoë", "Amir", "Bo", "Grace", "Ifan", "Anna-Maria", "Jean Luc", "Priya", "Oscar", "Noor", "Max")
NOVEMBER, JUNE = "2026-11-24T12:00", "2026-06-22T12:00"
GCSE_DAY, A_LEVEL_DAY = "2026-08-21T12:00", "2026-08-14T12:00"


@dataclass(frozen=True)
class Pupil:
    """One synthetic pupil of a year group in autumn 2026."""

    number: int
    year: int

    @property
    def upn(self) -> str:
        return made.Child(self.number + 100 * self.year).upn

    @property
    def surname(self) -> str:
        return SURNAMES[self.number % len(SURNAMES)]

    @property
    def forename(self) -> str:
        return FORENAMES[self.number % len(FORENAMES)]

    @property
    def born(self) -> date:
        return date(2021 - self.year, 9, 3) + timedelta(days=self.number * 13 % 360)

    @property
    def sex(self) -> str:
        return "FM"[self.number % 2]


Value = object | Callable[[Pupil], object]
Columns = Mapping[str, Value]
Rows = list[list[object]]


@dataclass(frozen=True)
class Export:
    """One file, what it is, who sends it, and when (local time)."""

    type: str
    sender: str
    content: Callable[[], bytes]
    on: str = NOVEMBER


def of(*values: object) -> Value:
    """Give a value to each pupil, in turn."""
    return lambda p: values[p.number % len(values)]


def born(form: str = "%d/%m/%Y") -> Value:
    return lambda p: p.born.strftime(form)


def upn(p: Pupil) -> str:
    return p.upn


def surname(p: Pupil) -> str:
    return p.surname


def forename(p: Pupil) -> str:
    return p.forename


def sex(p: Pupil) -> str:
    return p.sex


def rows(columns: Columns, count: int = 24, year: int = 4, start: int = 0) -> Rows:
    """Give a head, and one row a pupil."""
    pupils = [Pupil(number, year) for number in range(start, start + count)]
    return [
        list(columns),
        *([value(p) if callable(value) else value for value in columns.values()] for p in pupils),
    ]


def csv(
    table: Sequence[Sequence[object]],
    *,
    above: Sequence[Sequence[object]] = (),
    below: Sequence[Sequence[object]] = (),
    delimiter: str = ",",
    encoding: str = "utf-8",
    end: str = "\r\n",
    quoting: int = csv_module.QUOTE_MINIMAL,
) -> bytes:
    out = io.StringIO()
    csv_module.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(
        [*above, *table, *below]
    )
    return out.getvalue().encode(encoding, "replace")
