"""Collect the elements of XML records into the tally."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from gateway.classify.account import Part
from gateway.classify.content import malformed
from gateway.classify.markup import COMMENT, Element, leaves, local_name, namespace_length
from gateway.classify.schools import NOTHING, Said
from gateway.classify.tally import Tally
from gateway.classify.value_shapes import SAMPLE
from gateway.home.settings import ClassifyLimits

_ELEMENT_KINDS = 2_000
# Systems write a comment or two about the export; more comments are about pupils.
_COMMENTS = 3
_COMMENT_LENGTH = 120
_LOOK_EVERY = 500
_SAMPLE_EVERY = 50
# Fields occurring once in a pupil's record.
_ONCE = frozenset(["upn", "former-upn", "birth-date", "surname", "forename", "full-name"])
INSIDE = "more than one pupil in one of its records"


ReadSchool = Callable[[Element], Said]

_Met = tuple[str, int]
_Waiting = tuple[str, Element, int]
# Meaning of an element: how to count its text with the record's number, if at all, the key needed in the
# record, and how to keep the text for later searching and sampling.
_Keep = Callable[[str], None]
_Meaning = tuple[Callable[[_Met], None] | None, str | None, _Keep | None, _Keep | None]


class Gatherer:
    """Read records into a tally, remembering the meaning of each element."""

    def __init__(self, tally: Tally, limits: ClassifyLimits) -> None:
        self._tally = tally
        self._deepest = limits.xml_depth
        self._tag, self._name, self._strip = "", "", 0
        self._kinds = self._comments = 0
        self._names_schools = False
        self._headed, self._before = False, tally.records
        self._meanings: dict[str, dict[str, _Meaning]] = {}
        self._around: dict[str, dict[str, _Meaning]] = {}
        self._samplers: list[_Sampler] = []

    def aside(self, parent: str, name: str, text: str) -> None:
        """Count content outside the elements of records, or not in an element at all.

        An empty element of an unknown name counts as if its name were its text.
        """
        if not text:
            rules = self._tally.rules
            if name in rules.containers or rules.element_field(parent, name, around=True) is not None:
                return
            text = name
        self._tally.look_for_pupils(name, text)
        if parent == COMMENT:
            self._comments += 1
            self._tally.account.title(text)
            if self._comments <= _COMMENTS and len(text) <= _COMMENT_LENGTH:
                return
        meanings = self._meanings_under(parent, around=True)
        if name not in meanings:
            self._resolve(meanings, parent, name, self._tally.rules.element_field(parent, name, around=True))
        meaning = meanings.get(name)
        if meaning is None:
            return
        if meaning[0] is not None:
            meaning[0]((text, self._tally.records))
        for keep in filter(None, meaning[2:]):
            keep(text)

    def header(self, header: Element) -> bool:
        """Count a header's content for the account; return True for the file's own header.

        The file's own header stands directly under the root, before all records.
        """
        around = header.getparent()
        first = not self._headed and self._tally.records == self._before
        is_the_one = first and around is not None and around.getparent() is None
        self._headed = True
        if not is_the_one:
            self._tally.stands_beside("a header beside the one at its beginning")
        for parent, name, text in leaves(header):
            self.aside(parent, name, text)
        for element in header.iter():
            if len(element):
                self._own_text(local_name(element.tag), element.text)
        return is_the_one

    def _own_text(self, name: str, text: str | None) -> None:
        """Count text in an element before its first child."""
        if text is not None and not text.isspace():
            self.aside(name, "", text)

    def gather(
        self, record: Element, *, apart: str = "", left: bool | None = None, school: ReadSchool | None = None
    ) -> list[Element]:
        """Count one record of one pupil. Raises Unreadable where nested too deep.

        Elements named `apart` are returned unread, for the caller. `left` is as in `Tally.record`; `school`
        reads the record's school, where any element names one.
        """
        if record.tag != self._tag:
            self._tag, self._strip = record.tag, namespace_length(record.tag)
            self._name = self._tag[self._strip :]
        self._own_text(self._name, record.text)
        values: dict[str, str] = {}
        left_alone: list[Element] = []
        stack = [(self._name, record, 0)]
        while stack:
            name, element, depth = stack.pop()
            if name == apart:
                left_alone.append(element)
            elif depth > self._deepest:
                raise malformed("elements are nested too deep", format="XML")
            else:
                self._read(name, element, depth + 1, stack, values)
        if self._tally.records % _SAMPLE_EVERY == 0:
            self._sample()
        if self._tally.records % _LOOK_EVERY == 0:
            self._tally.account.look_at_kept()
        said = school(record) if school is not None and self._names_schools else NOTHING
        self._tally.record(values, left=left, said=said)
        return left_alone

    def settle(self) -> None:
        """Count and search everything kept until now: many values together are quicker.

        Required before reading results from the tally.
        """
        self._sample()
        self._tally.account.look_at_kept()
        self._tally.settle()

    def _sample(self) -> None:
        self._samplers = [sampler for sampler in self._samplers if not sampler.is_done()]

    def _read(
        self, parent: str, element: Element, depth: int, stack: list[_Waiting], values: dict[str, str]
    ) -> None:
        """Count the leaves directly under an element; push other children, at `depth`, onto the stack.

        Content of an element with an unknown name stays unknown, at any depth.
        """
        # Most of the time is spent here, so this is one loop with few calls.
        meanings = self._meanings.get(parent) or self._meanings_under(parent)
        strip, row = self._strip, self._tally.records + 1
        within = "" if parent in self._tally.rules.containers else f"{parent}/"
        for child in element:
            name, text = child.tag[strip:], child.text
            if len(child):
                stack.append((within + name, child, depth))
                self._own_text(name, text)
                if name == self._name:
                    self._tally.stands_beside(INSIDE)
                continue
            if text is None or (text < "!" and text.isspace()):  # no blank text is above "!"
                continue
            meaning = meanings.get(name)
            if meaning is None:
                key = self._tally.rules.element_field(parent, name)
                meaning = self._resolve(meanings, parent, name, key)
                self._names_schools |= name in self._tally.rules.data_types.schools.elements
            count, key, keep, sample = meaning
            if count is not None:
                count((text, row))
            if keep is not None:
                keep(text)
            if sample is not None:
                sample(text)
            if key is not None and values.setdefault(key, text) is not text and key in _ONCE:
                self._another(key, text, values[key])

    def _another(self, key: str, text: str, before: str) -> None:
        """Count a second number, name or date of birth in a record: an earlier number, or another pupil."""
        if text.casefold().split() == before.casefold().split():
            return
        if key in {"upn", "former-upn"}:
            self._tally.another(text)
        if key != "former-upn":
            self._tally.stands_beside(INSIDE)

    def saw(self, parent: str, names: Iterable[str]) -> bool:
        """Return True where an element of these names, with text, has occurred directly under `parent`."""
        return not self._meanings.get(parent, {}).keys().isdisjoint(names)

    def parents(self) -> set[str]:
        """Return the names of all elements with filled children."""
        return {parent for parent, meanings in self._meanings.items() if meanings}

    def _meanings_under(self, parent: str, *, around: bool = False) -> dict[str, _Meaning]:
        # A file with ever new element names must not fill the memory.
        known = self._around if around else self._meanings
        return {} if self._kinds >= _ELEMENT_KINDS else known.setdefault(parent, {})

    def _resolve(self, meanings: dict[str, _Meaning], parent: str, name: str, key: str | None) -> _Meaning:
        part = self._tally.account.part(f"{parent}/{name}" if name else parent, key, element=True)
        if key is None:
            sampler = _Sampler(part, most=None)
            known: _Meaning = (None, None, part.told.keep, None)
        else:
            field = self._tally.field(key)
            # Values of their kind need no other search; the others are searched through the field.
            sampler = _Sampler(part, most=SAMPLE)
            known = (field.wait, key if key in self._tally.naming else None, None, None)
            sampler.when_done = lambda: meanings.__setitem__(name, known)
            self._tally.account.follow(part, field.doubted)
        if self._kinds >= _ELEMENT_KINDS:
            return (*known[:3], sampler.look)
        self._kinds += 1
        self._samplers.append(sampler)
        meaning: _Meaning = (*known[:3], sampler.keep)
        meanings[name] = meaning
        return meaning


class _Sampler:
    """Sample the first values of an element for the file's account, many together.

    `most`: number of values to sample; None for all.
    """

    __slots__ = ("_most", "_part", "_waiting", "when_done")

    def __init__(self, part: Part, *, most: int | None) -> None:
        self._most = most
        self._part = part
        self._waiting: list[str] = []
        self.when_done: Callable[[], None] = lambda: None

    @property
    def keep(self) -> _Keep:
        """Keep a non-blank value for sampling."""
        return self._waiting.append

    def look(self, text: str) -> None:
        """Sample a value at once, for an element not remembered."""
        self._waiting.append(text)
        self.is_done()

    def is_done(self) -> bool:
        """Sample the kept values; return True where sampling is complete."""
        shape = self._part.shape
        shape.add_all(self._waiting if self._most is None else self._waiting[: self._most - shape.filled])
        self._waiting.clear()
        if self._most is None or shape.filled < self._most:
            return False
        self.when_done()
        return True
