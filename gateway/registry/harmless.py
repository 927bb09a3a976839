"""Columns that an administrator has listed as harmless, for one provider or for every one."""

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
    """One column on the list. `name` is without case, blanks and punctuation; `provider` is "" for all."""

    name: str
    header: str
    provider: str
    listed_at: datetime
    listed_by: str
    why: str


def listed(session: Session) -> Sequence[Harmless]:
    """Every column on the list, by name."""
    rows = session.exec(select(HarmlessRow).order_by(col(HarmlessRow.name), col(HarmlessRow.provider)))
    return [
        Harmless(
            name=row.name,
            header=row.header,
            provider=row.provider,
            listed_at=row.listed_at,
            listed_by=row.listed_by,
            why=row.why,
        )
        for row in rows
    ]


def names(session: Session) -> Mapping[str, tuple[str, ...]]:
    """The names on the list by provider; those of every provider under `EVERY`."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, provider in session.exec(select(HarmlessRow.name, HarmlessRow.provider)):
        found[provider].append(name)
    return {provider: tuple(sorted(several)) for provider, several in found.items()}


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
        )
    )
    session.flush()


def remove(session: Session, name: str, provider: str) -> None:
    """Take a column off the list. GatewayError where it is not on it."""
    row = session.get(HarmlessRow, (name, provider))
    if row is None:
        raise GatewayError("no such column is listed as harmless; see: gateway policy harmless list")
    session.delete(row)
    session.flush()
