"""Inserting and upserting rows in SQLite and PostgreSQL."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Insert, bindparam, func, insert, select, text
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, SQLModel

NUMBERED = {"transfer": "sequence", "delivery": "id", "receipt": "sequence"}
"""The tables of nearly every decision, with their numbering columns, as read by `_READ_LAST`."""
_LAST = "gateway last numbers"
_READ_LAST = text(
    "SELECT (SELECT coalesce(max(number), 0) FROM register_version),"
    " (SELECT coalesce(max(sequence), 0) FROM transfer),"
    " (SELECT coalesce(max(id), 0) FROM delivery), (SELECT coalesce(max(sequence), 0) FROM receipt)"
)


def inserting(session: Session, row: type[SQLModel]) -> Any:  # noqa: ANN401 - each dialect has its own
    """Return an INSERT of the session's dialect, with ON CONFLICT support."""
    if session.get_bind().dialect.name != "postgresql":
        return sqlite.insert(row)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - takes long to load, and few have it

    return postgresql.insert(row)


def insert_rows(
    session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]], statement: Insert | None = None
) -> None:  # fmt: skip
    """Insert rows of the same columns at once; `statement` replaces the plain INSERT.

    PostgreSQL gets one array for each column: one statement for many rows.
    """
    if not rows:
        return
    if session.get_bind().dialect.name == "postgresql":
        names = tuple(rows[0])
        put = _plain(table, names) if statement is None else _of_columns(table, names, statement)
        session.connection().execute(put, _columns(rows))
    else:
        session.connection().execute(insert(table) if statement is None else statement, rows)


def insert_numbered(
    session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]], number: str
) -> list[int]:
    """Insert rows of the same columns at once; return their numbers in the order of the rows."""
    column = table.__table__.columns[number]  # type: ignore[attr-defined] # SQLModel does not declare it
    if session.get_bind().dialect.name == "postgresql":
        statement = _plain(table, tuple(rows[0])).returning(column)
        # Numbers are given in the order of the rows, and returned in any.
        return sorted(session.connection().execute(statement, _columns(rows)).scalars())
    # SQLite would report each number separately.
    numbers = next_numbers(session, table, number, len(rows))
    numbered = [{**row, number: one} for row, one in zip(rows, numbers, strict=True)]
    session.connection().execute(insert(table), numbered)
    return numbers


def number_rows(session: Session, rows: Sequence[SQLModel], number: str) -> None:
    """Give rows their numbers before adding them to SQLite, which reports each number separately."""
    if rows and session.get_bind().dialect.name == "sqlite":
        for row, one in zip(rows, next_numbers(session, type(rows[0]), number, len(rows)), strict=True):
            setattr(row, number, one)


def next_numbers(session: Session, table: type[SQLModel], number: str, count: int) -> list[int]:
    """Reserve `count` numbers; the single writer of SQLite makes a reservation safe."""
    name = str(table.__tablename__)
    if name not in NUMBERED:
        column = table.__table__.columns[number]  # type: ignore[attr-defined] # as above
        last = session.connection().scalar(select(func.max(column))) or 0
        return list(range(last + 1, last + 1 + count))
    given = last_numbers(session)
    given[name] += count
    return list(range(given[name] + 1 - count, given[name] + 1))


def last_numbers(session: Session) -> dict[str, int]:
    """Return the last number of each table of `NUMBERED`, and the version of the register.

    One read serves a whole transaction of SQLite, since nobody else writes meanwhile.
    """
    if _LAST not in session.info:
        found = session.connection().execute(_READ_LAST).one()
        session.info[_LAST] = dict(zip(("register_version", *NUMBERED), found, strict=True))
    known: dict[str, int] = session.info[_LAST]
    return known


def note_number(session: Session, table: str, number: int) -> None:
    """Record a number given by other means, as by the database."""
    if _LAST in session.info and table in NUMBERED:
        session.info[_LAST][table] = max(number, session.info[_LAST][table])


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


@lru_cache(64)
def _plain(table: type[SQLModel], names: tuple[str, ...]) -> Insert:
    """Return the plain INSERT of arrays."""
    return _of_columns(table, names, insert(table))


def _of_columns(table: type[SQLModel], names: tuple[str, ...], statement: Insert) -> Insert:
    """Return the statement for rows given as one array for each column."""
    from sqlalchemy.dialects.postgresql import ARRAY  # noqa: PLC0415 - as above

    columns = table.__table__.columns  # type: ignore[attr-defined] # SQLModel does not declare it
    arrays = (bindparam(name, type_=ARRAY(columns[name].type)) for name in names)
    given = func.unnest(*arrays).table_valued(*names, with_ordinality="place of the row").render_derived()
    *values, place = given.c
    return statement.from_select(names, select(*values).order_by(place))
