"""Open the registry: one engine, short transactions, the same code on SQLite and PostgreSQL."""

from __future__ import annotations

import ast
import copy
import logging
import secrets
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import DatabaseError, DataError, IntegrityError, NotSupportedError, ProgrammingError
from sqlmodel import Session

from gateway.access import Sight
from gateway.errors import ConfigurationError, Fault
from gateway.registry import locks, log, register, tables
from gateway.registry.vouched_rows import REGISTER_CHANGED

_log = logging.getLogger(__name__)

MIGRATIONS = Path(__file__).parent / "migrations"
_BUSY_SECONDS = 90
_CONNECT_SECONDS = 10
# A landed file must be on the database server's disk before the acknowledgement.
_POSTGRESQL_OPTIONS = f"-c lock_timeout={_BUSY_SECONDS}s -c synchronous_commit=on"
# Server and client notice within half a minute that the other's machine is gone: by default the server would
# keep for two hours what that machine has locked.
_POSTGRESQL_ALIVE = "-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=4"
_ALIVE = {
    "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "4", "tcp_user_timeout": "30000",
}  # fmt: skip
# A time cast to text must look the same in every database.
_POSTGRESQL_TEXTS = "-c timezone=UTC -c datestyle=ISO"
# Receipts are compressed while other writers wait; lz4 is quickest, where built in.
_QUICK_COMPRESSION = """
    SELECT set_config('default_toast_compression', 'lz4', false) FROM pg_settings
    WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
"""
# In SQLite every transaction reads one snapshot anyway.
_ONE_MOMENT = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_UNWRITABLE = ("SQLITE_READONLY", "SQLITE_CANTOPEN")  # Even reading writes files beside the database.
_ON_DISK = ("SQLITE_FULL", "SQLITE_IOERR")
_MAKE_ROOM = "Its disk is full or broken; df -h and dmesg say which: make room outside the gateway"
MOVED = "it was moved: start the services again, or see gateway doctor"
"""The words with which a registry refuses entries that a move to another database has closed."""
_USED = (
    "the database holds tables already; a registry is never overwritten. What an init that was killed left: "
    "dropdb and createdb"
)
_OUR_BUGS = (DataError, IntegrityError, NotSupportedError, ProgrammingError)


@contextmanager
def _answered() -> Iterator[None]:
    """Raise a database error inside `with` as Fault; an error due to a bug, such as wrong SQL, stays as it
    is.
    """
    try:
        yield
    except _OUR_BUGS as error:
        if str(error.orig) == MOVED:
            raise Fault(f"the registry takes nothing any more: {MOVED}") from None
        raise
    except DatabaseError as error:
        # Only the driver's own words: the full error would carry the statement's values.
        said = f"the registry did not answer: {words_of(error.orig)}"
        if getattr(error.orig, "sqlite_errorname", "").startswith(_UNWRITABLE):
            said = f"the registry cannot be written: see that this user may write its folder ({error.orig})"
        raise Fault(said) from None


def words_of(error: BaseException | None) -> str:
    """Return the words of a database's driver; if SQLite's disk is full or broken, a next step, too."""
    is_of_disk = getattr(error, "sqlite_errorname", "").startswith(_ON_DISK)
    return f"{error}. {_MAKE_ROOM}" if is_of_disk else str(error)


class Registry:
    """The registry in the database at a SQLAlchemy URL. ConfigurationError if the driver is not installed.

    `write()` locks out all other writers before the first statement: in SQLite by BEGIN IMMEDIATE, since a
    transaction that reads first and writes later may fail; in PostgreSQL by an advisory lock. `write_on()`
    locks out only writers of the same subjects in PostgreSQL; each writer takes the log's lock last. Every
    method that yields a session raises `Fault` where the database cannot be reached or stays locked.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._engine = _engine(url)
        self.is_shared = self._engine.dialect.name == "postgresql"
        """True if several hosts can use the registry, as in PostgreSQL."""
        self._register: dict[str, register.SendersRegister] = {}
        self._reading = _ONE_MOMENT if self.is_shared else {}
        self._sight: Callable[[Session], Sight] | None = None
        self._tried: Connection | None = None

    def within(self, sight_of: Callable[[Session], Sight]) -> Registry:
        """Return a registry that shows a reader only the files in the sight that `sight_of` returns.
        Sessions for writing are not limited. Closing the original registry closes both.
        """
        narrowed = copy.copy(self)
        narrowed._sight = sight_of  # noqa: SLF001 - its own kind
        return narrowed

    @contextmanager
    def on_trial(self) -> Iterator[Registry]:
        """Yield a registry for a trial: changes can be read only through it, and are undone at the end.
        Fault if the database cannot be reached or stays locked.
        """
        with self._writing() as connection:
            tried = copy.copy(self)
            tried._tried, tried._register = connection, {}  # noqa: SLF001 - its own kind
            try:
                yield tried
            finally:
                connection.rollback()

    @contextmanager
    def read(self, version: int | None = None) -> Iterator[Session]:
        """Yield a session reading one snapshot of the registry, unchanged until the end.
        `version`: the register's version number, to save a query, if the caller has just read the number.
        """
        yield from self._session(None, version)

    @contextmanager
    def write(self, *, dated: bool = True) -> Iterator[Session]:
        """Yield a session for writing: committed at the end, rolled back on an exception.
        `dated` is False for a caller who records nothing and only keeps other writers out: the clock of the
        host is not checked then.
        """
        yield from self._session(partial(locks.lock_writers, dated=dated))

    @contextmanager
    def write_on(self, subjects: Collection[str]) -> Iterator[Session]:
        """Yield a session for writing that locks out only writers of the same subjects, such as one file."""
        yield from self._session(partial(locks.lock_writers, subjects=subjects))

    def _session(
        self, writing: Callable[[Session], None] | None, version: int | None = None
    ) -> Iterator[Session]:
        """Yield a session for reading, or, with a function `writing` that takes the locks, for writing."""
        options = {"gateway_write": True} if writing else {"gateway_write": False, **self._reading}
        with _answered(), ExitStack() as open_until_done:
            if (connection := self._tried) is None:
                connection = self._engine.connect().execution_options(**options)
                open_until_done.enter_context(connection)
            known = {register.KEPT: self._register, register.VERSION: version}
            session = Session(connection, info=known)
            open_until_done.enter_context(session)  # Closed after the commit, for which others wait.
            if self._tried is None:
                open_until_done.enter_context(connection.begin())
            if writing:
                tables.load_all()  # The foreign keys of a row name other tables.
                if self.is_shared:  # SQLite has one writer at a time already.
                    writing(session)
            elif self._sight is not None:
                from gateway.registry.sight import keep_to  # noqa: PLC0415 - most see everything

                keep_to(session, self._sight(session))
            yield session
            if writing:
                if log.PENDING in session.info:
                    raise AssertionError("events wait for a head that nobody has signed")
                log.record_changes(session, datetime.now(UTC))
                if REGISTER_CHANGED in session.info:
                    connection.execute(register.COUNT_UP, {"step": 1 + secrets.randbits(32)})
                session.flush()

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Yield a connection in a transaction for writing. In PostgreSQL other writers are not locked out."""
        with (
            _answered(),
            self._engine.connect().execution_options(gateway_write=True) as connection,
            connection.begin(),
        ):
            yield connection

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Yield a connection that commits after each statement. Fault if the connection cannot be opened."""
        with _answered():
            connection = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        try:
            yield connection
        finally:
            connection.invalidate()  # Settings of the session must not outlive it.
            connection.close()

    @contextmanager
    def moving(self, *, idle: bool = True) -> Iterator[Connection]:
        """Yield a connection for replacing whole tables: all other writers are locked out, and nothing is
        logged. `idle`: False if it may stand still for hours, while files are copied beside it.
        """
        with self._writing() as connection:
            with Session(connection) as session:
                locks.lock_writers(session, idle=idle)
            yield connection

    @_answered()
    def check_unused(self) -> None:
        """Raise ConfigurationError unless the database has no tables and is in UTF-8.
        Fault if the database cannot be reached or stays locked.
        """
        with self._engine.connect() as connection:
            used = inspect(connection).get_table_names()
            encoding = connection.scalar(text("SHOW server_encoding")) if self.is_shared else "UTF8"
        if used:
            raise ConfigurationError(_USED)
        if encoding != "UTF8":
            raise ConfigurationError(f"the database is in {encoding}; make one in UTF8: createdb -E UTF8")

    def check_version(self, *, current: bool = False) -> None:
        """Raise ConfigurationError if the database has no tables, or tables of a newer gateway or of no
        release; with `current`, also if they are older. Fault if the database cannot be reached or stays
        locked.
        """
        if (revision := self.revision()) is None:  # Another log would begin in it, of the same name and key.
            raise ConfigurationError(
                "the registry is empty: see that database in gateway.toml names this gateway's own; "
                "one that is lost is restored from a backup"
            )
        _check_known(revision)
        if current and revision != newest_revision():
            raise ConfigurationError(
                "the registry is of an earlier version of the gateway: gateway upgrade says what to do"
            )

    @_answered()
    def revision(self) -> str | None:
        """Return the number of the last migration of the tables; None without tables.
        Fault if the database cannot be reached or stays locked.
        """
        with self._engine.connect() as connection:
            return _revision(connection)

    def migrate(self) -> None:
        """Bring the tables to the current version, if they are older. Fault if the database cannot be
        reached. ConfigurationError, and no change, where the tables are of a newer version or of no release.
        """
        if self.revision() == newest_revision():
            return  # The usual start: Alembic would load every migration to find out.
        from alembic import command  # noqa: PLC0415 - takes a quarter of a second that few starts wait for
        from alembic.config import Config  # noqa: PLC0415

        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with self.moving() as connection:
            before = _revision(connection)
            _check_known(before)
            config.attributes["connection"] = connection
            tables.create_all(connection)
            (command.stamp if before is None else command.upgrade)(config, "head")
            after = _revision(connection)
        if before not in {None, after}:
            _log.info("registry-upgraded from=%s to=%s", before, after)

    @contextmanager
    def founding(self) -> Iterator[None]:
        """Make the tables; if the code inside `with` raises, remove all tables again (in SQLite, the home
        goes anyway). ConfigurationError if there are tables already. Fault if the database cannot be reached
        or stays locked.
        """
        if self.revision() is not None:
            raise ConfigurationError(_USED)
        self.migrate()
        try:
            yield
        except BaseException:
            if self.is_shared:  # A file is removed with the rest of the home.
                with self.moving() as connection:
                    for name in inspect(connection).get_table_names():
                        connection.execute(text(f'DROP TABLE "{name}" CASCADE'))
            raise

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.scalar(text("SELECT version_num FROM alembic_version"))
    return found


def newest_revision() -> str:
    """Return the number of the newest migration in the package."""
    return max(_migrations())


def pending_migrations(revision: str | None) -> list[str]:
    """Return one line for each migration newer than `revision`, in order; None: one for every migration."""
    lacking = [path for number, path in sorted(_migrations().items()) if number > (revision or "")]
    return [(ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "").splitlines()[0] for path in lacking]


def _migrations() -> dict[str, Path]:
    return {path.name.partition("_")[0]: path for path in (MIGRATIONS / "versions").glob("[0-9]*.py")}


def _check_known(revision: str | None) -> None:
    if revision is None or revision in _migrations():
        return
    if revision < newest_revision():
        raise ConfigurationError(
            f"the registry was last changed between two releases (to {revision}), and this version does not "
            "go on from there; restore a backup of a release, or let the build that follows upgrade it first"
        )
    raise ConfigurationError(
        f"a newer version of the gateway has changed the registry (to {revision}); install that version, "
        "or restore the backup taken before the upgrade"
    )


def _engine(url: str) -> Engine:
    """Return the SQLAlchemy engine for a URL. SQLite waits for a lock as many seconds as `?timeout=` says."""
    asked = make_url(url)
    if asked.get_backend_name() != "sqlite":
        return _postgresql(asked)
    waits = {} if "timeout" in asked.query else {"timeout": _BUSY_SECONDS}
    engine = create_engine(asked, connect_args=waits, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own types
        connection.isolation_level = None
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("gateway_write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def _postgresql(asked: URL) -> Engine:
    """Make the engine for PostgreSQL, with broken idle connections replaced."""
    theirs = asked.query.get("options", "")
    options = f"{_POSTGRESQL_OPTIONS} {_POSTGRESQL_ALIVE} {theirs} {_POSTGRESQL_TEXTS}"
    arguments = {"options": options, "client_encoding": "utf8"}
    arguments |= {name: most for name, most in _ALIVE.items() if name not in asked.query}
    if "connect_timeout" not in asked.query:
        arguments["connect_timeout"] = str(_CONNECT_SECONDS)
    try:
        engine = create_engine(asked, connect_args=arguments, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError:
        raise ConfigurationError(
            "psycopg is missing, which PostgreSQL needs: pip install 'psycopg[binary]'"
        ) from None
    from psycopg.types.array import ListBinaryDumper  # noqa: PLC0415 - few have it
    from psycopg.types.datetime import DatetimeBinaryDumper, DatetimeDumper  # noqa: PLC0415 - as above

    def check_aware(dumper: Any, value: datetime, _format: object) -> Any:  # noqa: ANN401 - as below
        if value.tzinfo is None:  # Rows given as arrays do not pass through UtcDateTime.
            raise ValueError("a naive time was given to the registry")
        return dumper

    aware = [
        type(kind.__name__, (kind,), {"upgrade": check_aware})
        for kind in (DatetimeDumper, DatetimeBinaryDumper)
    ]

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own types
        # As a text, an array of long texts takes ten times as long to send as to store.
        connection.adapters.register_dumper(list, ListBinaryDumper)
        for kind in aware:
            connection.adapters.register_dumper(datetime, kind)
        connection.execute(_QUICK_COMPRESSION)
        connection.commit()

    return engine
