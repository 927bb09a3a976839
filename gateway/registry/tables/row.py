"""The base class of every row of the registry, and the column types shared by the tables."""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, TypeVar, cast

from pydantic import ConfigDict
from sqlalchemy import ColumnElement, DateTime, Executable, Index, Result, TypeDecorator, text
from sqlalchemy.engine.interfaces import Dialect
from sqlmodel import Session, SQLModel, select
from sqlmodel.sql.expression import SelectOfScalar

from gateway.errors import NotFoundError


class Row(SQLModel):
    """The base class of registry rows. The database checks values: validators would slow every start."""

    model_config = ConfigDict(defer_build=True)  # type: ignore[assignment]  # SQLModel's own adds only to it

    def __init_subclass__(cls, **other: Any) -> None:  # noqa: ANN401 - as below
        """Name the table after the class, if the class names no table: "hand_on_file" for HandOnFileRow."""
        super().__init_subclass__(**other)
        if "__tablename__" not in cls.__dict__:
            words = re.findall("[A-Z][a-z]+", cls.__name__.removesuffix("Row"))
            cls.__tablename__ = "_".join(words).lower()


AT_ONCE = 500
"""As many values as a query is given at a time, and rows as are read at a time."""
A = TypeVar("A")
V = TypeVar("V")
T = TypeVar("T", bound=SQLModel)


def from_row(kind: type[A], row: SQLModel, **other: Any) -> A:  # noqa: ANN401 - the values of other fields
    """Build an object of the dataclass `kind` from a row. Values in `other` take the place of the row's."""
    own = [one.name for one in fields(kind) if one.name not in other]  # type: ignore[arg-type] # one it is
    return kind(**{name: getattr(row, name) for name in own}, **other)


def rows(session: Session, table: type[T], *order: str, **which: Any) -> Sequence[T]:  # noqa: ANN401 - as below
    """Return the rows of a table, sorted by the columns in `order`, descending with a hyphen before the name.
    `which`: values by column, None for an empty column, a collection for any of its values. `where`: further
    conditions. `limit`: the most rows returned.
    """
    return session.exec(_chosen(select(table), table, order, **which)).all()


def values(session: Session, column: V, *order: str, **which: Any) -> Sequence[V]:  # noqa: ANN401 - as below
    """Return the values of one column in the rows chosen as by `rows`."""
    return session.exec(_chosen(select(column), cast("Any", column).class_, order, **which)).all()


def first(session: Session, table: type[T], *order: str, **which: Any) -> T | None:  # noqa: ANN401 - as below
    """Return the first of the rows chosen as by `rows`; None if there is none."""
    return next(iter(rows(session, table, *order, limit=1, **which)), None)


def _chosen(
    query: SelectOfScalar[V], table: type[SQLModel], order: Sequence[str], *,
    where: Iterable[ColumnElement[bool] | bool] = (), limit: int | None = None, **equal: Any,  # noqa: ANN401 - values of columns
) -> SelectOfScalar[V]:  # fmt: skip
    for name, value in equal.items():
        column, is_several = getattr(table, name), isinstance(value, Collection)
        query = query.where(
            column.in_(value) if is_several and not isinstance(value, str | bytes) else column == value
        )
    columns = ((getattr(table, name.removeprefix("-")), name.startswith("-")) for name in order)
    return query.where(*where).order_by(*(one.desc() if down else one for one, down in columns)).limit(limit)


def portions(values: Sequence[V], most: int = AT_ONCE) -> Iterator[Sequence[V]]:
    """Yield values in order, at most `most` at a time, since a query can take only so many."""
    return (values[start : start + most] for start in range(0, len(values), most))


def only(**wanted: object) -> dict[str, Any]:
    """Return the keyword arguments that are not None, to be passed to `rows` as conditions."""
    return {name: value for name, value in wanted.items() if value is not None}


def execute_plain(
    session: Session, query: Executable, values: Mapping[str, Any] | None = None
) -> Result[*tuple[Any, ...]]:
    """Run a query without the ORM, for speed. Rows that the session has not written yet are written first."""
    session.flush()
    return session.connection().execute(query, values)


def store(session: Session, *new: SQLModel) -> None:
    """Add rows, and write them at once."""
    session.add_all(new)
    session.flush()


def drop(session: Session, *unwanted: SQLModel) -> None:
    """Delete rows at once."""
    for row in unwanted:
        session.delete(row)
    session.flush()


def existing(row: A | None, said: str) -> A:
    """Return `row`, if it is not None; otherwise raise NotFoundError with the message `said`."""
    if row is None:
        raise NotFoundError(said)
    return row


def partial_index(name: str, where: str, *columns: str) -> Index:
    """Return an index of the rows that meet the SQL condition `where`.
    The condition is given for SQLite only, as PostgreSQL's dialect takes long to load: `create_all` copies
    the condition for PostgreSQL.
    """
    return Index(name, *columns, sqlite_where=text(where))


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time in every database. SQLite drops the zone, so reading restores UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return a time in UTC, to be stored. ValueError for a naive time."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive time was given to the registry")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return a stored time as an aware time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return the function that converts a column's value to a time.
        SQLite's text is converted in one step, where SQLAlchemy takes three.
        """
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _from_text(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored + "+00:00")
