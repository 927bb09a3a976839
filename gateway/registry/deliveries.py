"""Deliveries: what a team has been sent and not yet dealt with, and the held files beside it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from gateway.access import Sight
from gateway.errors import NotFoundError
from gateway.reasons.persons import WITHDRAWN
from gateway.registry.delivery_queries import (
    ALL,
    DeliveriesWanted,
    chosen,
    held_files,
    page_of,
    removed_by,
    to_team,
    waits_for,
)
from gateway.registry.markers import NOBODY, kept_apart
from gateway.registry.tables import DeliveryRow, TransferRow


class Delivery(NamedTuple):
    """One file as a mailbox shows it; a tuple, since there may be tens of thousands.

    `team` is None for a held file, which no team has been sent. `sensitive`: it is held because of something
    sensitive or dangerous, and few people see it. `whole`: it is shown as it was sent; `counts`: the team is
    given counts alone. `collected`: somebody of the team has opened it. `period` is what it is about. `apart`
    are the markers of the children who are left out of it.
    """

    sequence: int
    reference: str
    provider: str
    flow: str | None
    extension: str
    content_size: int
    content_sha256: str
    landed_at: datetime
    decided_at: datetime
    team: str | None
    sensitive: bool = False
    data_type: str | None = None
    period: str | None = None
    whole: bool = True
    counts: bool = False
    collected: bool = False
    apart: frozenset[int] = frozenset()


def delivered(
    session: Session,
    team: str,
    *,
    wanted: DeliveriesWanted = ALL,
    person: str | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[Delivery]:
    """What `team` has not dealt with, latest first: at most `limit`, of a sequence less than `before`.

    Here and in what follows, what `person` may not see because of a child in it is left out.
    """
    of_one = wanted.provider is not None
    query = chosen(to_team(team, person, of_one=of_one), wanted)
    place = col(TransferRow.sequence if of_one else DeliveryRow.transfer)
    return [_delivery(row, team) for row in _rows(session, page_of(query, place, before, limit))]


def count_delivered(
    session: Session, team: str, wanted: DeliveriesWanted, *, person: str | None = None, most: int
) -> int:
    """How many of them `team` has not dealt with, at most `most`."""
    some = chosen(to_team(team, person), wanted).with_only_columns(col(DeliveryRow.transfer)).limit(most)
    return int(session.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def delivered_types(session: Session, team: str, person: str | None = None) -> Sequence[str]:
    """The data types of what `team` has not dealt with, in the order of the alphabet."""
    return _distinct(session, team, person, col(TransferRow.data_type))


def delivered_providers(session: Session, team: str, person: str | None = None) -> Sequence[str]:
    """The providers of what `team` has not dealt with, in the order of the alphabet."""
    return _distinct(session, team, person, col(TransferRow.provider))


def note_collected(session: Session, delivery: Delivery, at: datetime) -> None:
    """Note that somebody of the team has opened a delivery, if nobody had before."""
    row = session.exec(
        select_rows(DeliveryRow).where(
            col(DeliveryRow.transfer) == delivery.sequence, col(DeliveryRow.team) == delivery.team
        )
    ).first()
    if row is not None and row.collected_at is None:
        row.collected_at = at
        session.add(row)
        session.flush()


def find_delivered(
    session: Session, team: str, reference: str, *, person: str | None = None
) -> Delivery | None:
    """The one of that reference, if `team` was sent it and has not dealt with it."""
    row = session.execute(to_team(team, person).where(col(TransferRow.reference) == reference)).first()
    return None if row is None else _delivery(row, team)


def removed(
    session: Session,
    team: str,
    since: datetime,
    *,
    person: str | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[Delivery]:
    """What `team` has dealt with from `since` on and is still here, latest first, paged like `delivered`."""
    query = removed_by(team, since, person)
    page = page_of(query, col(DeliveryRow.transfer), before, limit)
    return [_delivery(row, team) for row in _rows(session, page)]


def find_removed(
    session: Session, team: str, since: datetime, reference: str, *, person: str | None = None
) -> Delivery | None:
    """The one of that reference, if `team` has dealt with it from `since` on and it is still here."""
    query = removed_by(team, since, person).where(col(TransferRow.reference) == reference)
    row = session.execute(query).first()
    return None if row is None else _delivery(row, team)


def restore(session: Session, delivery: Delivery) -> None:
    """Put a delivery that a team has dealt with back into its mailbox. NotFoundError where it is there."""
    row = session.exec(
        select_rows(DeliveryRow)
        .where(
            col(DeliveryRow.transfer) == delivery.sequence,
            col(DeliveryRow.team) == delivery.team,
            col(DeliveryRow.dealt_with_at).is_not(None),
        )
        .with_for_update()
    ).first()
    if row is None:
        raise NotFoundError(f"{delivery.reference} is in the mailbox of the team {delivery.team}")
    row.dealt_with_at, row.dealt_with_by = None, None
    session.add(row)
    session.flush()


def may_read(session: Session, delivery: Delivery, person: str) -> bool:
    """Whether somebody who has a file open may read on: it was not withdrawn, no child in it was marked.

    What is shown without the records of marked children is read on as long as there are no more of them.
    """
    asked = select(~waits_for(WITHDRAWN)).where(col(TransferRow.sequence) == delivery.sequence)
    if not session.execute(asked).scalar_one():
        return False
    now = kept_apart(session, [delivery.sequence], person).get(delivery.sequence, NOBODY)
    return delivery.counts or now.numbers <= delivery.apart


def held(session: Session, sight: Sight, *, before: int | None = None, limit: int) -> Sequence[Delivery]:
    """Return the held files that somebody may open, latest first, paged like `delivered`."""
    query = page_of(held_files(sight), col(TransferRow.sequence), before, limit)
    return [_held_delivery(row) for row in session.execute(query).all()]


def find_held(session: Session, reference: str, sight: Sight) -> Delivery | None:
    """Return the one of that reference, if it is held and somebody may open it."""
    row = session.execute(held_files(sight).where(col(TransferRow.reference) == reference)).first()
    return None if row is None else _held_delivery(row)


def deal_with(session: Session, delivery: Delivery, *, by: str, at: datetime) -> None:
    """Mark a delivery as dealt with by one of the team. NotFoundError where another was faster."""
    row = session.exec(
        select_rows(DeliveryRow)
        .where(
            col(DeliveryRow.transfer) == delivery.sequence,
            col(DeliveryRow.team) == delivery.team,
            col(DeliveryRow.dealt_with_at).is_(None),
        )
        .with_for_update()
    ).first()
    if row is None:
        raise NotFoundError(f"{delivery.reference} does not wait for the team {delivery.team}")
    row.dealt_with_at, row.dealt_with_by = at, by
    session.add(row)
    session.flush()


def _distinct(session: Session, team: str, person: str | None, what: Mapped[Any]) -> Sequence[str]:
    query = to_team(team, person).with_only_columns(what).where(what.is_not(None)).distinct().order_by(what)
    return [str(value) for value in session.execute(query).scalars()]


def _held_delivery(row: Row[*tuple[Any, ...]]) -> Delivery:
    *columns, sensitive = row
    return _delivery((*columns, True, False, None), None)._replace(sensitive=bool(sensitive))


def _delivery(row: Sequence[Any], team: str | None) -> Delivery:
    """A row of the columns of a query, which come in the order of a delivery."""
    *columns, decided_at, data_type, period, whole, counts, collected_at = row
    whole = team is None or (bool(whole) and not counts)
    counts, collected = team is not None and bool(counts), team is not None and collected_at is not None
    columns[_EXTENSION] = columns[_EXTENSION] or "bin"
    decided_at = decided_at or columns[_LANDED_AT]
    rest = (decided_at, team, False, data_type, period, whole, counts, collected)
    return Delivery._make((*columns, *rest, frozenset()))


_EXTENSION, _LANDED_AT = map(Delivery._fields.index, ("extension", "landed_at"))


def _rows(session: Session, query: Select[*tuple[Any, ...]]) -> Sequence[Row[*tuple[Any, ...]]]:
    """The rows of a query as the database gives them, past what looks for objects in them."""
    return session.connection().execute(query).all()
