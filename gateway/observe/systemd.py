"""Talk to systemd: take over sockets, report readiness, keep the watchdog calm.

Follows sd_listen_fds(3) and sd_notify(3). Without systemd, nothing here has an effect.
"""

import asyncio
import logging
import os
import socket

_log = logging.getLogger(__name__)

_FIRST_DESCRIPTOR = 3


def handed_over(name: str) -> list[socket.socket]:
    """Return the listening sockets that systemd gave this process under a name (FileDescriptorName=).
    The caller owns the sockets; a second call would return the same descriptors twice.
    """
    if os.environ.get("LISTEN_PID") != str(os.getpid()):
        return []
    names = os.environ.get("LISTEN_FDNAMES", "").split(":")
    found = [n for n in range(int(os.environ.get("LISTEN_FDS", "0"))) if names[n : n + 1] == [name]]
    sockets = [socket.socket(fileno=_FIRST_DESCRIPTOR + number) for number in found]
    for one in sockets:
        one.set_inheritable(False)
        one.setblocking(False)
    return sockets


def notify(state: str) -> None:
    """Send a state to systemd, such as READY=1. A failure is only logged."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.sendto(state.encode(), address)
    except OSError as error:
        _log.warning("systemd-not-told errno=%s", error.errno)


def alive() -> None:
    """Send systemd a watchdog ping, if systemd expects pings of this process (WatchdogSec=)."""
    if watchdog_seconds() is not None:
        notify("WATCHDOG=1")


def watchdog_seconds() -> float | None:
    """Return how many seconds without a ping make systemd end this process; None without a watchdog."""
    microseconds = os.environ.get("WATCHDOG_USEC", "")
    if not microseconds.isdecimal() or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(microseconds) / 1e6


async def keep_alive() -> None:
    """Send watchdog pings for as long as the event loop runs; return at once without a watchdog."""
    while (seconds := watchdog_seconds()) is not None:
        alive()
        await asyncio.sleep(seconds / 3)
