"""Whose file is looked at next: providers take turns; a file that broke a process waits in a lane of its own.

Pure: `clock` gives monotonic seconds.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest

from gateway.home import provider_of
from gateway.record.assignments import Assignment

A_TURN_FILES, A_TURN_SECONDS = 8, 0.5
"""How many files of one provider follow each other while others wait, and for how long."""

A_HEAP = 4
"""So many files of one provider that wait to be taken inside at once are a heap."""

A_FEW = 2
"""So many files are dealt with together, of all who are there, while somebody is spared."""

_BETWEEN_STRUCK = 16
_ABOUT_SECONDS = 10.0


def chosen(landed: Iterable[str], in_hand: Iterable[str], *, room: int, each: int) -> list[str]:
    """The files to take in hand: at most `room` of those landed, given with the oldest first.

    Those who have least in hand come first, and nobody gets more than `each`.
    """
    held = Counter(provider_of(reference) for reference in in_hand)
    waiting: dict[str, deque[str]] = {}
    for reference in landed:
        waiting.setdefault(provider_of(reference), deque()).append(reference)
    found: list[str] = []
    while waiting and len(found) < room:
        provider = min(waiting, key=lambda one: held[one])  # The one that came first, among equals.
        if held[provider] >= each:
            break
        found.append(waiting[provider].popleft())
        held[provider] += 1
        if not waiting[provider]:
            del waiting[provider]
    return found


def shared_out(waiting: Iterable[str], taken: Counter[str], *, room: int, each: int) -> list[str]:
    """The files to take inside together: at most `room` of those that wait, and `each` of one provider.

    Providers take turns; those come first of whom least was `taken` before.
    """
    queues: dict[str, list[str]] = {}
    for reference in waiting:
        queues.setdefault(provider_of(reference), []).append(reference)
    order = sorted(queues, key=lambda provider: taken[provider])
    rounds = zip_longest(*(queues[provider][:each] for provider in order))
    return [one for turn in rounds for one in turn if one is not None][:room]


@dataclass(slots=True)
class Company:
    """Which providers were about of late, and who of them is spared what the others' heaps cost.

    Spared is who had no heap of late, where others were about. While somebody is, everybody's files are dealt
    with a few at a time, and a worker stays free. Where nobody is, as when one is alone or each has a heap of
    its own, they are dealt with in large portions, which those who are there share.
    """

    clock: Callable[[], float]
    outside: frozenset[str] = frozenset()
    """Those of whose files some wait to be taken inside."""
    _seen: dict[str, float] = field(default_factory=dict)
    _seen_with_heap: dict[str, float] = field(default_factory=dict)

    def note(self, providers: Iterable[str]) -> None:
        """Whose files wait to be taken inside now: a provider for each file."""
        now, waiting = self.clock(), Counter(providers)
        self._seen = self._of_late(self._seen) | dict.fromkeys(waiting, now)
        heaps = [one for one, files in waiting.items() if files >= A_HEAP]
        self._seen_with_heap = self._of_late(self._seen_with_heap) | dict.fromkeys(heaps, now)

    @property
    def spares_somebody(self) -> bool:
        """Whether somebody is about who had no heap of late, besides others."""
        about = self._of_late(self._seen).keys()
        return len(about) > 1 and not about <= self._of_late(self._seen_with_heap).keys()

    def portion(self, large: int, small: int, present: Collection[str]) -> int:
        """How many files of one provider may be dealt with together: those who are `present` share them.

        Each gets one at least: little of a heap, so that whoever comes meanwhile hardly waits, and all of a
        crowd.
        """
        together = small if self.spares_somebody else large
        return max(1, together // max(1, len(present)))

    def first_served(self, held: Mapping[str, int]) -> set[str]:
        """Who goes first: who has little inside, of so many files `held` of each, and no more outside.

        Nobody does where nobody has anything outside.
        """
        if not self.outside:
            return set()
        return {one for one, files in held.items() if files < A_HEAP} - self.outside

    def _of_late(self, seen: Mapping[str, float]) -> dict[str, float]:
        now = self.clock()
        return {one: when for one, when in tuple(seen.items()) if now - when <= _ABOUT_SECONDS}


@dataclass(slots=True)
class Turns:
    """The files in hand that nobody looks at yet, shared by `workers`. `company`: who was about of late."""

    workers: int
    clock: Callable[[], float]
    company: Company
    _waiting: OrderedDict[str, deque[Assignment]] = field(default_factory=OrderedDict)
    _struck: deque[Assignment] = field(default_factory=deque)
    _struck_at_work: bool = False
    _since_struck: int = 0
    _at_work: Counter[str] = field(default_factory=Counter)
    _whose: str = ""
    _turn_files: int = 0
    _turn_ends: float = 0.0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._struck) + sum(map(len, self._waiting.values()))

    def add(self, assignment: Assignment, *, struck: bool = False) -> None:
        """Let a file wait for its turn. `struck`: a process was lost over it, so it may not keep others."""
        if struck:
            self._struck.append(assignment)
        else:
            self._waiting.setdefault(assignment.upload.provider, deque()).append(assignment)

    def next(self) -> tuple[Assignment, bool] | None:
        """The next one to look at, and whether it is one that is struck; `done` is to follow."""
        if self._struck_is_due():
            self._struck_at_work, self._since_struck = True, 0
            return self._struck.popleft(), True
        provider = self._whose_turn()
        if provider is None:
            return None
        self._since_struck += 1
        self._at_work[provider] += 1
        files = self._waiting[provider]
        found = files.popleft()
        self._turn_files += provider == self._whose
        if not files:
            del self._waiting[provider]
        return found, False

    def done(self, assignment: Assignment, *, struck: bool) -> None:
        """One that was given is dealt with."""
        if struck:
            self._struck_at_work = False
        else:
            self._at_work[assignment.upload.provider] -= 1

    def give_up(self) -> Sequence[Assignment]:
        """Take out every file that still waits for its turn."""
        left = [*self._struck, *(one for files in self._waiting.values() for one in files)]
        self._struck.clear()
        self._waiting.clear()
        return left

    def _struck_is_due(self) -> bool:
        """One at a time, when nobody else waits, or now and then; never with every worker."""
        if not self._struck or self._struck_at_work:
            return False
        return not self._waiting or self._since_struck >= _BETWEEN_STRUCK

    def _whose_turn(self) -> str | None:
        """Whose file is next: where others wait, or may come back at once, nobody is given every worker."""
        if not self._waiting:
            return None
        is_over = self._turn_files >= A_TURN_FILES or self.clock() >= self._turn_ends
        if is_over and self._whose in self._waiting:
            self._waiting.move_to_end(self._whose)
        first = next(iter(self._waiting))
        if is_over or first != self._whose:
            self._whose, self._turn_files, self._turn_ends = first, 0, self.clock() + A_TURN_SECONDS
        most = max(1, self.workers - 1)
        otherwise = None if self.company.spares_somebody else first
        return next((one for one in self._waiting if self._at_work[one] < most), otherwise)
