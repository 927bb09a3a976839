"""The log vouches for the registry's rows: one leaf commits to all changes of a transaction.

The leaf holds the digest of a record: the rows written, each with the digest of its content, and a salt. A
row of a file is in the record of the file's own leaf; others are in the record of the transaction's first
suitable leaf, or of a leaf added for the purpose. So a row changed, added or removed behind the gateway's
back no longer fits the log.

Left out are the log's own leaves and nodes (self-proving), heads carried by a receipt (vouched for by the
receipt), indexes made from sealed files, letters (no evidence), console sessions and challenges, what
hosts say of themselves, and counts of the use of keys.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import event, inspect
from sqlalchemy.orm import InstanceState, ORMExecuteState
from sqlmodel import Session, SQLModel

from gateway.log.canonical import canonical
from gateway.registry import tables
from gateway.registry.inserting import NUMBERED, insert_numbered, insert_rows, note_number

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
        "pupil",
        "register_version",
        "staged_roll",
    }
)
_UNRECORDED: dict[str, frozenset[str]] = {"key": frozenset({"uses", "last_used_at", "sign_count"})}
# Columns added by later versions: while empty, left out, so that the digests of older rows still fit.
_LATER: dict[str, frozenset[str]] = {
    "key": frozenset({"unconfirmed"}),
    "legal_hold": frozenset({"provider", "persons"}),
    "provider": frozenset({"schools", "closed_on", "succeeded_by", "number"}),
    "receipt": frozenset({"seal"}),
    "transfer": frozenset({"period", "few", "rules"}),
    "provider_copy": frozenset({"part", "waits"}),
    "ratification": frozenset({"ends_on"}),
    "delivery": frozenset({"collected_at", "whole", "counts"}),
}
REGISTER: frozenset[str] = frozenset({"harmless", "key", "provider", "pupil_marker", "ratification"})
REGISTER_CHANGED = "gateway register changed"
"""Marks a transaction that changed tables of the register, to be read again: see `register`."""
_CHANGED, _REFERENCES = "gateway changed rows", "gateway references of transfers"

Row = tuple[str, str]
Kept = SQLModel | str | None
"""A changed row: the row, its digest, or None for a deleted one."""
Change = list[str | None]
"""A row's table, its key, and the digest of its content; None for a deleted row."""


def recorded_tables() -> list[str]:
    """Return the tables vouched for by the log."""
    tables.load_all()
    return sorted(set(SQLModel.metadata.tables) - OUTSIDE)


def take_changes(session: Session) -> dict[str, list[Change]]:
    """Return and clear the transaction's changes so far, by file; under "" those of no file."""
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
    """Return the record of changes as canonical JSON, with a salt; a leaf holds the record's digest."""
    return canonical({"rows": changes, "salt": secrets.token_hex(16)}).decode()


def read_changes(record: str) -> Iterable[tuple[Row, str | None]]:
    """Return the rows of a record, each with its digest; None for a deleted row.

    Earlier versions wrote the list without a salt.
    """
    read = json.loads(record)
    for table, key, content in read["rows"] if isinstance(read, dict) else read:
        yield (table, key), content


def add_rows(session: Session, table: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows with one statement, vouched for by the log as any other.

    Each row has all columns, but for a number given by the database. Rows referred to must be flushed before.
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
    vouch_for_rows(session, table, rows)


def vouch_for_rows(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Let the log vouch for complete rows written by other means."""
    place = table.__table__  # type: ignore[attr-defined] # as above
    key = [column.name for column in place.primary_key]
    for row in rows:
        identified = place.name, _spelled_key(row[name] for name in key)
        _note(session, identified, _digest(place.name, row), row)


def vouch_as(session: Session, row: Row, content: Mapping[str, Any]) -> None:
    """Let the log vouch for a row written later, by the content known now."""
    _note(session, row, _digest("", content), content)


def known_digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of a content given to `vouch_as`."""
    return _digest("", content)


def vouch_for(session: Session, row: SQLModel) -> None:
    """Let the log vouch for a row outside its scope until now."""
    _note(session, identity(row), row, row.__dict__)


def _note(session: Session, row: Row, kept: Kept, content: Mapping[str, Any]) -> None:
    if row[0] in REGISTER:
        session.info[REGISTER_CHANGED] = {}
    if row[0] == "transfer":
        session.info.setdefault(_REFERENCES, {})[content.get("sequence")] = content.get("reference")
    of = content.get("transfer", content.get("reference"))
    session.info.setdefault(_CHANGED, {})[row] = kept, of


def digest(row: SQLModel) -> str:
    """Return the SHA-256 of a row's content, spelled alike in every database."""
    return _digest(str(row.__tablename__), content_of(row))


def content_of(row: SQLModel) -> dict[str, Any]:
    """Return the columns of a row."""
    return {each.key: getattr(row, each.key) for each in inspect(type(row)).column_attrs}


def sealed_content(receipt: Mapping[str, Any], number: int | None) -> bytes:
    """Return the bytes signed by a receipt's seal: the row, with its number where known at the making."""
    told = {name: value for name, value in receipt.items() if name not in {"seal", "sequence"}}
    return f"gateway receipt row\n{_digest('receipt', {**told, 'sequence': number})}\n".encode()


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
    """Return the table and primary key of a row, spelled alike in every database."""
    state: InstanceState[Any] = inspect(row)
    return str(row.__tablename__), _spelled_key(state.mapper.primary_key_from_instance(row))


def _spelled_key(key: Iterable[object]) -> str:
    return json.dumps([_plain(part) for part in key], separators=(",", ":"))


@event.listens_for(Session, "after_flush")
def _note_changes(session: Session, _context: object) -> None:
    for row in session.new:
        if (number := NUMBERED.get(str(row.__tablename__))) is not None:
            note_number(session, str(row.__tablename__), getattr(row, number))
    for row in (*session.new, *filter(_changed, session.dirty)):
        if row.__tablename__ not in OUTSIDE:
            _note(session, identity(row), row, row.__dict__)
    for row in session.deleted:
        if row.__tablename__ not in OUTSIDE:
            _note(session, identity(row), None, row.__dict__)


def _changed(row: SQLModel) -> bool:
    left_out = _UNRECORDED.get(str(row.__tablename__), frozenset())
    return any(
        attribute.history.has_changes() for attribute in inspect(row).attrs if attribute.key not in left_out
    )


@event.listens_for(Session, "do_orm_execute")
def _refuse_unseen_writes(state: ORMExecuteState) -> None:
    """Reject bulk writes by other statements: nobody would vouch for the rows."""
    if not (state.is_insert or state.is_update or state.is_delete) or state.bind_mapper is None:
        return
    table = str(state.bind_mapper.local_table)
    if table not in OUTSIDE:
        raise AssertionError(f"rows of {table} are written by objects or add_rows, so that the log can vouch")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    return value.hex() if isinstance(value, bytes) else value
