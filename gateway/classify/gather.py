"""From the elements of an XML record into the tally."""

from __future__ import annotations

from gateway.classify.markup import Element, leaves
from gateway.classify.tally import FieldTally, Tally, missing_fields

# The fields by which a record says whose it is.
_NAMING = ("upn", "birth-date", "former-upn", "enrolment-status", "leaving-date")


class Gatherer:
    """Reads one record after another into a tally, remembering which element carries which field."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._known: dict[tuple[str, str], FieldTally | None] = {}
        self._demanded = missing_fields(tally, tally.rules.data_types.types.values())
        self._kept = {*_NAMING, *(field.key for field in self._demanded)}

    def gather(self, record: Element) -> dict[str, str]:
        """Count one record about one pupil; the fields that name the pupil come back."""
        tally = self._tally
        tally.records += 1
        row, known, kept = tally.records, self._known, self._kept
        values: dict[str, str] = {}
        for parent, name, text in leaves(record):
            try:
                field = known[parent, name]
            except KeyError:
                field = self._resolve(parent, name)
            if field is None or text.isspace():
                continue
            field.add(text, row)
            if field.key in kept:
                values[field.key] = text
        for field in self._demanded:
            if field.key not in values:
                field.blank.add(row)
        tally.pupil(values, row)
        return values

    def saw(self, *names: tuple[str, str]) -> bool:
        """Whether any of these (parent, element) pairs has stood in a record."""
        return any(pair in self._known for pair in names)

    def parents(self) -> set[str]:
        """The names of all elements that had others with text in them."""
        return {parent for parent, _ in self._known}

    def _resolve(self, parent: str, name: str) -> FieldTally | None:
        key = self._tally.rules.element_field(parent, name)
        field = self._tally.field(key) if key is not None else None
        self._known[parent, name] = field
        return field
