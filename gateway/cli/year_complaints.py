"""Gaps of a school year: terms, results days, ratifications, keys, contacts, people who collect."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from sqlmodel import Session

from gateway.cli.complaints import Complaint, Together
from gateway.cli.provider_complaints import kinds_of_keys, of_provider, of_teams
from gateway.home import Home
from gateway.model import RatificationsThatCount
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import first_year
from gateway.policy.ratification import text_wanted
from gateway.policy.shipped import shipped_policies
from gateway.policy.terms import written
from gateway.registry import contacts, keys, register, staff

_NO_CONTACT = Together(
    "provider",
    "without a contact",
    "gateway providers set ID --contact ROLE --email …, or for all: gateway providers import FILE.csv",
)


def of_year(
    session: Session, home: Home, catalogue: Catalogue, year: str, at: datetime
) -> Iterator[Complaint]:
    """Yield the gaps for a school year ("2027-28")."""
    yield from _of_calendar(home, catalogue, year)
    known, reached = keys.list_keys(session), {one.provider for one in contacts.contacts(session)}
    for provider in register.of(session).enrolled(RatificationsThatCount((year,), text_wanted(catalogue))):
        if provider.is_closed:
            continue
        yield from of_provider(provider, catalogue, year, *kinds_of_keys(known, provider.id, at))
        if catalogue.bodies.of(provider.kind).ratifies and provider.id not in reached:
            yield Complaint(
                "warning",
                f"{provider.id} has no contact",
                f"gateway providers set {provider.id} --contact ROLE --email … --telephone …",
                provider.id,
                _NO_CONTACT,
            )
    yield from of_teams(catalogue, {team for one in staff.list_staff(session) for team in one.teams})


def _of_calendar(home: Home, catalogue: Catalogue, year: str) -> Iterator[Complaint]:
    first, calendar = first_year(year), catalogue.calendar
    if first not in written(calendar):
        then = "by rule until then" if calendar.term_rule else "nothing daily or weekly is judged until then"
        yield Complaint(
            "warning",
            f"the terms of {year} are not written down: {then}",
            f"gateway year open {year} --terms FILE, with the published dates",
        )
    elif written(calendar)[first] == written(load_catalogue(shipped_policies()).calendar).get(first):
        yield Complaint(
            "warning",
            f"the terms of {year} are the sample's",
            f"gateway year open {year} --terms FILE, with the dates that the authority has published",
        )
    for results in calendar.results:
        if not any(day.year == first + 1 for day in results.dates):
            yield Complaint(
                "warning",
                f"the results day of {results.data_type} in {first + 1} is by rule",
                f"put the published day into its dates in {home.policies / 'calendar.toml'}, then: "
                "gateway policy propose",
            )
