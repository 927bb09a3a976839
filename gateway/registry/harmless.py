"""Columns listed as harmless by an administrator, and the meanings of headings stated by providers."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sqlmodel import Session, col, select

from gateway.errors import GatewayError
from gateway.registry.tables import HarmlessRow

EVERY = ""


def listed(session: Session, *, stated: bool = False) -> Sequence[HarmlessRow]:
    """Return columns listed as harmless; with `stated`, headings with a meaning stated by a provider."""
    rows = session.exec(select(HarmlessRow).order_by(col(HarmlessRow.name), col(HarmlessRow.provider)))
    return [row for row in rows if (row.field is not None) == stated]


def of_providers(session: Session) -> tuple[Mapping[str, list[str]], Mapping[str, list[tuple[str, str]]]]:
    """Return harmless names by provider (those for all under `EVERY`), and stated headings by provider.

    A stated heading comes with the key of a field, or "" for none of the known fields.
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


def state(session: Session, column: HarmlessRow) -> None:
    """Store a provider's statement on a heading, replacing an earlier one; a harmless listing stays."""
    row = session.get(HarmlessRow, (column.name, column.provider))
    if row is not None and row.field is None:
        return
    if row is not None:
        session.delete(row)
        session.flush()
    add(session, column)


def add(session: Session, column: HarmlessRow) -> None:
    """List a column as harmless. GatewayError if listed already."""
    if session.get(HarmlessRow, (column.name, column.provider)) is not None:
        raise GatewayError(f"{column.header} is listed as harmless already")
    session.add(column)
    session.flush()


def remove(session: Session, name: str, provider: str, *, stated: bool = False) -> None:
    """Delete a harmless listing, or with `stated` a statement. GatewayError if there is none."""
    row = session.get(HarmlessRow, (name, provider))
    if row is None or (row.field is not None) != stated:
        if stated:
            raise GatewayError("nothing is said of such a heading; see: gateway headings list")
        raise GatewayError("no such column is listed as harmless; see: gateway policy harmless list")
    session.delete(row)
    session.flush()
