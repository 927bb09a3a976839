"""Count, for a review of all providers, the files, the faults in files, and the discrepancies.

Counts are limited to the session's sight.
"""

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, and_, distinct, func, or_, select
from sqlmodel import Session, col

from gateway.model import State
from gateway.registry.tables import DiscrepancyPartyRow, DiscrepancyRow, TransferRow

# How a stored content with findings is spelled; without findings the list is empty.
_WITH_FINDINGS = '"findings":[{'


def files(
    session: Session, since: datetime, until: datetime
) -> Mapping[str, Mapping[tuple[str, State], int]]:
    """Count the files landed from `since` until before `until`, by provider, kind of data and state.
    Uploads of keys and agreements are left out. The kind is "" for unrecognised files.
    """
    columns = (col(TransferRow.provider), col(TransferRow.data_type), col(TransferRow.state))
    query = select(*columns, func.count()).where(*_arrived(since, until)).group_by(*columns)
    found: defaultdict[str, dict[tuple[str, State], int]] = defaultdict(dict)
    for provider, data_type, state, number in session.execute(query):
        found[provider][data_type or "", cast("State", state)] = number
    return found


def faults(session: Session, since: datetime, until: datetime) -> Mapping[str, Mapping[str, list[int]]]:
    """Return, by provider and kind of data, how many files had faults, and how many faults there were.
    Only accepted files that landed from `since` until before `until` count.
    """
    content = col(TransferRow.content)
    query = select(col(TransferRow.provider), col(TransferRow.data_type), content).where(
        *_arrived(since, until), col(TransferRow.state) == "accepted", content.contains(_WITH_FINDINGS)
    )
    counted: defaultdict[str, dict[str, list[int]]] = defaultdict(dict)
    for provider, data_type, found in session.execute(query):
        of_it = counted[provider].setdefault(data_type or "", [0, 0])
        of_it[0] += 1
        of_it[1] += sum(one["count"] for one in json.loads(str(found))["findings"])
    return counted


def discrepancies(
    session: Session, since: datetime, until: datetime
) -> tuple[Mapping[str, tuple[int, int]], tuple[int, int]]:
    """Count the discrepancies opened from `since` until before `until`, and the discrepancies open now.
    The first result has both counts for each provider, the second has both counts for all providers together.
    """
    opened_at, number = col(DiscrepancyRow.opened_at), col(DiscrepancyRow.number)
    opened, is_open = and_(opened_at >= since, opened_at < until), col(DiscrepancyRow.state) == "open"
    counted: Any = [func.count(distinct(number)).filter(fits) for fits in (opened, is_open)]
    provider = col(DiscrepancyPartyRow.provider)
    query = (
        select(provider, *counted)
        .join(DiscrepancyRow, number == col(DiscrepancyPartyRow.discrepancy))
        .where(or_(opened, is_open))
        .group_by(provider)
    )
    of_each = {one: (opened, still) for one, opened, still in session.execute(query)}
    opened_in_all, open_in_all = session.execute(select(*counted).select_from(DiscrepancyRow)).one()
    return of_each, (opened_in_all, open_in_all)


def _arrived(since: datetime, until: datetime) -> tuple[ColumnElement[bool], ...]:
    landed = col(TransferRow.landed_at)
    return landed >= since, landed < until, col(TransferRow.folder) == "in"
