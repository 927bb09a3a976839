"""Ports for services that are told where to listen before they do."""

from __future__ import annotations

import contextlib
import os
import random
import socket

# Below those that the system gives to clients, which might take one before its service does.
_PORTS = range(20_000, 32_000)
_TRIES = 100
# Each worker of a run has its own share of them: no two choose the same at the same time.
_WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    return free_ports(1)[0]


def free_ports(number: int) -> list[int]:
    """So many of them."""
    found: list[int] = []
    for port in random.sample(_PORTS[_WORKER::_WORKERS], _TRIES):
        with socket.socket() as free, contextlib.suppress(OSError):
            free.bind(("127.0.0.1", port))
            found.append(port)
        if len(found) == number:
            return found
    raise AssertionError("no port is free")
