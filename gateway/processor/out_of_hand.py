"""Files that were looked at and are to be put on record: given out so that nobody waits for a heap."""

from __future__ import annotations

import queue
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from gateway.home import provider_of
from gateway.passage import Examination
from gateway.processor.turns import A_FEW, Company, shared_out

A_COMMIT = 64
"""As many files as one transaction takes at most."""
IN_A_ROW = 4
"""So many times those come first who need not wait for another's heap; then it is the heap's turn too."""
_A_MOMENT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Finished:
    """A file out of hand: examined, or not, because of a fault of ours or because its child was lost."""

    reference: str
    examination: Examination | None = None
    lost: bool = False


@dataclass(slots=True)
class OutOfHand:
    """What threads `put` here, and one thread takes. `company`: who was about of late.

    `held` is, wherever it is asked for, how many files of each provider are in hand, these among them.
    """

    company: Company
    _inbox: queue.Queue[Finished | None] = field(default_factory=queue.Queue)
    _here: list[Finished] = field(default_factory=list)
    _in_a_row: int = 0

    def put(self, item: Finished | None) -> None:
        """One that is finished; nothing, to end a wait."""
        self._inbox.put(item)

    def wait(self, seconds: float | None, held: Counter[str]) -> Sequence[Finished]:
        """Sleep until something happened; what is out of hand by then, as much as one transaction takes."""
        if not self._here:
            self._receive(seconds)
        return self.so_far(held)[0]

    def so_far(self, held: Counter[str]) -> tuple[Sequence[Finished], bool]:
        """What is out of hand by now, as much as one transaction takes, and whether somebody wants a look.

        Those come first who have least in hand, few of each where somebody is spared; the rest is given out
        the next time. Whoever has all inside, and that is little, goes before who has more outside, and that
        waits a moment for what is being looked at of theirs.
        """
        woken = self._receive_all()
        first = self._first_served(held)
        if first and self._here and not self._of(first):
            woken |= self._receive(_A_MOMENT_SECONDS)
            woken |= self._receive_all()
        if found := self._of(first):
            self._in_a_row += 1
        else:
            self._in_a_row, found = 0, self._here
        return self._given_out(found, held), woken

    def hurried(self, held: Counter[str]) -> Sequence[Finished]:
        """What is out of hand by now of those who go before another's heap."""
        if self._receive_all():
            self.put(None)  # It is still to be heard.
        found = self._of(self._first_served(held))
        self._in_a_row += bool(found)
        return self._given_out(found, held)

    def _first_served(self, held: Counter[str]) -> set[str]:
        return self.company.first_served(held) if self._in_a_row < IN_A_ROW else set()

    def _of(self, providers: set[str]) -> list[Finished]:
        return [item for item in self._here if provider_of(item.reference) in providers]

    def _given_out(self, items: Sequence[Finished], held: Counter[str]) -> Sequence[Finished]:
        files = {item.reference: item for item in items}
        each = self.company.portion(A_COMMIT, A_FEW, set(map(provider_of, files)))
        found = shared_out(files, held, room=A_COMMIT, each=each)
        self._here = [item for item in self._here if item.reference not in found]
        return [files[reference] for reference in found]

    def _receive(self, seconds: float | None) -> bool:
        """Wait for one; whether it is that somebody wants a look."""
        with suppress(queue.Empty):
            return self._received(self._inbox.get(timeout=seconds))
        return False

    def _receive_all(self) -> bool:
        """Take in what there is; whether somebody wants a look."""
        woken = False
        with suppress(queue.Empty):
            while True:
                woken |= self._received(self._inbox.get_nowait())
        return woken

    def _received(self, item: Finished | None) -> bool:
        self._here += [] if item is None else [item]
        return item is None
