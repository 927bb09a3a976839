"""Watches acts while the console API tries them: whatever is more than the registry cannot be taken back."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from gateway.acts.act import Act
from gateway.mailboxes.console_api import carrying_out
from gateway.mailboxes.console_api.context import Caller, ConsoleContext

TRIED: set[str] = set()
"""The commands of the acts that were tried in this process."""
_FILES = "chmod chown link mkdir remove rename rmdir setxattr symlink truncate utime"
_PROCESSES = "exec fork kill posix_spawn system"
_CHANGES = frozenset(
    {f"os.{name}" for name in (*_FILES.split(), *_PROCESSES.split())}
    | {f"socket.{name}" for name in ("bind", "connect", "sendmsg", "sendto")}
    | {"subprocess.Popen"}
)
"""What Python tells its audit hooks of (PEP 578) before something is changed, started or sent."""
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_COMPILED = ("__pycache__", sys.pycache_prefix or "__pycache__")
"""Where Python keeps modules that it compiled: a module imported on trial is no change of the gateway's."""
_trial = threading.local()
_try = carrying_out._try


class ChangedOnTrialError(AssertionError):
    """An act that was only tried changes more than the registry."""


@contextmanager
def watched(command: str) -> Iterator[None]:
    """Let nothing be changed but by the database meanwhile. ChangedOnTrialError where it is tried."""
    TRIED.add(command)
    _trial.command = command
    try:
        yield
    finally:
        _trial.command = None


def _watch(event: str, told: tuple[object, ...]) -> None:
    if getattr(_trial, "command", None) is None or any(folder in str(told) for folder in _COMPILED):
        return
    if event in _CHANGES or (event == "open" and isinstance(told[2], int) and told[2] & _WRITES):
        raise ChangedOnTrialError(f"{_trial.command} does more than change the registry: {event} {told}")


def _watched(console: ConsoleContext, caller: Caller, asked: Act) -> None:
    with watched(asked.command):
        _try(console, caller, asked)


sys.addaudithook(_watch)
carrying_out._try = _watched
