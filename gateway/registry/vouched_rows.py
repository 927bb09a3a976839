"""The log vouches for the registry's rows: what a transaction changed is committed to in one leaf.

The leaf holds the digest of a record: the rows that were written, each with the digest of its content, and
a salt. What belongs to a file is in the record of that file's own leaf; the rest is in that of the
transaction's first such leaf, or of one that does nothing else. So a row that was changed, added or taken out
behind the gateway's back no longer fits the log. Left out are the log's own leaves and nodes, which prove
themselves; a head that a receipt carries, which that receipt vouches for; indexes that are made from sealed
files; letters, which are no evidence; who is logged in to the console; and how often a key was used.
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
        "console_session",
        "event",
        "full_roll",
        "letter",
        "log_node",
        "persons_of_transfer",
        "pupil",
        "register_version",
        "staged_roll",
    }
)
_UNRECORDED: dict[str, frozenset[str]] = {"key": frozenset({"uses", "last_used_at", "sign_count"})}
# Columns that later versions added: while they hold nothing, a row is as it was when the log vouched for it.
_LATER: dict[str, frozenset[str]] = {
    "legal_hold": frozenset({"provider", "persons"}),
    "provider": frozenset({"schools", "closed_on", "succeeded_by", "number"}),
    "receipt": frozenset({"seal"}),
    "transfer": frozenset({"period"}),
    "provider_copy": frozenset({"part"}),
    "delivery": frozenset({"collected_at", "whole", "counts"}),
}
REGISTER: frozenset[str] = frozenset({"harmless", "key", "provider", "pupil_marker", "ratification"})
REGISTER_CHANGED = "gateway register changed"
"""What a transaction has changed of the tables of the register is to be read anew, see `register`."""
_CHANGED, _REFERENCES = "gateway changed rows", "gateway references of transfers"

Row = tuple[str, str]
Kept = SQLModel | str | None
"""What is known of a changed row: itself, its digest, or that it was taken out."""
Change = list[str | None]
"""A row's table, its key, and the digest of its content; None where it was taken out."""


def recorded_tables() -> list[str]:
    """The tables whose rows the log vouches for."""
    tables.load_all()
    return sorted(set(SQLModel.metadata.tables) - OUTSIDE)


def take_changes(session: Session) -> dict[str, list[Change]]:
    """Return what this transaction has changed since it was last asked, by the file that it belongs to.

    Under "" is what belongs to none.
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
    """Spell changes out as the record that a leaf holds the digest of, with a salt: canonical JSON."""
    return canonical({"rows": changes, "salt": secrets.token_hex(16)}).decode()


def read_changes(record: str) -> Iterable[tuple[Row, str | None]]:
    """The rows of a record, each with its digest; None where the row was taken out.

    Earlier versions wrote the list alone.
    """
    read = json.loads(record)
    for table, key, content in read["rows"] if isinstance(read, dict) else read:
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
    vouch_for_rows(session, table, rows)


def vouch_for_rows(session: Session, table: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    """Let the log vouch for rows of all columns that are written otherwise."""
    place = table.__table__  # type: ignore[attr-defined] # as above
    key = [column.name for column in place.primary_key]
    for row in rows:
        identified = place.name, _spelled_key(row[name] for name in key)
        _note(session, identified, _digest(place.name, row), row)


def vouch_as(session: Session, row: Row, content: Mapping[str, Any]) -> None:
    """Let the log vouch for a row that is written later, by what is known of it by now."""
    _note(session, row, _digest("", content), content)


def known_digest(content: Mapping[str, Any]) -> str:
    """The SHA-256 of what `vouch_as` was given."""
    return _digest("", content)


def vouch_for(session: Session, row: SQLModel) -> None:
    """Let the log vouch for a row that it did not need to vouch for before."""
    _note(session, identity(row), row, row.__dict__)


def _note(session: Session, row: Row, kept: Kept, content: Mapping[str, Any]) -> None:
    if row[0] in REGISTER:
        session.info[REGISTER_CHANGED] = {}
    if row[0] == "transfer":
        session.info.setdefault(_REFERENCES, {})[content.get("sequence")] = content.get("reference")
    of = content.get("transfer", content.get("reference"))
    session.info.setdefault(_CHANGED, {})[row] = kept, of


def digest(row: SQLModel) -> str:
    """The SHA-256 of a row's content, in one spelling whatever the database."""
    return _digest(str(row.__tablename__), content_of(row))


def content_of(row: SQLModel) -> dict[str, Any]:
    """The columns of a row."""
    return {each.key: getattr(row, each.key) for each in inspect(type(row)).column_attrs}


def sealed_content(receipt: Mapping[str, Any], number: int | None) -> bytes:
    """What the seal of a receipt signs: its row, with its number where that was known when it was made."""
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
    """The table and primary key of a row, in one spelling."""
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
    """Any other bulk statement would write rows that nobody vouches for: a bug, found at once."""
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
