"""Verify the mathematics of a signature alone: key, signature and content (RFC 9580, 5.2).

The right of the key to sign, and the validity of the signature, are judged in `late`.
"""

import hashlib
import re
from collections.abc import Iterator

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed448 import Ed448PublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature

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
        return _fits(signature, key, content)
    except (InvalidSignature, UnsupportedAlgorithm, ValueError, IndexError):
        return False


def _fits(signature: bytes, key: bytes, content: bytes) -> bool:
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
