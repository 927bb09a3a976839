"""Who may be connected: caps on connections in all and from one address; idle ones are sent away.

At a cap, a connection that has been let in for a while without logging in gives way to a new one,
so silent connections cannot shut out those who log in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from gateway.intake.offences import Offences
from gateway.observe.metrics import CONNECTIONS
from gateway.settings import IntakeLimits

_GRACE_SECONDS = 3.0


class Line(Protocol):
    """What the door needs of a connection."""

    def abort(self) -> None:
        """Close it at once."""


@dataclass(slots=True, eq=False)
class Guest:
    """One connection that was let in. Times in monotonic seconds."""

    line: Line
    address: str
    still_welcome: Callable[[], Awaitable[bool]]
    since: float
    active_at: float
    logged_in: bool = False


class Door:
    """Counts the connections; `clock` gives monotonic seconds."""

    def __init__(self, limits: IntakeLimits, offences: Offences, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._offences = offences
        self._clock = clock
        self._guests: dict[Guest, None] = {}  # Oldest first.

    def __iter__(self) -> Iterator[Guest]:
        """The connections of this moment, oldest first."""
        return iter(tuple(self._guests))

    def enter(self, line: Line, address: str, still_welcome: Callable[[], Awaitable[bool]]) -> Guest | None:
        """Let a new connection in, or None where a cap is reached and nobody gives way."""
        from_there = [guest for guest in self._guests if guest.address == address]
        if len(from_there) >= self._limits.connections_per_address and not self._make_way(from_there):
            self._offences.note("too-many-connections", address)
            return None
        if len(self._guests) >= self._limits.connections and not self._make_way(list(self._guests)):
            self._offences.note("too-many-connections-in-all", address)
            return None
        now = self._clock()
        guest = Guest(line, address, still_welcome, since=now, active_at=now)
        self._guests[guest] = None
        CONNECTIONS.inc()
        return guest

    def _make_way(self, guests: list[Guest]) -> bool:
        """Send away the oldest of `guests` that has not logged in after some seconds."""
        for guest in guests:
            if not guest.logged_in and self.is_silent(guest):
                self.leave(guest)
                guest.line.abort()
                return True
        return False

    def is_silent(self, guest: Guest) -> bool:
        """Whether it has been here for so long that it should have logged in."""
        return self._clock() - guest.since > _GRACE_SECONDS

    def leave(self, guest: Guest) -> None:
        """The connection is gone; harmless when repeated."""
        if guest in self._guests:
            del self._guests[guest]
            CONNECTIONS.dec()

    def touch(self, guest: Guest) -> None:
        """The connection did something."""
        guest.active_at = self._clock()

    def close(self) -> None:
        """Send everybody away."""
        for guest in self:
            guest.line.abort()

    async def look_round(self) -> None:
        """Close logged-in connections that did nothing for too long or whose key is no longer published."""
        for guest in self:
            if guest.logged_in:
                idle = self._clock() - guest.active_at > self._limits.idle_seconds
                if idle or not await guest.still_welcome():
                    guest.line.abort()
