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
    """Return harmless column names by provider (`EVERY`: for all), and explained headings by provider.

    Beside a heading stands the key of the field meant, or "" for none of the known fields.
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
    """Store a provider's statement on the meaning of a heading; a column listed as harmless stays so."""
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
    """Delete the listing of a harmless column, or with `stated` a heading's meaning. GatewayError without."""
    row = session.get(HarmlessRow, (name, provider))
    if row is None or (row.field is not None) != stated:
        if stated:
            raise GatewayError("nothing is said of such a heading; see: gateway headings list")
        raise GatewayError("no such column is listed as harmless; see: gateway policy harmless list")
    session.delete(row)
    session.flush()
