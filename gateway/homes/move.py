"""Move a home: its registry from SQLite to PostgreSQL, its sealed files from its folder to an S3 store.

The order makes a move safe. First files are copied. Then the registry is locked against writes, files
landed meanwhile are copied, then the rows. Then the copy is audited: every file, row and log entry. Then
the former registry is closed for good, and last the settings name the new places. An interrupted move is
started again without copying anything twice. Old copies, the former registry and the sealed files in the
folder, stay until `remove_old`.
"""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime

from sqlalchemy import Connection, func, insert, inspect, select, text
from sqlmodel import Session, SQLModel

from gateway.errors import ConfigurationError, Fault, GatewayError, cause_of
from gateway.home import Home
from gateway.home.settings import Settings, checked, load_settings
from gateway.home.store_settings import StoreSettings
from gateway.homes.audit.audit import audit
from gateway.homes.audit.files import check_sealed, found_twice
from gateway.homes.backup import put_stored
from gateway.homes.create import note_places
from gateway.processor.service import open_registrar
from gateway.processor.work import alone
from gateway.registry import log, retention, tables
from gateway.registry.database import MOVED, Registry
from gateway.store.of_home import SealedFolder, check_store, store_of
from gateway.zones.failpoints import passing

_AT_ONCE = 8
Told = Callable[[int, int], None]
"""A function that is told of progress: the number done and the total of a step."""


def move(
    home: Home, database: str | None, store: StoreSettings | None, clock: Callable[[], datetime], told: Told
) -> tuple[int, int]:
    """Move the registry to `database` and the sealed files to `store`; None leaves either where it is.
    Return the numbers of files moved and of log entries checked. `told` is called with the progress.

    Raises ConfigurationError where already moved or the place is unusable, GatewayError where a processor is
    at work or the copy has an inconsistency, and Fault where a database or store fails. The home is then as
    before.
    """
    before = load_settings(home)
    if database is None and store is None:
        raise ConfigurationError("name the database, or the store, to move to")
    for name, there, aim in (
        ("database", before.database, database),
        ("store", before.store.url, None if store is None else store.url),
    ):
        if aim is not None and there is not None:
            raise ConfigurationError(f"gateway.toml: {name}: it is {there} already")
    new = {} if database is None else {"database": database}
    kept = {} if store is None else {"store": store.model_dump()}
    after = checked(Settings, {**before.model_dump(), **new, **kept}, "the new place")
    with open_registrar(home, clock) as registrar, alone(registrar):
        copied = _copy_files(home, before, after, told, ())
        with registrar.registry.moving(idle=False) as source:
            copied |= _copy_files(home, before, after, told, copied)
            if database is not None:
                _copy_rows(source, after.database_url(home), told)
            entries = _check(home, after, clock, told)
            if database is not None:
                # Not even processes with an open connection write to it from now on.
                source.execute(text(_CLOSED))
        passing("move.closed")
        note_places(home.settings, after)
    return len(copied), entries


def _copy_files(home: Home, before: Settings, after: Settings, told: Told, but: Collection[str]) -> set[str]:
    """Copy all session keys, and all sealed files except those of the references `but`, to the new store.
    Return the references of the files copied. `before` and `after`: the settings that name the two stores.
    """
    if before.store == after.store:
        return set()
    try:
        check_store(home, after)
        source, target = store_of(home, before), store_of(home, after)
        there = set(target.references())
        todo = [reference for reference in source.references() if reference not in but]

        def copy(reference: str) -> None:
            if reference in there and target.digest(reference) == source.digest(reference):
                return
            said = f"the store has another file under {reference}: name an empty one"
            put_stored(source, target, reference, said)
            passing("move.file")

        with ThreadPoolExecutor(_AT_ONCE, "move") as pool:
            for number, _ in enumerate(pool.map(copy, todo), start=1):
                told(number, len(todo))
        for reference in source.sessions():
            with source.reading_session(reference) as session:
                if session is not None:
                    with open(session, "rb", closefd=False) as file:
                        target.put_session(reference, file.read())
        target.settle()
    except OSError as error:
        raise Fault(f"the store failed: {cause_of(error)}. Begin the move again once it is mended") from None
    return set(todo)


def _check(home: Home, after: Settings, clock: Callable[[], datetime], told: Told) -> int:
    """Audit the copy and return the number of entries in its log. GatewayError for an inconsistency."""
    told(0, 1)
    with open_registrar(home, clock, after) as moved:
        with moved.registry.read() as session:
            found = next(audit(session, moved.signing.vkey), None)
        sealed = found_twice(
            moved.registry, lambda session: check_sealed(session, moved.home, moved.settings)
        )
        for one in (found, *sealed):
            if one is not None:
                words = f"{one.where}: {one.what}"
                raise GatewayError(f"nothing was moved, for something does not fit: {words}")
        with moved.registry.read() as session:
            told(1, 1)
            return log.size(session)


def _is_copy(source: Connection, target: Connection) -> bool:
    """Return True if two databases have the same row counts and the same head of the log."""
    if _row_counts(source) != _row_counts(target):
        return False
    with Session(source) as one, Session(target) as other:
        size = log.size(one)
        return log.size(other) == size and log.root(one, size) == log.root(other, size)


def was_closed(session: Session) -> bool:
    """Return True if a move has closed this registry for good."""
    closed = text("SELECT 1 FROM sqlite_master WHERE name = 'registry_was_moved'")
    return session.get_bind().dialect.name == "sqlite" and session.execute(closed).first() is not None


def left_behind(home: Home, settings: Settings) -> list[str]:
    """Return each old copy that a move left, in words: the former registry, the folder of sealed files."""
    found = []
    if settings.database is not None and home.registry.exists():
        found.append(str(home.registry))
    if settings.store.url is not None and any(SealedFolder(home.root / "sealed").references()):
        found.append(f"files in {home.root / 'sealed'}")
    return found


def remove_old(home: Home) -> tuple[int, bool]:
    """Remove the old copies that a move left, after checking the moved ones.
    Return the number of sealed files removed, and True if a former registry was removed. Raises GatewayError
    where a file or the log is missing in the new place; the old copy of it and all that follow stay.
    """
    settings, found = load_settings(home), list[str]()
    if settings.store.url is not None:
        folder, store = SealedFolder(home.root / "sealed"), store_of(home, settings)
        with closing(Registry(settings.database_url(home))) as registry, registry.read() as session:
            deleted = retention.deleted(session, "sealed") | retention.deleted(session, "index")
        found = sorted({*folder.references(), *folder.sessions()})
        for reference in found:
            gone = reference in deleted or not folder.has(reference)
            if not gone and (not store.has(reference) or store.digest(reference) != folder.digest(reference)):
                raise GatewayError(f"{folder.path(reference)} is not in the store; it stays where it is")
            folder.remove([reference])
    had = settings.database is not None and home.registry.exists()
    if had:
        with closing(Registry(f"sqlite:///{home.registry.absolute()}")) as former, former.read() as session:
            size = log.size(session)
            root = log.root(session, size)
        with closing(Registry(settings.database_url(home))) as now, now.read() as session:
            if log.size(session) < size or log.root(session, size) != root:
                raise GatewayError(
                    f"the log in {home.registry} is not the beginning of the log of now; it stays"
                )
        for path in (home.registry, *home.root.glob(f"{home.registry.name}-*")):
            path.unlink(missing_ok=True)
    return len(found), had


_ROWS_AT_ONCE = 1_000
_CLOSED = f"""
    CREATE TRIGGER IF NOT EXISTS registry_was_moved BEFORE INSERT ON event
    BEGIN SELECT RAISE(ABORT, '{MOVED}'); END
"""
tables.load_all()
TABLES = tuple(SQLModel.metadata.tables[name] for name in sorted(SQLModel.metadata.tables))


def _row_counts(connection: Connection) -> Mapping[str, int]:
    """Return the number of rows in each table of a registry."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in TABLES
    }


def _copy_rows(source: Connection, url: str, told: Told) -> None:
    """Copy every row of the registry to the database `url`, and let new rows be numbered after the last
    number used. May be repeated. ConfigurationError if the database has other rows already, GatewayError if
    the copy differs.
    """
    with closing(Registry(url)) as registry:
        registry.migrate()
        with registry.moving(idle=False) as target:
            if not _is_copy(source, target):
                if any(_row_counts(target).values()):
                    raise ConfigurationError(
                        "the database holds another registry, or one that was copied before this one "
                        "changed: make it anew with dropdb and createdb"
                    )
                done, of = 0, sum(_row_counts(source).values())
                for table in SQLModel.metadata.sorted_tables:
                    found = source.execution_options(yield_per=_ROWS_AT_ONCE).execute(select(table))
                    for some in found.mappings().partitions(_ROWS_AT_ONCE):
                        target.execute(insert(table), [dict(row) for row in some])
                        done += len(some)
                        told(done, of)
                    # The numbering goes on after the last number used: no deleted row's number comes again.
                    if (column := table.autoincrement_column) is None:
                        continue
                    sequence = target.scalar(
                        text("SELECT pg_get_serial_sequence(:name, :column)"),
                        {"name": f'"{table.name}"', "column": column.name},
                    )
                    highest = source.execute(select(func.max(column))).scalar() or 0
                    if inspect(source).has_table("sqlite_sequence"):
                        given = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
                        highest = max(highest, source.scalar(given, {"name": table.name}) or 0)
                    if sequence is not None and highest:
                        last = text("SELECT setval(:sequence, :highest)")
                        target.execute(last, {"sequence": sequence, "highest": highest})
            if not _is_copy(source, target):
                raise GatewayError("the registry that was copied is not what it was copied from")
        passing("move.rows")
