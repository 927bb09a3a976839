"""`gateway run`: intake, processor and mailboxes as child processes of one supervisor.

Each child is the same command that runs as a service of its own in production. When one ends, all
end: whoever started the supervisor (a person, systemd) decides what happens next.
"""

from __future__ import annotations

import logging
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gateway.errors import GatewayError
from gateway.home import Home
from gateway.registry import passphrase

SERVICES: dict[str, tuple[str, ...]] = {
    "intake": ("serve", "intake"),
    "mailboxes": ("serve", "mailboxes"),
    "processor": ("process",),
}
_START_SECONDS = 60
_STOP_SECONDS = 30
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Heard:
    """A line that a service printed; None when it ended."""

    service: str
    line: str | None


def run(home: Home, options: Mapping[str, Sequence[str]], ready: Callable[[dict[str, str]], None]) -> int:
    """Run all services until one ends or SIGTERM or SIGINT arrives; the exit status.

    `options` are further arguments by service. `ready` is called once, with HOST:PORT by service,
    when all of them accept work. GatewayError where one does not start.
    """
    heard: queue.Queue[_Heard] = queue.Queue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: heard.put(_Heard("supervisor", None)))
    children = {name: _start(home, name, options.get(name, ()), heard) for name in SERVICES}
    try:
        places = _await_ready(heard)
        if places is None:
            return 0
        ready(places)
        while (event := heard.get()).line is not None:
            _log.debug("%s: %s", event.service, event.line)
        if event.service != "supervisor":
            raise GatewayError(f"{event.service} ended by itself; the other services are stopped too")
    finally:
        _stop(children)
    return 0


def _start(
    home: Home, name: str, options: Sequence[str], heard: queue.Queue[_Heard]
) -> subprocess.Popen[str]:
    command = [
        sys.executable,
        "-m",
        "gateway",
        *SERVICES[name],
        "--home",
        str(home.root.absolute()),
        *options,
    ]
    child = subprocess.Popen(  # noqa: S603 - our own command, no shell
        command,
        stdout=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        pass_fds=passphrase.inheriting() if name != "intake" else (),
    )
    threading.Thread(target=_listen, args=(name, child, heard), daemon=True).start()
    return child


def _listen(name: str, child: subprocess.Popen[str], heard: queue.Queue[_Heard]) -> None:
    for line in child.stdout or ():
        heard.put(_Heard(name, line.strip()))
    heard.put(_Heard(name, None))


def _await_ready(heard: queue.Queue[_Heard]) -> dict[str, str] | None:
    """HOST:PORT by service, or None when told to stop first."""
    places: dict[str, str] = {}
    while len(places) < len(SERVICES):
        try:
            event = heard.get(timeout=_START_SECONDS)
        except queue.Empty:
            slow = ", ".join(sorted(SERVICES.keys() - places.keys()))
            raise GatewayError(f"{slow} did not get ready in {_START_SECONDS} s") from None
        if event.line is None:
            if event.service == "supervisor":
                return None
            raise GatewayError(f"{event.service} did not start; what it said is above")
        words = event.line.split()
        if words[:1] == ["ready"]:
            places[event.service] = words[-1]
    return places


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
