"""penalties: addresses that have to wait because they failed to log in too often."""

from __future__ import annotations

import ipaddress
from typing import Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, fails_clearly, now, out, show
from gateway.errors import GatewayError, NotFoundError
from gateway.home import Home
from gateway.publish.projection import replace_published
from gateway.zones import penalty_files
from gateway.zones.penalty_files import Lifted, Listed, PenaltyFiles

app = typer.Typer(no_args_is_help=True, help="Addresses that failed to log in too often and have to wait.")


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the addresses that have to wait, at which service, and for how long; a few seconds old."""
    at = now()
    rows = [
        {
            "service": service,
            "address": source,
            "until": until,
            "seconds": round((until - at).total_seconds()),
        }
        for service, files in _services(Home(home)).items()
        for source, until in sorted(_listed(service, files).until.items())
        if until > at
    ]
    show(rows, ["service", "address", "until", "seconds"], as_json=as_json, empty="nobody has to wait")


@app.command()
@fails_clearly
def lift(
    address: Annotated[str, typer.Argument(help="As `gateway penalties list` shows it.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Let an address in again at once; the service hears of it within seconds."""
    try:
        source = str(ipaddress.ip_network(address))
    except ValueError:
        raise GatewayError(f"{address} is not an address") from None
    source = source.removesuffix("/32")
    services = _services(Home(home))
    waits = [files for service, files in services.items() if source in _listed(service, files).until]
    if not waits:
        raise NotFoundError(f"{source} does not have to wait")
    for files in waits:
        _lift(files, source)
    out.print(f"{source} may try again within a few seconds")


def _lift(files: PenaltyFiles, source: str) -> None:
    try:
        known = files.read_lifted()
    except ValueError:
        known = Lifted()
    try:
        replace_published(files.lifted, known.with_one(source, now()).model_dump_json())
    except OSError as error:
        raise GatewayError(f"{files.lifted} cannot be written: {error.strerror}") from None


def _services(home: Home) -> dict[str, PenaltyFiles]:
    return {
        "intake": penalty_files.of_intake(home.spool, home.published),
        "mailboxes": penalty_files.of_mailboxes(home),
    }


def _listed(service: str, files: PenaltyFiles) -> Listed:
    try:
        return files.read_listed()
    except ValueError:
        raise GatewayError(f"the list of penalties of {service} is not valid") from None
    except OSError as error:
        raise GatewayError(f"the list of penalties of {service} cannot be read: {error.strerror}") from None
