"""What a measurement is, and how it is taken: in turns, with medians, as ratios within one run.

Absolute numbers on a shared machine mean little. Ours and a peer's are measured in turns, so that
what else the machine does hits both.
"""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LEAST_ROUNDS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table: ours against a peer's, in `unit`, as medians with their spread.

    `better` says which way is good; `ratio` is ours to theirs. `target` is the ratio aimed at, None
    where none was set. `rounds` is how often the side was measured that was measured less often. `ours_cpu`
    and `theirs_cpu` are the milliseconds of CPU that the service, without its clients, takes for one of
    `per`; `load` is the machine's load of the last minute when the line was taken.
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
    rounds: int
    load: float
    per: str = ""
    ours_cpu: float | None = None
    theirs_cpu: float | None = None

    @property
    def ratio(self) -> float:
        """Ours to theirs."""
        return self.ours / self.theirs if self.theirs else float("nan")

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none. A ratio without a spread meets nothing."""
        if self.target is None:
            return None
        if self.rounds < LEAST_ROUNDS:
            return False
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
    cpu: tuple[str, Sequence[float], Sequence[float]] | None = None,
    bound: bool = False,
) -> Line:
    """A line of the table from what was measured.

    `cpu` is what one of something takes in milliseconds of CPU, of ours and of theirs, in each round. With
    `bound` the peer is a number that was set, not measured.
    """
    per, *costs = cpu or ("", [], [])
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
        rounds=len(ours) if len(theirs) == 1 and bound else min(len(ours), len(theirs)),
        load=round(os.getloadavg()[0], 2),
        per=per,
        ours_cpu=_median(costs[0]),
        theirs_cpu=_median(costs[1]),
    )


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def seconds(work: Callable[[], object]) -> float:
    """How long `work` takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def family(pid: int) -> Iterator[Path]:
    """A process and its descendants, as their folders in /proc."""
    queue = [pid]
    while queue:
        process = Path(f"/proc/{queue.pop()}")
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # It may end while it is looked at.
            for task in (process / "task").iterdir():
                queue += map(int, (task / "children").read_text("ascii").split())
            yield process


def cpu_of(pid: int) -> float:
    """The seconds of CPU of a process and its descendants, also of those that ended and were waited for."""
    ticks = 0
    for process in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = (process / "stat").read_text("utf-8").rpartition(")")[2].split()
            ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Costs:
    """What processes take in CPU, round by round: milliseconds for each of the things that they did.

    Without `pids`, what the programs take that this process starts and waits for.
    """

    def __init__(self, *pids: int) -> None:
        self._pids = pids
        self.rounds: list[float] = []

    def _taken(self) -> float:
        if self._pids:
            return sum(map(cpu_of, self._pids))
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime

    @contextlib.contextmanager
    def of(self, things: float) -> Iterator[None]:
        """Add what the service takes within, for so many things."""
        before = self._taken()
        yield
        self.rounds.append(1000 * (self._taken() - before) / things)


def in_parts(values: Sequence[float], parts: int = LEAST_ROUNDS) -> list[Sequence[float]]:
    """What was measured one by one, as so many rounds of it."""
    return [values[len(values) * n // parts : len(values) * (n + 1) // parts] for n in range(parts)]


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


def has_sha_instructions() -> bool:
    """Has the processor instructions for SHA-256? Without, hashing costs about four times as much."""
    words = Path("/proc/cpuinfo").read_text("utf-8").split()
    return "sha_ni" in words or "sha2" in words


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
        "sha_instructions": has_sha_instructions(),
        "memory_gib": round(memory, 1),
        "system": f"{os.uname().sysname} {os.uname().release}",
        "load_at_start": round(os.getloadavg()[0], 2),
    }
