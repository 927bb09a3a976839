"""The hosts at work on a shared registry, read from the names of their database sessions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlmodel import Session

ROUNDS = 0x67617465_726F756E  # "gateroun"
"""The lock of the host doing the work done once for all."""
_SAID = "gateway-host"
_LIVE = text(
    "SELECT a.application_name, a.backend_start, EXISTS (SELECT FROM pg_locks l WHERE l.pid = a.pid"
    " AND l.granted AND l.locktype = 'advisory' AND l.classid = :high AND l.objid = :low AND l.objsubid = 1)"
    " FROM pg_stat_activity a WHERE a.datname = current_database() AND a.application_name LIKE :said"
    " ORDER BY a.application_name, a.backend_start"
)


@dataclass(frozen=True, slots=True)
class Host:
    """A host at work. `keys` tells apart hosts with different secrets of the inside zone."""

    name: str
    keys: str
    since: datetime
    leads: bool


def said(name: str, keys: str) -> str:
    """Return the session name of a host, at most 63 characters."""
    return f"{_SAID}/{name}/{fits(keys)}"


def fits(keys: str) -> str:
    """Shorten a digest of keys to the part in a host's session name."""
    return keys[:16]


def live(session: Session) -> list[Host]:
    """Return the hosts at work, by name; none on a registry in SQLite."""
    if session.get_bind().dialect.name != "postgresql":
        return []
    asked = {"high": ROUNDS >> 32, "low": ROUNDS & 0xFFFFFFFF, "said": f"{_SAID}/%"}
    rows = session.execute(_LIVE, asked).all()
    return [_host(name.split("/"), since, leads=leads) for name, since, leads in rows]


def _host(said_so: list[str], since: datetime, *, leads: bool) -> Host:
    _, name, keys = said_so
    return Host(name=name, keys=keys, since=since, leads=leads)
