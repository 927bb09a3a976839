"""From the elements of an XML record into the tally."""

from __future__ import annotations

from gateway.classify.content import malformed
from gateway.classify.markup import Element, namespace_length
from gateway.classify.tally import FieldTally, Tally
from gateway.settings import ClassifyLimits

_ELEMENT_KINDS = 2_000


class Gatherer:
    """Reads one record after another into a tally, remembering which element carries which field."""

    def __init__(self, tally: Tally, limits: ClassifyLimits) -> None:
        self._tally = tally
        self._deepest = limits.xml_depth
        self._strip = 0
        self._known: dict[tuple[str, str], FieldTally | None] = {}

    def gather(self, record: Element, *, apart: str = "") -> list[Element]:
        """Count one record about one pupil. Raises Unreadable where it is nested too deep.

        Elements named `apart` are not looked into; they come back, for the caller to read.
        """
        self._strip = namespace_length(record.tag)
        values: dict[str, str] = {}
        left_alone = []
        stack = [(record.tag[self._strip :], record, 0)]
        while stack:
            name, element, depth = stack.pop()
            if name == apart:
                left_alone.append(element)
            elif depth > self._deepest:
                raise malformed("elements are nested too deep", format="XML")
            else:
                stack += [(n, inner, depth + 1) for n, inner in self._read(name, element, values)]
        self._tally.record(values)
        return left_alone

    def _read(self, parent: str, element: Element, values: dict[str, str]) -> list[tuple[str, Element]]:
        """Count the leaves right under an element; the children that are none come back."""
        # Nearly all of the time goes here, so this is one loop with few calls.
        known, naming, strip, row = self._known, self._tally.naming, self._strip, self._tally.records + 1
        inner = []
        for child in element:
            name = child.tag[strip:]
            if len(child):
                inner.append((name, child))
                continue
            text = child.text
            if text is None or text.isspace():
                continue
            try:
                field = known[parent, name]
            except KeyError:
                field = self._resolve(parent, name)
            if field is not None:
                field.add(text, row)
                if field.key in naming:
                    values.setdefault(field.key, text)
                elif field.plain:
                    known[parent, name] = None
        return inner

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
