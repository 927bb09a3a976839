"""Record signatures under the agreement; once every role needed has signed, the agreement is ratified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.home.settings_file import nearest
from gateway.policy.agreement_schema import Signatory
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import day_after, local_day
from gateway.policy.ratification import has_ended, year_to_ratify
from gateway.registry import agreements, log, providers, register
from gateway.registry.log import Entry
from gateway.registry.tables import AgreementSignatureRow


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


def sign_for(
    session: Session,
    catalogue: Catalogue,
    provider: str,
    signatory: str,
    *,
    on: date | None,
    role: str | None,
    by: str,
    at: datetime,
) -> tuple[str, tuple[str, ...]]:
    """Record a signature seen by a person, as of a day or today; return the year and the roles still to sign.

    GatewayError for a provider outside the agreement, or a future day.
    """
    today = local_day(at, catalogue.calendar.timezone)
    day = on or today
    if day > today:
        raise GatewayError(f"{day} is still to come: a ratification is recorded once it is signed")
    known = providers.get_provider(session, provider)
    if known.kind not in catalogue.bodies.parties:
        raise GatewayError(f"{provider} is no party: a provider of its kind does not ratify this agreement")
    if has_ended(day, catalogue):
        raise GatewayError(
            f"the agreement ended on {catalogue.agreement.year.ends}: nobody ratifies it any more"
        )
    years = register.of(session).years(provider, catalogue.text_wanted, day)
    year = year_to_ratify(years, day, catalogue)
    signed = Signed(provider=provider, year=year, signatory=signatory, on=day, at=at, by=by, role=role)
    return year, sign(session, catalogue, signed, actor=by)


def give_notice(
    session: Session,
    catalogue: Catalogue,
    provider: str,
    notice: str,
    *,
    given: date | None,
    by: str,
    at: datetime,
) -> date:
    """Record a party's notice; return the first day on which its ratification no longer counts.

    GatewayError for an unknown notice, a future day, and a party with an ended ratification.
    """
    known = {each.id: each for each in catalogue.agreement.notice}
    today = local_day(at, catalogue.calendar.timezone)
    day = given or today
    if notice not in known:
        names = ", ".join(known) or "none"
        raise GatewayError(
            f"the agreement has no notice {notice}: its notices are {names}{nearest(notice, known)}"
        )
    if day > today:
        raise GatewayError(f"{day} is still to come: a notice is recorded once it is given")
    providers.get_provider(session, provider)
    ends = day_after(day, known[notice].days, catalogue.calendar) + timedelta(days=1)
    years = agreements.end(session, provider, ends, today)
    if not years:
        raise GatewayError(f"{provider} has no ratification that a notice could end")
    entries = [
        Entry(kind="notice-given", subject=provider, fields={"academic_year": year, "what": notice}, actor=by)
        for year in years
    ]
    log.append(session, entries, at)
    return ends


def role_of_copies(catalogue: Catalogue, kind: str) -> Signatory | None:
    """Return the role to sign by uploading a copy to /agreement; None if any one signature ratifies."""
    return next((each for each in catalogue.agreement.signatories(kind) if each.by_copy), None)


def _ratify(
    session: Session, catalogue: Catalogue, signed: Signed, signatory: str, actor: str | None
) -> None:
    agreements.ratify(
        session,
        signed.provider,
        signed.year,
        signatory=signatory,
        on=signed.on,
        at=signed.at,
        by=signed.by,
        text_sha256=catalogue.text_sha256,
        reference=signed.reference,
        certificate=signed.certificate,
        instead=catalogue.text_wanted is not None,
    )
    fields: dict[str, str | int] = {"academic_year": signed.year, "sha256": catalogue.text_sha256}
    if signed.certificate is not None:
        fields["key"] = signed.certificate
    entry = Entry(kind="ratified", subject=signed.provider, fields=fields, actor=actor)
    log.append(session, [entry], signed.at)
