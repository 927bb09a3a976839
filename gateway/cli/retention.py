"""retention: what is deleted when, and the certificates."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Annotated, Any

import typer
from rich.progress import Progress

from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    err,
    fails_clearly,
    now,
    out,
    print_exactly,
    print_json,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.errors import GatewayError
from gateway.registry import retention
from gateway.reports.retention import Due, Plan

app = typer.Typer(no_args_is_help=True, help="How long things are kept (policies/retention.toml).")
OnOption = Annotated[
    datetime | None,
    typer.Option(parser=dates.day, metavar="DAY", help="As at the end of this day; now if not given."),
]


@app.command("plan")
@fails_clearly
def plan_deletions(on: OnOption = None, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """What is due for deletion, what a hold keeps, what waits for a decision. Deletes nothing."""
    from gateway.record.deletions_due import plan_at  # noqa: PLC0415 - loads the OpenPGP libraries

    with registrar_of(home) as registrar:
        plan = plan_at(registrar, _moment(on))
    if as_json:
        print_json(_plan_object(plan))
        return
    show(
        [_due_object(due) for due in plan.due],
        ("reference", "what", "data_type", "rule", "due_since"),
        as_json=False,
        empty="nothing is due",
    )
    if plan.on_hold:
        out.print(f"\nwould be due, and kept by a legal hold: {len(plan.on_hold)} more")
    if plan.undecided:
        out.print(f"not decided, and so kept: {counted(len(plan.undecided), 'transfer')}")


@app.command("run")
@fails_clearly
def run_deletions(on: OnOption = None, home: HomeOption = DEFAULT_HOME) -> None:
    """Delete what is due, and print the signed certificate of deletion, which is kept as well."""
    from gateway.processor.retention import run  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.record.deletions_due import plan_at  # noqa: PLC0415

    moment = _moment(on)
    if moment.date() > now().date():
        raise GatewayError("what is not due yet cannot be deleted: give a day that has come, or none")
    moment = min(moment, now())
    with registrar_of(home) as registrar, Progress(console=err, transient=True) as bar:
        task = bar.add_task("deleting", total=len(plan_at(registrar, moment).due))
        certificate = run(registrar, moment, by=who(), progress=lambda done: bar.advance(task, done))
    if certificate is None:
        out.print("nothing is due")
        return
    print_exactly(certificate)


@app.command("certificate")
@fails_clearly
def show_certificate(
    number: Annotated[int | None, typer.Argument(help="Which one; the latest if not given.")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Print a signed certificate of deletion."""
    with registry(home) as opened, opened.read() as session:
        text = retention.certificate(session, number)
    print_exactly(text)


def _moment(on: datetime | None) -> datetime:
    return now() if on is None else datetime.combine(on.date(), time.max, UTC)


def _due_object(due: Due) -> dict[str, Any]:
    return {
        "reference": due.reference,
        "what": due.what,
        "data_type": due.data_type,
        "rule": due.rule,
        "due_since": due.since,
    }


def _plan_object(plan: Plan) -> dict[str, Any]:
    return {
        "due": [_due_object(due) for due in plan.due],
        "on_hold": [_due_object(due) for due in plan.on_hold],
        "undecided": list(plan.undecided),
    }
