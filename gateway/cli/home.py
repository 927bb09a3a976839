"""init and run: make a home, and run all its services."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from gateway import supervisor
from gateway.cli.commands import HomeOption, fails_clearly
from gateway.cli.console import now, out
from gateway.cli.options import GatewayKeyOption
from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import Secrets, Settings, checked, load_settings
from gateway.homes.create import check_unused, create_home
from gateway.model import GatewayKeyKind
from gateway.observe import logs
from gateway.openpgp.certificates import grouped
from gateway.secrets import secret_files
from gateway.secrets.passphrase import new_passphrase


@fails_clearly
def init(
    home: HomeOption,
    organisation: Annotated[
        str | None, "The local authority's name, as receipts show it; asked for if not given."
    ] = None,
    log_origin: Annotated[
        str, "The name of the log, such as gateway.example.gov.uk/log."
    ] = "gateway.invalid/log",
    database_url: Annotated[
        str | None,
        "--database-url postgresql+psycopg://USER@/DATABASE",
        "Keep the registry in this PostgreSQL database, which must be empty; no password in it.",
    ] = None,
    passphrase: Annotated[bool, "Put the secrets under a passphrase: a credential's, or typed in."] = False,
    passphrase_file: Annotated[
        Path | None, "Put the secrets under the passphrase in this file, and note the file in the settings."
    ] = None,
    key: GatewayKeyOption = GatewayKeyKind.CURVE25519,
    policies: Annotated[
        Path | None, "The policies of your own agreement, which are copied; the shipped ones if not given."
    ] = None,
) -> None:
    """Create a home: settings, policies, keys, an empty registry. Never overwrites."""
    check_unused(Home(home))  # Before anything is asked.
    secrets = Secrets(passphrase_file=None if passphrase_file is None else passphrase_file.absolute())
    known = new_passphrase(passphrase_file) if passphrase or passphrase_file else None
    if organisation is None:
        if not sys.stdin.isatty():
            raise ConfigurationError(
                'say whose gateway this is: --organisation "NAME OF THE LOCAL AUTHORITY"'
            )
        organisation = str(typer.prompt("The local authority's name, as receipts show it", err=True))
    fields = {"organisation": organisation, "log_origin": log_origin, "database": database_url}
    settings = checked(Settings, {**fields, "secrets": secrets}, "init")
    fingerprint = create_home(Home(home), settings, now(), known, key, policies=policies)
    out.print(f"made the home {home}")
    out.print(f"its OpenPGP key is {grouped(fingerprint)}")
    out.print("next: gateway providers add, gateway staff add, gateway run; gateway doctor helps")


@fails_clearly
def run(
    home: HomeOption,
    intake_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 is any free port.")] = None,
    mailboxes_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 is any free port.")] = None,
    console_port: Annotated[int | None, typer.Option(min=0, max=65535, help="0 is any free port.")] = None,
) -> None:
    """Run intake, processor, mailboxes, console and, where set, the web door until SIGTERM or Ctrl-C."""
    load_settings(Home(home))
    secret_files.log_key(Home(home))  # Asks now for a passphrase to be typed: the services have no terminal.
    ports = {"intake": intake_port, "mailboxes": mailboxes_port, "console": console_port}
    options = {name: ("--port", str(port)) for name, port in ports.items() if port is not None}

    def ready(places: dict[str, str]) -> None:
        shown = (name for name in ("intake", "mailboxes", "console", "web") if name in places)
        typer.echo(" ".join(["ready", *(f"{name} {places[name]}" for name in shown)]))

    logs.tell_on_signal()
    supervisor.run(Home(home), options, ready)
