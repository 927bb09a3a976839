"""retention and hold: what is deleted when, what a legal hold keeps, and the certificates."""

from __future__ import annotations

from datetime import UTC, datetime, time
from pathlib import Path
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
from gateway.cli.options import LISTED, LimitOption, ReferenceArgument, WhyOption
from gateway.errors import GatewayError
from gateway.registry import holds, log, retention
from gateway.registry.log import Entry
from gateway.reports.retention import Due, Plan

app = typer.Typer(no_args_is_help=True, help="How long things are kept (policies/retention.toml).")
hold_app = typer.Typer(no_args_is_help=True, help="Legal holds: nothing on hold is ever deleted.")
OnOption = Annotated[
    datetime | None,
    typer.Option(parser=dates.day, metavar="DAY", help="As at the end of this day; now if not given."),
]


@app.command("plan")
@fails_clearly
def plan_deletions(on: OnOption = None, home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """What is due for deletion, what a hold keeps, what waits for a decision. Deletes nothing."""
    from gateway.processor.retention import plan_at  # noqa: PLC0415 - loads the OpenPGP libraries

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
    from gateway.processor.retention import plan_at, run  # noqa: PLC0415 - loads the OpenPGP libraries

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


@hold_app.command("list")
@fails_clearly
def list_holds(
    home: HomeOption = DEFAULT_HOME, limit: LimitOption = LISTED, as_json: JsonOption = False
) -> None:
    """The legal holds that are on."""
    with registry(home) as opened, opened.read() as session:
        rows = [
            {
                "number": hold.number,
                "reference": hold.reference,
                "placed_at": hold.placed_at,
                "placed_by": hold.placed_by,
                "why": hold.why,
            }
            for hold in holds.list_holds(session)
        ]
    show(
        rows,
        ("number", "reference", "placed_at", "placed_by", "why"),
        as_json=as_json,
        empty="nothing is on hold",
        limit=limit,
    )


@hold_app.command()
@fails_clearly
def place(reference: ReferenceArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """Keep a transfer and all that belongs to it, a notice or a declaration from deletion, in your name."""
    _change(home, reference, why, placed=True)
    out.print(f"{reference} is on hold: nothing of it is deleted")


@hold_app.command()
@fails_clearly
def lift(reference: ReferenceArgument, why: WhyOption, home: HomeOption = DEFAULT_HOME) -> None:
    """End a legal hold, in your name: what is due is deleted with the next run."""
    _change(home, reference, why, placed=False)
    out.print(f"the hold on {reference} is lifted")


def _change(home: Path, reference: str, why: str, *, placed: bool) -> None:
    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        change = holds.place if placed else holds.lift
        number = change(session, reference, by=who(), why=why, at=at)
        entry = Entry(
            kind="hold-placed" if placed else "hold-lifted",
            subject=reference,
            fields={"number": number},
            actor=who(),
            note=why,
        )
        log.append(session, [entry], at)
        log.sign_head(session, registrar.signing.log_key, registrar.signing.origin, at)


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
