"""keys gateway: the gateway's own OpenPGP keys, from one to the next."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from gateway.acts.act import WAITS
from gateway.cli import dates
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    existing,
    fails_clearly,
    now,
    out,
    print_exactly,
    registrar_of,
    registry,
    show,
    who,
)
from gateway.cli.options import GatewayKeyOption
from gateway.cli.progress import progress
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import load_key_policy, load_settings
from gateway.homes.settings_text import note_passphrase_file
from gateway.model import GatewayKeyKind, counted
from gateway.registry import keys

app = typer.Typer(no_args_is_help=True, help="The gateway's own OpenPGP keys.")
FingerprintArgument = Annotated[str, typer.Argument(metavar="FPR", help="The fingerprint or its beginning.")]


@app.command()
@fails_clearly
def export(home: HomeOption = DEFAULT_HOME) -> None:
    """Print the gateway's OpenPGP certificate, for providers to encrypt to."""
    with registry(home) as opened, opened.read() as session:
        current = keys.find_key(session, "gateway", "gateway", _signing(home))
    print_exactly(current.material)


@app.command("show")
@fails_clearly
def show_all(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List the gateway's keys, with fingerprints as read out."""
    from gateway.openpgp.certificates import grouped  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.secrets import secret_files  # noqa: PLC0415

    with registry(home) as opened, opened.read() as session:
        rows = [dataclasses.asdict(key) for key in keys.list_keys(session, "gateway", "gateway")]
    for row in rows:
        row["fingerprint_in_fours"] = grouped(row["fingerprint"])
        row["current"] = row["fingerprint"] == _signing(home)
        row["secret_held"] = secret_files.secret_key_file(Home(home), row["fingerprint"]).exists()
    columns = ("kind", "fingerprint_in_fours", "state", "not_after", "current", "secret_held")
    show(rows, columns, as_json=as_json, empty="no keys")


@app.command()
@fails_clearly
def rotate(
    until: Annotated[
        datetime | None,
        typer.Option(
            parser=dates.last_day,
            metavar="DAY|TIME",
            help="The last day on which the old key opens files; see keys.toml.",
        ),
    ] = None,
    compromised: Annotated[
        bool,
        typer.Option("--compromised", help="The keys may be in wrong hands: all end at once."),
    ] = False,
    every: Annotated[
        bool, typer.Option("--all", help="Also new: the keys of the log and of the index of pupils.")
    ] = False,
    key: GatewayKeyOption = GatewayKeyKind.CURVE25519,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Change to a new key. The old one signs the succession, and opens files for a while.

    May be repeated after an interruption.
    """
    from gateway.keys.rotation import resume  # noqa: PLC0415
    from gateway.keys.rotation import rotate as change  # noqa: PLC0415
    from gateway.openpgp.certificates import grouped  # noqa: PLC0415 - loads the OpenPGP libraries

    place, at = existing(home), now()
    end = at + timedelta(days=load_key_policy(place).overlap_days)
    if until is not None:
        end = dates.last_moment(until, place.policies_in_force, at)
    with registry(home, whole=True) as opened:
        # Whoever is asked below is put on record with the keys in use, so a change cut off comes first.
        done = resume(place, opened, at)
        if done is None:
            if not _agreed(home, "rotate-compromised" if compromised else "rotate", "gateway-keys"):
                return
            done = change(
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
    out.print(f"the key is now  {grouped(done.current.fingerprint)}", soft_wrap=True)
    if done.old.not_after is not None:
        out.print(f"the old one opens files until {done.old.not_after:%Y-%m-%d %H:%M} UTC")
    if (compromised or every) and not done.resumed:
        out.print("the log has another key: /keys/gateway-log-keys.asc; tell whoever keeps its heads")
        out.print("the index of pupils has another key: everything on record is carried over")
    out.print("providers find it in /keys/gateway.asc, each with a notice; be ready to read it out")


@app.command()
@fails_clearly
def reseal(
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many files; the rest later.")] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Reseal stored files from older keys to the current one. May be interrupted and repeated."""
    from gateway.keys.reseal import reseal as work  # noqa: PLC0415 - loads the OpenPGP libraries

    place = Home(home)
    with registry(home, whole=True) as opened, progress("resealing") as told:
        outcome = work(place, opened, limit=limit, progress=told)
    out.print(
        f"open with the current key: {counted(outcome.kept, 'file')} ({outcome.proved} proved by content); "
        f"with no key of ours: {outcome.unopenable}; left: {outcome.left}"
    )
    if outcome.failed:
        raise GatewayError(f"{counted(outcome.failed, 'file')} could not be resealed; the log above says why")


@app.command()
@fails_clearly
def destroy(fingerprint: FingerprintArgument, home: HomeOption = DEFAULT_HOME) -> None:
    """Destroy the secret half of a key out of use and needed by no stored file."""
    from gateway.keys.reseal import destroy as end  # noqa: PLC0415 - loads the OpenPGP libraries

    if not _agreed(home, "destroy", _fingerprint(home, fingerprint)):
        return
    with registry(home, whole=True) as opened:
        key = end(Home(home), opened, fingerprint, at=now(), person=who())
    out.print(f"the secret half of {key.fingerprint} is destroyed; backups may still hold it", soft_wrap=True)


@app.command()
@fails_clearly
def protect(
    passphrase_file: Annotated[
        Path | None, typer.Option(help="Where the new passphrase stands; typed in if not given.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="Put the secrets under no passphrase.")] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put the gateway's secrets under a new passphrase. May be repeated after an interruption."""
    from gateway.keys.rotation import changing_keys  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.secrets import passphrase, secret_files  # noqa: PLC0415

    place = Home(home)
    new = None if none else passphrase.new_passphrase(passphrase_file)
    if new is not None and secret_files.are_under(place, new):
        passphrase.keep(new)  # An interrupted run: some secrets open with the new passphrase only.
    if not _agreed(home, "unprotect" if none else "protect", "gateway-keys"):
        return
    with changing_keys(place):
        secret_files.protect(place, new)
    passphrase.forget()
    out.print("the secrets are under no passphrase" if none else "the secrets are under the new passphrase")
    if passphrase_file is not None and not none:
        file = passphrase_file.absolute()
        note_passphrase_file(place.settings, file)
        out.print(f"gateway.toml names {file}: services take it from there", soft_wrap=True)
    if not none:
        out.print("a systemd credential gateway-passphrase goes before any file: renew it where there is one")


def _agreed(home: Path, act: str, subject: str) -> bool:
    """Do two people want the act, with roles in force? Say so while the second is missing."""
    from gateway.record.dual_control import TwoPersonAct, agreed  # noqa: PLC0415 - loads the OpenPGP libraries

    at = now()
    with registrar_of(home) as registrar, registrar.registry.write() as session:
        done = agreed(session, TwoPersonAct(act, subject), by=who(), why=None, at=at)
        registrar.sign_head(session, at)
    if not done:
        out.print(WAITS)
    return done


def _fingerprint(home: Path, beginning: str) -> str:
    with registry(home) as opened, opened.read() as session:
        return keys.find_key(session, "gateway", "gateway", beginning).fingerprint


def _signing(home: Path) -> str:
    from gateway.secrets import secret_files  # noqa: PLC0415 - loads the OpenPGP libraries

    return secret_files.signing_fingerprint(Home(home))
