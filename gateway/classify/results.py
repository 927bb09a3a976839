"""Distinguish GCSE from A-level results, and columns of results from those of mocks and forecasts.

Files mix GCSE and A level, so every result is judged on its own: by series, qualification, a grade in
figures, the entry code, and last a grade in letters, a weak sign alone.
"""

import re
from collections import Counter
from functools import cached_property
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from gateway.classify.content import Unreadable, declared_between
from gateway.classify.format_rules import ResultsRule
from gateway.classify.sensitive import is_legible

Kind = Literal["gcse-results", "a-level-results"]
GCSE: Kind = "gcse-results"
A_LEVEL: Kind = "a-level-results"
KINDS = frozenset({GCSE, A_LEVEL})


class SingleResult(NamedTuple):
    """One examination result as written in a file; missing parts are empty."""

    series: str = ""
    qualification: str = ""
    code: str = ""
    grade: str = ""


class ResultKinds:
    """Decider between GCSE and A level for single results, by the rules."""

    def __init__(self, rules: ResultsRule) -> None:
        self._gcse_words, self._a_level_words = _words(rules.gcse_words), _words(rules.a_level_words)
        self._gcse_grade, self._gcse_code = re.compile(rules.gcse_grade), re.compile(rules.gcse_code)
        self._a_level_grade, self._a_level_code = map(re.compile, (rules.a_level_grade, rules.a_level_code))

    def kind_of(self, outcome: SingleResult) -> Kind | None:
        """Return GCSE or A level for a result; None where unknown."""
        grade, code = outcome.grade.strip().upper(), outcome.code.strip().upper()
        if (said := self.kind_said(outcome.series) or self.kind_said(outcome.qualification)) is not None:
            return said
        if self._gcse_grade.fullmatch(grade) or self._gcse_code.fullmatch(code):
            return GCSE
        if self._a_level_code.fullmatch(code) or self._a_level_grade.fullmatch(grade):
            return A_LEVEL
        return None

    def kind_said(self, words: str) -> Kind | None:
        """Return GCSE or A level from the words of a series or qualification; None where unknown."""
        said = words.strip().upper()
        if self._gcse_words.match(said):
            return GCSE
        return A_LEVEL if self._a_level_words.match(said) else None


def _words(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(rf"(?:{'|'.join(map(re.escape, longest_first))})(?![A-Z])")


def prevailing_kind(
    kinds: Counter[Kind | None],
    format: str,  # noqa: A002
    declared: str | None,
) -> tuple[Kind, Kind | None, str]:
    """Return the kind of most results, the other kind where both occur, and the evidence.
    Where the kind of every result is unknown, the kind declared by the file's name counts, and the other as
    occurring too: the file waits for the later release. Raises Unreadable where neither is declared.
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


class SubjectRule(BaseModel):
    """Table [subjects] of data_types.toml: names of subjects; `around`: neutral words beside one in a header.
    `not_final`: from a word such as "mock" to the assessment meant, whose grades are no final results.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

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
