"""Distinguish GCSE from A-level results, and columns of results from those of mocks and forecasts.

Files mix GCSE and A level, so every result is judged on its own: by series, qualification, a grade in
figures, the entry code, and last a grade in letters, a weak sign alone.
"""

import re
from collections import Counter
from functools import cached_property
from typing import Literal

from gateway.classify.content import Unreadable, declared_between
from gateway.classify.format_rules import RuleTable
from gateway.classify.sensitive import is_legible

Kind = Literal["gcse-results", "a-level-results"]
GCSE: Kind = "gcse-results"
A_LEVEL: Kind = "a-level-results"
KINDS = frozenset({GCSE, A_LEVEL})


class ResultsRule(RuleTable):
    """Words and patterns that distinguish GCSE from A-level results: grades, entry codes."""

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


def prevailing_kind(
    kinds: Counter[Kind | None],
    format: str,  # noqa: A002
    declared: str | None,
) -> tuple[Kind, Kind | None, str]:
    """Return the kind of most results, the other kind where both occur, and the evidence.
    If no result tells its kind, return the kind that the file's name declares, and the other as if
    present: the file waits for the later release. Raises Unreadable if the name declares neither.
    """
    gcse, a_level = kinds[GCSE], kinds[A_LEVEL]
    if not gcse and not a_level:
        if declared in KINDS:
            found, rest = (GCSE, A_LEVEL) if declared == GCSE else (A_LEVEL, GCSE)
            return found, rest, declared_between(found, KINDS)
        why = "results that may be GCSE or A level: no series, qualification or grade tells"
        raise Unreadable("classify:ambiguous", why, format=format)
    evidence = f"{gcse} GCSE and {a_level} A level results, {kinds[None]} of neither"
    winner, other = (GCSE, A_LEVEL) if gcse >= a_level else (A_LEVEL, GCSE)
    return winner, other if gcse and a_level else None, evidence


_WORD = re.compile(r"[^\W\d_]+|\d+")
_MOST_FIGURES = 4
_ACCREDITATION = re.compile(r"\d{3}/?\d{4}/?[0-9X]", re.ASCII | re.IGNORECASE)


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
