"""Record signatures under the agreement; once every role needed has signed, the agreement is ratified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.home.settings_file import nearest
from gateway.policy.agreement_schema import Signatory
from gateway.policy.catalogue import Catalogue
from gateway.registry import agreements, log, providers
from gateway.registry.log import Entry
from gateway.registry.tables import AgreementSignatureRow, RatificationRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A provider's signature for a year: signed `on` a day, recorded by `by` at `at`.

    `reference` and `certificate` belong to a signed copy of the text uploaded by the provider.
    """

    provider: str
    year: str
    signatory: str
    on: date
    at: datetime
    by: str
    role: str | None = None
    reference: str | None = None
    certificate: str | None = None


def sign(session: Session, catalogue: Catalogue, signed: Signed, *, actor: str | None) -> tuple[str, ...]:
    """Record a signature, and the ratification if no role is missing; return the roles still to sign.

    GatewayError where the agreement knows no such role, or the role has signed already.
    """
    kind = providers.get_provider(session, signed.provider).kind
    known = {each.role: each for each in catalogue.agreement.signatories(kind)}
    if signed.role is None and known:
        raise GatewayError(f"say as which role they signed: one of {', '.join(known)}")
    if signed.role is not None and signed.role not in known:
        raise GatewayError(
            f"the agreement asks for no signature of {signed.role}{nearest(signed.role, known)}"
        )
    role = known.get(signed.role or "")
    if role is None:
        _ratify(session, catalogue, signed, signed.signatory, actor)
        return ()
    row = AgreementSignatureRow(
        provider=signed.provider,
        academic_year=signed.year,
        role=role.role,
        signatory=signed.signatory,
        signed_on=signed.on,
        recorded_at=signed.at,
        recorded_by=signed.by,
        text_sha256=catalogue.text_sha256,
        reference=signed.reference,
        certificate=signed.certificate,
    )
    agreements.note_signature(session, row)
    fields: dict[str, str | int] = {
        "academic_year": signed.year,
        "sha256": catalogue.text_sha256,
        "what": role.role,
    }
    if signed.certificate is not None:
        fields["key"] = signed.certificate
    entry = Entry(kind="signed-in-part", subject=signed.provider, fields=fields, actor=actor)
    log.append(session, [entry], signed.at)
    there = agreements.signatures(session, signed.provider, signed.year, catalogue.text_sha256)
    done = {each.role for each in there}
    missing = tuple(each.name for each in catalogue.agreement.signatories(kind) if each.role not in done)
    if not missing:
        _ratify(session, catalogue, signed, "; ".join(each.signatory for each in there), actor)
    return missing


def role_of_copies(catalogue: Catalogue, kind: str) -> Signatory | None:
    """Return the role to sign by uploading a copy to /agreement; None if any one signature ratifies."""
    return next((each for each in catalogue.agreement.signatories(kind) if each.by_copy), None)


def _ratify(
    session: Session, catalogue: Catalogue, signed: Signed, signatory: str, actor: str | None
) -> None:
    row = RatificationRow(
        provider=signed.provider,
        academic_year=signed.year,
        signatory=signatory,
        ratified_on=signed.on,
        recorded_at=signed.at,
        recorded_by=signed.by,
        text_sha256=catalogue.text_sha256,
        reference=signed.reference,
        certificate=signed.certificate,
    )
    agreements.ratify(session, row, instead=catalogue.text_wanted is not None)
    fields: dict[str, str | int] = {"academic_year": signed.year, "sha256": catalogue.text_sha256}
    if signed.certificate is not None:
        fields["key"] = signed.certificate
    entry = Entry(kind="ratified", subject=signed.provider, fields=fields, actor=actor)
    log.append(session, [entry], signed.at)
