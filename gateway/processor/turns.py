"""Order of examination: providers take turns, so that no provider waits for another's backlog.

Pure: `clock` returns monotonic seconds.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gateway.home import provider_of
from gateway.record.assignments import Assignment

A_TURN_FILES, A_TURN_SECONDS = 8, 0.5
"""Most files, and most seconds, of one turn while other providers wait."""

_ABOUT_SECONDS = 10.0
_STRUCK = ""
"""Queue name for files that lost a process: examined one at a time."""


def in_turn(waiting: Iterable[str], held: Counter[str], *, room: int, each: int) -> list[str]:
    """Choose at most `room` of the waiting references, given oldest first.

    Providers take turns: the provider with the fewest held or chosen comes first. None gets more than
    `each`.
    """
    held = held.copy()
    queues: dict[str, deque[str]] = {}
    for reference in waiting:
        queues.setdefault(provider_of(reference), deque()).append(reference)
    found: list[str] = []
    while queues and len(found) < room:
        provider = min(queues, key=held.__getitem__)  # Among equals, the first to come.
        if held[provider] >= each:
            break
        found.append(queues[provider].popleft())
        held[provider] += 1
        if not queues[provider]:
            del queues[provider]
    return found


@dataclass(slots=True)
class Turns:
    """Files in hand and not yet begun, shared by `workers`."""

    workers: int
    clock: Callable[[], float]
    _waiting: OrderedDict[str, deque[Assignment]] = field(default_factory=OrderedDict)
    _at_work: Counter[str] = field(default_factory=Counter)
    _seen: dict[str, float] = field(default_factory=dict)
    _whose: str = ""
    _turn_files: int = 0
    _turn_ends: float = 0.0

    def __len__(self) -> int:
        """Return the number of waiting files."""
        return sum(map(len, self._waiting.values()))

    def add(self, assignment: Assignment, *, struck: bool = False) -> None:
        """Queue a file. `struck`: a process was lost over the file, so others must not wait for it."""
        provider = assignment.upload.provider
        self._seen[provider] = self.clock()
        self._waiting.setdefault(_STRUCK if struck else provider, deque()).append(assignment)

    @property
    def are_shared(self) -> bool:
        """True where several providers were active in the last seconds; any of them may send more at once."""
        latest = self.clock() - _ABOUT_SECONDS
        self._seen = {provider: at for provider, at in self._seen.items() if at >= latest}
        return len(self._seen) > 1

    def next(self) -> tuple[Assignment, str] | None:
        """Return the next file and the provider in turn, or None; call `done` afterwards."""
        is_over = self._turn_files >= A_TURN_FILES or self.clock() >= self._turn_ends
        if is_over and self._whose in self._waiting:
            self._waiting.move_to_end(self._whose)
        most = max(1, self.workers - 1) if self.are_shared else self.workers
        free = (one for one in self._waiting if self._at_work[one] < (1 if one == _STRUCK else most))
        whose = next(free, None)
        if whose is None:
            return None
        if whose != self._whose or is_over:
            self._whose, self._turn_files, self._turn_ends = whose, 0, self.clock() + A_TURN_SECONDS
        self._turn_files += 1
        self._at_work[whose] += 1
        found = self._waiting[whose].popleft()
        if not self._waiting[whose]:
            del self._waiting[whose]
        return found, whose

    def done(self, whose: str) -> None:
        """Mark a file of a turn as finished."""
        self._at_work[whose] -= 1

    def give_up(self) -> list[Assignment]:
        """Remove and return every waiting file."""
        left = [one for files in self._waiting.values() for one in files]
        self._waiting.clear()
        return left
