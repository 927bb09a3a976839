"""Clause 1.4 by the provider itself: a signed copy of the agreement's text, dropped in /agreement.

Two keys count here as for any file: the provider's SSH key opened the session, and a certificate of
the same provider, in force, signed the whole text. A clearsigned copy is what the guide asks for; one
that is signed and encrypted to the gateway proves the same and is taken as well.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.errors import Refusal
from gateway.model import EDUCATION_PROVIDERS, Accepted, Decision, Held, Refused, Signature
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import local_day
from gateway.policy.ratification import lapse_day, opens, year_to_ratify
from gateway.processing.drop import Drop, Dropped, Tools
from gateway.processing.examination import Examined, Job, OpenRefused
from gateway.reasons import reason
from gateway.registry import agreements, log
from gateway.registry.log import Entry
from gateway.settings import OpenLimits

_CLEARSIGNED = b"-----BEGIN PGP SIGNED MESSAGE-----"
# What a sealed copy is refused for is told as it is for any file, but not that it lacks encryption.
_NOT_SIGNED = {"open:not-encrypted", "open:not-signed", "open:empty"}


def examine(job: Job, data: bytes, tools: Tools) -> Examined:
    """Whether `data` is the agreement's text, signed by one of the job's senders; in the child."""
    try:
        text, signature = _signed_text(job, data, tools)
    except SignatureInvalid:
        return _refused(job, "agreement:wrong-signer")
    except Refusal as refusal:
        if refusal.code in _NOT_SIGNED:
            return _refused(job, "agreement:not-signed")
        refused = OpenRefused(code=refusal.code, detail=refusal.detail)
        return Examined(reference=job.reference, refused=refused)
    if lines_of(text) != lines_of(job.agreement):
        return _refused(job, "agreement:other-text")
    return Examined(reference=job.reference, signed=signature)


def lines_of(text: str) -> list[str]:
    """What of a text is compared: not how its lines end, nor blank space that a signature leaves out."""
    lines = [line.rstrip() for line in text.removeprefix("\ufeff").splitlines()]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _signed_text(job: Job, data: bytes, tools: Tools) -> tuple[str, Signature]:
    if _CLEARSIGNED in data:
        return verify_clearsigned(_decoded(data), [sender.encode() for sender in job.senders])
    content, signature = tools.open(job)
    return content.decode("utf-8", "replace"), signature


def _decoded(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # The published text is UTF-8, so this is another one, whoever signed it.
        raise Refusal("agreement:other-text") from None


def _refused(job: Job, code: str) -> Examined:
    return Examined(reference=job.reference, refused=OpenRefused(code=code))


def settle(drop: Dropped) -> Decision:
    """Record the ratification that a good copy stands for."""
    provider, catalogue, signature = drop.provider, drop.catalogue, drop.examined.signed
    if provider.kind not in EDUCATION_PROVIDERS:
        return Refused(reasons=(reason("agreement:not-a-party"),))
    if provider.suspended:
        return Held(reasons=(reason("policy:suspended"),))
    if signature is None:
        raise AssertionError("a drop was neither refused nor signed")
    years = agreements.years(drop.session, provider.id)
    year = year_to_ratify(years, local_day(drop.now, catalogue.calendar.timezone), catalogue)
    if not _fresh(signature.created_at, year, drop):
        return Refused(reasons=(reason("agreement:signature-date", year=year),))
    if year in years:
        return Accepted(
            flow="agreement", teams=(), reasons=(reason("agreement:already-ratified", year=year),)
        )
    _record(drop, year, signature)
    lapses = lapse_day(year, catalogue)
    told = reason("agreement:ratified", year=year, lapses=f"{lapses.day} {lapses:%B %Y}")
    return Accepted(flow="agreement", teams=(), reasons=(told,))


def _fresh(signed_at: datetime, year: str, drop: Dropped) -> bool:
    """Whether it was signed in our time and for this year: last year's copy must not count again."""
    limits: OpenLimits = drop.limits.open
    oldest = drop.now - timedelta(days=limits.signature_age_days)
    latest = drop.now + timedelta(seconds=limits.clock_skew_seconds)
    day = local_day(signed_at, drop.catalogue.calendar.timezone)
    return oldest <= signed_at <= latest and day >= opens(year, drop.catalogue)


def _record(drop: Dropped, year: str, signature: Signature) -> None:
    catalogue: Catalogue = drop.catalogue
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
        reference=drop.examined.reference,
        certificate=signature.certificate,
    )
    fields = {"academic_year": year, "sha256": digest, "key": signature.certificate}
    log.append(drop.session, [Entry(kind="ratified", subject=drop.provider.id, fields=fields)], drop.now)


DROP = Drop(examine=examine, settle=settle, withheld="agreement:not-signed")
