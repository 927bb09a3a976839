"""What takes a while to work out, of all schools or all files: worked out at most once a minute."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import date
from typing import Generic, TypeVar

from sqlmodel import Session

from gateway.policy.catalogue import Catalogue
from gateway.policy.timescale import FlowStatus
from gateway.registry.flow_status import statuses
from gateway.reports.document import Document
from gateway.reports.retention import Plan

SECONDS = 60.0
_MOST = 8
LATE = frozenset({"late", "missing"})

Flows = Mapping[str, Sequence[FlowStatus]]
K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class WithinTheMinute(Generic[K, V]):
    """Remembers a few answers, for any thread. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[K, tuple[float, V]] = {}

    def of(self, asked: K, work: Callable[[], V]) -> V:
        """The answer as it was within the last minute; it is worked out where there is none."""
        with self._lock:  # Who asks meanwhile waits for the same answer.
            now = self._clock()
            known = self._known.get(asked)
            if known is not None and now < known[0] + SECONDS:
                return known[1]
            found = work()
            self._known.pop(asked, None)
            while len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[asked] = (now, found)
        return found


class Judged:
    """How the flows of all schools stand on a day; reviews; what is due for deletion."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._flows: WithinTheMinute[tuple[date, str, tuple[str, ...]], Flows] = WithinTheMinute(clock)
        self.reviews: WithinTheMinute[tuple[date, date, str], Document] = WithinTheMinute(clock)
        self.plans: WithinTheMinute[str, Plan] = WithinTheMinute(clock)

    def flows(self, session: Session, catalogue: Catalogue, day: date, enrolled: Sequence[str]) -> Flows:
        """The flows of all that are `enrolled`."""
        return self._flows.of(
            (day, catalogue.digest, tuple(enrolled)),
            lambda: {provider.id: flows for provider, flows in statuses(session, catalogue, day)},
        )


def is_late(flows: Sequence[FlowStatus]) -> bool:
    """Whether something of these is late or missing."""
    return any(flow.state in LATE for flow in flows)
