"""Read JSON with a list of records as a table, so it is judged like a table and nothing is skipped.

Each value of a record becomes a column, named after the value's key and the keys of the objects around it,
without keys that mean nothing, such as "data".
"""

import re
from collections.abc import Iterator
from itertools import islice

import ijson

from gateway.classify.cells import text_of
from gateway.classify.content import Row, Source, beside, malformed, unknown, utf8_chunks
from gateway.classify.delimited import BATCH, KNOWN_COLUMNS, Header, Table
from gateway.classify.format_rules import JsonRule
from gateway.classify.rules import Rules
from gateway.home.settings import ClassifyLimits

FORMAT = "JSON"
_START = re.compile(r"\s*[\[{]\s*[\"{\]}]")
# Addresses, dates, numbers, and words such as "success".
_OF_PAGES = re.compile(r"(?:https?:/)?/[^\s]{0,500}|[\d :.,TZ+-]{1,40}|[a-z_]{1,20}", re.ASCII)
_TIME_ZONE = re.compile(r"[A-Za-z_]{1,20}/[A-Za-z_/]{1,40}|[+-]\d\d:?\d\d|UTC|GMT|BST|Z|\d", re.ASCII)
# "contacts" is "contact" of each, but "address" stays.
_PLURAL = re.compile(r"(?<!s)s\Z")
_OPENS = frozenset({"start_map", "start_array"})
_CLOSES = frozenset({"end_map", "end_array"})

Leaves = dict[str, str]


def looks_like(start: str) -> bool:
    """Return True where a text starts like a JSON object or list of objects."""
    return _START.match(start) is not None


def read_table(source: Source, rules: Rules) -> Table:
    """Return the records of a JSON text as a table.
    Raises Unreadable if no list of records is found, or if other content stands beside the records.
    """
    rule, limits = rules.data_types.json_records, source.limits
    names: dict[str, None] = {}
    for record in _RecordsReader(limits, rule).records(source):
        names.update(dict.fromkeys(record))
        if len(names) > limits.columns:
            raise unknown("a table with more columns than this gateway reads", format=FORMAT)
    known = {key for name in names if (key := rules.column_field(name))}
    if len(known) < KNOWN_COLUMNS:
        raise unknown("JSON without records of known names", format=FORMAT)

    def batches() -> Iterator[list[Row]]:
        records, seen = _RecordsReader(limits, rule).records(source), 0
        rows = ([record.get(name, "") for name in names] for record in records)
        while batch := list(islice(rows, BATCH)):
            seen += len(batch)
            if seen > limits.rows:
                raise unknown("a table with more rows than this gateway reads", format=FORMAT)
            yield batch

    return Table(Header(tuple(names), 0, ""), batches())


class _RecordsReader:
    """Assemble the events of ijson's parser into records, each as values by column name."""

    def __init__(self, limits: ClassifyLimits, rule: JsonRule) -> None:
        self._limits = limits
        self._rule = rule
        self._stack: list[str] = []  # the kind of each open object or list
        self._keys: list[str] = []  # the name of each
        self._key = ""
        self._base = -1  # number open around a record; -1 before the list of records
        self._done = False
        self._leaves: dict[str, list[str]] = {}
        self._size = 0

    def records(self, source: Source) -> Iterator[Leaves]:
        """Yield each object in the document's list of records, as values by column name.
        The list is either the whole document, or a value in the outermost object.
        """
        try:
            for event, value in ijson.basic_parse(ijson.from_iter(utf8_chunks(source)), use_float=True):
                if event == "map_key":
                    self._key = str(value)
                elif event in _OPENS:
                    self._open(event)
                elif event in _CLOSES:
                    kind = self._stack.pop()
                    self._keys.pop()
                    self._key = ""
                    if len(self._stack) < self._base:
                        self._base, self._done = -1, True
                    elif kind == "start_map" and len(self._stack) == self._base:
                        complete = {name: "; ".join(texts) for name, texts in self._leaves.items()}
                        self._leaves, self._size = {}, 0
                        yield complete
                elif value is not None and value != "":
                    self._leaf(text_of(value), says=isinstance(value, str))
        except (ijson.JSONError, ValueError, OverflowError, RecursionError):
            raise malformed("the JSON is not well formed", format=FORMAT) from None

    def _open(self, event: str) -> None:
        if len(self._stack) > self._limits.xml_depth:
            raise malformed("elements are nested too deep", format=FORMAT)
        under_top = self._stack == ["start_map"] and self._key not in self._rule.beside
        if event == "start_array" and self._base < 0 and (under_top or not self._stack):
            if self._done:
                raise beside("a second list of records", format=FORMAT)
            self._base = len(self._stack) + 1
        self._stack.append(event)
        self._keys.append(self._key)
        self._key = ""

    def _leaf(self, text: str, *, says: bool) -> None:
        if self._base < 0:
            # Check content outside the records: only the number of pages and the like is allowed.
            named = {*self._keys[1:], self._key} & set(self._rule.beside)
            if not named or "start_array" in self._stack or (says and not _OF_PAGES.fullmatch(text)):
                raise beside("something beside the records", format=FORMAT)
            return
        if "start_map" not in self._stack[self._base :]:
            raise unknown("a list of values instead of records", format=FORMAT)
        self._size += len(text)
        if self._size > self._limits.text_bytes:
            raise malformed("a record is too long", format=FORMAT)
        name = self._name(text)
        if len(self._leaves) >= self._limits.columns:
            raise unknown("a table with more columns than this gateway reads", format=FORMAT)
        if name is not None:
            self._leaves.setdefault(name, []).append(text)

    def _name(self, text: str) -> str | None:
        """Return the column name for `text`, the value just read. None if the value is the time zone of a
        date.
        """
        inside = [key for key in self._keys[self._base + 1 :] if key]
        telling = [key for key in inside if key not in self._rule.transparent]
        around = [_PLURAL.sub("", key) for key in telling]
        if self._key in self._rule.parts_of_a_date and telling:
            if self._key == "date":
                return " ".join([*around[:-1], telling[-1]])
            if _TIME_ZONE.fullmatch(text):
                return None
        return f"{' '.join(around)} {self._key}".strip() or (inside[-1] if inside else "")
