"""XML with elements left out: Common Transfer Files, DfE messages, registers. The rest keeps its place.

The document is read record by record, as in `classify.markup`, and written anew. Content between records
comes before the next record; there, elements with text stay where the sieve keeps them. Always left out are
attributes, comments, text between elements, namespaces, unknown names, and elements with nothing left inside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import islice, pairwise
from operator import itemgetter
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from gateway.classify import markup
from gateway.classify.content import Source, unknown
from gateway.classify.outlines import Node, outline, pieces_of, text_of, texts_in
from gateway.classify.value_kinds import Judge
from gateway.classify.views.sieve import Sieve, Stay
from gateway.classify.views.tables import Apart, Write
from gateway.classify.views.walk import HEADER
from gateway.model.basis import WITHHELD

Element = Any  # lxml carries no types.
_PIECES_REMEMBERED = 500_000
_PIECES_AT_ONCE = 20_000
_LEAVES_REMEMBERED = 1_000
_ASSESSMENT = "StageAssessment"


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
class _Kept:
    """What is kept of elements of a form: a template, and its gaps, with the judge of each piece there.

    An assessment, judged before, has no judge.
    """

    template: str
    pieces: Callable[[Sequence[str]], tuple[str, ...]]
    judges: tuple[Judge | None, ...]


class _Plan:
    """Form of elements. `between`: places of pieces that are blank; `kept`: by the assessments that stay."""

    def __init__(self, element: Element, pieces: Sequence[str]) -> None:
        self.nodes = outline(element, pieces)
        self.between = sorted({*range(0, len(pieces), 2)}.difference(texts_in(self.nodes)))
        self.kept: dict[tuple[bool, ...], _Kept | None] = {}
        self.assessments: list[tuple[int, int]] = []
        stages, until = dict[int, int](), 0
        for number, node in enumerate(self.nodes):
            name = markup.local_name(node.tag)
            if name == "Stage":
                stages.setdefault(node.around, node.first + 1 if node.first < node.last else 0)
            if name == _ASSESSMENT and node.size and number and node.first > until:
                self.assessments.append((number, node.around))
                until = node.last
        self.assessments = [(number, stages.get(around, 0)) for number, around in self.assessments]


class _Part(NamedTuple):
    """What is kept of one element: the best in it, its template, and the gaps there."""

    best: Stay
    template: str = ""
    gaps: tuple[tuple[int, Judge | None], ...] = ()


_OUT = _Part(Stay.OUT)


class _Pruner:
    """Write elements without the parts not to be kept, many together."""

    def __init__(self, sieve: Sieve, space: str) -> None:
        self._sieve = sieve
        self._space = space
        self.container, self.leave_out = sieve.container, sieve.leave_out
        self._plans: dict[str, _Plan] = {}
        self._room = _PIECES_REMEMBERED
        self._leaves: dict[tuple[str, str, Stay], tuple[str, Stay, Judge]] = {}
        self._assessments: dict[tuple[bool, str, str], str] = {}
        self._waiting: list[tuple[_Kept, tuple[str, ...]]] = []
        self._pieces = 0

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
            else escape(text, {"\r": "&#13;"})
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
        return self._pieces > _PIECES_AT_ONCE

    def written(self) -> list[str]:
        """Return the waiting elements, each a line, without the texts that are not of their kind."""
        waiting, self._waiting, self._pieces = self._waiting, [], 0
        return self._judged(waiting)

    def _judged(self, waiting: Sequence[tuple[_Kept, tuple[str, ...]]]) -> list[str]:
        values: dict[Judge, set[str]] = {}
        alike: dict[_Kept, list[tuple[str, ...]]] = {}
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

    def _kept(self, element: Element, enough: Stay) -> tuple[_Kept, tuple[str, ...]] | None:
        """Return what is kept of an element with children, with the pieces; None where nothing is."""
        pieces = pieces_of(element)
        self._pieces += len(pieces)
        form = "<".join(pieces[1::2])
        if enough is Stay.BESIDE:
            form = f"<{form}"
        plan = self._plans.get(form)
        if plan is None:
            plan = _Plan(element, pieces)
            if self._takes(pieces):
                self._plans[form] = plan
        if pieces.count("") < len(plan.between) and any(pieces[place].strip() for place in plan.between):
            self.leave_out()
        stay = tuple([self._assess(element, pieces, plan, each, enough) for each in plan.assessments])
        if stay in plan.kept:
            kept = plan.kept[stay]
        else:
            kept = self._made(plan, enough, stay)
            if self._takes(pieces):
                plan.kept[stay] = kept
        return None if kept is None else (kept, kept.pieces(pieces))

    def _assess(
        self, element: Element, pieces: list[str], plan: _Plan, which: tuple[int, int], enough: Stay
    ) -> bool:
        """Put what is kept of an assessment in the place of its first tag; return True where anything is.

        Equal ones are frequent. `which` is its number, and the place of the stage of its key stage.
        """
        number, around = which
        node, stage = plan.nodes[number], text_of(pieces[around])
        written = enough is Stay.IN, stage, "<".join(pieces[node.first : node.last + 1])
        known = self._assessments.get(written)
        if known is None:
            known = self._assessment(next(islice(element.iter(), number, None)), stage, enough)
            if self._takes(pieces[node.first : node.last]):
                self._assessments[written] = known
        pieces[node.first] = known
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

    def _takes(self, pieces: Sequence[str]) -> bool:
        """Return True where there is room to remember something of this length."""
        self._room -= len(pieces)
        return self._room > 0

    def _made(self, plan: _Plan, enough: Stay, stay: Sequence[bool]) -> _Kept | None:
        assessed = dict(zip((number for number, _ in plan.assessments), stay, strict=True))
        part = self._part(plan.nodes, 0, enough, assessed)
        if part.best < enough:
            return None
        # The first piece, which is empty, comes twice: there are always several.
        pieces = itemgetter(0, 0, *(place for place, _ in part.gaps))
        return _Kept(f"%s%s{part.template}\n", pieces, (None, None, *(judge for _, judge in part.gaps)))

    def _part(self, nodes: Sequence[Node], at: int, enough: Stay, assessed: Mapping[int, bool]) -> _Part:
        """Return what is kept of an element with children."""
        name = self._name(nodes[at].tag)
        if not self._sieve.is_container(name):
            return _OUT
        number, best, inside, gaps = at + 1, Stay.OUT, list[str](), list[tuple[int, Judge | None]]()
        for _ in range(nodes[at].size):
            child = nodes[number]
            if number in assessed:
                part = _Part(Stay.IN, "%s", ((child.first, None),)) if assessed[number] else _OUT
            elif child.size:
                part = self._part(nodes, number, enough, assessed)
                part = part._replace(best=Stay.IN) if part.best >= enough else _OUT
            else:
                part = self._leaf(name, child, enough)
            if part.best:
                best = max(best, part.best)
                inside.append(part.template)
                gaps += part.gaps
            number = child.behind
        return _Part(best, f"<{name}>{''.join(inside)}</{name}>", tuple(gaps))

    def _leaf(self, parent: str, node: Node, enough: Stay) -> _Part:
        known = self._leaves.get((parent, node.tag, enough))
        if known is None:
            name = self._name(node.tag)
            known = name, self._stay_of(parent, name, enough), self._sieve.judge(parent, name)
            if len(self._leaves) < _LEAVES_REMEMBERED:
                self._leaves[parent, node.tag, enough] = known
        name, stay, judge = known
        if not stay or node.first == node.last:
            return _Part(stay, f"<{name}/>")
        return _Part(stay, f"<{name}>%s</{name}>", ((node.first + 1, judge),))

    def _stay_of(self, parent: str, name: str, enough: Stay) -> Stay:
        is_around = enough is Stay.BESIDE
        return self._sieve.around(parent, name) if is_around else self._sieve.element(parent, name)

    def _name(self, tag: str) -> str:
        """Return the name of an element; of one in another namespace than the root, a name nobody knows."""
        return tag.removeprefix(self._space) if self._space and tag.startswith(self._space) else tag


def _without(piece: str, bad: AbstractSet[str] | None) -> str:
    return "" if bad and piece in bad else piece
