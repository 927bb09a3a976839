"""Accounts at an OpenID Connect provider, as keys of members of staff: listed and revoked as passkeys are."""

import hashlib
import json
from datetime import datetime

from sqlmodel import Session

from gateway.registry import keys
from gateway.registry.tables import StaffRow


def fingerprint_of(issuer: str, subject: str) -> str:
    """Return an account's name in listings and in the log: the SHA-256 of issuer and number."""
    return hashlib.sha256(f"{issuer}\0{subject}".encode()).hexdigest()


def add(session: Session, name: str, issuer: str, subject: str, *, by: str, at: datetime) -> str:
    """Bind an account to an invited person; return its fingerprint. GatewayError for a known account."""
    fingerprint = fingerprint_of(issuer, subject)
    material = json.dumps({"issuer": issuer}, sort_keys=True)
    keys.add_key(
        session, "staff", name, "openid",
        fingerprint=fingerprint, material=material, at=at, by=by, unconfirmed=True,
    )  # fmt: skip
    return fingerprint


def find(session: Session, issuer: str, subject: str, now: datetime) -> tuple[str, str] | None:
    """Return the owner and fingerprint of an account; None where the account or the owner is not in force."""
    key = keys.holder(session, "openid", fingerprint_of(issuer, subject))
    if key is None or key.owner_kind != "staff" or not key.is_in_force(now):
        return None
    person = session.get(StaffRow, key.owner)
    if person is None or person.removed_at is not None:
        return None
    return key.owner, key.fingerprint
