"""Identity of the person at the keyboard, proven by a personal account or an SSH key.

An environment variable is only a claim: the claim may name the person to be proven, and proves nothing.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.access import (
    EVERYTHING,
    OF_INTAKE,
    AccessRight,
    LookingTeams,
    Sight,
    Viewer,
    right_for_command,
    rights_of,
    roles_with,
)
from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import load_settings

if TYPE_CHECKING:
    from sqlmodel import Session

_PROVED: ContextVar[str | None] = ContextVar("proved", default=None)
_UNSET = 2**32 - 1
_AS = " (as "
_NAMESPACE = b"gateway-act"
_HOW = (
    "roles are in force: act under an account of your own that is bound to you (gateway roles grant "
    "--account), or set GATEWAY_ADMIN to your name and let your SSH agent sign with your key"
)


def proved() -> str | None:
    """Return the person proven for the command; None with roles not in force."""
    known = _PROVED.get()
    return None if known is None else _bare(known)


def on_record() -> str | None:
    """Return the proven person as the record names them; None with roles not in force.

    A person proven by an SSH agent is "NAME (as ACCOUNT)": another user of that account may have used the
    agent.
    """
    return _PROVED.get()


def _bare(person: str) -> str:
    """Return the name of a person on record as "NAME" or "NAME (as ACCOUNT)"."""
    return person.partition(_AS)[0]


def sight_here(session: Session, home: Path) -> Sight:
    """Return the sight of the person at the keyboard.

    With roles not in force, whoever runs commands is an administrator with sight of all files.
    """
    from gateway.cli.few import sight_of  # noqa: PLC0415 - loads the tables of the registry

    name = proved()
    return EVERYTHING if name is None else sight_of(session, Home(home), name)


@contextmanager
def acting(command: Callable[..., Any], home: object, reference: object = None) -> Iterator[None]:
    """Run a command for a person with the right needed, where roles are in force.

    GatewayError where nobody is proven, the right is missing, or the file of `reference` is outside the
    person's sight.
    """
    name, act = name_of(command), getattr(command, "act", None)
    right = right_for_command(name) if act is None else act.right
    place = Home(home) if isinstance(home, Path) else None
    if right is AccessRight.UNNAMED or place is None or not place.settings.exists():
        yield
        return
    if name in OF_INTAKE and not os.access(place.settings, os.R_OK):
        yield  # Whose files the command changes, the system decides.
        return
    is_seen = act is None or not act.of_any_file
    about = reference if isinstance(reference, str) and is_seen else None
    token = _PROVED.set(_checked(place, name, right, about))
    try:
        yield
    finally:
        _PROVED.reset(token)


def name_of(command: Callable[..., Any]) -> str:
    """Return the name of a command in `gateway/access.py`: "module.function"."""
    return f"{command.__module__.rpartition('.')[2]}.{command.__name__}"


def person_in(session: Session, place: Home, command: str, right: AccessRight) -> str | None:
    """Return the person proven at the keyboard, as on record; None with roles not in force.

    GatewayError as for `acting`.
    """
    from gateway.registry import roles  # noqa: PLC0415 - takes a while, and some commands need no registry

    if not roles.in_force(session):
        return None
    name = _identified(session, command)
    _check_right(place, roles.viewer(session, _bare(name)), right)
    return name


def _checked(place: Home, command: str, right: AccessRight, reference: str | None) -> str | None:
    settings = load_settings(place)
    if settings.database is None and not place.registry.exists():
        return None
    from gateway.registry.database import Registry  # noqa: PLC0415 - takes a while, and few need it

    with closing(Registry(settings.database_url(place))) as registry, registry.read() as session:
        name = person_in(session, place, command, right)
        if name is not None and reference is not None:
            from gateway.cli.few import check_seen  # noqa: PLC0415 - as above

            check_seen(session, place, _bare(name), reference)
    return name


def _check_right(place: Home, viewer: Viewer, right: AccessRight) -> None:
    """GatewayError where a person has a right neither by a role nor by a team."""
    if right in rights_of(viewer, LookingTeams()):
        return
    from gateway.policy.catalogue import load_catalogue  # noqa: PLC0415 - of most, the roles say enough

    if right in rights_of(viewer, load_catalogue(place.policies_in_force).looking_teams()):
        return
    wanted = " or ".join(sorted(roles_with(right)))
    raise GatewayError(f"{viewer.name} may not do this: it takes the role {wanted}")


def _identified(session: Session, command: str) -> str:
    import asyncio  # noqa: PLC0415 - takes a while, and few sign

    from gateway.registry import roles  # noqa: PLC0415 - as above

    claimed = os.environ.get("GATEWAY_ADMIN", "")
    account = real_account()
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
    return f"{claimed}{_AS}{account})"


def real_account() -> str:
    """Return the account of a person's login by the kernel, whatever the account since.

    In order: the login account recorded by the kernel; the owner of the nearest parent process other than
    root and the present account (the caller of sudo); the present account.
    """
    return account_of(next(_uids(), os.getuid()))


def account_of(uid: int) -> str:
    """Return the name of an account of the machine; the number of one without a name."""
    import pwd  # noqa: PLC0415 - Windows has none, where nobody acts for the authority

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _uids() -> Iterator[int]:
    try:
        login = int(Path("/proc/self/loginuid").read_text("ascii"))
    except (OSError, ValueError):
        login = _UNSET
    if login != _UNSET:
        yield login
    own, process = os.getuid(), os.getppid()
    while process > 1:
        try:
            status = Path(f"/proc/{process}/status").read_text("utf-8")
        except OSError:
            return
        fields = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        uid, process = int(fields["Uid"].split()[0]), int(fields["PPid"])
        if uid not in {0, own}:
            yield uid


async def _signs(name: str, command: str, keys: Sequence[str]) -> bool:
    """Return True if the SSH agent signs, by one of the keys, that the person runs the command now."""
    import asyncssh  # noqa: PLC0415 - takes a while

    wanted = {asyncssh.import_public_key(key).public_data: key for key in keys}
    if not wanted or not os.environ.get("SSH_AUTH_SOCK"):
        return False
    message = to_sign(f"{name} {command} {datetime.now(UTC).isoformat()} {secrets.token_hex(16)}")
    try:
        async with await asyncssh.connect_agent(os.environ["SSH_AUTH_SOCK"]) as agent:
            for pair in await agent.get_keys():
                if pair.public_data in wanted:
                    signature = await agent.sign(pair.public_data, message)
                    return asyncssh.import_public_key(wanted[pair.public_data]).verify(message, signature)
    except (OSError, ValueError, asyncssh.Error):
        return False
    return False


def to_sign(what: str) -> bytes:
    """Return a message for SSH signatures outside logins (PROTOCOL.sshsig of OpenSSH)."""
    from asyncssh.packet import String  # noqa: PLC0415 - takes a while

    parts = (_NAMESPACE, b"", b"sha512", hashlib.sha512(what.encode()).digest())
    return b"SSHSIG" + b"".join(String(part) for part in parts)
