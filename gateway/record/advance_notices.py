"""What a receipt tells its provider beside the outcome: things that will soon keep its files from passing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from gateway.keys.warnings import notices_on_keys
from gateway.model import Provider, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import register, renewed_by, text_wanted
from gateway.record.batch import Batch
from gateway.record.registrar import Registrar
from gateway.registry import agreements


def notices_for(
    registrar: Registrar, batch: Batch, transfer: Transfer, provider: Provider, now: datetime
) -> tuple[str, ...]:
    """What the receipt of a transfer says in advance, each a sentence with its next step."""
    session = batch.session
    signer = transfer.signature.certificate if transfer.signature is not None else None
    on_keys = batch.once(
        ("on keys", signer, transfer.opened_by),
        lambda: notices_on_keys(
            session, transfer, registrar.signing.fingerprint, now, max(registrar.key_policy.warn_days)
        ),
    )
    on_agreement = batch.once(
        ("on agreement", provider.id), lambda: tuple(_lapse(session, provider, registrar.catalogue, now))
    )
    return (*on_agreement, *on_keys)


def _lapse(session: Session, provider: Provider, catalogue: Catalogue, now: datetime) -> Iterator[str]:
    """That the ratification lapses, from the first warning on."""
    if not catalogue.bodies.of(provider.kind).ratifies:
        return
    today = local_day(now, catalogue.calendar.timezone)
    found = register(agreements.years(session, provider.id, text_wanted(catalogue)), today, catalogue)
    if found.warning is not None and found.academic_year is not None and found.lapses is not None:
        told = catalogue.reason(
            "agreement:lapses-soon",
            lapses=f"{found.lapses.day} {found.lapses:%B %Y}",
            days=found.days_left,
            next_year=renewed_by(found.academic_year, catalogue),
        )
        yield f"{told.sentence} {told.next_step}"
