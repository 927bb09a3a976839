"""Rows that are put in, or changed where they are there already: in the words of either database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Insert, bindparam, func, insert, select
from sqlalchemy.dialects import sqlite
from sqlmodel import Session, SQLModel


def inserting(session: Session, row: type[SQLModel]) -> Any:  # noqa: ANN401 - each dialect has its own
    """An INSERT of rows that can say what is to be done on conflict."""
    if session.get_bind().dialect.name != "postgresql":
        return sqlite.insert(row)
    from sqlalchemy.dialects import postgresql  # noqa: PLC0415 - takes long to load, and few have it

    return postgresql.insert(row)


def insert_rows(
    session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]], statement: Insert | None = None
) -> None:  # fmt: skip
    """Put rows of the same columns in at once, by `statement` where it is more than an INSERT.

    PostgreSQL is given columns: many rows cost it one statement, not one each.
    """
    if not rows:
        return
    statement = insert(table) if statement is None else statement
    if session.get_bind().dialect.name != "postgresql":
        session.connection().execute(statement, rows)
        return
    from sqlalchemy.dialects.postgresql import ARRAY  # noqa: PLC0415 - as above

    columns = table.__table__.columns  # type: ignore[attr-defined] # SQLModel does not declare it
    names = list(rows[0])
    arrays = (bindparam(name, type_=ARRAY(columns[name].type)) for name in names)
    given = func.unnest(*arrays).table_valued(*names).render_derived()
    session.connection().execute(
        statement.from_select(names, select(*given.c)), {name: [row[name] for row in rows] for name in names}
    )
