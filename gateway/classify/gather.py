"""From the elements of an XML record into the tally."""

from __future__ import annotations

from gateway.classify.markup import Element, leaves
from gateway.classify.tally import FieldTally, Tally

_ELEMENT_KINDS = 2_000


class Gatherer:
    """Reads one record after another into a tally, remembering which element carries which field."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._known: dict[tuple[str, str], FieldTally | None] = {}

    def gather(self, record: Element) -> None:
        """Count one record about one pupil."""
        tally, known, naming = self._tally, self._known, self._tally.naming
        row = tally.records + 1
        values: dict[str, str] = {}
        for parent, name, text in leaves(record):
            try:
                field = known[parent, name]
            except KeyError:
                field = self._resolve(parent, name)
            if field is not None and not text.isspace():
                field.add(text, row)
                if field.key in naming:
                    values.setdefault(field.key, text)
        tally.record(values)

    def saw(self, *names: tuple[str, str]) -> bool:
        """Whether any of these (parent, element) pairs has stood in a record."""
        return any(pair in self._known for pair in names)

    def parents(self) -> set[str]:
        """The names of all elements that had others with text in them."""
        return {parent for parent, _ in self._known}

    def _resolve(self, parent: str, name: str) -> FieldTally | None:
        key = self._tally.rules.element_field(parent, name)
        field = self._tally.field(key) if key is not None else None
        if len(self._known) < _ELEMENT_KINDS:
            self._known[parent, name] = field
        return field
