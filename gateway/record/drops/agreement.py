"""Ratification by the provider: a signed copy of the agreement's text, dropped in /agreement.

Two keys count as for any file: the provider's SSH key opened the session, and a certificate of the same
provider, in force, signed the whole text. The guide asks for a clearsigned copy; a copy signed and encrypted
to the gateway proves the same and is accepted as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.home.settings import OpenLimits
from gateway.model import Decision, Held, Refused, Settled, Signature
from gateway.policy.dates import local_day
from gateway.policy.ratification import has_ended, lapse_day, opens, text_wanted, year_to_ratify
from gateway.record.drops.drop import Drop
from gateway.record.ratifying import Signed, role_of_copies, sign
from gateway.registry import agreements, register


def settle(drop: Drop, signature: Signature, signatory: str = "") -> Decision:
    """Record the ratification expressed by a valid signed copy, by `signatory` where the copy names one."""
    provider, catalogue = drop.provider, drop.registrar.catalogue
    if not catalogue.bodies.of(provider.kind).ratifies:
        return Refused(reasons=(catalogue.reason("agreement:not-a-party"),))
    if provider.suspended or provider.is_closed:
        code = "policy:suspended" if provider.suspended else "policy:closed"
        return Held(reasons=(catalogue.reason(code),))
    today = local_day(drop.now, catalogue.calendar.timezone)
    years = register.of(drop.session).years(provider.id, text_wanted(catalogue), today)
    year = year_to_ratify(years, today, catalogue)
    ended = has_ended(today, catalogue)
    if ended or not _fresh(signature.created_at, year, drop):
        late = catalogue.reason("agreement:signature-date", year=year)
        return Refused(reasons=(catalogue.reason("agreement:ended") if ended else late,))
    role = role_of_copies(catalogue, provider.kind)
    if year in years or (role is not None and _has_signed(drop, year, role.role)):
        return Settled(flow="agreement", reasons=(catalogue.reason("agreement:already-ratified", year=year),))
    missing = _record(drop, year, signature, signatory)
    if missing and role is not None:
        code, told = "agreement:signed-in-part", {"role": role.name, "missing": ", ".join(missing)}
        return Settled(flow="agreement", reasons=(catalogue.reason(code, year=year, **told),))
    lapses = lapse_day(year, catalogue)
    told = {"year": year, "lapses": f"{lapses.day} {lapses:%B %Y}"}
    return Settled(flow="agreement", reasons=(catalogue.reason("agreement:ratified", **told),))


def _has_signed(drop: Drop, year: str, role: str) -> bool:
    catalogue = drop.registrar.catalogue
    there = agreements.signatures(drop.session, drop.provider.id, year, catalogue.text_sha256)
    return any(each.role == role for each in there)


def _fresh(signed_at: datetime, year: str, drop: Drop) -> bool:
    """Was the copy signed recently and for the current year? Last year's copy must not count again."""
    limits: OpenLimits = drop.registrar.limits.open
    oldest = drop.now - timedelta(days=limits.signature_age_days)
    latest = drop.now + timedelta(seconds=limits.clock_skew_seconds)
    day = local_day(signed_at, drop.registrar.catalogue.calendar.timezone)
    return oldest <= signed_at <= latest and day >= opens(year, drop.registrar.catalogue)


def _record(drop: Drop, year: str, signature: Signature, signatory: str) -> tuple[str, ...]:
    """Record the signature; return the names of the roles still to sign."""
    catalogue, by = drop.registrar.catalogue, f"the key {signature.certificate}"
    role = role_of_copies(catalogue, drop.provider.kind)
    signed = Signed(
        provider=drop.provider.id,
        year=year,
        signatory=signatory or by,
        on=local_day(signature.created_at, catalogue.calendar.timezone),
        at=drop.now,
        by=by,
        role=None if role is None else role.role,
        reference=drop.reference,
        certificate=signature.certificate,
    )
    return sign(drop.session, catalogue, signed, actor=None)
