"""Ownership of a registry: by one processor, or by all hosts sharing the work in PostgreSQL.

A database session holds an advisory lock and queries every few seconds. Where the process stands still or the
host is cut off, the server ends the session, and another host's processor may begin. Among hosts sharing the
work, one, the leader, holds a second lock. SQLite has one host, whose processor locks the home.

A processor without ownership does no harm: an outcome counts only while the file is landed.
"""

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self

from sqlalchemy import Connection, text
from sqlalchemy.exc import DatabaseError

from gateway.errors import Fault
from gateway.registry.database import Registry
from gateway.registry.hosts import ROUNDS

_LOCK = 0x67617465_70726F63  # "gateproc"
_SAYS_SECONDS = 5.0
_SETTINGS = (
    "SET idle_session_timeout = '40s'",
    # The server notices a lost host within half a minute.
    "SET tcp_keepalives_idle = 10",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 4",
)


class Ownership:
    """The lock on a registry inside `with`: for one processor alone, or shared by cooperating hosts."""

    def __init__(
        self,
        registry: Registry,
        says_seconds: float = _SAYS_SECONDS,
        *,
        shared: bool = False,
        name: str = "gateway",
        says: Callable[[Connection], None] = lambda _connection: None,
    ) -> None:
        self._registry = registry
        self._says_seconds = says_seconds
        self._shared = shared
        self._name = name
        self._says = says
        self._has_rounds = False
        self._lock = threading.Lock()
        self._connection: Connection | None = None
        self._session = ExitStack()
        self._over = threading.Event()
        self._saying = threading.Thread(target=self._say, name="owner", daemon=True)

    def __enter__(self) -> Self:
        """Take the lock on the registry. Fault as for `hold`."""
        self.hold()
        if self._registry.is_shared:
            self._saying.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Release the lock."""
        self._over.set()
        if self._registry.is_shared:
            self._saying.join()
        self._session.close()

    def hold(self) -> None:
        """Take the lock, unless held already; also again after a lost connection.

        Fault where another processor owns the registry, or the database does not answer.
        """
        with self._lock:
            if self._connection is not None or not self._registry.is_shared:
                return
            with ExitStack() as session:
                connection = session.enter_context(self._registry.alone())
                try:
                    for setting in _SETTINGS:
                        connection.execute(text(setting))
                    function = "pg_try_advisory_lock_shared" if self._shared else "pg_try_advisory_lock"
                    taken = _try(connection, function, _LOCK)
                except DatabaseError as error:
                    raise Fault(f"the registry did not answer: {error.orig}") from None
                if not taken and self._shared:
                    raise Fault("a processor that shares no work is at work on this registry")
                if not taken:
                    raise Fault("the processor of another host is at work on this registry")
                self._speak(connection)
                self._connection, self._session = connection, session.pop_all()

    def leads(self) -> bool:
        """Return True if this host is the leader, or the only one."""
        if not self._shared:
            return True
        with self._lock:
            if self._connection is None:
                return False
            if not self._has_rounds:
                try:
                    self._has_rounds = _try(self._connection, "pg_try_advisory_lock", ROUNDS)
                except DatabaseError:
                    self._lose()
            return self._has_rounds

    def _lose(self) -> None:
        self._connection, self._has_rounds = None, False
        self._session.close()

    def _say(self) -> None:
        while not self._over.wait(self._says_seconds):
            with self._lock:
                if self._connection is None:
                    continue
                try:
                    self._speak(self._connection)
                except DatabaseError:
                    self._lose()

    def _speak(self, connection: Connection) -> None:
        connection.execute(text("SELECT set_config('application_name', :name, false)"), {"name": self._name})
        self._says(connection)


def _try(connection: Connection, function: str, lock: int) -> bool:
    return bool(connection.scalar(text(f"SELECT {function}(:lock)"), {"lock": lock}))
