"""Uploads that are safe in the sealed store, are being decided, and of which nothing is on record yet.

Each still waits in the spool, so that a crash loses none: it is claimed again. Most are decided within a
moment and go on record with what was decided. One that takes longer is put on record as landed, and its
provider is told that it is.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace

from gateway.model import Upload

A_MOMENT_SECONDS = 1.0
"""Uploads that are not decided by then are put on record as landed."""


@dataclass(frozen=True, slots=True)
class _Claimed:
    """An upload as it is called inside, the reference that it has in the spool, and when it was claimed."""

    upload: Upload
    there: str
    since: float


@dataclass(slots=True)
class InProgress:
    """Used by one thread. `clock` gives monotonic seconds."""

    clock: Callable[[], float]
    _claimed: dict[str, _Claimed] = field(default_factory=dict)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._claimed)

    def add(self, uploads: Mapping[str, Upload]) -> None:
        """Note uploads that were just claimed, by the references that they have in the spool."""
        now = self.clock()
        self._claimed |= {one.reference: _Claimed(one, there, now) for there, one in uploads.items()}

    @property
    def uploads(self) -> dict[str, Upload]:
        """The uploads by their references inside, oldest first."""
        return {reference: one.upload for reference, one in self._claimed.items()}

    @property
    def in_spool(self) -> set[str]:
        """The references that they have in the spool."""
        return {one.there for one in self._claimed.values()}

    def late(self, *, all_of_them: bool = False) -> dict[str, Upload]:
        """Return those that are not decided after a moment, by their references in the spool."""
        before = self.clock() - A_MOMENT_SECONDS
        return {one.there: one.upload for one in self._claimed.values() if all_of_them or one.since <= before}

    def hold_up(self, reference: str) -> None:
        """Note that something keeps an upload from being decided: it is late from now on."""
        if (claimed := self._claimed.get(reference)) is not None:
            self._claimed[reference] = replace(claimed, since=float("-inf"))

    def take_out(self, references: Iterable[str]) -> Collection[str]:
        """Forget uploads that are on record now; the references that they have in the spool."""
        taken = (self._claimed.pop(reference, None) for reference in references)
        return [one.there for one in taken if one is not None]
