"""Define the rules for single formats and for examination results, from policies/data_types.toml.

A file may mix GCSE and A level, so every result is judged on its own, by the first sign found: series,
qualification, a grade in figures, the entry code, and last, as a weak sign, a grade in letters.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import Literal

from pydantic import Field

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
    """The data `type` of assessments in a Common Transfer File, given their key stage and subject.
    `subjects`: the subjects to which the rule applies; () for all.
    """

    type: str
    stage: str
    subjects: tuple[str, ...] = ()


class CtfRule(RuleTable):
    """The rules that give a Common Transfer File its data type. `results`: by qualifier of a result, the name
    of its code list. `descriptors`: by phrase in the file's data descriptor, the data type. `outweighs`:
    pairs of data types; a pupil with assessments of the first is not counted for the second. `core_sections`:
    elements with core data. `missing_children`: names of messages about children missing education; such a
    message is of the data type `missing_type`, or waits for a person (None).
    """

    stages: tuple[StageRule, ...]
    outweighs: dict[str, str]
    descriptors: dict[str, str]
    results: dict[str, str]
    core_sections: tuple[str, ...]
    missing_children: tuple[str, ...] = ()
    missing_type: str | None = None

    def is_of_missing_child(self, said: str) -> bool:
        """Return True if a text (`said`) contains a name of a message about a child missing education.
        The text is a document's file name, description or root element.
        """
        words = f" {' '.join(_PUNCTUATION.sub(' ', said).casefold().split())} "
        return any(f" {each} " in words for each in self.missing_children)


class MessageRule(RuleTable):
    """Names of collections in DfE messages (root element `Message`). `census`: the school census; `returns`:
    other returns, each with the data type; `outside`: not accepted, each with a description.
    """

    census: tuple[str, ...]
    returns: dict[str, str]
    outside: dict[str, str]


class RegisterRule(RuleTable):
    """The rules for XML other than CTF and DfE messages. `records`: names of the elements to read as records
    of pupils. `never`: names of root elements of documents to refuse.
    """

    records: tuple[str, ...]
    never: tuple[str, ...]


class JcqRule(RuleTable):
    """The rules for awarding bodies' fixed-width files, by the first letter in the file.
    `results`: the letter of files with results. `outside`: the letters of files not accepted, each with a
    description. `results_from`: the position in a record, from 0, at which results begin.
    """

    results: str
    outside: dict[str, str]
    results_from: int


class SchoolsRule(RuleTable):
    """The columns and elements that name the school of a record, each with a `Slot`: LA, number, centre or
    name. `fields`: by key of a column's field. `elements`: by name of an element in registers.
    `columns`: names of columns with a school's code; ignored where each pupil has a different code.
    `history`: a pattern of names of columns and elements about a school that the pupil left or will join.
    """

    fields: dict[str, Slot]
    columns: tuple[str, ...]
    history: str
    elements: dict[str, Slot]

    def slots(self, columns: Iterable[tuple[str, str | None]]) -> tuple[tuple[int, Slot], ...]:
        """Return index and `Slot` of each column that names a record's school, not one that the pupil left or
        will join. `columns`: header and field key of each column.
        """
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
    """The keys in JSON that have a special meaning.
    `transparent`: keys that are left out of column names. `parts_of_a_date`: keys of the parts of a date.
    `beside`: keys of content allowed beside the list of records.
    """

    transparent: tuple[str, ...]
    parts_of_a_date: tuple[str, ...]
    beside: tuple[str, ...]


class ResultsRule(RuleTable):
    """Words, and patterns of grades and entry codes, that distinguish GCSE from A-level results.
    `outside`: words of other examinations, in upper case, each with a description of the results. `beside`:
    words of others whose results a file of GCSE or A level may hold as well.
    """

    gcse_words: tuple[str, ...]
    a_level_words: tuple[str, ...]
    gcse_grade: str
    a_level_grade: str
    gcse_code: str
    a_level_code: str
    outside: dict[str, str] = Field(default={})
    beside: dict[str, str] = Field(default={})

    def outside_of(self, text: str, *, beside: bool = False) -> str:
        """Return the description of other examinations' results named in a text; "" if none are.
        `beside`: True to look for those that may stand beside GCSE or A level.
        """
        words = f" {' '.join(_WORD.findall(text.upper()))} "
        named = (self.beside if beside else self.outside).items()
        return next((said for word, said in named if f" {word} " in words), "")

    def kind_of(
        self, series: str = "", qualification: str = "", code: str = "", grade: str = ""
    ) -> Kind | None:
        """Return GCSE or A level for a result, from its texts in a file; None if no text shows the kind."""
        grade, code, patterns = grade.strip().upper(), code.strip().upper(), self._patterns
        if (said := self.kind_said(series) or self.kind_said(qualification)) is not None:
            return said
        if self.outside_of(f"{qualification} {code}", beside=True):
            return None
        if patterns["gcse_grade"].fullmatch(grade) or patterns["gcse_code"].fullmatch(code):
            return GCSE
        if patterns["a_level_code"].fullmatch(code) or patterns["a_level_grade"].fullmatch(grade):
            return A_LEVEL
        return None

    def kind_said(self, words: str) -> Kind | None:
        """Return GCSE or A level for the text of a series or qualification (`words`); None if unknown."""
        said = words.strip().upper()
        if self._patterns["gcse_words"].match(said):
            return GCSE
        return A_LEVEL if self._patterns["a_level_words"].match(said) else None

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        """The patterns of this rule, compiled; a list of words becomes one pattern, longest first."""
        return {
            key: re.compile(
                given
                if isinstance(given, str)
                else rf"(?:{'|'.join(map(re.escape, sorted(given, key=len, reverse=True)))})(?![A-Z])"
            )
            for key, given in self
        }


class SubjectRule(RuleTable):
    """The school subjects, by which columns of grades are recognised: table [subjects] of data_types.toml.
    `names`: the subjects. `around`: neutral words allowed beside a subject in a header. `not_final`:
    assessments without final results, by a word such as "mock".
    """

    names: tuple[str, ...]
    around: tuple[str, ...]
    not_final: dict[str, str]

    def assessment(self, text: str) -> str:
        """Return the assessment without final results, such as a mock, in a header or title; "" if none."""
        found = self._not_final.search(f" {' '.join(_WORD.findall(text.casefold()))} ")
        return self.not_final[found[0].strip()] if found else ""

    def is_subject(self, header: str) -> bool:
        """Return True if a header has just one subject and neutral words, or an accreditation number."""
        return is_legible(header) and (
            self._core(header) in self._cores or _ACCREDITATION.fullmatch(header.strip()) is not None
        )

    def _core(self, name: str) -> str:
        """Return the subject in a header: the words except neutral ones and numbers up to 9999, joined."""
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
    """Words in lines printed by reports around a table. `kinds_of_school`: last words of school names."""

    words: tuple[str, ...]
    kinds_of_school: tuple[str, ...] = ()


class NameHint(RuleTable):
    """A pattern of file names, and the data type suggested by such a name if several types fit equally."""

    pattern: str
    type: str
