"""year: open a school year, and list missing dates, ratifications, keys and contacts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text
from sqlmodel import Session

from gateway.acts.fields import GivenFile
from gateway.cli.commands import HomeOption, JsonOption, command_in
from gateway.cli.complaints import Complaint, complaint, lines, of_providers, of_teams
from gateway.cli.console import existing, now, out, print_json, registrar_of, who
from gateway.cli.options import WhyGivenOption
from gateway.enrolment.provider_list import decoded
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.homes.school_year import check_none_waits, propose_year, read_dates
from gateway.model import RatificationsThatCount, counted
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import academic_year, day_in, first_year, local_day, school_year, spoken, written
from gateway.policy.ratification import following, opens
from gateway.policy.shipped import shipped_policies
from gateway.publish.everything import publish_all
from gateway.receipts.notices import opened
from gateway.record.policies_in_force import tell_everybody
from gateway.registry import agreements, providers, register, staff

app = typer.Typer()


@command_in(app, "open")
def open_year(
    home: HomeOption,
    year: Annotated[str, "YEAR", "An academic year such as 2027-28."],
    terms: Annotated[Path | None, "--terms FILE", "The council's term dates, CSV: first,last."] = None,
    agreement: Annotated[Path | None, "--agreement FILE", "The text of the new agreement, UTF-8."] = None,
    version: Annotated[str | None, "Its version, such as 2.1."] = None,
    why: WhyGivenOption = None,
) -> None:
    """Open a school year: tell every school, and list what is missing.

    Terms and a text given here are only proposed: a second person approves them (`policy approve`), and then
    the year is opened. Without terms, the year has those of the rule in calendar.toml until dates are given.
    Expectations of providers (`flows expect`) are carried over.
    """
    place, at = existing(home), now()
    catalogue = load_catalogue(place.policies_in_force)
    current = academic_year(local_day(at, catalogue.calendar.timezone), catalogue.school_year_starts)
    _check_written(year, current)
    if year not in {current, following(current)}:
        raise GatewayError(f"only {current} and {following(current)} can be opened now")
    given = None if terms is None else read_dates(GivenFile.read(terms).content)
    text = None if agreement is None else decoded(GivenFile.read(agreement).content, "the agreement is")
    with registrar_of(home) as registrar:
        if (given, text, version) != (None, None, None) and propose_year(
            registrar, year, dates=given, text=text, version=version, by=who(), why=why, at=at
        ):
            out.print(f"proposed: what was given of {year}; nothing has changed yet")
            out.print("a second person looks at it and says: gateway policy approve")
            out.print(f"and then: gateway year open {year}")
            return
        catalogue, told = registrar.catalogue, None
        with registrar.registry.write() as session:
            if agreements.year_opened_at(session, year) is None:
                check_none_waits(session)  # Schools would be told to sign the text of before.
                if local_day(at, catalogue.calendar.timezone) < (ready := opens(year, catalogue)):
                    raise GatewayError(
                        f"{year} can be ratified from {spoken(ready)} on: open it then; schools are told once"
                    )
                agreements.open_year(session, year, at=at, by=who(), why=why)
                agreed = catalogue.agreement
                starts = day_in(first_year(year), agreed.year.starts)
                notice = opened(year, f"{starts.day} {starts:%B %Y}", agreed.tell.ready)
                told = tell_everybody(
                    session, registrar.signing, registrar.settings.organisation, notice,
                    catalogue.bodies.parties, at, languages=agreed.languages,
                )  # fmt: skip
                registrar.sign_head(session, at)
        registrar.publish()
        publish_all(place, at)
        with registrar.registry.read() as session:
            found = _state(session, place, catalogue, year, at)
    if told is None:
        out.print(f"{year} was open already; it is as follows now")
    else:
        out.print(f"{year} is open; {counted(told, 'education provider')} told that it can be ratified")
    _print(found, each=False)


@command_in(app, "show")
def show_year(
    home: HomeOption,
    year: Annotated[str | None, "[YEAR]", "The one that is coming or begun, if not given."] = None,
    each: Annotated[bool, "--all", "Name each of many that are alike."] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a school year: terms, number of ratifications, and everything still missing."""
    with registrar_of(home) as registrar, registrar.registry.read() as session:
        catalogue, at = registrar.catalogue, now()
        today = local_day(at, catalogue.calendar.timezone)
        current = academic_year(today, catalogue.agreement.year.starts)
        coming = following(current)
        begun = coming if today >= opens(coming, catalogue) else current
        _check_written(year or begun, current)
        found = _state(session, Home(home), catalogue, year or begun, at)
    if as_json:
        print_json(found | {"missing": [one.as_object() | {"about": one.about} for one in found["missing"]]})
        return
    _print(found, each=each)


def _check_written(year: str, current: str) -> None:
    """Raise GatewayError unless `year` is an academic year from 1900 on, written like `current`."""
    with suppress(ValueError):
        if first_year(year) in range(1900, 3000):
            return
    raise GatewayError(f"write an academic year like {following(current)}")


def _state(session: Session, place: Home, catalogue: Catalogue, year: str, at: datetime) -> dict[str, Any]:
    first = first_year(year)
    terms = school_year(catalogue.calendar, first)
    by = "written" if first in written(catalogue.calendar) else "by-rule"
    return {
        "academic_year": year,
        "opened_at": agreements.year_opened_at(session, year),
        "terms": "none" if terms is None else by,
        "first_day": None if terms is None else terms.terms[0].first,
        "last_day": None if terms is None else terms.terms[-1].last,
        "agreement": f"{catalogue.agreement.title}, version {catalogue.agreement.version}",
        **agreements.year_counts(session, year, catalogue.bodies.parties),
        "missing": list(_missing(session, place, catalogue, year, at)),
    }


def _missing(
    session: Session, home: Home, catalogue: Catalogue, year: str, at: datetime
) -> Iterator[Complaint]:
    """Yield a complaint for each date, key, contact and team member missing for a school year ("2027-28")."""
    first, calendar = first_year(year), catalogue.calendar
    if first not in written(calendar):
        then = "by rule until then" if calendar.term_rule else "nothing daily or weekly is judged until then"
        yield complaint("terms-unwritten", year=year, then=then)
    elif written(calendar)[first] == written(load_catalogue(shipped_policies()).calendar).get(first):
        yield complaint("terms-sample", year=year)
    for results in calendar.results:
        if not any(day.year == first + 1 for day in results.dates):
            file = home.policies / "calendar.toml"
            yield complaint(
                "results-by-rule", kind=results.data_type, season=results.season, year=first + 1, file=file
            )
    enrolled = register.of(session).enrolled(RatificationsThatCount((year,), catalogue.text_wanted))
    yield from of_providers(session, enrolled, catalogue, year, at)
    reached = {one.provider for one in providers.contacts(session)}
    for provider in enrolled:
        is_party = provider.closed_on is None and provider.kind in catalogue.bodies.parties
        if is_party and provider.id not in reached:
            yield complaint("no-contact", provider.id)
    yield from of_teams(catalogue, {team for teams in staff.list_staff(session).values() for team in teams})


def _print(found: dict[str, Any], *, each: bool) -> None:
    span = "none" if found["first_day"] is None else f"{found['first_day']} to {found['last_day']}"
    for label, value in (
        ("school year", found["academic_year"]),
        ("terms", f"{span} ({found['terms']})"),
        ("agreement", found["agreement"]),
        ("ratified", f"{found['ratified']} of {found['education_providers']} education providers"),
        ("expectations", f"{found['expectations']} carried over: gateway flows expect"),
    ):
        out.print(Text(f"{label:>14}  {value}"))
    missing: list[Complaint] = found["missing"]
    out.print(Text("\nmissing:" if missing else "\nnothing is missing"))
    for line in lines(missing, each=each, more="gateway year show --all"):
        out.print(Text(line))
