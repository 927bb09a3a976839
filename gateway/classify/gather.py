"""Count the elements of XML records into the tally.

Records with the same tags in the same order are of one form. The reading of a form is planned once, and the
texts of many records of one form are counted together, much quicker than element by element.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter

from gateway.classify.content import malformed
from gateway.classify.inventory import Part
from gateway.classify.markup import (
    COMMENT,
    Element,
    children,
    cut,
    leaves,
    local_name,
    text_count,
    text_of,
    written,
)
from gateway.classify.schools import NOTHING, RecordSchool
from gateway.classify.tally import SETTLE_EVERY, Tally
from gateway.home.settings import ClassifyLimits

_ELEMENT_KINDS = 2_000
# Systems write a comment or two about the export; more comments are about pupils.
_COMMENTS = 3
_COMMENT_LENGTH = 120
_TAGS_REMEMBERED = 100_000
_AT_ONCE = 1_000_000  # characters
_OF_A_LEAF = 2  # tags
# Fields occurring once in a pupil's record.
_ONCE = frozenset(["upn", "former-upn", "birth-date", "surname", "forename", "full-name"])
INSIDE = "more than one pupil in one of its records"


ReadSchool = Callable[[Element], RecordSchool]


Left = tuple[str, str, int]
"""Element of a record, to be counted by the caller: markup, text of an element beside, and position of the
first tag in the record (`markup.element_at`)."""


_Leaves = tuple[tuple[str, str, int], ...]
"""Parent, name and position of each element with a text, in the order of reading."""
_Left = tuple[tuple[int, int, int | None], ...]
"""For each element left to the caller, first and last position, and position of the text beside."""
_Reading = tuple[_Leaves, _Left, int, bool]
"""Plan for reading elements of one form; positions are indexes of the pieces of markup (`markup.cut`).
Third comes the depth of nesting, and last, True if a record stands within a record."""


class _FormOfRecords:
    """The plan for reading XML records with the same tags, and the texts of such records not yet counted.
    `texts`: a function that picks the texts to count from a record's pieces, with two empty texts in front,
    so that it always returns a tuple. `parts`: for each picked text, the `Part` that counts the text; None
    until a record fills the text. `unresolved`: positions of texts that no record has filled yet. `naming`:
    key and position of the fields that name the pupil or are required. `blank`: how many pieces of a record
    are usually empty.
    """

    def __init__(self, reading: _Reading, tags: Sequence[str]) -> None:
        self.leaves, left, self.depth, self.is_inside = reading
        self.parts: list[Part | None] = [None] * (len(self.leaves) + 2)
        self.unresolved = list(range(2, len(self.parts)))
        self.naming: list[tuple[str, int]] = []
        self.blank = len(tags) + 1 - text_count(tags)
        # The first piece is empty, as what stands beside an element alone.
        self.left = [(1 + first, 2 + last, 0 if by is None else 1 + by) for first, last, by in left]
        self.texts: Callable[[Sequence[str]], tuple[str, ...]] = itemgetter(
            0, 0, *(1 + place for _, _, place in self.leaves)
        )
        self.rows: list[int] = []
        self.waiting: list[tuple[str, ...]] = []


class Gatherer:
    """Counts XML records into a tally. Records with the same tags in the same order are read by one plan.
    `met`: the `Part` of each element filled so far, by name of the parent element, then by the element's
    name.
    """

    def __init__(self, tally: Tally, limits: ClassifyLimits) -> None:
        self._tally = tally
        self._deepest = limits.xml_depth
        self._kinds = self._comments = 0
        self._names_schools = False
        self._headed, self._before = False, tally.records
        self.met: dict[str, dict[str, Part]] = {}
        self._around: dict[str, dict[str, Part]] = {}
        self._plans: dict[str, _FormOfRecords] = {}
        self._parts: dict[tuple[str, str], _Reading] = {}
        self._reading = "", "", "", ""
        self._room = _TAGS_REMEMBERED
        self._length = 0
        self._waiting: list[_FormOfRecords] = []

    def aside(self, parent: str, name: str, text: str) -> None:
        """Count the text of an element, attribute or comment outside the records.
        If an element is empty and its name unknown, the name is counted as its text.
        """
        if not text:
            rules = self._tally.rules
            if name in rules.containers or rules.element_field(parent, name, around=True) is not None:
                return
            text = name
        self._tally.look_for_pupils(name, text)
        if parent == COMMENT:
            self._comments += 1
            self._tally.inventory.add_title(text)
            if self._comments <= _COMMENTS and len(text) <= _COMMENT_LENGTH:
                return
        known = self._around.setdefault(parent, {}) if self._kinds < _ELEMENT_KINDS else {}
        if name not in known:
            self._resolve(known, parent, name, self._tally.rules.element_field(parent, name, around=True))
        if name in known:
            self._tally.take(known[name], [text], [self._tally.records])

    def header(self, header: Element) -> bool:
        """Count the texts of a header. Return True for the first header, under the root and before all
        records. For any other header return False, and note that the file has a header in a wrong place.
        """
        around = header.getparent()
        first = not self._headed and self._tally.records == self._before
        is_the_one = first and around is not None and around.getparent() is None
        self._headed = True
        if not is_the_one:
            self._tally.note_outside("a header beside the one at its beginning")
        for parent, name, text in leaves(header):
            self.aside(parent, name, text)
        self._own_texts(header)
        return is_the_one

    def _own_texts(self, record: Element) -> None:
        """Count the texts between elements, anywhere in a record or header."""
        for element in record.iter():
            texts = [(element, element.text)] if len(element) else []
            if element is not record:
                texts.append((element.getparent(), element.tail))
            for around, text in texts:
                if text is not None and not text.isspace():
                    self.aside(local_name(around.tag), "", text)

    def gather(
        self,
        record: Element,
        *,
        apart: str = "",
        beside: str = "",
        left: bool | None = None,
        school: ReadSchool | None = None,
    ) -> list[Left]:
        """Count the record of one pupil. Return the elements called `apart`, uncounted, for the caller to
        read. `beside`: the name of an element next to those; its text is returned with each of them (see
        `Left`). `left`: True if the pupil has left; None to decide by the leaving date. `school`: a function
        that reads the school of the record, called only after an element of the file has named a school.
        Raises Unreadable if elements are nested too deep.
        """
        text = written(record)
        self._length += len(text)
        pieces = cut(text)
        tags = pieces[1::2]
        form = "<".join(tags)
        plan = self._plans.get(form)
        if plan is None:
            prefix = f"{record.prefix}:" if record.prefix else ""
            around = local_name(record.tag), prefix, apart, beside
            if around != self._reading:
                self._reading, self._parts = around, {}
            plan = _FormOfRecords(self._part(around[0], tags), tags)
            if self._takes(tags):
                self._plans[form] = plan
        if plan.depth > self._deepest:
            raise malformed("elements are nested too deep", format="XML")
        if plan.is_inside:
            self._tally.note_outside(INSIDE)
        if pieces.count("") < plan.blank:
            self._own_texts(record)
        texts = plan.texts(pieces)
        values = self._take(plan, tuple(map(text_of, texts)) if "&" in text else texts)
        said = school(record) if school is not None and self._names_schools else NOTHING
        if (self._tally.records + 1) % SETTLE_EVERY == 0 or self._length > _AT_ONCE:
            self._count()
        self._tally.record(values, left=left, said=said)
        return [("<".join(pieces[first:after]), pieces[by], first) for first, after, by in plan.left]

    def _take(self, plan: _FormOfRecords, texts: tuple[str, ...]) -> dict[str, str]:
        """Keep a record's texts until `_count` counts them.
        Return the texts that name the pupil or are required, by field key.
        """
        if any(map(str.isspace, texts)):
            texts = tuple("" if text.isspace() else text for text in texts)
        if plan.unresolved:
            # Find the meaning of the elements filled for the first time.
            for place in plan.unresolved:
                if texts[place]:
                    parent, name, _ = plan.leaves[place - 2]
                    known = self.met.setdefault(parent, {}) if self._kinds < _ELEMENT_KINDS else {}
                    if name not in known:
                        key = self._tally.rules.element_field(parent, name)
                        plan.parts[place] = self._resolve(known, parent, name, key)
                        self._names_schools |= name in self._tally.rules.data_types.schools.elements
                    else:
                        plan.parts[place] = known[name]
            plan.unresolved = [place for place in plan.unresolved if plan.parts[place] is None]
            met = ((place, part.key) for place, part in enumerate(plan.parts) if part is not None)
            plan.naming = [(key, place) for place, key in met if key in self._tally.naming and key]
        if not plan.rows:
            self._waiting.append(plan)
        plan.rows.append(self._tally.records + 1)
        plan.waiting.append(texts)
        values: dict[str, str] = {}
        for key, place in plan.naming:
            text = texts[place]
            if text and values.setdefault(key, text) is not text and key in _ONCE:
                self._another(key, text, values[key])
        return values

    def _count(self) -> None:
        """Count the texts kept by `_take`, all of an element together, because one by one is slower."""
        found: dict[int, tuple[Part, list[str], list[int]]] = {}
        for plan in self._waiting:
            for part, texts in zip(plan.parts, zip(*plan.waiting, strict=True), strict=True):
                if part is not None:
                    _, values, rows = found.setdefault(id(part), (part, [], []))
                    values += texts
                    rows += plan.rows
            plan.rows.clear()
            plan.waiting.clear()
        for part, values, rows in found.values():
            self._tally.take(part, values, rows)
        self._waiting.clear()
        if self._length > _AT_ONCE:
            self._tally.settle()
        self._length = 0

    def settle(self) -> None:
        """Count and search all collected texts. Call this before reading results from the tally."""
        self._count()
        self._tally.settle()

    def _takes(self, tags: Sequence[str]) -> bool:
        """Reserve memory for a plan with these tags; return True if the plan may be stored."""
        self._room -= len(tags)
        return self._room > 0 and self._kinds < _ELEMENT_KINDS

    def _part(self, path: str, tags: Sequence[str]) -> _Reading:
        """Return the plan for reading an element: its own texts first, then the elements inside.
        `path`: the element's path, as `Rules.inside` gives it. `tags`: the tags within the element.
        """
        form = path, "<".join(tags)
        known = self._parts.get(form)
        if known is not None:
            return known
        record, prefix, apart, beside = self._reading
        inside = list(children(tags, prefix))
        leaves = [(path, name, 2 * first + 1) for first, after, name in inside if after - first == _OF_A_LEAF]
        texts = (first for first, after, name in inside if name == beside and after > first + 1)
        said = next((2 * first + 1 for first in texts), None)
        left, depth, is_inside = list[tuple[int, int, int | None]](), 0, False
        for first, after, name in reversed(inside):
            within = self._tally.rules.inside(path, name) if after - first > _OF_A_LEAF else ""
            if within and within == apart:
                left.append((2 * first, 2 * after - 2, said))
            elif within:
                inner, own, deep, has_record = self._part(within, tags[first:after])
                at = 2 * first
                leaves += [(parent, leaf, at + place) for parent, leaf, place in inner]
                left += [(at + one, at + end, by and at + by) for one, end, by in own]
                depth, is_inside = max(depth, deep + 1), is_inside or has_record
            is_inside = is_inside or (within != "" and name == record)
        made = tuple(leaves), tuple(left), depth, is_inside
        if self._takes(tags):
            self._parts[form] = made
        return made

    def _another(self, key: str, text: str, before: str) -> None:
        """Note a second pupil in a record if the texts `before` and `text` of a field (`key`) differ."""
        if text.casefold().split() == before.casefold().split():
            return
        if key in {"upn", "former-upn"}:
            self._tally.report_upn(text)
        if key != "former-upn":
            self._tally.note_outside(INSIDE)

    def _resolve(self, known: dict[str, Part], parent: str, name: str, key: str | None) -> Part:
        part = self._tally.inventory.add_part(f"{parent}/{name}" if name else parent, key, element=True)
        # A file with ever new element names must not fill the memory.
        if self._kinds < _ELEMENT_KINDS:
            self._kinds += 1
            known[name] = part
        return part
