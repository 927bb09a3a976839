"""From the elements of an XML record into the tally."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.classify.content import malformed
from gateway.classify.markup import Element, namespace_length
from gateway.classify.tally import Tally
from gateway.settings import ClassifyLimits

_ELEMENT_KINDS = 2_000


# What an element means: how to count its text, if at all, and under which key the record needs it.
_Meaning = tuple[Callable[[str, int], None] | None, str | None]


class Gatherer:
    """Reads one record after another into a tally, remembering what each element means."""

    def __init__(self, tally: Tally, limits: ClassifyLimits) -> None:
        self._tally = tally
        self._deepest = limits.xml_depth
        self._strip = 0
        self._kinds = 0
        self._meanings: dict[str, dict[str, _Meaning | None]] = {}

    def gather(self, record: Element, *, apart: str = "", left: bool | None = None) -> list[Element]:
        """Count one record about one pupil. Raises Unreadable where it is nested too deep.

        Elements named `apart` are not looked into; they come back, for the caller to read. `left` is
        as in `Tally.record`.
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
        self._tally.record(values, left=left)
        return left_alone

    def _read(self, parent: str, element: Element, values: dict[str, str]) -> list[tuple[str, Element]]:
        """Count the leaves right under an element; the children that are none come back."""
        # Nearly all of the time goes here, so this is one loop with few calls.
        meanings = self._meanings.get(parent) or self._meanings_under(parent)
        strip, row = self._strip, self._tally.records + 1
        inner = []
        for child in element:
            name = child.tag[strip:]
            if len(child):
                inner.append((name, child))
                continue
            text = child.text
            if text is None or (text < "!" and text.isspace()):  # no blank text is above "!"
                continue
            try:
                meaning = meanings[name]
            except KeyError:
                meaning = self._resolve(meanings, parent, name)
            if meaning is not None:
                count, key = meaning
                if count is not None:
                    count(text, row)
                if key is not None and key not in values:
                    values[key] = text
        return inner

    def saw(self, parent: str, names: Iterable[str]) -> bool:
        """Whether any element of these names, with text in it, has stood right under `parent`."""
        return not self._meanings.get(parent, {}).keys().isdisjoint(names)

    def parents(self) -> set[str]:
        """The names of all elements that had others with text in them."""
        return {parent for parent, meanings in self._meanings.items() if meanings}

    def _meanings_under(self, parent: str) -> dict[str, _Meaning | None]:
        # A file with ever new names of elements must not fill the memory with them.
        return {} if self._kinds >= _ELEMENT_KINDS else self._meanings.setdefault(parent, {})

    def _resolve(self, meanings: dict[str, _Meaning | None], parent: str, name: str) -> _Meaning | None:
        key = self._tally.rules.element_field(parent, name)
        meaning: _Meaning | None = None
        if key is not None:
            field = self._tally.field(key)
            if field.plain:
                # That it is filled is all that matters, and now it is.
                field.filled = max(field.filled, 1)
            meaning = (None if field.plain else field.add, key if key in self._tally.naming else None)
        if self._kinds < _ELEMENT_KINDS:
            self._kinds += 1
            meanings[name] = meaning
        return meaning
