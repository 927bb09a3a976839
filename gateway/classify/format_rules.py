"""Tables of policies/data_types.toml: rules for the reader of one format each, and for examination results.

A file may mix GCSE and A level, so every result is judged on its own, by the first sign found: series,
qualification, a grade in figures, the entry code, and last a grade in letters, a weak sign alone.
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
    """Data type of the assessments in a Common Transfer File that belong to one key stage, `stage`.
    The rule is for the named `subjects`, or for every subject if none is named.
    """

    type: str
    stage: str
    subjects: tuple[str, ...] = ()


class CtfRule(RuleTable):
    """Rules for a Common Transfer File.
    `stages`: the data type of assessments, by key stage and subject.
    `outweighs`: pairs of data types; a pupil with assessments of the first is not counted for the second.
    `descriptors`: a data type for each phrase in the file's data descriptor.
    `results`: for each qualifier of a result, the name of the list of allowed codes.
    `core_sections`: names of the elements with core data.
    `missing_children`: names of messages about children missing education.
    `missing_type`: the data type of messages about missing children; None: a person decides on each.
    """

    stages: tuple[StageRule, ...]
    outweighs: dict[str, str]
    descriptors: dict[str, str]
    results: dict[str, str]
    core_sections: tuple[str, ...]
    missing_children: tuple[str, ...] = ()
    missing_type: str | None = None

    def is_of_missing_child(self, said: str) -> bool:
        """Return True if a message is about a child missing education, by a name in `missing_children`.
        `said`: name, description or root of the message, in which the names are searched for.
        """
        words = f" {' '.join(_PUNCTUATION.sub(' ', said).casefold().split())} "
        return any(f" {each} " in words for each in self.missing_children)


class MessageRule(RuleTable):
    """Rules for DfE messages (root element `Message`), by the name of the collection of data stated inside.
    `census`: names of the school census. `returns`: names of other returns, each with its data type.
    `outside`: names of collections not accepted, each with a description.
    """

    census: tuple[str, ...]
    returns: dict[str, str]
    outside: dict[str, str]


class RegisterRule(RuleTable):
    """Rules for XML that is neither CTF nor DfE message, such as a register of attendance.
    `records`: names of the record elements. `never`: names of root elements to reject.
    """

    records: tuple[str, ...]
    never: tuple[str, ...]


class JcqRule(RuleTable):
    """Rules for awarding bodies' fixed-width files. The first letter of a file tells its kind.
    `results`: the letter of results files. `outside`: letters of files not accepted, each with a description.
    `results_from`: position in a record, from 0, where results begin.
    """

    results: str
    outside: dict[str, str]
    results_from: int


class SchoolsRule(RuleTable):
    """Columns and elements naming the school of a record. Each has a kind (`Slot`) of name: LA, number,
    centre or name.
    `fields`: kind by field key. `columns`: further column names, all of the kind "name".
    `elements`: for registers in XML, kind by name of the element.
    `history`: a pattern of column and element names about an earlier or later school of the pupil.
    """

    fields: dict[str, Slot]
    columns: tuple[str, ...]
    history: str
    elements: dict[str, Slot]

    def slots(self, columns: Iterable[tuple[str, str | None]]) -> tuple[tuple[int, Slot], ...]:
        """Find the columns naming the school of a record; return index and kind (`Slot`) of each.
        `columns`: header and field key of each column. Columns about an earlier or later school of the pupil
        are left out.
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
    """Keys in JSON files. `transparent`: keys such as "data", that add nothing to the name of a column.
    `parts_of_a_date`: keys inside a date. `beside`: keys of content allowed beside the records, such as the
    number of pages.
    """

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
        """Return GCSE or A level for a result, from its texts in a file; None if no text shows the kind."""
        grade, code, patterns = grade.strip().upper(), code.strip().upper(), self._patterns
        if (said := self.kind_said(series) or self.kind_said(qualification)) is not None:
            return said
        if patterns["gcse_grade"].fullmatch(grade) or patterns["gcse_code"].fullmatch(code):
            return GCSE
        if patterns["a_level_code"].fullmatch(code) or patterns["a_level_grade"].fullmatch(grade):
            return A_LEVEL
        return None

    def kind_said(self, words: str) -> Kind | None:
        """Return GCSE or A level if a series or qualification begins with the kind's word; else None."""
        said = words.strip().upper()
        if self._patterns["gcse_words"].match(said):
            return GCSE
        return A_LEVEL if self._patterns["a_level_words"].match(said) else None

    @cached_property
    def _patterns(self) -> dict[str, re.Pattern[str]]:
        """The fields of this rule as compiled patterns; a list of words is one pattern, longest first."""
        return {
            key: re.compile(
                given
                if isinstance(given, str)
                else rf"(?:{'|'.join(map(re.escape, sorted(given, key=len, reverse=True)))})(?![A-Z])"
            )
            for key, given in self
        }


class SubjectRule(RuleTable):
    """Table [subjects] of data_types.toml. `names`: names of subjects.
    `around`: neutral words allowed in a header beside the subject.
    `not_final`: words for grades that are not final, such as "mock", each with the assessment's name.
    """

    names: tuple[str, ...]
    around: tuple[str, ...]
    not_final: dict[str, str]

    def assessment(self, text: str) -> str:
        """Return the name of an assessment without final results, such as a mock; "" for none.
        `text`: a header or title, in which the assessment may be named.
        """
        found = self._not_final.search(f" {' '.join(_WORD.findall(text.casefold()))} ")
        return self.not_final[found[0].strip()] if found else ""

    def is_subject(self, header: str) -> bool:
        """Return True if a header has just one subject and neutral words, or an accreditation number."""
        return is_legible(header) and (
            self._core(header) in self._cores or _ACCREDITATION.fullmatch(header.strip()) is not None
        )

    def _core(self, name: str) -> str:
        """Return a header's words without neutral words and numbers up to 9999, joined and in lower case."""
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
