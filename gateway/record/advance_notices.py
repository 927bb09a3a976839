"""What a receipt tells its provider beside the outcome: things that will soon keep its files from passing."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime

from gateway.keys.warnings import notices_on_keys
from gateway.model import Provider, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import register, renewed_by, text_wanted
from gateway.record.batch import Batch
from gateway.record.registrar import Registrar
from gateway.registry import agreements, keys
from gateway.registry.keys import Key


def notices_for(
    registrar: Registrar, batch: Batch, transfer: Transfer, provider: Provider, now: datetime
) -> tuple[str, ...]:
    """What the receipt of a transfer says in advance, each a sentence with its next step."""
    session = batch.session
    signer = transfer.signature.certificate if transfer.signature is not None else None
    on_keys = batch.once(
        ("on keys", signer, transfer.opened_by),
        lambda: notices_on_keys(
            session,
            transfer,
            _key(batch, transfer.upload.provider, signer),
            now,
            current=registrar.signing.fingerprint,
            warn_days=max(registrar.key_policy.warn_days),
        ),
    )
    on_agreement = batch.once(
        ("on agreement", provider.id), lambda: tuple(_lapse(batch, provider, registrar.catalogue, now))
    )
    return (*on_agreement, *on_keys)


def look_ahead(registrar: Registrar, batch: Batch, providers: Collection[str]) -> None:
    """Ask at once what will be asked for each file of these providers."""
    text = text_wanted(registrar.catalogue)
    for provider, years in agreements.years_of_some(batch.session, providers, text).items():
        batch.know(("years", provider), years)


def _key(batch: Batch, provider: str, fingerprint: str | None) -> Key | None:
    """The key of a signer: its sender's, or by now somebody else's, as after two schools merged."""
    if fingerprint is None:
        return None
    own = (key for key in batch.keys_of(provider) if (key.kind, key.fingerprint) == ("openpgp", fingerprint))
    return next(own, None) or keys.holder(batch.session, "openpgp", fingerprint)


def _lapse(batch: Batch, provider: Provider, catalogue: Catalogue, now: datetime) -> Iterator[str]:
    """That the ratification lapses, from the first warning on."""
    if not catalogue.bodies.of(provider.kind).ratifies:
        return
    today = local_day(now, catalogue.calendar.timezone)
    years = batch.once(
        ("years", provider.id), lambda: agreements.years(batch.session, provider.id, text_wanted(catalogue))
    )
    found = register(years, today, catalogue)
    if found.warning is not None and found.academic_year is not None and found.lapses is not None:
        told = catalogue.reason(
            "agreement:lapses-soon",
            lapses=f"{found.lapses.day} {found.lapses:%B %Y}",
            days=found.days_left,
            next_year=renewed_by(found.academic_year, catalogue),
        )
        yield f"{told.sentence} {told.next_step}"
