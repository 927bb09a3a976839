"""How each key of a certificate stands at a moment: in force or not, until when, and for what.

Sequoia judges a key at the time of a signature, and names an expiry for the present moment only; what we
need to know of other moments is told here by the same rules (RFC 9580, 5.2.3.10): the newest statement
counts that is in force, and where the statement on the leading user id (for a subkey, the one that
binds it) is silent, the one on the primary key itself speaks. `tests/openpgp/test_moments.py` holds
both against each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from gateway.openpgp.self_signatures import Revocation, Revoked, SelfSignature, counting, revocation_at

T = TypeVar("T")
# The uses of keys of old whose certificate does not speak of uses; keys of a newer kind have none then.
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
    """One key of a certificate. `bits` is the length of its first number, where it has one.

    `said` are the statements on the key itself, newest first: for a subkey, those that bind it.
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
        """Whether `handle`, a fingerprint or a key id in hex, names this key."""
        return handle.lower() in {self.fingerprint, self.key_id}


@dataclass(frozen=True, slots=True)
class UserId:
    """A name in a certificate, or a picture, and what its owner says of it."""

    value: bytes
    text: bool
    said: list[SelfSignature] = field(default_factory=list)
    revocations: list[Revoked] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a key stands at one moment. `expires_at` None: never; `since`: when it was first revoked.

    `bound`: its owner had vouched for it, and for its certificate. `says_uses`: who says what it is for.
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
        """Whether the key may be used at all."""
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
        """How one of the keys stands at `moment`, by itself: see `counts` for its certificate with it."""
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
        """Whether the key and its certificate are in force at `moment`."""
        return all(self.standing(one, moment).counts for one in (self.primary, key))

    def signs(self, key: Component, moment: datetime) -> bool:
        """Whether a signature over data, made by the key at `moment`, is good at that moment."""
        return self.counts(key, moment) and self.standing(key, moment).can_sign

    def statements(self, key: Component) -> Iterator[SelfSignature]:
        """All that its owner ever says of a key; for the primary key, also what is said on user ids."""
        yield from key.said
        if key.primary:
            for user_id in self.user_ids:
                yield from user_id.said

    def is_meant_to_sign(self, key: Component) -> bool:
        """Whether its owner has said at any time that the key may sign."""
        signs, _ = _USES_OF_OLD.get(key.kind, (False, False))
        statements = list(self.statements(key))
        direct = any(one.signs for one in self.primary.said)
        return any(one.signs or (one.signs is None and (signs or direct)) for one in statements)

    def adopted(self) -> list[Component]:
        """List subkeys that could be taken to sign, and have never agreed to belong to this certificate.

        Whoever binds somebody else's key without speaking of uses, where the primary key or the kind of key
        stands for them, would claim what that one has signed.
        """
        return [
            key
            for key in self.keys
            if not key.primary and self.is_meant_to_sign(key) and not any(one.backings for one in key.said)
        ]

    def _leading(self, moment: datetime) -> SelfSignature | None:
        """The statement that speaks for the certificate: on its leading user id, else on the key itself."""
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
    """A user id may be vouched for again after any revocation of it."""
    return [Revoked("soft", one.at, one.ends) for one in revocations]


def _since(key: Component) -> datetime | None:
    return min((one.at for one in key.revocations if one.at), default=None)
