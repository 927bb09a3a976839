"""Acts that print reports: on a transfer, a term, and data protection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from importlib.metadata import version
from typing import ClassVar
from urllib.parse import urlsplit

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ReadingAct
from gateway.acts.fields import FileReference, option
from gateway.errors import GatewayError
from gateway.home.settings import Settings, load_settings
from gateway.model import State, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.policy.catalogue_schema import Wording
from gateway.policy.dates import academic_year, first_year, local_day, moment, school_year
from gateway.policy.timescale import due_within
from gateway.receipts.facts import ReceiptFacts
from gateway.registry import (
    agreements,
    hooks,
    log,
    providers,
    register,
    review,
    roles,
    staff,
    transfers,
)
from gateway.registry.flow_status import arrivals, owed_by, window_for
from gateway.reports.assurance import Assured, assurance_report
from gateway.reports.document import Document
from gateway.reports.report import TransferAccount, transfer_report
from gateway.reports.retention import load_retention
from gateway.reports.review import ProviderReview, review_report


class ReportTransfer(
    Act, command="report transfer", right=AccessRight.LOOK, short="Report", asks_passkey=False
):
    """Report a transfer: file, times, keys, decision with clauses, and readers."""

    reference: FileReference

    def carry_out(self, context: ActContext) -> Document:
        """Return the report on one file, with a newly signed head of the log."""
        with context.open_registrar() as registrar, registrar.registry.write() as session:
            transfer = transfers.get(session, self.reference)
            found = account_of(
                session, transfer, registrar.settings.organisation, registrar.catalogue.wording
            )
            head = registrar.sign_head(session, context.clock())
        return transfer_report(found, context.clock(), head=head)


class ReviewTerm(ReadingAct, command="report review", right=AccessRight.LOOK):
    """Review all providers over a term: timeliness, quality, ratifications, discrepancies.

    Without days, the term of today or the last term before today. Both days lie in one school year.
    """

    tabled: ClassVar = True

    from_: date | None = option("The first day; that of the term if not given.", None)
    to: date | None = option("The last day; that of the term if not given.", None)

    def known_by(self, context: ActContext) -> str:  # noqa: ARG002 - as every act
        """Return a constant, so the console caches a review for a minute: reading files takes long."""
        return ""

    def carry_out(self, context: ActContext) -> Document:
        """Return the review of the days asked for, by what is on record now."""
        organisation = load_settings(context.home).organisation
        catalogue, made_at = context.catalogue, context.clock()
        span = span_of(self.from_, self.to, catalogue, local_day(made_at, catalogue.calendar.timezone))
        with context.reading() as session:
            sees_all = context.sight(session).is_whole
            return review_of(session, catalogue, span, made_at, organisation, sees_all=sees_all)


class ReportAssurance(ReadingAct, command="report assurance", right=AccessRight.LOOK):
    """Print the impact assessment (DPIA) and the record of processing (Article 30), to be signed.

    Policies in force and counts of the registry fill both; what only people know is marked.
    """

    def known_by(self, context: ActContext) -> str:  # noqa: ARG002 - as every act
        """Return a constant, so the console caches the answer for a minute: counting files takes long."""
        return ""

    def carry_out(self, context: ActContext) -> Document:
        """Return both documents, with the numbers of providers, of a year's files and of people by role."""
        settings, made_at = load_settings(context.home), context.clock()
        catalogue = context.catalogue
        today, year_ago = local_day(made_at, catalogue.calendar.timezone), made_at - timedelta(days=365)
        year = academic_year(today, catalogue.agreement.year.starts)
        files: Counter[tuple[str, State]] = Counter()
        with context.reading() as session:
            sees_all, loaded = context.sight(session).is_whole, log.latest(session, "policy-loaded")
            known = register.of(session)
            ratified = {
                one for one in known.ratified if year in known.years(one, catalogue.text_wanted, today)
            }
            enrolled = [one for one in providers.list_providers(session) if one.closed_on is None]
            for of_provider in review.files(session, year_ago, made_at).values():
                files.update(of_provider)
            people = roles.people(session)
            members = Counter(team for teams in staff.list_staff(session).values() for team in teams)
            hooked = [(row.name, row.address) for row in hooks.listed(session)]
        kinds = Counter(one.kind for one in enrolled)
        signed = Counter(one.kind for one in enrolled if one.id in ratified)
        pack = Assured(
            catalogue=catalogue,
            retention=load_retention(context.home),
            settings=settings,
            made_at=made_at,
            in_force_since=loaded.at if loaded else None,
            providers={kind: (number, signed[kind]) for kind, number in kinds.items()},
            transfers=files,
            sees_all=sees_all,
            people=Counter(str(role) for one in people for role in one["roles"]),
            members=members,
            version=version("gateway"),
            systems=tuple(_systems(settings, catalogue, hooked)),
        )
        return assurance_report(pack)


def _systems(
    settings: Settings, catalogue: Catalogue, hooked: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str, str]]:
    """Yield kind, name (or "") and address of each connected system; `hooked`: name, address of web hooks."""
    told = {
        "store": settings.store.url,
        "database": settings.database and urlsplit(settings.database).hostname,
        "letters": settings.letters.relay,
        "logins": settings.console.openid and settings.console.openid.issuer,
        "heads": settings.log.witness_email or " ".join(settings.log.witness_command[:1]),
    }
    yield from ((what, "", where) for what, where in told.items() if where)
    for one in catalogue.hand_ons.hand_on:
        yield "hand-on", one.id, one.sftp.host if one.sftp else "a folder of this machine"
    for name, address in hooked:
        yield "hook", name, urlsplit(address).hostname or ""


def account_of(session: Session, transfer: Transfer, organisation: str, wording: Wording) -> TransferAccount:
    """Return a transfer's data for reports: the facts of the receipt, the SSH key and the log entries."""
    provider = providers.get_provider(session, transfer.upload.provider)
    return TransferAccount(
        facts=ReceiptFacts(transfer=transfer, provider=provider, organisation=organisation, wording=wording),
        ssh_key=transfer.upload.ssh_key,
        steps=tuple(log.steps(log.events(session, transfer.upload.reference))),
    )


def span_of(first: date | None, last: date | None, catalogue: Catalogue, today: date) -> tuple[date, date]:
    """Return the first and the last day of a review: the days given, or else the days of a term.
    The term is the latest one begun by `today`. GatewayError if the two days are in different school years.
    """
    starts = catalogue.school_year_starts
    this = first_year(academic_year(today, starts))
    years = [school_year(catalogue.calendar, one) for one in (this - 1, this)]
    begun = [term for year in years if year for term in year.terms if term.first <= today]
    if not begun:
        raise GatewayError("the calendar of the policies holds no term yet: give the first and the last day")
    span = (first or begun[-1].first, last or begun[-1].last)
    if span[1] < span[0]:
        raise GatewayError("the last day is before the first")
    if academic_year(span[0], starts) != academic_year(span[1], starts):
        raise GatewayError(f"{span[0]} and {span[1]} are not in one school year: review each by itself")
    return span


def review_of(
    session: Session, catalogue: Catalogue, span: tuple[date, date], at: datetime, organisation: str, *,
    sees_all: bool = True,
) -> Document:  # fmt: skip
    """Report how all providers kept to the agreement in a span of days, by the record as of `at`.
    `sees_all`: False if files are hidden from the session; the report then says so.
    """
    zone, year = catalogue.calendar.timezone, academic_year(span[1], catalogue.agreement.year.starts)
    since, until = (moment(day, time(), zone) for day in (span[0], span[1] + timedelta(days=1)))
    came = arrivals(session, replace(window_for(catalogue, span[0]), hidden=sees_all))
    added, told = providers.added(session), agreements.expectations(session)
    counted, faulty = review.files(session, since, until), review.faults(session, since, until)
    differing, discrepancies = review.discrepancies(session, since, until)
    known, found, today = register.of(session), [], local_day(at, zone)
    # In a former year, the text of that year was to be signed.
    text = catalogue.text_wanted if year == academic_year(today, catalogue.agreement.year.starts) else None
    ratified = {one for one in known.ratified if year in known.years(one, text, min(span[1], today))}
    for provider in providers.list_providers(session):
        closed = provider.closed_on
        if local_day(added[provider.id], zone) > span[1] or (closed is not None and closed < span[0]):
            continue
        owed = owed_by(provider, added[provider.id], told.get(provider.id, {}), catalogue)
        due = due_within(provider, came.get(provider.id, ()), catalogue, span, on=today, owed=owed)
        faults, (opened, still) = faulty.get(provider.id, {}), differing.get(provider.id, (0, 0))
        one = ProviderReview(
            id=provider.id,
            name=provider.name,
            kind=provider.kind,
            ratified=provider.id in ratified if provider.kind in catalogue.bodies.parties else None,
            kept=Counter((entry.id, state) for _, entry, _, _, state in due),
            files=counted.get(provider.id, {}),
            faulty={data_type: files for data_type, (files, _) in faults.items()},
            faults={data_type: number for data_type, (_, number) in faults.items()},
            discrepancies_opened=opened,
            discrepancies_open=still,
        )
        found.append(one)
    return review_report(
        found, at, organisation=organisation, academic_year=year, first=span[0], last=span[1],
        discrepancies=discrepancies, sees_all=sees_all,
    )  # fmt: skip
