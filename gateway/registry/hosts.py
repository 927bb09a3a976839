"""Hosts that share a registry in PostgreSQL: those expected, and the state that each reports.

A processor holds a database session named after its host, and every few seconds updates the host's row. A
host is put on record by its first report, or when another host hands it a home.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text
from sqlmodel import Session

ROUNDS = 0x67617465_726F756E  # "gateroun"
"""The lock of the host doing the work done once for all."""
SILENT_SECONDS = 20.0
"""Seconds after which a host that says nothing counts as gone: it speaks every five."""
CLOCK_SECONDS = 5.0
"""Seconds by which the clock of a host may differ from the database's."""
_SAID = "gateway-host"
_SAYS = text(
    "INSERT INTO host (name, added_at, seen_at, spool, oldest_seconds, ahead_seconds, holds)"
    " VALUES (:name, now(), now(), :spool, :oldest_seconds, :ahead_seconds, :holds)"
    " ON CONFLICT (name) DO UPDATE SET seen_at = now(), spool = :spool, oldest_seconds = :oldest_seconds,"
    " ahead_seconds = :ahead_seconds, holds = :holds"
)
_EXPECT = text("INSERT INTO host (name, added_at) VALUES (:name, now()) ON CONFLICT (name) DO NOTHING")
_KNOWN = text(
    "SELECT h.name, h.seen_at, extract(epoch FROM now() - coalesce(h.seen_at, h.added_at)) AS silent_seconds,"
    " h.spool, h.oldest_seconds, h.ahead_seconds, h.holds, a.backend_start AS since, coalesce(a.leads, false)"
    " FROM host h LEFT JOIN (SELECT a.application_name, min(a.backend_start) AS backend_start,"
    "  bool_or(EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.granted AND l.locktype = 'advisory'"
    "  AND l.classid = :high AND l.objid = :low AND l.objsubid = 1)) AS leads FROM pg_stat_activity a"
    "  WHERE a.datname = current_database() GROUP BY a.application_name) a"
    " ON a.application_name = :said || h.name ORDER BY h.name"
)


@dataclass(frozen=True, slots=True)
class Host:
    """A host on record, as of its last report. Ages in seconds.

    `since`: the start of the host's session; None without a session. `silent_seconds`: since the last report,
    or since the host was put on record. `ahead_seconds`: how far the host's clock is ahead of the database's.
    """

    name: str
    seen_at: datetime | None
    silent_seconds: float
    spool: int
    oldest_seconds: float
    ahead_seconds: float
    holds: frozenset[str]
    since: datetime | None
    leads: bool

    @property
    def is_at_work(self) -> bool:
        """True if the host's last report is at most SILENT_SECONDS old."""
        return self.seen_at is not None and self.silent_seconds < SILENT_SECONDS

    @property
    def is_clock_wrong(self) -> bool:
        """True if the host's clock differs too much from the database's: it may not date any record."""
        return abs(self.ahead_seconds) > CLOCK_SECONDS


def session_name(name: str) -> str:
    """Return the name of a host's database session, at most 63 characters."""
    return f"{_SAID}/{name}"


def say(
    connection: Connection,
    name: str,
    *,
    spool: int,
    oldest_seconds: float,
    ahead_seconds: float,
    holds: Sequence[str],
) -> None:
    """Store a host's report (spool, clock, keys), at once and in no transaction."""
    said: dict[str, Any] = {"spool": spool, "oldest_seconds": oldest_seconds, "ahead_seconds": ahead_seconds}
    connection.execute(_SAYS, {"name": name, "holds": " ".join(holds), **said})


def expect(session: Session, name: str) -> None:
    """Put a host on record before its first report; harmless if known."""
    session.execute(_EXPECT, {"name": name})


def forget(session: Session, name: str) -> None:
    """Delete a host from the record."""
    session.execute(text("DELETE FROM host WHERE name = :name"), {"name": name})


def empty(session: Session, name: str) -> None:
    """Record a host's spool as emptied by another host."""
    session.execute(text("UPDATE host SET spool = 0, oldest_seconds = 0 WHERE name = :name"), {"name": name})


def known(session: Session) -> list[Host]:
    """Return the hosts on record, by name; none on a registry in SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return []
    asked = {"high": ROUNDS >> 32, "low": ROUNDS & 0xFFFFFFFF, "said": session_name("")}
    found = []
    for name, seen_at, silent, spool, oldest, ahead, holds, since, leads in session.execute(_KNOWN, asked):
        age = oldest + float(silent) if spool else 0.0  # As far as is known, it waits still.
        held = frozenset(holds.split())
        found.append(Host(name, seen_at, float(silent), spool, age, ahead, held, since, leads))
    return found


def live(session: Session) -> list[Host]:
    """Return the hosts that reported in the last seconds, by name; none on a registry in SQLite."""
    return [host for host in known(session) if host.is_at_work]
