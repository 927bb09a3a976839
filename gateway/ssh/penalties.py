"""Penalties for sources with too many failed logins.

Each offence adds to a source's debt, paid off by time. Below `penalty_least` nothing happens, so a mistyping
person, or a job failing once a minute, never waits. Above, only a few connections are let in, slowly, until
the debt is paid (`door`). A successful login cancels a debt not yet in force.
"""

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from gateway.home.settings import DoorLimits
from gateway.zones.source import source_of

MOST_KNOWN = 4_096
LONGEST_PAUSE = 5.0
_OWED_A_SECOND = 10.0
"""The debt delaying an answer by one second."""


@dataclass(slots=True)
class _Debt:
    """A debt paid off at the monotonic time `until`; `in_force` once large enough."""

    until: float
    in_force: bool = False


class Penalties:
    """The debts of sources; `clock` gives monotonic seconds."""

    def __init__(self, limits: DoorLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._exempt = [ipaddress.ip_network(network) for network in limits.penalty_exempt]
        self._debts: dict[str, _Debt] = {}

    def spare(self, networks: Iterable[str]) -> None:
        """Exempt further networks."""
        self._exempt += [ipaddress.ip_network(network) for network in networks]

    def add(self, address: str, seconds: float) -> None:
        """Add `seconds` to the debt of `address`."""
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
        # Keep the table small: drop paid debts first, then the longest unchanged.
        if len(self._debts) > MOST_KNOWN:
            self._debts = {source: debt for source, debt in self._debts.items() if debt.until > now}
        while len(self._debts) > MOST_KNOWN:
            del self._debts[next(iter(self._debts))]

    def waits(self, address: str) -> float:
        """Return the seconds `address` has to wait; 0 without a debt in force."""
        debt = self._debts.get(source_of(address))
        return max(0.0, debt.until - self._clock()) if debt is not None and debt.in_force else 0.0

    def pause(self, address: str) -> float:
        """Return the seconds to delay an answer to a failure from `address`, growing with failures.

        Zero at first, and LONGEST_PAUSE at most.
        """
        debt = self._debts.get(source_of(address))
        owed = 0.0 if debt is None else debt.until - self._clock()
        return min(LONGEST_PAUSE, max(0.0, owed - self._limits.penalty_least) / _OWED_A_SECOND)

    def settle(self, address: str) -> None:
        """Cancel the debt of `address`, unless in force, after a login."""
        debt = self._debts.get(source_of(address))
        if debt is not None and not debt.in_force:
            del self._debts[source_of(address)]

    def lift(self, source: str) -> bool:
        """Cancel the whole debt of `source`, an address or a /64 network; return False without one."""
        return self._debts.pop(source_of(source.partition("/")[0]), None) is not None

    def __len__(self) -> int:
        """Return the number of sources with a debt, in force or not."""
        return len(self._debts)

    def in_force(self) -> dict[str, float]:
        """Return every waiting source, with the seconds left."""
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
