"""held: what waits for a person, and what that person decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    fails_clearly,
    out,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.options import WhyOption
from gateway.cli.transfers import summary
from gateway.errors import GatewayError
from gateway.model import Refused, Released, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.reasons import reason
from gateway.registry import transfers

if TYPE_CHECKING:
    from gateway.record.registrar import Registrar

app = typer.Typer(no_args_is_help=True, help="Files that wait for a person or a date.")
ReferenceArgument = Annotated[str, typer.Argument(metavar="REF")]


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Every file that is held, and why."""
    with registry(home) as opened, opened.read() as session:
        rows = [summary(t) for t in transfers.find(session, state="held")]
    columns = ("reference", "provider", "name", "flow", "reasons", "held_until", "landed_at")
    show(rows, columns, as_json=as_json, empty="nothing is held")


@app.command()
@fails_clearly
def release(
    reference: ReferenceArgument,
    why: WhyOption,
    team: Annotated[
        list[str] | None, typer.Option(help="Where it goes; its flow's teams if not given.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Send a held file on, in your name.

    A file that is held because of a key cannot be released by whoever enrolled that key. Where several
    people share one account, let each set GATEWAY_ADMIN to their name.
    """
    from gateway.record.rulings import rule  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        transfer = _held(registrar, reference)
        if transfer.content_sha256 is None:
            raise GatewayError(
                f"{reference} was never opened, so there is nothing to send on; refuse it instead"
            )
        accepted = Released(
            flow=transfer.flow or _flow_of(transfer),
            teams=_teams(registrar.catalogue, transfer, team),
            reasons=(reason("person:released"),),
        )
        rule(registrar, reference, accepted, kind="released", actor=who(), why=why)
    out.print(f"{reference} is released to {', '.join(accepted.teams)}")


@app.command()
@fails_clearly
def refuse(reference: ReferenceArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Refuse a held file for good, in your name."""
    from gateway.record.rulings import rule  # noqa: PLC0415 - loads what decides

    with registrar_of(home) as registrar:
        transfer = _held(registrar, reference)
        refused = Refused(reasons=(reason("person:refused"),), flow=transfer.flow)
        rule(registrar, reference, refused, kind="refused", actor=who(), why=why)
    out.print(f"{reference} is refused")


def _held(registrar: Registrar, reference: str) -> Transfer:
    with registrar.registry.read() as session:
        transfer = transfers.get(session, reference)
    if transfer.state != "held":
        raise GatewayError(f"{reference} is not held; it is {transfer.state}")
    if transfer.waits_for == "approval":
        raise GatewayError(
            f"{reference} is a key that was dropped: gateway keys approve or gateway keys revoke decides"
        )
    return transfer


def _flow_of(transfer: Transfer) -> str:
    return transfer.data_type or "none"


def _teams(catalogue: Catalogue, transfer: Transfer, wanted: list[str] | None) -> tuple[str, ...]:
    for team in wanted or ():
        if catalogue.team(team) is None:
            raise GatewayError(f"there is no team {team}")
    if wanted:
        return tuple(dict.fromkeys(wanted))
    flow = catalogue.flow(transfer.flow) if transfer.flow else None
    if flow is not None and transfer.data_type is not None:
        return flow.of(transfer.data_type).teams
    return catalogue.triage_teams()
