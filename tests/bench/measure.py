"""What a measurement is, and how it is taken: in turns, with medians, as ratios within one run.

Absolute numbers on a shared machine mean little. Ours and a peer's are measured in turns, so that
what else the machine does hits both.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table: ours against a peer's, in `unit`, as medians with their spread.

    `better` says which way is good; `ratio` is ours to theirs. `target` is the ratio aimed at, None
    where none was set.
    """

    part: str
    what: str
    unit: str
    ours: float
    ours_spread: tuple[float, float]
    peer: str
    theirs: float
    theirs_spread: tuple[float, float]
    better: Literal["more", "less"]
    target: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours to theirs."""
        return self.ours / self.theirs if self.theirs else float("nan")

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none."""
        if self.target is None:
            return None
        return self.ratio >= self.target if self.better == "more" else self.ratio <= self.target


@dataclass(frozen=True, slots=True)
class Setting:
    """How much is measured: `scratch` is a folder for it, `quick` a run of about a minute for each part.

    After `deadline` (of time.monotonic) no further round of anything is begun. `database_url` is where the
    registry of a passage is, if it is not in SQLite.
    """

    scratch: Path
    quick: bool
    deadline: float
    database_url: str | None = None

    def rounds(self, most: int) -> Iterator[int]:
        """The numbers of up to `most` rounds: the first at any rate, others while there is time."""
        for number in range(most):
            if number == 0 or time.monotonic() < self.deadline:
                yield number


def in_turns(rounds: Iterable[int], *contestants: Callable[[], float]) -> list[list[float]]:
    """What each contestant gave in each round; the order turns round from round to round."""
    found: list[list[float]] = [[] for _ in contestants]
    for number in rounds:
        order = list(range(len(contestants)))
        for one in order if number % 2 == 0 else reversed(order):
            found[one].append(contestants[one]())
    return found


def line(  # noqa: PLR0917 - a line of a table, in the order of its columns
    part: str,
    what: str,
    unit: str,
    ours: Sequence[float],
    peer: str,
    theirs: Sequence[float],
    *,
    better: Literal["more", "less"],
    target: float | None = None,
    note: str = "",
) -> Line:
    """A line of the table from what was measured."""
    return Line(
        part=part,
        what=what,
        unit=unit,
        ours=statistics.median(ours),
        ours_spread=(min(ours), max(ours)),
        peer=peer,
        theirs=statistics.median(theirs),
        theirs_spread=(min(theirs), max(theirs)),
        better=better,
        target=target,
        note=note,
    )


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def percentile(values: Sequence[float], part: float) -> float:
    """The smallest value that `part` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, round(part * len(ordered)) - 1))]


def until(true: Callable[[], object], patience: float, pause: float = 0.02) -> None:
    """Wait until `true` gives something true. TimeoutError where it does not in `patience` seconds."""
    deadline = time.monotonic() + patience
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {patience:.0f} s in vain")
        time.sleep(pause)


def machine() -> dict[str, str | int | float]:
    """The machine: its processor, cores, memory, and how busy it was with other things at the start."""
    model = next(
        (
            text.partition(":")[2].strip()
            for text in Path("/proc/cpuinfo").read_text("utf-8").splitlines()
            if text.startswith("model name")
        ),
        os.uname().machine,
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return {
        "processor": model,
        "cores": os.cpu_count() or 0,
        "memory_gib": round(memory, 1),
        "system": f"{os.uname().sysname} {os.uname().release}",
        "load_at_start": round(os.getloadavg()[0], 2),
    }
