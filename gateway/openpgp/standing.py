"""The standing of each key of a certificate at a moment: in force, until when, and uses.

Sequoia judges a key at the time of a signature, and names an expiry for the present only; other moments are
judged here by the same rules (RFC 9580, 5.2.3.10): the newest statement in force counts; for facts not stated
on the leading user id (for a subkey, in its binding), the statement on the primary key itself counts.
`tests/openpgp/test_moments.py` compares the two.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from gateway.openpgp.self_signatures import Revocation, Revoked, SelfSignature, counting, revocation_at

T = TypeVar("T")
# The uses of old key kinds without stated uses; newer kinds then have none.
_USES_OF_OLD = {
    "RSAEncryptSign": (True, True),
    "RSASign": (True, False),
    "DSA": (True, False),
    "RSAEncrypt": (False, True),
    "ElGamalEncrypt": (False, True),
    "ElGamalEncryptSign": (False, True),
}


@dataclass(frozen=True, slots=True)
class Component:
    """One key of a certificate. `bits` is the length of its first number, if any.

    `said` are the statements on the key itself, newest first: for a subkey, the binding ones.
    """

    fingerprint: str
    key_id: str
    algorithm: str
    kind: str
    bits: int | None
    primary: bool
    created_at: datetime
    public: bytes = b""
    said: list[SelfSignature] = field(default_factory=list)
    revocations: list[Revoked] = field(default_factory=list)

    def is_named(self, handle: str) -> bool:
        """Return True if `handle`, a fingerprint or key id in hex, names this key."""
        return handle.lower() in {self.fingerprint, self.key_id}


@dataclass(frozen=True, slots=True)
class UserId:
    """A name or picture in a certificate, with its owner's statements."""

    value: bytes
    text: bool
    said: list[SelfSignature] = field(default_factory=list)
    revocations: list[Revoked] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """The standing of a key at one moment. `expires_at` None: never; `since`: first revocation.

    `bound`: the owner had vouched for the key and its certificate. `says_uses`: uses are stated.
    """

    bound: bool
    expires_at: datetime | None = None
    alive: bool = False
    says_uses: bool = False
    can_sign: bool = False
    can_encrypt: bool = False
    revoked: Revocation | None = None
    since: datetime | None = None

    @property
    def counts(self) -> bool:
        """True if the key may be used."""
        return self.bound and self.alive and self.revoked is None


@dataclass(frozen=True, slots=True)
class Parts:
    """One certificate: `keys` are the primary key and then the subkeys."""

    keys: tuple[Component, ...]
    user_ids: tuple[UserId, ...]

    @property
    def primary(self) -> Component:
        """The primary key."""
        return self.keys[0]

    def standing(self, key: Component, moment: datetime) -> Standing:
        """Return the standing of a key at `moment`, alone; `counts` adds its certificate's."""
        leading = self._leading(moment)
        statement = leading if key.primary else counting(key.said, moment)
        if leading is None or statement is None:
            return Standing(bound=False, revoked=self._revoked(key, moment, statement), since=_since(key))
        direct = counting(self.primary.said, moment)
        lasts = _first(statement.lasts, direct.lasts if direct else None)
        expires_at = key.created_at + lasts if lasts else None
        uses = _USES_OF_OLD.get(key.kind, (False, False))
        flags = _first(_uses(statement), _uses(direct) if direct else None)
        signs, encrypts = flags or uses
        return Standing(
            bound=True,
            expires_at=expires_at,
            alive=key.created_at <= moment and (expires_at is None or moment < expires_at),
            says_uses=flags is not None,
            can_sign=signs and (key.primary or statement.is_backed(moment)),
            can_encrypt=encrypts,
            revoked=self._revoked(key, moment, statement),
            since=_since(key),
        )

    def counts(self, key: Component, moment: datetime) -> bool:
        """Return True if the key and its certificate are in force at `moment`."""
        return all(self.standing(one, moment).counts for one in (self.primary, key))

    def signs(self, key: Component, moment: datetime) -> bool:
        """Return True if a data signature made by the key at `moment` is valid then."""
        return self.counts(key, moment) and self.standing(key, moment).can_sign

    def statements(self, key: Component) -> Iterator[SelfSignature]:
        """Yield every statement about a key; for the primary key, also those on user ids."""
        yield from key.said
        if key.primary:
            for user_id in self.user_ids:
                yield from user_id.said

    def is_meant_to_sign(self, key: Component) -> bool:
        """Return True if the owner has ever stated that the key may sign."""
        signs, _ = _USES_OF_OLD.get(key.kind, (False, False))
        statements = list(self.statements(key))
        direct = any(one.signs for one in self.primary.said)
        return any(one.signs or (one.signs is None and (signs or direct)) for one in statements)

    def adopted(self) -> list[Component]:
        """List subkeys seemingly allowed to sign, without their own consent to this certificate.

        By binding a stranger's key without stating uses, left to the primary key or the kind of key, an owner
        could otherwise claim the stranger's signatures.
        """
        return [
            key
            for key in self.keys
            if not key.primary and self.is_meant_to_sign(key) and not any(one.backings for one in key.said)
        ]

    def _leading(self, moment: datetime) -> SelfSignature | None:
        """Return the certificate's own statement: on the leading user id, else on the key itself."""
        found = []
        for place, user_id in enumerate(self.user_ids):
            said = counting(user_id.said, moment) if user_id.text else None
            if said is not None:
                revoked = revocation_at(_as_soft(user_id.revocations), moment, said.made) is not None
                found.append(((not revoked, said.leads, said.made, -place), said))
        if found:
            return max(found, key=lambda one: one[0])[1]
        return counting(self.primary.said, moment)

    def _revoked(
        self, key: Component, moment: datetime, statement: SelfSignature | None
    ) -> Revocation | None:
        made = [statement.made] if statement is not None else []
        if key.primary and (direct := counting(key.said, moment)) is not None:
            made.append(direct.made)
        return revocation_at(key.revocations, moment, max(made, default=None))


def _first(*values: T | None) -> T | None:
    return next((value for value in values if value is not None), None)


def _uses(said: SelfSignature) -> tuple[bool, bool] | None:
    return None if said.signs is None else (said.signs, bool(said.encrypts))


def _as_soft(revocations: Sequence[Revoked]) -> list[Revoked]:
    """Return revocations of a user id as soft: an owner may vouch for a user id again after any."""
    return [Revoked("soft", one.at, one.ends) for one in revocations]


def _since(key: Component) -> datetime | None:
    return min((one.at for one in key.revocations if one.at), default=None)
