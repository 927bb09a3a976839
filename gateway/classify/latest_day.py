"""Find the latest day stated by a file of attendance or a list of pupils.

A doubtful day is left out: a school with a file of the right week must never be told of an old file.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta

from gateway.classify.findings import VALUES_COUNTED
from gateway.classify.inventory import Part
from gateway.classify.sensitive import plain
from gateway.classify.tally import Tally
from gateway.classify.value_kinds import read_date

ATTENDANCE, CORE = "attendance", "student-core"
_SESSION, _END, _EXPORT = "session-date", "end-date", "export-date"
_MARKS, _A_WEEK = "attendance-mark", 14
_COUNTS_OR_MARKS = ("attendance-", "absence-", "sessions-")
# Of columns of export dates, those that are about the whole file; others tell when a pupil's record changed.
_OF_THE_FILE = re.compile(r"asat|export|extract|report|^rundate|snapshot|generated")
# Ages are told as at these days, month first, whenever a list is made.
_OF_AGES = ((8, 31), (9, 1))
_DAY = re.compile(
    r"(?<!\d)(?:\d{4}-\d\d-\d\d|\d{8}|\d{1,2}([/. -])(?:\d{1,2}|[A-Za-z]{3,9})\1(?:\d{4}|\d\d))(?!\d)",
    re.ASCII,
)
_WITHOUT_YEAR = re.compile(
    r"(?:(?P<weekday>mon|tue|wed|thu|fri)[a-z]{0,6}\W{1,3})?(?P<day>(?<!\d)\d{1,2})"
    r"(?:[ -](?P<name>[a-z]{3,9})\b|(?(weekday)/(?P<month>\d\d?)(?!\d)|(?!)))",
    re.ASCII | re.IGNORECASE,
)
# Before a day that stands alone above a table.
_OF_A_DAY = re.compile(r"\bweek|\bw/[ce]\b|(?:\b(?:on|at|to|until)|date|printed|exported|day):? {1,3}\d")
# Beside a day on which something begins or happened, rather than up to which the contents go.
_SINCE = re.compile(
    r"\b(?:since|from|(?<!week )starts?|began|begins|onwards?|(?<=\d )to date|(?:term|year) "
    r"(?:beginning|commencing|starting)|(?:conversion|effective|inspection|opening|term) date)\b"
)
_MONTH_FIRST = re.compile(r"\d{1,2}\D\d{1,2}\D", re.ASCII)
_MONTHS, _YEARS_BACK, _FEW = 12, 8, 0.05
_A_MONTH = timedelta(days=31)
# Twenty school days around the summer holiday: data so old may still be that of the last week.
_LATELY = timedelta(days=75)
# A day longer ago could be a pupil's date of birth in a wrong column, and is not kept as it stands.
_THREE_YEARS = timedelta(days=3 * 365)


def latest_day(
    tally: Tally, data_type: str, headings: Iterable[tuple[str, Part]] = (), above: str = ""
) -> date | None:
    """Return the latest day, up to today, that a file of a data type states; None in doubt.
    A day more than three years ago counts as three years ago. For attendance, the days come from the first of
    these that has any: columns of days, an end shared by all rows, the headings of marks and counts, the text
    `above` the table. In attendance without them, and in core data, the day is that of the export, if a
    column states it. `headings`: names of columns, each with a `Part`.
    """
    today = tally.today or date.max
    if data_type == ATTENDANCE:
        parts = [part for part in tally.inventory.parts if part.key == _SESSION and part.filled]
        if parts and not _only_begin(tally, parts):
            return _latest(_of_sessions(tally), today, may_go_on=False)
        named = [name for name, part in headings if (part.key or "").startswith(_COUNTS_OR_MARKS)]
        for days in (
            _shared(tally, _END),
            {text: day for name in named for text, day in _in_heading(name, today)},
            _dated(above, is_title=True),
        ):
            if days:
                return _latest(days, today, may_go_on=True)
    told = _shared(tally, _EXPORT) if data_type in {ATTENDANCE, CORE} else {}
    exported = {text: day for text, day in told.items() if (day.month, day.day) not in _OF_AGES}
    return _latest(exported, today, may_go_on=True)


def _only_begin(tally: Tally, parts: Iterable[Part]) -> bool:
    """Return True if the columns of days say when the sessions begin, but not when they end.
    If marks begin on the day, the end is known only where a row has marks for a week at most; for counts the
    end is unknown. In a table without marks, the column "registration date" says when a pupil was registered.
    """
    marks = [part for part in tally.inventory.parts if part.key in {_MARKS, "mark"}]
    length = sum(max(map(len, part.counts), default=0) for part in marks if part.key == _MARKS)
    names = [plain(part.header) for part in parts]
    others = {"registrationdate"} if not marks else {}
    begin = all(name in others or ("start" in name and "week" not in name) for name in names)
    return begin and not 0 < length <= _A_WEEK


def _of_sessions(tally: Tally) -> Mapping[str, date]:
    """Return the days in columns of days, by their texts; {} if there are so many texts or faults that the
    latest day may be missing.
    """
    field = tally.field(_SESSION)
    texts = field.counts or ()
    wrong = field.faults["date:malformed"].count if "date:malformed" in field.faults else 0
    return {} if len(texts) >= VALUES_COUNTED or wrong > _FEW * field.filled else _read(texts)


def _shared(tally: Tally, key: str) -> Mapping[str, date]:
    """Return each day that all records share in a column of the field `key`, by its text."""
    return _read(
        next(iter(part.counts))
        for part in tally.inventory.parts
        if part.key == key and part.filled == tally.records and len(part.counts) == 1
        if key != _EXPORT or _OF_THE_FILE.search(plain(part.header))
    )


def _read(texts: Iterable[str]) -> dict[str, date]:
    return {text: day for text in texts if (day := read_date(text)) is not None}


def _dated(text: str, *, is_title: bool = False) -> Mapping[str, date]:
    """Return the days in a text in small letters, by their words; {} for a single day on which something
    begins. In a title, a single day counts only beside words such as "week", "on" or "until".
    """
    days = _read(found[0] for found in _DAY.finditer(text))
    is_doubtful = _SINCE.search(text) or (is_title and not _OF_A_DAY.search(text))
    return {} if is_doubtful and len(set(days.values())) == 1 else days


def _in_heading(name: str, today: date) -> Iterator[tuple[str, date]]:
    """Yield the days in a column's name, each with the text.
    A day without a year is taken for the latest such day, at most a month from today, that falls on the day
    of the week stated, if any.
    """
    name = name.lower()
    if _DAY.search(name):
        yield from _dated(name).items()
        return
    for found in _WITHOUT_YEAR.finditer(name):
        month, weekday = found["month"] or found["name"], (found["weekday"] or "").lower()
        last = min(today.year + 1, date.max.year)
        tried = (read_date(f"{found['day']}/{month}/{last - n}") for n in range(_YEARS_BACK))
        fits = (day for day in tried if day and (not weekday or f"{day:%a}".lower() == weekday))
        if (day := next((day for day in fits if day - _A_MONTH <= today), None)) is not None:
            yield found[0], day


def _latest(days: Mapping[str, date], today: date, *, may_go_on: bool) -> date | None:
    """Return the latest of `days` (dates by text), up to today; None if the texts may have the month first.
    `may_go_on`: True to return None if a day lies after today: the data may then end on any day before.
    """
    if not days or (may_go_on and max(days.values()) > today):
        return None
    swapped = [
        date(day.year, day.day, day.month)
        for text, day in days.items()
        if day.day <= _MONTHS and _MONTH_FIRST.match(text)
    ]
    # Where the days are nearer to one another with the month first, and not long ago, it may be.
    spans = [max(some) - min(some) for some in (swapped, days.values()) if len(some) == len(days)]
    is_nearer = len(spans) > 1 and spans[0] <= spans[1]
    if is_nearer and today - _LATELY <= max(swapped) <= today:
        return None
    oldest = date.min if today == date.max else today - _THREE_YEARS
    return max((max(day, oldest) for day in days.values() if day <= today), default=None)
