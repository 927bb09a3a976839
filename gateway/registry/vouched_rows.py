"""The log vouches for the registry's rows: what a transaction changed is committed to in one leaf.

The leaf holds a commitment to the list of rows that the transaction wrote, each with the digest of
its content. So a row that was changed, added or taken out behind the gateway's back no longer fits
the log. Left out are the log's own leaves and nodes, which prove themselves, indexes that are made
from sealed files, letters, which are no evidence, who is logged in to the console, and how often a key was
used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstanceState, ORMExecuteState
from sqlmodel import Session, SQLModel

from gateway.registry import tables
from gateway.registry.inserting import insert_numbered, insert_rows

OUTSIDE: frozenset[str] = frozenset(
    {
        "console_session",
        "event",
        "full_roll",
        "letter",
        "log_node",
        "persons_of_transfer",
        "pupil",
        "staged_roll",
    }
)
_UNRECORDED: dict[str, frozenset[str]] = {"key": frozenset({"uses", "last_used_at", "sign_count"})}
# Columns that later versions added: while they hold nothing, a row is as it was when the log vouched for it.
_LATER: dict[str, frozenset[str]] = {
    "legal_hold": frozenset({"provider", "persons"}),
    "provider": frozenset({"schools", "closed_on", "succeeded_by", "number"}),
    "transfer": frozenset({"period"}),
    "provider_copy": frozenset({"part"}),
    "delivery": frozenset({"collected_at", "whole", "counts"}),
}
_CHANGED = "gateway changed rows"

Row = tuple[str, str]
Kept = SQLModel | str | None
"""What is known of a changed row: itself, its digest, or that it was taken out."""


def recorded_tables() -> list[str]:
    """The tables whose rows the log vouches for."""
    tables.load_all()
    return sorted(set(SQLModel.metadata.tables) - OUTSIDE)


def take_changes(session: Session) -> str | None:
    """What this transaction has changed since it was last asked: canonical JSON, or None for nothing."""
    session.flush()
    changed: dict[Row, Kept] = session.info.pop(_CHANGED, {})
    if not changed:
        return None
    rows = [
        [*row, digest(kept) if isinstance(kept, SQLModel) else kept]
        for row, kept in sorted(changed.items(), key=_key)
    ]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def read_changes(note: str) -> Iterable[tuple[Row, str | None]]:
    """The rows of a recorded change, each with its digest; None where the row was taken out."""
    for table, key, content in json.loads(note):
        yield (table, key), content


def add_rows(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Write new rows with one statement; the log vouches for them as for any other.

    Each has the same columns: all of them, but for a number that the database gives. Rows that they
    refer to must have been flushed.
    """
    if not rows:
        return
    place = table.__table__  # type: ignore[attr-defined] # SQLModel does not declare it
    key = [column.name for column in place.primary_key]
    given = [name for name in key if name not in rows[0]]
    if set(rows[0]).union(given) != set(place.columns.keys()):
        raise AssertionError(f"a row of {place.name} has other columns than these")
    if given:
        numbers = insert_numbered(session, table, rows, given[0])
        rows = [{**row, given[0]: number} for row, number in zip(rows, numbers, strict=True)]
    else:
        insert_rows(session, table, rows)
    changed = session.info.setdefault(_CHANGED, {})
    for row in rows:
        changed[place.name, _spelled_key(row[name] for name in key)] = _digest(place.name, row)


def digest(row: SQLModel) -> str:
    """The SHA-256 of a row's content, in one spelling whatever the database."""
    columns = inspect(type(row)).column_attrs
    return _digest(str(row.__tablename__), {each.key: getattr(row, each.key) for each in columns})


def _digest(table: str, row: Mapping[str, object]) -> str:
    left_out, later = _UNRECORDED.get(table, frozenset()), _LATER.get(table, frozenset())
    content = {
        name: _plain(value)
        for name, value in row.items()
        if name not in left_out and not (value is None and name in later)
    }
    spelled = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(spelled.encode()).hexdigest()


def identity(row: SQLModel) -> Row:
    """The table and primary key of a row, in one spelling."""
    state: InstanceState[Any] = inspect(row)
    return str(row.__tablename__), _spelled_key(state.mapper.primary_key_from_instance(row))


def _spelled_key(key: Iterable[object]) -> str:
    return json.dumps([_plain(part) for part in key], separators=(",", ":"))


@event.listens_for(Session, "after_flush")
def _note_changes(session: Session, _context: object) -> None:
    changed: dict[Row, Kept] = session.info.setdefault(_CHANGED, {})
    for row in (*session.new, *filter(_changed, session.dirty)):
        if row.__tablename__ not in OUTSIDE:
            changed[identity(row)] = row
    for row in session.deleted:
        if row.__tablename__ not in OUTSIDE:
            changed[identity(row)] = None
        if isinstance(row, tables.ReceiptRow) and row.json_text:
            changed["receipt_owed", _owed_key(row.json_text)] = None  # It may have been, first.


def _owed_key(json_text: str) -> str:
    from gateway.receipts.receipt import digest_in  # noqa: PLC0415 - receipts are seldom deleted

    return _spelled_key([digest_in(json_text)])


def _changed(row: SQLModel) -> bool:
    left_out = _UNRECORDED.get(str(row.__tablename__), frozenset())
    return any(
        attribute.history.has_changes() for attribute in inspect(row).attrs if attribute.key not in left_out
    )


@event.listens_for(Session, "do_orm_execute")
def _refuse_unseen_writes(state: ORMExecuteState) -> None:
    """Any other bulk statement would write rows that nobody vouches for: a bug, found at once."""
    if not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    table = str(state.bind_mapper.local_table)
    if table not in OUTSIDE:
        raise AssertionError(f"rows of {table} are written by objects or add_rows, so that the log can vouch")


def _key(item: tuple[Row, Kept]) -> Row:
    return item[0]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value
