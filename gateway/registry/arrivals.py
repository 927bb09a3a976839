"""What has arrived, of which kind, when and what about: the question behind `flows status`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, or_, select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col

from gateway.model import Arrival
from gateway.registry.tables import DeclarationRow, NilReturnRow, SchoolOfTransferRow, TransferRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which arrivals are asked for: all from `since` on, but of the data types that come `often` only
    those from `lately` on, and the last one before.

    `midnights` are the times of day in UTC, as "23:00", at which the days of those who ask may begin.
    """

    since: datetime
    often: Collection[str] = ()
    lately: datetime | None = None
    midnights: Collection[str] = ()


def arrivals(
    session: Session, window: Window, provider: str | None = None
) -> Mapping[str, Sequence[Arrival]]:
    """The accepted transfers of each provider, those declared to have gone otherwise among them, and its
    nil returns. What a provider sent that speaks for several schools is of the schools whose pupils it holds.

    Of the files of one day, one kind and one period, the last is told, and one or two others at most.
    """
    found: defaultdict[str, list[Arrival]] = defaultdict(list)
    for ask in (_uploads, _declared, _nil_returns):
        for sender, arrival in ask(session, window, provider):
            found[sender].append(arrival)
    return found


def _uploads(session: Session, window: Window, provider: str | None) -> Iterator[tuple[str, Arrival]]:
    """The files that a provider sent as its own, and then those that another sent for it."""
    own = ~col(TransferRow.sequence).in_(select(col(SchoolOfTransferRow.transfer)))
    sent_for = col(SchoolOfTransferRow.transfer) == col(TransferRow.sequence)
    yield from _accepted(session, window, provider, col(TransferRow.provider), own)
    yield from _accepted(session, window, provider, col(SchoolOfTransferRow.provider), sent_for)


def _accepted(
    session: Session,
    window: Window,
    provider: str | None,
    whose: Mapped[str],
    which: ColumnElement[bool],
) -> Iterator[tuple[str, Arrival]]:
    landed = col(TransferRow.landed_at)
    flow, data_type, period = col(TransferRow.flow), col(TransferRow.data_type), col(TransferRow.period)
    state: ColumnElement[str] = col(TransferRow.state)  # type: ignore[assignment] # a column is one
    if provider is not None:
        state = func.coalesce(state, None)  # For which no index is looked into: one provider's files are few.
        which = and_(which, whose == provider)
    accepted = and_(state == "accepted", data_type.is_not(None), which)
    often, lately = data_type.in_(list(window.often)), window.lately or window.since
    wanted = or_(and_(often, landed >= lately), and_(~often, landed >= window.since))
    earlier = and_(often, landed < lately, landed >= window.since)
    # Of what comes often, the last file and the last period that any of them is about: the later one counts.
    last = select(whose, flow, data_type, func.max(landed), func.max(period)).group_by(
        whose, flow, data_type, period.is_(None)
    )
    every = select(whose, flow, data_type, func.max(landed), period).group_by(
        whose, flow, data_type, period, *_day(landed, window.midnights)
    )
    for query in (every.where(wanted), last.where(earlier)):
        for by, under, kind, at, about in session.connection().execute(query.where(accepted)):
            yield by, Arrival(under or "", kind or "", at, about)


def _day(at: Mapped[datetime], midnights: Collection[str]) -> Iterator[ColumnElement[Any]]:
    """What tells the day of a moment, and on which side of each midnight it is: in UTC, as it is written."""
    written = cast(at, Text)
    yield func.substr(written, 1, 10)
    for midnight in midnights:
        yield func.substr(written, 12, 5) >= midnight


def _declared(session: Session, window: Window, provider: str | None) -> Iterator[tuple[str, Arrival]]:
    query = select(DeclarationRow).where(
        col(DeclarationRow.state) == "accepted", col(DeclarationRow.goes_at) >= window.since
    )
    if provider is not None:
        query = query.where(col(DeclarationRow.provider) == provider)
    for row in session.scalars(query):
        for data_type in row.data_types.split():
            yield row.provider, Arrival(row.flow or "", data_type, row.goes_at)


def _nil_returns(session: Session, window: Window, provider: str | None) -> Iterator[tuple[str, Arrival]]:
    query = select(NilReturnRow).where(col(NilReturnRow.recorded_at) >= window.since)
    if provider is not None:
        query = query.where(col(NilReturnRow.provider) == provider)
    for row in session.scalars(query):
        yield row.provider, Arrival("", row.data_type, row.recorded_at, row.period, nil=True)
