"""XML with elements left out: Common Transfer Files, DfE messages, registers. What stays keeps its place.

The document is read as `classify.markup` reads it, record by record. Before each record stands whatever came
since the one before it; of all that, elements with text stay where the sieve keeps them. Attributes, comments
and text between elements never stay, nor does an element of which nothing is left.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from lxml import etree

from gateway.classify import markup
from gateway.classify.content import Source
from gateway.classify.ctf import is_code
from gateway.classify.views.sieve import Sieve, Stay
from gateway.classify.views.tables import Apart, Write
from gateway.classify.views.walk import HEADER
from gateway.classify.views.workbook_out import stream

Element = Any  # lxml carries no types.
_REMEMBERED = 1_000
_ASSESSMENT = "StageAssessment"


def write_markup(source: Source, records: tuple[str, ...], sieve: Sieve, apart: Apart, write: Write) -> None:
    """Write the view of a document whose records have these names. Raises Unreadable as reading does."""
    markup.root_of(source)
    with etree.xmlfile(stream(write), encoding="utf-8", buffered=True) as xml:
        xml.write_declaration()
        document = _Document(xml, _Pruner(sieve), apart, frozenset(records))
        for record in markup.records(source, records, document.aside):
            document.take(record)
        document.end()


class _Document:
    """What was written so far: the elements that are open, outermost first, and what stands in them."""

    def __init__(
        self,
        xml: Any,  # noqa: ANN401
        pruner: _Pruner,
        apart: Apart,
        records: frozenset[str],
    ) -> None:
        self._xml = xml
        self._pruner = pruner
        self._apart = apart
        self._records = records
        self._open: list[tuple[Element, Any]] = []
        self._loose = False
        self._last: Element | None = None

    def aside(self, parent: str, name: str, text: str) -> None:  # noqa: ARG002
        """Attributes, comments, or text between elements: they never stay."""
        self._loose = True
        if not name and text.strip():
            self._pruner.leave_out()

    def take(self, record: Element) -> None:
        """Write what stands before a record and was not written yet, and then the record."""
        if not self._follows(record):
            around = [record, *record.iterancestors()][::-1]
            for outer, inner in pairwise(around):
                if not self._is_open(outer):
                    self._start(outer)
                self._catch_up(outer, inner)
        self._last = record
        if markup.local_name(record.tag) == HEADER:
            self._write(record, loose=self._loose, enough=Stay.BESIDE)
        elif self._apart.next_stays():
            self._write(record, loose=self._loose, enough=Stay.IN)
        self._loose = False

    def _follows(self, record: Element) -> bool:
        """Whether a record stands right behind the last one: then everything before it is written."""
        return self._last is not None and record.getprevious() is self._last

    def end(self) -> None:
        """Write what stands behind the last record, and close what is open."""
        if self._open:
            self._finish(self._open[0][0])

    def _catch_up(self, parent: Element, until: Element | None) -> None:
        """Write the children of `parent` before `until`, and take them out of the tree."""
        while len(parent) and parent[0] is not until:
            child = parent[0]
            if self._is_open(child):
                self._finish(child)
            elif isinstance(child.tag, str) and markup.local_name(child.tag) not in self._records:
                self._write(child, loose=True, enough=Stay.BESIDE)
            if child.tail and not child.tail.isspace():
                self._pruner.leave_out()
            parent.remove(child)

    def _write(self, element: Element, *, loose: bool, enough: Stay) -> None:
        """Write an element as far as it stays; nothing where nothing of it does."""
        if self._pruner.prunes_to_something(element, loose=loose, enough=enough):
            # Its tail stays as it is: the parser may still be adding to that.
            self._xml.write(element, with_tail=False)
            self._xml.write("\n")

    def _start(self, element: Element) -> None:
        if element.text and not element.text.isspace():
            self._pruner.leave_out()
        context = self._xml.element(element.tag, nsmap=element.nsmap)
        context.__enter__()
        self._xml.write("\n")
        self._open.append((element, context))

    def _finish(self, element: Element) -> None:
        self._catch_up(element, None)
        _, context = self._open.pop()
        context.__exit__(None, None, None)
        if self._open:
            self._xml.write("\n")

    def _is_open(self, element: Element) -> bool:
        return any(each is element for each, _ in self._open)


class _Pruner:
    """Takes out of elements what does not stay."""

    def __init__(self, sieve: Sieve) -> None:
        self._sieve = sieve
        self._strip = 0
        self._stay: dict[str, dict[str, Stay]] = {}
        self._enough = Stay.IN
        self._codes: set[str] = set()
        self._assessments: dict[tuple[str, str], bool] = {}

    def prunes_to_something(self, element: Element, *, loose: bool, enough: Stay) -> bool:
        """Take out what does not stay; whether anything is left.

        `loose`: it may hold attributes, and text between its elements. `enough`: what an element around
        others has to hold so that it stays; in a record no trace is to be left of what was in it.
        """
        self._strip, self._enough = markup.namespace_length(element.tag), enough
        if loose:
            self._tidy(element)
        name = element.tag[self._strip :]
        if len(element):
            return self._prune(element, name)
        around = element.getparent()
        parent = "" if around is None else markup.local_name(around.tag)
        return bool((element.text or "").strip()) and self._sieve.element(parent, name) >= enough

    def _tidy(self, element: Element) -> None:
        for inner in element.iter():
            if inner is not element and inner.tail and not inner.tail.isspace():
                inner.tail = None
                self._sieve.leave_out()
            if any(not key.startswith(markup.NO_CONTENT) for key in inner.attrib):
                self._sieve.leave_out()
            inner.attrib.clear()

    def _prune(self, element: Element, name: str) -> bool:
        # Nearly all of the time goes here, so this is one loop with few calls.
        stay, strip, gone, best = self._stay.setdefault(name, {}), self._strip, [], Stay.OUT
        text = element.text
        if text is not None and not text.isspace():
            element.text = None
            self._sieve.leave_out()
        for child in element:
            inner = child.tag[strip:] if strip else child.tag
            if len(child):
                if self._stays(child, inner):
                    best = Stay.IN
                else:
                    gone.append(child)
                continue
            try:
                stays = stay[inner]
            except KeyError:
                stays = stay[inner] = self._sieve.element(name, inner)
            if not stays:
                gone.append(child)
            elif stays > best:
                best = stays
        for child in gone:
            element.remove(child)
        return best >= self._enough

    def _stays(self, element: Element, name: str) -> bool:
        if name == _ASSESSMENT:
            if not self._is_known(element):
                return False
            self._leave_out_words(element)
        return self._prune(element, name)

    def leave_out(self) -> None:
        """Note that something was left out that is no element."""
        self._sieve.leave_out()

    def _leave_out_words(self, assessment: Element) -> None:
        """Take out what is no code, mark or date; the account of the file tells only that there is some."""
        for child in list(assessment):
            text = child.text or ""
            if text not in self._codes:
                if is_code(text):
                    if len(self._codes) < _REMEMBERED:
                        self._codes.add(text)
                else:
                    assessment.remove(child)
                    self._sieve.leave_out()

    def _is_known(self, assessment: Element) -> bool:
        stage = assessment.findtext("{*}Stage") or assessment.getparent().findtext("{*}Stage") or ""
        subject = assessment.findtext("{*}Subject") or ""
        pair = stage.strip().upper(), subject.strip().upper()
        known = self._assessments.get(pair)
        if known is None:
            known = self._assessments[pair] = self._sieve.assessment(*pair)
        return known
