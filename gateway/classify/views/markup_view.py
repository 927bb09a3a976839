"""XML with elements left out: Common Transfer Files, DfE messages, registers. The rest keeps its place.

The document is read record by record, as in `classify.markup`, and written anew. Content between records
comes before the next record; there, elements with text stay where the sieve keeps them. Always left out are
attributes, comments, text between elements, namespaces, unknown names, and elements with nothing left inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from html import escape
from itertools import chain, pairwise
from operator import itemgetter
from typing import Any, NamedTuple

from gateway.classify import markup
from gateway.classify.content import Source, unknown
from gateway.classify.outlines import (
    children,
    cut,
    element_at,
    name_in,
    prefix_of,
    text_count,
    text_of,
    written,
)
from gateway.classify.value_kinds import Judge
from gateway.classify.views.sieve import Sieve, Stay
from gateway.classify.views.tables import Apart, Write
from gateway.classify.views.walk import HEADER
from gateway.model import WITHHELD

Element = Any  # lxml carries no types.
_TAGS_REMEMBERED = 100_000
_AT_ONCE = 100_000  # characters
_ASSESSMENT, _STAGE = "StageAssessment", "Stage"
_OF_A_LEAF = 2  # tags


def write_markup(source: Source, records: tuple[str, ...], sieve: Sieve, apart: Apart, write: Write) -> None:
    """Write the view of a document whose records have these names. Raises Unreadable as reading does."""
    if sieve.divides:
        raise unknown("XML is not divided by schools", format="XML")
    root = markup.root_of(source)
    sieve.changed = sieve.changed or markup.names_namespaces(source)
    space = "{" + root[: markup.namespace_length(root)] if "}" in root else ""
    write(b"<?xml version='1.0' encoding='utf-8'?>\n")
    document = _Document(write, _Pruner(sieve, space), apart, frozenset(records))
    for record in markup.pupil_records(source, records, document.aside):
        document.take(record)
    document.end()


class _Document:
    """Output so far: open elements, outermost first, each with its name in the view."""

    def __init__(self, write: Write, pruner: _Pruner, apart: Apart, records: frozenset[str]) -> None:
        self._give = write
        self._pruner = pruner
        self._apart = apart
        self._records = records
        self._open: list[tuple[Element, str]] = []
        self._loose = False
        self._last: Element | None = None

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
        self._out()

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
        """Write the kept part of an element, if any. Elements with children wait, to be judged together."""
        if loose:
            self._pruner.tidy(element)
        if not len(element):
            self._out(self._pruner.leaf(element, enough))
        elif self._pruner.add(element, enough):
            self._out()

    def _start(self, element: Element) -> None:
        attributes = element.attrib
        if not all(map(markup.is_of_markup, attributes.keys(), attributes.values())) or (
            element.text and not element.text.isspace()
        ):
            self._pruner.leave_out()
        name = self._pruner.container(markup.local_name(element.tag))
        self._out(f"<{name}>\n")
        self._open.append((element, name))

    def _finish(self, element: Element) -> None:
        self._catch_up(element, None)
        end = f"</{self._open.pop()[1]}>"
        self._out(f"{end}\n" if self._open else end)

    def _is_open(self, element: Element) -> bool:
        return any(each is element for each, _ in self._open)

    def _out(self, text: str = "") -> None:
        """Write the waiting elements, then a text."""
        self._give(f"{''.join(self._pruner.written())}{text}".encode())


@dataclass(frozen=True, slots=True, eq=False)
class _Template:
    """What is kept of elements of a form: a template, and its gaps, with the judge of each piece there.

    An assessment, judged before, has no judge.
    """

    template: str
    pieces: Callable[[Sequence[str]], tuple[str, ...]]
    judges: tuple[Judge | None, ...]


class _Plan:
    """Form of elements. `blank`: number of pieces without text; `kept`: by the assessments that stay.

    `assessments`: of each the places of its tags, and of the piece with the stage of its key stage.
    """

    def __init__(self, tags: Sequence[str], prefix: str) -> None:
        self.tags, self.prefix = tags, prefix
        self.blank = len(tags) + 1 - text_count(tags)
        self.assessments = list(_assessments(tags, prefix)) if _ASSESSMENT in "".join(tags) else []
        self.kept: dict[tuple[bool, ...], _Template | None] = {}


def _assessments(tags: Sequence[str], prefix: str, at: int = 0) -> Iterator[tuple[int, int, int]]:
    inside = [(first, after, name_in(tags[first], prefix)) for first, after in children(tags)]
    stages = [at + first for first, after, name in inside if name == _STAGE and after > first + 1]
    stage = 2 * stages[0] + 2 if stages else 0
    for first, after, name in inside:
        if after > first + _OF_A_LEAF:
            if name == _ASSESSMENT:
                yield at + first, at + after, stage
            else:
                yield from _assessments(tags[first:after], prefix, at + first)


class _PartOfForm(NamedTuple):
    """What is kept of one element: the best in it, its template, and the gaps there, by places among its
    pieces after the first tag.
    """

    best: Stay
    template: str = ""
    gaps: tuple[tuple[int, Judge | None], ...] = ()


_OUT = _PartOfForm(Stay.OUT)


class _Pruner:
    """Write elements without the parts not to be kept, many together."""

    def __init__(self, sieve: Sieve, space: str) -> None:
        self._sieve = sieve
        self._space = space
        self.container, self.leave_out = sieve.container, sieve.leave_out
        self._plans: dict[str, _Plan] = {}
        self._room = _TAGS_REMEMBERED
        self._parts: dict[tuple[bool, str, str], _PartOfForm] = {}
        self._prefix = ""
        self._assessments: dict[tuple[bool, str, str], str] = {}
        self._waiting: list[tuple[_Template, tuple[str, ...]]] = []
        self._length = 0

    def tidy(self, element: Element) -> None:
        """Remove attributes, and text between elements."""
        for inner in element.iter():
            if inner is not element and inner.tail and not inner.tail.isspace():
                inner.tail = None
                self.leave_out()
            if not all(map(markup.is_of_markup, inner.attrib.keys(), inner.attrib.values())):
                self.leave_out()
            inner.attrib.clear()

    def leaf(self, element: Element, enough: Stay) -> str:
        """Return what is kept of an element without children, and the end of its line."""
        name, text = self._name(element.tag), element.text or ""
        if not text.strip() and self._sieve.is_container(name):
            return ""
        around = element.getparent()
        parent = "" if around is None else markup.local_name(around.tag)
        if self._stay_of(parent, name, enough) < enough or not text.strip():
            return ""
        kept = (
            ""
            if self._sieve.others(self._sieve.judge(parent, name), {text})
            else escape(text, quote=False).replace("\r", "&#13;")
        )
        return f"<{name}>{kept}</{name}>\n"

    def add(self, element: Element, enough: Stay) -> bool:
        """Take an element with children, to be written; return True where many wait.

        `enough`: the content required in an element with children for it to stay; in a record no trace of
        removed content may remain.
        """
        kept = self._kept(element, enough)
        if kept is not None:
            self._waiting.append(kept)
        return self._length > _AT_ONCE

    def written(self) -> list[str]:
        """Return the waiting elements, each a line, without the texts that are not of their kind."""
        waiting, self._waiting, self._length = self._waiting, [], 0
        return self._judged(waiting)

    def _judged(self, waiting: Sequence[tuple[_Template, tuple[str, ...]]]) -> list[str]:
        values: dict[Judge, set[str]] = {}
        alike: dict[_Template, list[tuple[str, ...]]] = {}
        for kept, pieces in waiting:
            alike.setdefault(kept, []).append(pieces)
        for kept, rows in alike.items():
            for judge, column in zip(kept.judges, zip(*rows, strict=True), strict=True):
                if judge is not None:
                    values.setdefault(judge, set()).update(column)
        bad: dict[Judge | None, set[str]] = {}
        for judge, met in values.items():
            if others := self._others(judge, met):
                bad[judge] = others
        return [
            kept.template % (tuple(map(_without, pieces, map(bad.get, kept.judges))) if bad else pieces)
            for kept, pieces in waiting
        ]

    def _others(self, judge: Judge, pieces: set[str]) -> set[str]:
        """Return the pieces with texts not of their kind, and note their withholding; a blank is none."""
        texts = {text_of(piece): piece for piece in pieces} if "&" in "".join(pieces) else {}
        bad = {texts.get(text, text) for text in judge.others(texts or pieces) if not text.isspace()}
        if bad:
            self.leave_out(WITHHELD)
        return bad

    def _kept(self, element: Element, enough: Stay) -> tuple[_Template, tuple[str, ...]] | None:
        """Return what is kept of an element with children, with the pieces; None where nothing is."""
        text = written(element)
        self._length += len(text)
        pieces = cut(text)
        tags = pieces[1::2]
        form = "<".join(tags)
        if enough is Stay.BESIDE:
            form = f"<{form}"
        plan = self._plans.get(form)
        if plan is None:
            plan = _Plan(tags, prefix_of(element))
            if self._takes(tags):
                self._plans[form] = plan
        if pieces.count("") < plan.blank:
            self._note_between(element)
        stay = tuple([self._assess(element, pieces, each, enough) for each in plan.assessments])
        if stay in plan.kept:
            kept = plan.kept[stay]
        else:
            kept = self._made(self._name(element.tag), plan, enough, stay)
            if self._takes(tags):
                plan.kept[stay] = kept
        return None if kept is None else (kept, kept.pieces(pieces))

    def _note_between(self, element: Element) -> None:
        """Note text between elements, which is left out."""
        around = (inner.text for inner in element.iter() if len(inner))
        behind = (inner.tail for inner in element.iter() if inner is not element)
        if any(text and not text.isspace() for text in chain(around, behind)):
            self.leave_out()

    def _assess(self, element: Element, pieces: list[str], where: tuple[int, int, int], enough: Stay) -> bool:
        """Put what is kept of an assessment in the place of its first tag; return True where anything is.

        Equal ones are frequent.
        """
        first, after, stage = where
        form = enough is Stay.IN, text_of(pieces[stage]), "<".join(pieces[2 * first + 1 : 2 * after])
        known = self._assessments.get(form)
        if known is None:
            assessment = element_at(element, pieces, 2 * first + 1)
            known = self._assessment(assessment, form[1], enough)
            if self._takes(pieces[first:after]):
                self._assessments[form] = known
        pieces[2 * first + 1] = known
        return known != ""

    def _assessment(self, assessment: Element, stage: str, enough: Stay) -> str:
        """Return what is kept of an assessment; nothing without a data type, nor a result its qualifier
        does not have.
        """
        stage, subject, qualifier = (
            assessment.findtext(f"{{*}}{name}") or default
            for name, default in (("Stage", stage), ("Subject", ""), ("ResultQualifier", ""))
        )
        if not self._sieve.assessment(stage.strip().upper(), subject.strip().upper()):
            return ""
        for result in assessment.iterfind("{*}Result"):
            if not self._sieve.is_result(qualifier, result.text or ""):
                result.text = None
        kept = self._kept(assessment, enough)
        return "" if kept is None else self._judged([kept])[0].rstrip("\n")

    def _takes(self, tags: Sequence[str]) -> bool:
        """Return True where there is room to remember something of this length."""
        self._room -= len(tags)
        return self._room > 0

    def _made(self, name: str, plan: _Plan, enough: Stay, stay: Sequence[bool]) -> _Template | None:
        if plan.prefix != self._prefix:
            self._prefix, self._parts = plan.prefix, {}
        assessed = {first: stays for (first, *_), stays in zip(plan.assessments, stay, strict=True)}
        part = self._around(name, plan.tags, enough, assessed)
        if part.best < enough:
            return None
        # The first piece, which is empty, comes twice: there are always several.
        pieces = itemgetter(0, 0, *(1 + place for place, _ in part.gaps))
        return _Template(f"%s%s{part.template}\n", pieces, (None, None, *(judge for _, judge in part.gaps)))

    def _around(
        self, name: str, tags: Sequence[str], enough: Stay, assessed: Mapping[int, bool], at: int = 0
    ) -> _PartOfForm:
        """Return what is kept of an element with children, whose tags begin `at` this place."""
        if not self._sieve.is_container(name):
            return _OUT
        best, inside, gaps = Stay.OUT, list[str](), list[tuple[int, Judge | None]]()
        for first, after in children(tags):
            if at + first in assessed:
                part = _PartOfForm(Stay.IN, "%s", ((0, None),)) if assessed[at + first] else _OUT
            else:
                part = self._part(name, tags[first:after], enough, assessed, at + first)
            if part.best:
                best = max(best, part.best)
                inside.append(part.template)
                gaps += [(2 * first + place, judge) for place, judge in part.gaps]
        return _PartOfForm(best, f"<{name}>{''.join(inside)}</{name}>", tuple(gaps))

    def _part(
        self, parent: str, tags: Sequence[str], enough: Stay, assessed: Mapping[int, bool], at: int
    ) -> _PartOfForm:
        """Return what is kept of an element in a record. Equal forms are frequent inside others, too."""
        form = enough is Stay.IN, parent, "<".join(tags)
        known = self._parts.get(form)
        if known is None:
            name = name_in(tags[0], self._prefix)
            if len(tags) > _OF_A_LEAF:
                known = self._around(name, tags, enough, assessed, at)
                known = known._replace(best=Stay.IN) if known.best >= enough else _OUT
            else:
                stay = self._stay_of(parent, name, enough)
                known = _PartOfForm(stay, f"<{name}/>")
                if len(tags) == _OF_A_LEAF:
                    known = _PartOfForm(stay, f"<{name}>%s</{name}>", ((1, self._sieve.judge(parent, name)),))
            if not (assessed and _ASSESSMENT in form[2]) and self._takes(tags):
                self._parts[form] = known
        return known

    def _stay_of(self, parent: str, name: str, enough: Stay) -> Stay:
        is_around = enough is Stay.BESIDE
        return self._sieve.around(parent, name) if is_around else self._sieve.element(parent, name)

    def _name(self, tag: str) -> str:
        """Return the name of an element; of one in another namespace than the root, a name nobody knows."""
        return tag.removeprefix(self._space) if self._space and tag.startswith(self._space) else tag


def _without(piece: str, bad: AbstractSet[str] | None) -> str:
    return "" if bad and piece in bad else piece
