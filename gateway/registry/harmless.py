"""Columns that an administrator has listed as harmless; headings of which a provider has said the meaning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.errors import GatewayError
from gateway.registry.tables import HarmlessRow

EVERY = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Harmless:
    """One column on the list. `name` is without case, blanks and punctuation; `provider` is "" for all.

    `field` is None, or what its provider says that it carries: the key of a field, "" for something else.
    """

    name: str
    header: str
    provider: str
    listed_at: datetime
    listed_by: str
    why: str
    field: str | None = None


def listed(session: Session, *, stated: bool = False) -> Sequence[Harmless]:
    """Every column that is listed as harmless, or heading that a provider has said something of, by name."""
    rows = session.exec(select(HarmlessRow).order_by(col(HarmlessRow.name), col(HarmlessRow.provider)))
    return [
        Harmless(
            name=row.name,
            header=row.header,
            provider=row.provider,
            listed_at=row.listed_at,
            listed_by=row.listed_by,
            why=row.why,
            field=row.field,
        )
        for row in rows
        if (row.field is not None) == stated
    ]


def of_providers(session: Session) -> tuple[Mapping[str, list[str]], Mapping[str, list[tuple[str, str]]]]:
    """By provider the names that are listed as harmless, those of all under `EVERY`; and what it has stated.

    That are headings, each with the key of a field, or "" where the provider says that it is something else.
    """
    listed: defaultdict[str, list[str]] = defaultdict(list)
    stated: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    row = HarmlessRow
    for name, provider, header, key in session.exec(
        select(row.name, row.provider, row.header, row.field).order_by(col(row.name))
    ):
        if key is None:
            listed[provider].append(name)
        else:
            stated[provider].append((header, key))
    return listed, stated


def state(session: Session, column: Harmless) -> None:
    """Keep what a provider says of a heading, instead of what it said before; what is listed for it stays."""
    row = session.get(HarmlessRow, (column.name, column.provider))
    if row is not None and row.field is None:
        return
    if row is not None:
        session.delete(row)
        session.flush()
    add(session, column)


def add(session: Session, column: Harmless) -> None:
    """Put a column on the list. GatewayError where it is on it."""
    if session.get(HarmlessRow, (column.name, column.provider)) is not None:
        raise GatewayError(f"{column.header} is listed as harmless already")
    session.add(
        HarmlessRow(
            name=column.name,
            header=column.header,
            provider=column.provider,
            listed_at=column.listed_at,
            listed_by=column.listed_by,
            why=column.why,
            field=column.field,
        )
    )
    session.flush()


def remove(session: Session, name: str, provider: str, *, stated: bool = False) -> None:
    """Take a column off the list, or what a provider says of it. GatewayError where there is none."""
    row = session.get(HarmlessRow, (name, provider))
    if row is None or (row.field is not None) != stated:
        if stated:
            raise GatewayError("nothing is said of such a heading; see: gateway headings list")
        raise GatewayError("no such column is listed as harmless; see: gateway policy harmless list")
    session.delete(row)
    session.flush()
