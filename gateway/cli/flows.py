"""flows: list the agreement's flows, and show the state of each on a day."""

import dataclasses
from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any, get_args

import typer

from gateway.cli.commands import DEFAULT_HOME, HomeOption, JsonOption, command_in
from gateway.cli.console import existing, now, out, print_json, print_rows, registry, show, tell_rest
from gateway.cli.identity import sight_here
from gateway.cli.options import LimitOption
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.dates import local_day, spoken
from gateway.policy.shipped import shipped_policies
from gateway.policy.timescale import State, coming_requirements, present_names, renamed_references
from gateway.registry import providers
from gateway.registry.flow_status import statuses
from gateway.zones.console_api import PAGE

app = typer.Typer()


# Typer takes no list of literals.
FlowState = StrEnum("FlowState", [(state.upper(), state) for state in get_args(State)])  # type: ignore[misc]
_STATUS_COLUMNS = (
    "provider", "flow", "data_type", "timescale", "state", "due", "period", "known_by", "last", "missed"
)  # fmt: skip


@command_in(app, "list")
def list_all(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the rows of Appendix B: senders, data, frequency and teams.

    Without a home, the flows are those of the shipped policies.
    """
    no_home = home == DEFAULT_HOME and not home.exists()
    catalogue = load_catalogue(shipped_policies() if no_home else existing(home).policies_in_force)
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
    if not as_json:
        _tell_names(catalogue, local_day(now(), catalogue.calendar.timezone))


@command_in(app)
def status(
    home: HomeOption,
    provider: Annotated[str | None, "--provider ID", "Only this provider's."] = None,
    on: Annotated[datetime | None, "--on DAY", "At the end of a day; today if not given."] = None,
    state: Annotated[list[FlowState] | None, "Only flows in this state; may be given again."] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show for each provider and flow the due date, and the state, such as on time, late or missing.

    A file counts for the period of its contents. The column `known by` says if the file states the period, or
    if the day of arrival decides.
    """
    catalogue = load_catalogue(existing(home).policies_in_force)
    day = on.date() if on else local_day(now(), catalogue.calendar.timezone)
    with registry(home) as opened, opened.read() as session:
        chosen = None if provider is None else [providers.get_provider(session, provider).id]
        rows: list[dict[str, Any]] = []
        sees_all = sight_here(session, home).is_whole
        for each, found in statuses(session, catalogue, day, chosen, sees_all=sees_all):
            for status in found:
                row = dataclasses.asdict(status) | {"provider": each.id, "name": each.name}
                del row["asked"]
                rows.append(row)
    rows = [row for row in rows if not state or row["state"] in state]
    if as_json:
        print_json(rows)
        return
    some = rows[: (PAGE if limit is None else limit) or None]
    narrow = ("provider", "data_type", "state", "due", "missed")
    shown = print_rows(some, _STATUS_COLUMNS, "no provider is enrolled, or nothing is so", narrow)
    tell_rest(shown, len(rows))
    for asked, due in coming_requirements(catalogue, day):
        when = f" of {spoken(due)}" if due else ""
        out.print(f"{asked.data_type}{when} asks for: {asked.says}")
    _tell_names(catalogue, day)


def _tell_names(catalogue: Catalogue, day: date) -> None:
    """Print the present name, on a day, of each system that the flows mention by a former name."""
    rows = " ".join(flow.document.mechanism for flow in catalogue.flows.flow)
    for line in present_names(renamed_references(catalogue, day, rows)):
        out.print(line, soft_wrap=False)
