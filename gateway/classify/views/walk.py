"""Read the records of a content in the order of a view: values of some fields, or each record's persons."""

from collections.abc import Collection, Iterator
from itertools import islice
from typing import BinaryIO
from zipfile import ZipFile

from gateway.classify import archive, containers, ctf, dfe_message, jcq, json_records, markup
from gateway.classify.content import Row, Source, encoding_of, head_of
from gateway.classify.delimited import BATCH, Header, Table, read_table, tables_in
from gateway.classify.identifiers import is_upn, name_keys
from gateway.classify.jcq import candidate_in, candidates, grades_in, layout_in, result_in
from gateway.classify.rules import Rules
from gateway.classify.value_kinds import read_date
from gateway.home.settings import ClassifyLimits
from gateway.model import RecordsWhere

_COLUMNS = {
    "centre-number": "Centre Number", "candidate-number": "Candidate Number", "upn": "UPN", "uci": "UCI",
    "uln": "ULN", "surname": "Surname", "forename": "Forename", "entry-code": "Entry Code",
    "exam-grade": "Grade",
}  # fmt: skip


def read_results(source: Source, rules: Rules) -> Table:
    """Return the results in an awarding body's file as a table; options and other data have no column."""
    header = Header(tuple(_COLUMNS.values()), 0, "")
    rows = _results(source, rules)
    return Table(header, iter(lambda: list(islice(rows, BATCH)), []))


def _results(source: Source, rules: Rules) -> Iterator[Row]:
    grades, rule, layout = rules.code_sets["exam-grade"], rules.data_types.jcq, layout_in(source, rules)
    for centre, line in candidates(source):
        results = [one] if (one := result_in(line)) else []
        if not results:
            who, found = candidate_in(line, rule), grades_in(line, layout, grades, rule)
            results = [{**who, "entry-code": code, "exam-grade": grade} for code, grade in found]
        for said in results:
            values = {"centre-number": centre, **said}
            yield [values.get(key, "").strip() for key in _COLUMNS]


Values = dict[str, list[str]]
"""Values of a record by field: all texts that are not blank, in order."""

HEADER = "Header"
# People around a pupil have names and addresses of their own.
OF_OTHERS = frozenset({"Contacts", "Contact"})


def records_in(
    content: BinaryIO, rules: Rules, limits: ClassifyLimits, wanted: Collection[str]
) -> Iterator[Values]:
    """Yield the values of the wanted fields, by record, in a content. Raises Unreadable if faulty."""
    yield from RecordWalk(rules, limits, frozenset(wanted)).walk(content)


def other_records(content: BinaryIO, rules: Rules, limits: ClassifyLimits, where: RecordsWhere) -> set[int]:
    """Return the numbers, from 0, of records without any of `where.values`. Raises Unreadable."""
    keys = [key for key, item in (rules.items | rules.others).items() if item.label == where.item]
    wanted = {value.casefold() for value in where.values}
    return {
        number
        for number, values in enumerate(records_in(content, rules, limits, keys))
        if wanted.isdisjoint(text.casefold() for key in keys for text in values.get(key, ()))
    }


def record_names(source: Source, rules: Rules) -> tuple[str, ...]:
    """Return the element names of records in an XML document, including the name of its header."""
    root = markup.root_of(source)
    name = markup.local_name(root).casefold()
    if name == "ctfile" or rules.data_types.ctf.is_of_missing_child(markup.local_name(root)):
        return ctf.RECORDS
    if name == "message":
        return dfe_message.RECORDS
    return tuple(each for each in rules.data_types.registers.records if each != root)


def start_of(content: BinaryIO) -> str:
    """Return the first 64 KB of a text, without leading blanks."""
    return head_of(content).decode(encoding_of(content), "replace").lstrip("\ufeff").lstrip()


class RecordWalk:
    """Reader of a content's records; yields for each record the values of the `wanted` fields."""

    def __init__(self, rules: Rules, limits: ClassifyLimits, wanted: frozenset[str]) -> None:
        self._rules = rules
        self._limits = limits
        self._wanted = wanted
        self._elements: dict[tuple[str, str], str | None] = {}

    def walk(self, content: BinaryIO) -> Iterator[Values]:
        """Yield the wanted values of each record in a content. Raises Unreadable for a faulty content."""
        with containers.opened(content, self._limits) as found:
            if isinstance(found, ZipFile):
                for name in archive.files(found, self._rules.sensitive):
                    with containers.file_in(found, name) as member:
                        yield from self.walk(member)
            elif found is not None:
                for table in tables_in(found.sheets, self._rules, self._limits, found.format):
                    yield from self._rows(table())
            else:
                yield from self._of_text(content)

    def _of_text(self, content: BinaryIO) -> Iterator[Values]:
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
        """Yield the key for a record's values in the column `name`: its field, if wanted."""
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


_NUMBERS = ("upn", "former-upn")
_NAMES = ("surname", "forename", "full-name")
_WANTED = (*_NUMBERS, *_NAMES, "birth-date")


def named_records(
    content: BinaryIO, rules: Rules, limits: ClassifyLimits
) -> Iterator[tuple[list[str], list[str]]]:
    """Yield the UPNs and name keys (`identifiers.name_keys`) of each record, in the order of a view.
    Both are empty for a record that names nobody. Raises Unreadable for a faulty content.
    """
    for values in records_in(content, rules, limits, _WANTED):
        numbers = {text.upper() for key in _NUMBERS for text in values.get(key, ())}
        born = {read_date(text) for text in values.get("birth-date", ())}
        surname, forename, full = (values.get(key, [""])[0] for key in _NAMES)
        names = set[str]().union(*(name_keys(surname, forename, full, day) for day in born))
        yield sorted(filter(is_upn, numbers)), sorted(names)
