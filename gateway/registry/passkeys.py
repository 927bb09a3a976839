"""Passkeys: the keys of members of staff for the console."""

import hashlib
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.registry import keys
from gateway.registry.tables import KeyRow, StaffRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey in force: owner, credential id, public key (COSE) and count of signatures.

    Until `confirmed` by another person, its owner can log in and only read.
    """

    staff: str
    fingerprint: str
    credential: bytes
    public_key: bytes
    sign_count: int
    confirmed: bool


def fingerprint_of(credential: bytes) -> str:
    """Return a passkey's name in listings and in the log: the SHA-256 of the credential id."""
    return hashlib.sha256(credential).hexdigest()


def add(
    session: Session,
    name: str,
    credential: bytes,
    public_key: bytes,
    *,
    sign_count: int,
    at: datetime,
    by: str,
) -> str:
    """Enrol a passkey of an invited person; return its fingerprint. GatewayError for a known passkey."""
    fingerprint = fingerprint_of(credential)
    material = {"credential": b64encode(credential).decode(), "public_key": b64encode(public_key).decode()}
    keys.add_key(
        session,
        "staff",
        name,
        "passkey",
        fingerprint=fingerprint,
        material=json.dumps(material, sort_keys=True),
        at=at,
        by=by,
        unconfirmed=True,
    )
    note_signature(session, fingerprint, sign_count, at)
    return fingerprint


def find(session: Session, credential: bytes, now: datetime) -> Passkey | None:
    """Return the passkey with a credential id; None if the key or the owner is not in force."""
    key = keys.holder(session, "passkey", fingerprint_of(credential))
    if key is None or key.owner_kind != "staff" or not key.is_in_force(now):
        return None
    person = session.get(StaffRow, key.owner)
    if person is None or person.removed_at is not None:
        return None
    return _passkey(session, key)


def confirmed(session: Session, fingerprint: str) -> bool:
    """Return True if a second person has confirmed the owner of a passkey or OpenID account."""
    of_it = col(KeyRow.kind).in_(("passkey", "openid")), col(KeyRow.fingerprint) == fingerprint
    return not session.exec(select(KeyRow.unconfirmed).where(*of_it)).one()


def of_person(session: Session, name: str, now: datetime) -> list[Passkey]:
    """Return a person's passkeys in force."""
    return [_passkey(session, key) for key in keys.keys_in_force(session, "staff", name, "passkey", now)]


def note_signature(session: Session, fingerprint: str, sign_count: int, at: datetime) -> None:
    """Record a signature by a passkey, with the passkey's count of signatures."""
    row = _row(session, fingerprint)
    row.sign_count, row.last_used_at, row.uses = sign_count, at, row.uses + 1
    session.add(row)
    session.flush()


def _passkey(session: Session, key: keys.Key) -> Passkey:
    material = json.loads(key.material)
    return Passkey(
        staff=key.owner,
        fingerprint=key.fingerprint,
        credential=b64decode(material["credential"]),
        public_key=b64decode(material["public_key"]),
        sign_count=_row(session, key.fingerprint).sign_count or 0,
        confirmed=not key.unconfirmed,
    )


def _row(session: Session, fingerprint: str) -> KeyRow:
    query = select(KeyRow).where(col(KeyRow.kind) == "passkey", col(KeyRow.fingerprint) == fingerprint)
    return session.exec(query).one()
