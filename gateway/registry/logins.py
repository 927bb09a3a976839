"""Store logins to the console: invitations, passkeys, OpenID Connect accounts, sessions and challenges.

The registry stores only digests of the secrets in links and browsers. Challenges are stored in PostgreSQL
only, where any of several hosts may get the answer; a challenge can be taken once.
"""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import text
from sqlmodel import Session, col, delete, or_, select

from gateway.registry import keys
from gateway.registry.keys import Key
from gateway.registry.tables import ConsoleSessionRow, InvitationRow, KeyRow, StaffRow
from gateway.registry.tables.row import drop, rows, store

LONGEST = timedelta(hours=10)
"""The longest time a session may last: a working day."""
IDLE = timedelta(hours=1)
"""The time without a request after which a session ends."""
NOTED_EVERY = timedelta(minutes=5)
"""The time after which the time of a session's last use is stored again."""
_DROP = text(
    "DELETE FROM console_challenge WHERE ends_at < now() OR (holder = :holder AND purpose NOT IN"
    " (SELECT purpose FROM console_challenge WHERE holder = :holder ORDER BY ends_at DESC LIMIT :others))"
)
_GIVE = text(
    "INSERT INTO console_challenge (holder, purpose, challenge, about, ends_at) VALUES (:holder, :purpose,"
    " :challenge, :about, now() + make_interval(secs => :seconds)) ON CONFLICT (holder, purpose)"
    " DO UPDATE SET challenge = EXCLUDED.challenge, about = EXCLUDED.about, ends_at = EXCLUDED.ends_at"
)
_TAKE = text(
    "DELETE FROM console_challenge WHERE holder = :holder AND purpose = :purpose"
    " RETURNING challenge, about, ends_at >= now()"
)


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret, in hexadecimal. The registry stores only digests of secrets."""
    return hashlib.sha256(secret.encode()).hexdigest()


def invite(session: Session, name: str, secret: str, *, by: str, at: datetime, ends_at: datetime) -> None:
    """Store an invitation for a person, and delete the earlier ones, and everybody's expired ones."""
    withdraw_invitations(session, name)
    drop(session, *rows(session, InvitationRow, where=[col(InvitationRow.ends_at) <= at]))
    store(
        session, InvitationRow(digest=digest_of(secret), staff=name, made_at=at, ends_at=ends_at, made_by=by)
    )


def invited(session: Session, digest: str, now: datetime) -> InvitationRow | None:
    """Return an invitation by the digest of its secret; None if used or ended, or if the person has left."""
    row = session.get(InvitationRow, digest)
    return row if row is not None and row.ends_at > now and _is_here(session, row.staff) else None


def _is_here(session: Session, name: str) -> bool:
    person = session.get(StaffRow, name)
    return person is not None and person.removed_at is None


def open_invitations(session: Session, now: datetime) -> list[tuple[str, datetime]]:
    """Return who has an unused invitation, and until when it counts, by name."""
    query = select(InvitationRow.staff, InvitationRow.ends_at).where(col(InvitationRow.ends_at) > now)
    return [*session.exec(query.order_by(col(InvitationRow.staff))).all()]


def withdraw_invitations(session: Session, name: str) -> None:
    """Delete every invitation of a person, because one was used or is replaced."""
    drop(session, *rows(session, InvitationRow, staff=name))


def openid_fingerprint(issuer: str, subject: str) -> str:
    """Return the fingerprint of an OpenID account, as listed and logged: SHA-256 of issuer and subject."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()


def add_passkey(
    session: Session,
    name: str,
    credential: bytes,
    public_key: bytes,
    *,
    sign_count: int,
    at: datetime,
    by: str,
) -> str:
    """Enrol a passkey of an invited person; return the passkey's fingerprint. GatewayError if known.
    `credential` is the passkey's id; lists and the log show the SHA-256 of the id as fingerprint.
    """
    told = {"credential": b64encode(credential).decode(), "public_key": b64encode(public_key).decode()}
    key = keys.add_key(
        session, "staff", name, "passkey", fingerprint=hashlib.sha256(credential).hexdigest(),
        material=json.dumps(told, sort_keys=True), at=at, by=by, unconfirmed=True,
    )  # fmt: skip
    note_signature(session, key.fingerprint, sign_count, at)
    return key.fingerprint


def bind_openid(session: Session, name: str, issuer: str, subject: str, *, by: str, at: datetime) -> str:
    """Record an invited person's OpenID account; return the fingerprint of the account.
    An account that a former colleague had is accepted: a person may come back, perhaps under another name.
    GatewayError for the account of a present colleague, and for a revoked account.
    """
    fingerprint = openid_fingerprint(issuer, subject)
    known = keys.holder(session, "openid", fingerprint)
    return keys.add_key(
        session, "staff", name, "openid", fingerprint=fingerprint,
        material=json.dumps({"issuer": issuer}), at=at, by=by, unconfirmed=True,
        left=known is not None and (known.owner == name or not _is_here(session, known.owner)),
    ).fingerprint  # fmt: skip


def find_passkey(session: Session, credential: bytes, now: datetime) -> KeyRow | None:
    """Return the passkey with a credential id; None if unknown or not in force, or if the owner has left."""
    key = _in_force(session, "passkey", hashlib.sha256(credential).hexdigest(), now)
    return None if key is None else _passkey_row(session, key.fingerprint)


def find_openid(session: Session, issuer: str, subject: str, now: datetime) -> tuple[str, str] | None:
    """Return owner and fingerprint of an OpenID account; None if not in force, or if the owner has left."""
    key = _in_force(session, "openid", openid_fingerprint(issuer, subject), now)
    return None if key is None else (key.owner, key.fingerprint)


def _in_force(
    session: Session, kind: Literal["passkey", "openid"], fingerprint: str, now: datetime
) -> Key | None:
    key = keys.holder(session, kind, fingerprint)
    counts = key is not None and key.owner_kind == "staff" and key.is_in_force(now)
    return key if key is not None and counts and _is_here(session, key.owner) else None


def is_confirmed(session: Session, name: str, fingerprint: str) -> bool:
    """Return True if a second person has confirmed a passkey or OpenID account as that of a person."""
    kinds = ("passkey", "openid")
    (key,) = rows(session, KeyRow, kind=kinds, fingerprint=fingerprint, owner=name)
    return not key.unconfirmed


def passkeys_of(session: Session, name: str, now: datetime) -> list[KeyRow]:
    """Return a person's passkeys that are in force."""
    theirs = keys.keys_in_force(session, "staff", name, "passkey", now)
    return [_passkey_row(session, key.fingerprint) for key in theirs]


def note_signature(session: Session, fingerprint: str, sign_count: int, at: datetime) -> None:
    """Record the use of a passkey, and the count of signatures that the passkey reported."""
    row = _passkey_row(session, fingerprint)
    row.sign_count, row.last_used_at, row.uses = sign_count, at, row.uses + 1


def passkey_part(passkey: KeyRow, part: Literal["credential", "public_key"]) -> bytes:
    """Return one part of a passkey: the credential id, or the public key as a COSE structure."""
    return b64decode(json.loads(passkey.material)[part])


def _passkey_row(session: Session, fingerprint: str) -> KeyRow:
    (row,) = rows(session, KeyRow, kind="passkey", fingerprint=fingerprint)
    return row


def begin_session(
    session: Session, secret: str, name: str, *, passkey: str, address: str, at: datetime
) -> None:
    """Record a login by the key `passkey` (fingerprint); the browser keeps `secret`. Delete old sessions."""
    row = ConsoleSessionRow
    session.exec(delete(row).where(or_(col(row.begun_at) <= at - LONGEST, col(row.seen_at) <= at - IDLE)))
    session.add(
        ConsoleSessionRow(
            digest=digest_of(secret), staff=name, passkey=passkey, address=address, begun_at=at, seen_at=at
        )
    )
    session.flush()


def find_session(session: Session, secret: str, address: str, now: datetime) -> ConsoleSessionRow | None:
    """Return the session of a browser's secret; None if unknown, expired, or begun at another address."""
    row = session.get(ConsoleSessionRow, digest_of(secret))
    if row is None or row.address != address:
        return None
    over = row.begun_at <= now - LONGEST or row.seen_at <= now - IDLE
    return None if over else row


def note_seen(session: Session, secret: str, at: datetime) -> None:
    """Record the time of a session's last use."""
    row = session.get(ConsoleSessionRow, digest_of(secret))
    if row is not None:
        row.seen_at = at


def sessions_of(session: Session, name: str, now: datetime) -> Sequence[ConsoleSessionRow]:
    """Return the current sessions of a person, latest first."""
    row = ConsoleSessionRow
    current = col(row.begun_at) > now - LONGEST, col(row.seen_at) > now - IDLE
    return rows(session, row, "-begun_at", where=current, staff=name)


def end_session(session: Session, secret: str) -> None:
    """End a session at logout. Does nothing for an ended session."""
    session.exec(delete(ConsoleSessionRow).where(col(ConsoleSessionRow.digest) == digest_of(secret)))


def end_sessions(session: Session, name: str, *, but: str | None = None) -> int:
    """End a person's sessions, except the one whose secret is `but`; return the number of sessions ended."""
    kept = None if but is None else digest_of(but)
    ended = [row for row in rows(session, ConsoleSessionRow, staff=name) if row.digest != kept]
    drop(session, *ended)
    return len(ended)


def give_challenge(
    session: Session, holder: str, purpose: str, challenge: bytes, *, about: str, seconds: float, most: int
) -> None:
    """Store a challenge and the text `about`, for `seconds`, in place of an earlier one for the purpose.
    `holder` is the secret of the browser or session to which the challenge is given. Everybody's expired
    challenges are deleted, and the holder's oldest ones beyond `most`.
    """
    whose = digest_of(holder)
    session.execute(_DROP, {"holder": whose, "others": most - 1})
    given = {"challenge": challenge, "about": about, "seconds": seconds}
    session.execute(_GIVE, {"holder": whose, "purpose": digest_of(purpose), **given})


def take_challenge(session: Session, holder: str, purpose: str) -> tuple[bytes, str] | None:
    """Remove a challenge; return its bytes and the text `about`. None if it is missing or expired."""
    asked = {"holder": digest_of(holder), "purpose": digest_of(purpose)}
    found = session.execute(_TAKE, asked).one_or_none()
    return (bytes(found[0]), str(found[1])) if found is not None and found[2] else None
