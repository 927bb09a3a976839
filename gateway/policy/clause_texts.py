"""Find the text of each clause in the agreement, and its digest.

A clause begins on a line starting with its number and a blank, after bullets or heading marks; for a clause
printed without its number, `[printed]` of agreement.toml gives the opening words. A clause ends at the
beginning of the next.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

from gateway.policy.agreement_schema import AgreementFile
from gateway.policy.faults import Contradiction
from gateway.policy.schema import ClauseId

_NUMBERED = re.compile(
    r"^[ \t>*#-]*((?:\d{1,2}|[A-Z])(?:\.\d{1,2})+(?:\([a-z]\))*|\d{1,2}(?:\([a-z]\))+)(?:[.):]|\.\))? +\S",
    re.MULTILINE,
)
"""A line that begins with the number of a clause below a heading: 5.3.1, A.3(b), 3(a)."""


def numbered(text: str) -> dict[ClauseId, str]:
    """Return the words of each numbered clause of a text, up to the next one, in the text's order."""
    found = list(_NUMBERED.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    said = (text[each.end() - 1 : end].partition("\n\n")[0] for each, end in zip(found, ends, strict=True))
    return dict(zip((each[1] for each in found), said, strict=True))


class ClauseTexts:
    """The texts of the clauses of one agreement."""

    def __init__(self, agreement: AgreementFile, text: str) -> None:
        self._agreement = agreement
        self._text = text
        self._starts = {clause: self._start(clause) for clause in agreement.clauses}
        self._sorted = sorted(start for start in self._starts.values() if start is not None)

    def of(self, clause: ClauseId) -> str | None:
        """Return the text of a clause, up to the next clause, with single blanks; None if not found."""
        start = self._starts.get(clause)
        if start is None:
            return None
        after = bisect_right(self._sorted, start)
        end = self._sorted[after] if after < len(self._sorted) else None
        return " ".join(self._text[start:end].split())

    def digests(self) -> dict[ClauseId, str]:
        """Return the SHA-256 (hex) of the number, short name and text of each clause found."""
        found = ((clause, self.of(clause)) for clause in self._starts)
        return {
            clause: hashlib.sha256(
                f"{clause}\0{self._agreement.clauses[clause]}\0{text}".encode()
            ).hexdigest()
            for clause, text in found
            if text is not None
        }

    def faults(self) -> Iterator[Contradiction]:
        """Yield clauses missing from the text or from `[clauses]`, or beginning at the same place."""
        taken: dict[int, ClauseId] = {}
        for clause, start in self._starts.items():
            if start is None:
                words = (
                    f"the text has no clause {clause}: mend it, or say under [printed] how its text begins"
                )
                yield "agreement.toml", ("clauses", clause), words
            elif (other := taken.setdefault(start, clause)) != clause:
                yield (
                    "agreement.toml",
                    ("printed", clause),
                    f"clauses {other} and {clause} begin in one place",
                )
        for clause in numbered(self._text).keys() - self._starts.keys():
            words = f"the text has a clause {clause}, and no words stand for it here"
            yield "agreement.toml", ("clauses",), words
        for clause in self._agreement.printed.keys() - self._agreement.clauses.keys():
            yield (
                "agreement.toml",
                ("printed", clause),
                f"there are no words for clause {clause} in [clauses]",
            )

    def _start(self, clause: ClauseId) -> int | None:
        """Return the last possible start of a clause: a table of contents comes before the text."""
        printed = self._agreement.printed.get(clause)
        if printed is not None:
            at = self._text.find(printed)
            return at if at >= 0 else None
        return _last_numbered(self._text, clause)


@lru_cache(1024)
def _last_numbered(text: str, clause: ClauseId) -> int | None:
    """Return the start of the last line beginning with the number of a clause."""
    number = rf"^[ \t>*#-]*{re.escape(clause)}(?:[.):]|\.\))? +\S"
    found = [match.start() for match in re.finditer(number, text, re.MULTILINE)]
    return found[-1] if found else None
