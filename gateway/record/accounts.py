"""Put together accounts for people from rows of the registry: of one transfer, or of all in a term."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.model import Transfer
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue
from gateway.policy.catalogue_schema import UNNAMED, Wording
from gateway.policy.dates import academic_year, first_year, local_day, moment, school_year
from gateway.record import outcome
from gateway.registry import (
    agreements,
    expectations,
    log,
    providers,
    review,
    transfer_lists,
    transfers,
)
from gateway.registry.arrivals import arrivals
from gateway.registry.flow_status import owed_by, window_from
from gateway.registry.transfer_lists import TransfersWanted
from gateway.reports.report import LoggedStep, TransferAccount
from gateway.reports.review import ProviderReview, Review


def account(
    session: Session, reference: str, organisation: str, wording: Wording = UNNAMED
) -> TransferAccount:
    """Return the account of one transfer. NotFoundError for an unknown reference."""
    return account_of(session, transfers.get(session, reference), organisation, wording)


def accounts_of(
    session: Session, wanted: TransfersWanted, organisation: str, wording: Wording
) -> list[TransferAccount]:
    """Return the accounts of a provider's transfers within the criteria and the session's sight.

    NotFoundError for an unknown provider.
    """
    providers.provider_row(session, wanted.provider or "")
    found = [one.upload.reference for page in transfer_lists.pages(session, wanted) for one in page]
    return [account(session, reference, organisation, wording) for reference in found]


def account_of(
    session: Session, transfer: Transfer, organisation: str, wording: Wording = UNNAMED
) -> TransferAccount:
    """Return the account of a transfer, already read from the registry."""
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
    """Return a span of days: the given ones, or else today's term. GatewayError for two school years."""
    begun, ended = _term(catalogue, today)
    span = (first or begun, last or ended)
    starts = catalogue.school_year_starts
    if span[1] < span[0]:
        raise GatewayError("the last day is before the first")
    if academic_year(span[0], starts) != academic_year(span[1], starts):
        raise GatewayError(f"{span[0]} and {span[1]} are not in one school year: review each by itself")
    return span


def _term(catalogue: Catalogue, today: date) -> tuple[date, date]:
    """Return the first and last day of the latest term begun by `today`."""
    this = first_year(academic_year(today, catalogue.school_year_starts))
    years = [school_year(catalogue.calendar, first) for first in (this - 1, this)]
    begun = [term for year in years if year for term in year.terms if term.first <= today]
    if not begun:
        raise GatewayError("the calendar of the policies holds no term yet: give the first and the last day")
    return begun[-1].first, begun[-1].last


def review_of(
    session: Session, catalogue: Catalogue, span: tuple[date, date], at: datetime, organisation: str
) -> Review:
    """Review how all providers kept to the agreement in a span of days, by the record as of `at`."""
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
    differing = review.discrepancies(session, since, until)
    ratified = {row.provider for row in agreements.ratifications(session) if row.academic_year == year}
    for provider in providers.list_providers(session):
        enrolled = local_day(added[provider.id], catalogue.calendar.timezone)
        if enrolled > span[1] or (provider.closed_on is not None and provider.closed_on < span[0]):
            continue
        owed = owed_by(provider, added[provider.id], told.get(provider.id, {}), catalogue)
        faults, (opened, still) = faulty.get(provider.id, {}), differing.get(provider.id, (0, 0))
        yield ProviderReview(
            id=provider.id,
            name=provider.name,
            kind=provider.kind,
            ratified=provider.id in ratified if provider.kind in catalogue.bodies.parties else None,
            kept=timescale.kept(provider, came.get(provider.id, ()), catalogue, span, on=today, owed=owed),
            files=counted.get(provider.id, {}),
            faulty={data_type: files for data_type, (files, _) in faults.items()},
            faults={data_type: number for data_type, (_, number) in faults.items()},
            discrepancies_opened=opened,
            discrepancies_open=still,
        )


def _midnight(day: date, catalogue: Catalogue) -> datetime:
    return moment(day, time(), catalogue.calendar.timezone)
