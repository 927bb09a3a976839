"""The awarding bodies' fixed-width files (`dcccccbb.Xnn`): records of a letter and a figure.

Header 1, centre 3, candidate 5, centre trailer 7, file trailer 9. The layout of a result inside a
candidate's record is not public, so results are found by their look: an entry code and a grade.
"""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain

from gateway.classify.content import Source, Unreadable, malformed
from gateway.classify.delimited import line_batches
from gateway.classify.identifiers import is_uci, is_upn
from gateway.classify.results import A_LEVEL, GCSE, Examiner, Kind, decide
from gateway.classify.rules import JcqRule
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict

FORMAT = "JCQ results"
OTHER_FORMAT = "JCQ file"
_START = re.compile(r"([A-Z])1[^\n]*\r?\n\1[3579]")
_TOKEN = re.compile(r"[0-9A-Z*-]+")
# A grade by itself, behind a tier or option letter, or stuck to the code before or behind it.
_FIGURE = re.compile(r"[A-Z]?([1-9](?:-[1-9])?)")
_LETTER = re.compile(r"(A\*|[A-EU])(?:[0-9][0-9A-Z]{3,5})?|[0-9H][0-9A-Z]{3}(A\*|[A-EU])")
_UPN = re.compile(r"[A-Z]\d{11}[0-9A-Z]")
_UCI = re.compile(r"\d{5}[0-9A-Z]\d{6}[A-Z]")
_ULN = re.compile(r"^\d{10}")
_WORD = re.compile(r"[0-9A-Z]+")
_CANDIDATE = slice(2, 12)
_NAME = re.compile(r"(?P<surname>[^\W\d][^:\d]*):(?P<forename>[^\d]*?)(?=\s{2}|\d|$)")


def looks_like(start: str, rule: JcqRule) -> bool:
    """Whether a text starts with the records of an awarding body's file."""
    found = _START.match(start)
    return found is not None and found[1] in {rule.results, *rule.outside}


def recognise(source: Source, tally: Tally) -> Verdict:
    """GCSE or A level. Raises Unreadable for other files of the awarding bodies, and for broken ones."""
    rule, reader = tally.rules.data_types.jcq, _Reader(tally)
    last = ""
    for line in chain.from_iterable(line_batches(source)):
        if line.strip():
            _check_record(line, last, rule)
            reader.read(line)
            last = line
    if last[1:2] != "9":
        raise malformed("the file breaks off: its last record is missing", format=FORMAT)
    kind, mixed, why = decide(reader.kinds, FORMAT)
    evidence = [f"{tally.records} candidates in an awarding body's results file", why]
    return Verdict(kind, "strong", evidence, FORMAT, "txt", mixed_with=mixed)


def _check_record(line: str, before: str, rule: JcqRule) -> None:
    if line[0] in rule.outside:
        raise Unreadable("classify:outside-agreement", rule.outside[line[0]], format=OTHER_FORMAT)
    if before[1:2] == "9" or line[0] != rule.results or line[1:2] not in "13579":
        raise malformed("a record is none of an awarding body's", format=FORMAT)


class _Reader:
    """Counts candidates and the kinds of their results."""

    def __init__(self, tally: Tally) -> None:
        self.kinds: Counter[Kind | None] = Counter()
        self._tally = tally
        self._examiner = Examiner(tally.rules.data_types.results)
        self._from = tally.rules.data_types.jcq.results_from
        self._said: set[Kind] = set()

    def read(self, line: str) -> None:
        """Read one record."""
        if line[1] == "5":
            upn = self._count_candidate(line)
            self._count_results(self._results_in(line, upn))
        elif line[1] in "13":
            words = (
                self._examiner.kind_said(word) for word in _WORD.findall(line[2:].upper()) if len(word) > 1
            )
            self._said.update(kind for kind in words if kind is not None)

    def _count_candidate(self, line: str) -> str:
        values = {"candidate-number": line[_CANDIDATE]}
        values["upn"] = next(filter(is_upn, _UPN.findall(line)), "")
        values["uci"] = next(filter(is_uci, _UCI.findall(line)), "")
        name = _NAME.search(line[12:])
        values |= {key: text.strip() for key, text in (name.groupdict() if name else {}).items()}
        for key, text in values.items():
            if text.strip():
                self._tally.field(key).add(text, self._tally.records + 1)
        self._tally.record(values)
        return values["upn"]

    def _results_in(self, line: str, upn: str) -> str:
        """What follows the UPN and the learner number; without a UPN, what follows the usual place."""
        if not upn:
            return line[self._from :]
        return _ULN.sub("", line[line.index(upn) + len(upn) :], count=1)

    def _count_results(self, text: str) -> None:
        # A grade of letters is weak: where the header names one kind only, the header speaks for it.
        said = next(iter(self._said)) if len(self._said) == 1 else None
        for token in _TOKEN.findall(text.upper()):
            letter = _LETTER.fullmatch(token)
            if _FIGURE.fullmatch(token):
                self.kinds[GCSE] += 1
            elif letter and "U" in (letter[1], letter[2]):
                self.kinds[said] += 1
            elif letter:
                self.kinds[said or A_LEVEL] += 1
