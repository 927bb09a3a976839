"""Slow answers about all schools or all files, computed at most once a minute."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from gateway.mailboxes.desk import Desk
from gateway.mailboxes.hatch.within_the_minute import WithinTheMinute
from gateway.policy.catalogue import Catalogue
from gateway.policy.timescale import FlowStatus
from gateway.registry.flow_status import statuses
from gateway.zones.hatch.act_questions import ActAnswered

LATE = frozenset({"late", "missing"})


@dataclass(frozen=True, slots=True)
class JudgedFlows:
    """The flows `of` each school, as judged at the moment `at`."""

    at: datetime
    of: Mapping[str, Sequence[FlowStatus]]


class Judged:
    """The status of all schools' flows on a day, and the answers of slow acts."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._flows: WithinTheMinute[tuple[date, str, frozenset[str]], JudgedFlows] = WithinTheMinute(clock)
        self.acts: WithinTheMinute[tuple[str, ...], ActAnswered] = WithinTheMinute(clock)

    def flows(self, desk: Desk, catalogue: Catalogue, day: date, enrolled: Collection[str]) -> JudgedFlows:
        """Return the flows of all `enrolled` providers."""

        def judge() -> JudgedFlows:
            now = desk.clock()
            with desk.registry.read() as session:
                found = {provider.id: flows for provider, flows in statuses(session, catalogue, day)}
            return JudgedFlows(now, found)

        return self._flows.of((day, catalogue.digest, frozenset(enrolled)), judge)


def is_late(flows: Sequence[FlowStatus]) -> bool:
    """Return True if any of the flows is late or missing."""
    return any(flow.state in LATE for flow in flows)
