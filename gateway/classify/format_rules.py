"""Tables of policies/data_types.toml, each with the rules of one format's reader."""

import re
from collections.abc import Iterable
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from gateway.classify.schools import Slot

_PUNCTUATION = re.compile(r"[\W_]+")


def plain(name: str) -> str:
    """Normalise a name for comparison: lower case, without blanks and punctuation.
    "%" and, between blanks, "&" count as words; a name of punctuation only (the attendance code `/`) stays.
    """
    words = name.replace("%", "percent").replace(" & ", "and")
    return _PUNCTUATION.sub("", words).casefold() or name.strip()


class RuleTable(BaseModel):
    """Table of a policy file; any key that names no field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class StageRule(RuleTable):
    """Data type of a CTF's assessments in a stage, for some subjects, or for all if none is named."""

    type: str
    stage: str
    subjects: tuple[str, ...] = ()


class CtfRule(RuleTable):
    """Rules for a Common Transfer File. `results`: the name of the code list of results, by qualifier.
    `outweighs`: a pupil with assessments of the first type is not counted for the second type.
    `missing_children`: names of messages about children missing education, of type `missing_type` (None: the
    file waits).
    """

    stages: tuple[StageRule, ...]
    outweighs: dict[str, str]
    descriptors: dict[str, str]
    results: dict[str, str]
    core_sections: tuple[str, ...]
    missing_children: tuple[str, ...] = ()
    missing_type: str | None = None

    def is_of_missing_child(self, said: str) -> bool:
        """Return True if `said` (a document's name, description or root) tells of a missing child."""
        words = f" {' '.join(_PUNCTUATION.sub(' ', said).casefold().split())} "
        return any(f" {each} " in words for each in self.missing_children)


class MessageRule(RuleTable):
    """DfE `<Message>` collections by name: census, returns with data type, and `outside` (not accepted)."""

    census: tuple[str, ...]
    returns: dict[str, str]
    outside: dict[str, str]


class RegisterRule(RuleTable):
    """XML other than CTF and DfE messages: names of record elements, and root names to reject (`never`)."""

    records: tuple[str, ...]
    never: tuple[str, ...]


class JcqRule(RuleTable):
    """Awarding bodies' fixed-width files by first letter; `results_from`: where results begin, from 0."""

    results: str
    outside: dict[str, str]
    results_from: int


class SchoolsRule(RuleTable):
    """Columns and elements that name the school of a record, each with the kind of name (number or text).
    `fields`: by field key. `columns`: further columns, with a code. `elements`: by element of a register.
    `history`: a pattern of column names about a school before or after this one.
    """

    fields: dict[str, Slot]
    columns: tuple[str, ...]
    history: str
    elements: dict[str, Slot]

    def slots(self, columns: Iterable[tuple[str, str | None]]) -> tuple[tuple[int, Slot], ...]:
        """Return index and kind of school name of each column (header, field key) that names a school."""
        found = ((index, self.slot(header, key)) for index, (header, key) in enumerate(columns))
        return tuple((index, slot) for index, slot in found if slot is not None)

    @cached_property
    def _codes(self) -> frozenset[str]:
        return frozenset(map(plain, self.columns))

    def slot(self, header: str, key: str | None) -> Slot | None:
        """Return the kind of school name in a column (given header and field key); None if no school."""
        found = self.fields.get(key or "")
        if found is None and plain(header) not in self._codes:
            return None
        return None if self.is_history(header) else found or "name"

    def is_history(self, name: str) -> bool:
        """Return True if a column or element is about a school the pupil left or will join."""
        return re.search(self.history, plain(name)) is not None


class JsonRule(RuleTable):
    """JSON names: objects with a meaningless name, parts of a date, and content allowed beside records."""

    transparent: tuple[str, ...]
    parts_of_a_date: tuple[str, ...]
    beside: tuple[str, ...]


class ReportWordingRule(RuleTable):
    """Words of the lines that reports print around a table, and last words of school names ("academy")."""

    words: tuple[str, ...]
    kinds_of_school: tuple[str, ...] = ()


class NameHint(RuleTable):
    """A pattern of file names and the data type suggested; decides only between equally fitting types."""

    pattern: str
    type: str
