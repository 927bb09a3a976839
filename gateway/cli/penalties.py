"""penalties: addresses that have to wait because they failed to log in too often."""

from __future__ import annotations

import ipaddress
from typing import Annotated

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, fails_clearly, now, out, show
from gateway.errors import GatewayError, NotFoundError
from gateway.home import Home
from gateway.publish.projection import replace_published
from gateway.zones.penalty_files import Lifted, Listed, lifted_file, read_lifted, read_listed

app = typer.Typer(no_args_is_help=True, help="Addresses that failed to log in too often and have to wait.")


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the addresses that have to wait, and for how long; a few seconds old."""
    at = now()
    rows = [
        {"address": source, "until": until, "seconds": round((until - at).total_seconds())}
        for source, until in sorted(_listed(home).until.items())
        if until > at
    ]
    show(rows, ["address", "until", "seconds"], as_json=as_json, empty="nobody has to wait")


@app.command()
@fails_clearly
def lift(
    address: Annotated[str, typer.Argument(help="As `gateway penalties list` shows it.")],
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Let an address in again at once; intake hears of it within seconds."""
    try:
        source = str(ipaddress.ip_network(address))
    except ValueError:
        raise GatewayError(f"{address} is not an address") from None
    source = source.removesuffix("/32")
    if source not in _listed(home).until:
        raise NotFoundError(f"{source} does not have to wait")
    published = Home(home).published
    try:
        known = read_lifted(published)
    except ValueError:
        known = Lifted()
    try:
        replace_published(lifted_file(published), known.with_one(source, now()).model_dump_json())
    except OSError as error:
        raise GatewayError(f"published/ cannot be written: {error.strerror}") from None
    out.print(f"{source} may try again within a few seconds")


def _listed(home: HomeOption) -> Listed:
    try:
        return read_listed(Home(home).spool)
    except ValueError:
        raise GatewayError("intake's list of penalties is not valid") from None
    except OSError as error:
        raise GatewayError(f"intake's list of penalties cannot be read: {error.strerror}") from None
