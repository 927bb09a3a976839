"""One field while a file is read: how often it is filled, with what, and what is wrong in it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gateway.classify import checks

ROWS_SHOWN = 20
_VALUES_REMEMBERED = 20_000
_VALUES_COUNTED = 5_000


@dataclass(slots=True)
class FaultCount:
    """How often one thing is wrong, and the first records in which it is."""

    count: int = 0
    rows: list[int] = field(default_factory=list)

    def add(self, row: int) -> None:
        """Count the fault once more, in the record of this number."""
        self.count += 1
        if len(self.rows) < ROWS_SHOWN and row not in self.rows:
            self.rows.append(row)

    def add_run(self, first: int, length: int) -> None:
        """As many more, in records that follow each other."""
        self.count += length
        self.rows += range(first, first + min(length, ROWS_SHOWN - len(self.rows)))


class FieldTally:
    """What one field holds over the whole file.

    `counts` is kept only for fields that need it. A `plain` field has nothing to check or count: it
    is enough to know that it is filled once. `doubted` are values that no check has found good, for the
    account of the file: those of the last records of a table, or all that waited to be settled.
    """

    __slots__ = ("_check", "_good", "_waiting", "counts", "doubted", "faults", "filled", "key", "plain")

    def __init__(self, key: str, check: checks.Check | None, *, counted: bool) -> None:
        self.key = key
        self.filled = 0
        self.faults: dict[str, FaultCount] = {}
        self.counts: Counter[str] | None = Counter() if counted else None
        self.plain = check is None and not counted
        self.doubted: set[str] = set()
        self._check = check
        self._good: set[str] = set()
        self._waiting: list[tuple[str, int]] = []

    @property
    def checked(self) -> bool:
        """Whether values of this field can be wrong."""
        return self._check is not None

    @property
    def wait(self) -> Callable[[tuple[str, int]], None]:
        """Keeps a value, not blank, and the number of its record, until `settle` counts it."""
        return self._waiting.append

    def settle(self) -> None:
        """Count the values that wait: many are quicker to count together."""
        if not self._waiting:
            return
        texts = [text for text, _ in self._waiting]
        self.filled += len(texts)
        if self.counts is not None:
            self._count(texts)
        doubtful = [text for text in dict.fromkeys(texts) if text not in self._good]
        bad = self._bad_among(doubtful)
        if bad:
            for text, row in self._waiting:
                if text in bad:
                    self.faults.setdefault(bad[text], FaultCount()).add(row)
        room = max(0, _VALUES_REMEMBERED - len(self.doubted))
        self.doubted.update(list(doubtful if self._check is None else bad)[:room])
        self._waiting.clear()

    def add_column(self, values: Sequence[str], first_row: int) -> int:
        """The values of this field in records that follow each other; an empty text is a blank.

        How many are filled.
        """
        met = distinct(values)
        filled = len(values) - values.count("") if "" in met else len(values)
        self.filled += filled
        if self.counts is not None:
            self._count(values)
        met.discard("")
        doubtful = met - self._good
        if self._check is None:
            self.doubted = doubtful
            return filled
        bad = self._bad_among(doubtful)
        self.doubted = set(bad)
        if bad:
            for row, value in enumerate(values, first_row):
                if value in bad:
                    self.faults.setdefault(bad[value], FaultCount()).add(row)
        return filled

    def share_good(self) -> float:
        """The share of filled values without a fault; 0 where nothing is filled."""
        wrong = sum(fault.count for fault in self.faults.values())
        return (self.filled - wrong) / self.filled if self.filled else 0.0

    def share_among(self, values: Iterable[str]) -> float:
        """The share of filled values that are among these, without regard to case."""
        counts, wanted = self.counts or Counter(), set(values)
        among = sum(count for value, count in counts.items() if value.strip().upper() in wanted)
        return among / counts.total() if counts else 0.0

    def _count(self, values: Iterable[str]) -> None:
        assert self.counts is not None  # noqa: S101 - both callers have asked
        if len(self.counts) < _VALUES_COUNTED:
            self.counts.update(values)
            del self.counts[""]

    def _bad_among(self, values: Iterable[str]) -> dict[str, str]:
        """Those of the values that have a fault, with its name."""
        check = self._check
        if check is None:
            return {}
        return {v: fault for v in values if (fault := self._judge(v, check)) is not None}

    def _judge(self, text: str, check: checks.Check) -> str | None:
        fault = check(text)
        if fault is None:
            if len(self._good) >= _VALUES_REMEMBERED:
                self._good.clear()
            self._good.add(text)
        return fault


def distinct(values: Sequence[str]) -> set[str]:
    """The different values among these. Many columns say the same in each row, which is quick to see."""
    if values and values[0] == values[-1] and values.count(values[0]) == len(values):
        return {values[0]}
    return set(values)
