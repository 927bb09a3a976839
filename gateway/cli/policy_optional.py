"""policy optional: flows required by law and missing from the agreement, switched on or off."""

from enum import StrEnum
from typing import Annotated

import tomlkit
import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, existing, fails_clearly, out, show
from gateway.errors import GatewayError
from gateway.home.settings_file import nearest
from gateway.policy.catalogue import load_catalogue, load_unchecked
from gateway.policy.citations import due
from gateway.zones.spool import write_durably

app = typer.Typer(no_args_is_help=True, help="Flows that a law asks for: switched on where you want them.")


class Switch(StrEnum):
    """Is a flow in use?"""

    ON = "on"
    OFF = "off"


@app.command("list")
@fails_clearly
def list_optional(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the flows required by law: the law, the teams, and if switched on."""
    flows = load_catalogue(existing(home).policies_in_force).flows
    rows = [
        {
            "flow": flow.id,
            "state": Switch.OFF if flow in flows.optional else Switch.ON,
            "clause": flow.clause,
            "law": flow.law,
            "timescale": flow.document.timescales,
            "data_types": [entry.id for entry in flow.data_type],
            "teams": sorted({team for entry in flow.data_type for team in entry.teams}),
        }
        for flow in (*flows.flow, *flows.optional)
        if flow.law
    ]
    columns = ("flow", "state", "clause", "law", "timescale", "data_types", "teams")
    show(rows, columns, as_json=as_json, empty="these policies have no flow that only a law asks for")


@app.command()
@fails_clearly
def switch(
    flow: Annotated[str, typer.Argument(help="As gateway policy optional list names it.")],
    state: Annotated[Switch, typer.Argument(metavar="on|off")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Switch a flow on or off in the draft policies: in force after proposal and approval."""
    policies = existing(home).policies
    before = load_unchecked(policies)
    known = {each.id for each in (*before.flows.flow, *before.flows.optional) if each.law}
    if flow not in known:
        raise GatewayError(f"there is no optional flow {flow}{nearest(flow, known)}")
    file = policies / "flows.toml"
    text = tomlkit.parse(file.read_text("utf-8"))
    names = {*before.flows.switched_on} - {flow} | ({flow} if state is Switch.ON else set())
    text["switched_on"] = sorted(names)
    write_durably(file, tomlkit.dumps(text).encode(), mode=0o644)
    out.print(f"{flow} is switched {state} in the draft", soft_wrap=True)
    if clauses := tuple(due(load_unchecked(policies))):
        out.print(f"read what rests on it now: gateway policy confirm {' '.join(clauses)}", soft_wrap=True)
    out.print("then: gateway policy propose", soft_wrap=True)
