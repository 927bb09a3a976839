"""XML with elements left out: Common Transfer Files, DfE messages, registers. The rest keeps its place.

The document is read record by record, as in `classify.markup`. Content between records comes before the
next record; there, elements with text stay where the sieve keeps them. Always left out are attributes,
comments, text between elements, namespaces, unknown names, and elements with nothing left inside.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Set as AbstractSet
from itertools import pairwise
from operator import attrgetter, contains
from typing import Any, NamedTuple

from lxml import etree

from gateway.classify import markup
from gateway.classify.content import Source, unknown
from gateway.classify.value_kinds import Judge
from gateway.classify.views.sieve import Sieve, Stay
from gateway.classify.views.tables import Apart, Write
from gateway.classify.views.walk import HEADER
from gateway.classify.views.workbook_out import stream

Element = Any  # lxml carries no types.
_REMEMBERED = 1_000
_OFTEN = 4
_MOST_LOOKED_AT = 24
_ASSESSMENT = "StageAssessment"
_TAG, _TEXT, _TAIL = attrgetter("tag"), attrgetter("text"), attrgetter("tail")


def write_markup(source: Source, records: tuple[str, ...], sieve: Sieve, apart: Apart, write: Write) -> None:
    """Write the view of a document whose records have these names. Raises Unreadable as reading does."""
    if sieve.divides:
        raise unknown("XML is not divided by schools", format="XML")
    root, bare = markup.root_of(source), not markup.names_namespaces(source)
    sieve.changed = sieve.changed or not bare
    space = "{" + root[: markup.namespace_length(root)] if "}" in root else ""
    with etree.xmlfile(stream(write), encoding="utf-8", buffered=True) as xml:
        xml.write_declaration()
        document = _Document(xml, _Pruner(sieve, space), apart, frozenset(records), bare=bare)
        for record in markup.pupil_records(
            source, records, document.aside, loose=False, ahead=document.ahead
        ):
            document.take(record)
        document.end()


class _Document:
    """Output so far: open elements, outermost first, and their content."""

    def __init__(
        self,
        xml: Any,  # noqa: ANN401
        pruner: _Pruner,
        apart: Apart,
        records: frozenset[str],
        *,
        bare: bool,
    ) -> None:
        self._xml = xml
        self._pruner = pruner
        self._apart = apart
        self._records = records
        self._bare = bare
        self._open: list[tuple[Element, Any]] = []
        self._loose = False
        self._last: Element | None = None

    def ahead(self, piece: bytes) -> None:
        """Prepare for a piece of the document with the next records."""
        self._pruner.look_ahead(piece)

    def aside(self, parent: str, name: str, text: str) -> None:  # noqa: ARG002
        """Leave out attributes, comments, and text between elements."""
        self._loose = True
        if not name:
            self._pruner.leave_out()

    def take(self, record: Element) -> None:
        """Write unwritten content before a record, then the record."""
        if not self._follows(record):
            around = [record, *record.iterancestors()][::-1]
            for outer, inner in pairwise(around):
                if not self._is_open(outer):
                    self._start(outer)
                self._catch_up(outer, inner)
        is_first, self._last = self._last is None, record
        if markup.local_name(record.tag) == HEADER:
            if is_first:
                self._write(record, loose=self._loose, enough=Stay.BESIDE)
        elif self._apart.next_stays():
            self._write(record, loose=self._loose, enough=Stay.IN)
        self._loose = False

    def _follows(self, record: Element) -> bool:
        """Return True where a record directly follows the last one, so that nothing is left to write
        before.
        """
        return self._last is not None and record.getprevious() is self._last

    def end(self) -> None:
        """Write the content after the last record and close the open elements."""
        if self._open:
            self._finish(self._open[0][0])

    def _catch_up(self, parent: Element, until: Element | None) -> None:
        """Write the children of `parent` before `until`, and remove them from the tree."""
        # Asking for the number of children takes as long as there are many.
        while (child := next(iter(parent), None)) is not None and child is not until:
            if self._is_open(child):
                self._finish(child)
            elif isinstance(child.tag, str) and markup.local_name(child.tag) not in self._records:
                self._write(child, loose=True, enough=Stay.BESIDE)
            if child.tail and not child.tail.isspace():
                self._pruner.leave_out()
            parent.remove(child)

    def _write(self, element: Element, *, loose: bool, enough: Stay) -> None:
        """Write the kept part of an element, if any."""
        if self._pruner.prunes_to_something(element, loose=loose, enough=enough):
            # The tail stays unchanged: the parser may still be extending it.
            self._xml.write(element if self._bare else _without_namespaces(element), "\n", with_tail=False)

    def _start(self, element: Element) -> None:
        attributes = element.attrib
        if not all(map(markup.is_of_markup, attributes.keys(), attributes.values())) or (
            element.text and not element.text.isspace()
        ):
            self._pruner.leave_out()
        context = self._xml.element(self._pruner.container(markup.local_name(element.tag)))
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


def _without_namespaces(element: Element) -> Element:
    """Return a copy of an element without namespaces, whose names anybody may choose."""
    made = copy.deepcopy(element)
    for inner in made.iter():
        inner.tag = markup.local_name(inner.tag)
        inner.attrib.clear()
    etree.cleanup_namespaces(made)
    return made


_Form = tuple[Stay, tuple[str, ...], tuple[int, ...]]
"""Required part, tags of elements in document order, and the number of children of each."""


class _Plan(NamedTuple):
    """Plan for elements of a form, by places in document order.

    `around` have children; `out` are removed, each with its parent's place. Texts in `judged` stay;
    `judges` has the judge of each, `good` the values each has found good. `stays`: anything remains.
    """

    around: tuple[int, ...]
    out: tuple[tuple[int, int], ...]
    judged: tuple[int, ...]
    judges: tuple[Judge, ...]
    good: tuple[AbstractSet[str | None], ...]
    stays: bool


class _Pruner:
    """Remove the parts of elements not to be kept."""

    def __init__(self, sieve: Sieve, space: str) -> None:
        self._sieve = sieve
        self._space = space
        self.container = sieve.container
        self._strip = 0
        self._stay: dict[tuple[Stay, str], dict[str, tuple[Stay, Judge]]] = {}
        self._plans: dict[_Form, _Plan] = {}
        self._enough = Stay.IN
        self._key_stage: Element = None
        self._stage = ""
        self._assessments: dict[tuple[Stay, bytes, str], tuple[bool, tuple[int, ...], tuple[int, ...]]] = {}
        self._doubts = Counter[str]()
        self._often: list[tuple[bytes, Judge]] = []
        self._piece = b""

    def prunes_to_something(self, element: Element, *, loose: bool, enough: Stay) -> bool:
        """Remove everything not to be kept; return True where anything is left.

        `loose`: attributes, and text between elements, may be present. `enough`: the content required in an
        element with children for it to stay; in a record no trace of removed content may remain.
        """
        self._strip, self._enough = len(self._space), enough
        if self._is_elsewhere(element):
            self._sieve.leave_out()
            return False
        if loose:
            self._tidy(element)
        name, filled = element.tag[self._strip :], (element.text or "").strip() != ""
        if len(element):
            return self._sieve.is_container(name) and self._prune_by_form(element, name)
        if not filled and self._sieve.is_container(name):
            return False
        around = element.getparent()
        parent = "" if around is None else markup.local_name(around.tag)
        if self._stay_of(parent, name) < enough or not filled:
            return False
        self._withhold(element, self._sieve.judge(parent, name))
        return True

    def _is_elsewhere(self, element: Element) -> bool:
        """Return True where an element, or one inside, is in another namespace than the root, so unknown."""
        if not self._space:
            return bool(element.tag.startswith("{"))
        return not all(inner.tag.startswith(self._space) for inner in element.iter())

    def _stay_of(self, parent: str, name: str) -> Stay:
        is_around = self._enough is Stay.BESIDE
        return self._sieve.around(parent, name) if is_around else self._sieve.element(parent, name)

    def _tidy(self, element: Element) -> None:
        for inner in element.iter():
            if inner is not element and inner.tail and not inner.tail.isspace():
                inner.tail = None
                self._sieve.leave_out()
            if not all(map(markup.is_of_markup, inner.attrib.keys(), inner.attrib.values())):
                self._sieve.leave_out()
            inner.attrib.clear()

    def _prune_by_form(self, element: Element, name: str) -> bool:
        """Prune like `_prune`, for elements of a common form, planned once."""
        inside = list(element.iter())
        if any(map(_TAIL, inside[1:])):
            self._tidy(element)
        form = self._enough, tuple(map(_TAG, inside)), tuple(map(len, inside))
        plan = self._plans.get(form)
        if plan is None:
            plan = self._planned(form)
            if plan is None:
                return self._prune(element, name)
            if len(self._plans) < _REMEMBERED:
                self._plans[form] = plan
        texts = list(map(_TEXT, inside))
        if any(map(texts.__getitem__, plan.around)):
            for place in plan.around:
                self._clear_text(inside[place])
        if not all(map(contains, plan.good, map(texts.__getitem__, plan.judged))):
            self._withhold_all(inside, texts, plan)
        for around, place in plan.out:
            inside[around].remove(inside[place])
        return plan.stays

    def _withhold_all(self, inside: list[Element], texts: list[str | None], plan: _Plan) -> None:
        """Empty the planned elements whose texts are not of their kind."""
        for place, judge in zip(plan.judged, plan.judges, strict=True):
            if texts[place] not in judge.good:
                self._withhold(inside[place], judge)

    def look_ahead(self, piece: bytes) -> None:
        """Check values that differ between records, many together, before the records are read.

        Only a speed-up: most values then need no check of their own.
        """
        self._piece = piece
        for tag, judge in self._often[:_MOST_LOOKED_AT]:
            self._look(tag, judge)

    def _look(self, tag: bytes, judge: Judge) -> None:
        found = b"\0".join([part.partition(b"<")[0] for part in self._piece.split(tag)[1:]])
        judge.look_at(found.decode(errors="replace").split("\0"))

    def _withhold(self, element: Element, judge: Judge) -> None:
        """Empty an element whose text is not of its kind."""
        text = element.text
        if text not in judge.good and not text.isspace():
            self._doubts[element.tag] += 1
            if self._doubts[element.tag] == _OFTEN and judge.quick is not None:
                self._often.append((f"<{element.tag[self._strip :]}>".encode(), judge))
                self._look(*self._often[-1])
            if self._sieve.others(judge, {text}):
                element.text = None

    def _planned(self, form: _Form) -> _Plan | None:
        """Return the plan for elements of a form; None where the form alone does not decide."""
        enough, tags, sizes = form
        names = [tag[self._strip :] for tag in tags]
        if _ASSESSMENT in names:
            return None
        out: list[tuple[int, int]] = []
        texts: dict[int, Judge] = {}
        best, _ = self._plan(0, names, sizes, out, texts)
        around = tuple(place for place, size in enumerate(sizes) if size)
        judges = tuple(texts.values())
        good = tuple(judge.good for judge in judges)
        return _Plan(around, tuple(out), tuple(texts), judges, good, best >= enough)

    def _plan(
        self,
        place: int,
        names: list[str],
        sizes: tuple[int, ...],
        out: list[tuple[int, int]],
        texts: dict[int, Judge],
    ) -> tuple[Stay, int]:
        """Return the best part kept in the element at a place, and the place after the element.

        Adds removals to `out`, with the parent's place, and the judges of kept texts to `texts`.
        """
        best, following = Stay.OUT, place + 1
        for _ in range(sizes[place]):
            child = following
            if sizes[child] and not self._sieve.is_container(names[child]):
                stays, following = Stay.OUT, _behind(child, sizes)
            elif sizes[child]:
                found, following = self._plan(child, names, sizes, out, texts)
                stays = Stay.IN if found >= self._enough else Stay.OUT
            else:
                stays, following = self._stay_of(names[place], names[child]), child + 1
            if stays:
                best = max(best, stays)
                if not sizes[child]:
                    texts[child] = self._sieve.judge(names[place], names[child])
            else:
                out.append((place, child))
        return best, following

    def _clear_text(self, element: Element) -> None:
        """Remove text in an element before its first child."""
        text = element.text
        if text is not None and not text.isspace():
            element.text = None
            self._sieve.leave_out()

    def _prune(self, element: Element, name: str) -> bool:
        # Most of the time is spent here, so this is one loop with few calls.
        stay, strip, gone, best = self._stay.setdefault((self._enough, name), {}), self._strip, [], Stay.OUT
        self._clear_text(element)
        for child in element:
            inner = child.tag[strip:] if strip else child.tag
            if len(child):
                if self._stays(child, inner):
                    best = Stay.IN
                else:
                    gone.append(child)
                continue
            try:
                stays, judge = stay[inner]
            except KeyError:
                stays, judge = stay[inner] = self._stay_of(name, inner), self._sieve.judge(name, inner)
            if not stays:
                gone.append(child)
            elif stays > best:
                best = stays
            if child.text not in judge.good and stays:
                self._withhold(child, judge)
        for child in gone:
            element.remove(child)
        return best >= self._enough

    def _stays(self, element: Element, name: str) -> bool:
        if not self._sieve.is_container(name):
            return False
        return self._assessment_stays(element) if name == _ASSESSMENT else self._prune(element, name)

    def _assessment_stays(self, element: Element) -> bool:
        """Prune an assessment; return True where it stays. Equal ones are frequent, so results are cached."""
        if (around := element.getparent()) is not self._key_stage:
            self._key_stage, self._stage = around, around.findtext("{*}Stage") or ""
        written = self._enough, etree.tostring(element, with_tail=False), self._stage
        inside = list(element)
        known = self._assessments.get(written)
        if known is None:
            stays = self._has_type(element) and self._prune(element, _ASSESSMENT)
            gone = tuple(place for place, child in enumerate(inside) if child.getparent() is None)
            blank = tuple(place for place, child in enumerate(inside) if child.text is None)
            if len(self._assessments) < _REMEMBERED and not any(map(len, inside)):
                self._assessments[written] = stays, gone, blank
            return stays
        for place in known[2]:
            inside[place].text = None
        for place in known[1]:
            element.remove(inside[place])
        return known[0]

    def _has_type(self, assessment: Element) -> bool:
        """Return True where an assessment has a data type; empty a result invalid for its qualifier."""
        stage, subject, qualifier = (
            assessment.findtext(f"{{*}}{name}") or "" for name in ("Stage", "Subject", "ResultQualifier")
        )
        if not self._sieve.assessment((stage or self._stage).strip().upper(), subject.strip().upper()):
            return False
        for result in assessment.iterfind("{*}Result"):
            if not self._sieve.is_result(qualifier, result.text or ""):
                result.text = None
        return True

    def leave_out(self) -> None:
        """Note that something other than an element was left out."""
        self._sieve.leave_out()


def _behind(place: int, sizes: tuple[int, ...]) -> int:
    """Return the place after an element and its content."""
    open_, place = sizes[place], place + 1
    while open_:
        open_, place = open_ - 1 + sizes[place], place + 1
    return place
