"""Accept signatures made after the certificate's expiry, or before the certificate named a later one.

Engines judge a key by its certificate at the time of the signature, so signatures made between an expiry and
a later renewal stay invalid for them. The owner has vouched for the key since: here such a signature is told
from a forged one.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

from gateway.errors import Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Late, Signature
from gateway.openpgp import explain, packets, self_signatures
from gateway.openpgp.components import Component, Parts
from gateway.openpgp.judge import Sender, SignatureClaim, Verified, check_signature
from gateway.openpgp.self_signatures import OLD_HASHES

_DIGESTS: dict[int, tuple[str, hashes.HashAlgorithm]] = {
    8: ("sha256", hashes.SHA256()),
    9: ("sha384", hashes.SHA384()),
    10: ("sha512", hashes.SHA512()),
    12: ("sha3_256", hashes.SHA3_256()),
    14: ("sha3_512", hashes.SHA3_512()),
}
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


def fits(signature: bytes, key: bytes, content: bytes) -> bool:
    """Return True if `signature` covers `content` and was made by `key`, both as packet bodies.

    False also for packets other than signatures over data, and for kinds no longer in use.
    """
    try:
        return _fits_the_key(signature, key, content)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, IndexError):
        return False


def _fits_the_key(signature: bytes, key: bytes, content: bytes) -> bool:
    version, kind, algorithm, digest = signature[:4]
    if version not in {_V4, _V6} or key[0] != version or key[5] != algorithm or kind not in {_BINARY, _TEXT}:
        return False
    name, hashing = _DIGESTS.get(digest, ("", None))
    if hashing is None:
        return False
    size = 4 if version == _V6 else 2
    hashed = 4 + size + int.from_bytes(signature[4 : 4 + size], "big")
    unhashed = hashed + size + int.from_bytes(signature[hashed : hashed + size], "big")
    salt, numbers = b"", signature[unhashed + 2 :]
    if version == _V6:
        salt, numbers = numbers[1 : 1 + numbers[0]], numbers[1 + numbers[0] :]
    sum_ = hashlib.new(name, salt)
    sum_.update(re.sub(rb"\r?\n", b"\r\n", content) if kind == _TEXT else content)
    sum_.update(signature[:hashed] + bytes([version, 0xFF]) + hashed.to_bytes(4, "big"))
    material = key[10:] if version == _V6 else key[6:]
    _verify(algorithm, material, numbers, sum_.digest(), hashing)
    return True


def _verify(algorithm: int, key: bytes, numbers: bytes, digest: bytes, hashing: hashes.HashAlgorithm) -> None:
    """Raise InvalidSignature, or ValueError, if the numbers do not fit."""
    if algorithm in _RSA:
        modulus, exponent = map(_number, _numbers(key, 2))
        rsa = RSAPublicNumbers(exponent, modulus).public_key()
        (number,) = _numbers(numbers, 1)
        rsa.verify(number.rjust(rsa.key_size // 8, b"\0"), digest, PKCS1v15(), Prehashed(hashing))
    elif algorithm == _ECDSA:
        curve = _CURVES.get(key[1 : 1 + key[0]].hex())
        if curve is None:
            raise ValueError("an unknown curve")
        (point,) = _numbers(key[1 + key[0] :], 1)
        r, s = map(_number, _numbers(numbers, 2))
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
    """Yield numbers from `data`, each after its length in bits (RFC 9580, 3.2). ValueError if cut off."""
    position = 0
    for _ in range(count):
        size = (int.from_bytes(data[position : position + 2], "big") + 7) // 8
        position += 2 + size
        if position > len(data):
            raise ValueError("cut off")
        yield data[position - size : position]


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


# Times, issuer, signer's user id and recipients (RFC 9580, 5.2.3.7): the only critical subpackets understood.
_UNDERSTOOD = frozenset({2, 3, 16, 28, 33, self_signatures.INTENDED_RECIPIENT})


def verified_late(
    message: bytes,
    senders: Sequence[Sender],
    limits: OpenLimits,
    now: datetime,
    addressee: str | None,
) -> Verified | None:
    """Return a signed message whose only fault is the dates of the signer's certificate.

    None without such a signature, or with a mismatching one; Refusal for any other fault.
    """
    found = _late_claim(message, senders)
    if found is None or not found.claim.is_for(addressee):
        return None
    content = explain.literal(message)
    if not _fits(message, found.key, content):
        return None
    signature = Signature(
        certificate=found.sender.fingerprint,
        signing_key=found.key.fingerprint,
        created_at=found.made,
        expires_at=found.claim.expires_at,
    )
    ended = check_signature(signature, senders, limits, now)
    return Verified(
        signature=signature, ended=ended, content=content, late=found.late if ended is None else None
    )


@dataclass(frozen=True, slots=True)
class _LateClaim:
    """The one signature of a message, by a key not valid when it was `made`."""

    claim: SignatureClaim
    sender: Sender
    key: Component
    made: datetime
    late: Late


def _late_claim(message: bytes, senders: Sequence[Sender]) -> _LateClaim | None:
    try:
        claims = explain.claims(message)
    except Refusal:
        return None
    if len(claims) != 1 or claims[0].created_at is None or claims[0].digest in OLD_HASHES:
        return None
    claim, made = claims[0], claims[0].created_at
    for sender in senders:
        key = sender.key(claim.issuer)
        if key is not None:
            late = _how_late(sender.parts, key, made)
            return None if late is None else _LateClaim(claim, sender, key, made, late)
    return None


def _how_late(parts: Parts, key: Component, made: datetime) -> Late | None:
    """Return "renewed" for a key then expired, "vouched" for a key or certificate not yet bound by its owner.

    None for a valid key, or a fault other than a date.
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


def _fits(message: bytes, key: Component, content: bytes) -> bool:
    signature = next(p.body(message) for p in packets.walk(message) if p.tag == packets.SIGNATURE)
    return self_signatures.critical(signature) <= _UNDERSTOOD and fits(signature, key.public, content)
