"""Complaints of doctor about settings and policies: still the shipped ones, or running out."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlmodel import Session

from gateway.cli.complaints import Complaint
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import academic_year, day_in, first_year, is_ending, last_written
from gateway.policy.ratification import following, has_ended, opens
from gateway.policy.shipped import shipped_agreements
from gateway.policy.timescale import ends_without_another
from gateway.registry import years

_EXAMPLE = "example.gov.uk"


def of_samples(home: Home, settings: Settings, catalogue: Catalogue) -> Iterator[Complaint]:
    """Yield the shipped organisation, contacts, agreement and calendar not yet replaced."""
    usual = Settings()
    if settings.organisation == usual.organisation:
        yield Complaint(
            "warning",
            f"nobody has said whose gateway this is: receipts name {usual.organisation}",
            f'organisation = "…" in {home.settings}',
        )
    if settings.security_contact is not None and _EXAMPLE in settings.security_contact:
        yield Complaint(
            "warning", "the contact for flaws is the sample's", f"security_contact in {home.settings}"
        )
    try:
        shipped = [load_catalogue(folder) for folder in shipped_agreements()]
    except ConfigurationError:
        return  # Nothing to compare with where the shipped policies are not installed.
    theirs = [each for each in shipped if each.text_sha256 == catalogue.text_sha256]
    if theirs and settings.organisation not in theirs[0].agreement.title:
        yield Complaint(
            "warning",
            f"the agreement is the sample's, not one of {settings.organisation}",
            f"put your own text into {home.policies / catalogue.agreement.text}, and its title and version "
            "into agreement.toml, then: gateway policy propose",
        )
    if any(catalogue.calendar.school_year == each.calendar.school_year for each in shipped):
        yield Complaint(
            "warning",
            "the calendar is the sample's: schools are judged by its terms",
            "gateway year open YEAR --terms FILE, with the dates that the authority has published",
        )


def of_coming_year(session: Session, catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint where the coming year can be ratified and is not open."""
    year = catalogue.agreement.year
    coming = following(academic_year(today, year.starts))
    if has_ended(day_in(first_year(coming), year.starts), catalogue):
        return
    if today >= opens(coming, catalogue) and years.opened_at(session, coming) is None:
        yield Complaint(
            "warning",
            f"the school year {coming} is not open: nobody was told that its agreement can be ratified",
            f"gateway year open {coming}",
        )


def of_calendar(catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint where term dates end soon: the rule for terms is only nearly right."""
    if not is_ending(catalogue.calendar, today):
        return
    last = last_written(catalogue.calendar)
    ends = "there are no term dates" if last is None else f"the term dates end on {last.day} {last:%B %Y}"
    then = "school days are by rule" if catalogue.calendar.term_rule else "nothing daily or weekly is judged"
    yield Complaint(
        "warning",
        f"{ends}; after that, {then}",
        "gateway year open YEAR --terms FILE, with the published dates",
    )


def of_law(catalogue: Catalogue, today: date) -> Iterator[Complaint]:
    """Yield a complaint where the last law pack ends soon."""
    last = ends_without_another(catalogue.law, today)
    if last is not None:
        yield Complaint(
            "warning",
            f"the law pack in force ends on {last.day} {last:%B %Y}, and none follows: it is what files are "
            "judged by until one does",
            "gateway policy pack install law-YYYY-YY.toml, then: gateway policy propose",
        )
