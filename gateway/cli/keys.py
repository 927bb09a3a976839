"""keys: print, change and destroy the gateway's own keys, and list and change the services' host keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

import typer

from gateway.cli.commands import HomeOption, JsonOption, command_in, last_day
from gateway.cli.console import existing, now, out, print_exactly, progress, registrar_of, registry, show, who
from gateway.cli.options import GatewayKeyOption
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import load_key_policy, load_settings
from gateway.homes.create import note_passphrase_file
from gateway.keys import reseal as resealing
from gateway.keys import rotation
from gateway.keys.notices import host_list
from gateway.model import GatewayKeyKind, counted
from gateway.openpgp.certificates import grouped
from gateway.openpgp.sealer import clearsign
from gateway.policy.catalogue import load_catalogue
from gateway.publish.everything import publish_all
from gateway.record.dual_control import WAITS_FOR_SECOND_PERSON, TwoPersonAct, agreed
from gateway.registry import keys
from gateway.secrets import passphrase, secret_files
from gateway.secrets.signing import Signing
from gateway.ssh import server
from gateway.zones.spool import private_mode, write_durably

app = typer.Typer()
gateway_app = typer.Typer(no_args_is_help=True, help="The gateway's own OpenPGP keys.")
host_app = typer.Typer(no_args_is_help=True, help="The SSH host keys of the services.")
app.add_typer(gateway_app, name="gateway")
app.add_typer(host_app, name="host")
FingerprintArgument = Annotated[str, "FPR", "The fingerprint or its beginning."]


@command_in(gateway_app)
def export(home: HomeOption) -> None:
    """Print the gateway's OpenPGP certificate, for providers to encrypt to."""
    with registry(home) as opened, opened.read() as session:
        signing = secret_files.signing_fingerprint(Home(home))
        current = keys.find_key(session, "gateway", "gateway", signing)
    print_exactly(current.material)


@command_in(gateway_app, "show")
def list_gateway_keys(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the gateway's keys, with fingerprints in groups of four, for reading out."""
    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(key) for key in keys.list_keys(session, "gateway", "gateway")]
    signing = secret_files.signing_fingerprint(Home(home))
    for row in rows:
        row["fingerprint_in_fours"] = grouped(row["fingerprint"])
        row["current"] = row["fingerprint"] == signing
        row["secret_held"] = secret_files.secret_key_file(Home(home), row["fingerprint"]).exists()
    columns = ("kind", "fingerprint_in_fours", "state", "not_after", "current", "secret_held")
    show(rows, columns, as_json=as_json, empty="no keys")


@command_in(gateway_app)
def rotate(
    home: HomeOption,
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=last_day,
            metavar="DAY|TIME",
            help="The last day on which the old key opens files; see keys.toml.",
        ),
    ] = None,
    compromised: Annotated[bool, "The keys may be in the wrong hands: all end at once."] = False,
    every: Annotated[bool, "--all", "Also change the keys of the log and of the index of pupils."] = False,
    key: GatewayKeyOption = GatewayKeyKind.CURVE25519,
) -> None:
    """Change to a new key. The old one signs the succession, and opens files for a while.

    After an interruption run the command again, to resume.
    """
    place, at = existing(home), now()
    end = until or at + timedelta(days=load_key_policy(place).overlap_days)
    if end.tzinfo is None:  # A day, which ends by the authority's clocks.
        zone = ZoneInfo(load_catalogue(place.policies_in_force).calendar.timezone)
        end = (end + timedelta(days=1)).replace(tzinfo=zone)
    if until is not None and end <= at:
        raise GatewayError(
            f"{until:%Y-%m-%d} is past: leave --until out for the usual span (keys.toml), or end all keys at "
            "once with --compromised, where others may have them"
        )
    with registry(home, whole=True) as opened:
        # Whoever is asked below is put on record with the keys in use, so a change cut off comes first.
        done = rotation.resume(place, opened, at)
        if done is None or (compromised and done.old.revocation != "hard"):
            if not _agreed(home, "rotate-compromised" if compromised else "rotate", "gateway-keys"):
                return
            done = rotation.rotate(
                place,
                opened,
                load_settings(place),
                at=at,
                until=None if compromised else end,
                person=who(),
                kind=key,
                every_key=every,
            )
    if done.resumed:
        out.print("an earlier change that was cut off is finished; nothing new was made")
    out.print(f"the key is now  {grouped(done.current.fingerprint)}")
    if done.old.not_after is not None:
        out.print(f"the old one opens files until {done.old.not_after:%Y-%m-%d %H:%M} UTC")
    if (compromised or every) and not done.resumed:
        out.print("the log has another key: /keys/gateway-log-keys.asc; tell whoever keeps its heads")
        out.print("the index of pupils has another key: everything on record is carried over")
    out.print("providers find it in /keys/gateway.asc, each with a notice; be ready to read it out")


@command_in(gateway_app)
def reseal(
    home: HomeOption,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many files; the rest later.")] = None,
) -> None:
    """Reseal stored files from older keys to the current one. May be interrupted and repeated."""
    place = Home(home)
    with registry(home, whole=True) as opened, progress("resealing") as told:
        outcome = resealing.reseal(place, opened, limit=limit, progress=told)
    out.print(
        f"open with the current key: {counted(outcome['kept'], 'file')} "
        f"({outcome['proved']} proved by content); "
        f"with no key of ours: {outcome['unopenable']}; left: {outcome['left']}"
    )
    if outcome["failed"]:
        raise GatewayError(
            f"{counted(outcome['failed'], 'file')} could not be resealed; the log above says why"
        )


@command_in(gateway_app)
def destroy(home: HomeOption, fingerprint: FingerprintArgument) -> None:
    """Destroy the secret half of a former key of the gateway that no stored file needs."""
    with registry(home) as opened, opened.read() as session:
        whole = keys.find_key(session, "gateway", "gateway", fingerprint).fingerprint
    if not _agreed(home, "destroy", whole):
        return
    with registry(home, whole=True) as opened:
        key = resealing.destroy(Home(home), opened, fingerprint, at=now(), person=who())
    out.print(f"the secret half of {key.fingerprint} is destroyed; backups may still hold it")


@command_in(gateway_app)
def protect(
    home: HomeOption,
    passphrase_file: Annotated[Path | None, "The file of the new passphrase; typed in if not given."] = None,
    none: Annotated[bool, "Put the secrets under no passphrase."] = False,
) -> None:
    """Put the gateway's secrets under a new passphrase. May be repeated after an interruption."""
    place = Home(home)
    new = None if none else passphrase.new_passphrase(passphrase_file)
    opened = set() if new is None else secret_files.opened_by(place, new)
    if new is not None and opened == {True}:
        passphrase.keep(new)  # An interrupted run: some secrets open with the new passphrase only.
    # A change that was cut off was agreed on; until it is finished, nothing can be put on record.
    if opened != {True, False} and not _agreed(home, "unprotect" if none else "protect", "gateway-keys"):
        return
    with rotation.changing_keys(place):
        secret_files.protect(place, new)
    passphrase.forget()
    out.print("the secrets are under no passphrase" if none else "the secrets are under the new passphrase")
    if passphrase_file is not None and not none:
        file = passphrase_file.absolute()
        note_passphrase_file(place.settings, file)
        out.print(f"gateway.toml names {file}: services take it from there")
    if not none:
        out.print("a systemd credential gateway-passphrase goes before any file: renew it where there is one")


def _agreed(home: Path, act: str, subject: str) -> bool:
    """Record the person's approval of a two-person act; return False, and print so, if one more is needed."""
    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        done = agreed(session, TwoPersonAct(act, subject), by=who(), why=None, at=at)
        registrar.sign_head(session, at)
    if not done:
        out.print(WAITS_FOR_SECOND_PERSON)
    return done


# By then every school with weekly uploads has logged in and learnt the key.
_KNOWN_AFTER = timedelta(days=14)


HostKeyService = Literal["intake", "mailboxes"]
"""The services with a host key."""
ServiceOption = Annotated[HostKeyService, "Whose host key."]


@command_in(host_app, "list")
def list_host_keys(home: HomeOption, as_json: JsonOption = False) -> None:
    """List the host keys in use and announced, with the fingerprints shown by clients."""
    show(
        list(host_keys(Home(home))),
        ("service", "use", "fingerprint"),
        as_json=as_json,
        empty="no service has started yet: a host key is made at its first start",
    )


@command_in(host_app)
def announce(home: HomeOption, service: ServiceOption = "intake") -> None:
    """Make the next host key, and announce it to clients. For intake, run this as intake's user."""
    secret = _started(Home(home), service)
    key = server.announce(secret)
    out.print(f"announced  {key.get_fingerprint()}")
    out.print("clients that learn host keys by themselves know it from their next login on; publish it for")
    out.print("the others: gateway keys host publish. After some weeks: gateway keys host switch")


@command_in(host_app)
def switch(
    home: HomeOption,
    service: ServiceOption = "intake",
    yes: Annotated[bool, "Switch even to a key announced less than two weeks ago."] = False,
) -> None:
    """Put the announced host key in use, some weeks after the announcement."""
    secret = _started(Home(home), service)
    announced = server.announced_at(secret)
    if announced is not None and announced > now() - _KNOWN_AFTER and not yes:
        raise GatewayError(
            f"this key is announced only since {announced:%Y-%m-%d}: clients that have not logged in since "
            f"then would say that the host key has changed. Wait until {announced + _KNOWN_AFTER:%Y-%m-%d}, "
            "or, where the key in use may be in wrong hands, add --yes"
        )
    key = server.switch(secret)
    out.print(f"in use  {key.get_fingerprint()}")
    if service == "mailboxes":
        out.print("restart the mailboxes service; tell staff the fingerprint")
    else:
        out.print("new connections see it within seconds; publish it: gateway keys host publish")


@command_in(host_app)
def publish(home: HomeOption) -> None:
    """Sign the list of intake's host keys for providers, /keys/gateway-hosts.asc, with the gateway's key."""
    place, at = Home(home), now()
    rows = [row for row in host_keys(place) if row["service"] == "intake"]
    if not rows:
        raise GatewayError("intake has no host key yet; it makes one at its first start: gateway run")
    settings = load_settings(place)
    text = host_list(settings.organisation, [(row["fingerprint"], row["use"]) for row in rows], at)
    signed = clearsign(Signing.load(place, settings).openpgp, text)
    write_durably(place.keys / "hosts.asc", signed.encode(), mode=private_mode(place.keys))
    publish_all(place, at)
    for row in rows:
        out.print(f"{row['fingerprint']}  {row['use']}")
    out.print("compare them with what intake's machine shows, then tell providers: /keys/gateway-hosts.asc")


def host_keys(home: Home) -> list[dict[str, Any]]:
    """Return the host keys in use and announced: `service`, `use` and `fingerprint`."""
    shown = ((service, use, server.fingerprint(file)) for service, use, file in host_key_files(home))
    return [{"service": service, "use": use, "fingerprint": one} for service, use, one in shown if one]


def host_key_files(home: Home) -> Iterator[tuple[HostKeyService, str, Path]]:
    """Yield service, use and path of each host key that a service reads when it starts, if it is there."""
    for service in get_args(HostKeyService):
        secret = _secret(home, service)
        yield service, "in use", secret
        yield service, "announced", server.next_file(secret)
        if service == "intake":
            yield service, "for old programs", server.rsa_file(secret)


def _started(home: Home, service: HostKeyService) -> Path:
    """Return the path of a service's secret host key. GatewayError if the service was never started."""
    if not (secret := _secret(home, service)).exists():
        raise GatewayError(f"{secret} is missing: the service makes it at its first start")
    return secret


def _secret(home: Home, service: HostKeyService) -> Path:
    if service == "intake":
        return home.spool.host / "ssh_host_ed25519_key"
    return home.keys / "mailboxes_host_key"
