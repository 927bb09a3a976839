"""How the flows of all schools stand on a day: judged at most once a minute, since that takes a while."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from sqlmodel import Session

from gateway.policy.catalogue import Catalogue
from gateway.policy.timescale import FlowStatus
from gateway.registry.flow_status import statuses

SECONDS = 60.0
_DAYS = 8
LATE = frozenset({"late", "missing"})

Flows = Mapping[str, Sequence[FlowStatus]]
_Asked = tuple[date, str, tuple[str, ...]]


class Judged:
    """Remembers a few days, for any thread. `clock` gives monotonic seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[_Asked, tuple[float, Flows]] = {}

    def flows(self, session: Session, catalogue: Catalogue, day: date, enrolled: Sequence[str]) -> Flows:
        """The flows of all that are `enrolled`, as they stood within the last minute."""
        asked = (day, catalogue.digest, tuple(enrolled))
        with self._lock:  # Who asks meanwhile waits for the same answer.
            now = self._clock()
            known = self._known.get(asked)
            if known is not None and now < known[0] + SECONDS:
                return known[1]
            found = {provider.id: flows for provider, flows in statuses(session, catalogue, day)}
            self._known.pop(asked, None)
            while len(self._known) >= _DAYS:
                del self._known[next(iter(self._known))]
            self._known[asked] = (now, found)
        return found


def is_late(flows: Sequence[FlowStatus]) -> bool:
    """Whether something of these is late or missing."""
    return any(flow.state in LATE for flow in flows)
