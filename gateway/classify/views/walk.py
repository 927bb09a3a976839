"""Records of a content, in the order of a view, with their values of some fields."""

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain
from typing import BinaryIO

from gateway.classify import archive, ctf, dfe_message, jcq, json_records, markup, old_workbook
from gateway.classify.calamine import in_memory
from gateway.classify.content import Source, encoding_of, head_of
from gateway.classify.delimited import Table, read_table
from gateway.classify.rules import Rules
from gateway.classify.sheets import tables_in
from gateway.classify.views.jcq_view import read_results
from gateway.classify.workbooks import sheets_in
from gateway.home.settings import ClassifyLimits
from gateway.model import RecordsWhere

Values = dict[str, list[str]]
"""Values of a record by field: all non-blank texts, in order."""

HEADER = "Header"
# People around a pupil have names and addresses of their own.
OF_OTHERS = frozenset({"Contacts", "Contact"})


def records_in(
    content: BinaryIO, rules: Rules, limits: ClassifyLimits, wanted: Collection[str]
) -> Iterator[Values]:
    """Yield the records of a classified content, with the wanted fields. Raises Unreadable."""
    yield from RecordWalk(rules, limits, frozenset(wanted)).walk(content)


def other_records(content: BinaryIO, rules: Rules, limits: ClassifyLimits, where: RecordsWhere) -> set[int]:
    """Return the numbers of the records that are not such as `where` says, from 0. Raises Unreadable."""
    keys = [key for key, item in (rules.items | rules.others).items() if item.label == where.item]
    wanted = {value.casefold() for value in where.values}
    return {
        number
        for number, values in enumerate(records_in(content, rules, limits, keys))
        if wanted.isdisjoint(text.casefold() for key in keys for text in values.get(key, ()))
    }


def record_names(source: Source, rules: Rules) -> tuple[str, ...]:
    """Return the names of record elements in an XML document, including its header."""
    root = markup.root_of(source)
    named: dict[str, Callable[[], tuple[str, ...]]] = {
        "ctfile": lambda: ctf.RECORDS,
        "message": lambda: dfe_message.RECORDS,
    }
    if rules.data_types.ctf.is_of_missing_child(markup.local_name(root)):
        return ctf.RECORDS
    others = tuple(name for name in rules.data_types.registers.records if name != root)
    return named.get(markup.local_name(root).casefold(), lambda: others)()


def start_of(content: BinaryIO) -> str:
    """Return the beginning of a text."""
    return head_of(content).decode(encoding_of(content), "replace").lstrip("\ufeff").lstrip()


class RecordWalk:
    """Read a content's records with the values of the wanted fields."""

    def __init__(self, rules: Rules, limits: ClassifyLimits, wanted: frozenset[str]) -> None:
        self._rules = rules
        self._limits = limits
        self._wanted = wanted
        self._elements: dict[tuple[str, str], str | None] = {}

    def walk(self, content: BinaryIO) -> Iterator[Values]:
        """Yield the records of a content. Raises Unreadable."""
        if old_workbook.is_old_workbook(content):
            sheets = old_workbook.sheets_of(content, self._limits)
            yield from self._tables(tables_in(sheets, self._rules, self._limits, old_workbook.FORMAT))
        elif not archive.is_archive(content):
            yield from self._plain(content)
        else:
            with archive.opened(content, self._limits) as packed:
                found = sheets_in(content, packed, archive.names(packed), self._limits)
                if found is not None:
                    yield from self._tables(tables_in(found[0], self._rules, self._limits, found[1]))
                    return
                for name in archive.files(packed, self._rules.sensitive):
                    with archive.member(packed, name) as member:
                        packed_too = archive.is_archive(member) or old_workbook.is_old_workbook(member)
                        with in_memory(member, archive.FORMAT) if packed_too else member as readable:
                            yield from self.walk(readable)

    def _plain(self, content: BinaryIO) -> Iterator[Values]:
        source, start = Source(content, encoding_of(content), self._limits), start_of(content)
        if start.startswith("<"):
            for record in markup.pupil_records(source, record_names(source, self._rules)):
                if markup.local_name(record.tag) != HEADER:
                    yield self._of_element(record)
        elif jcq.looks_like(start, self._rules.data_types.jcq):
            yield from self._rows(read_results(source, self._rules))
        elif json_records.looks_like(start):
            yield from self._rows(json_records.read_table(source, self._rules))
        else:
            yield from self._rows(read_table(source, self._rules))

    def _tables(self, tables: Sequence[Callable[[], Table]]) -> Iterator[Values]:
        return chain.from_iterable(self._rows(table()) for table in tables)

    def _rows(self, table: Table) -> Iterator[Values]:
        columns = [(index, key) for index, name in enumerate(table.header.names) for key in self._keys(name)]
        for batch in table.batches:
            for row in batch:
                values: Values = {}
                for index, key in columns:
                    if index < len(row) and (text := row[index].strip()):
                        values.setdefault(key, []).append(text)
                yield values

    def _keys(self, name: str) -> Iterator[str]:
        """Yield under what the values of a column are collected."""
        if (key := self._rules.column_field(name)) in self._wanted and key is not None:
            yield key

    def _of_element(self, record: markup.Element) -> Values:
        values: Values = {}
        stack = [(markup.local_name(record.tag), record)]
        while stack:
            parent, element = stack.pop()
            for child in element:
                name = markup.local_name(child.tag)
                if len(child):
                    if name not in OF_OTHERS:
                        stack.append((name, child))
                elif (text := (child.text or "").strip()) and (
                    key := self._field(parent, name)
                ) in self._wanted:
                    values.setdefault(str(key), []).append(text)
        return values

    def _field(self, parent: str, name: str) -> str | None:
        pair = parent, name
        if pair not in self._elements:
            self._elements[pair] = self._rules.element_field(parent, name)
        return self._elements[pair]
