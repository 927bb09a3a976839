"""Reports for people: a transfer, a provider's files, a term over all providers, the assurance pack."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlsplit

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, Area, ReadingAct, Reference, argument, option
from gateway.errors import GatewayError
from gateway.home.settings import Settings, load_settings
from gateway.policy.dates import academic_year, local_day
from gateway.record.accounts import account, accounts_of, review_of, span_of
from gateway.registry import agreements, hooks, log, providers, review, roles, staff
from gateway.registry.transfer_lists import TransfersWanted
from gateway.reports.assurance import Assured, assurance_report
from gateway.reports.report import provider_report, transfer_report
from gateway.reports.retention import load_retention
from gateway.reports.review import review_report

if TYPE_CHECKING:
    from gateway.model import State
    from gateway.policy.catalogue import Catalogue
    from gateway.reports.document import Document

AREA = Area.FILES


class ReportTransfer(Act, command="report transfer", right=AccessRight.LOOK):
    """Report a transfer: file, times, keys, decision with clauses, and readers."""

    short: ClassVar = "Report"
    asks_passkey: ClassVar = False

    reference: Reference = argument("The file, as its receipt names it.", metavar="REF")

    def carry_out(self, context: ActContext) -> Document:
        """Return the account of one file, with a newly signed head of the log."""
        with context.open_registrar() as registrar, registrar.registry.write() as session:
            wording = registrar.catalogue.wording
            found = account(session, self.reference, registrar.settings.organisation, wording)
            head = registrar.sign_head(session, context.clock())
        return transfer_report(found, context.clock(), head=head)


class ReportProvider(ReadingAct, command="report provider", right=AccessRight.LOOK):
    """Report all files of a provider from one day to another (UTC), with the outcomes."""

    provider: str = argument("The provider, by its short name.", metavar="ID", names="school")
    from_: date = option("The first day.")
    to: date = option("The last day.")

    def carry_out(self, context: ActContext) -> Document:
        """Return the accounts of the provider's files within the person's sight."""
        since, last = (datetime.combine(day, time(), UTC) for day in (self.from_, self.to))
        until = last + timedelta(days=1)
        if until <= since:
            raise GatewayError("the last day is before the first")
        organisation = load_settings(context.home).organisation
        wording = context.catalogue.wording
        wanted = TransfersWanted(provider=self.provider, since=since, until=until)
        with context.reading() as session:
            return provider_report(
                accounts_of(session, wanted, organisation, wording),
                context.clock(),
                organisation=organisation,
                provider=self.provider,
                provider_name=providers.get_provider(session, self.provider).name,
                first=self.from_,
                last=self.to,
            )


class ReviewTerm(ReadingAct, command="report review", right=AccessRight.LOOK):
    """Review all providers over a term: timeliness, quality, ratifications, discrepancies.

    Without days, today's term or the last one; within one school year.
    """

    tabled: ClassVar = True

    from_: date | None = option("The first day; that of the term if not given.", None)
    to: date | None = option("The last day; that of the term if not given.", None)

    def known_by(self, context: ActContext) -> str:  # noqa: ARG002 - as every act
        """Return a constant: a review is cached for a minute, since many files take seconds."""
        return ""

    def carry_out(self, context: ActContext) -> Document:
        """Return the review of the term, by the current record."""
        organisation = load_settings(context.home).organisation
        catalogue, made_at = context.catalogue, context.clock()
        span = span_of(self.from_, self.to, catalogue, local_day(made_at, catalogue.calendar.timezone))
        with context.reading() as session:
            found = review_of(session, catalogue, span, made_at, organisation)
        return review_report(found, made_at)


class ReportAssurance(ReadingAct, command="report assurance", right=AccessRight.LOOK):
    """Print the impact assessment (DPIA) and the record of processing (Article 30), to be signed.

    Policies in force and counts of the registry fill both; what only people know is marked.
    """

    def known_by(self, context: ActContext) -> str:  # noqa: ARG002 - as every act
        """Return a constant: the pack is cached for a minute, since counting many files takes long."""
        return ""

    def carry_out(self, context: ActContext) -> Document:
        """Return the pack, with providers, files of a year and roles counted."""
        settings, made_at = load_settings(context.home), context.clock()
        catalogue = context.catalogue
        today = local_day(made_at, catalogue.calendar.timezone)
        year = academic_year(today, catalogue.agreement.year.starts)
        transfers: Counter[tuple[str, State]] = Counter()
        with context.reading() as session:
            loaded = log.latest(session, "policy-loaded")
            ratified = {
                one.provider for one in agreements.ratifications(session) if one.academic_year == year
            }
            enrolled = [one for one in providers.list_providers(session) if one.closed_on is None]
            for of_provider in review.files(session, made_at - timedelta(days=365), made_at).values():
                transfers.update(of_provider)
            people = roles.people(session)
            members = Counter(team for one in staff.list_staff(session) for team in one.teams)
            hooked = [(row.name, row.address) for row in hooks.listed(session)]
        kinds = Counter(one.kind for one in enrolled)
        signed = Counter(one.kind for one in enrolled if one.id in ratified)
        pack = Assured(
            catalogue=catalogue,
            retention=load_retention(context.home),
            organisation=settings.organisation,
            made_at=made_at,
            in_force_since=loaded.at if loaded else None,
            store="in an S3 store" if settings.store.url else "on the disk of this machine",
            database="in PostgreSQL" if settings.database else "in SQLite, on the same disk",
            telephone=settings.telephone,
            providers={kind: (number, signed[kind]) for kind, number in kinds.items()},
            transfers=transfers,
            people=Counter(str(role) for one in people for role in one.roles),
            members=members,
            version=version("gateway"),
            systems=tuple(_systems(settings, catalogue, hooked)),
        )
        return assurance_report(pack)


def _systems(
    settings: Settings, catalogue: Catalogue, hooked: Sequence[tuple[str, str]]
) -> Iterator[tuple[str, str, str]]:
    """Yield each connected system for the assurance pack: its kind, its name if any, and its address."""
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
