"""Copy a whole registry, row by row, from SQLite to an empty PostgreSQL database."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Table, func, insert, inspect, select, text
from sqlmodel import SQLModel

from gateway.errors import ConfigurationError
from gateway.registry import tables

_AT_ONCE = 1_000
_CLOSED = """
    CREATE TRIGGER IF NOT EXISTS registry_was_moved BEFORE INSERT ON event
    BEGIN SELECT RAISE(ABORT, 'this registry was moved: start the services again'); END
"""
tables.load_all()
TABLES = tuple(SQLModel.metadata.tables[name] for name in sorted(SQLModel.metadata.tables))
Progress = Callable[[int, int], None]


def counts(connection: Connection) -> Mapping[str, int]:
    """Count the rows of each table of a registry."""
    return {
        table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
        for table in TABLES
    }


def copy_rows(source: Connection, target: Connection, told: Progress) -> None:
    """Copy every row and continue the numbering; report to `told` the rows copied and the total.

    ConfigurationError where the target has rows already.
    """
    if any(counts(target).values()):
        raise ConfigurationError(
            "the database holds another registry, or one that was copied before this one changed: "
            "make it anew with dropdb and createdb"
        )
    done, of = 0, sum(counts(source).values())
    for table in SQLModel.metadata.sorted_tables:
        found = source.execution_options(yield_per=_AT_ONCE).execute(select(table))
        for some in found.mappings().partitions(_AT_ONCE):
            target.execute(insert(table), [dict(row) for row in some])
            done += len(some)
            told(done, of)
        _go_on_numbering(source, target, table)


def close_for_good(source: Connection) -> None:
    """Prevent all further writing to a SQLite registry, even by processes with an open connection."""
    source.execute(text(_CLOSED))


def _go_on_numbering(source: Connection, target: Connection, table: Table) -> None:
    """Set a table's numbering after the last number used, so that no deleted row's number is used again."""
    column = table.autoincrement_column
    if column is None:
        return
    sequence = target.scalar(
        text("SELECT pg_get_serial_sequence(:name, :column)"),
        {"name": f'"{table.name}"', "column": column.name},
    )
    highest = source.execute(select(func.max(column))).scalar() or 0
    if inspect(source).has_table("sqlite_sequence"):
        given = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        highest = max(highest, source.scalar(given, {"name": table.name}) or 0)
    if sequence is not None and highest:
        target.execute(text("SELECT setval(:sequence, :highest)"), {"sequence": sequence, "highest": highest})
