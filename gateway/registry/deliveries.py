"""Read teams' deliveries (files in mailboxes) and held files in pages; record who opened or removed one."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, literal, null, or_, select, true
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col
from sqlmodel import select as select_rows

from gateway.access import Sight
from gateway.errors import NotFoundError
from gateway.reasons import WITHDRAWN
from gateway.registry.markers import kept_apart
from gateway.registry.sight import WHOLE, is_few, is_seen_by, within
from gateway.registry.tables import DeliveryRow, ReasonRow, TransferRow
from gateway.registry.tables.row import execute_plain
from gateway.registry.transfers import is_stored


def _columns(team: Any, *, sensitive: Any, whole: Any, counts: Any, collected: Any) -> tuple[Any, ...]:  # noqa: ANN401 - SQL expressions
    """Return the columns of a query, one for each field of `Delivery`. Each argument is the SQL for one
    field.
    """
    row = TransferRow
    arrived = (col(row.landed_at), func.coalesce(row.decided_at, row.landed_at))
    content = (func.coalesce(row.extension, "bin"), col(row.content_size), col(row.content_sha256))
    file = (col(row.sequence), col(row.reference), col(row.provider), col(row.flow), *content, *arrived)
    return (*file, team, sensitive, col(row.data_type), col(row.period), whole, counts, collected)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveriesWanted:
    """Filter on a team's deliveries: only `new` (uncollected) ones, of one data type, provider or period.
    Without `removed_since`, the filter finds deliveries that the team has not dealt with yet. With it, the
    filter finds deliveries dealt with since that moment, if the file is still stored. `few`: False to leave
    sensitive files out.
    """

    new: bool = False
    data_type: str | None = None
    provider: str | None = None
    period: str | None = None
    removed_since: datetime | None = None
    few: bool = True

    @property
    def is_of_one(self) -> bool:
        """True if only deliveries of one provider, not dealt with, are wanted: an index by provider then
        helps.
        """
        return self.provider is not None and self.removed_since is None


ALL = DeliveriesWanted()


def to_team(team: str, person: str | None, wanted: DeliveriesWanted) -> Select[*tuple[Any, ...]]:
    """Return the query for the deliveries of a team that match a filter and that a person may see."""
    dealt_with_at, collected = col(DeliveryRow.dealt_with_at), col(DeliveryRow.collected_at).is_not(None)
    counts = func.coalesce(DeliveryRow.counts, false())
    whole = and_(func.coalesce(DeliveryRow.whole, false()), ~counts)
    query = (
        select(*_columns(literal(team), sensitive=false(), whole=whole, counts=counts, collected=collected))
        .join(DeliveryRow, col(DeliveryRow.transfer) == col(TransferRow.sequence))
        .where(
            col(DeliveryRow.team) == team, col(TransferRow.content_sha256).is_not(None), is_shown_to(person)
        )
    )
    if wanted.removed_since is not None:
        # Recent deliveries come first: the index of deliveries avoids sorting.
        query = query.where(_unindexed(dealt_with_at) >= wanted.removed_since, is_stored())
    else:
        query = query.where((_unindexed(dealt_with_at) if wanted.is_of_one else dealt_with_at).is_(None))
    if not wanted.few:
        query = query.where(~is_few())
    if wanted.new:
        query = query.where(col(DeliveryRow.collected_at).is_(None))
    for name in ("data_type", "provider", "period"):
        if (value := getattr(wanted, name)) is not None:
            query = query.where(col(getattr(TransferRow, name)) == value)
    return query


def _unindexed(column: Mapped[Any]) -> Any:  # noqa: ANN401 - of whatever type the column is
    """Return an SQL expression with the value of a column, so written that the database uses no index."""
    return func.coalesce(column, None)


def is_shown_to(person: str | None) -> ColumnElement[bool]:
    """Return the SQL condition that a person may see a delivery.
    A view is always shown. A file delivered as sent, or not recognised, is hidden by a marker on a child in
    the file: from every person whom the marker does not name, or, if `person` is None, from everybody.
    """
    as_sent = or_(col(DeliveryRow.whole).is_(True), col(TransferRow.data_type).is_(None))
    return or_(~as_sent, is_seen_by(person))


def held_files(sight: Sight, rules: str) -> Select[*tuple[Any, ...]]:
    """Return the query for held files in a sight that were judged by the rules whose digest is `rules`.
    A file judged by other rules is left out: the present ones may find that only few people may know of it.
    """
    given = {"whole": true(), "counts": false(), "collected": false()}
    return select(*_columns(null(), sensitive=is_few(), **given)).where(
        col(TransferRow.state) == "held",
        col(TransferRow.content_sha256).is_not(None),
        col(TransferRow.rules) == rules,
        ~has_reason(WITHDRAWN),
        *within(sight),
    )


def has_reason(codes: Collection[str]) -> ColumnElement[bool]:
    """Return the SQL condition that a transfer has a reason with one of the codes."""
    of_it = col(ReasonRow.transfer) == col(TransferRow.sequence)
    return exists().where(of_it, col(ReasonRow.code).in_(codes))


def page_of(
    query: Select[*tuple[Any, ...]], place: Mapped[Any], before: int | None, limit: int
) -> Select[*tuple[Any, ...]]:
    """Limit a query to a page: `limit` rows in descending order of the column `place`, all below `before`.
    `before` is None for the first page. An index should give the order of the column, to avoid sorting.
    """
    if before is not None:
        query = query.where(place < before)
    return query.order_by(place.desc()).limit(limit)


class Delivery(NamedTuple):
    """A file in a mailbox, or a held file. A tuple for speed: a mailbox may have tens of thousands of files.
    - `team` is None for a held file.
    - `sensitive`: held because of sensitive or dangerous content, and shown to few people.
    - `whole`: True if the team is shown the file as sent. `counts`: True if the team is given counts alone.
    - `collected`: True if at least one person of the team has opened the file.
    - `period`: the period that the file is about.
    - `apart`: the numbers of the markers whose children are left out of the view.
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


def page(
    session: Session,
    team: str,
    *,
    wanted: DeliveriesWanted = ALL,
    person: str | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[Delivery]:
    """Return a page of a team's deliveries below the sequence `before`: at most `limit`, latest first.
    A file is left out if a marker on a child hides the file from `person`.
    """
    query = page_of(to_team(team, person, wanted), _place(wanted), before, limit)
    return [Delivery(*row) for row in execute_plain(session, query)]


def _place(wanted: DeliveriesWanted) -> Mapped[Any]:
    return col(TransferRow.sequence if wanted.is_of_one else DeliveryRow.transfer)


def count_delivered(
    session: Session, team: str, wanted: DeliveriesWanted, *, person: str | None = None, most: int
) -> int:
    """Count the deliveries to a team within the filter and visible to `person`; stop counting at `most`."""
    query = to_team(team, person, wanted)
    if wanted.removed_since is not None:
        query = query.where(col(DeliveryRow.dealt_with_at) >= wanted.removed_since).limit(most)
    else:  # In the order of a page, so that the query for one provider uses the provider's index.
        query = page_of(query, _place(wanted), None, most)
    some = query.with_only_columns(col(DeliveryRow.transfer))
    counted = select(func.count()).select_from(some.subquery())
    return int(session.execute(counted.execution_options(**{WHOLE: True})).scalar_one())


def note_collected(session: Session, delivery: Delivery, at: datetime) -> None:
    """Record the first opening of a delivery by a member of the team."""
    row = _row(session, delivery)
    if row is not None and row.collected_at is None:
        row.collected_at = at


def find_delivered(
    session: Session, team: str, reference: str, *, person: str | None = None, wanted: DeliveriesWanted = ALL
) -> Delivery | None:
    """Return a team's delivery by reference; None if hidden from `person` or outside the filter."""
    query = to_team(team, person, wanted).where(col(TransferRow.reference) == reference)
    row = session.execute(query).first()
    return None if row is None else Delivery(*row)


def restore(session: Session, delivery: Delivery) -> None:
    """Undo `deal_with`: put a delivery back into the mailbox. NotFoundError if already in the mailbox."""
    row = _row(session, delivery, lock=True)
    if row is None or row.dealt_with_at is None:
        raise NotFoundError(f"{delivery.reference} is in the mailbox of the team {delivery.team}")
    row.dealt_with_at, row.dealt_with_by = None, None


def may_read(session: Session, delivery: Delivery, person: str) -> bool:
    """Return True if a person who has opened a delivery may go on reading.
    False once the file is withdrawn, also if it was delivered anew since, to other teams or no more as sent.
    False once a new marker hides from the person a child in the open view. `delivery.apart` has the markers
    known when the view was opened. Counts may be read despite markers.
    """
    given = [col(DeliveryRow.transfer) == delivery.sequence, col(DeliveryRow.team) == delivery.team]
    given += [col(DeliveryRow.whole).is_(True)] if delivery.whole else []
    asked = select(and_(~has_reason(WITHDRAWN), exists().where(*given)))
    asked = asked.where(col(TransferRow.sequence) == delivery.sequence)
    if not session.execute(asked).scalar_one():
        return False
    now = kept_apart(session, [delivery.sequence], person).get(delivery.sequence, {})
    return delivery.counts or now.keys() <= delivery.apart


def held(
    session: Session, sight: Sight, rules: str, *, before: int | None = None, limit: int
) -> Sequence[Delivery]:
    """Return a page of the held files in a sight, judged by `rules`: below the sequence `before`, latest
    first.
    """
    query = page_of(held_files(sight, rules), col(TransferRow.sequence), before, limit)
    return [Delivery(*row) for row in session.execute(query)]


def find_held(session: Session, reference: str, sight: Sight, rules: str) -> Delivery | None:
    """Return a held file by reference; None if outside the sight, or not judged by the rules `rules`."""
    row = session.execute(held_files(sight, rules).where(col(TransferRow.reference) == reference)).first()
    return None if row is None else Delivery(*row)


def deal_with(session: Session, delivery: Delivery, *, by: str, at: datetime) -> None:
    """Mark a delivery as dealt with. NotFoundError if a colleague did so before."""
    row = _row(session, delivery, lock=True)
    if row is None or row.dealt_with_at is not None:
        raise NotFoundError(f"{delivery.reference} does not wait for the team {delivery.team}")
    row.dealt_with_at, row.dealt_with_by = at, by


def _row(session: Session, delivery: Delivery, *, lock: bool = False) -> DeliveryRow | None:
    query = select_rows(DeliveryRow).where(
        col(DeliveryRow.transfer) == delivery.sequence, col(DeliveryRow.team) == delivery.team
    )
    return session.exec(query.with_for_update() if lock else query).first()


def delivered_values(
    session: Session, team: str, person: str | None, name: Literal["data_type", "provider"]
) -> Sequence[str]:
    """Return the data types or the providers (`name`) of the deliveries that a team has not dealt with,
    sorted.
    """
    what = col(getattr(TransferRow, name))
    query = to_team(team, person, ALL).with_only_columns(what).where(what.is_not(None))
    return [str(value) for value in session.execute(query.distinct().order_by(what)).scalars()]
