"""Store, find and end keys (SSH, OpenPGP certificates, passkeys, OpenID accounts), each with owner and state.

States: pending (not yet in force) -> active -> retiring (in force until `not_after`) -> retired, or revoked.
A key is in force while active or retiring and within the gateway's own limits; `gateway.openpgp.judge` judges
whether a certificate has expired.
"""

from base64 import b64decode
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, case, update
from sqlalchemy import select as select_columns
from sqlmodel import Session, col

from gateway.errors import GatewayError, NotFoundError
from gateway.model import KeyKind, NewKey
from gateway.registry import givings, log
from gateway.registry.tables import EventRow, KeyRow
from gateway.registry.tables.row import UtcDateTime, rows, store

OwnerKind = Literal["provider", "staff", "gateway"]
Revocation = Literal["soft", "hard"]
Ended = Literal["retired", "revoked"]
KeyState = Literal["pending", "active", "retiring"] | Ended
IN_FORCE = ("active", "retiring")
_COLUMN = {"why": "end_reason"}
_SAID_OF: Mapping[KeyKind, tuple[str, str]] = {
    "ssh": ("SSH key", "log in"),
    "openpgp": ("OpenPGP key", "send anything"),
    "passkey": ("passkey", "log in to the console with one"),
    "openid": ("OpenID account", "log in to the console with one"),
}
_OF_BROWSERS = "sk-ecdsa-sha2-nistp256@openssh.com"
_AT = bindparam("at", type_=UtcDateTime())
_USED = (
    update(KeyRow)
    .where(
        col(KeyRow.owner_kind) == bindparam("kind_of"),
        col(KeyRow.owner) == bindparam("of"),
        col(KeyRow.fingerprint) == bindparam("by"),
    )
    .values(
        # A file that waited may be decided after later ones.
        last_used_at=case((col(KeyRow.last_used_at) > _AT, col(KeyRow.last_used_at)), else_=_AT),
        uses=col(KeyRow.uses) + bindparam("times"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A public key with owner, state and dates, as in `KeyRow`. `why` is the reason for ending the key.

    `unconfirmed` is true until a person confirms the key's owner; until then a passkey may only log in and
    read.
    """

    owner_kind: OwnerKind
    owner: str
    kind: KeyKind
    fingerprint: str
    material: str
    algorithm: str
    state: KeyState
    added_at: datetime
    added_by: str
    expires_at: datetime | None
    not_before: datetime | None
    not_after: datetime | None
    ended_at: datetime | None
    ended_by: str | None
    why: str | None
    revocation: Revocation | None
    warned_days: int | None
    dropped_as: str | None
    last_used_at: datetime | None
    uses: int
    unconfirmed: bool | None = None

    def has_expired(self, now: datetime) -> bool:
        """Return True if the certificate's own expiry is at or before `now`."""
        return self.expires_at is not None and self.expires_at <= now

    @property
    def noun(self) -> str:
        """The name of this kind of key in a sentence, as "SSH key"."""
        # An SSH key that a browser made as a passkey has a site's name; a token's key has none.
        kind, _, blob = self.material.partition(" ") if self.kind == "ssh" else ("", "", "")
        site = b64decode(blob).rpartition(b"ssh:")[2] if kind == _OF_BROWSERS else b""
        return _SAID_OF["passkey" if b"." in site or site == b"localhost" else self.kind][0]

    @property
    def use(self) -> str:
        """The use of this kind of key, in words, such as "log in" for an SSH key."""
        return _SAID_OF[self.kind][1]

    @property
    def until(self) -> datetime | None:
        """The moment of the key's end or expiry, whichever is first; None for a key without an end."""
        moments = (self.ended_at, self.not_after, self.expires_at)
        return min((moment for moment in moments if moment is not None), default=None)

    def days_left(self, now: datetime) -> int | None:
        """Return the days left until the key ends, today counted; None if the key never ends or has ended."""
        end = self.until
        return None if end is None or end <= now else -((now - end) // timedelta(days=1))

    def step_due(self, now: datetime, steps: Iterable[int]) -> int | None:
        """Return the lowest of `steps` (in days) that is not below the days left; None if none is."""
        left = self.days_left(now)
        return min((step for step in steps if left is not None and left <= step), default=None)

    def may_be_revoked(self, revocation: Revocation) -> bool:
        """Return True if the key is not revoked yet, or if a "soft" revocation would become "hard"."""
        return self.state != "revoked" or (self.revocation, revocation) == ("soft", "hard")

    def is_in_force(self, now: datetime) -> bool:
        """Return True if the key may be used at `now`, by its state and the end set by the gateway.
        The expiry of a certificate is not judged here, but in `gateway.openpgp.judge`.
        """
        begun = self.not_before is None or self.not_before <= now
        return self.state in IN_FORCE and begun and (self.not_after is None or now < self.not_after)


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
    algorithm: str = "",
    expires_at: datetime | None = None,
    state: KeyState = "active",
    unconfirmed: bool = False,
    dropped_as: str | None = None,
    left: bool = False,
) -> Key:
    """Store a public key. The arguments are columns of `KeyRow`. GatewayError if the key is on record
    already. `left`: True if the key may be on record as the retired key of a former colleague.
    """
    known = holder(session, kind, fingerprint)
    if known is not None and not (left and known.state == "retired"):
        owner_shown = "this owner" if known.owner == owner else f"{known.owner_kind} {known.owner}"
        way_out = ""
        if known.owner_kind == owner_kind == "provider" and known.owner != owner:
            way_out = (
                f". If {owner} is {known.owner} under a new name or kind, keep its record and its keys: "
                f"gateway providers convert {known.owner}, or gateway providers set {known.owner}"
            )
        raise GatewayError(
            f"the key {fingerprint} is already enrolled for {owner_shown} ({known.state}){way_out}"
        )
    row = KeyRow(
        owner_kind=owner_kind,
        owner=owner,
        kind=kind,
        fingerprint=fingerprint,
        material=material,
        state=state,
        added_at=at,
        added_by=by,
        algorithm=algorithm,
        expires_at=expires_at,
        dropped_as=dropped_as,
        unconfirmed=unconfirmed or state == "pending" or None,
    )
    if left:
        for before in rows(session, KeyRow, owner_kind=owner_kind, owner=owner, fingerprint=fingerprint):
            row = before.sqlmodel_update(row.model_dump(exclude={"id", "uses"}))
    store(session, row)
    if owner_kind == "staff":
        givings.note(session, owner, "key", fingerprint, by=by, at=at)
    return _key(row)


def holder(session: Session, kind: KeyKind, fingerprint: str) -> Key | None:
    """Return the key with a fingerprint, of any owner and in any state; None if no key has it.
    Of an OpenID account that several people had in turn, return the present owner's; else a revoked one, if
    any.
    """
    found = _read(session, KeyRow.kind == kind, KeyRow.fingerprint == fingerprint)
    ended = ("retired", "revoked")
    return max(found, key=lambda one: (one.state not in ended, one.state == "revoked"), default=None)


def dropped_key(session: Session, reference: str) -> Key | None:
    """Return the key from a provider's upload with the given reference; None if the upload gave no key."""
    return next(iter(_read(session, KeyRow.dropped_as == reference)), None)


def list_keys(session: Session, owner_kind: OwnerKind | None = None, owner: str | None = None) -> list[Key]:
    """Return keys in the order of enrolment, of one owner or of all."""
    of_kind = () if owner_kind is None else (KeyRow.owner_kind == owner_kind,)
    return _read(session, *of_kind, *(() if owner is None else (KeyRow.owner == owner,)))


def in_use(session: Session) -> Sequence[Key]:
    """Return all active and retiring keys, in the order of enrolment."""
    return _read(session, col(KeyRow.state).in_(IN_FORCE))


def keys_in_force(
    session: Session, owner_kind: OwnerKind, owner: str | None, kind: KeyKind, now: datetime
) -> Sequence[Key]:
    """Return the keys of a `kind` in force at `now`, of `owner` or (None) of all owners of `owner_kind`."""
    found = list_keys(session, owner_kind, owner)
    return [key for key in found if key.kind == kind and key.is_in_force(now)]


def find_key(session: Session, owner_kind: OwnerKind, owner: str, fingerprint: str) -> Key:
    """Find a key by fingerprint or a beginning of it. NotFoundError unless exactly one key fits."""
    return _key(_find(session, owner_kind, owner, fingerprint))


def approve_key(session: Session, key: Key) -> Key:
    """Put a pending or unconfirmed key in force. GatewayError in any other state."""
    row = _row_of(session, key)
    if row.state != "pending" and not (row.unconfirmed and row.state in IN_FORCE):
        raise GatewayError(f"the key {row.fingerprint} does not wait for approval; it is {row.state}")
    if row.state == "pending":  # A suspended key may have been retiring.
        row.state = "retiring" if row.not_after else "active"
    row.unconfirmed = None
    return _key(row)


def suspend_key(session: Session, key: Key) -> Key:
    """Take a key out of use until a person approves the key again. GatewayError for a key not in use."""
    row = _row_of(session, key)
    if row.state not in IN_FORCE:
        raise GatewayError(f"the key {row.fingerprint} is {row.state}; only a key in use can be suspended")
    row.state = "pending"
    return _key(row)


def suspension(session: Session, key: Key) -> EventRow | None:
    """Return the log's entry about the suspension of a key that is suspended; None for any other key."""
    if key.state != "pending":
        return None
    return next(reversed(log.events(session, key.fingerprint, kind="key-suspended")), None)


def suspended(session: Session) -> Iterator[tuple[Key, EventRow]]:
    """Yield each suspended key, with the log's entry about the suspension."""
    for key in _read(session, KeyRow.state == "pending"):
        entry = suspension(session, key)
        if entry is not None:
            yield key, entry


def renew_key(session: Session, key: Key, renewed: NewKey) -> Key:
    """Store the `renewed` form of a certificate: the same certificate with later dates or further subkeys."""
    row = _row_of(session, key)
    row.material, row.algorithm, row.expires_at = renewed.material, renewed.algorithm, renewed.expires_at
    row.warned_days = None
    return _key(row)


def retire_later(session: Session, key: Key, until: datetime) -> Key:
    """Make a key in use retire at the moment `until`. GatewayError for a key not in use."""
    row = _row_of(session, key)
    if row.state not in IN_FORCE:
        raise GatewayError(f"the key {row.fingerprint} is {row.state}; only a key in use can be retiring")
    row.state, row.not_after = "retiring", until
    return _key(row)


def restore_key(session: Session, key: Key) -> Key:
    """Put a retired or retiring key back into use. GatewayError for a key in any other state.
    GatewayError also where the owner has used another key of the same kind since the retirement.
    """
    row = _row_of(session, key)
    if row.state not in {"retired", "retiring"}:
        raise GatewayError(f"the key {row.fingerprint} is {row.state}; only a retired key can be restored")
    now = holder(session, key.kind, key.fingerprint)
    if now is not None and now.owner != row.owner and now.state in IN_FORCE:
        raise GatewayError(f"the key {row.fingerprint} is that of {now.owner} now")
    since = row.ended_at
    others = list_keys(session, key.owner_kind, key.owner)
    if since is not None and any(
        other.kind == row.kind and other.last_used_at is not None and other.last_used_at > since
        for other in others
        if other.fingerprint != row.fingerprint
    ):
        raise GatewayError(
            f"{row.owner} has used another key since {row.fingerprint} was retired: enrol a new one"
        )
    row.state, row.not_after = "pending" if row.unconfirmed else "active", None
    row.ended_at, row.ended_by, row.end_reason = None, None, None
    return _key(row)


def end_key(
    session: Session, key: Key, state: Ended, *, at: datetime, by: str, why: str | None = None,
    revocation: Revocation = "hard",
) -> Key:  # fmt: skip
    """Retire or revoke a key (`state`).
    A retired key may still be revoked, at a new time. A soft revocation may be made hard; the time stays.
    GatewayError for a revoked key, and also, if `state` is "retired", for a key already retired or suspended:
    restoring it then would take no second person.
    """
    row = _row_of(session, key)
    if state == "retired" and row.state == "pending" and not row.unconfirmed:
        raise GatewayError(f"the key {row.fingerprint} is suspended; it is revoked or confirmed, not retired")
    hardens = state == row.state == "revoked" and _key(row).may_be_revoked(revocation)
    if row.state in {"revoked", state} and not hardens:
        raise GatewayError(f"the key {row.fingerprint} is {row.state} already")
    if not hardens:
        row.ended_at = at
    row.state, row.ended_by, row.end_reason = state, by, why
    row.revocation = revocation if state == "revoked" else None
    return _key(row)


def note_warning(session: Session, key: Key, days: int) -> None:
    """Record that a key's owner was warned `days` before the key's expiry."""
    _row_of(session, key).warned_days = days


def _find(session: Session, owner_kind: OwnerKind, owner: str, fingerprint: str) -> KeyRow:
    wanted = fingerprint.replace(" ", "")
    theirs = rows(session, KeyRow, owner_kind=owner_kind, owner=owner)
    found = [row for row in theirs if row.fingerprint.lower().startswith(wanted.lower())]
    if not wanted or len(found) != 1:
        raise NotFoundError(f"{owner} has no single key {fingerprint}")
    return found[0]


def _row_of(session: Session, key: Key) -> KeyRow:
    return _find(session, key.owner_kind, key.owner, key.fingerprint)


def _key(row: KeyRow) -> Key:
    return Key(**{name: getattr(row, _COLUMN.get(name, name)) for name in Key.__slots__})


def _read(session: Session, *which: Any) -> list[Key]:  # noqa: ANN401 - conditions, as `select` takes them
    columns = (getattr(KeyRow, _COLUMN.get(name, name)).label(name) for name in Key.__slots__)
    query = select_columns(*columns).where(*which).order_by(col(KeyRow.id))
    return [Key(**row) for row in session.execute(query).mappings()]


def note_each(session: Session, owner_kind: OwnerKind, uses: Collection[tuple[str, str, datetime]]) -> None:
    """Record uses of keys; each of `uses` is the key's owner, the fingerprint and the time.
    A use of an unknown key is ignored, and a later use on record stays the last.
    """
    times = Counter((owner, fingerprint) for owner, fingerprint, _ in uses)
    latest = {(owner, fingerprint): at for owner, fingerprint, at in sorted(uses)}
    given = [
        {"kind_of": owner_kind, "of": of, "by": by, "at": latest[of, by], "times": count}
        for (of, by), count in sorted(times.items())
    ]
    if given:  # The log vouches for neither column.
        session.connection().execute(_USED, given)
        for row in session.identity_map.values():
            if isinstance(row, KeyRow):
                session.expire(row, ("uses", "last_used_at"))
