"""The parts of a certificate as its own packets state them: keys, dates, uses, revocations.

Sequoia parses the packets and tells which signatures hold; whether a certificate may be relied on
is not decided here. What is read serves admission, our own checks at receipt, and the words of a
refusal.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from pysequoia import Cert
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

Revocation = Literal["soft", "hard"]

OLD_HASHES = frozenset({"MD5", "SHA1", "RipeMD"})
"""Digests that can be forged; Sequoia takes no signature that rests on them."""

_UNKNOWN = "unknown"
_REASON_FOR_REVOCATION = 29
# RFC 9580, 5.2.3.31: superseded, retired and "user id no longer valid" leave older signatures good.
_SOFT_REASONS = frozenset({1, 3, 32})
_KEY_TAGS = (Tag.PublicKey, Tag.PublicSubkey, Tag.SecretKey, Tag.SecretSubkey)
_PRIMARY_TAGS = (Tag.PublicKey, Tag.SecretKey)
_USER_TAGS = (Tag.UserID, Tag.UserAttribute)
_SELF_SIGNATURES = (
    SignatureType.DirectKey,
    SignatureType.SubkeyBinding,
    SignatureType.GenericCertification,
    SignatureType.PersonaCertification,
    SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
)
# A version 6 key (RFC 9580, 5.5.2.3) of the private algorithm 254, which sorts after all others.
_LAST_SUBKEY = b"\xce\x4a\x06\0\0\0\0\xfe\0\0\0\x40" + b"\xff" * 64
_REVOCATIONS = (SignatureType.KeyRevocation, SignatureType.SubkeyRevocation)
_NAMES = {"RSAEncryptSign": "RSA", "RSASign": "RSA", "RSAEncrypt": "RSA"}
_WITH_CURVE = ("EdDSA", "ECDSA", "ECDH")
# Curves by their object identifiers (RFC 9580, 9.2).
_CURVES = {
    "2a8648ce3d030107": "NIST P-256",
    "2b81040022": "NIST P-384",
    "2b81040023": "NIST P-521",
    "2b2403030208010107": "Brainpool P-256",
    "2b240303020801010b": "Brainpool P-384",
    "2b240303020801010d": "Brainpool P-512",
    "2b06010401da470f01": "Ed25519",
    "2b060104019755010501": "Curve25519",
}
_WITH_BITS = ("RSA", "DSA", "ElGamal")


@dataclass(frozen=True, slots=True)
class Revoked:
    """One revocation: how final it is, and when it was made."""

    kind: Revocation
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Stated:
    """What a self-signature made `at` a moment says of the expiry of a key; None for never."""

    at: datetime
    expires_at: datetime | None


@dataclass(slots=True)
class Component:
    """One key of a certificate. `bits` is the length of its first number, where it has one."""

    fingerprint: str
    key_id: str
    algorithm: str
    bits: int | None
    primary: bool
    created_at: datetime
    expires_at: datetime | None = None
    can_sign: bool = False
    can_encrypt: bool = False
    bound: bool = False
    revocations: list[Revoked] = field(default_factory=list)
    hashes: set[str] = field(default_factory=set)
    stated: list[Stated] = field(default_factory=list)

    def counted(self, moment: datetime) -> bool:
        """Whether what had been stated of the key by `moment` let it count then."""
        known = max((one for one in self.stated if one.at <= moment), default=None, key=lambda one: one.at)
        return known is not None and (known.expires_at is None or moment < known.expires_at)

    def revoked(self) -> Revocation | None:
        """How the key is revoked, the more final kind first; None where it is not."""
        kinds = {revocation.kind for revocation in self.revocations}
        return "hard" if "hard" in kinds else "soft" if kinds else None

    def is_named(self, handle: str) -> bool:
        """Whether `handle`, a fingerprint or a key id in hex, names this key."""
        return handle.lower() in {self.fingerprint, self.key_id}


def components(certificate: bytes) -> tuple[Component, ...]:
    """The primary key and then the subkeys of one certificate in binary.

    Only self-signatures that Sequoia found good are taken into account. RuntimeError where the
    certificate cannot be read.
    """
    found: list[Component] = []
    current: Component | None = None
    for packet in _good_packets(certificate):
        if packet.tag in _KEY_TAGS:
            current = _component(packet)
            found.append(current)
        elif packet.tag in _USER_TAGS:
            current = found[0] if found else None
        elif packet.tag == Tag.Signature and current is not None:
            _note(packet, current, found[0])
    return tuple(found)


def user_ids(certificate: bytes) -> tuple[str, ...]:
    """The user ids of one certificate, as they stand."""
    return tuple(
        packet.user_id or "" for packet in PacketPile.from_bytes(certificate) if packet.tag == Tag.UserID
    )


def critical_subpackets(body: bytes) -> set[int]:
    """The types of the hashed subpackets of a signature that whoever reads it must understand."""
    return {octet & 0x7F for octet, _ in _subpackets(body) if octet & 0x80}


def _subpackets(body: bytes) -> Iterator[tuple[int, bytes]]:
    """Type octet and data of each hashed subpacket of a version 4 or 6 signature (RFC 9580, 5.2.3.7)."""
    size, start = (4, 8) if body[:1] == b"\x06" else (2, 6)
    area = body[start : start + int.from_bytes(body[4 : 4 + size], "big")]
    position = 0
    while position < len(area):
        length, position = _subpacket_length(area, position)
        if length:
            yield area[position], area[position + 1 : position + length]
        position += length


def _subpacket_length(area: bytes, position: int) -> tuple[int, int]:
    first = area[position]
    if first < 192:  # noqa: PLR2004 - RFC 9580, 5.2.3.7
        return first, position + 1
    if first < 255:  # noqa: PLR2004
        second = area[position + 1] if position + 1 < len(area) else 0
        return ((first - 192) << 8) + second + 192, position + 2
    return int.from_bytes(area[position + 1 : position + 5], "big"), position + 5


def _good_packets(certificate: bytes) -> Iterator[Packet]:
    """The packets of a certificate without the self-signatures that do not hold.

    Sequoia writes a certificate in canonical order: keys with their good signatures, and the bad
    ones after everything else. A last subkey of no known kind shows where that is.
    """
    marked = Cert.from_bytes(certificate + _LAST_SUBKEY)
    packets = list(PacketPile.from_bytes(bytes(marked)))
    last = next((n for n, packet in enumerate(packets) if bytes(packet) == _LAST_SUBKEY), None)
    if last is None or any(packet.tag in _KEY_TAGS for packet in packets[last + 1 :]):
        raise RuntimeError("the certificate is not in the order that was expected")
    yield from packets[:last]


def _component(packet: Packet) -> Component:
    return Component(
        fingerprint=packet.fingerprint or "",
        key_id=packet.key_id or "",
        algorithm=_algorithm(packet),
        bits=_bits(packet),
        primary=packet.tag in _PRIMARY_TAGS,
        created_at=_known(packet.key_created),
    )


def name_of(value: object) -> str:
    """The bare name of one of pysequoia's constants, such as `SHA256`."""
    return repr(value).rpartition(".")[2]


def _algorithm(key: Packet) -> str:
    """The algorithm in the words of people: `RSA`, `Ed25519`, `NIST P-256`, …"""
    try:
        name = name_of(key.key_algorithm)
    except RuntimeError:
        return _UNKNOWN
    if name in _WITH_CURVE:
        length = key.body[6]
        return _CURVES.get(key.body[7 : 7 + length].hex(), name)
    return _NAMES.get(name, name)


def _hash(signature: Packet) -> str:
    try:
        return name_of(signature.hash_algorithm)
    except RuntimeError:
        return _UNKNOWN


def _bits(packet: Packet) -> int | None:
    """The length of the modulus or prime: the first number after version, time and algorithm."""
    if not _algorithm(packet).startswith(_WITH_BITS):
        return None
    return int.from_bytes(packet.body[6:8], "big")


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        raise RuntimeError("a key without a time of creation")
    return moment


def _note(signature: Packet, subject: Component, primary: Component) -> None:
    """Take into account what a self-signature states; those by others, or unheard of, state nothing."""
    try:
        kind = signature.signature_type
    except RuntimeError:
        return
    issuer = signature.issuer_fingerprint or signature.issuer_key_id
    if issuer is not None and not primary.is_named(issuer):
        return
    if kind in _REVOCATIONS:
        subject.revocations.append(Revoked(_finality(signature), signature.signature_created))
    elif kind in _SELF_SIGNATURES:
        _note_binding(signature, subject)


def _note_binding(signature: Packet, subject: Component) -> None:
    subject.bound = True
    subject.hashes.add(_hash(signature))
    made, period = signature.signature_created, signature.key_validity_period
    if made is None:
        return
    expires_at = subject.created_at + period if period and period > timedelta(0) else None
    subject.stated.append(Stated(made, expires_at))
    if any(made < one.at for one in subject.stated):
        return
    subject.expires_at = expires_at
    flags = signature.key_flags
    if flags is not None:
        subject.can_sign = flags.signing
        subject.can_encrypt = flags.transport_encryption or flags.storage_encryption


def _finality(signature: Packet) -> Revocation:
    for octet, data in _subpackets(signature.body):
        if octet & 0x7F == _REASON_FOR_REVOCATION and data:
            return "soft" if data[0] in _SOFT_REASONS else "hard"
    return "hard"
