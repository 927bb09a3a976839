"""Accepted files, declared transfers and nil returns of each provider, for `flows status`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, and_, bindparam, cast, func, select
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
from gateway.registry.vouched_rows import is_in


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Bounds for reading arrivals: files of `seldom` types from `since` on, of `often` types from `lately`
    on.

    Of `often` types the last file before `lately` is read too; nothing landed at `until` or later.
    `midnights` are the times of day in UTC, as "23:00", at which a local day may begin.
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
    """Return accepted files, declared transfers and nil returns by provider, of all or only of some.

    A file sent by one provider for several schools counts for each school with pupils in the file. Of the
    files of one day, kind and period, only the last and at most two others are returned.
    """
    found: defaultdict[str, list[Arrival]] = defaultdict(list)
    for ask in (_uploads, _declared, _nil_returns):
        for sender, arrival in ask(session, window, only):
            found[sender].append(arrival)
    return found


def _uploads(session: Session, window: Window, only: Collection[str] | None) -> Iterator[tuple[str, Arrival]]:
    """Yield provider and accepted file: files that the provider sent, then files that another sent for it."""
    whom = "all" if only is None else "one" if len(only) == 1 else "some"
    shape = whom, window.until is not None, bool(window.seldom), tuple(window.midnights)
    given: dict[str, Any] = {
        "only": list(only or ()),
        "often": list(window.often),
        "seldom": list(window.seldom),
    }
    given |= {"since": window.since, "lately": window.lately or window.since, "until": window.until}
    execute = session.connection().execute
    for query in (*_accepted(True, *shape), *_accepted(False, *shape)):
        for by, under, data_type, at, about in execute(query, given):
            yield by, Arrival(under or "", data_type or "", at, about)
    for kind in () if whom == "one" else window.often:
        for by, at, at_about, about in execute(_last(whom), {**given, "kind": kind}):
            for moment, told in ((at, None), (at_about, about)):
                if moment is not None:
                    yield by, Arrival("", kind, moment, told)


_OWN = ~col(TransferRow.sequence).in_(select(col(SchoolOfTransferRow.transfer)))


@cache
def _last(whom: str) -> Select[Any]:
    """Return the query for each provider's last accepted file of one kind landed before `lately`."""
    landed, period = col(TransferRow.landed_at), col(TransferRow.period)

    def sought(what: Mapped[Any], is_about: ColumnElement[bool]) -> Any:  # noqa: ANN401 - a column of any type
        return (
            select(func.max(what))
            .where(
                col(TransferRow.state) == "accepted",
                col(TransferRow.data_type) == bindparam("kind"),
                col(TransferRow.provider) == col(ProviderRow.id),
                is_about,
                landed < bindparam("lately"),
                landed >= bindparam("since"),
                _OWN,
            )
            .scalar_subquery()
        )

    some, none = period.is_not(None), period.is_(None)
    query = select(col(ProviderRow.id), sought(landed, none), sought(landed, some), sought(period, some))
    return query.where(is_in(col(ProviderRow.id), "only")) if whom == "some" else query


@lru_cache(64)
def _accepted(own: bool, whom: str, until: bool, seldom: bool, midnights: tuple[str, ...]) -> list[Any]:
    """Return the queries for accepted files by type and period; `own`: sent by the provider itself."""
    whose = col(TransferRow.provider) if own else col(SchoolOfTransferRow.provider)
    which = _OWN if own else col(SchoolOfTransferRow.transfer) == col(TransferRow.sequence)
    landed = col(TransferRow.landed_at)
    flow, data_type, period = col(TransferRow.flow), col(TransferRow.data_type), col(TransferRow.period)
    state: ColumnElement[str] = col(TransferRow.state)  # type: ignore[assignment] # a column is one
    if whom == "one":
        which = and_(which, is_in(whose, "only"))
        state = func.coalesce(state, None)  # Without the index of states: one provider's files are few.
    elif whom == "some":  # By the index of states, once for all of them.
        which = and_(which, is_in(func.coalesce(whose, None), "only"))
    if until:
        which = and_(which, landed < bindparam("until"))
    accepted = and_(state == "accepted", data_type.is_not(None), which)
    often, since = is_in(data_type, "often"), landed >= bindparam("since")
    # For frequent types the last file and the last period: the later one counts.
    last = select(whose, flow, data_type, func.max(landed), func.max(period)).group_by(
        whose, flow, data_type, period.is_(None)
    )
    every = select(whose, flow, data_type, func.max(landed), period).group_by(
        whose, flow, data_type, period, *_day(landed, midnights)
    )
    asked: list[Any] = [every.where(often, landed >= bindparam("lately"))]
    if seldom:
        asked.append(every.where(is_in(data_type, "seldom"), since))
    if whom == "one" or not own:
        asked.append(last.where(often, landed < bindparam("lately"), since))
    return [query.where(accepted) for query in asked]


def _day(at: Mapped[datetime], midnights: Collection[str]) -> Iterator[ColumnElement[Any]]:
    """Yield SQL columns to group UTC times by local day: the date, and for each midnight, True if past."""
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
