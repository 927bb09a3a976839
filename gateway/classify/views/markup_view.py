"""Write XML without the elements a team may not have: Common Transfer Files, DfE messages, registers.

The document is read record by record (`classify.markup`) and written anew, in the same order. Always left out
are attributes, comments, text between elements, namespaces, elements of unknown names, and elements with
nothing left inside.
"""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from itertools import accumulate, pairwise
from typing import Any

from gateway.classify import markup
from gateway.classify.content import Source, unknown
from gateway.classify.markup import children, cut, text_count, text_of, written
from gateway.classify.pupil_xml import is_result, record_names, type_of_assessment
from gateway.classify.value_kinds import Judge
from gateway.classify.views.sieve import ViewFilter, Visibility
from gateway.classify.views.walk import HEADER, Write
from gateway.model import WITHHELD

Element = Any  # lxml carries no types.
_TAGS_REMEMBERED = 100_000
_AT_ONCE = 100_000  # characters
_ASSESSMENT, _STAGE, _RESULT = "StageAssessment", "Stage", "Result"
_OF_A_LEAF = 2  # tags


def write_markup(source: Source, sieve: ViewFilter, write: Write) -> None:
    """Write the view of an XML document.

    Raises Unreadable if the document is faulty, or the view is for one school: XML is not divided by school.
    """
    if sieve.of_school is not None:
        raise unknown("XML is not divided by schools", format="XML")
    root = markup.root_of(source)
    records = record_names(root, sieve.rules)
    space = "{" + root[: root.rfind("}") + 1] if "}" in root else ""
    write(b"<?xml version='1.0' encoding='utf-8'?>\n")
    sieve.columns_met = None  # The classifier also numbers kinds of elements.
    document = _Document(write, sieve, space, frozenset(records))
    for record in markup.pupil_records(source, records, document.aside):
        document.take(record)
    document.end()


_Gaps = Sequence[tuple[int, Judge | None]]
"""Gaps for values in a template: position among the pieces of markup, and judge of the value.
The judge is None for an assessment, judged before, and for an outermost element's first gap, always empty.
"""
_Part = tuple[Visibility, str, _Gaps]
"""The kept part of an inner element: visibility, template, and gaps counted from the element's first tag."""
_NOTHING: _Part = Visibility.OUT, "", ()
_ASSESSED: _Part = Visibility.IN, "%s", ((1, None),)
_Template = tuple[str, _Gaps]
"""The text a view keeps of all elements of one form, with gaps for the values."""
_Kept = tuple[_Template, list[list[str]], list[int]]
"""The kept part of several elements: their template, the values for each gap, and the elements' numbers."""


class _Plan:
    """The plan for writing XML elements with the same tags. `kept`: templates for the output, by a tuple with
    True for each assessment that stays. `blank`: the usual number of empty pieces of an element.
    `assessments`: for each assessment, the number of its first tag, the number of the tag after its last, and
    the position of the piece with the key stage. `enough`: an element stays if anything inside has this
    visibility or a higher one.
    """

    def __init__(self, form: str, enough: Visibility) -> None:
        self.tags, self.enough = form.split("<"), enough
        prefix, colon, self.name = self.tags[0].partition(" ")[0].rpartition(":")
        self.prefix = prefix + colon
        self.blank = len(self.tags) - text_count(self.tags)
        self.assessments = list(_assessments(self.tags, self.prefix)) if _ASSESSMENT in form else []
        self.kept: dict[tuple[bool, ...], _Template | None] = {}


def _assessments(tags: Sequence[str], prefix: str, at: int = 0) -> Iterator[tuple[int, int, int]]:
    inside = list(children(tags, prefix))
    stages = [at + first for first, after, name in inside if name == _STAGE and after > first + 1]
    stage = 2 * stages[0] + 2 if stages else 0
    for first, after, name in inside:
        if after > first + _OF_A_LEAF:
            if name == _ASSESSMENT:
                yield at + first, at + after, stage
            else:
                yield from _assessments(tags[first:after], prefix, at + first)


class _Document:
    """The view of an XML document being written, many elements at once, without what a team may not have."""

    def __init__(self, write: Write, sieve: ViewFilter, space: str, records: frozenset[str]) -> None:
        self._give = write
        self._sieve, self._leave_out = sieve, sieve.leave_out
        self._space, self._records, self._header = space, records, f"{space}{HEADER}"
        self._open: list[tuple[Element, str]] = []  # outermost first
        self._loose = False
        self._last: Element | None = None
        self._plans: dict[tuple[str, Visibility], _Plan] = {}
        self._room = _TAGS_REMEMBERED
        self._parts: dict[tuple[Visibility, str], dict[tuple[str, str], _Part]] = {}
        self._assessments: dict[tuple[Visibility, str, str], str] = {}
        self._waiting: list[tuple[str, Visibility | None]] = []
        self._length = 0  # characters that wait

    def aside(self, parent: str, name: str, text: str) -> None:  # noqa: ARG002
        """Note that the document has a text outside the records. A text in no element (`name` is "") is left
        out.
        """
        self._loose = True
        if not name:
            self._leave_out()

    def take(self, record: Element) -> None:
        """Write the markup before a record, then the kept part of the record."""
        # Nothing is unwritten between a record and the next one.
        if self._last is None or record.getprevious() is not self._last:
            around = [record, *record.iterancestors()][::-1]
            for outer, inner in pairwise(around):
                if not self._is_open(outer):
                    self._start(outer)
                self._catch_up(outer, inner)
        is_first, self._last = self._last is None, record
        if record.tag == self._header:
            if is_first:
                self._write(record, loose=self._loose, enough=Visibility.BESIDE)
        elif self._sieve.next_stays():
            self._write(record, loose=self._loose, enough=Visibility.IN)
        self._loose = False

    def end(self) -> None:
        """Write the content after the last record and close the open elements."""
        if self._open:
            self._finish(self._open[0][0])
        self._give(self._written().encode())

    def _catch_up(self, parent: Element, until: Element | None) -> None:
        """Write the children of `parent` that come before `until`, or all if None, and remove each from the
        tree.
        """
        # Asking for the number of children takes as long as there are many.
        while (child := next(iter(parent), None)) is not None and child is not until:
            if self._is_open(child):
                self._finish(child)
            elif isinstance(child.tag, str) and markup.local_name(child.tag) not in self._records:
                self._write(child, loose=True, enough=Visibility.BESIDE)
            if child.tail and not child.tail.isspace():
                self._leave_out()
            parent.remove(child)

    def _write(self, element: Element, *, loose: bool, enough: Visibility) -> None:
        """Collect the kept part of an element for writing; many elements are judged and written together.
        `loose`: True if the element may have attributes or text between elements.
        `enough`: the element stays if anything inside has this visibility or a higher one.
        """
        if loose:
            self._tidy(element)
        if not len(element):
            self._put(self._leaf(element, enough))
        elif enough is Visibility.BESIDE and "}" in self._name(element):
            self._leave_out()
        else:
            self._put(written(element), enough)
        if self._length >= _AT_ONCE:
            self._give(self._written().encode())

    def _start(self, element: Element) -> None:
        attributes = element.attrib
        if not all(map(markup.is_of_markup, attributes.keys(), attributes.values())) or (
            element.text and not element.text.isspace()
        ):
            self._leave_out()
        # An unknown name around records becomes "Data"; attributes and namespaces are not written.
        met = markup.local_name(element.tag)
        name = self._sieve.rules.container(met)
        self._sieve.changed |= bool(name != met or attributes or element.nsmap)
        self._put(f"<{name}>\n")
        self._open.append((element, name))

    def _finish(self, element: Element) -> None:
        self._catch_up(element, None)
        end = f"</{self._open.pop()[1]}>"
        self._put(f"{end}\n" if self._open else end)

    def _is_open(self, element: Element) -> bool:
        return any(each is element for each, _ in self._open)

    def _tidy(self, element: Element) -> None:
        """Remove all attributes and texts between elements in an element; note their content as left out."""
        for inner in element.iter():
            if inner is not element and inner.tail and not inner.tail.isspace():
                inner.tail = None
                self._leave_out()
            if inner.attrib:
                self._sieve.changed = True
                if not all(map(markup.is_of_markup, inner.attrib.keys(), inner.attrib.values())):
                    self._leave_out()
                inner.attrib.clear()

    def _leaf(self, element: Element, enough: Visibility) -> str:
        """Return the kept part of an element without children, with a line feed; "" if nothing is kept."""
        name, text = self._name(element), element.text or ""
        self._sieve.changed = self._sieve.changed or bool(element.nsmap or element.attrib)
        if not text.strip() and self._sieve.is_container(name):
            return ""
        around = element.getparent()
        parent = "" if around is None else markup.local_name(around.tag)
        if self._stay_of(parent, name, enough) < enough or not text.strip():
            return ""
        if self._sieve.others(self._sieve.judge(parent, name), {text}):
            text = ""
        kept = escape(text, quote=False).replace("\r", "&#13;")
        return f"<{name}>{kept}</{name}>\n"

    def _put(self, text: str, enough: Visibility | None = None) -> None:
        """Collect a kept text, or an element with children, to be written by `_written`.
        `enough`: the element stays if anything inside has this visibility or a higher one; None for a text.
        """
        self._waiting.append((text, enough))
        self._length += len(text)

    def _written(self) -> str:
        """Return the collected markup without the parts the view leaves out."""
        waiting, self._waiting, self._length = self._waiting, [], 0
        return "".join(self._lines(waiting))

    def _lines(self, waiting: Sequence[tuple[str, Visibility | None]]) -> list[str]:
        """Return each text unchanged, and the kept part of each element on one line ("" if none is kept)."""
        lines = [text if enough is None else "" for text, enough in waiting]
        kept: list[_Kept] = []
        for each in (Visibility.BESIDE, Visibility.IN):
            numbers = [number for number, (_, enough) in enumerate(waiting) if enough is each]
            if numbers:
                kept += self._kept(waiting, numbers, each)
        values: dict[Judge, set[str]] = {}
        for template, columns, _ in kept:
            for (_, judge), column in zip(template[1], columns, strict=True):
                if judge is not None:
                    values.setdefault(judge, set()).update(column)
        bad = {judge: others for judge, met in values.items() if (others := self._others(judge, met))}
        for template, columns, numbers in kept:
            good = (
                ["" if text in bad[judge] else text for text in column] if judge in bad else column
                for (_, judge), column in zip(template[1], columns, strict=True)
            )
            for number, row in zip(numbers, zip(*good, strict=True), strict=True):
                lines[number] = template[0] % row
        return lines

    def _others(self, judge: Judge, pieces: set[str]) -> set[str]:
        """Return filled pieces not of their field's kind; if any, note `WITHHELD` as left out."""
        texts = {text_of(piece): piece for piece in pieces} if "&" in "".join(pieces) else {}
        bad = {texts.get(text, text) for text in judge.others(texts or pieces) if not text.isspace()}
        if bad:
            self._leave_out(WITHHELD)
        return bad

    def _kept(
        self, waiting: Sequence[tuple[str, Visibility | None]], numbers: Sequence[int], enough: Visibility
    ) -> Iterator[_Kept]:
        """Yield what stays of the elements in `waiting` with these `numbers`: one result for each form of
        element. A form is all elements with the same tags. Nothing is yielded for a form of which nothing
        stays.
        """
        texts = [waiting[number][0] for number in numbers]
        pieces = cut("".join(texts))
        tags, blank, own = pieces[1::2], pieces.count(""), len(pieces) // 2 // len(texts)
        starts: Sequence[int] = range(0, len(pieces), 2 * own)
        forms: dict[str, Any] = {"<".join(tags[:own]): range(len(texts))}
        if tags != tags[:own] * len(texts):
            starts, forms = [0, *accumulate(2 * text.count("<") for text in texts)], {}
            for place, (start, end) in enumerate(pairwise(starts)):
                forms.setdefault("<".join(tags[start // 2 : end // 2]), []).append(place)
        for form, places in forms.items():
            plan = self._plans.get((form, enough))
            if plan is None:
                plan = _Plan(form, enough)
                # Attributes and declared namespaces are left out.
                self._sieve.changed = self._sieve.changed or " " in form
                if self._takes(plan.tags):
                    self._plans[form, enough] = plan
            blank -= plan.blank * len(places)
            alike: dict[tuple[bool, ...], Any] = {} if plan.assessments else {(): places}
            for place in places if plan.assessments else ():
                stay = tuple([self._assess(plan, pieces, starts[place], one) for one in plan.assessments])
                alike.setdefault(stay, []).append(place)
            for stay, same in alike.items():
                if (template := self._template(plan, stay)) is not None:
                    columns = [
                        pieces[gap : -1 : 2 * own]
                        if same == range(len(texts))
                        else [pieces[starts[place] + gap] for place in same]
                        for gap, _ in template[1]
                    ]
                    yield template, columns, [numbers[place] for place in same]
        if blank < 1 and any(
            text and not text.isspace() and (before[0] == "/" or before[-1] == "/" or after[0] != "/")
            for before, text, after in zip(tags, pieces[2::2], tags[1:], strict=False)
        ):
            self._leave_out()  # Text between elements.

    def _template(self, plan: _Plan, stay: tuple[bool, ...]) -> _Template | None:
        """Return the template for writing what stays of elements with the same tags; None if nothing stays.
        `stay`: for each assessment in the element, True if the assessment stays.
        """
        if stay in plan.kept:
            return plan.kept[stay]
        assessed = {first: stays for (first, *_), stays in zip(plan.assessments, stay, strict=True)}
        stays, text, gaps = self._part(plan, plan.name, plan.tags, 0, assessed)
        template = (f"%s{text}\n", ((0, None), *gaps)) if stays else None
        if self._takes(plan.tags):
            plan.kept[stay] = template
        return template

    def _assess(self, plan: _Plan, pieces: list[str], at: int, where: tuple[int, int, int]) -> bool:
        """Replace an assessment's first tag in `pieces` by what stays of it; return True if anything stays.
        `at`: the position in `pieces` of the element that contains the assessment. `where`: the positions of
        the assessment in that element, as in `_Plan.assessments`.
        """
        first, after, stage = where
        start, inside = at + 2 * first + 1, pieces[at + 2 * first + 1 : at + 2 * after]
        form = plan.enough, text_of(pieces[at + stage]), "<".join(inside)
        known = self._assessments.get(form)
        if known is None:
            known = self._assessment(plan, form[1], inside)
            if self._takes(inside):
                self._assessments[form] = known
        pieces[start] = known
        return known != ""

    def _assessment(self, plan: _Plan, stage: str, inside: list[str]) -> str:
        """Return what stays of an assessment, without unknown results; "" if the rules give it no data type.
        `stage`: the key stage that the elements around state. `inside`: the pieces of the assessment.
        """
        said: dict[str, str] = {}
        results = []
        for first, after, name in children(inside[::2], plan.prefix):
            text = text_of(inside[2 * first + 1]) if after == first + _OF_A_LEAF else ""
            said.setdefault(name, text)
            if name == _RESULT:
                results.append((2 * first, 2 * after - 1, text))
        subject, qualifier = said.get("Subject", ""), said.get("ResultQualifier", "")
        stage, rules = (said.get(_STAGE) or stage).strip().upper(), self._sieve.rules
        if not type_of_assessment(rules.data_types.ctf, stage, subject.strip().upper()):
            self._leave_out()
            return ""
        for start, end, text in reversed(results):
            if not is_result(rules, qualifier, text):
                self._leave_out(WITHHELD)
                inside[start:end] = [f"{inside[start].removesuffix('/')}/"]
        (line,) = self._lines([(f"<{'<'.join(inside)}<", plan.enough)])
        return line.rstrip("\n")

    def _takes(self, tags: Sequence[str]) -> bool:
        """Reserve memory for a plan with these tags; return True if the plan may be stored."""
        self._room -= len(tags)
        return self._room > 0

    def _part(
        self, plan: _Plan, path: str, tags: Sequence[str], at: int, assessed: Mapping[int, bool]
    ) -> _Part:
        """Return what stays of an element with children. `tags`: the tags in it, the first at position `at`
        of the plan. `path`: the element's path, as `Rules.inside` gives it. `assessed`: by position of an
        assessment's first tag, True if the assessment stays.
        """
        if not self._sieve.is_container(path):
            return _NOTHING
        parts = self._parts.setdefault((plan.enough, plan.prefix), {})
        best, texts, gaps = Visibility.OUT, list[str](), list[tuple[int, Judge | None]]()
        for first, after, inner in children(tags, plan.prefix):
            if at + first in assessed:
                stays, text, inside = _ASSESSED if assessed[at + first] else _NOTHING
            else:
                form = path, "<".join(tags[first:after])
                known = parts.get(form)
                if known is None:
                    is_leaf = after - first <= _OF_A_LEAF
                    if is_leaf:
                        stays, is_filled = self._stay_of(path, inner, plan.enough), after > first + 1
                        text = f"<{inner}>%s</{inner}>" if is_filled else f"<{inner}/>"
                        gap = [(2, self._sieve.judge(path, inner))] if stays and is_filled else ()
                        known = stays, text, gap
                    else:
                        within = self._sieve.rules.inside(path, inner)
                        known = self._part(plan, within, tags[first:after], at + first, assessed)
                    if (is_leaf or not assessed) and self._takes(tags[first:after]):
                        parts[form] = known
                stays, text, inside = known
            if stays:
                best = max(best, stays)
                texts.append(text)
                gaps += [(2 * first + place, judge) for place, judge in inside]
        if best < plan.enough:
            return _NOTHING
        name = path.rpartition("/")[2]
        return Visibility.IN, f"<{name}>{''.join(texts)}</{name}>", gaps

    def _stay_of(self, parent: str, name: str, enough: Visibility) -> Visibility:
        is_around = enough is Visibility.BESIDE
        return self._sieve.around(parent, name) if is_around else self._sieve.element(parent, name)

    def _name(self, element: Element) -> str:
        """Return an element's name. An element in another namespace than the root gets a name that no rule
        knows.
        """
        return str(element.tag).removeprefix(self._space)
