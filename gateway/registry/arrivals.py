"""Accepted files, declared transfers and nil returns of each provider, for `flows status`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Text, and_, cast, func, select
from sqlalchemy.orm import Mapped
from sqlmodel import Session, col

from gateway.model import Arrival
from gateway.registry.tables import (
    DeclarationRow,
    NilReturnRow,
    ProviderRow,
    SchoolOfTransferRow,
    TransferRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The arrivals to read: all of `seldom` types from `since`; of `often` types those from `lately`.

    The last arrival before `lately` is read too. No file that landed at `until` or later is read. `midnights`
    are the times of day in UTC, as "23:00", at which a local day may begin.
    """

    since: datetime
    until: datetime | None = None
    seldom: Collection[str] = ()
    often: Collection[str] = ()
    lately: datetime | None = None
    midnights: Collection[str] = ()


def arrivals(
    session: Session, window: Window, only: Collection[str] | None = None
) -> Mapping[str, Sequence[Arrival]]:
    """Return by provider, all or those in `only`, the accepted files, declared transfers and nil returns.

    A file sent by one provider for several schools counts for each school whose pupils are in the file. Of
    the files of one day, kind and period, only the last and at most two others are returned.
    """
    found: defaultdict[str, list[Arrival]] = defaultdict(list)
    for ask in (_uploads, _declared, _nil_returns):
        for sender, arrival in ask(session, window, only):
            found[sender].append(arrival)
    return found


def _uploads(session: Session, window: Window, only: Collection[str] | None) -> Iterator[tuple[str, Arrival]]:
    """Yield the files sent by a provider as its own, then those sent by another on behalf of the provider."""
    own = ~col(TransferRow.sequence).in_(select(col(SchoolOfTransferRow.transfer)))
    sent_for = col(SchoolOfTransferRow.transfer) == col(TransferRow.sequence)
    before = only is not None and len(only) == 1
    yield from _accepted(session, window, only, col(TransferRow.provider), own, before=before)
    yield from _accepted(session, window, only, col(SchoolOfTransferRow.provider), sent_for, before=True)
    if not before:
        yield from _last_of_each(session, window, only, own)


def _last_of_each(
    session: Session, window: Window, only: Collection[str] | None, own: ColumnElement[bool]
) -> Iterator[tuple[str, Arrival]]:
    """Yield each provider's last arrival before `lately`, found by an index."""
    landed, period = col(TransferRow.landed_at), col(TransferRow.period)
    for kind in window.often:

        def sought(what: Mapped[Any], is_about: ColumnElement[bool], kind: str = kind) -> Any:  # noqa: ANN401
            return (
                select(func.max(what))
                .where(
                    col(TransferRow.state) == "accepted",
                    col(TransferRow.data_type) == kind,
                    col(TransferRow.provider) == col(ProviderRow.id),
                    is_about,
                    landed < (window.lately or window.since),
                    landed >= window.since,
                    own,
                )
                .scalar_subquery()
            )

        some, none = period.is_not(None), period.is_(None)
        query = select(col(ProviderRow.id), sought(landed, none), sought(landed, some), sought(period, some))
        if only is not None:
            query = query.where(col(ProviderRow.id).in_(only))
        for by, at, at_about, about in session.connection().execute(query):
            for moment, told in ((at, None), (at_about, about)):
                if moment is not None:
                    yield by, Arrival("", kind, moment, told)


def _accepted(
    session: Session,
    window: Window,
    only: Collection[str] | None,
    whose: Mapped[str],
    which: ColumnElement[bool],
    *,
    before: bool,
) -> Iterator[tuple[str, Arrival]]:
    """Yield accepted files; with `before` also the last one before `lately`."""
    landed = col(TransferRow.landed_at)
    flow, data_type, period = col(TransferRow.flow), col(TransferRow.data_type), col(TransferRow.period)
    state: ColumnElement[str] = col(TransferRow.state)  # type: ignore[assignment] # a column is one
    if only is not None and len(only) == 1:
        which = and_(which, whose.in_(only))
        state = func.coalesce(state, None)  # Without the index of states: one provider's files are few.
    elif only is not None:
        which = and_(which, func.coalesce(whose, None).in_(only))  # By that index, once for all of them.
    if window.until is not None:
        which = and_(which, landed < window.until)
    accepted = and_(state == "accepted", data_type.is_not(None), which)
    often, lately = data_type.in_(list(window.often)), window.lately or window.since
    seldom = data_type.in_(list(window.seldom))
    earlier = and_(often, landed < lately, landed >= window.since)
    # For frequent types the last file and the last period: the later one counts.
    last = select(whose, flow, data_type, func.max(landed), func.max(period)).group_by(
        whose, flow, data_type, period.is_(None)
    )
    every = select(whose, flow, data_type, func.max(landed), period).group_by(
        whose, flow, data_type, period, *_day(landed, window.midnights)
    )
    asked = [every.where(often, landed >= lately)]
    if window.seldom:
        asked.append(every.where(seldom, landed >= window.since))
    if before:
        asked.append(last.where(earlier))
    for query in asked:
        for by, under, kind, at, about in session.connection().execute(query.where(accepted)):
            yield by, Arrival(under or "", kind or "", at, about)


def _day(at: Mapped[datetime], midnights: Collection[str]) -> Iterator[ColumnElement[Any]]:
    """Yield the SQL columns that group UTC times by local day: the date, and the side of each midnight."""
    written = cast(at, Text)
    yield func.substr(written, 1, 10)
    for midnight in midnights:
        yield func.substr(written, 12, 5) >= midnight


def _declared(
    session: Session, window: Window, only: Collection[str] | None
) -> Iterator[tuple[str, Arrival]]:
    query = select(DeclarationRow).where(
        col(DeclarationRow.state) == "accepted", col(DeclarationRow.goes_at) >= window.since
    )
    if only is not None:
        query = query.where(col(DeclarationRow.provider).in_(only))
    for row in session.scalars(query):
        for data_type in row.data_types.split():
            yield row.provider, Arrival(row.flow or "", data_type, row.goes_at)


def _nil_returns(
    session: Session, window: Window, only: Collection[str] | None
) -> Iterator[tuple[str, Arrival]]:
    query = select(NilReturnRow).where(col(NilReturnRow.recorded_at) >= window.since)
    if only is not None:
        query = query.where(col(NilReturnRow.provider).in_(only))
    for row in session.scalars(query):
        yield row.provider, Arrival("", row.data_type, row.recorded_at, row.period, nil=True)
