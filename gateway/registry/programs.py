"""Record the programs that may use the API, digests of their credentials, and their requests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete

from gateway.errors import GatewayError, NotFoundError
from gateway.registry.tables import ProgramRequestRow, ProgramRow
from gateway.registry.tables.row import only, rows, store

NAME = re.compile(r"[a-z0-9][a-z0-9-]{1,31}")
_KEY = "program:"
_REMEMBERED = timedelta(days=1)


def actor_of(program: ProgramRow) -> str:
    """Return the name of a program in the log. The name has a space, which a person's name never has."""
    return f"program {program.name}"


def key_of(program: ProgramRow) -> str:
    """Return the mark of a program's credential, used like a key's fingerprint: a prefix and the digest."""
    return f"{_KEY}{program.digest}"


def add(session: Session, row: ProgramRow) -> None:
    """Record a program. GatewayError if a program of this name has a credential still in force."""
    if active(session, row.made_at, name=row.name):
        raise GatewayError(f"there is a program {row.name} already: revoke it first, or give another name")
    store(session, row)


def in_force(session: Session, key: str, now: datetime) -> ProgramRow | None:
    """Return a program by its credential's mark (`key_of`) or digest; None if unknown, revoked or expired."""
    row = session.get(ProgramRow, key.removeprefix(_KEY))
    return None if row is None or row.revoked_at is not None or row.ends_at <= now else row


def is_program(key: str) -> bool:
    """Return True if a key is a program's credential rather than a person's key."""
    return key.startswith(_KEY)


def revoke(session: Session, name: str, *, by: str, why: str, at: datetime) -> None:
    """Revoke a program's credential at once. NotFoundError if none is in force."""
    found = active(session, at, name=name)
    if not found:
        raise NotFoundError(f"no program {name} is in force")
    for row in found:
        row.revoked_at, row.revoked_by, row.why = at, by, why


def listed(session: Session) -> Sequence[ProgramRow]:
    """Return every program, by name, also those whose credential is revoked or has expired."""
    return rows(session, ProgramRow, "name", "made_at")


def begin_request(session: Session, program: str, key: str, asked: str, at: datetime) -> str | None:
    """Record a program's new request to change data and return None; for a repeated one return its answer.
    `key` is the Idempotency-Key, `asked` the request's digest. Requests older than a day are deleted.
    GatewayError if the key was used for another request, or if the repeated request has no answer yet.
    """
    session.exec(delete(ProgramRequestRow).where(col(ProgramRequestRow.at) < at - _REMEMBERED))
    row = session.get(ProgramRequestRow, (program, key))
    if row is None:
        store(session, ProgramRequestRow(program=program, key=key, asked=asked, at=at))
        return None
    if row.asked != asked:
        raise GatewayError("this Idempotency-Key was used for another request: take a new one")
    if row.answer is None:
        raise GatewayError(
            "the same request is being answered, or the gateway was stopped meanwhile: read whether it is "
            "done, then use a new Idempotency-Key"
        )
    return row.answer


def end_request(session: Session, program: str, key: str, answer: str | None) -> None:
    """Store the answer to a program's request; with None delete the request, since nothing was done."""
    row = session.get(ProgramRequestRow, (program, key))
    if row is not None and answer is None:
        session.delete(row)
    elif row is not None:
        row.answer = answer


def active(session: Session, at: datetime, name: str | None = None) -> list[ProgramRow]:
    """Return the programs with a credential in force; with `name`, only the programs of that name."""
    known = rows(session, ProgramRow, "name", **only(name=name))
    return [row for row in known if row.revoked_at is None and row.ends_at > at]
