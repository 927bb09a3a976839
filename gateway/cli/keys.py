"""keys: SSH keys and OpenPGP certificates of providers and staff."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from sqlmodel import Session

from gateway.cli import dates, gateway_keys, host_keys
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    counted,
    existing,
    fails_clearly,
    formerly,
    now,
    out,
    registry,
    show,
    who,
)
from gateway.cli.enrol import RING, least_rsa_bits, read_key_file, show_key
from gateway.cli.options import ReasonOption, WhyRevokedOption
from gateway.errors import GatewayError, NotFoundError, Refusal
from gateway.home import Home
from gateway.keys.warnings import days_left, step_due
from gateway.registry import keys, providers, staff
from gateway.registry.keys import Key, OwnerKind, Revocation
from gateway.settings import KeyPolicy, load_key_policy

if TYPE_CHECKING:
    from gateway.keys.changes import Clerk

app = typer.Typer(no_args_is_help=True, help="Keys of providers and staff, and the gateway's own.")
app.add_typer(gateway_keys.app, name="gateway")
app.add_typer(host_keys.app, name="host")
OwnerArgument = Annotated[str, typer.Argument(metavar="ID", help="The provider; with --staff, the person.")]
_READ_OUT = 16
FingerprintArgument = Annotated[str, typer.Argument(metavar="FPR", help="The fingerprint or its beginning.")]
ReadOutArgument = Annotated[
    list[str], typer.Argument(metavar="FPR...", help="The fingerprints as they were read out.")
]
StaffOption = Annotated[bool, typer.Option("--staff", help="ID is a member of staff.")]
UntilOption = Annotated[
    datetime | None,
    typer.Option(
        parser=dates.last_day, metavar="DAY|TIME", help="The last day on which it counts; now if not given."
    ),
]


@app.command("list")
@fails_clearly
def list_all(
    identifier: Annotated[
        str | None, typer.Argument(metavar="[ID]", help="The provider; with --staff, the person.")
    ] = None,
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Keys of one owner, or of everybody: until when, last used, how often, and what to look at."""
    at, policy = now(), load_key_policy(existing(home))
    with registry(home) as opened, opened.read() as session:
        owner_kind: OwnerKind | None = "staff" if is_staff else None
        if identifier is not None:
            owner_kind = _owner(session, identifier, is_staff=is_staff)
        rows = [_row(key, at, policy) for key in keys.list_keys(session, owner_kind, identifier)]
    columns = ("owner", "kind", "fingerprint", "state", "until", "last_used_at", "uses", "notes")
    show(rows, columns, as_json=as_json, empty="no key is enrolled")


@app.command()
@fails_clearly
def add(
    identifier: OwnerArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An SSH public key or OpenPGP certificate.")],
    pending: Annotated[bool, typer.Option("--pending", help="It counts only once it is confirmed.")] = False,
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Enrol a key, or take over what is new in a known certificate; show what to read out by telephone."""
    data = read_key_file(file)
    show_key(data, now())
    least = least_rsa_bits(Home(home))
    with _changing(home) as clerk:
        owner_kind = _owner(clerk.session, identifier, is_staff=is_staff)
        what = _taken_in(clerk, owner_kind, identifier, data, least, state="pending" if pending else "active")
    out.print(what)
    if not is_staff:
        out.print(RING)


@app.command()
@fails_clearly
def confirm(
    identifier: OwnerArgument,
    fingerprints: ReadOutArgument,
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put pending keys in force: their owner was rung, and read their fingerprints out.

    That is on record with your name. It takes what was read out: all of a fingerprint, or 16 characters of
    it at least. Keys wait for it that a provider was enrolled with, or that it dropped in /keys.
    """
    for fingerprint in fingerprints:
        _check_read_out(fingerprint)
    with _changing(home) as clerk:
        named = [_named(clerk, identifier, one, is_staff=is_staff) for one in fingerprints]
        approved = [clerk.approve(key) for key in named]
    for key in approved:
        out.print(f"{key.fingerprint} is in force", soft_wrap=True)


app.command("approve", hidden=True)(formerly("keys approve", "keys confirm", confirm))


@app.command()
@fails_clearly
def retire(
    identifier: OwnerArgument,
    fingerprint: FingerprintArgument,
    until: UntilOption = None,
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take a key out of use that is simply no longer needed, now or after a last day."""
    last = None if until is None else dates.last_moment(until, Home(home).policies_in_force, now())
    with _changing(home) as clerk:
        ended = clerk.retire(_named(clerk, identifier, fingerprint, is_staff=is_staff), last)
    shown = f" until {ended.not_after:%Y-%m-%d %H:%M} UTC" if ended.state == "retiring" else ""
    out.print(f"{ended.fingerprint} is {ended.state}{shown}", soft_wrap=True)


@app.command()
@fails_clearly
def revoke(
    identifier: OwnerArgument,
    fingerprint: FingerprintArgument,
    why: WhyRevokedOption = None,
    reason: ReasonOption = None,
    hard: Annotated[
        bool,
        typer.Option(
            "--hard/--superseded",
            help="It may be in wrong hands: nothing that it signed counts any more. Or it was replaced: what "
            "it signed before waits for a person.",
        ),
    ] = True,
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Take a key out of use at once that can no longer be trusted, or refuse a pending one."""
    said = why or reason
    if said is None:
        raise typer.BadParameter("is needed: it goes on record with your name", param_hint="--why")
    with _changing(home) as clerk:
        named = _named(clerk, identifier, fingerprint, is_staff=is_staff)
        ended = clerk.revoke(named, "hard" if hard else "soft", why=said)
    out.print(f"{ended.fingerprint} is revoked", soft_wrap=True)


def _check_read_out(fingerprint: str) -> None:
    """A key that somebody made to look alike shares a few characters of a fingerprint, not that many."""
    read_out = fingerprint.replace(" ", "").removeprefix("SHA256:")
    if len(read_out) < _READ_OUT:
        raise GatewayError(f"so short a beginning tells no keys apart: give {_READ_OUT} characters or all")


@contextmanager
def _changing(home: Path) -> Iterator[Clerk]:
    """A clerk in one transaction; what follows from the change is brought out after it."""
    from gateway.keys.changes import Clerk, sign_head  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.processor.reconsider import reconsider  # noqa: PLC0415
    from gateway.processor.service import open_registrar  # noqa: PLC0415
    from gateway.publish.projection import publish_access  # noqa: PLC0415

    at = now()
    with open_registrar(Home(home), lambda: at) as registrar:
        organisation = registrar.settings.organisation
        with registrar.registry.write() as session:
            clerk = Clerk(
                session=session, signing=registrar.signing, organisation=organisation, at=at, person=who()
            )
            yield clerk
            sign_head(clerk)
        publish_access(registrar.registry, registrar.home.published, at)
        reconsider(registrar)
        registrar.publish()


def _owner(session: Session, identifier: str, *, is_staff: bool) -> OwnerKind:
    """What kind of owner that is. NotFoundError where there is no such."""
    if is_staff:
        staff.get_staff(session, identifier)
        return "staff"
    try:
        providers.provider_row(session, identifier)
    except NotFoundError as unknown:
        if identifier in {person.name for person in staff.list_staff(session)}:
            raise NotFoundError(f"{unknown}; {identifier} is a member of staff: add --staff") from None
        raise
    return "provider"


def _named(clerk: Clerk, identifier: str, fingerprint: str, *, is_staff: bool) -> Key:
    owner_kind = _owner(clerk.session, identifier, is_staff=is_staff)
    return keys.find_key(clerk.session, owner_kind, identifier, fingerprint)


def _taken_in(
    clerk: Clerk, owner_kind: OwnerKind, identifier: str, data: bytes, least: int, *, state: keys.KeyState
) -> str:
    """What became of the key in a file, in words. Refusal or GatewayError where it is not taken."""
    from gateway.enrolment.key_file import is_ssh, judge, updated  # noqa: PLC0415 - loads asyncssh

    if owner_kind == "staff" and not is_ssh(data):
        raise Refusal("key:not-an-ssh-key")
    known = None if is_ssh(data) else _known(clerk, identifier, data)
    if known is None:
        new = judge(data, clerk.at, least)
        clerk.add(owner_kind, identifier, new, state=state)
        return f"enrolled for {identifier}" + ("; it waits to be confirmed" if state == "pending" else "")
    update = updated(known.material.encode(), data, clerk.at, least)
    if update is not None and update.change == "revoked":
        revocation: Revocation = "hard" if update.final else "soft"
        if known.may_be_revoked(revocation):
            clerk.revoke(known, revocation, new=update.new)
            return f"{identifier} has revoked this certificate; it no longer counts"
    if known.state in {"retired", "revoked"}:
        raise GatewayError(f"{identifier} has this certificate already, and it is {known.state}")
    if update is None:
        raise GatewayError(f"{identifier} has this certificate already, and nothing in the file is new")
    clerk.renew(known, update.new)
    return f"what is new in this certificate of {identifier} is taken over"


def _known(clerk: Clerk, identifier: str, data: bytes) -> Key | None:
    """The key of the certificate in `data`, where this provider has it already."""
    from gateway.openpgp.certificates import describe  # noqa: PLC0415 - loads the OpenPGP libraries

    known = keys.holder(clerk.session, "openpgp", describe(data, clerk.at).fingerprint)
    return known if known is not None and known.owner == identifier else None


def _row(key: Key, at: datetime, policy: KeyPolicy) -> dict[str, Any]:
    unused = key.is_in_force(at) and (key.last_used_at or key.added_at) < at - timedelta(
        days=policy.unused_days
    )
    return dataclasses.asdict(key) | {
        "provider": key.owner if key.owner_kind == "provider" else None,
        "in_force": key.is_in_force(at),
        "until": key.until,
        "days_left": days_left(key, at),
        "warning": step_due(key, at, policy.warn_days),
        "unused": unused,
        "notes": list(_notes(key, at, policy, unused=unused)),
    }


def _notes(key: Key, at: datetime, policy: KeyPolicy, *, unused: bool) -> Iterator[str]:
    if key.state == "pending":
        yield f"waits: gateway keys confirm {key.owner} FPR, once it is read out to you"
    if unused:
        yield f"not used for {counted(policy.unused_days, 'day')}"
    if key.state in {"active", "retiring"} and key.expires_at is not None and key.expires_at <= at:
        yield "expired: what it signs waits"
    elif key.is_in_force(at) and step_due(key, at, policy.warn_days) is not None:
        yield f"ends in {counted(days_left(key, at) or 0, 'day')}"
