"""Notices, and the receipts of declarations, as retention sees them: papers that belong to no file."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from gateway.registry import holds
from gateway.registry.receipts import DISCREPANCY_NOTICE
from gateway.registry.tables import DeclarationRow, ReceiptRow
from gateway.reports.retention import KeptPaper


def made_before(session: Session, moment: datetime) -> list[KeptPaper]:
    """The papers that were made by `moment` and are still here."""
    return _papers(session, col(ReceiptRow.created_at) <= moment)


def kept(session: Session, references: Collection[str]) -> list[KeptPaper]:
    """Some papers as retention sees them: those that are still here."""
    return _papers(session, col(ReceiptRow.reference).in_(list(references)))


def _papers(session: Session, wanted: ColumnElement[bool]) -> list[KeptPaper]:
    columns = (ReceiptRow.reference, ReceiptRow.name, ReceiptRow.created_at)
    # Only what is for people alone has no JSON.
    notices = session.exec(select(*columns).where(wanted, ReceiptRow.json_text == "")).all()
    found = [*_notices(notices), *_declarations(session, wanted)]
    on_hold = holds.on_hold(session, [paper.reference for paper in found]) if found else set()
    return [replace(paper, legal_hold=paper.reference in on_hold) for paper in found]


def _notices(rows: Sequence[tuple[str, str, datetime]]) -> Iterator[KeptPaper]:
    for reference, name, made_at in rows:
        subject: Literal["keys", "discrepancies"] = "discrepancies" if name == DISCREPANCY_NOTICE else "keys"
        yield KeptPaper(reference=reference, what="notices", subject=subject, made_at=made_at)


def _declarations(session: Session, wanted: ColumnElement[bool]) -> Iterator[KeptPaper]:
    query = (
        select(DeclarationRow)
        .join(ReceiptRow, col(ReceiptRow.reference) == col(DeclarationRow.reference))
        .where(wanted)
    )
    for row in session.exec(query):
        types = row.data_types.split()
        yield KeptPaper(
            reference=row.reference,
            what="declarations",
            # One that was to wait is never decided again: another is made instead.
            subject="accepted" if row.state == "accepted" else "refused",
            made_at=row.declared_at,
            data_type=types[0] if len(types) == 1 else None,
        )
