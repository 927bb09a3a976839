"""Prove by the registry who is at the keyboard, and check if that person may run a command on a file."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlmodel import Session

from gateway.access import AccessRight, LookingTeams, Sight, may_know, rights_of, roles_with
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.record.dual_control import name_of
from gateway.registry import roles
from gateway.registry.database import Registry
from gateway.registry.sight import sees

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue

_NAMESPACE = b"gateway-act"
_HOW = (
    "roles are in force: act under an account of your own that is bound to you (gateway roles grant "
    "--account), or set GATEWAY_ADMIN to your name and let your SSH agent sign with your key"
)


def checked(
    place: Home, command: str, right: AccessRight, references: Sequence[str], account: str
) -> str | None:
    """Return the proven name of the person running a command; None if roles are not in force.
    GatewayError if the person is not proven, lacks the `right`, or may not know of a file in `references`,
    which are spelled as in the registry.
    """
    settings = load_settings(place)
    if settings.database is None and not place.registry.exists():
        return None
    with closing(Registry(settings.database_url(place))) as registry, registry.read() as session:
        name = person_in(session, place, command, right, account)
        if name is None or not references:
            return name
        sight = sight_of(session, place, name_of(name))
        for reference in references:
            if not sees(session, sight, reference):
                from gateway.acts.held_files import names_of_lookers  # noqa: PLC0415 - few are refused

                few = names_of_lookers(_catalogue(place))
                raise GatewayError(f"{reference} is for {few} alone, or for people who are named")
    return name


def person_in(session: Session, place: Home, command: str, right: AccessRight, account: str) -> str | None:
    """Return the proven name of the person running a command; None if roles are not in force.
    GatewayError if the person is not proven, or lacks the `right`.
    """
    if not roles.in_force(session):
        return None
    name = _identified(session, command, account)
    viewer = roles.viewer(session, name_of(name))
    if right in rights_of(viewer, LookingTeams()):  # By a role: the policies need not be read.
        return name
    if right not in rights_of(viewer, _catalogue(place).looking_teams()):
        wanted = " or ".join(sorted(roles_with(right)))
        raise GatewayError(f"{viewer.name} may not do this: it takes the role {wanted}")
    return name


def _identified(session: Session, command: str, account: str) -> str:
    """Return the name proven by a personal `account`, or by the SSH agent. GatewayError if unproven."""
    import asyncio  # noqa: PLC0415 - takes a while, and few sign

    claimed = os.environ.get("GATEWAY_ADMIN", "")
    own = roles.of_account(session, account)
    if own is not None and claimed in {"", own}:
        return own
    if own is not None:
        raise GatewayError(f"{claimed} is not proved to be at the keyboard: the account {account} is {own}'s")
    if not claimed:
        raise GatewayError(_HOW)
    keys = roles.ssh_keys(session, claimed, datetime.now(UTC))
    if not asyncio.run(_signs(claimed, command, keys)):
        raise GatewayError(f"{claimed} is not proved to be at the keyboard; {_HOW}")
    return f"{claimed} (as {account})"


async def _signs(name: str, command: str, keys: Sequence[str]) -> bool:
    """Return True if the SSH agent signs, with one of the keys, that the person `name` runs the command."""
    import asyncssh  # noqa: PLC0415 - takes a while
    from asyncssh.packet import String  # noqa: PLC0415 - takes a while

    wanted = {asyncssh.import_public_key(key).public_data: key for key in keys}
    if not wanted or not os.environ.get("SSH_AUTH_SOCK"):
        return False
    what = f"{name} {command} {datetime.now(UTC).isoformat()} {secrets.token_hex(16)}"
    # The message of an SSH signature: PROTOCOL.sshsig of OpenSSH.
    parts = (_NAMESPACE, b"", b"sha512", hashlib.sha512(what.encode()).digest())
    message = b"SSHSIG" + b"".join(String(part) for part in parts)
    try:
        async with await asyncssh.connect_agent(os.environ["SSH_AUTH_SOCK"]) as agent:
            for pair in await agent.get_keys():
                if pair.public_data in wanted:
                    signature = await agent.sign(pair.public_data, message)
                    return asyncssh.import_public_key(wanted[pair.public_data]).verify(message, signature)
    except (OSError, ValueError, asyncssh.Error):
        return False
    return False


def sight_of(session: Session, place: Home, name: str) -> Sight:
    """Return the sight of a person: the files that person may know of."""
    return may_know(roles.viewer(session, name), _catalogue(place).looking_teams())


def _catalogue(place: Home) -> Catalogue:
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - most see everything, and need none

    return load_catalogue(place.policies_in_force)
