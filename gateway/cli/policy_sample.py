"""Headings and values of a sample file, for a new flow."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from gateway.classify import markup
from gateway.classify.content import Source, Unreadable, encoding_of
from gateway.classify.rules import Rules
from gateway.classify.value_kinds import Codes, FieldRule, check_for
from gateway.classify.views.walk import HEADER, record_names
from gateway.errors import GatewayError
from gateway.home.settings import ClassifyLimits
from gateway.policy.new_flow import columns_of

_MANY = 64 * 1024
_ROWS = 50


@dataclass(slots=True)
class SampleRead:
    """Contents of a sample file: filled values by heading, and the field of each known heading.

    Of XML: a heading is the name of an element with text, `elements` are the paths of each (Parent/Name), and
    `collection` is the name a DfE message gives to its collection.
    """

    values: dict[str, list[str]] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    elements: dict[str, tuple[str, ...]] = field(default_factory=dict)
    collection: str | None = None


def read_sample(sample: Path, rules: Rules) -> SampleRead:
    """Read a CSV file, the first sheet of a workbook, or XML. Raises GatewayError naming the problem."""
    try:
        if sample.suffix.lower() == ".xml":
            return _of_markup(sample, rules)
        values = _columns(sample)
    except OSError as error:
        raise GatewayError(f"{sample} cannot be read: {error.strerror}") from None
    fields = {heading: rules.column_field(heading) for heading in values}
    return SampleRead(values, {heading: key for heading, key in fields.items() if key is not None})


# The narrowest first: whatever is of another kind is kept from every view.
_TRIED = (
    FieldRule(values=("date",)),
    FieldRule(values=("time",)),
    FieldRule(values=("flag",)),
    FieldRule(values=("number",)),
    FieldRule(values=("identifier",), identifier="short"),
    FieldRule(values=("identifier",), identifier="reference"),
    FieldRule(values=("label",)),
)


def kind_of(texts: Iterable[str], rules: Rules) -> dict[str, str]:
    """Return the narrowest kind that fits all values, as items.toml writes it; empty for none."""
    filled = [text for text in texts if text.strip()]
    for tried in _TRIED if filled else ():
        check = check_for(tried, rules.code_sets, rules.sensitive)
        if check is not None and not any(map(check, filled)):
            identifier = {"identifier": tried.identifier} if tried.identifier else {}
            return {"values": tried.values[0], **identifier}
    return {}


def doubts(heading: str, texts: Iterable[str], rules: Rules) -> Iterator[str]:
    """Yield sentences of doubt about a heading's kind of values, for a person; none repeats a value."""
    filled = {text.strip() for text in texts} - {""}
    if filled and not kind_of(filled, rules):
        yield (
            f"{heading}: its values in the sample are of no one kind, and count as labels; see `values` of "
            "its item in items.toml, for whatever is of another kind reaches nobody"
        )
    if len([text for text in filled if len(text) > 1]) > 1:  # One code, or a letter, is in many lists.
        sets = rules.code_sets
        lists = sorted(name for name in sets if all(map(Codes(sets[name]).has, filled)))
        if lists:
            yield (
                f"{heading}: its values are codes of {' and of '.join(lists)}; where the agreement means "
                f'these, write values = "code" and codes = "{lists[0]}" to its item in items.toml'
            )


def _of_markup(sample: Path, rules: Rules) -> SampleRead:
    found = SampleRead()
    try:
        with sample.open("rb") as content:
            source = Source(content, encoding_of(content), ClassifyLimits())
            for record in markup.pupil_records(source, record_names(source, rules)):
                leaves = list(markup.leaves(record))
                if markup.local_name(record.tag) == HEADER:
                    found.collection = next((text for _, name, text in leaves if name == "Collection"), None)
                    continue
                for parent, name, text in leaves:
                    found.values.setdefault(name, []).append(text.strip())
                    paths = found.elements.get(name, ())
                    found.elements[name] = tuple(dict.fromkeys((*paths, f"{parent}/{name}")))
                    if (key := rules.element_field(parent, name)) is not None:
                        found.known[name] = key
    except Unreadable:
        raise GatewayError(f"{sample} cannot be read: save it as XML without a mistake") from None
    if not found.values:
        raise GatewayError(f"{sample} has no records of children that are known: see [registers]")
    return found


def _columns(sample: Path) -> dict[str, list[str]]:
    """Return the columns of a CSV file or of the first sheet of a workbook, by their headings."""
    if sample.suffix.lower() in {".xlsx", ".xls", ".xlsb", ".ods"}:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415 - loaded where it is needed

        try:
            sheet = CalamineWorkbook.from_path(sample).get_sheet_by_index(0)
        except CalamineError as error:
            raise GatewayError(f"{sample} cannot be read: {error}") from None
        return columns_of(sheet.to_python())
    try:
        with sample.open(encoding="utf-8-sig", newline="") as text:
            start = text.read(_MANY)
    except UnicodeDecodeError:
        raise GatewayError(f"{sample} is no UTF-8 text: save it as CSV UTF-8, or as a workbook") from None
    delimiter = max(",;\t", key=start.partition("\n")[0].count)
    return columns_of(list(csv.reader(start.splitlines()[:_ROWS], delimiter=delimiter)))
