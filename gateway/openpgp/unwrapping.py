"""The gateway's own secret keys in the embedded engine: unwrap session keys."""

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pgpy
from cryptography.hazmat.primitives.asymmetric.ec import ECDH, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from pgpy.constants import EllipticCurveOID, PubKeyAlgorithm
from pgpy.packet.fields import ECDHCipherText
from pysequoia import Tsk

from gateway.errors import ConfigurationError
from gateway.openpgp.components import components
from gateway.openpgp.containers import SessionKey
from gateway.openpgp.envelope import ANYONE, wrapped_for

_UNWRAPPING = (PubKeyAlgorithm.RSAEncryptOrSign, PubKeyAlgorithm.ECDH)
_CHECKSUM_BYTES = 2


class SecretKey:
    """One parsed secret certificate of the gateway. Its text never holds the secret."""

    def __init__(self, data: bytes) -> None:
        self.fingerprint, self.key_ids = identified(data)
        self._keys = _decryption_keys(data)

    def __repr__(self) -> str:
        """Return the fingerprint, and nothing secret."""
        return f"SecretKey({self.fingerprint})"

    def session_key(self, wrap: bytes) -> SessionKey | None:
        """Return the session key in a PKESK body, if this certificate can unwrap it."""
        recipient = wrapped_for(wrap)
        for key_id, key in self._keys.items():
            if recipient in {key_id, ANYONE}:
                try:
                    return _unwrapped(wrap, key)
                except Exception:  # noqa: BLE001, S112 - PGPy raises anything on hostile packets
                    continue
        return None


@cache
def secret_key(data: bytes) -> SecretKey:
    """Return the secret certificate in `data`, cached for a process and its children: RSA is slow."""
    return SecretKey(data)


def identified(data: bytes) -> tuple[str, frozenset[str]]:
    """Return the fingerprint and key ids of a secret certificate; RuntimeError if unable to decrypt."""
    secret = Tsk.from_bytes(data)
    secret.decryptor()
    keys = components(bytes(secret.extract_certificate()))
    return keys[0].fingerprint, frozenset(key.key_id for key in keys)


def read_secret_keys(sources: Sequence[Path | bytes]) -> Iterator[bytes]:
    """Yield the keys, read from files if necessary. ConfigurationError names an unusable file."""
    if not sources:
        raise ConfigurationError("keys: the gateway has no OpenPGP key; make one with: gateway init")
    for source in sources:
        shown = source if isinstance(source, Path) else "keys"
        try:
            data = source.read_bytes() if isinstance(source, Path) else source
            identified(data)
        except OSError as error:
            raise ConfigurationError(f"{shown}: cannot be read: {error.strerror}") from error
        except RuntimeError:
            raise ConfigurationError(
                f"{shown}: not an OpenPGP secret key that can decrypt without a passphrase"
            ) from None
        yield data


@dataclass(frozen=True, slots=True)
class _DecryptionKey:
    """One decryption key: PGPy's packet, and the private key, slow to load for RSA."""

    packet: pgpy.packet.Packet
    private: Any


def _decryption_keys(data: bytes) -> dict[str, _DecryptionKey]:
    try:
        key, _ = pgpy.PGPKey.from_blob(data)
        every = {str(key.fingerprint.keyid): key, **key.subkeys}
        packets = {key_id.lower(): one._key for key_id, one in every.items()}  # noqa: SLF001 - no other way
        return {
            key_id: _DecryptionKey(packet, packet.keymaterial.__privkey__())
            for key_id, packet in packets.items()
            if packet.pkalg in _UNWRAPPING
        }
    except Exception:  # noqa: BLE001 - PGPy raises anything on newer keys
        raise ConfigurationError("the embedded engine cannot read this kind of secret key") from None


def _unwrapped(wrap: bytes, key: _DecryptionKey) -> SessionKey:
    """Return the session key of a version 3 or 6 PKESK body (RFC 9580, 5.1)."""
    if wrap[0] == 3:  # noqa: PLR2004
        algorithm, numbers, named = wrap[9], wrap[10:], True
    else:
        start = 2 + wrap[1]
        algorithm, numbers, named = wrap[start], wrap[start + 1 :], False
    if algorithm != key.packet.pkalg:
        raise ValueError("wrapped for another kind of key")
    secret = _rsa(numbers, key) if algorithm == PubKeyAlgorithm.RSAEncryptOrSign else _ecdh(numbers, key)
    cipher, secret = (secret[0], secret[1:]) if named else (None, secret)
    session, checksum = secret[:-_CHECKSUM_BYTES], secret[-_CHECKSUM_BYTES:]
    if not hmac.compare_digest((sum(session) % 65536).to_bytes(2, "big"), checksum):
        raise ValueError("the checksum does not fit")
    unwrapped = SessionKey(session, cipher)
    if not unwrapped.fits:
        raise ValueError("not as long as its cipher wants")
    return unwrapped


def _rsa(numbers: bytes, key: _DecryptionKey) -> bytes:
    size = key.private.key_size // 8
    number = numbers[2 : 2 + (int.from_bytes(numbers[:2], "big") + 7) // 8]
    return bytes(key.private.decrypt(number.rjust(size, b"\0"), PKCS1v15()))


def _ecdh(numbers: bytes, key: _DecryptionKey) -> bytes:
    """Unwrap as PGPy does, but with up to 40 octets of padding, as usual (RFC 9580, 11.5); PGPy takes 8."""
    material = key.packet.keymaterial
    wrapped = ECDHCipherText()
    wrapped.parse(bytearray(numbers))
    if material.oid == EllipticCurveOID.Curve25519:
        shared = key.private.exchange(X25519PublicKey.from_public_bytes(bytes(wrapped.p.x)))
    else:
        point = EllipticCurvePublicNumbers(wrapped.p.x, wrapped.p.y, material.oid.curve())
        shared = key.private.exchange(ECDH(), point.public_key())
    kek = material.kdf.derive_key(shared, material.oid, PubKeyAlgorithm.ECDH, key.packet.fingerprint)
    padded = aes_key_unwrap(kek, bytes(wrapped.c))
    secret = padded[: -padded[-1]]
    if padded[len(secret) :] != bytes([padded[-1]]) * padded[-1]:
        raise ValueError("the padding does not fit")
    return secret
