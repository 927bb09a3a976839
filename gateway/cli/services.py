"""init, run, serve, process: making a home and running its services."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Annotated

import typer

from gateway import supervisor
from gateway.cli.console import DEFAULT_HOME, HomeOption, command_in, fails_clearly, now, out
from gateway.cli.options import GatewayKeyOption
from gateway.cli.signals import until_told
from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home
from gateway.home.settings import Secrets, Settings, checked, load_settings
from gateway.model import GatewayKeyKind, counted
from gateway.observe import logs
from gateway.openpgp.certificates import grouped
from gateway.secrets.passphrase import new_passphrase

serve = typer.Typer(no_args_is_help=True, help="Run one of the services in the foreground.")
HostOption = Annotated[str | None, typer.Option("--host", help="The address to listen on.")]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="The port to listen on; 0 is any free one.")
]


@fails_clearly
def init(
    home: HomeOption = DEFAULT_HOME,
    organisation: Annotated[
        str | None,
        typer.Option(help="The local authority's name, as receipts show it; asked for if not given."),
    ] = None,
    log_origin: Annotated[
        str, typer.Option(help="The name of the log, such as gateway.example.gov.uk/log.")
    ] = "gateway.invalid/log",
    database_url: Annotated[
        str | None,
        typer.Option(
            help="Keep the registry in this PostgreSQL database, which must be empty; no password in it.",
            metavar="postgresql+psycopg://USER@/DATABASE",
        ),
    ] = None,
    passphrase: Annotated[
        bool,
        typer.Option("--passphrase", help="Put the secrets under a passphrase, typed in or a credential."),
    ] = False,
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Put the secrets under the passphrase in this file, and note it.")
    ] = None,
    key: GatewayKeyOption = GatewayKeyKind.CURVE25519,
    policies: Annotated[
        Path | None,
        typer.Option(help="Your own agreement's policies, which are copied; those that ship if not given."),
    ] = None,
) -> None:
    """Create a home: settings, policies, keys, an empty registry. Never overwrites."""
    from gateway.homes.create import check_unused, create_home  # noqa: PLC0415 - keeps --help quick

    check_unused(Home(home))  # Before anything is asked.

    secret_files = Secrets(passphrase_file=None if passphrase_file is None else passphrase_file.absolute())
    known = new_passphrase(passphrase_file) if passphrase or passphrase_file else None
    named = _whose_gateway() if organisation is None else organisation
    fields = {"organisation": named, "log_origin": log_origin, "database": database_url}
    settings = checked(Settings, {**fields, "secrets": secret_files}, "init")
    fingerprint = create_home(Home(home), settings, now(), known, key, policies=policies)
    out.print(f"made the home {home}")
    out.print(f"its OpenPGP key is {grouped(fingerprint)}")
    out.print("next: gateway providers add, gateway staff add, gateway run; gateway doctor helps")


def _whose_gateway() -> str:
    """Ask for the local authority's name. ConfigurationError without a person to ask."""
    if not sys.stdin.isatty():
        raise ConfigurationError('say whose gateway this is: --organisation "NAME OF THE LOCAL AUTHORITY"')
    return str(typer.prompt("The local authority's name, as receipts show it", err=True))


@fails_clearly
def run(
    home: HomeOption = DEFAULT_HOME,
    intake_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 is any free port.")] = None,
    mailboxes_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 is any free port.")] = None,
    console_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 is any free port.")] = None,
) -> None:
    """Run intake, processor, mailboxes and console until SIGTERM or Ctrl-C."""
    from gateway.secrets import secret_files  # noqa: PLC0415 - loads the OpenPGP libraries

    load_settings(Home(home))
    secret_files.log_key(Home(home))  # Asks now for a passphrase to be typed: the services have no terminal.
    ports = {"intake": intake_port, "mailboxes": mailboxes_port, "console": console_port}
    options = {name: ("--port", str(port)) for name, port in ports.items() if port is not None}

    def ready(places: dict[str, str]) -> None:
        typer.echo(
            f"ready intake {places['intake']} mailboxes {places['mailboxes']} console {places['console']}"
        )

    logs.tell_on_signal()
    raise typer.Exit(supervisor.run(Home(home), options, ready))


@command_in(serve, "intake")
def serve_intake(home: HomeOption = DEFAULT_HOME, host: HostOption = None, port: PortOption = None) -> None:
    """Serve the drop box for providers. Needs only spool/ and published/ of the home."""
    from gateway.intake.server import run_intake  # noqa: PLC0415 - each service loads its own zone

    logs.tell_on_signal()
    raise typer.Exit(run_intake(Home(home), host=host, port=port))


@command_in(serve, "mailboxes")
def serve_mailboxes(
    home: HomeOption = DEFAULT_HOME, host: HostOption = None, port: PortOption = None
) -> None:
    """Serve the mailboxes, in which staff collect files routed to their teams."""
    from gateway.mailboxes.server import run_mailboxes  # noqa: PLC0415

    logs.tell_on_signal()
    raise typer.Exit(run_mailboxes(Home(home), host=host, port=port))


@command_in(serve, "console")
def serve_console(home: HomeOption = DEFAULT_HOME, host: HostOption = None, port: PortOption = None) -> None:
    """Serve the web pages of the staff. Needs only console/ of the home, and the running mailboxes."""
    from gateway.console.server import run_console  # noqa: PLC0415

    logs.tell_on_signal()
    raise typer.Exit(run_console(Home(home), host=host, port=port))


@command_in(serve, "web")
def serve_web(home: HomeOption = DEFAULT_HOME, host: HostOption = None, port: PortOption = None) -> None:
    """Serve the pages on which schools send by browser. Needs only web/ of the home, and running intake."""
    from gateway.web.server import run_web  # noqa: PLC0415 - a zone of its own

    logs.tell_on_signal()
    raise typer.Exit(run_web(Home(home), host=host, port=port))


@command_in(serve, "courier")
def serve_courier(home: HomeOption = DEFAULT_HOME) -> None:
    """Give owed letters to the SMTP relay, and files and messages to other systems, until SIGTERM.

    Needs only letters/, hand-on/ and hooks/ of the home.
    """
    from gateway.courier import posting, pushing  # noqa: PLC0415 - a zone of its own
    from gateway.courier.service import relay, run  # noqa: PLC0415 - the same

    logs.tell_on_signal()
    place = Home(home)
    others = place.hand_on.is_dir() or place.hooks.is_dir()
    has_relay = place.letters.settings.exists() or not others
    if has_relay:
        relay(place.letters)
    with until_told() as stop, ThreadPoolExecutor() as threads:
        typer.echo("ready courier")
        serving = (pushing.run, place.hand_on), (posting.run, place.hooks)
        given = [threads.submit(serve, root, stop) for serve, root in serving]
        if has_relay:
            run(place.letters, stop)
        for each in given:
            each.result()


@fails_clearly
def process(
    home: HomeOption = DEFAULT_HOME,
    once: Annotated[bool, typer.Option("--once", help="Process what waits now, then exit.")] = False,
) -> None:
    """Open, classify, decide and route what landed, until SIGTERM."""
    from gateway.processor.service import process_once, run_processor  # noqa: PLC0415

    logs.tell_on_signal()
    if not once:
        run_processor(Home(home), now, ready=lambda: typer.echo("ready processor"))
        return
    left = process_once(Home(home), now)
    if left:
        raise GatewayError(
            f"{counted(left, 'file')} could not be processed because of a fault here: landed still"
        )
