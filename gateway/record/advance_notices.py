"""Advance notices on a receipt: events soon to keep the provider's files from passing."""

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from gateway.keys.warnings import notices_on_keys
from gateway.model import Provider, Transfer
from gateway.policy import ratification
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import renewed_by, text_wanted
from gateway.record.registrar import Registrar
from gateway.registry import register


def notices_for(
    registrar: Registrar, session: Session, transfer: Transfer, provider: Provider, now: datetime
) -> tuple[str, ...]:
    """Return the advance notices of a transfer's receipt, each a sentence with its next step."""
    signature, known = transfer.signature, register.of(session)
    on_keys = notices_on_keys(
        session,
        transfer,
        known.holder("openpgp", signature.certificate) if signature is not None else None,
        now,
        current=registrar.signing.fingerprint,
        warn_days=max(registrar.key_policy.warn_days),
    )
    years = known.years(provider.id, text_wanted(registrar.catalogue))
    return (*_lapse(years, provider, registrar.catalogue, now), *on_keys)


def _lapse(years: frozenset[str], provider: Provider, catalogue: Catalogue, now: datetime) -> Iterator[str]:
    """Yield the notice of a lapsing ratification, from the first warning on."""
    if not catalogue.bodies.of(provider.kind).ratifies:
        return
    today = local_day(now, catalogue.calendar.timezone)
    found = ratification.register(years, today, catalogue)
    if found.warning is not None and found.academic_year is not None and found.lapses is not None:
        told = catalogue.reason(
            "agreement:lapses-soon",
            lapses=f"{found.lapses.day} {found.lapses:%B %Y}",
            days=found.days_left,
            next_year=renewed_by(found.academic_year, catalogue),
        )
        yield f"{told.sentence} {told.next_step}"
