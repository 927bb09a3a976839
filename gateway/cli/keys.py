"""keys: SSH keys and OpenPGP certificates of providers and staff."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gateway.acts.act import RING, WAITS
from gateway.acts.keys import owner_kind_of
from gateway.cli import dates, gateway_keys, host_keys
from gateway.cli.console import (
    DEFAULT_HOME,
    HomeOption,
    fails_clearly,
    formerly,
    now,
    out,
    who,
)
from gateway.cli.derived import commands_of
from gateway.cli.enrol import least_rsa_bits, show_key, verified_kinds
from gateway.cli.key_files import read_key_file, separate
from gateway.cli.options import ReasonOption, WhyGivenOption, WhyOption, WhyRevokedOption
from gateway.errors import GatewayError, Refusal
from gateway.home import Home
from gateway.model.invitation import are_words
from gateway.registry import keys
from gateway.registry.keys import Key, OwnerKind, Revocation

if TYPE_CHECKING:
    from gateway.keys.changes import Clerk


@contextmanager
def changing(home: Path) -> Iterator[Clerk]:
    """Open a clerk in one transaction; publish the consequences afterwards."""
    from gateway.keys.changes import Clerk, sign_head  # noqa: PLC0415 - loads the OpenPGP libraries
    from gateway.processor.service import open_registrar  # noqa: PLC0415
    from gateway.publish.projection import publish_access  # noqa: PLC0415
    from gateway.record.reconsider import reconsider  # noqa: PLC0415

    at = now()
    with open_registrar(Home(home), lambda: at) as registrar:
        organisation = registrar.settings.organisation
        with registrar.registry.write() as session:
            clerk = Clerk(
                session=session,
                signing=registrar.signing,
                organisation=organisation,
                at=at,
                person=who(),
                languages=registrar.catalogue.agreement.languages,
            )
            yield clerk
            sign_head(clerk)
        publish_access(registrar.registry, registrar.home.published, at)
        reconsider(registrar)
        registrar.publish()


def taken_in(clerk: Clerk, owner_kind: OwnerKind, identifier: str, data: bytes, place: Home) -> str:
    """Take in the key of a file and return the result in words. Refusal or GatewayError for an unfit key."""
    from gateway.enrolment.key_file import is_ssh, judge, updated  # noqa: PLC0415 - loads asyncssh

    if owner_kind == "staff" and not is_ssh(data):
        raise Refusal("key:not-an-ssh-key")
    least, verified = least_rsa_bits(place), verified_kinds(place)
    known = None if is_ssh(data) else _known(clerk, identifier, data)
    if known is None:
        new = judge(data, clerk.at, least, verified)
        clerk.add(owner_kind, identifier, new, state="pending")
        return f"enrolled for {identifier}; it waits to be confirmed"
    update = updated(known.material.encode(), data, clerk.at, least, verified)
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
    """Return the key of the certificate in `data`, if the provider has the key already; else None."""
    from gateway.openpgp.certificates import describe  # noqa: PLC0415 - loads the OpenPGP libraries

    known = keys.holder(clerk.session, "openpgp", describe(data, clerk.at).fingerprint)
    return known if known is not None and known.owner == identifier else None


app = commands_of("keys", "Keys of providers and staff, and the gateway's own.", "gateway.acts.keys")
app.add_typer(gateway_keys.app, name="gateway")
app.add_typer(host_keys.app, name="host")
OwnerArgument = Annotated[str, typer.Argument(metavar="ID", help="The provider; with --staff, the person.")]
FingerprintArgument = Annotated[str, typer.Argument(metavar="FPR", help="The fingerprint or its beginning.")]
ReadOutArgument = Annotated[
    list[str],
    typer.Argument(metavar="FPR|WORD...", help="The six words, or the fingerprints, as they were read out."),
]
StaffOption = Annotated[bool, typer.Option("--staff", help="ID is a member of staff.")]
UntilOption = Annotated[
    datetime | None,
    typer.Option(
        parser=dates.last_day, metavar="DAY|TIME", help="The last day on which it counts; now if not given."
    ),
]


@app.command()
@fails_clearly
def add(
    identifier: OwnerArgument,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="An SSH public key, an OpenPGP certificate, or both.")
    ],
    pending: Annotated[bool, typer.Option("--pending", hidden=True, help="Every new key is.")] = False,  # noqa: ARG001 - as scripts of before have it
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Enrol a key, or update a known certificate; show the fingerprint to read out by telephone.

    A new key counts after `gateway keys confirm`. With two administrators, another person confirms the key.
    """
    given = separate(read_key_file(file))
    for data in given:
        show_key(data, now())
    with changing(home) as clerk:
        owner_kind = owner_kind_of(clerk.session, identifier, is_staff=is_staff)
        taken = [taken_in(clerk, owner_kind, identifier, data, Home(home)) for data in given]
    for what in dict.fromkeys(taken):
        out.print(what)
    out.print(RING)


@app.command()
@fails_clearly
def confirm(
    identifier: OwnerArgument,
    fingerprints: ReadOutArgument,
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Put new keys in force: the owner read the fingerprints out by telephone.

    Recorded in your name. Takes the six words of a provider's kit, or the fingerprints as read out, whole or
    16 characters at least. Every new key
    waits for confirmation; a new passkey logs in and reads before. With two administrators, a key needs
    another person than the one who enrolled the key.
    """
    from gateway.record import key_confirming  # noqa: PLC0415 - loads the OpenPGP libraries

    if is_staff or not are_words(fingerprints):
        for fingerprint in fingerprints:
            key_confirming.check_read_out(fingerprint)
    with changing(home) as clerk:
        owner_kind = owner_kind_of(clerk.session, identifier, is_staff=is_staff)
        approved = key_confirming.confirm(clerk, owner_kind, identifier, fingerprints, who())
    for key in approved:
        out.print(f"{key.fingerprint} is in force", soft_wrap=True)


app.command("approve", hidden=True)(formerly("keys approve", "keys confirm", confirm))


@app.command()
@fails_clearly
def retire(
    identifier: OwnerArgument,
    fingerprint: FingerprintArgument,
    until: UntilOption = None,
    why: WhyGivenOption = None,
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Retire a key no longer needed, now or after a last day.

    `gateway keys restore` undoes the retirement, until the owner has used another key.
    """
    last = None if until is None else dates.last_moment(until, Home(home).policies_in_force, now())
    with changing(home) as clerk:
        ended = clerk.retire(_named(clerk, identifier, fingerprint, is_staff=is_staff), last, why=why)
        is_last = not _others_in_force(clerk, ended)
    shown = f" until {ended.not_after:%Y-%m-%d %H:%M} UTC" if ended.state == "retiring" else ""
    out.print(f"{ended.fingerprint} is {ended.state}{shown}", soft_wrap=True)
    if is_last:
        out.print(_last_one(ended), soft_wrap=True)


@app.command()
@fails_clearly
def restore(
    identifier: OwnerArgument,
    fingerprint: FingerprintArgument,
    why: WhyOption,
    is_staff: StaffOption = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Restore a retired key, as long as the owner has used no other key since."""
    with changing(home) as clerk:
        named = _named(clerk, identifier, fingerprint, is_staff=is_staff)
        if is_staff and not _agreed_for(clerk, Home(home), identifier, named):
            out.print(WAITS)
            return
        restored = clerk.restore(named, why=why)
    again = "waits to be confirmed" if restored.state == "pending" else "is in force again"
    out.print(f"{restored.fingerprint} {again}", soft_wrap=True)


def _others_in_force(clerk: Clerk, key: Key) -> bool:
    """Has the owner of a key another one of the same kind in force?"""
    others = keys.list_keys(clerk.session, key.owner_kind, key.owner)
    return any(
        other.kind == key.kind and other.fingerprint != key.fingerprint and other.is_in_force(clerk.at)
        for other in others
    )


def _last_one(key: Key) -> str:
    staff = " --staff" if key.owner_kind == "staff" else ""
    then = "then " if key.state == "retiring" else ""
    return (
        f"it is the last {key.noun} of {key.owner}, who {then}cannot {key.use}; "
        f"to take it back: gateway keys restore {key.owner} {key.fingerprint}{staff} --why …"
    )


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
    """Revoke a compromised or replaced key at once, or refuse a pending one."""
    said = why or reason
    if said is None:
        raise typer.BadParameter("is needed: it goes on record with your name", param_hint="--why")
    with changing(home) as clerk:
        named = _named(clerk, identifier, fingerprint, is_staff=is_staff)
        ended = _revoked(clerk, named, "hard" if hard else "soft", said)
    if ended.state == "revoked":
        out.print(f"{ended.fingerprint} is revoked", soft_wrap=True)
    else:
        out.print(f"{ended.fingerprint} counts no more; a second person does the same, and it is revoked")


def _agreed_for(clerk: Clerk, place: Home, person: str, key: Key) -> bool:
    """May a person's key be restored?

    Two people decide for persons with powerful roles or sight of held files.
    """
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - a listing needs none
    from gateway.record.second_person import TwoPersonAct, agreed_to_give  # noqa: PLC0415 - loads asyncssh

    looking = load_catalogue(place.policies_in_force).looking_teams()
    act = TwoPersonAct("restore-key", "staff", f"{person} {key.fingerprint}")
    return agreed_to_give(clerk.session, act, person, looking=looking, by=who(), why=None, at=clerk.at)


def _revoked(clerk: Clerk, key: Key, revocation: Revocation, why: str) -> Key:
    """Revoke a key; with roles in force, suspend the key until a second person revokes as well.

    A key never in force needs no second person.
    """
    from gateway.record.second_person import TwoPersonAct, agreed, proposal  # noqa: PLC0415 - loads the OpenPGP libraries

    act = TwoPersonAct(f"revoke-{revocation}", key.fingerprint)
    is_new = key.state == "pending" and proposal(clerk.session, act, clerk.at) is None
    if is_new or agreed(clerk.session, act, by=who(), why=why, at=clerk.at):
        return clerk.revoke(key, revocation, why=why)
    return clerk.suspend(key, why=why) if key.state in {"active", "retiring"} else key


def _named(clerk: Clerk, identifier: str, fingerprint: str, *, is_staff: bool) -> Key:
    owner_kind = owner_kind_of(clerk.session, identifier, is_staff=is_staff)
    return keys.find_key(clerk.session, owner_kind, identifier, fingerprint)
