"""Tables of policies/data_types.toml, each with the rules of one format's reader, or of examination results.

Files mix GCSE and A level, so every result is judged on its own: by series, qualification, a grade in
figures, the entry code, and last a grade in letters, a weak sign alone.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from gateway.classify.schools import Slot
from gateway.classify.sensitive import RuleTable, is_legible, plain

Kind = Literal["gcse-results", "a-level-results"]
GCSE: Kind = "gcse-results"
A_LEVEL: Kind = "a-level-results"
KINDS = frozenset({GCSE, A_LEVEL})
_PUNCTUATION = re.compile(r"[\W_]+")
_WORD = re.compile(r"[^\W\d_]+|\d+")
_MOST_FIGURES = 4
_ACCREDITATION = re.compile(r"\d{3}/?\d{4}/?[0-9X]", re.ASCII | re.IGNORECASE)


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
    """Columns and elements naming the school of a record, each with the kind of name (number or text).
    `fields`: by field key. `columns`: further columns, with a code. `elements`: by element of a register.
    `history`: a pattern of column names about a school before or after this one.
    """

    fields: dict[str, Slot]
    columns: tuple[str, ...]
    history: str
    elements: dict[str, Slot]

    def slots(self, columns: Iterable[tuple[str, str | None]]) -> tuple[tuple[int, Slot], ...]:
        """Return index and kind of school name of each column (header, field key) that names a school."""
        codes = frozenset(map(plain, self.columns))
        found = (
            (index, self.fields.get(key or "") or ("name" if plain(header) in codes else None), header)
            for index, (header, key) in enumerate(columns)
        )
        return tuple((at, slot) for at, slot, header in found if slot and not self.is_history(header))

    def is_history(self, name: str) -> bool:
        """Return True if a column or element is about a school the pupil left or will join."""
        return re.search(self.history, plain(name)) is not None


class JsonRule(RuleTable):
    """JSON names: objects with a meaningless name, parts of a date, and content allowed beside records."""

    transparent: tuple[str, ...]
    parts_of_a_date: tuple[str, ...]
    beside: tuple[str, ...]


class ResultsRule(RuleTable):
    """Words and patterns to distinguish GCSE from A-level results: grades, entry codes."""

    gcse_words: tuple[str, ...]
    a_level_words: tuple[str, ...]
    gcse_grade: str
    a_level_grade: str
    gcse_code: str
    a_level_code: str

    def kind_of(
        self, series: str = "", qualification: str = "", code: str = "", grade: str = ""
    ) -> Kind | None:
        """Return GCSE or A level for a result as written in a file; None where unknown."""
        grade, code, patterns = grade.strip().upper(), code.strip().upper(), self._patterns
        if (said := self.kind_said(series) or self.kind_said(qualification)) is not None:
            return said
        if patterns["gcse_grade"].fullmatch(grade) or patterns["gcse_code"].fullmatch(code):
            return GCSE
        if patterns["a_level_code"].fullmatch(code) or patterns["a_level_grade"].fullmatch(grade):
            return A_LEVEL
        return None

    def kind_said(self, words: str) -> Kind | None:
        """Return GCSE or A level from the words of a series or qualification; None where unknown."""
        said = words.strip().upper()
        if self._patterns["gcse_words"].match(said):
            return GCSE
        return A_LEVEL if self._patterns["a_level_words"].match(said) else None

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        """Patterns by key; a list of words is one pattern, with the longest word first."""
        return {
            key: re.compile(
                given
                if isinstance(given, str)
                else rf"(?:{'|'.join(map(re.escape, sorted(given, key=len, reverse=True)))})(?![A-Z])"
            )
            for key, given in self
        }


class SubjectRule(RuleTable):
    """Table [subjects] of data_types.toml: names of subjects; `around`: neutral words beside one in a header.
    `not_final`: from a word such as "mock" to the assessment meant, whose grades are no final results.
    """

    names: tuple[str, ...]
    around: tuple[str, ...]
    not_final: dict[str, str]

    def assessment(self, text: str) -> str:
        """Return the assessment, other than a final result, that a header or title names; "" for none."""
        found = self._not_final.search(f" {' '.join(_WORD.findall(text.casefold()))} ")
        return self.not_final[found[0].strip()] if found else ""

    def is_subject(self, header: str) -> bool:
        """Return True for a header of one subject with neutral words, or of an accreditation number."""
        return is_legible(header) and (
            self._core(header) in self._cores or _ACCREDITATION.fullmatch(header.strip()) is not None
        )

    def _core(self, name: str) -> str:
        """Return a header in lower case without figures of up to four digits and without neutral words."""
        words = (w for w in _WORD.findall(name.casefold()) if w not in self._aside)
        return "".join(w for w in words if not w.isdigit() or len(w) > _MOST_FIGURES)

    @cached_property
    def _aside(self) -> frozenset[str]:
        return frozenset((*self.around, *self.not_final))

    @cached_property
    def _cores(self) -> frozenset[str]:
        return frozenset(map(self._core, self.names)) - {""}

    @cached_property
    def _not_final(self) -> re.Pattern[str]:
        words = sorted(self.not_final, key=len, reverse=True)
        return re.compile(rf" (?:{'|'.join(map(re.escape, words))}) ")


class ReportWordingRule(RuleTable):
    """Words of the lines printed by reports around a table, and last words of school names ("academy")."""

    words: tuple[str, ...]
    kinds_of_school: tuple[str, ...] = ()


class NameHint(RuleTable):
    """A pattern of file names and the data type suggested; decides only between equally fitting types."""

    pattern: str
    type: str
