"""Record the hosts that share a registry in PostgreSQL, take their reports, and keep who owns the registry.

A registry in PostgreSQL is owned either by one processor, or by the processors of all hosts that share the
work. The owners' sessions, named after the hosts, hold an advisory lock. When a process stands still or a
host is cut off, the server ends the session, and another host's processor may begin. The leader of several
hosts holds a second lock, and each host one on its name, so that no two machines work under one name. A
processor that has lost ownership does no harm: an outcome counts only while the file is landed.
"""

import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import KW_ONLY, dataclass
from datetime import datetime
from typing import Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError, SQLAlchemyError
from sqlmodel import Session

from gateway.errors import Fault
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.registry.locks import CLOCK_SECONDS

LEADER_LOCK = 0x67617465_726F756E  # "gateroun"
"""The advisory lock of the leader."""
SILENT_SECONDS = 20.0
"""Seconds without a report after which a host counts as gone: it reports every five."""
_SAID = "gateway-host"
_LOCK = 0x67617465_70726F63  # "gateproc"
_REPORT_SECONDS = 5.0
_LOST = SQLAlchemyError, OSError
"""Errors after which a host owns nothing, until it has a session in which it can report."""
_SETTING = "SET idle_session_timeout = '40s'"
_REPORT = text(
    "INSERT INTO host (name, added_at, seen_at, spool, oldest_seconds, ahead_seconds, holds)"
    " VALUES (:name, now(), now(), :spool, :oldest_seconds, :ahead_seconds, :holds)"
    " ON CONFLICT (name) DO UPDATE SET seen_at = now(), spool = :spool, oldest_seconds = :oldest_seconds,"
    " ahead_seconds = :ahead_seconds, holds = :holds"
)
_LOCK_NAME = text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
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
    """A host on record, as of its last report: `spool` uploads wait there, the oldest for `oldest_seconds`.

    `since`: the start of the host's database session; None without one. `silent_seconds`: since the last
    report; before the first report, since the host was put on record. `ahead_seconds`: how far the host's
    clock is ahead of the database's. `holds`: the gateway's keys there. `leads`: the host is the leader.
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
        """True if the host's clock is over CLOCK_SECONDS off the database's: the host may record nothing."""
        return abs(self.ahead_seconds) > CLOCK_SECONDS


def session_name(name: str) -> str:
    """Return the name under which PostgreSQL shows a host's database session (`application_name`)."""
    return f"{_SAID}/{name}"


def report(connection: Connection, name: str, *, holds: Sequence[str], **said: float) -> None:
    """Store and commit the report of the host `name`, in place of the host's last report.
    `holds` names the gateway's keys on the host; `said` has values for other columns of `HostRow`, by name.
    """
    connection.execute(_REPORT, {"name": name, "holds": " ".join(holds), **said})


def expect(session: Session, name: str) -> None:
    """Put a host on record before its first report. Do nothing if the host is on record."""
    session.execute(_EXPECT, {"name": name})


def forget(session: Session, name: str) -> None:
    """Delete a host from the record."""
    session.execute(text("DELETE FROM host WHERE name = :name"), {"name": name})


def was_removed(session: Session, name: str) -> bool:
    """Return True if, by the log, a host of this name was removed and none was added under the name since."""
    steps = [one.kind for one in log.events(session, name) if one.kind in {"host-added", "host-removed"}]
    return steps[-1:] == ["host-removed"]


def empty(session: Session, name: str) -> None:
    """Record that the spool of the host `name` is empty, because another host has taken over the uploads."""
    session.execute(text("UPDATE host SET spool = 0, oldest_seconds = 0 WHERE name = :name"), {"name": name})


def known(session: Session) -> list[Host]:
    """Return the hosts on record, by name; none on a registry in SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return []
    asked = {"high": LEADER_LOCK >> 32, "low": LEADER_LOCK & 0xFFFFFFFF, "said": session_name("")}
    found = []
    for name, seen_at, silent, spool, oldest, ahead, holds, since, leads in session.execute(_KNOWN, asked):
        age = oldest + float(silent) if spool else 0.0  # The oldest upload of the last report has aged since.
        held = frozenset(holds.split())
        found.append(Host(name, seen_at, float(silent), spool, age, ahead, held, since, leads))
    return found


@dataclass(eq=False)
class Ownership:
    """The right to work with a registry, held inside `with`: by one processor, or `shared` by several hosts.
    A thread calls `report` with the session's connection every `report_seconds`, so the host reports and the
    database server keeps the session open. `name`: the name of the session. `terms`: how often this host has
    become the leader. `confirmed_at`: when the database last confirmed the locks, in seconds since 1970, or
    infinite for SQLite.
    """

    registry: Registry
    report_seconds: float = _REPORT_SECONDS
    _: KW_ONLY
    shared: bool = False
    name: str = "gateway"
    report: Callable[[Connection], None] = lambda _connection: None

    def __post_init__(self) -> None:
        """Prepare the thread that keeps the session open."""
        self._has_leader_lock, self.terms = False, 0
        self.confirmed_at = 0.0 if self.registry.is_shared else float("inf")
        self._lock, self._over = threading.Lock(), threading.Event()
        self._connection: Connection | None = None
        self._session = ExitStack()
        self._reporting = threading.Thread(target=self._keep_reporting, name="owner", daemon=True)

    def __enter__(self) -> Self:
        """Take the lock on the registry. Fault if another processor has the lock, or the database fails."""
        self.hold()
        if self.registry.is_shared:
            self._reporting.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        self._over.set()
        if self.registry.is_shared:
            self._reporting.join()
        self._session.close()

    def hold(self) -> None:
        """Take the lock if not held, at first or after a lost connection. Do nothing in SQLite.
        Fault where another processor owns the registry, or the database does not answer.
        """
        with self._lock:
            if self._connection is not None or not self.registry.is_shared:
                return
            with ExitStack() as session:
                connection = session.enter_context(self.registry.alone())
                try:
                    connection.execute(text(_SETTING))
                    function = "pg_try_advisory_lock_shared" if self.shared else "pg_try_advisory_lock"
                    if not _try(connection, function, _LOCK):
                        if self.shared:
                            raise Fault("a processor that shares no work is at work on this registry")
                        raise Fault("the processor of another host is at work on this registry")
                    if self.shared and not connection.scalar(_LOCK_NAME, {"name": self.name}):
                        raise Fault(
                            "another machine is at work under this host's name: give each a name of its "
                            "own in [host] of gateway.toml; after a cut in the network, wait a minute"
                        )
                    self._report_once(connection)
                except DatabaseError as error:
                    raise Fault(f"the registry did not answer: {error.orig}") from None
                self._connection, self._session = connection, session.pop_all()

    def leads(self) -> bool:
        """Return True on the leader, or the only host."""
        if not self.shared:
            return True
        with self._lock:
            if self._connection is None:
                return False
            try:
                if not self._has_leader_lock:
                    self._has_leader_lock = _try(self._connection, "pg_try_advisory_lock", LEADER_LOCK)
                    self.terms += self._has_leader_lock
                elif not 0 <= time.time() - self.confirmed_at < 2 * self.report_seconds:
                    self._report_once(self._connection)  # It stood still: another may lead by now.
            except _LOST:
                self._lose()
            return self._has_leader_lock

    def _lose(self) -> None:
        self._connection, self._has_leader_lock = None, False
        self._session.close()

    def _keep_reporting(self) -> None:
        while not self._over.wait(self.report_seconds):
            with self._lock:
                if self._connection is None:
                    continue
                try:
                    self._report_once(self._connection)
                except _LOST:
                    self._lose()

    def _report_once(self, connection: Connection) -> None:
        began = time.time()
        connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": self.name})
        self.confirmed_at = began
        self.report(connection)


def _try(connection: Connection, function: str, lock: int) -> bool:
    return bool(connection.scalar(text(f"SELECT {function}(:lock)"), {"lock": lock}))
