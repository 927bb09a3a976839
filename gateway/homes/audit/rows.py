"""Audit of the registry's rows against the log: each row as written by its last recorded transaction."""

import hashlib
import json
from collections.abc import Iterable, Iterator

from sqlalchemy import or_
from sqlmodel import Session, SQLModel, col, select

from gateway.homes.audit.inconsistency import Inconsistency, paged
from gateway.receipts.text import statement_in
from gateway.registry.tables import CheckpointRow, EventRow, ReceiptRow
from gateway.registry.vouched_rows import Row, digest, identity, known_digest, read_changes, recorded_tables
from gateway.verify.verify_receipts import canonical


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
    expected.update(_carried_heads(session, expected))
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
        elif known != _stated(row) and known != digest(row):
            yield Inconsistency(_named(identity(row)), "it is not as the log has it")


def _missing(keys: Iterable[Row]) -> Iterator[Inconsistency]:
    for key in sorted(keys):
        yield Inconsistency(_named(key), "the row is missing")


def _stated(row: SQLModel) -> str | None:
    """Return the digest of a receipt's statement without its proof, covered by the log; None for notices."""
    if not isinstance(row, ReceiptRow):
        return None
    try:
        statement, spelled = statement_in(row.text), canonical(json.loads(row.json_text)["receipt"])
    except (ValueError, TypeError, KeyError):  # A notice, which has no proof.
        return None
    told = {name: getattr(row, name) for name in ("reference", "provider", "name", "stage", "created_at")}
    digested = hashlib.sha256(spelled).hexdigest()
    return known_digest({**told, "statement": statement, "canonical": spelled.decode(), "digest": digested})


def _carried_heads(session: Session, expected: dict[Row, str]) -> Iterator[tuple[Row, str]]:
    """Yield the signed heads carried by receipts, as signed, each once, and none expected already."""
    query = select(ReceiptRow.json_text, ReceiptRow.created_at).execution_options(yield_per=1000)
    for text, at in session.exec(query):
        try:
            head = json.loads(text)["checkpoint"]
            size = int(head.split("\n")[1])
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            continue  # A notice, or a case for the check of receipts.
        key = str(CheckpointRow.__tablename__), json.dumps([size])
        if key not in expected:
            yield key, digest(CheckpointRow(size=size, text=head, created_at=at))


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
