"""Judge a verified signature by the gateway's own rules, accept late ones, and find the reason of a refusal.

An engine judges a key as of the time that the signature states. The holder of a key since expired or revoked
could state an earlier time. So time and state of the key are checked again, as of `now`.

Engines reject a signature made after a certificate had expired, even once the owner has renewed the
certificate. `verified_late` distinguishes such a late signature from a forged one.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import dropwhile, islice

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from pysequoia import Cert
from pysequoia.packet import PacketPile

from gateway.errors import Fault, Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Late, Opened, Signature
from gateway.openpgp import packets
from gateway.openpgp.components import (
    INTENDED_RECIPIENT,
    OLD_HASHES,
    UNDERSTOOD,
    Component,
    Parts,
    areas,
    critical,
    hashed,
    material_of,
    parts_of,
)

_ENDED_SINCE = frozenset({"open:key-expired", "open:key-superseded"})


@dataclass(frozen=True, slots=True)
class Sender:
    """A parsed certificate that may sign for a provider."""

    cert: Cert
    parts: Parts

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the certificate, in lower-case hex."""
        return self.cert.fingerprint

    def key(self, handle: str) -> Component | None:
        """Return the key with a fingerprint or key id (in hex) in the certificate; None if there is none."""
        return next((key for key in self.parts.keys if key.is_named(handle)), None)

    def has_expired(self, now: datetime) -> bool:
        """Return True if the primary key or a signing key has expired."""
        primary = self.parts.standing(self.parts.primary, now)
        signing = (
            standing for key in self.parts.keys if (standing := self.parts.standing(key, now)).can_sign
        )
        ends = (one.expires_at for one in (primary, *signing))
        return any(end is not None and end <= now for end in ends)


class SigningKeyEnded(Refusal):
    """Raised for a sound file waiting because the signing key has ended.
    `opened` is the file. Any code that catches the exception closes `opened.content`.
    """

    def __init__(self, code: str, opened: Opened) -> None:
        super().__init__(code)
        self.opened = opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A verified signature, and the signed `content`, b"" if the engine keeps the content.
    `ended`: the reason code if the file must wait because the signing key has ended; else None. `late`:
    "renewed" if the key had expired when signing, "vouched" if the key was not yet bound; None for a key
    valid when signing.
    """

    signature: Signature
    ended: str | None
    content: bytes = b""
    late: Late | None = None

    def as_opened(self, content: tuple[int, int, str], engine: str, opened_by: str | None) -> Opened:
        """Return what opening the file gave. SigningKeyEnded if the signing key was not in force any more.

        `content`: descriptor, size in bytes and SHA-256 of the plaintext.
        """
        descriptor, size, sha256 = content
        opened = Opened(
            content=descriptor,
            size=size,
            sha256=sha256,
            signature=self.signature,
            engine=engine,
            opened_by=opened_by,
            late=self.late,
        )
        if self.ended is not None:
            raise SigningKeyEnded(self.ended, opened)
        return opened


@dataclass(frozen=True, slots=True)
class SignatureClaim:
    """The unverified contents of a signature packet. `issuer`: fingerprint or key id, in lower-case hex.
    `critical`: the types of subpackets marked as critical.
    """

    issuer: str
    created_at: datetime | None = None
    expires_at: datetime | None = None
    digest: str = ""
    is_text: bool = False
    critical: frozenset[int] = frozenset()
    recipients: tuple[str, ...] = ()

    def is_for(self, addressee: str | None) -> bool:
        """Return True if the signature is meant for the certificate with the fingerprint `addressee`.
        A signature without named recipients is for everybody. `addressee` is None for a message not sealed.
        """
        return addressee is None or not self.recipients or addressee in self.recipients


def parsed_senders(certificates: Sequence[bytes]) -> tuple[Sender, ...]:
    """Parse the certificates of senders. Fault if an enrolled certificate cannot be parsed."""
    try:
        return tuple(map(_sender, certificates))
    except RuntimeError as error:
        raise Fault("an enrolled certificate cannot be parsed") from error


@lru_cache(16)  # A provider's files are signed with the same few.
def _sender(certificate: bytes) -> Sender:
    cert = Cert.from_bytes(certificate)
    return Sender(cert, parts_of(bytes(cert)))


def check_signature(
    signature: Signature, senders: Sequence[Sender], limits: OpenLimits, now: datetime
) -> str | None:
    """Judge a cryptographically verified signature at `now`: return None if the signature counts.
    Returns "open:key-expired" or "open:key-superseded" where the file is to be held, because the signing key
    expired or was superseded after signing. Refusal for every other fault.
    """
    sender = next((one for one in senders if one.fingerprint == signature.certificate), None)
    key = sender.key(signature.signing_key) if sender else None
    if sender is None or key is None or key in sender.parts.adopted():
        raise Refusal("open:wrong-signer")
    if not _is_sound(sender):
        raise Refusal("open:unsupported", feature="a key that is too weak")
    ended = _key_fault(sender, key, signature.created_at, now)
    fault = None if ended in _ENDED_SINCE else ended
    fault = fault or _time_fault(signature.created_at, signature.expires_at, limits, now)
    if fault is not None:
        raise Refusal(fault)
    return ended


def _is_sound(sender: Sender) -> bool:
    """Return True if Sequoia's policy accepts the certificate, False for a certificate too weak."""
    try:
        _ = sender.cert.expiration
    except RuntimeError:
        return False
    return True


def _key_fault(sender: Sender, key: Component, made: datetime, now: datetime) -> str | None:
    """Return the reason code for a fault of a signer's key at `now`; None for a key in force. `made`: the
    time of the signature.
    """
    if not sender.parts.is_meant_to_sign(key):
        return "open:wrong-signer"
    standings = [sender.parts.standing(one, now) for one in (sender.parts.primary, key)]
    for standing in standings:
        # Check revocations: a superseded key leaves its earlier signatures for a person to judge.
        if standing.revoked == "soft" and made < (standing.since or made):
            return "open:key-superseded"
        if standing.revoked:
            return "open:key-revoked"
    if sender.cert.is_revoked:
        return "open:key-revoked"
    if not all(standing.bound and standing.alive for standing in standings):
        return "open:key-expired"
    return None if standings[-1].can_sign else "open:wrong-signer"


def _time_fault(made: datetime, expires: datetime | None, limits: OpenLimits, now: datetime) -> str | None:
    """Return the reason code for a fault in the times of a signature; None for a good one."""
    latest = now + timedelta(seconds=limits.clock_skew_seconds)
    if not now - timedelta(days=limits.signature_age_days) <= made <= latest:
        return "open:signature-date"
    return "open:signature-expired" if expires is not None and expires <= now else None


_PARTS = frozenset({packets.ONE_PASS_SIGNATURE, packets.LITERAL, packets.SIGNATURE})

_DATE_BYTES = 4


def claims_of(message: bytes) -> tuple[SignatureClaim, ...]:
    """Return the unverified claims of the signatures in a message of one literal.
    Refusal for anything except one literal with signatures around it.
    """
    parts = tuple(part for part in packets.walk(message) if not packets.is_ignored(part.tag))
    if not parts:
        raise Refusal("open:damaged")
    if any(part.tag not in _PARTS for part in parts):
        raise Refusal("open:not-one-file")
    if sum(part.tag == packets.LITERAL for part in parts) != 1:
        raise Refusal("open:not-one-file")
    if parts[0].tag == packets.SIGNATURE and all(p.tag != packets.ONE_PASS_SIGNATURE for p in parts):
        raise Refusal("open:unsupported", feature="a signature in front of the content")
    # Sequoia ignores a signature in front of a message whose signatures are announced; so do we.
    after = dropwhile(lambda part: part.tag != packets.LITERAL, parts)
    return tuple(_claim(message[p.start : p.end]) for p in after if p.tag == packets.SIGNATURE)


def literal(message: bytes) -> bytes:
    """Return the data in a message's only literal packet, without checking signatures (RFC 9580, 5.9)."""
    claims_of(message)
    body = next(p.body(message) for p in packets.walk(message) if p.tag == packets.LITERAL)
    return body[2 + body[1] + _DATE_BYTES :]


def refusal(
    message: bytes, senders: Sequence[Sender], limits: OpenLimits, now: datetime, addressee: str | None
) -> Refusal:
    """Return the reason for refusing a message without a valid signature by one of `senders`."""
    try:
        claims = claims_of(message)
    except Refusal as structure:
        return structure
    named = ((claim, sender, sender.key(claim.issuer)) for claim in claims for sender in senders)
    for claim, sender, key in named:
        if key is None:
            continue
        if not claim.is_for(addressee):
            return Refusal("open:meant-for-others")
        made = claim.created_at or now
        ended = _key_fault(sender, key, made, now)
        fault = None if ended in _ENDED_SINCE else ended  # Only a verified signature may make a file wait.
        fault = fault or _time_fault(made, claim.expires_at, limits, now)
        if fault is None and made < max(sender.parts.primary.created_at, key.created_at):
            fault = "open:signature-date"
        if fault is not None:
            return Refusal(fault)
        feature = _unsupported(claim, sender, message)
        return Refusal("open:unsupported", feature=feature) if feature else Refusal("open:bad-signature")
    return Refusal("open:wrong-signer" if claims else "open:not-signed")


def _unsupported(claim: SignatureClaim, sender: Sender, message: bytes) -> str:
    """Return the feature of a signature unsupported by the engines; "" for none."""
    if claim.digest in OLD_HASHES:
        return f"a signature with {claim.digest}"
    if not _is_sound(sender):
        return "a key that is too weak"
    if not claim.critical <= UNDERSTOOD:
        return "a note in the signature that is marked as critical"
    # GnuPG signs CR alone as it stands, other programs as the end of a line (RFC 9580, 5.2.1.2).
    is_of_old_macs = claim.is_text and re.search(rb"\r(?!\n)", literal(message))
    return "text mode, over lines that end with CR alone" if is_of_old_macs else ""


def unread(why: Refusal) -> Refusal:
    """Return the refusal of a message that the engine could not read up to the signature.
    If `why` says "bad signature", return "damaged" instead; otherwise return `why`.
    """
    return Refusal("open:damaged") if why.code == "open:bad-signature" else why


def _claim(signature: bytes) -> SignatureClaim:
    """Return a signature packet's unverified issuer, times, digest and recipients; empty if unreadable."""
    try:
        packet = next(iter(PacketPile.from_bytes(signature)))
        return SignatureClaim(
            issuer=(packet.issuer_fingerprint or packet.issuer_key_id or "").lower(),
            created_at=packet.signature_created,
            expires_at=packet.signature_expiration_time,
            digest=repr(packet.hash_algorithm).rpartition(".")[2],
            is_text=packet.body[1] == _TEXT,
            critical=frozenset(critical(packet.body)),
            recipients=tuple(
                one.data[1:].hex() for one in hashed(packet.body) if one.kind == INTENDED_RECIPIENT
            ),
        )
    except (RuntimeError, IndexError):
        return SignatureClaim("")


# By number (RFC 9580, 9.5).
_DIGESTS: dict[int, hashes.HashAlgorithm] = {
    8: hashes.SHA256(), 9: hashes.SHA384(), 10: hashes.SHA512(), 12: hashes.SHA3_256(), 14: hashes.SHA3_512(),
}  # fmt: skip
# By object identifier (RFC 9580, 9.2).
_CURVES: dict[str, ec.EllipticCurve] = {
    "2a8648ce3d030107": ec.SECP256R1(),
    "2b81040022": ec.SECP384R1(),
    "2b81040023": ec.SECP521R1(),
    "2b2403030208010107": ec.BrainpoolP256R1(),
    "2b240303020801010b": ec.BrainpoolP384R1(),
    "2b240303020801010d": ec.BrainpoolP512R1(),
}
_RSA, _ECDSA, _EDDSA, _ED25519, _ED448 = {1, 3}, 19, 22, 27, 28
_BINARY, _TEXT = 0, 1
_V4, _V6 = 4, 6
_ED25519_BYTES = 32


def signature_matches(signature: bytes, key: bytes, content: bytes) -> bool:
    """Return True if the signature covers `content` and was made by `key`; both are bodies of packets.
    False also for a signature over anything but data, or by an algorithm no longer in use.
    """
    with suppress(InvalidSignature, UnsupportedAlgorithm, ValueError, IndexError):
        version, kind, algorithm, digest = signature[:4]
        is_meant = version in {_V4, _V6} and kind in {_BINARY, _TEXT}
        if not is_meant or key[0] != version or key[5] != algorithm or digest not in _DIGESTS:
            return False
        (_, hashed, unhashed), hashing = areas(signature), _DIGESTS[digest]
        salt, numbers = b"", signature[unhashed + 2 :]
        if version == _V6:
            salt, numbers = numbers[1 : 1 + numbers[0]], numbers[1 + numbers[0] :]
        sum_ = hashes.Hash(hashing)
        sum_.update(salt)
        sum_.update(re.sub(rb"\r?\n", b"\r\n", content) if kind == _TEXT else content)
        sum_.update(signature[:hashed] + bytes([version, 0xFF]) + hashed.to_bytes(4, "big"))
        _verify(algorithm, material_of(key), numbers, sum_.finalize(), hashing)
        return True
    return False


def _verify(algorithm: int, key: bytes, numbers: bytes, digest: bytes, hashing: hashes.HashAlgorithm) -> None:
    """Verify a signature's numbers with a key. InvalidSignature, or ValueError, if the signature is wrong."""
    if algorithm in _RSA:
        modulus, exponent = map(int.from_bytes, _numbers(key, 2))
        rsa = RSAPublicNumbers(exponent, modulus).public_key()
        (number,) = _numbers(numbers, 1)
        rsa.verify(number.rjust(rsa.key_size // 8, b"\0"), digest, PKCS1v15(), Prehashed(hashing))
    elif algorithm == _ECDSA:
        curve = _CURVES.get(key[1 : 1 + key[0]].hex())
        if curve is None:
            raise ValueError("an unknown curve")
        (point,) = _numbers(key[1 + key[0] :], 1)
        r, s = map(int.from_bytes, _numbers(numbers, 2))
        public = ec.EllipticCurvePublicKey.from_encoded_point(curve, point)
        public.verify(encode_dss_signature(r, s), digest, ec.ECDSA(Prehashed(hashing)))
    elif algorithm == _EDDSA:
        (point,) = _numbers(key[1 + key[0] :], 1)
        halves = b"".join(half.rjust(_ED25519_BYTES, b"\0") for half in _numbers(numbers, 2))
        Ed25519PublicKey.from_public_bytes(point[1:]).verify(halves, digest)
    elif algorithm == _ED25519:
        Ed25519PublicKey.from_public_bytes(key).verify(numbers, digest)
    elif algorithm == _ED448:
        Ed448PublicKey.from_public_bytes(key).verify(numbers, digest)
    else:
        raise ValueError("an unknown kind of key")


def _numbers(data: bytes, count: int) -> Iterator[bytes]:
    """Yield `count` numbers, each stored after its length in bits (RFC 9580, 3.2). ValueError if cut off."""
    position = 0
    for _ in range(count):
        size = (int.from_bytes(data[position : position + 2], "big") + 7) // 8
        position += 2 + size
        if position > len(data):
            raise ValueError("cut off")
        yield data[position - size : position]


# Times, issuer, signer's user id and recipients (RFC 9580, 5.2.3.7): the only critical subpackets understood.
_UNDERSTOOD = frozenset({2, 3, 16, 28, 33, INTENDED_RECIPIENT})


def verified_late(
    message: bytes, senders: Sequence[Sender], limits: OpenLimits, now: datetime, addressee: str | None
) -> Verified | None:
    """Verify a signed message rejected by engines only because of the dates of the signer's certificate.
    Return None for a message without a late signature, or with a changed content. Refusal for other faults.
    """
    try:
        claims = claims_of(message)
    except Refusal:
        return None
    if len(claims) != 1 or (made := claims[0].created_at) is None or claims[0].digest in OLD_HASHES:
        return None
    (claim,) = claims
    signers = ((sender, key) for sender in senders if (key := sender.key(claim.issuer)) is not None)
    for sender, key in islice(signers, 1):
        late, content = _how_late(sender.parts, key, made), literal(message)
        body = next(p.body(message) for p in packets.walk(message) if p.tag == packets.SIGNATURE)
        if not (late and claim.is_for(addressee) and claim.critical <= _UNDERSTOOD):
            return None
        if signature_matches(body, key.public, content):
            signature = Signature(
                certificate=sender.fingerprint,
                signing_key=key.fingerprint,
                created_at=made,
                expires_at=claim.expires_at,
            )
            ended = check_signature(signature, senders, limits, now)
            late = late if ended is None else None
            return Verified(signature=signature, ended=ended, content=content, late=late)
    return None


def _how_late(parts: Parts, key: Component, made: datetime) -> Late | None:
    """Return why a signature made at `made` is late; None for a key valid then, or a fault other than a date.
    "renewed": the key had expired when signing. "vouched": the key was not yet bound to the certificate.
    """
    standings = [parts.standing(one, made) for one in (parts.primary, key)]
    if not parts.is_meant_to_sign(key):
        return None
    if made < max(parts.primary.created_at, key.created_at) or any(one.revoked for one in standings):
        return None
    if not all(one.bound for one in standings):
        return "vouched"
    if not standings[-1].can_sign or all(one.alive for one in standings):
        return None
    return "renewed"
