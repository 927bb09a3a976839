"""The account of a file: every column and kind of element in it, understood or not.

What the file's type carries is left out in the end. What remains is `Unlisted`: it was not understood,
or it does not belong into a file of this type, or it does not look as it should.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from gateway.classify.rules import ItemRule, Rules, WorkingRule
from gateway.classify.value_shapes import Shape
from gateway.model import Unlisted, ValueKind

_MOST = 100
_PARTS = 4_000
_HEADER_LENGTH = 80
_TEXTS: frozenset[ValueKind] = frozenset({"free text"})
_NUMBERS_OF_PEOPLE = frozenset({"nhs-number", "national-insurance", "uln", "upn", "former-upn", "phone"})
_GRADES = ("exam-grade", "teacher-assessment")


@dataclass(slots=True)
class Part:
    """One column, or one kind of element. `key` is the field that it carries, None where it carries none."""

    header: str
    key: str | None
    element: bool = False
    shape: Shape = field(default_factory=Shape)
    assessment: str = ""


class Account:
    """All parts of one file, in the order in which they were met."""

    def __init__(self, rules: Rules) -> None:
        self.parts: list[Part] = []
        self._texts: list[str] = []
        self.left_over = 0
        self._rules = rules
        self._grades = frozenset().union(*(rules.code_sets[name] for name in _GRADES))

    def part(self, header: str, key: str | None, *, element: bool = False) -> Part:
        """One more part; beyond a bound only that there are more is remembered."""
        made = Part(header[:_HEADER_LENGTH], key, element)
        if len(self.parts) < _PARTS:
            self.parts.append(made)
        else:
            self.left_over += 1
        return made

    def unlisted(self, data_type: str) -> tuple[Unlisted, ...]:
        """What a file of this type does not carry, what is sensitive first; a hundred and one at most."""
        found = [*self._titles(), *self._parts(data_type)]
        found.sort(key=lambda one: (not one.topic, one.position))
        beyond = max(0, len(found) - _MOST) + self.left_over
        if not beyond:
            return tuple(found)
        more = Unlisted(position=len(self.parts) + 1, header="", filled=beyond, kind="mixed", further=True)
        return (*found[:_MOST], more)

    def grades(self) -> frozenset[str]:
        """Every grade of an examination or assessment that is known."""
        return self._grades

    def grades_are(self, assessment: str, columns: Iterable[Part]) -> None:
        """Say what the grades in these columns are, where they are no results."""
        for part in columns:
            part.assessment = assessment

    def is_other_assessment(self, part: Part) -> bool:
        """Whether a header speaks of grades that are no results."""
        return bool(self._rules.data_types.subjects.assessment(part.header))

    def title(self, text: str) -> None:
        """A text that stands above or between the parts, for what it may be about; not more than so many."""
        if len(self._texts) < _MOST:
            self._texts.append(text)

    def _titles(self) -> Iterator[Unlisted]:
        for title in self._texts:
            topic = self._rules.sensitive.of_name(title) or self._rules.sensitive.of_text(title)
            if topic:
                yield Unlisted(position=0, header="", filled=1, kind="words", topic=topic)

    def _parts(self, data_type: str) -> Iterator[Unlisted]:
        carried = self._rules.carried(data_type)
        for position, part in enumerate(self.parts, 1):
            if not part.shape.filled:
                continue
            kind = part.shape.kind(self._grades)
            topic = self._topic(part, kind)
            if topic or part.assessment or not self._listed(part, kind, carried):
                yield Unlisted(
                    position=position,
                    header=part.header.strip(),
                    filled=part.shape.filled,
                    kind=kind,
                    place="element" if part.element else "column",
                    topic=topic,
                    assessment=part.assessment or self._assessment(part, kind),
                    field=part.key or "",
                )

    def _topic(self, part: Part, kind: ValueKind) -> str:
        if part.assessment:
            return ""  # A subject, such as psychology, with grades under it.
        sensitive, rule = self._rules.sensitive, self._rules.fields.get(part.key or "")
        if part.key not in _NUMBERS_OF_PEOPLE and _is_number_of_a_person(part.shape):
            return sensitive.identifiers
        if rule is None:
            return sensitive.of_name(part.header) or _of_texts(part.shape.stories(), self._rules)
        if isinstance(rule, ItemRule) and rule.flag and kind not in ("flags", "nothing", "codes"):
            # Appendix A asks whether there is anything, not what it is.
            return sensitive.of_name(part.header)
        return _of_texts(part.shape.stories(), self._rules) if rule.text != "any" else ""

    def _listed(self, part: Part, kind: ValueKind, carried: frozenset[str]) -> bool:
        if part.key is None:
            return False
        rule = self._rules.fields[part.key]
        if kind in _TEXTS and rule.text == "no":
            return False
        if isinstance(rule, WorkingRule):
            return kind in rule.kinds or kind in ("nothing", "flags")
        return isinstance(rule, ItemRule) or part.key in carried

    def _assessment(self, part: Part, kind: ValueKind) -> str:
        if kind not in ("grades", "numbers", "codes"):
            return ""
        return self._rules.data_types.subjects.assessment(part.header)


def _is_number_of_a_person(shape: Shape) -> bool:
    return shape.has_nhs_numbers() or shape.has_national_insurance_numbers()


def _of_texts(texts: Iterable[str], rules: Rules) -> str:
    return rules.sensitive.of_text("\n".join(texts))
