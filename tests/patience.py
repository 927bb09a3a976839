"""Clients in tests wait a minute for what a quiet machine says at once: a busy one may be far slower."""

from __future__ import annotations

from functools import wraps
from typing import Any

import httpx
import paramiko

SECONDS = 60.0
_begin = paramiko.Transport.__init__


@wraps(_begin)
def begin(transport: paramiko.Transport, *given: Any, **named: Any) -> None:
    """As paramiko begins one, which waits 15 seconds for the first line of a server, and 30 for a login."""
    _begin(transport, *given, **named)
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = SECONDS


paramiko.Transport.__init__ = begin  # type: ignore[method-assign]
for _what in ("connect", "read", "write", "pool"):  # Each was five seconds.
    setattr(httpx._config.DEFAULT_TIMEOUT_CONFIG, _what, SECONDS)
