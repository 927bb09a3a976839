"""Read the keys and user ids of a certificate from its packets, and judge their validity at any moment.

Sequoia parses the packets and verifies the signatures; `Parts.standing` judges validity.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache

from pysequoia import Cert
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from gateway.openpgp import self_signatures

# Sequoia judges a key at the time of a signature, and names an expiry for the present only. Other moments are
# judged here by the same rules (RFC 9580, 5.2.3.10): the newest statement in force counts; for facts that are
# not stated on the leading user id (for a subkey, in its binding), that on the primary key itself counts.
# `tests/openpgp/test_moments.py` compares the two.

# Uses (sign, encrypt) of old kinds of keys whose owner states none; newer kinds then have none.
_USES_OF_OLD = {
    "RSAEncryptSign": (True, True), "RSASign": (True, False), "DSA": (True, False),
    "RSAEncrypt": (False, True), "ElGamalEncrypt": (False, True), "ElGamalEncryptSign": (False, True),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Component:
    """One key of a certificate. `bits`: length of the first number in the key material, if any.
    `said`: the owner's statements on the key, newest first; for a subkey, the statements that bind it.
    """

    fingerprint: str
    key_id: str
    algorithm: str
    kind: str
    bits: int | None
    primary: bool
    created_at: datetime
    public: bytes = b""
    said: list[self_signatures.SelfSignature] = field(default_factory=list)
    revocations: list[self_signatures.Revoked] = field(default_factory=list)

    def is_named(self, handle: str) -> bool:
        """Return True if `handle`, a fingerprint or key id in hex, names this key."""
        return handle.lower() in {self.fingerprint, self.key_id}


@dataclass(frozen=True, slots=True)
class UserId:
    """A name or picture in a certificate, with the owner's statements on it (`said`), newest first."""

    value: bytes
    text: bool
    said: list[self_signatures.SelfSignature] = field(default_factory=list)
    revocations: list[self_signatures.Revoked] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Validity of a key at one moment. `expires_at`: None for never. `since`: time of the first revocation.
    `bound`: the owner had bound the key by a signature. `says_uses`: the owner states the key's uses.
    """

    bound: bool
    expires_at: datetime | None = None
    alive: bool = False
    says_uses: bool = False
    can_sign: bool = False
    can_encrypt: bool = False
    revoked: self_signatures.Revocation | None = None
    since: datetime | None = None

    @property
    def counts(self) -> bool:
        """True if the key itself, whatever its primary key, is bound, alive and not revoked."""
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
        """Return the validity of a key at `moment`, whatever that of its primary key (see `counts`)."""
        leading = self._leading(moment)
        statement = leading if key.primary else self_signatures.counting(key.said, moment)
        if leading is None or statement is None:
            return Standing(bound=False, revoked=self._revoked(key, moment, statement), since=_since(key))
        direct = self_signatures.counting(self.primary.said, moment)
        stated = [statement] if direct is None else [statement, direct]
        lasts = next((one.lasts for one in stated if one.lasts is not None), None)
        expires_at = key.created_at + lasts if lasts else None
        signs, encrypts = _USES_OF_OLD.get(key.kind, (False, False))
        if (flags := next((one for one in stated if one.signs is not None), None)) is not None:
            signs, encrypts = bool(flags.signs), bool(flags.encrypts)
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

    def statements(self, key: Component) -> Iterator[self_signatures.SelfSignature]:
        """Yield the owner's statements about a key; for the primary key, also those on user ids."""
        yield from key.said
        if key.primary:
            for user_id in self.user_ids:
                yield from user_id.said

    def is_meant_to_sign(self, key: Component) -> bool:
        """Return True if the owner ever stated that the key may sign, or its algorithm can only sign."""
        signs, _ = _USES_OF_OLD.get(key.kind, (False, False))
        statements = list(self.statements(key))
        direct = any(one.signs for one in self.primary.said)
        return any(one.signs or (one.signs is None and (signs or direct)) for one in statements)

    def adopted(self) -> list[Component]:
        """Return subkeys that may sign but never consented to belong to this certificate.
        By binding a stranger's key, an owner could otherwise claim the stranger's signatures.
        """
        return [
            key
            for key in self.keys
            if not key.primary and self.is_meant_to_sign(key) and not any(one.backings for one in key.said)
        ]

    def _leading(self, moment: datetime) -> self_signatures.SelfSignature | None:
        """Return the statement in force on the main user id at a moment, else the one on the primary key."""
        found = []
        for place, user_id in enumerate(self.user_ids):
            said = self_signatures.counting(user_id.said, moment) if user_id.text else None
            if said is not None:
                # All as soft: an owner may vouch for a user id again after any revocation of it.
                soft = [self_signatures.Revoked("soft", one.at, one.ends) for one in user_id.revocations]
                revoked = self_signatures.revocation_at(soft, moment, said.made) is not None
                found.append(((not revoked, said.leads, said.made, -place), said))
        if found:
            return max(found, key=lambda one: one[0])[1]
        return self_signatures.counting(self.primary.said, moment)

    def _revoked(
        self, key: Component, moment: datetime, statement: self_signatures.SelfSignature | None
    ) -> self_signatures.Revocation | None:
        made = [statement.made] if statement is not None else []
        if key.primary and (direct := self_signatures.counting(key.said, moment)) is not None:
            made.append(direct.made)
        return self_signatures.revocation_at(key.revocations, moment, max(made, default=None))


def _since(key: Component) -> datetime | None:
    return min((one.at for one in key.revocations if one.at), default=None)


_KEY_TAGS = (Tag.PublicKey, Tag.PublicSubkey, Tag.SecretKey, Tag.SecretSubkey)
_PRIMARY_TAGS = (Tag.PublicKey, Tag.SecretKey)
_STATEMENTS = (
    SignatureType.DirectKey, SignatureType.SubkeyBinding, SignatureType.GenericCertification,
    SignatureType.PersonaCertification, SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
)  # fmt: skip
# A version 6 key (RFC 9580, 5.5.2.3) of the private algorithm 254, sorting after all others.
_LAST_SUBKEY = b"\xce\x4a\x06\0\0\0\0\xfe\0\0\0\x40" + b"\xff" * 64
_REVOCATIONS = (
    SignatureType.KeyRevocation, SignatureType.SubkeyRevocation, SignatureType.CertificationRevocation,
)  # fmt: skip
_NAMES = {"RSAEncryptSign": "RSA", "RSASign": "RSA", "RSAEncrypt": "RSA"}
_WITH_CURVE = ("EdDSA", "ECDSA", "ECDH")
# Curves by their object identifiers (RFC 9580, 9.2).
_CURVES = {
    "2a8648ce3d030107": "NIST P-256",
    "2b81040022": "NIST P-384",
    "2b81040023": "NIST P-521",
    "2b8104000a": "secp256k1",
    "2b2403030208010107": "Brainpool P-256",
    "2b240303020801010b": "Brainpool P-384",
    "2b240303020801010d": "Brainpool P-512",
    "2b06010401da470f01": "Ed25519",
    "2b060104019755010501": "Curve25519",
}
_VERSION_6 = b"\x06"
_WITH_BITS = ("RSA", "DSA", "ElGamal")


@lru_cache(maxsize=64)
def parts_of(certificate: bytes) -> Parts:
    """Return the parts of a binary certificate, by verified signatures. RuntimeError if unreadable."""
    keys: list[Component] = []
    users: list[UserId] = []
    subject: Component | UserId | None = None
    for packet in _good_packets(certificate):
        if packet.tag in _KEY_TAGS:
            subject = _component(packet)
            keys.append(subject)
        elif packet.tag in (Tag.UserID, Tag.UserAttribute):
            subject = UserId(packet.body, packet.tag == Tag.UserID)
            users.append(subject)
        elif packet.tag == Tag.Signature and subject is not None:
            _note(packet, subject, keys[0])
    # Between two otherwise equal user ids, Sequoia takes the one sorting first as leading.
    return Parts(tuple(keys), tuple(sorted(users, key=lambda user: user.value)))


def own_packets(certificate: bytes) -> bytes:
    """Return a certificate in binary with only the owner's own statements, and without pictures.
    Anybody may append any amount to a certificate: that must not crowd out the owner's renewals and
    revocations. RuntimeError as `parts_of`.
    """
    kept: list[bytes] = []
    primary: Component | None = None
    user_id: Packet | None = None
    named = False
    for packet in _good_packets(certificate):
        if packet.tag in _KEY_TAGS:
            primary, user_id = primary or _component(packet), None
            kept.append(bytes(packet))
        elif packet.tag in (Tag.UserID, Tag.UserAttribute):
            user_id, named = packet, False
        elif packet.tag == Tag.Signature and primary is not None and _is_own(packet, primary):
            if user_id is not None and user_id.tag == Tag.UserAttribute:
                continue
            if user_id is not None and not named:
                kept.append(bytes(user_id))
                named = True
            body = self_signatures.lean(packet.body)
            whole = b"\xc2\xff" + len(body).to_bytes(4, "big") + body
            kept.append(bytes(packet) if body == packet.body else whole)
    return b"".join(kept)


def components(certificate: bytes) -> tuple[Component, ...]:
    """Return the keys of a certificate in binary, the primary key first. RuntimeError as `parts_of`."""
    return parts_of(certificate).keys


def says_what_it_reads(certificate: bytes) -> bool:
    """Return True if a certificate states the kinds of encryption its owner's programs read.
    A certificate of version 6 does; an older one does by the subpacket Features (RFC 9580, 5.2.3.32).
    Raises RuntimeError as `parts_of` does.
    """
    primary, *rest = _good_packets(certificate)
    if primary.body[:1] == _VERSION_6:
        return True
    owner = _component(primary)
    return any(
        one.kind == self_signatures.FEATURES
        for packet in rest
        if packet.tag == Tag.Signature and _is_own(packet, owner)
        for one in self_signatures.hashed(packet.body)
    )


def user_ids(certificate: bytes) -> tuple[str, ...]:
    """Return the user ids of a certificate as written there."""
    every = PacketPile.from_bytes(certificate)
    return tuple(packet.user_id or "" for packet in every if packet.tag == Tag.UserID)


def _good_packets(certificate: bytes) -> Iterator[Packet]:
    """Yield the packets of a certificate, without self-signatures that do not verify.
    Sequoia writes keys with their good signatures first, the newest in front, and the bad ones at the end: a
    subkey of unknown kind, appended here, marks the boundary.
    """
    marked = Cert.from_bytes(certificate + _LAST_SUBKEY)
    packets = list(PacketPile.from_bytes(bytes(marked)))
    last = next((n for n, packet in enumerate(packets) if bytes(packet) == _LAST_SUBKEY), None)
    if last is None or any(packet.tag in _KEY_TAGS for packet in packets[last + 1 :]):
        raise RuntimeError("the certificate is not in the order that was expected")
    yield from packets[:last]


def _component(packet: Packet) -> Component:
    kind = self_signatures.named(packet, "key_algorithm")
    algorithm = _algorithm(kind, packet.body)
    if packet.key_created is None:
        raise RuntimeError("a key without a time of creation")
    # The length of the modulus or prime: the first number after version, time and algorithm.
    return Component(
        fingerprint=packet.fingerprint or "",
        key_id=packet.key_id or "",
        algorithm=algorithm,
        kind=kind,
        bits=int.from_bytes(packet.body[6:8], "big") if algorithm.startswith(_WITH_BITS) else None,
        primary=packet.tag in _PRIMARY_TAGS,
        created_at=packet.key_created,
        public=packet.body,
    )


def _algorithm(kind: str, body: bytes) -> str:
    """Return the common name of a key's algorithm: `RSA`, `Ed25519`, `NIST P-256`, …"""
    if kind in _WITH_CURVE:
        length = body[6]
        return _CURVES.get(body[7 : 7 + length].hex(), kind)
    return _NAMES.get(kind, kind)


def _note(signature: Packet, subject: Component | UserId, primary: Component) -> None:
    """Add the statement or revocation in a self-signature to its subject, a key or user id."""
    if not _is_own(signature, primary):
        return
    if signature.signature_type in _REVOCATIONS:
        subject.revocations.append(self_signatures.read_revocation(signature))
    else:
        said = self_signatures.read_statement(
            signature, binds_subkey=isinstance(subject, Component) and not subject.primary
        )
        if said is not None:
            subject.said.append(said)


def _is_own(signature: Packet, primary: Component) -> bool:
    """Return True if a verified signature is made by the primary key about its own certificate."""
    try:
        kind = signature.signature_type
    except RuntimeError:  # Of unknown type.
        return False
    issuer = signature.issuer_fingerprint or signature.issuer_key_id
    is_of_primary = issuer is None or primary.is_named(issuer)
    return is_of_primary and (kind in _REVOCATIONS or kind in _STATEMENTS)
