"""The registry's rows against the log: each is what the last transaction that wrote it left."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlmodel import Session, SQLModel, col, select

from gateway.homes.audit.inconsistency import Inconsistency, paged
from gateway.registry.receipts_owed import as_owed
from gateway.registry.tables import EventRow, ReceiptRow
from gateway.registry.vouched_rows import Row, digest, identity, read_changes, recorded_tables


def check_rows(session: Session) -> Iterator[Inconsistency]:
    """Every row that was changed, added or taken out behind the log's back."""
    expected = _last_known(session)
    for table in recorded_classes():
        order = list(table.__table__.primary_key.columns)  # type: ignore[attr-defined] # SQLModel's
        for row in paged(session, table, order):
            vouched = next((one for one in _forms(row) if identity(one) in expected), None)
            if vouched is None:
                yield Inconsistency(_named(identity(row)), "the log knows of no such row")
            elif expected.pop(identity(vouched)) != digest(vouched):
                yield Inconsistency(_named(identity(row)), "it is not as the log has it")
    for key in sorted(expected):
        yield Inconsistency(_named(key), "the row is missing")


def _forms(row: SQLModel) -> Iterator[SQLModel]:
    """In which forms the log may vouch for a row. A receipt that was owed at first is known as that."""
    yield row
    if isinstance(row, ReceiptRow):
        yield from as_owed(row)


def _last_known(session: Session) -> dict[Row, str]:
    known: dict[Row, str] = {}
    query = select(EventRow.note).where(EventRow.kind == "recorded").order_by(col(EventRow.number))
    for note in session.exec(query):
        for row, content in read_changes(note or "[]"):
            if content is None:
                known.pop(row, None)
            else:
                known[row] = content
    return known


def recorded_classes() -> list[type[SQLModel]]:
    """The tables whose rows the log vouches for."""
    names = set(recorded_tables())
    found = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]  # noqa: SLF001 - it has no other list
    return sorted(
        (one for one in found if one.__tablename__ in names), key=lambda one: str(one.__tablename__)
    )


def _named(row: Row) -> str:
    table, key = row
    return f"{table} {' '.join(str(part) for part in json.loads(key))}"
