"""Filters of lists saved by persons, by name."""

from sqlmodel import Session, col, select

from gateway.errors import NotFoundError
from gateway.registry.tables import SavedFilterRow


def of_person(session: Session, name: str, listing: str | None = None) -> list[SavedFilterRow]:
    """Return the filters saved by a person for one list, or for all, sorted by name."""
    query = select(SavedFilterRow).where(SavedFilterRow.staff == name)
    if listing is not None:
        query = query.where(SavedFilterRow.listing == listing)
    return [*session.exec(query.order_by(col(SavedFilterRow.listing), col(SavedFilterRow.name))).all()]


def save(session: Session, row: SavedFilterRow) -> None:
    """Store a filter, replacing one of the same person, list and name."""
    session.merge(row)
    session.flush()


def remove(session: Session, person: str, listing: str, name: str) -> None:
    """Delete a filter. NotFoundError for an unknown name."""
    row = session.get(SavedFilterRow, (person, listing, name))
    if row is None:
        raise NotFoundError(f"you saved no filter {name} of {listing}")
    session.delete(row)
    session.flush()
