"""Columns with the grades of one subject: broadsheets, and lists headed with accreditation numbers.

The header, the text above the table or the pupils' year group tell if such grades are results: grades of
mocks, predictions and forecasts are not.
"""

import re
from functools import cached_property

from pydantic import BaseModel, ConfigDict

from gateway.classify.sensitive import is_legible

_WORD = re.compile(r"[^\W\d_]+|\d+")
_MOST_FIGURES = 4
_ACCREDITATION = re.compile(r"\d{3}/?\d{4}/?[0-9X]", re.ASCII | re.IGNORECASE)


class SubjectRule(BaseModel):
    """`[subjects]` of data_types.toml.

    `names` are subjects. `around` are neutral words beside a subject in a header. `not_final` maps words to
    the kind of assessment they indicate.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: tuple[str, ...]
    around: tuple[str, ...]
    not_final: dict[str, str]

    def assessment(self, text: str) -> str:
        """Return the assessment, other than a result, named in a header or a title; empty without one."""
        found = self._not_final.search(f" {' '.join(_WORD.findall(text.casefold()))} ")
        return self.not_final[found[0].strip()] if found else ""

    def is_subject(self, header: str) -> bool:
        """Return True where a header names one subject, with neutral words, or an accreditation number."""
        if not is_legible(header):
            return False
        return self._core(header) in self._cores or _ACCREDITATION.fullmatch(header.strip()) is not None

    def _core(self, name: str) -> str:
        """Return a name without case, figures of up to four digits, and neutral words."""
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
