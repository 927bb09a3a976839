"""Acts on the yearly data sharing agreement: ratify, give notice, list ratifications, print the text."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import date, timedelta
from functools import partial
from typing import Any, ClassVar

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDone, ReadingAct, Recording
from gateway.acts.fields import OneLine, ProviderId, option
from gateway.acts.listing import GroupedListing, Row
from gateway.errors import GatewayError
from gateway.home.settings import load_settings
from gateway.home.settings_file import nearest
from gateway.model import Provider
from gateway.policy import ratification
from gateway.policy.catalogue import Catalogue
from gateway.policy.dates import day_after, local_day
from gateway.policy.ratification import years_at
from gateway.record.reconsider import reconsider
from gateway.registry import agreements, copies, providers, register
from gateway.registry.tables import RatificationRow


class RatifyAgreement(Act, command="agreement ratify", right=AccessRight.ENROL):
    """Record that a provider has ratified the agreement; files waiting for the ratification are released."""

    provider: ProviderId
    signatory: OneLine = option("Who signed for the provider.")
    on: date | None = option("The day it was signed; today if not given.", None)
    role: str | None = option("As what they signed, where the agreement wants several signatures.", None)

    @classmethod
    def known(cls, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
        """Return the roles of signatories that the agreement wants, with names for people."""
        return {"role": {one.role: one.name for one in catalogue.agreement.signatory}}

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the signature, then decide again the files that waited for the ratification."""
        with context.recording() as record:
            said = self.sign(record)
        return ActDone("\n".join((said, *decide_ratified(context))))

    def sign(self, record: Recording) -> str:
        """Record the signature, in a transaction of the caller; return the outcome as a sentence.
        GatewayError for a future day, a provider that is no party to the agreement, or an agreement that has
        ended.
        """
        catalogue = record.registrar.catalogue
        today = local_day(record.at, catalogue.calendar.timezone)
        day = self.on or today
        if day > today:
            raise GatewayError(f"{day} is still to come: a ratification is recorded once it is signed")
        known = providers.get_provider(record.session, self.provider)
        if known.kind not in catalogue.bodies.parties:
            raise GatewayError(
                f"{self.provider} is no party: a provider of its kind does not ratify this agreement"
            )
        if ratification.has_ended(day, catalogue):
            ended = catalogue.agreement.year.ends
            raise GatewayError(f"the agreement ended on {ended}: nobody ratifies it any more")
        years = register.of(record.session).years(self.provider, catalogue.text_wanted, date.max)
        year = ratification.year_to_ratify(years, day, catalogue)
        if year < "2000":
            raise GatewayError(f"{day} is long before this agreement: see that the year is right")
        signed = RatificationRow(
            provider=self.provider, academic_year=year, signatory=self.signatory, ratified_on=day,
            recorded_at=record.at, recorded_by=record.by,
        )  # fmt: skip
        missing = agreements.sign(record.session, catalogue, signed, self.role, actor=record.by)
        if missing:
            return f"signed for {year}; still to sign: {', '.join(missing)}"
        return f"{self.provider} has ratified the agreement for {year}"


def decide_ratified(context: ActContext) -> list[str]:
    """Decide again the files that waited for a ratification; return a sentence if any decision changed."""
    with context.open_registrar() as registrar:
        released = reconsider(registrar)
    return [f"{released} held file{' was' if released == 1 else 's were'} decided again"] if released else []


class GiveNotice(Act, command="agreement notice", right=AccessRight.ENROL):
    """Record a provider's notice, such as a termination: the ratification ends with the notice period."""

    provider: ProviderId
    notice: str = option(
        "Which notice of the agreement, by its id there.", form="Which notice of the agreement."
    )
    given: date | None = option("The day it was given; today if not given.", None)

    @classmethod
    def known(cls, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
        """Return the agreement's kinds of notice, with names for people."""
        return {"notice": {one.id: one.name for one in catalogue.agreement.notice}}

    def carry_out(self, context: ActContext) -> ActDone:
        """Record the notice; return a sentence with the day from which the provider's ratifications end."""
        with context.recording() as record:
            catalogue = record.registrar.catalogue
            known = {each.id: each for each in catalogue.agreement.notice}
            today = local_day(record.at, catalogue.calendar.timezone)
            day = self.given or today
            if self.notice not in known:
                names = ", ".join(known) or "none"
                raise GatewayError(
                    f"the agreement has no notice {self.notice}: its notices are {names}"
                    f"{nearest(self.notice, known)}"
                )
            if day > today:
                raise GatewayError(f"{day} is still to come: a notice is recorded once it is given")
            providers.provider_row(record.session, self.provider)
            ends = day_after(day, known[self.notice].days, catalogue.calendar) + timedelta(days=1)
            years = agreements.end(record.session, self.provider, ends, today)
            if not years:
                raise GatewayError(f"{self.provider} has no ratification that a notice could end")
            for year in years:
                fields = {"academic_year": year, "what": self.notice}
                record.note("notice-given", self.provider, fields, day.isoformat())
        return ActDone(f"the agreement no longer counts for {self.provider} from {ends.isoformat()} on")


class ListStandings(GroupedListing, command="agreement status", right=AccessRight.LOOK):
    """List the ratifications, when each lapses, and the providers to be reminded.

    A school without a ratification counts as covered for files sent for it by a provider with a ratification.
    The list is for teams of the local authority only: the agreement keeps it from other agencies.
    """

    columns: ClassVar = (
        "provider", "name", "standing", "academic_year", "lapses", "days_left", "warning", "next_year",
        "ratified_on", "signatory", "covered_by", "copies_waiting",
    )  # fmt: skip
    narrow: ClassVar = ("provider", "standing", "lapses", "next_year")
    personal_columns: ClassVar = ("signatory",)
    empty: ClassVar = "no education provider is enrolled"
    groups: ClassVar = ("standing",)

    on: date | None = option("How it stands on a day; today if not given.", None)

    def rows(self, context: ActContext) -> list[Row]:
        """Return a row for each party to the agreement, with the party's ratification as of the day."""
        load_settings(context.home)
        catalogue = context.catalogue
        with context.reading() as session:
            return standings(
                session, catalogue, self.on or local_day(context.clock(), catalogue.calendar.timezone)
            )


class PrintAgreement(ReadingAct, command="agreement text", right=AccessRight.LOOK):
    """Print the text of the agreement, as providers find it in /agreement."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Return the text of the agreement in the policies in force."""
        load_settings(context.home)
        return ActDone(document=context.catalogue.agreement_text)


def standings(session: Session, catalogue: Catalogue, day: date) -> list[Row]:
    """Return a row for each party to the agreement, with the party's ratification as of a day."""
    signed: defaultdict[str, dict[str, RatificationRow]] = defaultdict(dict)
    for row in agreements.ratifications(session):
        signed[row.provider][row.academic_year] = row
    waiting = copies.count_waiting(session)
    senders = register.of(session)
    known = senders.enrolled(years_at(day, catalogue))
    counts = partial(senders.years, text_sha256=catalogue.text_wanted, on=day)
    rows = [
        {
            **_standing(provider, signed[provider.id], counts(provider.id), day, catalogue),
            "covered_by": None,
            "copies_waiting": 0 if provider.ratified else waiting[provider.id],
        }
        for provider in known
        if provider.kind in catalogue.bodies.parties and provider.closed_on is None
    ]
    ratified = {each["provider"] for each in rows if each["standing"] == "ratified"}
    covers = {number: one.id for one in known if one.id in ratified for number in one.schools}
    numbers = {one.id: (one.dfe_number, one.urn) for one in known}
    for each in rows:
        by = [covers[number] for number in numbers[each["provider"]] if number in covers]
        if by and each["standing"] != "ratified":
            each |= {"standing": "covered", "covered_by": by[0]}
    return [*rows]


def _standing(
    provider: Provider, signed: dict[str, RatificationRow], years: Collection[str], day: date,
    catalogue: Catalogue,
) -> dict[str, Any]:  # fmt: skip
    """Return the standing of a provider as of a day. `years`: the years of ratifications in force."""
    found = ratification.status_on(years, day, catalogue)
    latest = signed.get(found.academic_year or "")
    if latest is not None and latest.ends_on is not None and found.lapses is not None:
        left = (min(found.lapses, latest.ends_on) - day).days
        found = replace(found, lapses=min(found.lapses, latest.ends_on), days_left=left)
    return {
        "provider": provider.id,
        "name": provider.name,
        "standing": found.standing,
        "ratified": provider.ratified,
        "academic_year": found.academic_year,
        "lapses": None if found.lapses is None else found.lapses.isoformat(),
        "days_left": found.days_left,
        "warning": None if found.warning is None else f"{found.warning} days or less",
        "warning_days": found.warning,
        "next_year": found.next_year,
        "ratified_on": None if latest is None else latest.ratified_on.isoformat(),
        "signatory": None if latest is None else latest.signatory,
        "signed_copy": None if latest is None else latest.reference,
    }
