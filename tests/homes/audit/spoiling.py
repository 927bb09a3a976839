"""Changing a registry behind the gateway's back, and asking the audit what it finds."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from gateway.home.settings import load_settings
from gateway.homes.audit.audit import audit
from gateway.homes.audit.tree import Inconsistency
from gateway.registry.database import Registry
from gateway.secrets.signing import Signing
from tests.whole import plentiful

# Columns that are not vouched for: how often a key was used, and how far a web hook was told.
USAGE = {
    *(("key", column) for column in ("uses", "last_used_at", "sign_count")),
    *(("hook", column) for column in ("entry", "behind", "looked_at", "told_at", "trouble", "lost_since")),
    ("staff", "knows_pages"),
}
# Not vouched for: what is made from sealed files, and made again from them; letters, and who is logged in.
INDEXES = {
    "pupil", "full_roll", "staged_roll", "persons_of_transfer", "letter", "console_session",
    "register_version", "host", "console_challenge", "policy_draft", "program_request",
    "saved_filter",
}  # fmt: skip


# What the database itself can no longer read as what it should be is found as well.
UNREADABLE = Inconsistency("unreadable", "a value cannot be read")


@dataclass(frozen=True)
class Table:
    """A table of the registry: its columns, those of its primary key, and its number of rows."""

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    rows: int


@cache
def tables() -> tuple[Table, ...]:
    """Every table that the log vouches for, and the log's own."""
    with closing(sqlite3.connect(plentiful().home.registry)) as db:
        names = [n for (n,) in db.execute("select name from sqlite_master where type = 'table'")]
        return tuple(
            Table(
                name,
                tuple(column[1] for column in info),
                tuple(column[1] for column in sorted(info, key=lambda one: one[5]) if column[5]),
                count,
            )
            for name in sorted(set(names) - INDEXES - {"alembic_version"})
            for info in [db.execute(f"pragma table_info({name})").fetchall()]
            for (count,) in db.execute(f"select count(*) from {name}")
        )


def table(name: str) -> Table:
    return next(one for one in tables() if one.name == name)


@contextmanager
def spoilt(path: Path) -> Iterator[sqlite3.Connection]:
    """A copy of the registry at `path`, open for changes."""
    with closing(sqlite3.connect(plentiful().home.registry)) as source, closing(sqlite3.connect(path)) as db:
        db.execute("pragma synchronous = off")  # It lives for a moment.
        source.backup(db)
        db.execute("pragma foreign_keys = off")
        yield db
        db.commit()


def found_in(path: Path) -> Inconsistency | None:
    """The first thing that the audit finds, if it finds any. Afterwards the copy is gone."""
    home = plentiful().home
    signing = Signing.load(home, load_settings(home))
    registry = Registry(f"sqlite:///{path}")
    try:
        with registry.read() as session:
            return next(audit(session, signing.vkey), None)
    except (ValueError, TypeError):
        return UNREADABLE
    finally:
        registry.close()
        path.unlink()


def other(value: object) -> object:
    """Another value of the same shape."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    text = str(value)
    if len(text) >= 10 and text[4:5] == "-" and text[:4].isdigit():
        return f"{int(text[:4]) - 1}{text[4:]}"
    return text[:-1] + ("0" if text[-1:] != "0" else "1")


def flipped(value: str | bytes, rng: random.Random) -> str | bytes:
    """The same with one bit changed; a text stays one."""
    data = bytearray(value.encode() if isinstance(value, str) else value)
    while True:
        changed = bytearray(data)
        changed[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        if isinstance(value, bytes):
            return bytes(changed)
        try:
            return changed.decode()
        except UnicodeDecodeError:
            continue
