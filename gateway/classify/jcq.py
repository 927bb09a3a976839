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
from gateway.classify.results import Examiner, Kind, Outcome, decide
from gateway.classify.rules import JcqRule
from gateway.classify.tally import Tally
from gateway.classify.verdict import Verdict

FORMAT = "JCQ results"
OTHER_FORMAT = "JCQ file"
_START = re.compile(r"([A-Z])1[^\n]*\r?\n\1[3579]")
_RESULT = re.compile(
    r"(?P<code>[0-9A-Z]{4,6})\s*[A-Z]?(?P<grade>A\*A?\*?|[1-9]-[1-9]|[1-9A-GUQX])(?=\s|$|[0-9A-Z]{4})"
)
_UPN = re.compile(r"[A-Z]\d{11}[0-9A-Z]")
_UCI = re.compile(r"\d{5}[0-9A-Z]\d{6}[A-Z]")
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
            self._count_candidate(line)
            self._count_results(line[self._from :])
        elif line[1] in "13":
            words = (
                self._examiner.kind_said(word) for word in _WORD.findall(line[2:].upper()) if len(word) > 1
            )
            self._said.update(kind for kind in words if kind is not None)

    def _count_candidate(self, line: str) -> None:
        values = {"candidate-number": line[_CANDIDATE]}
        values["upn"] = next(filter(is_upn, _UPN.findall(line)), "")
        values["uci"] = next(filter(is_uci, _UCI.findall(line)), "")
        name = _NAME.search(line[12:])
        values |= {key: text.strip() for key, text in (name.groupdict() if name else {}).items()}
        for key, text in values.items():
            if text.strip():
                self._tally.field(key).add(text, self._tally.records + 1)
        self._tally.record(values)

    def _count_results(self, text: str) -> None:
        # Where the header names one kind only, it speaks for the results that do not tell themselves.
        said = next(iter(self._said)) if len(self._said) == 1 else None
        for found in _RESULT.finditer(text.upper()):
            told = self._examiner.kind_of(Outcome(code=found["code"], grade=found["grade"]))
            self.kinds[said or told if found["grade"].isalpha() else told or said] += 1
