"""Counts for a review of all providers: files, faults in the files, discrepancies."""

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, distinct, func, or_, select
from sqlmodel import Session, col

from gateway.registry.tables import DiscrepancyPartyRow, DiscrepancyRow, TransferRow

# The spelling in stored contents; without findings the list is empty.
_WITH_FINDINGS = '"findings":[{'


@dataclass(frozen=True, slots=True)
class FilesCounted:
    """Number of files by provider, kind of data and state; `data_type` is None for unrecognised files."""

    provider: str
    data_type: str | None
    state: str
    files: int


@dataclass(frozen=True, slots=True)
class FaultsCounted:
    """Accepted files with faults, by provider and kind of data, and the number of faults."""

    provider: str
    data_type: str
    files: int
    faults: int


@dataclass(frozen=True, slots=True)
class DiscrepanciesCounted:
    """A provider's discrepancies: opened in the time, and open at the time of asking."""

    provider: str
    opened: int
    still_open: int


def files(session: Session, since: datetime, until: datetime) -> list[FilesCounted]:
    """Count the files landed from `since` until before `until`, without dropped keys and agreements."""
    columns = (col(TransferRow.provider), col(TransferRow.data_type), col(TransferRow.state))
    query = select(*columns, func.count()).where(*_arrived(since, until)).group_by(*columns)
    return [FilesCounted(*row) for row in session.connection().execute(query)]


def faults(session: Session, since: datetime, until: datetime) -> list[FaultsCounted]:
    """Count the faults in the accepted files of the time."""
    content = col(TransferRow.content)
    query = select(col(TransferRow.provider), col(TransferRow.data_type), content).where(
        *_arrived(since, until),
        col(TransferRow.state) == "accepted",
        content.contains(_WITH_FINDINGS, autoescape=True),
    )
    counted: Counter[tuple[str, str]] = Counter()
    number: Counter[tuple[str, str]] = Counter()
    for provider, data_type, found in session.connection().execute(query):
        of = (provider, data_type or "")
        counted[of] += 1
        number[of] += sum(one["count"] for one in json.loads(str(found))["findings"])
    return [FaultsCounted(*of, counted[of], number[of]) for of in sorted(counted)]


def discrepancies(session: Session, since: datetime, until: datetime) -> list[DiscrepanciesCounted]:
    """Count the discrepancies of each provider."""
    opened_at = col(DiscrepancyRow.opened_at)
    opened = and_(opened_at >= since, opened_at < until)
    is_open = col(DiscrepancyRow.state) == "open"
    provider, number = col(DiscrepancyPartyRow.provider), col(DiscrepancyRow.number)
    query = (
        select(provider, _number_where(opened), _number_where(is_open))
        .join(DiscrepancyRow, number == col(DiscrepancyPartyRow.discrepancy))
        .where(or_(opened, is_open))
        .group_by(provider)
    )
    return [DiscrepanciesCounted(*row) for row in session.connection().execute(query)]


def discrepancies_in_all(session: Session, since: datetime, until: datetime) -> tuple[int, int]:
    """Count the discrepancies opened in the time, and those open now, each once."""
    opened_at = col(DiscrepancyRow.opened_at)
    opened = and_(opened_at >= since, opened_at < until)
    is_open = col(DiscrepancyRow.state) == "open"
    one = session.connection().execute(select(_number_where(opened), _number_where(is_open))).one()
    return one[0], one[1]


def _number_where(fits: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count(distinct(col(DiscrepancyRow.number))).filter(fits)


def _arrived(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    landed = col(TransferRow.landed_at)
    return landed >= since, landed < until, col(TransferRow.folder) == "in"
