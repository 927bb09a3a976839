"""The parts of a certificate, as stated by its own packets.

Sequoia parses the packets and verifies the signatures; `standing` judges validity at a moment.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache

from pysequoia import Cert
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from gateway.openpgp import subpackets
from gateway.openpgp.self_signatures import UNKNOWN, name_of, read_revocation, read_statement
from gateway.openpgp.standing import Component, Parts, UserId

_KEY_TAGS = (Tag.PublicKey, Tag.PublicSubkey, Tag.SecretKey, Tag.SecretSubkey)
_PRIMARY_TAGS = (Tag.PublicKey, Tag.SecretKey)
_STATEMENTS = (
    SignatureType.DirectKey,
    SignatureType.SubkeyBinding,
    SignatureType.GenericCertification,
    SignatureType.PersonaCertification,
    SignatureType.CasualCertification,
    SignatureType.PositiveCertification,
)
# A version 6 key (RFC 9580, 5.5.2.3) of the private algorithm 254, sorting after all others.
_LAST_SUBKEY = b"\xce\x4a\x06\0\0\0\0\xfe\0\0\0\x40" + b"\xff" * 64
_REVOCATIONS = (
    SignatureType.KeyRevocation,
    SignatureType.SubkeyRevocation,
    SignatureType.CertificationRevocation,
)
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
    """Return the parts of one certificate in binary.

    Only signatures verified by Sequoia count. RuntimeError for an unreadable certificate.
    """
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
    """Return one certificate in binary, with only its owner's statements.

    Anybody may append any amount to a certificate: additions must not keep the owner's renewals and
    revocations out. Pictures are removed too. RuntimeError as `parts_of`.
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
            kept.append(_leaned(packet))
    return b"".join(kept)


def _leaned(signature: Packet) -> bytes:
    body = subpackets.lean(signature.body)
    if body == signature.body:
        return bytes(signature)
    return b"\xc2\xff" + len(body).to_bytes(4, "big") + body


def components(certificate: bytes) -> tuple[Component, ...]:
    """Return the primary key, then the subkeys, of one certificate in binary. RuntimeError as `parts_of`."""
    return parts_of(certificate).keys


def says_what_it_reads(certificate: bytes) -> bool:
    """Return True if the owner states the supported kinds of encryption (5.2.3.32).

    A certificate of version 6 states them by its version. RuntimeError as `parts_of`.
    """
    primary, *rest = _good_packets(certificate)
    if primary.body[:1] == _VERSION_6:
        return True
    owner = _component(primary)
    return any(
        one.kind == subpackets.FEATURES
        for packet in rest
        if packet.tag == Tag.Signature and _is_own(packet, owner)
        for one in subpackets.hashed(packet.body)
    )


def user_ids(certificate: bytes) -> tuple[str, ...]:
    """Return the user ids of one certificate, unchanged."""
    return tuple(
        packet.user_id or "" for packet in PacketPile.from_bytes(certificate) if packet.tag == Tag.UserID
    )


def _good_packets(certificate: bytes) -> Iterator[Packet]:
    """Yield the packets of a certificate without invalid self-signatures.

    Sequoia writes a certificate in canonical order: keys with their good signatures, newest first, and the
    bad ones at the end. An appended subkey of unknown kind marks the boundary.
    """
    marked = Cert.from_bytes(certificate + _LAST_SUBKEY)
    packets = list(PacketPile.from_bytes(bytes(marked)))
    last = next((n for n, packet in enumerate(packets) if bytes(packet) == _LAST_SUBKEY), None)
    if last is None or any(packet.tag in _KEY_TAGS for packet in packets[last + 1 :]):
        raise RuntimeError("the certificate is not in the order that was expected")
    yield from packets[:last]


def _component(packet: Packet) -> Component:
    kind = _kind(packet)
    algorithm = _algorithm(kind, packet.body)
    # The length of the modulus or prime: the first number after version, time and algorithm.
    return Component(
        fingerprint=packet.fingerprint or "",
        key_id=packet.key_id or "",
        algorithm=algorithm,
        kind=kind,
        bits=int.from_bytes(packet.body[6:8], "big") if algorithm.startswith(_WITH_BITS) else None,
        primary=packet.tag in _PRIMARY_TAGS,
        created_at=_known(packet.key_created),
        public=packet.body,
    )


def _kind(key: Packet) -> str:
    """Return the algorithm's name in Sequoia."""
    try:
        return name_of(key.key_algorithm)
    except RuntimeError:
        return UNKNOWN


def _algorithm(kind: str, body: bytes) -> str:
    """Return the algorithm's common name: `RSA`, `Ed25519`, `NIST P-256`, …"""
    if kind in _WITH_CURVE:
        length = body[6]
        return _CURVES.get(body[7 : 7 + length].hex(), kind)
    return _NAMES.get(kind, kind)


def _known(moment: datetime | None) -> datetime:
    if moment is None:
        raise RuntimeError("a key without a time of creation")
    return moment


def _note(signature: Packet, subject: Component | UserId, primary: Component) -> None:
    """Add a self-signature's statement to its subject; ignore others' signatures and unknown kinds."""
    if not _is_own(signature, primary):
        return
    if signature.signature_type in _REVOCATIONS:
        subject.revocations.append(read_revocation(signature))
    else:
        said = read_statement(signature, binds_subkey=isinstance(subject, Component) and not subject.primary)
        if said is not None:
            subject.said.append(said)


def _is_own(signature: Packet, primary: Component) -> bool:
    """Return True if a verified signature is a statement about its own certificate."""
    try:
        kind = signature.signature_type
    except RuntimeError:  # Of unknown type.
        return False
    issuer = signature.issuer_fingerprint or signature.issuer_key_id
    is_of_primary = issuer is None or primary.is_named(issuer)
    return is_of_primary and (kind in _REVOCATIONS or kind in _STATEMENTS)
