"""The log vouches for the registry's rows: what a transaction changed is committed to in one leaf.

The leaf holds a commitment to the list of rows that the transaction wrote, each with the digest of
its content. So a row that was changed, added or taken out behind the gateway's back no longer fits
the log. Left out are the log's own leaves and nodes, which prove themselves, indexes that are made
from sealed files, and how often a key was used.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstanceState, ORMExecuteState
from sqlmodel import Session, SQLModel

OUTSIDE: frozenset[str] = frozenset({"event", "log_node", "pupil", "full_roll", "staged_roll"})
_UNRECORDED: dict[str, frozenset[str]] = {"key": frozenset({"uses", "last_used_at"})}
_CHANGED = "gateway changed rows"

Row = tuple[str, str]


def recorded_tables() -> list[str]:
    """The tables whose rows the log vouches for."""
    return sorted(set(SQLModel.metadata.tables) - OUTSIDE)


def take_changes(session: Session) -> str | None:
    """What this transaction has changed since it was last asked: canonical JSON, or None for nothing."""
    session.flush()
    changed: dict[Row, SQLModel | None] = session.info.pop(_CHANGED, {})
    if not changed:
        return None
    rows = [[*row, None if kept is None else digest(kept)] for row, kept in sorted(changed.items(), key=_key)]
    return json.dumps(rows, separators=(",", ":"), ensure_ascii=False)


def read_changes(note: str) -> Iterable[tuple[Row, str | None]]:
    """The rows of a recorded change, each with its digest; None where the row was taken out."""
    for table, key, content in json.loads(note):
        yield (table, key), content


def digest(row: SQLModel) -> str:
    """The SHA-256 of a row's content, in one spelling whatever the database."""
    left_out = _UNRECORDED.get(str(row.__tablename__), frozenset())
    content = {
        attribute.key: _plain(getattr(row, attribute.key))
        for attribute in inspect(type(row)).column_attrs
        if attribute.key not in left_out
    }
    spelled = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(spelled.encode()).hexdigest()


def identity(row: SQLModel) -> Row:
    """The table and primary key of a row, in one spelling."""
    state: InstanceState[Any] = inspect(row)
    key = state.mapper.primary_key_from_instance(row)
    return str(row.__tablename__), json.dumps([_plain(part) for part in key], separators=(",", ":"))


@event.listens_for(Session, "after_flush")
def _note_changes(session: Session, _context: object) -> None:
    changed: dict[Row, SQLModel | None] = session.info.setdefault(_CHANGED, {})
    for row in (*session.new, *filter(_changed, session.dirty)):
        if row.__tablename__ not in OUTSIDE:
            changed[identity(row)] = row
    for row in session.deleted:
        if row.__tablename__ not in OUTSIDE:
            changed[identity(row)] = None


def _changed(row: SQLModel) -> bool:
    left_out = _UNRECORDED.get(str(row.__tablename__), frozenset())
    return any(
        attribute.history.has_changes() for attribute in inspect(row).attrs if attribute.key not in left_out
    )


@event.listens_for(Session, "do_orm_execute")
def _refuse_unseen_writes(state: ORMExecuteState) -> None:
    """A bulk statement would write rows that nobody vouches for: a bug, found at once."""
    if not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    table = str(state.bind_mapper.local_table)
    if table not in OUTSIDE:
        raise AssertionError(f"rows of {table} are written one by one, so that the log can vouch for them")


def _key(item: tuple[Row, SQLModel | None]) -> Row:
    return item[0]


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value
