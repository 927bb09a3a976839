"""Limit connections: in all, of each source, and of each provider or person; and penalise failed logins.

At a limit, an idle connection is closed for a new one: first one that has not logged in for some time, then
one without a session. If no connection is idle, the source with most connections before a login loses one of
them to a source with fewer. So idle connections, or repeated ones from a few addresses, cannot shut others
out. A penalised source may still make a few connections, with a delay, and log in with a valid key: another
client may share its address.
"""

import ipaddress
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prometheus_client import Counter as Metric

from gateway.home.settings import DoorLimits
from gateway.observe.metrics import DoorCounts
from gateway.zones.penalty_files import source_of

# Each offence adds to a source's debt in seconds, paid off by time. Below `penalty_least` nothing happens, so
# a mistyping person, or a job that fails once a minute, never waits. Above, only a few connections are let
# in, slowly, until the debt is paid. A login cancels a debt not yet in force.

MOST_KNOWN = 4_096
LONGEST_PAUSE = 5.0
_OWED_A_SECOND = 10.0
"""Seconds of debt that delay an answer by one second."""


class Penalties:
    """The penalties of all sources; `clock` returns monotonic seconds."""

    def __init__(self, limits: DoorLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._exempt = [ipaddress.ip_network(network) for network in limits.penalty_exempt]
        # Of each source, until when, and whether the debt was ever long enough to count.
        self._debts: dict[str, tuple[float, bool]] = {}

    def spare(self, networks: Iterable[str]) -> None:
        """Exempt the addresses in some networks from penalties, besides those exempt already."""
        self._exempt += [ipaddress.ip_network(network) for network in networks]

    def add(self, address: str, seconds: float) -> None:
        """Add seconds to the penalty of an address's source."""
        source = source_of(address)
        network = ipaddress.ip_network(source)
        start = network.network_address
        if seconds <= 0 or any(start in one for one in self._exempt if one.version == network.version):
            return
        now = self._clock()
        until, in_force = self._debts.pop(source, (now, False))
        if until <= now:
            until, in_force = now, False
        until = min(until + seconds, now + self._limits.penalty_most)
        self._debts[source] = until, in_force or until - now >= self._limits.penalty_least
        # Keep the table small: drop paid debts first, then the longest unchanged.
        if len(self._debts) > MOST_KNOWN:
            self._debts = {source: debt for source, debt in self._debts.items() if debt[0] > now}
        while len(self._debts) > MOST_KNOWN:
            del self._debts[next(iter(self._debts))]

    def waits(self, address: str) -> float:
        """Return the seconds until the penalty of an address's source ends; 0 without a penalty in force."""
        until, in_force = self._debts.get(source_of(address), (0.0, False))
        return max(0.0, until - self._clock()) if in_force else 0.0

    def pause(self, address: str) -> float:
        """Return the delay of the answer to a failed login, in seconds: 0 at first, 5 at most."""
        debt = self._debts.get(source_of(address))
        owed = 0.0 if debt is None else debt[0] - self._clock()
        return min(LONGEST_PAUSE, max(0.0, owed - self._limits.penalty_least) / _OWED_A_SECOND)

    def settle(self, address: str) -> None:
        """Forget failures of a source after a login; a penalty already in force stays."""
        debt = self._debts.get(source_of(address))
        if debt is not None and not debt[1]:
            del self._debts[source_of(address)]

    def lift(self, source: str) -> bool:
        """Cancel the penalty of a source (an address or a /64 network); return False if it has none."""
        return self._debts.pop(source_of(source.partition("/")[0]), None) is not None

    def in_force(self) -> dict[str, float]:
        """Return every source with a penalty in force, with the seconds left."""
        now = self._clock()
        debts = self._debts.items()
        return {source: until - now for source, (until, in_force) in debts if in_force and until > now}


_log = logging.getLogger(__name__)

_SECONDS = 60.0
_KNOWN = 4_096


class Offences:
    """The log of clients' offences, with at most one line a minute for each kind and address.
    `clock` returns monotonic seconds; the metric `counts` counts every offence.
    """

    def __init__(self, clock: Callable[[], float], counts: Metric) -> None:
        self._clock = clock
        self._counts = counts
        # Of each offence, time and level of the last log line, and the number of offences since then.
        self._told: dict[tuple[str, str, str], tuple[float, int, int]] = {}

    def note(self, code: str, address: str, *, level: int = logging.WARNING, detail: str = "") -> None:
        """Log the offence `code` of an address; if it was logged less than a minute ago, only count it.
        `detail` describes a failure of the gateway itself, and contains no text from outside.
        """
        self._counts.labels(code).inc()
        now, key = self._clock(), (code, address, detail)
        at, as_level, since = self._told.pop(key, (-math.inf, level, 0))
        if now - at < _SECONDS:
            self._told[key] = at, as_level, since + 1
            return
        _tell(key, level, since)
        self._told[key] = now, level, 0
        while len(self._told) > _KNOWN:
            del self._told[next(iter(self._told))]

    def look_round(self) -> None:
        """Log how often each offence was repeated within a minute of its first log line; then forget them."""
        before = self._clock() - _SECONDS
        for key, (at, level, since) in list(self._told.items()):
            if at < before:
                del self._told[key]
                if since:
                    _tell(key, level, since)


def _tell(key: tuple[str, str, str], level: int, since: int) -> None:
    code, address, detail = key
    line = f"offence code={code} address={address} suppressed={since} {detail}"
    _log.log(level, "%s", line.rstrip())


_GRACE_SECONDS = 3.0


@dataclass(slots=True, eq=False)
class Guest:
    """A connection let in by `Door`, before or after its login. Times are monotonic seconds.
    `name`: the provider or person; None before the login. `abort` closes the connection at once.
    `still_welcome` returns True while the key that logged in is in force. `held`: the seconds for which a
    penalty delays the first read. `sessions`: the number of open sessions.
    """

    abort: Callable[[], None]
    address: str
    source: str
    still_welcome: Callable[[], Awaitable[bool]]
    since: float
    active_at: float
    held: float = 0.0
    name: str | None = None
    sessions: int = 0


class Door:
    """The connections of a service and their limits; `clock` returns monotonic seconds.
    `each`: how many connections, and how many sessions, one provider or person may have.
    """

    def __init__(
        self, limits: DoorLimits, counts: DoorCounts, clock: Callable[[], float], each: tuple[int, int]
    ) -> None:
        self.limits = limits
        self._connections_each, self._sessions_each = each
        self.offences = Offences(clock, counts.offences)
        self.penalties = Penalties(limits, clock)
        self.counts = counts
        self._clock = clock
        self._guests: dict[Guest, None] = {}  # Oldest first.
        self.balancers: Sequence[str] = ()

    def trust(self, balancers: Sequence[str]) -> None:
        """Believe the client addresses in PROXY headers from the networks `balancers`, and from nobody else.
        The networks are exempt from penalties, since load balancers connect without a login to check the
        service.
        """
        self.penalties.spare(set(balancers).difference(self.balancers))
        self.balancers = balancers

    def __iter__(self) -> Iterator[Guest]:
        """Iterate over the connections, oldest first."""
        return iter(tuple(self._guests))

    def enter(
        self, abort: Callable[[], None], address: str, still_welcome: Callable[[], Awaitable[bool]]
    ) -> Guest | None:
        """Admit and return a new connection, at a limit by closing another; return None to refuse it.
        A connection is refused if none can be closed, or if a penalised source has too many. `abort` closes
        the new connection; `still_welcome` returns True, after a login, while the key is in force.
        """
        source = source_of(address)
        from_there = [guest for guest in self._guests if guest.source == source]
        held = self._held(address, from_there)
        if held is None:
            return None
        if len(from_there) >= self.limits.connections_per_address and not self._make_way(from_there):
            self.offences.note("too-many-connections", address)
            return None
        full = len(self._guests) >= self.limits.connections
        if full and not (self._make_way(self._guests) or self._share(from_there)):
            self.offences.note("too-many-connections-in-all", address)
            return None
        now = self._clock()
        guest = Guest(abort, address, source, still_welcome, since=now, active_at=now, held=held)
        self._guests[guest] = None
        self.counts.connections.inc()
        return guest

    def _held(self, address: str, from_there: Iterable[Guest]) -> float | None:
        """Return the delay of a new connection in seconds, 0 without a penalty; None to refuse the
        connection. `from_there`: the present connections of the same source.
        """
        if not self.penalties.waits(address):
            return 0.0
        judged = [guest for guest in from_there if guest.name is None]
        if len(judged) >= self.limits.penalty_trials and not self._send_away(filter(self.is_silent, judged)):
            self.offences.note("connects-during-penalty", address)
            return None
        return self.limits.penalty_pace * (1 + min(len(judged), self.limits.penalty_trials - 1))

    def log_in(self, guest: Guest, name: str) -> bool:
        """Record a login; return False where the provider or person has too many connections.
        At the limit, a connection of the same provider or person is closed if it has no session.
        """
        guest.active_at = self._clock()
        of_name = self._of(name)
        if len(of_name) >= self._connections_each and not self._send_away(
            other for other in of_name if not other.sessions
        ):
            self.offences.note("too-many-connections-of-one", guest.address)
            return False
        guest.name = name
        self.penalties.settle(guest.address)
        self.counts.logins.inc()
        return True

    def begin_session(self, guest: Guest) -> bool:
        """Count a new session of a connection and return True; at a limit, count nothing and return False."""
        if guest.sessions >= self.limits.sessions_per_connection:
            self.offences.note("too-many-sessions", guest.address)
            return False
        if guest.name is None or self.sessions_of(guest.name) >= self._sessions_each:
            self.offences.note("too-many-sessions-of-one", guest.address)
            return False
        guest.sessions += 1
        return True

    def end_session(self, guest: Guest) -> None:
        """Count one open session less for a logged-in connection."""
        guest.sessions -= 1
        guest.active_at = self._clock()

    def sessions_of(self, name: str) -> int:
        """Return the number of sessions of one provider or person."""
        return sum(guest.sessions for guest in self._of(name))

    def _of(self, name: str) -> list[Guest]:
        return [guest for guest in self._guests if guest.name == name]

    def _make_way(self, guests: Iterable[Guest]) -> bool:
        """Close one idle connection without sessions among `guests`; return False if there is none.
        A connection without a login is closed first.
        """
        silent = [guest for guest in guests if not guest.sessions and self.is_silent(guest)]
        return self._send_away(sorted(silent, key=lambda guest: guest.name is not None))

    def _share(self, from_there: Iterable[Guest]) -> bool:
        """Make room for a new connection by closing one of the source with most connections before a login.
        `from_there`: the connections of the newcomer's source. Close nothing and return False unless the
        newcomer's source, with the new connection, would still have fewer.
        """
        entering = [guest for guest in self._guests if guest.name is None]
        if not entering:
            return False
        (most, number), *_ = Counter(guest.source for guest in entering).most_common(1)
        own = sum(guest.name is None for guest in from_there)
        return number > own + 1 and self._send_away(guest for guest in entering if guest.source == most)

    def _send_away(self, guests: Iterable[Guest]) -> bool:
        """Close the first of `guests`; return False if there are none."""
        for guest in guests:
            self.leave(guest)
            guest.abort()
            return True
        return False

    def is_silent(self, guest: Guest) -> bool:
        """Return True if a connection was idle for more than 3 seconds, not counting a penalty's delay."""
        return self._clock() - guest.active_at > guest.held + _GRACE_SECONDS

    def leave(self, guest: Guest) -> None:
        """Remove a closed connection from the counts; may be repeated."""
        if guest in self._guests:
            del self._guests[guest]
            self.counts.connections.dec()

    def punish(self, guest: Guest, *, tried: bool) -> None:
        """Penalise the source of a connection that ended without a login; `tried`: the client gave a name."""
        if tried:
            self.offences.note("login-failed", guest.address)
            owed = self.limits.penalty_login_failed
        elif self.is_silent(guest):
            self.offences.note("silent-connection", guest.address)
            owed = self.limits.penalty_silent
        else:
            owed = self.limits.penalty_left
        self.penalties.add(guest.address, owed)

    def touch(self, guest: Guest) -> None:
        """Record activity of a connection."""
        guest.active_at = self._clock()

    def close(self) -> None:
        """Abort every connection."""
        for guest in self:
            guest.abort()

    async def look_round(self) -> None:
        """Close logged-in connections that are idle for too long or whose key is no longer in force.
        Also log how often clients repeated an offence.
        """
        self.offences.look_round()
        for guest in self:
            allowed = self.limits.idle_seconds if guest.sessions else self.limits.sessionless_seconds
            is_idle = self._clock() - guest.active_at > allowed
            if guest.name is not None and (is_idle or not await guest.still_welcome()):
                guest.abort()
