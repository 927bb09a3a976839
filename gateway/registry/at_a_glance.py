"""A few numbers for the console's first page, each by an index: quick however much there is."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, case, select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col, func

from gateway.access import EVERYTHING, Sight
from gateway.registry.deliveries import count_delivered
from gateway.registry.delivery_queries import DeliveriesWanted
from gateway.registry.sight import within
from gateway.registry.tables import AuthorityNoticeRow, EventRow, KeyRow, ProviderRow, TransferRow

MOST = 1000
"""The limit of counting: "more than 999" is precise enough for a reader."""


@dataclass(frozen=True, slots=True)
class OpeningOnRecord:
    """One event of the log about the opening of a file."""

    number: int
    at: datetime
    by: str | None
    reference: str
    leaf: bytes


def new_files(session: Session, team: str, person: str) -> int:
    """Count a team's unopened files, at most MOST."""
    return count_delivered(session, team, DeliveriesWanted(new=True), person=person, most=MOST)


def landed_by_state(session: Session, midnights: Sequence[datetime]) -> list[dict[str, int]]:
    """Count by state the files landed from each of the moments until before the next one."""
    landed = col(TransferRow.landed_at)
    day = case(*((landed < end, place) for place, end in enumerate(midnights[1:])))
    query = select(day, col(TransferRow.state), func.count()).group_by(day, col(TransferRow.state))
    found: list[dict[str, int]] = [{} for _ in midnights[1:]]
    for place, state, number in session.execute(query.where(landed >= midnights[0], landed < midnights[-1])):
        found[place][str(state)] = int(number)
    return found


def waits(session: Session, latest: int) -> list[timedelta]:
    """Return how long each decided file among the `latest` waited for a receipt."""
    rows = session.execute(
        select(col(TransferRow.landed_at), col(TransferRow.decided_at))
        .order_by(col(TransferRow.sequence).desc())
        .limit(latest)
    )
    return [decided - landed for landed, decided in rows if decided is not None]


def still_landed(session: Session) -> int:
    """Count the files waiting for a decision, at most MOST."""
    some = select(col(TransferRow.sequence)).where(col(TransferRow.state) == "landed").limit(MOST)
    return int(session.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def keys_ending(session: Session, now: datetime, before: datetime) -> int:
    """Count providers' certificates in use ending between `now` and `before`, at most MOST."""
    query = select(func.count()).where(
        col(KeyRow.owner_kind) == "provider",
        col(KeyRow.state).in_(("active", "retiring")),
        col(KeyRow.expires_at) > now,
        col(KeyRow.expires_at) < before,
    )
    return int(session.execute(query).scalar_one())


class ThingsWaiting(NamedTuple):
    """The number of things that wait, at most MOST, and since when the first of them does."""

    number: int
    since: datetime | None


def unread_notices(session: Session) -> ThingsWaiting:
    """Count the notices to data protection that nobody has read."""
    return _waiting(session, col(AuthorityNoticeRow.created_at), col(AuthorityNoticeRow.read_at).is_(None))


PROPOSAL_ENDS = frozenset({"release-declined", "decided", "released", "refused", "withdrawn"})
"""The kinds of event that end the proposal of a release."""


def releases_proposed(session: Session, sight: Sight) -> list[str]:
    """Return the held files within a sight of which a proposed release still waits, latest first."""
    last = func.max(col(EventRow.number))
    query = (
        select(col(EventRow.subject), last)
        .join(TransferRow, col(TransferRow.reference) == col(EventRow.subject))
        .where(col(EventRow.kind) == "release-proposed", col(TransferRow.state) == "held", *within(sight))
        .group_by(col(EventRow.subject))
        .order_by(last.desc())
        .limit(MOST)
    )
    asked = {row[0]: row[1] for row in session.execute(query)}
    of_them = col(EventRow.subject).in_(asked), col(EventRow.kind).in_(PROPOSAL_ENDS)
    ended = select(col(EventRow.subject), last).where(*of_them).group_by(col(EventRow.subject))
    ends = {row[0]: row[1] for row in session.execute(ended)} if asked else {}
    return [reference for reference, number in asked.items() if number > ends.get(reference, 0)]


def owners_of_held_files(session: Session, sight: Sight = EVERYTHING) -> dict[str, str]:
    """Return who was said to decide on each held file within a sight: the person named last, if anybody."""
    query = (
        select(col(EventRow.subject), col(EventRow.note))
        .join(TransferRow, col(TransferRow.reference) == col(EventRow.subject))
        .where(col(EventRow.kind) == "assigned", col(TransferRow.state) == "held", *within(sight))
        .order_by(col(EventRow.number))
    )
    last = {reference: name for reference, name in session.execute(query)}  # noqa: C416 - rows, not pairs
    return {reference: name for reference, name in last.items() if name}


def given(session: Session, sight: Sight, name: str) -> ThingsWaiting:
    """Count the held files within a sight that somebody else said a person decides on."""
    last = (
        select(func.max(col(EventRow.number)))
        .join(TransferRow, col(TransferRow.reference) == col(EventRow.subject))
        .where(col(EventRow.kind) == "assigned", col(TransferRow.state) == "held", *within(sight))
        .group_by(col(EventRow.subject))
    )
    by_others = col(EventRow.actor) != name, ~col(EventRow.actor).startswith(f"{name} (", autoescape=True)
    return _waiting(
        session, col(EventRow.at), col(EventRow.number).in_(last), col(EventRow.note) == name, *by_others
    )


class PendingKey(NamedTuple):
    """A provider whose keys wait for the call: id, name, and since when the first of them does."""

    provider: str
    name: str
    since: datetime


def keys_pending(session: Session, most: int) -> list[PendingKey]:
    """Return the providers with keys that wait to be confirmed, longest first."""
    first = func.min(col(KeyRow.added_at))
    query = (
        select(col(ProviderRow.id), col(ProviderRow.name), first)
        .join(KeyRow, col(KeyRow.owner) == col(ProviderRow.id))
        .where(col(KeyRow.owner_kind) == "provider", col(KeyRow.state) == "pending")
        .group_by(col(ProviderRow.id), col(ProviderRow.name))
        .order_by(first)
        .limit(most)
    )
    return [PendingKey(*row) for row in session.execute(query)]


def _waiting(session: Session, since: Mapped[datetime], *which: ColumnElement[bool]) -> ThingsWaiting:
    some = select(since.label("since")).where(*which).order_by(since).limit(MOST).subquery()
    return ThingsWaiting(*session.execute(select(func.count(), func.min(some.c.since))).one())


def recalls_asked(session: Session, since: datetime) -> list[str]:
    """Return the references with an unanswered recall proposed after `since`, latest first, at most MOST.

    A withdrawal answers it, also if the file was given back since.
    """
    query = (
        select(col(EventRow.subject), col(EventRow.kind), col(EventRow.leaf))
        .where(col(EventRow.kind).in_(("act-proposed", "withdrawn")), col(EventRow.at) > since)
        .order_by(col(EventRow.number).desc())
        .limit(MOST)
    )
    latest: dict[str, bool] = {}
    for subject, kind, leaf in session.execute(query):
        if kind == "withdrawn" or b'"what":"recall"' in leaf:
            latest.setdefault(str(subject), kind == "act-proposed")
    return [subject for subject, waits in latest.items() if waits]


def openings(session: Session, before: int | None, limit: int) -> Sequence[OpeningOnRecord]:
    """Return the openings on record, latest first, before the log entry number `before`."""
    rows: list[EventRow] = []
    for kind in ("collected", "opened"):  # One query a kind follows the index; both at once would sort.
        query = select(EventRow).where(col(EventRow.kind) == kind)
        if before is not None:
            query = query.where(col(EventRow.number) < before)
        rows += session.execute(query.order_by(col(EventRow.number).desc()).limit(limit)).scalars()
    latest = sorted(rows, key=lambda row: row.number, reverse=True)[:limit]
    return [OpeningOnRecord(row.number, row.at, row.actor, row.subject, row.leaf) for row in latest]
