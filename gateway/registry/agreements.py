"""Record and read ratifications, signatures, declarations, expectations, nil returns and opened years."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlmodel import Session, col, func, select

from gateway.errors import GatewayError
from gateway.home.settings_file import nearest
from gateway.log.leaf import Kind
from gateway.model import Reason
from gateway.policy.catalogue import Catalogue
from gateway.policy.small_schemas import Signatory
from gateway.registry import log, tables
from gateway.registry.log import Entry
from gateway.registry.providers import get_provider, provider_row
from gateway.registry.tables import AgreementSignatureRow, ExpectationRow, NilReturnRow, RatificationRow
from gateway.registry.tables.row import drop, existing, first, only, rows, store


def ratify(session: Session, row: RatificationRow, *, instead: bool) -> None:
    """Record a provider's ratification of the agreement for a year. NotFoundError for an unknown provider.
    An earlier ratification for the year is replaced if the provider has ended it by notice, or if `instead`
    is True and the text of the agreement was another. In any other case an earlier one is a GatewayError.
    """
    provider_row(session, row.provider)
    known = session.get(RatificationRow, (row.provider, row.academic_year))
    if known is not None:
        if known.ends_on is None and not (instead and known.text_sha256 != row.text_sha256):
            raise GatewayError(f"{row.provider} has ratified the agreement for {row.academic_year} already")
        drop(session, known)
    store(session, row)


def role_of_copies(catalogue: Catalogue, kind: str) -> Signatory | None:
    """Return the role whose holder signs by uploading a signed copy of the agreement to /agreement.
    None if providers of `kind` sign without roles, or if no role signs by a copy.
    """
    return next((each for each in catalogue.agreement.signatories(kind) if each.by_copy), None)


def sign(
    session: Session, catalogue: Catalogue, signed: RatificationRow, role: str | None, *, actor: str | None
) -> tuple[str, ...]:
    """Record a person's signature of the agreement; ratify it for the provider once every role has signed.
    Return the names of the roles still to sign. `role`: the signer's role; None if the agreement has no
    roles. GatewayError for a role that the agreement does not ask for, or that has signed already.
    """
    kind = get_provider(session, signed.provider).kind
    signed.text_sha256 = catalogue.text_sha256
    known = {each.role: each for each in catalogue.agreement.signatories(kind)}
    if role is None and known:
        raise GatewayError(f"say as which role they signed: one of {', '.join(known)}")
    if role is not None and role not in known:
        raise GatewayError(f"the agreement asks for no signature of {role}{nearest(role, known)}")
    if role is not None:
        year, text = signed.academic_year, catalogue.text_sha256
        given = session.get(AgreementSignatureRow, (signed.provider, year, role))
        if given is not None and given.text_sha256 == text:
            raise GatewayError(f"the {role} of {signed.provider} has signed for {year} already")
        if given is not None:  # Under another text.
            drop(session, given)
        stated = signed.model_dump(exclude={"ratified_on", "ends_on"})
        store(session, AgreementSignatureRow(**stated, role=role, signed_on=signed.ratified_on))
        _note(session, "signed-in-part", signed, {"what": role}, actor)
        there = signatures(session, signed.provider, year, text)
        done = {each.role for each in there}
        if missing := tuple(each.name for each in known.values() if each.role not in done):
            return missing
        signed.signatory = "; ".join(each.signatory for each in there)
    ratify(session, signed, instead=catalogue.text_wanted is not None)
    _note(session, "ratified", signed, {}, actor)
    return ()


def _note(
    session: Session, kind: Kind, signed: RatificationRow, fields: dict[str, str], actor: str | None
) -> None:
    said = {"academic_year": signed.academic_year, "sha256": signed.text_sha256, **fields}
    entry = Entry(kind=kind, subject=signed.provider, fields=said | {"key": signed.certificate}, actor=actor)
    log.append(session, [entry], signed.recorded_at)


def end(session: Session, provider: str, on: date, day: date) -> tuple[str, ...]:
    """End a provider's ratifications on the day `on`; return the academic years of the ratifications ended.
    `day` is the day of the provider's notice. Ratifications that end anyway by `on` or by `day` stay. Every
    role has to sign again, for the first year ended and any later one.
    """
    years = []
    for row in ratifications(session, provider):
        if row.ends_on is None or row.ends_on > max(on, day):
            row.ends_on = on
            years.append(row.academic_year)
    signed = rows(session, AgreementSignatureRow, provider=provider)
    drop(session, *(row for row in signed if years and row.academic_year >= years[0]))
    return tuple(years)


def signatures(
    session: Session, provider: str, academic_year: str, text_sha256: str
) -> Sequence[AgreementSignatureRow]:
    """Return the signatures given to one text for one year by people of a provider, sorted by role."""
    table, digest = AgreementSignatureRow, text_sha256
    return rows(session, table, "role", provider=provider, academic_year=academic_year, text_sha256=digest)


def ratifications(session: Session, provider: str | None = None) -> Sequence[RatificationRow]:
    """Return the ratifications of a provider, or of all providers, sorted by provider and year."""
    return rows(session, RatificationRow, "provider", "academic_year", **only(provider=provider))


def declaration(session: Session, reference: str) -> tables.DeclarationRow:
    """Return a declaration. NotFoundError for an unknown reference."""
    found = first(session, tables.DeclarationRow, reference=reference)
    return existing(found, f"there is no declaration {reference}")


def declarations(session: Session, *, provider: str | None = None) -> Sequence[tables.DeclarationRow]:
    """Return the declarations of a provider, or of all providers, in the order of recording."""
    return rows(session, tables.DeclarationRow, "sequence", **only(provider=provider))


def reasons_of(row: tables.DeclarationRow) -> tuple[Reason, ...]:
    """Return the reasons recorded with the decision on a declaration."""
    return tuple(Reason(**each) for each in json.loads(row.reasons))


def expectations(session: Session) -> Mapping[str, Mapping[str, bool]]:
    """Return the expectations on record, by provider and data type: True if the data is expected."""
    found: defaultdict[str, dict[str, bool]] = defaultdict(dict)
    for row in rows(session, ExpectationRow):
        found[row.provider][row.data_type] = row.expected
    return found


def exceptions(session: Session, provider: str | None = None) -> list[Mapping[str, Any]]:
    """Return the expectations and nil returns of a provider, or of all, sorted by provider and data type.
    Each is a dict: `what` is "expected", "not-expected" or "nil"; `period` is set for a nil return only.
    """
    whose = only(provider=provider)
    expected = rows(session, ExpectationRow, **whose)
    found = [_told(row, "expected" if row.expected else "not-expected") for row in expected]
    found += [_told(row, "nil", row.period) for row in rows(session, NilReturnRow, **whose)]
    return sorted(found, key=lambda one: (one["provider"], one["data_type"], one["period"] or ""))


def _told(row: ExpectationRow | NilReturnRow, what: str, period: str | None = None) -> dict[str, Any]:
    told = {"provider": row.provider, "data_type": row.data_type, "what": what, "period": period}
    return {**told, "at": row.recorded_at, "by": row.recorded_by, "why": row.why}


def expect(session: Session, row: ExpectationRow) -> None:
    """Record an expectation in place of an earlier one. NotFoundError for an unknown provider."""
    provider_row(session, row.provider)
    session.merge(row)
    session.flush()


def forget_expectation(session: Session, provider: str, data_type: str) -> None:
    """Delete an expectation; the calendar then says if the data is due. GatewayError if none is on record."""
    provider_row(session, provider)
    row = session.get(ExpectationRow, (provider, data_type))
    if row is None:
        raise GatewayError(f"nothing is on record of {data_type} of {provider}: the calendar decides")
    drop(session, row)


def nil_return(session: Session, row: NilReturnRow) -> None:
    """Record a nil return. GatewayError if one for the same data type and period is on record already."""
    provider_row(session, row.provider)
    if session.get(NilReturnRow, (row.provider, row.data_type, row.period)) is not None:
        raise GatewayError(
            f"it is on record that {row.provider} has no {row.data_type} to send for {row.period}"
        )
    store(session, row)


def open_year(session: Session, year: str, *, at: datetime, by: str, why: str | None) -> None:
    """Record in the log that a person, `by`, has opened a school year ("2027-28") for all providers."""
    fields = {"academic_year": year}
    log.append(session, [Entry(kind="year-opened", subject="year", fields=fields, actor=by, note=why)], at)


def year_opened_at(session: Session, year: str) -> datetime | None:
    """Return when a person opened a school year (`open_year`); None if nobody has."""
    for event in log.events(session, "year", kind="year-opened"):
        if event.fields["academic_year"] == year:
            return event.at
    return None


def year_counts(session: Session, year: str, parties: Collection[str]) -> dict[str, int]:
    """Count three things: open providers of the kinds `parties`, how many of them ratified for `year`, and
    all expectations. The keys are "education_providers", "ratified" and "expectations".
    """
    row = tables.ProviderRow
    open_ones = select(row.id).where(col(row.kind).in_(sorted(parties)), col(row.closed_on).is_(None))
    ratified = select(RatificationRow.provider).where(
        RatificationRow.academic_year == year, col(RatificationRow.provider).in_(open_ones)
    )
    told = {
        "education_providers": open_ones,
        "ratified": ratified,
        "expectations": select(ExpectationRow.why),
    }
    counted = {what: select(func.count()).select_from(query.subquery()) for what, query in told.items()}
    return {what: session.exec(query).one() for what, query in counted.items()}
