"""School years: when each was opened, and how many providers have ratified for it."""

import json
from collections.abc import Collection
from datetime import datetime

from sqlmodel import Session, col, func, select

from gateway.registry import log
from gateway.registry.log import Entry
from gateway.registry.tables import ExpectationRow, ProviderRow, RatificationRow


def open_year(session: Session, year: str, *, at: datetime, by: str, why: str | None) -> None:
    """Record the opening of a school year ("2027-28")."""
    fields = {"academic_year": year}
    log.append(session, [Entry(kind="year-opened", subject="year", fields=fields, actor=by, note=why)], at)


def opened_at(session: Session, year: str) -> datetime | None:
    """Return when a school year was opened; None if it was not."""
    for event in log.events(session, "year", kind="year-opened"):
        if json.loads(event.leaf)["fields"]["academic_year"] == year:
            return event.at
    return None


def counts(session: Session, year: str, parties: Collection[str]) -> dict[str, int]:
    """Count open providers of the kinds `parties`, ratifications of a year, and all expectations."""
    open_ones = (col(ProviderRow.kind).in_(sorted(parties)), col(ProviderRow.closed_on).is_(None))
    ratified = (
        select(func.count())
        .select_from(RatificationRow)
        .join(ProviderRow, col(ProviderRow.id) == col(RatificationRow.provider))
        .where(RatificationRow.academic_year == year, *open_ones)
    )
    return {
        "education_providers": session.exec(
            select(func.count()).select_from(ProviderRow).where(*open_ones)
        ).one(),
        "ratified": session.exec(ratified).one(),
        "expectations": session.exec(select(func.count()).select_from(ExpectationRow)).one(),
    }
