"""Read the keys and user ids of a certificate from packets, and judge the validity at any moment.

Sequoia parses the packets and verifies the signatures. Self-signatures, the owner's statements on keys and
user ids, are read here; `Parts.standing` judges validity by them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal, NamedTuple

from pysequoia import Cert
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

# Types of a signature's subpackets (RFC 9580, 5.2.3.7).
REVOCATION_KEY = 12
REASON_FOR_REVOCATION = 29
FEATURES = 30
EMBEDDED_SIGNATURE = 32
INTENDED_RECIPIENT = 35

_UNCOVERED = frozenset({16, 33, EMBEDDED_SIGNATURE})
_LARGE = 2048
_MOST_UNCOVERED = 8
_VERSION_6 = b"\x06"
_CRITICAL = 0x80
_ONE_OCTET, _FIVE_OCTETS = 192, 255


class Subpacket(NamedTuple):
    """Subpacket of a signature: type, data, and whether critical (to be understood by every reader)."""

    kind: int
    data: bytes
    critical: bool


def hashed(body: bytes) -> tuple[Subpacket, ...]:
    """Return the subpackets in the hashed area of a signature's body. IndexError if the area is cut off."""
    size, end, _ = areas(body)
    return tuple(_in_area(body[4 + size : end]))


def critical(body: bytes) -> set[int]:
    """Return the types of the critical subpackets in the hashed area of a signature's body."""
    return {one.kind for one in hashed(body) if one.critical}


def _lean(body: bytes) -> bytes:
    """Return the body of a signature without those unhashed parts that somebody else may have added.
    The name of the issuer stays, and so does a subkey's consent, which is signed itself.
    """
    size, end, more = areas(body)
    found = list(_in_area(body[end + size : more]))
    kept = [one for one in found if one.kind in _UNCOVERED and len(one.data) < _LARGE][:_MOST_UNCOVERED]
    if kept == found:
        return body
    bodies = [bytes([one.kind | (_CRITICAL if one.critical else 0)]) + one.data for one in kept]
    area = b"".join(b"\xff" + len(one).to_bytes(4, "big") + one for one in bodies)
    return body[:end] + len(area).to_bytes(size, "big") + area + body[more:]


def areas(body: bytes) -> tuple[int, int, int]:
    """Return the size of the length fields in a signature's body, and where its hashed and unhashed areas
    end.
    """
    size = 4 if body[:1] == _VERSION_6 else 2
    end = 4 + size + int.from_bytes(body[4 : 4 + size], "big")
    return size, end, end + size + int.from_bytes(body[end : end + size], "big")


def _in_area(area: bytes) -> Iterator[Subpacket]:
    position = 0
    while position < len(area):
        length, position = area[position], position + 1
        if length >= _FIVE_OCTETS:
            length, position = int.from_bytes(area[position : position + 4], "big"), position + 4
        elif length >= _ONE_OCTET:
            length, position = ((length - _ONE_OCTET) << 8) + area[position] + _ONE_OCTET, position + 1
        if length:
            kind = area[position]
            yield Subpacket(kind & ~_CRITICAL, area[position + 1 : position + length], bool(kind & _CRITICAL))
        position += length


Revocation = Literal["soft", "hard"]

OLD_HASHES = frozenset({"MD5", "SHA1", "RipeMD"})
"""Digests that can be forged: a signature with one never counts, at any date."""

UNKNOWN = "unknown"
# The subpackets of RFC 9580, 5.2.3.7 understood by Sequoia. Critical notations never are.
UNDERSTOOD = frozenset({2, 3, 4, 5, 6, 7, 9, 11, 12, 16, *range(21, 31), 32, 33, 35, 37, 39})
# RFC 9580, 5.2.3.31: superseded, retired and "user id no longer valid" leave older signatures good.
_SOFT_REASONS = frozenset({1, 3, 32})


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfSignature:
    """The owner's statement on a key or user id. `lasts`, `signs` and `encrypts` are None if not stated.
    `lasts`: how long the key is valid, from the time it was made; zero for ever. `ends`: the end of the
    statement itself. `leads`: the statement calls its user id the main one. `backings`: a signing subkey's
    consents to belong to the certificate, inside the statement on the subkey.
    """

    made: datetime
    ends: datetime | None
    digest: str
    understood: bool = False
    lasts: timedelta | None = None
    signs: bool | None = None
    encrypts: bool | None = None
    leads: bool = False
    backings: tuple[SelfSignature, ...] = ()
    binds_subkey: bool = False

    def holds(self, moment: datetime) -> bool:
        """Return True if the statement is in force at a moment, and every critical part is understood here.
        The signature must use a hash that is still secure. A subkey that signs must have consented.
        """
        if not (self.understood and self.is_timely(moment)):
            return False
        return self.is_backed(moment) if self.binds_subkey and self.signs else True

    def is_backed(self, moment: datetime) -> bool:
        """Return True if a consent of the subkey is in force at a moment (RFC 9580, 5.2.1.9)."""
        return any(backing.is_timely(moment) for backing in self.backings)

    def is_timely(self, moment: datetime) -> bool:
        """Return True if the signature was made by a moment, has not expired then, and uses a hash that is
        still secure.
        """
        lives = self.made <= moment and (self.ends is None or moment < self.ends)
        return lives and self.digest not in OLD_HASHES and self.digest != UNKNOWN


class Revoked(NamedTuple):
    """One revocation: the kind, the time of making, and the end, if any."""

    kind: Revocation
    at: datetime | None
    ends: datetime | None = None

    def counts(self, moment: datetime, since: datetime | None) -> bool:
        """Return True if the revocation is in force at `moment`; a hard revocation is always in force.
        `since`: the time of the owner's newest statement, which lifts an earlier soft revocation; None if the
        owner made no statement.
        """
        if self.kind == "hard":
            return True
        made = self.at or datetime.min.replace(tzinfo=UTC)
        if since is not None and since > made:
            return False
        return made <= moment and (self.ends is None or moment < self.ends)


def newest_in_force(said: Iterable[SelfSignature], moment: datetime) -> SelfSignature | None:
    """Return the newest statement valid at `moment`; `said` is newest first."""
    return next((one for one in said if one.holds(moment)), None)


def revocation_at(
    revocations: Sequence[Revoked], moment: datetime, since: datetime | None
) -> Revocation | None:
    """Return how a key or user id is revoked at a moment: "hard", "soft", or None if not revoked.
    `since`: the time of the owner's newest statement, or None; the statement lifts earlier soft revocations.
    """
    kinds = {one.kind for one in revocations if one.counts(moment, since)}
    return "hard" if "hard" in kinds else "soft" if kinds else None


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
    """One key of a certificate. `bits`: length of modulus or prime of RSA, DSA and ElGamal keys, else None.
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
    said: list[SelfSignature] = field(default_factory=list)
    revocations: list[Revoked] = field(default_factory=list)

    def is_named(self, handle: str) -> bool:
        """Return True if `handle`, a fingerprint or key id in hex, names this key."""
        return handle.lower() in {self.fingerprint, self.key_id}


@dataclass(frozen=True, slots=True)
class UserId:
    """A name or picture in a certificate, with the owner's statements on it (`said`), newest first."""

    value: bytes
    text: bool
    said: list[SelfSignature] = field(default_factory=list)
    revocations: list[Revoked] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Validity of a key at one moment. `expires_at`: None for never. `since`: time of the first revocation.
    `bound`: True if a statement of the owner makes the key part of the certificate. `alive`: True if the key
    was made and has not expired. `says_uses`: True if the owner states the uses of the key.
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
        """True if the key itself is bound, alive and not revoked. The primary key is not considered."""
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
        """Return the validity of a key at `moment`, even if the certificate's primary key is not valid."""
        leading, direct = self._leading(moment), newest_in_force(self.primary.said, moment)
        statement = leading if key.primary else newest_in_force(key.said, moment)
        made = [one.made for one in (statement, direct if key.primary else None) if one is not None]
        revoked = revocation_at(key.revocations, moment, max(made, default=None))
        since = min((one.at for one in key.revocations if one.at), default=None)
        if leading is None or statement is None:
            return Standing(bound=False, revoked=revoked, since=since)
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
            revoked=revoked,
            since=since,
        )

    def counts(self, key: Component, moment: datetime) -> bool:
        """Return True if the key and its certificate are in force at `moment`."""
        return all(self.standing(one, moment).counts for one in (self.primary, key))

    def statements(self, key: Component) -> Iterator[SelfSignature]:
        """Yield the owner's statements about a key; for the primary key, also the statements on user ids."""
        yield from key.said
        if key.primary:
            for user_id in self.user_ids:
                yield from user_id.said

    def is_meant_to_sign(self, key: Component) -> bool:
        """Return True if the owner ever let the key sign, or the algorithm can only sign."""
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

    def _leading(self, moment: datetime) -> SelfSignature | None:
        """Return the statement on the main user id that is in force at a moment; without one, the statement
        on the primary key. None if there is neither.
        """
        found = []
        for place, user_id in enumerate(self.user_ids):
            said = newest_in_force(user_id.said, moment) if user_id.text else None
            if said is not None:
                # All as soft: an owner may vouch for a user id again after any revocation of it.
                soft = [Revoked("soft", one.at, one.ends) for one in user_id.revocations]
                revoked = revocation_at(soft, moment, said.made) is not None
                found.append(((not revoked, said.leads, said.made, -place), said))
        if found:
            return max(found, key=lambda one: one[0])[1]
        return newest_in_force(self.primary.said, moment)


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
    revocations. RuntimeError if the certificate is unreadable.
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
            body = _lean(packet.body)
            whole = b"\xc2\xff" + len(body).to_bytes(4, "big") + body
            kept.append(bytes(packet) if body == packet.body else whole)
    return b"".join(kept)


def says_what_it_reads(certificate: bytes) -> bool:
    """Return True if a certificate states the kinds of encryption known to its owner's programs.
    A certificate of version 6 always states the kinds; an older certificate only in the subpacket Features
    (RFC 9580, 5.2.3.32). RuntimeError if the certificate is unreadable.
    """
    primary = next(_good_packets(certificate))
    return primary.body[:1] == _VERSION_6 or owner_states(certificate, FEATURES)


def owner_states(certificate: bytes, kind: int) -> bool:
    """Return True if the owner of a certificate states a subpacket of a kind. RuntimeError if unreadable."""
    primary, *rest = _good_packets(certificate)
    own = (one for one in rest if one.tag == Tag.Signature and _is_own(one, _component(primary)))
    return any(one.kind == kind for packet in own for one in hashed(packet.body))


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


def material_of(key: bytes) -> bytes:
    """Return a public key's own numbers, from the body of its packet (RFC 9580, 5.5.2)."""
    return key[10:] if key[:1] == _VERSION_6 else key[6:]


def _component(packet: Packet) -> Component:
    kind, material = named(packet, "key_algorithm"), material_of(packet.body)
    # The common name: `RSA`, `Ed25519`, `NIST P-256`, …
    curve = material[1 : 1 + material[0]].hex() if kind in _WITH_CURVE else ""
    algorithm = _CURVES.get(curve, kind) if kind in _WITH_CURVE else _NAMES.get(kind, kind)
    if packet.key_created is None:
        raise RuntimeError("a key without a time of creation")
    return Component(
        fingerprint=packet.fingerprint or "",
        key_id=packet.key_id or "",
        algorithm=algorithm,
        kind=kind,
        bits=int.from_bytes(material[:2], "big") if algorithm.startswith(_WITH_BITS) else None,
        primary=packet.tag in _PRIMARY_TAGS,
        created_at=packet.key_created,
        public=packet.body,
    )


def _note(signature: Packet, subject: Component | UserId, primary: Component) -> None:
    """Note on a key or user id, the `subject`, what a self-signature of the certificate states or revokes."""
    if not _is_own(signature, primary):
        return
    made, ends = signature.signature_created, signature.signature_expiration_time
    if signature.signature_type in _REVOCATIONS:
        # A weak digest counts, too: forging a revocation gains nothing.
        kind: Revocation = "hard"
        for one in hashed(signature.body):
            if one.kind == REASON_FOR_REVOCATION and one.data:
                kind = "soft" if one.data[0] in _SOFT_REASONS else "hard"
        subject.revocations.append(Revoked(kind, made, ends))
    elif made is not None:
        binds_subkey, flags = isinstance(subject, Component) and not subject.primary, signature.key_flags
        subject.said.append(
            SelfSignature(
                made=made,
                ends=ends,
                digest=named(signature, "hash_algorithm"),
                understood=critical(signature.body) <= UNDERSTOOD,
                lasts=signature.key_validity_period,
                signs=None if flags is None else flags.signing,
                encrypts=None if flags is None else flags.transport_encryption or flags.storage_encryption,
                leads=bool(signature.primary_userid),
                backings=tuple(_backings(signature)) if binds_subkey else (),
                binds_subkey=binds_subkey,
            )
        )


def _backings(packet: Packet) -> Iterator[SelfSignature]:
    """Yield the consents of a subkey that a signature contains, in its hashed or unhashed area."""
    size, end, more = areas(packet.body)
    for one in (*hashed(packet.body), *_in_area(packet.body[end + size : more])):
        if one.kind == EMBEDDED_SIGNATURE:
            (inner,) = PacketPile.from_bytes(b"\xc2\xff" + len(one.data).to_bytes(4, "big") + one.data)
            if inner.signature_created is not None:
                made, ends = inner.signature_created, inner.signature_expiration_time
                yield SelfSignature(made=made, ends=ends, digest=named(inner, "hash_algorithm"))


def named(packet: Packet, attribute: str) -> str:
    """Return pysequoia's name of a packet's attribute, such as `SHA256`; `UNKNOWN` for an unknown value."""
    try:
        return repr(getattr(packet, attribute)).rpartition(".")[2]
    except RuntimeError:
        return UNKNOWN


def _is_own(signature: Packet, primary: Component) -> bool:
    """Return True if a verified signature is made by the primary key about its own certificate."""
    try:
        kind = signature.signature_type
    except RuntimeError:  # Of unknown type.
        return False
    issuer = signature.issuer_fingerprint or signature.issuer_key_id
    is_of_primary = issuer is None or primary.is_named(issuer)
    return is_of_primary and (kind in _REVOCATIONS or kind in _STATEMENTS)
