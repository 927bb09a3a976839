"""Columns that hold the grades of one subject: broadsheets, and lists headed with accreditation numbers.

Whether such grades are results is said by the header, by what stands above the table or by the pupils'
year group: those of mocks, predictions and forecasts are none (clause 7.5.3).
"""

from __future__ import annotations

import re
from functools import lru_cache

from pydantic import BaseModel, ConfigDict

_WORD = re.compile(r"[a-z]+|\d+", re.ASCII)
_ACCREDITATION = re.compile(r"\d{3}/?\d{4}/?[0-9X]", re.ASCII | re.IGNORECASE)


class SubjectRule(BaseModel):
    """`[subjects]` of data_types.toml.

    `names` are subjects. `around` are words that stand beside one in a header and change nothing.
    `not_final` maps words to the kind of assessment that they make of a grade.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...]
    around: tuple[str, ...]
    not_final: dict[str, str]

    def assessment(self, text: str) -> str:
        """Which assessment, other than a result, a header or a title speaks of; empty for none."""
        return _assessment(text, tuple(self.not_final.items()))

    def is_subject(self, header: str) -> bool:
        """Whether a header names one subject, whatever is said beside it, or an accreditation number."""
        if _ACCREDITATION.fullmatch(header.strip()):
            return True
        others = frozenset((*self.around, *self.not_final))
        return _core(header, others) in _cores(self.names, others)


def _core(name: str, others: frozenset[str]) -> str:
    """What is left of a name without case, figures and the words that stand around subjects."""
    return "".join(w for w in _WORD.findall(name.casefold()) if w not in others and not w.isdigit())


@lru_cache(4)
def _cores(names: tuple[str, ...], others: frozenset[str]) -> frozenset[str]:
    return frozenset(_core(name, others) for name in names) - {""}


@lru_cache(1024)
def _assessment(text: str, words: tuple[tuple[str, str], ...]) -> str:
    spaced = f" {' '.join(_WORD.findall(text.casefold()))} "
    return next((kind for word, kind in words if f" {word} " in spaced), "")
