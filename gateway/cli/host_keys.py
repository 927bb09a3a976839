"""keys host: the SSH host keys of the services, from one to the next."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.console import DEFAULT_HOME, HomeOption, JsonOption, fails_clearly, now, out, show
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="The SSH host keys of the services.")


# By then every school with weekly uploads has logged in and learnt the key.
_KNOWN_AFTER = timedelta(days=14)


class HostKeyService(StrEnum):
    """The services with a host key."""

    INTAKE = "intake"
    MAILBOXES = "mailboxes"


ServiceOption = Annotated[HostKeyService, typer.Option(help="Whose host key.")]


@app.command("list")
@fails_clearly
def list_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the host keys in use and announced, with the fingerprints shown by clients."""
    show(
        list(_rows(Home(home))),
        ("service", "use", "fingerprint"),
        as_json=as_json,
        empty="no service has started yet: a host key is made at its first start",
    )


@app.command()
@fails_clearly
def announce(service: ServiceOption = HostKeyService.INTAKE, home: HomeOption = DEFAULT_HOME) -> None:
    """Make the next host key, and announce the key to clients. Run as the service's own user."""
    from gateway.ssh import server  # noqa: PLC0415 - loads asyncssh

    secret = _secret(Home(home), service)
    _check_started(secret)
    key = server.announce(secret)
    out.print(f"announced  {key.get_fingerprint()}", soft_wrap=True)
    out.print("clients that learn host keys by themselves know it from their next login on; publish it for")
    out.print("the others: gateway keys host publish. After some weeks: gateway keys host switch")


@app.command()
@fails_clearly
def switch(
    service: ServiceOption = HostKeyService.INTAKE,
    yes: Annotated[bool, typer.Option("--yes", help="Even where it was announced only lately.")] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put the announced host key in use, some weeks after the announcement. Run as the service's own user."""
    from gateway.ssh import server  # noqa: PLC0415 - loads asyncssh

    secret = _secret(Home(home), service)
    _check_started(secret)
    announced = server.announced_at(secret)
    if announced is not None and announced > now() - _KNOWN_AFTER and not yes:
        raise GatewayError(
            f"this key is announced only since {announced:%Y-%m-%d}: clients that have not logged in since "
            f"then would say that the host key has changed. Wait until {announced + _KNOWN_AFTER:%Y-%m-%d}, "
            "or, where the key in use may be in wrong hands, add --yes"
        )
    key = server.switch(secret)
    out.print(f"in use  {key.get_fingerprint()}", soft_wrap=True)
    if service is HostKeyService.MAILBOXES:
        out.print("restart the mailboxes service; tell staff the fingerprint")
    else:
        out.print("new connections see it within seconds; publish it: gateway keys host publish")


@app.command()
@fails_clearly
def publish(home: HomeOption = DEFAULT_HOME) -> None:
    """Sign the list of intake's host keys for providers: /keys/gateway-hosts.asc. Run it inside."""
    from gateway.keys.notices import host_list  # noqa: PLC0415
    from gateway.publish.everything import publish_all  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.secrets.signing import Signing  # noqa: PLC0415
    from gateway.zones.spool import private_mode, write_durably  # noqa: PLC0415

    place, at = Home(home), now()
    rows = [row for row in _rows(place) if row["service"] == HostKeyService.INTAKE]
    if not rows:
        raise GatewayError("intake has no host key yet; it makes one at its first start")
    settings = load_settings(place)
    text = host_list(settings.organisation, [(row["fingerprint"], row["use"]) for row in rows], at)
    signed = Signing.load(place, settings).clearsign(text)
    write_durably(place.keys / "hosts.asc", signed.encode(), mode=private_mode(place.keys))
    publish_all(place, at)
    for row in rows:
        out.print(f"{row['fingerprint']}  {row['use']}", soft_wrap=True)
    out.print("compare them with what intake's machine shows, then tell providers: /keys/gateway-hosts.asc")


def _rows(home: Home) -> list[dict[str, Any]]:
    from gateway.ssh import server  # noqa: PLC0415 - loads asyncssh

    rows = []
    for service in HostKeyService:
        secret = _secret(home, service)
        uses = [("in use", secret), ("announced", server.next_file(secret))]
        if service is HostKeyService.INTAKE:
            uses.append(("for old programs", server.rsa_file(secret)))
        for use, path in uses:
            fingerprint = server.fingerprint(path)
            if fingerprint is not None:
                rows.append({"service": service.value, "use": use, "fingerprint": fingerprint})
    return rows


def _secret(home: Home, service: HostKeyService) -> Path:
    if service is HostKeyService.INTAKE:
        return home.spool.host / "ssh_host_ed25519_key"
    return home.keys / "mailboxes_host_key"


def _check_started(secret: Path) -> None:
    if not secret.exists():
        raise GatewayError(f"{secret} is missing: the service makes it at its first start")
