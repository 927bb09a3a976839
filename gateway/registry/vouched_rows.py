"""Have the log vouch for the registry's rows: one leaf commits to all changes of a transaction.

The leaf holds the digest of a record: the rows written, each with the digest of its content, and a salt. A
row of a file is in the record of the file's own leaf; others are in the record of the transaction's first
suitable leaf, or of a leaf added for the purpose. So a row changed, added or removed behind the gateway's
back no longer fits the log.

Left out are the log's own leaves and nodes (self-proving), heads carried by a receipt (vouched for by the
receipt), indexes made from sealed files, letters (no evidence), console sessions and challenges, requests of
programs, hosts' reports, drafts of policies (each named by its own digest), counts of the use of keys, how
far web hooks have reported, and whether a person has read the first steps.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, bindparam, event, func, inspect, select, text
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.orm import InstanceState, ORMExecuteState
from sqlmodel import Session, SQLModel

from gateway.log.leaf import canonical
from gateway.registry import tables

OUTSIDE: frozenset[str] = frozenset(
    {
        "console_challenge",
        "console_session",
        "event",
        "full_roll",
        "host",
        "letter",
        "log_node",
        "persons_of_transfer",
        "policy_draft",
        "program_request",
        "pupil",
        "register_version",
        "saved_filter",
        "staged_roll",
    }
)
_UNRECORDED: dict[str, frozenset[str]] = {
    "key": frozenset({"uses", "last_used_at", "sign_count"}),
    "hook": frozenset({"entry", "behind", "looked_at", "told_at", "trouble", "lost_since"}),
    "staff": frozenset({"knows_pages"}),
}
# Columns of later versions: left out of a digest while empty, so that digests of older rows still fit.
_LATER: dict[str, frozenset[str]] = {
    "key": frozenset({"unconfirmed"}),
    "legal_hold": frozenset({"provider", "persons"}),
    "provider": frozenset({"schools", "closed_on", "succeeded_by", "number"}),
    "receipt": frozenset({"seal"}),
    "transfer": frozenset({"period", "few", "rules"}),
    "provider_copy": frozenset({"part", "waits", "numbers"}),
    "ratification": frozenset({"ends_on"}),
    "delivery": frozenset({"collected_at", "whole", "counts"}),
}
REGISTER: frozenset[str] = frozenset({"harmless", "key", "provider", "pupil_marker", "ratification"})
REGISTER_CHANGED = "gateway register changed"
"""Marks a transaction that changed tables of the register, to be read again: see `register`."""
_CHANGED, _REFERENCES = "gateway changed rows", "gateway references of transfers"

Row = tuple[str, str]
Kept = SQLModel | str | None
"""What is kept of a changed row: the row itself, or its digest, or None once it is deleted."""
Change = list[str | None]
"""A row's table, its key, and the digest of its content; None for a deleted row."""


def recorded_tables() -> list[str]:
    """Return the names of the tables that the log vouches for."""
    tables.load_all()
    return sorted(set(SQLModel.metadata.tables) - OUTSIDE)


def take_changes(session: Session) -> dict[str, list[Change]]:
    """Return the rows changed in the transaction since the last call: by reference of the file, or "" for no
    file.
    """
    session.flush()
    changed: dict[Row, tuple[Kept, str | int | None]] = session.info.pop(_CHANGED, {})
    references = session.info.get(_REFERENCES, {})
    found: dict[str, list[Change]] = {}
    for row in sorted(changed):
        kept, of = changed[row]
        subject = references.get(of, of if isinstance(of, str) else "")
        found.setdefault(subject, []).append([*row, digest(kept) if isinstance(kept, SQLModel) else kept])
    return found


def record_of(changes: Sequence[Change]) -> str:
    """Return changes of rows as a record: canonical JSON with a salt. A leaf of the log has the digest."""
    return canonical({"rows": changes, "salt": secrets.token_hex(16)}).decode()


def read_changes(record: str) -> Iterable[tuple[Row, str | None]]:
    """Yield the rows in a record: table and key of each, and the row's digest, or None for a deleted row.
    In earlier versions a record was the list of rows, without a salt.
    """
    read = json.loads(record)
    for table, key, content in read["rows"] if isinstance(read, dict) else read:
        yield (table, key), content


def add_rows(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> list[int]:
    """Insert rows for which the log shall vouch, with one SQL statement; return the numbers of the rows.
    Each of `rows` has a value for each column; a column that the database numbers may be left out. If no
    column is left out, the result is empty. The rows to which the new rows refer must be written before.
    """
    numbers: list[int] = []
    if not rows:
        return numbers
    place = table.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
    key = [column.name for column in place.primary_key]
    given = [name for name in key if name not in rows[0]]
    if set(rows[0]).union(given) != set(place.columns.keys()):
        raise AssertionError(f"a row of {place.name} has other columns than these")
    in_postgresql = session.get_bind().dialect.name == "postgresql"
    if given:  # SQLite returns no numbers for many rows at once.
        numbers = (
            insert_numbered(session, table, given[0], rows)
            if in_postgresql
            else next_numbers(session, table, given[0], len(rows))
        )
        rows = [{**row, given[0]: number} for row, number in zip(rows, numbers, strict=True)]
    if not (given and in_postgresql):
        insert_rows(session, table, rows)
    for row in rows:
        identified = place.name, _spelled_key(row[name] for name in key)
        vouch_as(session, identified, _digest(place.name, row), row)
    return numbers


def insert_numbered(
    session: Session, table: type[SQLModel], number: str, rows: Sequence[dict[str, Any]]
) -> list[int]:
    """Insert rows for which the log need not vouch; return the numbers that PostgreSQL gives, sorted."""
    put = _text(f'{_put(table, session.get_bind().dialect, tuple(rows[0]))[0]} RETURNING "{number}"')
    # PostgreSQL numbers the rows in order, but returns the numbers in any order.
    return sorted(session.connection().execute(put, _columns(rows)).scalars())


def digest_changes(session: Session) -> None:
    """Compute the digests of the rows written so far, to spare the time while the log is locked."""
    session.flush()
    changed: dict[Row, tuple[Kept, str | int | None]] = session.info.get(_CHANGED, {})
    for row, (kept, of) in changed.items():
        changed[row] = digest(kept) if isinstance(kept, SQLModel) else kept, of


def stated_digest(row: Mapping[str, Any], statement: str, canonical: bytes) -> str:
    """Return the digest of an unsigned receipt's row. `canonical`: the statement as canonical JSON."""
    columns = {name: row[name] for name in ("reference", "provider", "name", "stage", "created_at")}
    said = {"statement": statement, "canonical": canonical.decode()}
    return _digest("", {**columns, **said, "digest": hashlib.sha256(canonical).hexdigest()})


def vouch_for(session: Session, row: SQLModel) -> None:
    """Have the log vouch for a row as the row is now, although nothing has changed."""
    vouch_as(session, identity(row), row, row.__dict__)


def vouch_as(session: Session, row: Row, stated: Kept, content: Mapping[str, Any]) -> None:
    """Add a row to the transaction's record, so the log vouches for the row.
    `row`: table and key. `stated`: the row itself, of which the record gets the digest; or a digest; or None
    for a deleted row. `content`: the values of the row's columns, which show the file that the row is about.
    """
    if row[0] in REGISTER:
        session.info[REGISTER_CHANGED] = {}
    if row[0] == "transfer":
        session.info.setdefault(_REFERENCES, {})[content.get("sequence")] = content.get("reference")
    of = content.get("transfer", content.get("reference"))
    session.info.setdefault(_CHANGED, {})[row] = stated, of


def digest(row: SQLModel) -> str:
    """Return the SHA-256 of a row's content, the same on SQLite and PostgreSQL."""
    return _digest(str(row.__tablename__), content_of(row))


def content_of(row: SQLModel) -> dict[str, Any]:
    """Return the values of a row, by column."""
    return {each.key: getattr(row, each.key) for each in inspect(type(row)).column_attrs}


def sealed_content(receipt: Mapping[str, Any], number: int | None) -> bytes:
    """Return the bytes that a receipt's seal signs: a digest of the receipt's row, with `number` as its
    sequence.
    """
    told = {name: value for name, value in receipt.items() if name not in {"seal", "sequence"}}
    return f"gateway receipt row\n{_digest('receipt', {**told, 'sequence': number})}\n".encode()


def _digest(table: str, row: Mapping[str, object]) -> str:
    left_out, later = _UNRECORDED.get(table, frozenset()), _LATER.get(table, frozenset())
    content = {
        name: value
        for name, value in row.items()
        if name not in left_out and not (value is None and name in later)
    }
    return hashlib.sha256(_SPELLED.encode(content).encode()).hexdigest()


def identity(row: SQLModel) -> Row:
    """Return the name of a row's table, and the row's primary key as JSON: the same on both databases."""
    state: InstanceState[Any] = inspect(row)
    return str(row.__tablename__), _spelled_key(state.mapper.primary_key_from_instance(row))


def _spelled_key(key: Iterable[object]) -> str:
    return json.dumps([*key], default=_plain, separators=(",", ":"))


@event.listens_for(Session, "after_flush")
def _note_changes(session: Session, _context: object) -> None:
    for row in session.new if _LAST in session.info else ():
        if (table := str(row.__tablename__)) in NUMBERED:
            session.info[_LAST][table] = max(getattr(row, NUMBERED[table]), session.info[_LAST][table])
    dirty, deleted = session.dirty, session.deleted  # SQLAlchemy makes these sets anew at each access.
    for row in (*session.new, *dirty, *deleted):
        if (table := str(row.__tablename__)) in OUTSIDE:
            continue
        left_out = _UNRECORDED.get(table, frozenset())
        if row not in dirty or any(
            each.history.has_changes() for each in inspect(row).attrs if each.key not in left_out
        ):
            vouch_as(session, identity(row), None if row in deleted else row, row.__dict__)


@event.listens_for(Session, "do_orm_execute")
def _refuse_unseen_writes(state: ORMExecuteState) -> None:
    """Raise AssertionError for a bulk write to a table that the log vouches for: it would go unrecorded."""
    if not state.is_orm_statement:
        state.session.flush()  # As the ORM does itself before ORM statements.
    if not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    table = str(state.bind_mapper.local_table)
    if table not in OUTSIDE:
        raise AssertionError(f"rows of {table} are written by objects or add_rows, so that the log can vouch")


def _plain(value: object) -> str:
    """Convert a value that JSON lacks (times, dates, bytes) to text."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"a row holds a {type(value).__name__}")


_SPELLED = json.JSONEncoder(default=_plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
NUMBERED = {"transfer": "sequence", "delivery": "id", "receipt": "sequence"}
"""The tables of nearly every decision, with their numbering columns, as read by `_READ_LAST`."""
_LAST = "gateway last numbers"
_text = lru_cache(64)(text)
_READ_LAST = text(
    "SELECT (SELECT coalesce(max(number), 0) FROM register_version),"
    " (SELECT coalesce(max(sequence), 0) FROM transfer),"
    " (SELECT coalesce(max(id), 0) FROM delivery), (SELECT coalesce(max(sequence), 0) FROM receipt)"
)


def insert_rows(
    session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]],
    replaced: tuple[str, ...] = (), dated: str = "",
) -> None:  # fmt: skip
    """Insert rows with the same columns by one SQL statement.
    Where the table has a row with the same key, only the columns `replaced` get the new values, and only if
    the stored time in the column `dated` is not later. PostgreSQL gets one array for each column, so the
    statement is the same for any number of rows.
    """
    if not rows:
        return
    columns, dialect = _columns(rows), session.get_bind().dialect
    put, spellings = _put(table, dialect, tuple(columns), replaced, dated)
    if dialect.name == "postgresql":
        session.connection().execute(_text(put), columns)
    else:
        for name, spell in spellings:
            values = columns[name]
            # Each object once: many rows share one moment.
            spelled = {at: spell(value) for at, value in {id(one): one for one in values}.items()}
            columns[name] = [spelled[id(one)] for one in values]
        session.connection().exec_driver_sql(put, [*zip(*columns.values(), strict=True)])


def insert_together(session: Session, *given: tuple[type[SQLModel], Sequence[dict[str, Any]]]) -> None:
    """Insert rows of several tables that share no column name; in PostgreSQL with one statement."""
    if session.get_bind().dialect.name != "postgresql":
        for table, rows in given:
            insert_rows(session, table, rows)
        return
    some = [(table, rows) for table, rows in given if rows]
    columns = {name: values for _, rows in some for name, values in _columns(rows).items()}
    *others, last = (_put(table, session.get_bind().dialect, tuple(rows[0]))[0] for table, rows in some)
    parts = ", ".join(f"part_{number} AS ({one})" for number, one in enumerate(others))
    session.connection().execute(_text(f"WITH {parts} {last}" if parts else last), columns)


def next_numbers(session: Session, table: type[SQLModel], number: str, count: int) -> list[int]:
    """Return the next `count` numbers for the column `number`. For SQLite only, where one writer is at work
    at a time.
    """
    name = str(table.__tablename__)
    if name not in NUMBERED:
        column = table.__table__.columns[number]  # type: ignore[attr-defined] # as above
        last = session.connection().scalar(select(func.max(column))) or 0
        return list(range(last + 1, last + 1 + count))
    given = last_numbers(session)
    given[name] += count
    return list(range(given[name] + 1 - count, given[name] + 1))


def last_numbers(session: Session) -> dict[str, int]:
    """Return the last number used in each table of `NUMBERED`, and the version of the register.
    One query is enough for a whole transaction of SQLite, since nobody else writes meanwhile.
    """
    if _LAST not in session.info:
        found = session.connection().execute(_READ_LAST).one()
        session.info[_LAST] = dict(zip(("register_version", *NUMBERED), found, strict=True))
    known: dict[str, int] = session.info[_LAST]
    return known


def is_in(column: Any, name: str) -> ColumnElement[bool]:  # noqa: ANN401 - of any type
    """Return the SQL condition that a column has a value of the list given as parameter `name`."""
    given = bindparam(name, type_=column.type, expanding=True)
    return column.in_(given)  # type: ignore[no-any-return] # as it is of any type


def is_one_of(dialect: str, column: Any, name: str) -> ColumnElement[bool]:  # noqa: ANN401 - the same
    """Return the SQL condition that a column has a value of the list given as parameter `name`, for one
    dialect. In PostgreSQL the list is an array, so one statement serves for lists of any length.
    """
    if dialect != "postgresql":
        return is_in(column, name)
    return column == func.any(bindparam(name))  # type: ignore[no-any-return] # the same


def _columns(rows: Sequence[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in rows[0]}


@lru_cache(64)
def _put(
    table: type[SQLModel],
    dialect: Dialect,
    names: tuple[str, ...],
    replaced: tuple[str, ...] = (),
    dated: str = "",
) -> tuple[str, list[tuple[str, Callable[[Any], Any]]]]:
    """Return the INSERT statement for rows, and functions to convert the values of columns for SQLite.
    The statement is text: SQLAlchemy's own would make several calls for each value of each row.
    """
    place = table.__table__  # type: ignore[attr-defined] # as above
    types = {name: place.columns[name].type for name in names}
    columns = ", ".join(f'"{name}"' for name in names)
    if dialect.name == "postgresql":
        arrays = ", ".join(f"CAST(:{name} AS {kind.compile(dialect)}[])" for name, kind in types.items())
        given = f"unnest({arrays}) WITH ORDINALITY AS given ({columns}, place_of_the_row)"
        rows = f"SELECT {columns} FROM {given} ORDER BY place_of_the_row"  # noqa: S608 - of our own tables' names
    else:
        rows = f"VALUES ({', '.join('?' * len(names))})"
    put = f'INSERT INTO "{place.name}" AS known ({columns}) {rows}'
    if replaced:
        key = ", ".join(f'"{column.name}"' for column in place.primary_key)
        newer = f' WHERE known."{dated}" <= excluded."{dated}"' if dated else ""
        renewed = ", ".join(f'"{name}" = excluded."{name}"' for name in replaced)
        put += f" ON CONFLICT ({key}) DO UPDATE SET {renewed}{newer}"
    spellings = ((name, kind.dialect_impl(dialect).bind_processor(dialect)) for name, kind in types.items())
    return put, [(name, spell) for name, spell in spellings if spell is not None]
