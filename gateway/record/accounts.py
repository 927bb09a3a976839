"""Give account to people from the registry's rows: of one transfer, and of a term for all providers."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import cast

from sqlmodel import Session

from gateway.errors import GatewayError, NotFoundError
from gateway.model import Provider, State, Transfer
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.policy.dates import academic_year, first_year, local_day, moment, school_year
from gateway.record import outcome
from gateway.registry import (
    agreements,
    breaches,
    expectations,
    keys,
    log,
    providers,
    review,
    transfer_lists,
    transfers,
)
from gateway.registry.arrivals import arrivals
from gateway.registry.flow_status import owed_by, window_from
from gateway.registry.keys import Key
from gateway.registry.transfer_lists import TransfersWanted
from gateway.reports.breach import KeyInvolved
from gateway.reports.report import LoggedStep, TransferAccount
from gateway.reports.review import ProviderReview, Review


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """The scope of a breach. `staff` are names, `keys` fingerprints or unique beginnings of fingerprints.

    `since` and `until` (excluded) limit the search by staff and keys, and count alone where nothing else is
    given.
    """

    references: tuple[str, ...] = ()
    staff: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None


def account(
    session: Session, reference: str, organisation: str, wording: Wording = UNNAMED
) -> TransferAccount:
    """Return the account of one transfer. NotFoundError where there is none."""
    return _account(session, transfers.get(session, reference), organisation, wording)


def accounts_of(
    session: Session, wanted: TransfersWanted, organisation: str, wording: Wording
) -> list[TransferAccount]:
    """Return the accounts of wanted transfers of one provider that the session sees.

    NotFoundError for an unknown provider.
    """
    providers.provider_row(session, wanted.provider or "")
    found = [one.upload.reference for page in transfer_lists.pages(session, wanted) for one in page]
    return [account(session, reference, organisation, wording) for reference in found]


def touched(session: Session, scope: Scope, organisation: str) -> list[TransferAccount]:
    """Return the transfers within a scope in the order of landing. NotFoundError for an unknown reference.

    For staff: the files opened, since the log records every opening beforehand. For a key: the files sent
    over, signed with or opened with the key; for the gateway's own, the files sealed to the key.
    """
    references = set(scope.references)
    for name in scope.staff:
        if not breaches.is_staff(session, name):
            raise NotFoundError(f"there is no member of staff {name}")
        references |= breaches.collected_by(session, name, scope.since, scope.until)
    for fingerprint in scope.keys:
        references |= _touched_by_key(session, named_key(session, fingerprint), scope)
    if not (scope.references or scope.staff or scope.keys):
        references |= breaches.stepped_between(session, scope.since, scope.until)
    found = [transfers.get(session, reference) for reference in references]
    found.sort(key=lambda transfer: transfer.sequence)
    return [_account(session, transfer, organisation) for transfer in found]


def keys_involved(session: Session, fingerprints: Collection[str]) -> tuple[KeyInvolved, ...]:
    """Return the keys of fingerprints. NotFoundError where one names none or several."""
    named = [named_key(session, fingerprint) for fingerprint in fingerprints]
    return tuple(
        KeyInvolved(
            owner=f"{key.owner_kind} {key.owner}", kind=key.kind, fingerprint=key.fingerprint, state=key.state
        )
        for key in named
    )


def named_key(session: Session, fingerprint: str) -> Key:
    """Return the key, of any owner, named by a fingerprint or a unique beginning of one."""
    wanted = fingerprint.replace(" ", "").lower()
    found = [key for key in keys.list_keys(session) if key.fingerprint.lower().startswith(wanted)]
    if not wanted or len(found) != 1:
        raise NotFoundError(f"there is no single key {fingerprint}")
    return found[0]


def _touched_by_key(session: Session, key: Key, scope: Scope) -> set[str]:
    if key.owner_kind == "staff":
        return breaches.collected_by(session, key.owner, scope.since, scope.until)
    asked = breaches.sealed_to if key.owner_kind == "gateway" else breaches.sent_with
    return asked(session, key.fingerprint, scope.since, scope.until)


def _account(
    session: Session, transfer: Transfer, organisation: str, wording: Wording = UNNAMED
) -> TransferAccount:
    provider = providers.get_provider(session, transfer.upload.provider)
    return TransferAccount(
        facts=outcome.receipt_facts(transfer, provider, organisation, wording=wording),
        ssh_key=transfer.upload.ssh_key,
        steps=tuple(
            LoggedStep(
                entry=step.event.number,
                at=step.event.at,
                kind=step.kind,
                who=step.event.actor,
                team=step.fields.get("team"),
                key=step.fields.get("key"),
                reasons=step.fields.get("reasons"),
                why=step.event.note,
            )
            for step in log.steps(log.events(session, transfer.upload.reference))
        ),
    )


def span_of(first: date | None, last: date | None, catalogue: Catalogue, today: date) -> tuple[date, date]:
    """Return the given days, or those of today's term. GatewayError for days of two school years."""
    begun, ended = _term(catalogue, today)
    span = (first or begun, last or ended)
    starts = catalogue.school_year_starts
    if span[1] < span[0]:
        raise GatewayError("the last day is before the first")
    if academic_year(span[0], starts) != academic_year(span[1], starts):
        raise GatewayError(f"{span[0]} and {span[1]} are not in one school year: review each by itself")
    return span


def _term(catalogue: Catalogue, today: date) -> tuple[date, date]:
    """Return the first and the last day of the term begun last."""
    this = first_year(academic_year(today, catalogue.school_year_starts))
    years = [school_year(catalogue.calendar, first) for first in (this - 1, this)]
    begun = [term for year in years if year for term in year.terms if term.first <= today]
    if not begun:
        raise GatewayError("the calendar of the policies holds no term yet: give the first and the last day")
    return begun[-1].first, begun[-1].last


def review_of(
    session: Session, catalogue: Catalogue, span: tuple[date, date], at: datetime, organisation: str
) -> Review:
    """Review all providers' compliance in a span of days, as known `at` a moment."""
    since, until = (_midnight(day, catalogue) for day in (span[0], span[1] + timedelta(days=1)))
    opened, still = review.discrepancies_in_all(session, since, until)
    year = academic_year(span[1], catalogue.agreement.year.starts)
    return Review(
        organisation=organisation,
        academic_year=year,
        first=span[0],
        last=span[1],
        providers=tuple(_providers(session, catalogue, span, at, year)),
        discrepancies_opened=opened,
        discrepancies_open=still,
    )


def _providers(
    session: Session, catalogue: Catalogue, span: tuple[date, date], at: datetime, year: str
) -> Iterator[ProviderReview]:
    since, until = (_midnight(day, catalogue) for day in (span[0], span[1] + timedelta(days=1)))
    today = local_day(at, catalogue.calendar.timezone)
    came = arrivals(session, window_from(catalogue, span[0]))
    added, told = providers.added(session), expectations.expectations(session)
    counted, faulty = review.files(session, since, until), review.faults(session, since, until)
    differing = {one.provider: one for one in review.discrepancies(session, since, until)}
    ratified = {row.provider for row in agreements.ratifications(session) if row.academic_year == year}
    files: dict[str, dict[tuple[str, State], int]] = {}
    for one in counted:
        of = (one.data_type or "", cast("State", one.state))
        files.setdefault(one.provider, {})[of] = one.files
    for provider in providers.list_providers(session):
        if not _took_part(provider, span, local_day(added[provider.id], catalogue.calendar.timezone)):
            continue
        owed = owed_by(provider, added[provider.id], told.get(provider.id, {}), catalogue)
        differs = differing.get(provider.id)
        yield ProviderReview(
            id=provider.id,
            name=provider.name,
            kind=provider.kind,
            ratified=provider.id in ratified if provider.kind in catalogue.bodies.parties() else None,
            kept=timescale.kept(provider, came.get(provider.id, ()), catalogue, span, on=today, owed=owed),
            files=files.get(provider.id, {}),
            faulty={one.data_type: one.files for one in faulty if one.provider == provider.id},
            faults={one.data_type: one.faults for one in faulty if one.provider == provider.id},
            discrepancies_opened=differs.opened if differs else 0,
            discrepancies_open=differs.still_open if differs else 0,
        )


def _took_part(provider: Provider, span: tuple[date, date], added: date) -> bool:
    """Was a provider enrolled and open at any time of the span?"""
    return added <= span[1] and (provider.closed_on is None or provider.closed_on >= span[0])


def _midnight(day: date, catalogue: Catalogue) -> datetime:
    return moment(day, time(), catalogue.calendar.timezone)
