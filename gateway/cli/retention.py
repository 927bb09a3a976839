"""retention run: delete all data that is due by retention.toml."""

from datetime import datetime, time
from typing import Annotated

import typer
from rich.progress import Progress

from gateway.cli.commands import HomeOption, command_in
from gateway.cli.console import err, now, out, print_exactly, registrar_of, who
from gateway.errors import GatewayError
from gateway.policy.dates import local_day, moment
from gateway.processor.retention import run
from gateway.registry import log, retention
from gateway.reports.retention import load_retention

app = typer.Typer()


@command_in(app, "run")
def run_deletions(
    home: HomeOption,
    on: Annotated[datetime | None, "--on DAY", "As at the end of this day; now if not given."] = None,
) -> None:
    """Delete everything due, and print the signed certificate of deletion, also kept in the registry."""
    at = now()
    with registrar_of(home) as registrar, Progress(console=err, transient=True) as bar:
        zone = registrar.catalogue.calendar.timezone
        today = local_day(at, zone)
        if on is not None:
            if on.date() > today:
                raise GatewayError("what is not due yet cannot be deleted: give a day that has come, or none")
            at = min(at, moment(on.date(), time.max, zone))
        with registrar.registry.read() as session:
            due = retention.plan_at(session, load_retention(registrar.home), at)[0]
            # What a wrong clock lets be deleted never comes back.
            if due and on is None and log.is_silent(session, at):
                raise GatewayError(
                    f"by this machine it is {today}, and the log has no entry of half a year: "
                    f"see that the clock is right. If it is: gateway retention run --on {today}"
                )
        task = bar.add_task("deleting", total=len(due))
        certificate = run(registrar, at, by=who(), progress=lambda done: bar.advance(task, done))
    if certificate is None:
        out.print("nothing is due")
        return
    print_exactly(certificate)
