"""Run intake, processor, mailboxes, console and courier as child processes of one supervisor (`gateway run`).

Each child is the command of a production service. All wait for the processor, which carries out upgrades and
writes for intake its part of gateway.toml and the policies; the console puts questions to the mailboxes. When
one service ends, all end: the caller of the supervisor (a person, systemd) decides the next step.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from gateway.errors import GatewayError
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.observe.signals import calling_when_told
from gateway.secrets import passphrase

SERVICES: dict[str, tuple[str, ...]] = {
    "intake": ("serve", "intake"),
    "mailboxes": ("serve", "mailboxes"),
    "processor": ("process",),
    "console": ("serve", "console"),
    "web": ("serve", "web"),
    "courier": ("serve", "courier"),
}
_ORDER = (("processor",), ("mailboxes", "intake"), ("console",))
_OUTSIDE = frozenset({"intake", "console", "web", "courier"})
"""Services without any secret."""
_START_SECONDS = 60
_STOP_SECONDS = 30
_log = logging.getLogger(__name__)


_Heard = tuple[str, str | None]
"""The name of a service with a line that it printed; with None at its end."""


def run(home: Home, options: Mapping[str, Sequence[str]], ready: Callable[[dict[str, str]], None]) -> None:
    """Run all services until one ends or SIGTERM or SIGINT arrives.

    `options`: further arguments of each service. The courier runs if gateway.toml names a relay or a key for
    other systems, the web door if gateway.toml names its origin. Once all services accept work, `ready` is
    called with their addresses: HOST:PORT, or for the console and the web door the origin. GatewayError if a
    service does not start, or ends by itself.
    """
    heard: queue.SimpleQueue[_Heard] = queue.SimpleQueue()
    children: dict[str, subprocess.Popen[str]] = {}
    places: dict[str, str] = {}
    with calling_when_told(lambda: heard.put(("supervisor", None))), ExitStack() as end:
        end.callback(_stop, children)
        settings = load_settings(home)
        courier = settings.letters.relay or settings.hand_on.key_file or settings.hooks.key_file
        optional = {"web": settings.web.origin, "courier": courier}
        last = tuple(name for name, asked in optional.items() if asked is not None)
        for together in (*_ORDER, *((last,) if last else ())):
            for name in together:
                children[name] = _start(home, name, options.get(name, ()), heard)
            if not _await_ready(heard, together, places):
                return
        with noted(home, places):
            ready(places)
            service, line = heard.get()
            while line is not None:
                _log.debug("%s: %s", service, line)
                service, line = heard.get()
        if service != "supervisor":
            raise GatewayError(f"{service} ended by itself; the other services are stopped too")


def _start(
    home: Home, name: str, options: Sequence[str], heard: queue.SimpleQueue[_Heard]
) -> subprocess.Popen[str]:
    where = ("--home", str(home.root.absolute()))
    child = subprocess.Popen(  # noqa: S603 - our own command, no shell
        [sys.executable, "-m", "gateway", *SERVICES[name], *where, *options],
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        pass_fds=() if name in _OUTSIDE else passphrase.inheriting(),
    )

    def listen() -> None:
        for line in child.stdout or ():
            heard.put((name, line.strip()))
        heard.put((name, None))

    threading.Thread(target=listen, daemon=True).start()
    return child


def _await_ready(heard: queue.SimpleQueue[_Heard], wanted: Sequence[str], places: dict[str, str]) -> bool:
    """Wait until the `wanted` services are ready, adding their addresses to `places`.

    Return False if a signal to stop arrives first. GatewayError if a service ends, or is not ready in time.
    """
    while slow := ", ".join(sorted(set(wanted) - places.keys())):
        try:
            service, line = heard.get(timeout=_START_SECONDS)
        except queue.Empty:
            raise GatewayError(f"{slow} did not get ready in {_START_SECONDS} s") from None
        if line is None:
            if service == "supervisor":
                return False
            raise GatewayError(f"{service} did not start; what it said is above")
        words = line.split()
        if words[:1] == ["ready"]:
            places[service] = words[-1]
    return True


@contextmanager
def noted(home: Home, places: Mapping[str, str]) -> Iterator[None]:
    """Store the services' addresses, for `places_of` to find while the context lasts."""
    with os.fdopen(os.open(home.places, os.O_RDWR | os.O_CREAT, 0o644), "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.truncate(0)
        file.write(json.dumps(dict(places)))
        file.flush()
        yield


def _stop(children: dict[str, subprocess.Popen[str]]) -> None:
    for child in children.values():
        child.terminate()
    for name, child in children.items():
        try:
            child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            _log.error("%s did not stop in %s s and is killed", name, _STOP_SECONDS)
            child.kill()
            child.wait()
