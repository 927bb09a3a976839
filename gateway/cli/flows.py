"""flows: what the agreement lists, and whether it came when it was due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import date, datetime, time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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
    out,
    registrar_of,
    registry,
    rfc3339,
    show,
    who,
)
from gateway.cli.documents import CsvOption, HtmlOption, deliver
from gateway.cli.options import LISTED, LimitOption, WhyOption
from gateway.errors import GatewayError, NotFoundError
from gateway.home.settings import load_settings
from gateway.log.leaf import Kind
from gateway.log.leaf import rfc3339 as leaf_time
from gateway.model import Provider
from gateway.policy import timescale
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import local_day, moment
from gateway.registry import expectations, log, providers
from gateway.registry.flow_status import statuses
from gateway.registry.log import Entry

if TYPE_CHECKING:
    from gateway.record.registrar import Registrar

app = typer.Typer(no_args_is_help=True, help="What the agreement lists, row by row, and when it came.")


class FlowState(StrEnum):
    """How a flow of a provider may stand: the words of `timescale.State`."""

    NOT_EXPECTED = "not-expected"
    NOT_DUE = "not-due"
    DUE = "due"
    EARLY = "early"
    ON_TIME = "on-time"
    LATE = "late"
    NIL = "nil"
    MISSING = "missing"
    RECEIVED = "received"
    NO_CALENDAR = "no-calendar"


class Expected(StrEnum):
    """Whether a data type is expected of a provider: as a person says, or as the calendar does."""

    YES = "yes"
    NO = "no"
    DEFAULT = "default"


_STATUS_COLUMNS = (
    "provider", "flow", "data_type", "timescale", "state", "due", "period", "known_by", "last", "missed"
)  # fmt: skip


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """The rows of Appendix B: who may send what, how often, and which teams get it.

    Where no home is named and none is there, those that the gateway comes with.
    """
    no_home = home == DEFAULT_HOME and not home.exists()
    catalogue = load_catalogue(_shipped() if no_home else existing(home).policies_in_force)
    rows = [
        {
            "clause": flow.clause,
            "flow": flow.id,
            "description": flow.document.description,
            "senders": list(flow.senders),
            "recipients": list(flow.recipients),
            "basis": list(flow.basis),
            "timescale": flow.document.timescales,
            "data_types": [data_type.id for data_type in flow.data_type],
            "teams": sorted({team for data_type in flow.data_type for team in data_type.teams}),
        }
        for flow in catalogue.flows.flow
    ]
    columns = ("clause", "flow", "description", "senders", "timescale", "data_types", "teams")
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
    state: Annotated[list[FlowState] | None, typer.Option(help="Only these; may be given again.")] = None,
    matrix: Annotated[bool, typer.Option("--matrix", help="One line for each provider.")] = False,
    html: HtmlOption = None,
    csv: CsvOption = None,
    limit: LimitOption = LISTED,
    as_json: JsonOption = False,
) -> None:
    """For each provider and flow: when it is due, and whether it came early, on time, late or not at all.

    What counts is what a file is about. `known by` says how that is known: the file says it, or else it is
    taken from the day on which it came. --html and --csv write the matrix.
    """
    catalogue = load_catalogue(existing(home).policies_in_force)
    day = on.date() if on else local_day(now(), catalogue.calendar.timezone)
    with registry(home) as opened, opened.read() as session:
        rows = [
            row for row in _statuses(session, catalogue, day, provider) if not state or row["state"] in state
        ]
    if matrix or html or csv:
        from gateway.reports.returns import ReturnState, returns_report  # noqa: PLC0415 - a report is seldom

        told = (ReturnState(row["provider"], row["data_type"], row["state"], row["missed"]) for row in rows)
        organisation = load_settings(existing(home)).organisation
        deliver(returns_report(told, organisation, day, now()), html, csv, as_json=as_json)
        return
    empty = "no provider is enrolled, or nothing is so"
    narrow = ("provider", "data_type", "state", "due", "missed")
    show(rows, _STATUS_COLUMNS, as_json=as_json, empty=empty, narrow=narrow, limit=limit)


@app.command()
@fails_clearly
def expect(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    data_type: Annotated[str, typer.Argument(metavar="FLOW", help="As `flows status` names the data type.")],
    expected: Annotated[Expected, typer.Argument(help="default: as the calendar says.")],
    why: WhyOption,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Say whether a provider owes a flow: no key stage 1 from a junior school, A levels from a sixth form."""
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        provider = providers.get_provider(session, identifier)
        _check_sends(provider, data_type, registrar.catalogue)
        if expected is Expected.DEFAULT:
            expectations.forget(session, identifier, data_type)
        else:
            expectations.expect(
                session, identifier, data_type,
                expected=expected is Expected.YES, at=now(), by=who(), why=why,
            )  # fmt: skip
        fields = {"data_type": data_type, "state": expected.value}
        _log(registrar, session, "expectation-set", identifier, fields, why)
    told = {"yes": "is expected", "no": "is not expected", "default": "is expected as the calendar says"}
    out.print(f"{data_type} of {identifier} {told[expected]}")


@app.command()
@fails_clearly
def nil(
    identifier: Annotated[str, typer.Argument(metavar="ID")],
    data_type: Annotated[str, typer.Argument(metavar="FLOW", help="As `flows status` names the data type.")],
    why: WhyOption,
    on: Annotated[
        datetime | None,
        typer.Option(parser=dates.day, metavar="DAY", help="A day of the period; today if not given."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Record that a provider has nothing to send for a period: a nil return."""
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        catalogue, at = registrar.catalogue, now()
        provider = providers.get_provider(session, identifier)
        _check_sends(provider, data_type, catalogue)
        day = on.date() if on else local_day(at, catalogue.calendar.timezone)
        period = timescale.period_on(provider, data_type, catalogue, day)
        if period is None:
            raise GatewayError(f"{data_type} is due at no set time around {day}: there is nothing to return")
        expectations.nil_return(session, identifier, data_type, period.name, at=at, by=who(), why=why)
        until = moment(period.due, time(), catalogue.calendar.timezone)
        fields = {"data_type": data_type, "until": leaf_time(until)}
        _log(registrar, session, "nil-returned", identifier, fields, why)
    out.print(f"{identifier} has no {data_type} to send for {period.name}, which is due on {period.due}")


@app.command("exceptions")
@fails_clearly
def list_exceptions(
    home: HomeOption = DEFAULT_HOME,
    provider: Annotated[str | None, typer.Option(metavar="ID", help="Only this provider's.")] = None,
    limit: LimitOption = LISTED,
    as_json: JsonOption = False,
) -> None:
    """What people said of what is owed, by `expect` and `nil`: who, when and why."""
    with registry(home) as opened, opened.read() as session:
        if provider is not None:
            providers.provider_row(session, provider)
        rows = [asdict(one) for one in expectations.said(session, provider)]
    columns = ("provider", "data_type", "what", "period", "at", "by", "why")
    show(rows, columns, as_json=as_json, empty="nothing is said: the calendar decides", limit=limit)


def _check_sends(provider: Provider, data_type: str, catalogue: Catalogue) -> None:
    flow = catalogue.flow_of(data_type)
    if flow is None:
        raise NotFoundError(f"no flow lists {data_type}; one of: {', '.join(catalogue.data_types())}")
    if provider.kind not in flow.senders:
        raise GatewayError(f"the agreement asks no {data_type} of {provider.id}, which is {provider.kind}")


def _log(
    registrar: Registrar, session: Session, kind: Kind, provider: str, fields: dict[str, str], why: str
) -> None:
    """Put it in the log, with the person and the reason, and sign the head in the same transaction."""
    entry = Entry(kind=kind, subject=provider, fields=fields, actor=who(), note=why)
    log.append(session, [entry], now())
    registrar.sign_head(session, now())


def _statuses(
    session: Session, catalogue: Catalogue, day: date, only: str | None
) -> Iterator[dict[str, Any]]:
    chosen = None if only is None else [providers.get_provider(session, only).id]
    for provider, found in statuses(session, catalogue, day, chosen):
        for each in found:
            yield {
                "provider": provider.id,
                "name": provider.name,
                "flow": each.flow,
                "data_type": each.data_type,
                "timescale": each.timescale,
                "state": each.state,
                "due": None if each.due is None else each.due.isoformat(),
                "period": each.period,
                "known_by": each.known_by,
                "last": rfc3339(each.last),
                "missed": each.missed,
            }


def _shipped() -> Path:
    from gateway.policy.shipped import shipped_policies  # noqa: PLC0415 - keeps --help quick

    return shipped_policies()
