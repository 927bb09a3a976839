"""Notices and receipts of declarations, read for retention: neither belongs to a file."""

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from gateway.registry import holds
from gateway.registry.receipts import AGREEMENT_NOTICE, DISCREPANCY_NOTICE, GATEWAY_KEY_HEADLINE, KEY_NOTICE
from gateway.registry.tables import DeclarationRow, ReceiptRow
from gateway.reports.retention import KeptNotice


def made_before(session: Session, moment: datetime) -> list[KeptNotice]:
    """Return the notices, and receipts of declarations, made by `moment` and still stored."""
    return _found(session, col(ReceiptRow.created_at) <= moment)


def kept(session: Session, references: Collection[str]) -> list[KeptNotice]:
    """Return the notices and receipts of declarations with the given references, if still stored."""
    return _found(session, col(ReceiptRow.reference).in_(list(references)))


def of_the_agreement(session: Session, since: datetime) -> dict[str, list[tuple[str, datetime]]]:
    """Return by provider the reference and time of notices on a change of the agreement, since a moment."""
    return _left(session, since, ReceiptRow.name == AGREEMENT_NOTICE)


def of_the_gateways_key(session: Session, since: datetime) -> dict[str, list[tuple[str, datetime]]]:
    """Return by provider the reference and time of notices on a new key of the gateway, since a moment."""
    # Other notices of keys have the same name; a headline is one line, and English is in each notice.
    about = col(ReceiptRow.text).contains(f"\n{GATEWAY_KEY_HEADLINE}\n")
    return _left(session, since, ReceiptRow.name == KEY_NOTICE, about)


def _left(session: Session, since: datetime, *wanted: Any) -> dict[str, list[tuple[str, datetime]]]:  # noqa: ANN401 - a condition
    columns = (ReceiptRow.provider, ReceiptRow.reference, ReceiptRow.created_at)
    found: dict[str, list[tuple[str, datetime]]] = {}
    query = select(*columns).where(col(ReceiptRow.created_at) >= since, *wanted)
    for provider, reference, at in session.exec(query):
        found.setdefault(provider, []).append((reference, at))
    return found


def _found(session: Session, wanted: ColumnElement[bool]) -> list[KeptNotice]:
    columns = (ReceiptRow.reference, ReceiptRow.name, ReceiptRow.created_at)
    # Only notices, for people alone, have no JSON.
    notices = session.exec(select(*columns).where(wanted, ReceiptRow.json_text == "")).all()
    found = [
        KeptNotice(
            reference=reference,
            what="notices",
            subject="discrepancies" if name == DISCREPANCY_NOTICE else "keys",
            made_at=made_at,
        )
        for reference, name, made_at in notices
    ]
    found += _declarations(session, wanted)
    on_hold = holds.on_hold(session, [notice.reference for notice in found]) if found else set()
    return [replace(notice, legal_hold=notice.reference in on_hold) for notice in found]


def _declarations(session: Session, wanted: ColumnElement[bool]) -> Iterator[KeptNotice]:
    query = (
        select(DeclarationRow)
        .join(ReceiptRow, col(ReceiptRow.reference) == col(DeclarationRow.reference))
        .where(wanted)
    )
    for row in session.exec(query):
        types = row.data_types.split()
        yield KeptNotice(
            reference=row.reference,
            what="declarations",
            # A held declaration is never decided again: people make another.
            subject="accepted" if row.state == "accepted" else "refused",
            made_at=row.declared_at,
            data_type=types[0] if len(types) == 1 else None,
        )
