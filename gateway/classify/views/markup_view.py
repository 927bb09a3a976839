"""XML with elements left out: Common Transfer Files, DfE messages, registers. The rest keeps its place.

The document is read record by record, as in `classify.markup`, and written anew. Content between records
comes before the next record; there, elements with text stay where the sieve keeps them. Always left out are
attributes, comments, text between elements, namespaces, unknown names, and elements with nothing left inside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from html import escape
from itertools import chain, pairwise
from operator import itemgetter
from typing import Any

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

    def __init__(self, form: str, tags: Sequence[str], prefix: str) -> None:
        self.tags, self.prefix = tags, prefix
        self.blank = len(tags) + 1 - text_count(form)
        self.assessments = list(_assessments(tags, prefix)) if _ASSESSMENT in form else []
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


class _HalfMade:
    """What is kept of elements of one form, while their tags are read.

    `gaps` are the places of pieces in the texts, each with its judge. `around` are the open elements: name,
    the best before them, and the number of texts and gaps there.
    """

    def __init__(self, name: str, enough: Stay) -> None:
        self._enough, self._best = enough, Stay.OUT
        self._texts: list[str] = []
        self._gaps: list[tuple[int, Judge | None]] = []
        self.around = [(name, Stay.OUT, 0, 0)]

    def add(self, stay: Stay, text: str, gap: tuple[int, Judge | None] | None) -> None:
        """Keep an element of which a text is known."""
        self._best = max(self._best, stay)
        self._texts.append(text)
        if gap is not None:
            self._gaps.append(gap)

    def begin(self, name: str) -> None:
        """Open an element around others."""
        self.around.append((name, self._best, len(self._texts), len(self._gaps)))
        self._texts.append(f"<{name}>")
        self._best = Stay.OUT

    def end(self) -> None:
        """Close the innermost open element; without enough inside, nothing of it is kept."""
        name, before, texts, gaps = self.around.pop()
        if self._best < self._enough:
            del self._texts[texts:], self._gaps[gaps:]
            self._best = before
        else:
            self._texts.append(f"</{name}>")
            self._best = Stay.IN

    def template(self) -> _Template | None:
        """Return the template; None where nothing is kept."""
        if not self._texts:
            return None
        # The first piece, which is empty, comes twice: there are always several.
        pieces = itemgetter(0, 0, *(place for place, _ in self._gaps))
        judges = None, None, *(judge for _, judge in self._gaps)
        return _Template(f"%s%s{''.join(self._texts)}\n", pieces, judges)


class _Pruner:
    """Write elements without the parts not to be kept, many together."""

    def __init__(self, sieve: Sieve, space: str) -> None:
        self._sieve = sieve
        self._space = space
        self.container, self.leave_out = sieve.container, sieve.leave_out
        self._plans: dict[str, _Plan] = {}
        self._room = _TAGS_REMEMBERED
        self._leaves: dict[tuple[Stay, str, str], tuple[Stay, str, Judge | None]] = {}
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
            plan = _Plan(form, tags, prefix_of(element))
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
        """Return what is kept of elements of a form, in one pass over their tags; None where nothing is."""
        if plan.prefix != self._prefix:
            self._prefix, self._leaves = plan.prefix, {}
        assessed = {one[0]: (one[1], stays) for one, stays in zip(plan.assessments, stay, strict=True)}
        kept, following = _HalfMade(name, enough), 0
        for place, tag in enumerate(plan.tags):
            if place < following:
                continue
            if place in assessed:
                following, stays = assessed[place]
                if stays:
                    kept.add(Stay.IN, "%s", (2 * place + 1, None))
            elif tag[0] == "/":
                kept.end()
            else:
                following = self._begin(kept, plan.tags, place, enough)
        return kept.template()

    def _begin(self, kept: _HalfMade, tags: Sequence[str], place: int, enough: Stay) -> int:
        """Keep a leaf, or open an element around others; return the place of the first tag not read."""
        tag, parent = tags[place], kept.around[-1][0]
        if tag[-1] == "/" or tags[place + 1][0] == "/":
            stay, text, judge = self._leaf(parent, tag, enough)
            is_filled = tag[-1] != "/"
            if stay:
                kept.add(stay, text, (2 * place + 2, judge) if is_filled else None)
            return place + 1 + is_filled
        name = name_in(tag, self._prefix) if place else parent
        if self._sieve.is_container(name):
            kept.begin(name)
            return place + 1
        depth = 0
        for at in range(place, len(tags)):
            depth += -1 if tags[at][0] == "/" else tags[at][-1] != "/"
            if not depth:
                return at + 1
        return len(tags)

    def _leaf(self, parent: str, tag: str, enough: Stay) -> tuple[Stay, str, Judge | None]:
        """Return the fate of an element without children, how it is written, and the judge of its text."""
        known = self._leaves.get((enough, parent, tag))
        if known is None:
            name = name_in(tag, self._prefix)
            stay = self._stay_of(parent, name, enough)
            judge = self._sieve.judge(parent, name) if stay else None
            known = stay, f"<{name}/>" if tag[-1] == "/" else f"<{name}>%s</{name}>", judge
            if self._takes([tag]):
                self._leaves[enough, parent, tag] = known
        return known

    def _stay_of(self, parent: str, name: str, enough: Stay) -> Stay:
        is_around = enough is Stay.BESIDE
        return self._sieve.around(parent, name) if is_around else self._sieve.element(parent, name)

    def _name(self, tag: str) -> str:
        """Return the name of an element; of one in another namespace than the root, a name nobody knows."""
        return tag.removeprefix(self._space) if self._space and tag.startswith(self._space) else tag


def _without(piece: str, bad: AbstractSet[str] | None) -> str:
    return "" if bad and piece in bad else piece
