"""flows: what the agreement lists."""

from __future__ import annotations

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, fails_clearly, show
from gateway.home import Home
from gateway.policy.catalogue import load_catalogue
from gateway.processing.founding import shipped_policies

app = typer.Typer(no_args_is_help=True, help="What the agreement lists, row by row.")


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """The rows of Appendix B: who may send what, how often, and which teams get it."""
    policies = Home(home).policies
    catalogue = load_catalogue(policies if policies.is_dir() else shipped_policies())
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
