"""The `gateway` command: every noun and verb in one place."""

from __future__ import annotations

import logging
import os

import typer

from gateway.cli import (
    agreement,
    classify,
    demo,
    flows,
    held,
    install,
    keys,
    log,
    policy,
    providers,
    receipts,
    samples,
    services,
    staff,
    transfers,
)
from gateway.cli.doctor import doctor

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="An SFTP drop box through which schools hand pupil data to their local authority, "
    "as their data sharing agreement allows.",
)

services.add_to(app)
app.command()(doctor)
app.command()(install.install)
app.add_typer(providers.app, name="providers")
app.add_typer(keys.app, name="keys")
app.add_typer(staff.app, name="staff")
app.add_typer(agreement.app, name="agreement")
app.add_typer(transfers.app, name="transfers")
app.add_typer(held.app, name="held")
app.add_typer(receipts.app, name="receipts")
app.add_typer(flows.app, name="flows")
app.add_typer(log.app, name="log")
app.add_typer(policy.app, name="policy")
app.command("classify")(classify.classify_files)
app.command("samples")(samples.samples)
app.command("demo")(demo.demo)


@app.callback()
def settings(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log more to stderr."),
) -> None:
    """Set up what holds for every command."""
    level = logging.DEBUG if verbose else os.environ.get("GATEWAY_LOG", "INFO").upper()
    logging.basicConfig(
        level=level, format="%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%dT%H:%M:%S%z"
    )
    for noisy in ("asyncssh", "alembic", "watchdog", "paramiko"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
