"""Find out who is at the keyboard, by a personal account or an SSH key, and what that person may do.

The environment variable GATEWAY_ADMIN may name the person to be proven; the name alone proves nothing.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.access import COMMANDS, EVERYTHING, OF_INTAKE, AccessRight, Sight
from gateway.home import Home, as_reference

if TYPE_CHECKING:
    from sqlmodel import Session

PROVED: ContextVar[str | None] = ContextVar("proved", default=None)
"""The proven name of the person at the keyboard, for the record; None if roles are not in force.

A person proven by an SSH agent is "NAME (as ACCOUNT)": another user of that account may have used the agent.
"""
_UNSET = 2**32 - 1  # The kernel's number for a process that nobody logged in for.


def sight_here(session: Session, home: Path) -> Sight:
    """Return the sight of the person at the keyboard: the files that person may know of.
    If roles are not in force, whoever runs commands counts as an administrator and may know of all files.
    """
    if (person := PROVED.get()) is None:
        return EVERYTHING
    from gateway.cli.proving import sight_of  # noqa: PLC0415 - loads the tables of the registry

    return sight_of(session, Home(home), person.partition(" (as ")[0])


@contextmanager
def acting(command: Callable[..., Any], home: object, reference: object = None) -> Iterator[None]:
    """Run the block as a command of the person at the keyboard, whose right is checked if roles are in force.
    GatewayError if the person is not proven, lacks the right, or may not know of a file in `reference`, which
    is one reference or several, spelled in any way.
    """
    name, act = name_of(command), getattr(command, "act", None)
    right = COMMANDS[name] if act is None else act.right
    place = Home(home) if isinstance(home, Path) else None
    if right is AccessRight.UNNAMED or place is None or not place.settings.exists():
        yield
        return
    if name in OF_INTAKE and not os.access(place.settings, os.R_OK):
        yield  # Whose files the command changes, the system decides.
        return
    named = reference if isinstance(reference, list | tuple) else [reference] if reference else []
    about = [] if act is not None and act.of_any_file else [as_reference(str(one)) for one in named]
    from gateway.cli.proving import checked  # noqa: PLC0415 - as above

    token = PROVED.set(checked(place, name, right, about, real_account()))
    try:
        yield
    finally:
        PROVED.reset(token)


def name_of(command: Callable[..., Any]) -> str:
    """Return the name of a command in `gateway/access.py`: "module.function"."""
    return f"{command.__module__.rpartition('.')[2]}.{command.__name__}"


def real_account() -> str:
    """Return the account a person logged in with, whatever account runs the command.
    It is the first known of three: the login account recorded by the kernel; the owner of the nearest parent
    process not owned by root or the present account (the caller of sudo); the present account.
    """
    return account_of(next(_uids(), os.getuid()))


def account_of(uid: int) -> str:
    """Return the name of the machine account `uid`; the number as text if no account has the number."""
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
