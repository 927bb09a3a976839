"""Ratification by the provider itself: a signed copy of the agreement's text, dropped in /agreement.

Two keys count here as for any file: the provider's SSH key opened the session, and a certificate of
the same provider, in force, signed the whole text. A clearsigned copy is what the guide asks for; one
that is signed and encrypted to the gateway proves the same and is taken as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.home.settings import OpenLimits
from gateway.model import EDUCATION_PROVIDERS, Decision, Held, Refused, Settled, Signature
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import lapse_day, opens, year_to_ratify
from gateway.record.drops.drop import Drop
from gateway.registry import agreements, log
from gateway.registry.log import Entry


def settle(drop: Drop, signature: Signature) -> Decision:
    """Record the ratification that a good copy, signed so, stands for."""
    provider, catalogue = drop.provider, drop.registrar.catalogue
    if provider.kind not in EDUCATION_PROVIDERS:
        return Refused(reasons=(catalogue.reason("agreement:not-a-party"),))
    if provider.suspended:
        return Held(reasons=(catalogue.reason("policy:suspended"),))
    if provider.is_closed:
        return Held(reasons=(catalogue.reason("policy:closed"),))
    years = agreements.years(drop.session, provider.id)
    year = year_to_ratify(years, local_day(drop.now, catalogue.calendar.timezone), catalogue)
    if not _fresh(signature.created_at, year, drop):
        return Refused(reasons=(catalogue.reason("agreement:signature-date", year=year),))
    if year in years:
        return Settled(flow="agreement", reasons=(catalogue.reason("agreement:already-ratified", year=year),))
    _record(drop, year, signature)
    lapses = lapse_day(year, catalogue)
    told = catalogue.reason("agreement:ratified", year=year, lapses=f"{lapses.day} {lapses:%B %Y}")
    return Settled(flow="agreement", reasons=(told,))


def _fresh(signed_at: datetime, year: str, drop: Drop) -> bool:
    """Whether it was signed in our time and for this year: last year's copy must not count again."""
    limits: OpenLimits = drop.registrar.limits.open
    oldest = drop.now - timedelta(days=limits.signature_age_days)
    latest = drop.now + timedelta(seconds=limits.clock_skew_seconds)
    day = local_day(signed_at, drop.registrar.catalogue.calendar.timezone)
    return oldest <= signed_at <= latest and day >= opens(year, drop.registrar.catalogue)


def _record(drop: Drop, year: str, signature: Signature) -> None:
    catalogue: Catalogue = drop.registrar.catalogue
    digest = catalogue.text_sha256
    by = f"the key {signature.certificate}"
    agreements.ratify(
        drop.session,
        drop.provider.id,
        year,
        signatory=by,
        on=local_day(signature.created_at, catalogue.calendar.timezone),
        at=drop.now,
        by=by,
        text_sha256=digest,
        reference=drop.reference,
        certificate=signature.certificate,
    )
    fields = {"academic_year": year, "sha256": digest, "key": signature.certificate}
    log.append(drop.session, [Entry(kind="ratified", subject=drop.provider.id, fields=fields)], drop.now)
