"""flows: what the agreement lists, and whether it came when it was due."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from sqlmodel import Session

from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    existing,
    fails_clearly,
    now,
    registry,
    rfc3339,
    show,
)
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import local_day
from gateway.registry import providers
from gateway.registry.arrivals import Window, arrivals

app = typer.Typer(no_args_is_help=True, help="What the agreement lists, row by row, and when it came.")


class State(StrEnum):
    """How a flow of a provider may stand: the words of `timescale.State`."""

    NOT_DUE = "not-due"
    DUE = "due"
    EARLY = "early"
    ON_TIME = "on-time"
    LATE = "late"
    MISSING = "missing"
    RECEIVED = "received"
    NO_CALENDAR = "no-calendar"


_STATUS_COLUMNS = ("provider", "flow", "data_type", "timescale", "state", "due", "last", "missed")
# A yearly flow's period reaches back a year at most, and an academic year as well.
_ANYTHING_DUE = timedelta(days=800)
# A school day's period lasts until the next school day.
_LONGEST_HOLIDAY = timedelta(days=70)


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """The rows of Appendix B: who may send what, how often, and which teams get it.

    Where no home is named and none is there, those that the gateway comes with.
    """
    no_home = home == DEFAULT_HOME and not home.exists()
    catalogue = load_catalogue(_shipped() if no_home else existing(home).policies)
    rows = [
        {
            "row": flow.row,
            "flow": flow.id,
            "description": flow.document.description,
            "senders": list(flow.senders),
            "recipients": list(flow.recipients),
            "basis": list(flow.basis),
            "timescale": flow.document.timescales,
            "data_types": [data_type.id for data_type in flow.data_type],
            "teams": sorted({team for data_type in flow.data_type for team in data_type.teams}),
            "clause": flow.clause,
        }
        for flow in catalogue.flows.flow
    ]
    columns = ("row", "flow", "description", "senders", "timescale", "data_types", "teams")
    show(rows, columns, as_json=as_json, empty="no flow is listed")


@app.command()
@fails_clearly
def status(
    home: HomeOption = DEFAULT_HOME,
    provider: Annotated[str | None, typer.Option(metavar="ID", help="Only this provider's.")] = None,
    on: Annotated[
        datetime | None,
        typer.Option(parser=dates.day, metavar="DAY", help="At the end of a day; today if not given."),
    ] = None,
    state: Annotated[list[State] | None, typer.Option(help="Only these; may be given again.")] = None,
    as_json: JsonOption = False,
) -> None:
    """For each provider and flow: when it is due, and whether it came early, on time, late or not at all."""
    catalogue = load_catalogue(existing(home).policies)
    day = on.date() if on else local_day(now(), catalogue.calendar.timezone)
    with registry(home) as opened, opened.read() as session:
        rows = [
            row for row in _statuses(session, catalogue, day, provider) if not state or row["state"] in state
        ]
    show(rows, _STATUS_COLUMNS, as_json=as_json, empty="no provider is enrolled, or nothing is so")


def _statuses(
    session: Session, catalogue: Catalogue, day: date, only: str | None
) -> Iterator[dict[str, Any]]:
    zone = catalogue.calendar.timezone
    came = arrivals(session, _window(catalogue, day), only)
    added = providers.added(session)
    enrolled = [providers.get_provider(session, only)] if only else providers.list_providers(session)
    for provider in enrolled:
        found = timescale.status(
            provider, came.get(provider.id, ()), catalogue, day, since=local_day(added[provider.id], zone)
        )
        for each in found:
            yield {
                "provider": provider.id,
                "name": provider.name,
                "flow": each.flow,
                "data_type": each.data_type,
                "timescale": each.timescale,
                "state": each.state,
                "due": None if each.due is None else each.due.isoformat(),
                "last": rfc3339(each.last),
                "missed": each.missed,
            }


def _window(catalogue: Catalogue, day: date) -> Window:
    """What has to be known to judge `day`: far less than all that ever came."""
    often = [
        entry.id
        for flow in catalogue.flows.flow
        for entry in flow.data_type
        if entry.timescale in {"daily", "weekly"}
    ]
    noon = datetime.combine(day, time(12), ZoneInfo(catalogue.calendar.timezone)).astimezone(UTC)
    return Window(since=noon - _ANYTHING_DUE, often=often, lately=noon - _LONGEST_HOLIDAY)


def _shipped() -> Path:
    from gateway.homes.create import shipped_policies  # noqa: PLC0415 - keeps --help quick

    return shipped_policies()
