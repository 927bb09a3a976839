"""Audit of the registry's rows against the log: each row as written by its last recorded transaction."""

import hashlib
import json
from collections.abc import Iterable, Iterator

from sqlalchemy import or_
from sqlmodel import Session, SQLModel, col, select

from gateway.homes.audit.inconsistency import Inconsistency, paged
from gateway.receipts.text import stated_in
from gateway.registry.tables import CheckpointRow, EventRow, ReceiptRow
from gateway.registry.vouched_rows import Row, digest, identity, known_digest, read_changes, recorded_tables


def check_rows(session: Session, expected: dict[Row, str] | None = None) -> Iterator[Inconsistency]:
    """Yield every row changed, added or removed without a log entry, except signed heads.

    `expected` is the result of `last_known`; the heads in it are left for `check_heads`.
    """
    expected = last_known(session) if expected is None else expected
    for table in recorded_classes():
        if table is not CheckpointRow:
            yield from _check_table(session, table, expected)
    yield from _missing(key for key in expected if key[0] != CheckpointRow.__tablename__)


def check_heads(session: Session, expected: dict[Row, str]) -> Iterator[Inconsistency]:
    """Check signed heads like `check_rows`. Receipts vouch for some heads, so check receipts first."""
    for identified, head in _carried_heads(session):
        expected.setdefault(identified, head)
    yield from _check_table(session, CheckpointRow, expected)
    yield from _missing(key for key in expected if key[0] == CheckpointRow.__tablename__)


def _check_table(
    session: Session, table: type[SQLModel], expected: dict[Row, str]
) -> Iterator[Inconsistency]:
    order = list(table.__table__.primary_key.columns)  # type: ignore[attr-defined] # SQLModel's
    for row in paged(session, table, order):
        known = expected.pop(identity(row), None)
        if known is None:
            yield Inconsistency(_named(identity(row)), "the log knows of no such row")
        elif known != digest(row) and known != _stated(row):
            yield Inconsistency(_named(identity(row)), "it is not as the log has it")


def _missing(keys: Iterable[Row]) -> Iterator[Inconsistency]:
    for key in sorted(keys):
        yield Inconsistency(_named(key), "the row is missing")


def _stated(row: SQLModel) -> str | None:
    """Return the digest of a receipt's statement without its proof, covered by the log; None for notices."""
    if not isinstance(row, ReceiptRow):
        return None
    try:
        statement, canonical = stated_in(row.text, row.json_text)
    except ValueError:  # A notice, which has no proof.
        return None
    told = {name: getattr(row, name) for name in ("reference", "provider", "name", "stage", "created_at")}
    digested = hashlib.sha256(canonical.encode()).hexdigest()
    return known_digest({**told, "statement": statement, "canonical": canonical, "digest": digested})


def _carried_heads(session: Session) -> Iterator[tuple[Row, str]]:
    """Yield the signed heads carried by receipts, as signed."""
    for text, at in session.exec(select(ReceiptRow.json_text, ReceiptRow.created_at)):
        try:
            head = json.loads(text)["checkpoint"]
            row = CheckpointRow(size=int(head.split("\n")[1]), text=head, created_at=at)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            continue  # A notice, or a case for the check of receipts.
        yield identity(row), digest(row)


def last_known(session: Session) -> dict[Row, str]:
    """Return the digest of each row as recorded in the log."""
    known: dict[Row, str] = {}
    vouches = or_(col(EventRow.kind) == "recorded", col(EventRow.rows).is_not(None))
    query = select(EventRow.rows, EventRow.note).where(vouches).order_by(col(EventRow.number))
    for rows, note in session.exec(query):
        for row, content in read_changes(rows or note or "[]"):
            if content is None:
                known.pop(row, None)
            else:
                known[row] = content
    return known


def recorded_classes() -> list[type[SQLModel]]:
    """Return the tables whose rows the log covers."""
    names = set(recorded_tables())
    found = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]  # noqa: SLF001 - it has no other list
    return sorted(
        (one for one in found if one.__tablename__ in names), key=lambda one: str(one.__tablename__)
    )


def _named(row: Row) -> str:
    table, key = row
    return f"{table} {' '.join(str(part) for part in json.loads(key))}"
