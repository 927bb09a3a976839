"""SSH keys and OpenPGP certificates: whose they are and whether they are in force.

States: pending (not yet in force) -> active -> retiring (in force until `not_after`) -> retired, or
revoked. A key is in force when it is active or retiring and the clock is within its own limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlmodel import Session, col, select

from gateway.errors import GatewayError, NotFoundError
from gateway.registry.tables import KeyRow

OwnerKind = Literal["provider", "staff", "gateway"]
KeyKind = Literal["ssh", "openpgp"]
_IN_FORCE = ("active", "retiring")


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key as listed: its owner, its fingerprint, and how far it may be used."""

    owner_kind: str
    owner: str
    kind: str
    fingerprint: str
    material: str
    state: str
    added_at: datetime
    added_by: str
    not_before: datetime | None
    not_after: datetime | None
    ended_at: datetime | None
    end_reason: str | None
    last_used_at: datetime | None
    uses: int


def add_key(
    session: Session,
    owner_kind: OwnerKind,
    owner: str,
    kind: KeyKind,
    *,
    fingerprint: str,
    material: str,
    at: datetime,
    by: str,
    not_after: datetime | None = None,
    state: str = "active",
) -> None:
    """Store a public key. GatewayError where this owner or another one already has it."""
    known = session.exec(select(KeyRow).where(KeyRow.kind == kind, KeyRow.fingerprint == fingerprint)).first()
    if known is not None:
        owner_shown = "this owner" if known.owner == owner else f"{known.owner_kind} {known.owner}"
        raise GatewayError(f"the key {fingerprint} is already enrolled for {owner_shown} ({known.state})")
    session.add(
        KeyRow(
            owner_kind=owner_kind,
            owner=owner,
            kind=kind,
            fingerprint=fingerprint,
            material=material,
            state=state,
            added_at=at,
            added_by=by,
            not_after=not_after,
        )
    )
    session.flush()


def list_keys(
    session: Session, owner_kind: OwnerKind | None = None, owner: str | None = None
) -> Sequence[Key]:
    """Keys in the order they were added, of one owner or of all."""
    query = select(KeyRow).order_by(col(KeyRow.id))
    if owner_kind is not None:
        query = query.where(KeyRow.owner_kind == owner_kind)
    if owner is not None:
        query = query.where(KeyRow.owner == owner)
    return [_key(row) for row in session.exec(query).all()]


def keys_in_force(
    session: Session, owner_kind: OwnerKind, owner: str, kind: KeyKind, now: datetime
) -> Sequence[Key]:
    """The keys of one owner that count at `now`."""
    rows = session.exec(
        select(KeyRow)
        .where(
            KeyRow.owner_kind == owner_kind,
            KeyRow.owner == owner,
            KeyRow.kind == kind,
            col(KeyRow.state).in_(_IN_FORCE),
        )
        .order_by(col(KeyRow.id))
    ).all()
    return [
        _key(row)
        for row in rows
        if (row.not_before is None or row.not_before <= now)
        and (row.not_after is None or now < row.not_after)
    ]


def end_key(
    session: Session,
    owner_kind: OwnerKind,
    owner: str,
    fingerprint: str,
    *,
    state: Literal["retired", "revoked"],
    at: datetime,
    by: str,
    reason: str | None = None,
) -> Key:
    """Retire or revoke a key, named by its fingerprint or a unique beginning of it."""
    row = _find(session, owner_kind, owner, fingerprint)
    if row.state in {"retired", "revoked"}:
        raise GatewayError(f"the key {row.fingerprint} is {row.state} already")
    row.state, row.ended_at, row.ended_by, row.end_reason = state, at, by, reason
    session.add(row)
    session.flush()
    return _key(row)


def note_use(session: Session, owner_kind: OwnerKind, owner: str, fingerprint: str, at: datetime) -> None:
    """Record that a key was used. A fingerprint that is not enrolled is nothing to record."""
    row = session.exec(
        select(KeyRow).where(
            KeyRow.owner_kind == owner_kind, KeyRow.owner == owner, KeyRow.fingerprint == fingerprint
        )
    ).first()
    if row is not None:
        row.last_used_at, row.uses = at, row.uses + 1
        session.add(row)


def _find(session: Session, owner_kind: OwnerKind, owner: str, fingerprint: str) -> KeyRow:
    wanted = fingerprint.replace(" ", "")
    rows = session.exec(select(KeyRow).where(KeyRow.owner_kind == owner_kind, KeyRow.owner == owner)).all()
    found = [row for row in rows if row.fingerprint.lower().startswith(wanted.lower())]
    exact = [row for row in found if row.fingerprint.lower() == wanted.lower()]
    if len(exact or found) != 1:
        raise NotFoundError(f"{owner} has no single key {fingerprint}")
    return (exact or found)[0]


def _key(row: KeyRow) -> Key:
    return Key(**{name: getattr(row, name) for name in Key.__slots__})
