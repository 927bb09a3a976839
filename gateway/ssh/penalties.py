"""Sources that have to wait, because they failed to log in too often.

Each offence adds to what a source owes; what is owed passes with time. Nothing happens before it owes
`penalty_least`, so somebody who mistypes, or a job that fails once a minute, never has to wait. From then
on only a few of its connections are let in, slowly, until it owes nothing (`door`). A successful login
settles what has not come into force yet.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.home.settings import DoorLimits
from gateway.zones.source import source_of

MOST_KNOWN = 4_096
LONGEST_PAUSE = 5.0
_OWED_A_SECOND = 10.0
"""So much of what is owed keeps an answer back for a second."""


@dataclass(slots=True)
class _Debt:
    """Paid off at the monotonic time `until`; `in_force` once it was large enough."""

    until: float
    in_force: bool = False


class Penalties:
    """Counts what sources owe; `clock` gives monotonic seconds."""

    def __init__(self, limits: DoorLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._exempt = [ipaddress.ip_network(network) for network in limits.penalty_exempt]
        self._debts: dict[str, _Debt] = {}

    def spare(self, networks: Iterable[str]) -> None:
        """Let these networks never have to wait either."""
        self._exempt += [ipaddress.ip_network(network) for network in networks]

    def add(self, address: str, seconds: float) -> None:
        """Let `address` owe `seconds` more."""
        source = source_of(address)
        if seconds <= 0 or self._is_exempt(source):
            return
        now = self._clock()
        debt = self._debts.pop(source, None) or _Debt(now)
        if debt.until <= now:
            debt = _Debt(now)
        debt.until = min(debt.until + seconds, now + self._limits.penalty_most)
        debt.in_force |= debt.until - now >= self._limits.penalty_least
        self._debts[source] = debt
        self._forget(now)

    def waits(self, address: str) -> float:
        """How many seconds `address` has to wait; 0 where it is welcome."""
        debt = self._debts.get(source_of(address))
        return max(0.0, debt.until - self._clock()) if debt is not None and debt.in_force else 0.0

    def pause(self, address: str) -> float:
        """For how many seconds an answer to a failure from `address` is kept back: the longer, the more fail.

        None at first, and LONGEST_PAUSE at most.
        """
        debt = self._debts.get(source_of(address))
        owed = 0.0 if debt is None else debt.until - self._clock()
        return min(LONGEST_PAUSE, max(0.0, owed - self._limits.penalty_least) / _OWED_A_SECOND)

    def settle(self, address: str) -> None:
        """Somebody logged in from `address`: what is not in force yet is forgiven."""
        debt = self._debts.get(source_of(address))
        if debt is not None and not debt.in_force:
            del self._debts[source_of(address)]

    def lift(self, source: str) -> bool:
        """Forgive everything that `source`, an address or a /64 network as listed, owes; whether it owed."""
        return self._debts.pop(source_of(source.partition("/")[0]), None) is not None

    def __len__(self) -> int:
        """How many sources are remembered, whether they have to wait or not."""
        return len(self._debts)

    def in_force(self) -> dict[str, float]:
        """Every source that has to wait, and for how many seconds."""
        now = self._clock()
        return {
            source: debt.until - now
            for source, debt in self._debts.items()
            if debt.in_force and debt.until > now
        }

    def _is_exempt(self, source: str) -> bool:
        network = ipaddress.ip_network(source)
        return any(
            network.version == exempt.version and network.network_address in exempt for exempt in self._exempt
        )

    def _forget(self, now: float) -> None:
        """Keep the table small: what is paid off goes first, then what was added to longest ago."""
        if len(self._debts) > MOST_KNOWN:
            self._debts = {source: debt for source, debt in self._debts.items() if debt.until > now}
        while len(self._debts) > MOST_KNOWN:
            del self._debts[next(iter(self._debts))]
