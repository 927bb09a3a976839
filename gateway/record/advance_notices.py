"""What a receipt tells its provider beside the outcome: things that will soon keep its files from passing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from gateway.model import EDUCATION_PROVIDERS, Provider
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import following, register
from gateway.reasons import reason
from gateway.registry import agreements


def notices(session: Session, provider: Provider, catalogue: Catalogue, now: datetime) -> tuple[str, ...]:
    """The notices for a provider at `now`, each a sentence with its next step."""
    return tuple(_lapse(session, provider, catalogue, now))


def _lapse(session: Session, provider: Provider, catalogue: Catalogue, now: datetime) -> Iterator[str]:
    """Clause 1.4: that the ratification lapses, from the first warning on."""
    if provider.kind not in EDUCATION_PROVIDERS:
        return
    today = local_day(now, catalogue.calendar.timezone)
    found = register(agreements.years(session, provider.id), today, catalogue)
    if found.warning is not None and found.academic_year is not None and found.lapses is not None:
        told = reason(
            "agreement:lapses-soon",
            lapses=f"{found.lapses.day} {found.lapses:%B %Y}",
            days=found.days_left,
            next_year=following(found.academic_year),
        )
        yield f"{told.sentence} {told.next_step}"
