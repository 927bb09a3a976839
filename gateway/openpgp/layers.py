"""Remove encryption and compression from a message, in memory and under caps.

The result is a signed message, still to be verified by Sequoia. `secret_keys` unwraps session keys and
`containers` decrypts; neither ever decides on signers. PGPy and rPGP could open whole messages, but inflate
compressed data without limit, and withhold the signed message from Sequoia.
"""

from __future__ import annotations

import bz2
import hmac
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import pgpy
from cryptography.hazmat.primitives.asymmetric.ec import ECDH, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap
from pgpy.constants import EllipticCurveOID, PubKeyAlgorithm
from pgpy.packet.fields import ECDHCipherText
from pysequoia import Cert, Tsk, decrypt, encrypt

from gateway.errors import ConfigurationError, Fault, Refusal
from gateway.home.settings import OpenLimits
from gateway.openpgp import containers, packets
from gateway.openpgp.components import parts_of
from gateway.openpgp.containers import SessionKey
from gateway.openpgp.envelope import ANYONE, GNUPG_OCB, SEIPD_1, SEIPD_2, Envelope, Protection, wrapped_for
from gateway.openpgp.packets import FramingError, Packet

_UNWRAPPING = (PubKeyAlgorithm.RSAEncryptOrSign, PubKeyAlgorithm.ECDH)
_CHECKSUM_BYTES = 2


class SecretKey:
    """A parsed secret certificate of the gateway. `repr` shows only its fingerprint."""

    def __init__(self, data: bytes) -> None:
        """Raise ConfigurationError for a kind of key that PGPy cannot read."""
        self.fingerprint, self.key_ids = identified(data)
        try:
            key, _ = pgpy.PGPKey.from_blob(data)
            every = {str(key.fingerprint.keyid): key, **key.subkeys}
            packets = {key_id.lower(): one._key for key_id, one in every.items()}  # noqa: SLF001 - no other way
            self._keys = {
                key_id: (packet, packet.keymaterial.__privkey__(), packet.fingerprint)
                for key_id, packet in packets.items()
                if packet.pkalg in _UNWRAPPING
            }
        except Exception:  # noqa: BLE001 - PGPy raises anything on newer keys
            raise ConfigurationError("the embedded engine cannot read this kind of secret key") from None

    def __repr__(self) -> str:
        """Return the fingerprint, never the secret."""
        return f"SecretKey({self.fingerprint})"

    def session_key(self, wrap: bytes) -> SessionKey | None:
        """Return the session key in the body of a PKESK packet; None if this certificate cannot unwrap it."""
        recipient = wrapped_for(wrap)
        for key_id, key in self._keys.items():
            if recipient in {key_id, ANYONE}:
                try:
                    return _unwrapped(wrap, key)
                except Exception:  # noqa: BLE001, S112 - PGPy raises anything on hostile packets
                    continue
        return None


secret_key = cache(SecretKey)
"""Parse a secret certificate; cached, because loading RSA keys is slow."""


def identified(data: bytes) -> tuple[str, frozenset[str]]:
    """Return the fingerprint and key ids of a secret certificate. RuntimeError if no key can decrypt."""
    secret = Tsk.from_bytes(data)
    secret.decryptor()
    keys = parts_of(bytes(secret.extract_certificate())).keys
    return keys[0].fingerprint, frozenset(key.key_id for key in keys)


def read_secret_keys(sources: Sequence[Path | bytes]) -> Iterator[bytes]:
    """Yield secret keys, given as bytes or read from files. ConfigurationError for a source without a key."""
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
            why = "not an OpenPGP secret key that can decrypt without a passphrase"
            raise ConfigurationError(f"{shown}: {why}") from None
        yield data


_DecryptionKey = tuple[pgpy.packet.Packet, Any, str]
"""A decryption key: PGPy's packet, and what is slow to make of it, the private key and the fingerprint."""


def _unwrapped(wrap: bytes, key: _DecryptionKey) -> SessionKey:
    """Unwrap the session key in a PKESK packet of version 3 or 6 (RFC 9580, 5.1)."""
    packet, private, fingerprint = key
    if wrap[0] == 3:  # noqa: PLR2004
        algorithm, numbers, named = wrap[9], wrap[10:], True
    else:
        start = 2 + wrap[1]
        algorithm, numbers, named = wrap[start], wrap[start + 1 :], False
    if algorithm != packet.pkalg:
        raise ValueError("wrapped for another kind of key")
    if algorithm == PubKeyAlgorithm.RSAEncryptOrSign:
        number = numbers[2 : 2 + (int.from_bytes(numbers[:2], "big") + 7) // 8]
        secret = bytes(private.decrypt(number.rjust(private.key_size // 8, b"\0"), PKCS1v15()))
    else:
        # ECDH; unlike PGPy, allow padding of more than 8 octets (RFC 9580, 11.5).
        material, wrapped = packet.keymaterial, ECDHCipherText()
        wrapped.parse(bytearray(numbers))
        if material.oid == EllipticCurveOID.Curve25519:
            shared = private.exchange(X25519PublicKey.from_public_bytes(bytes(wrapped.p.x)))
        else:
            point = EllipticCurvePublicNumbers(wrapped.p.x, wrapped.p.y, material.oid.curve())
            shared = private.exchange(ECDH(), point.public_key())
        kek = material.kdf.derive_key(shared, material.oid, PubKeyAlgorithm.ECDH, fingerprint)
        padded = aes_key_unwrap(kek, bytes(wrapped.c))
        secret = padded[: -padded[-1]]
        if padded[len(secret) :] != bytes([padded[-1]]) * padded[-1]:
            raise ValueError("the padding does not fit")
    cipher, secret = (secret[0], secret[1:]) if named else (None, secret)
    session, checksum = secret[:-_CHECKSUM_BYTES], secret[-_CHECKSUM_BYTES:]
    if not hmac.compare_digest((sum(session) % 65536).to_bytes(2, "big"), checksum):
        raise ValueError("the checksum does not fit")
    unwrapped = SessionKey(session, cipher)
    if not unwrapped.fits:
        raise ValueError("not as long as its cipher wants")
    return unwrapped


def seal_session_key(session: bytes, certificate: bytes) -> str:
    """Encrypt a session key, from `Opener.session_key`, to a certificate; return armored text."""
    return encrypt(bytes=session, recipients=[Cert.from_bytes(certificate)]).decode("ascii")


def open_session_key(sealed: bytes, secrets: Iterable[bytes]) -> bytes:
    """Decrypt a session key sealed by `seal_session_key`. Fault if none of the secret keys fits."""
    for secret in secrets:
        try:
            opened = decrypt(bytes=sealed, decryptor=Tsk.from_bytes(secret).decryptor()).bytes
        except RuntimeError:
            continue
        return opened or b""
    raise Fault("none of the keys given opens the session key of the stored file")


_PIECE = 1024 * 1024
_MOST_LAYERS = 4
_INFLATORS: dict[int, Callable[[], zlib._Decompress | bz2.BZ2Decompressor]] = {
    1: lambda: zlib.decompressobj(-15),
    2: zlib.decompressobj,
    3: bz2.BZ2Decompressor,
}
"""By the number of the compression (RFC 9580, 9.4)."""
_AROUND_COMPRESSION = [packets.ONE_PASS_SIGNATURE, packets.COMPRESSED, packets.SIGNATURE]


class Unwrapped(NamedTuple):
    """A message without encryption and compression, and the fingerprint of the decrypting key (`opened_by`).
    `uncommon`: True for a valid message in a form not opened by SOP programs.
    """

    message: bytes
    opened_by: str
    uncommon: bool = False


def unwrapped(
    sealed: bytes, keys: Sequence[SecretKey], limits: OpenLimits, session: SessionKey | None = None
) -> Unwrapped:
    """Decrypt and decompress a sealed file, within the limits. Refusal if impossible.
    `session`: the session key of the file; if given, no secret key is needed.
    """
    wraps, protection, body = _container(sealed)
    decrypt_with = partial(containers.opened, protection, body, old_ciphers=limits.old_ciphers)
    if session is None:
        found = next(_fitting(decrypt_with, wraps, keys), None)
    else:
        found = None if (whole := decrypt_with(session)) is None else ("", session, whole)
    if found is None:
        ours = session or any(
            wrapped_for(one) != ANYONE or key.session_key(one) for one in wraps for key in keys
        )
        raise Refusal("open:damaged" if ours else "open:not-for-us")
    opened_by, session, plain = found
    message, rearranged = decompressed(plain, limits.embedded_content_bytes)
    uncommon = rearranged or session.cipher in containers.OLD or protection == GNUPG_OCB
    return Unwrapped(message, opened_by, uncommon=uncommon)


def _container(sealed: bytes) -> tuple[list[bytes], Protection, bytes]:
    """Return the bodies of a sealed message's PKESK packets, and the encrypted container's kind and body."""
    data = sealed if packets.is_binary(sealed) else packets.dearmored(sealed)
    outer = [packet for packet in packets.walk(data) if not packets.is_ignored(packet.tag)]
    if not outer:
        raise Refusal("open:damaged")
    *before, container = outer
    wraps = [packet.body(data) for packet in before if packet.tag == packets.PKESK]
    body, is_ocb = container.body(data), container.tag == packets.OCB_ENCRYPTED
    if any(packet.tag not in {packets.PKESK, packets.SKESK} for packet in before) or not (
        is_ocb or (container.tag == packets.INTEGRITY_PROTECTED and body)
    ):
        raise Refusal("open:not-one-file")
    return wraps, GNUPG_OCB if is_ocb else SEIPD_1 if body[:1] == b"\x01" else SEIPD_2, body


def session_text(envelope: Envelope, keys: Sequence[SecretKey]) -> bytes | None:
    """Return the session key of a message as CIPHER:HEX; None if none of the secret keys unwraps it.
    A session key fits if the start of the content decrypts with it.
    """
    with suppress(Refusal):
        return next((session.text(envelope.start) for _, session, _ in _begun(envelope, keys)), None)
    return None


def kind_inside(envelope: Envelope, keys: Sequence[SecretKey]) -> int | None:
    """Return the tag of the first packet inside encryption and compression.
    None if no key opens the message, or the start of the message does not show the packet. Refusal for a
    cipher unknown here: the gateway could never seal such a file to another key.
    """
    plain = next((plain for *_, plain in _begun(envelope, keys)), b"")
    with suppress(FramingError, zlib.error, OSError):
        for _ in range(_MOST_LAYERS):
            tag, position = packets.first(plain)
            if tag != packets.COMPRESSED:
                return tag
            body = packets.start_of_body(plain, position)
            plain = body[1:]
            if body and body[0] in _INFLATORS:
                plain = _INFLATORS[body[0]]().decompress(body[1:], _PIECE)
        return packets.COMPRESSED
    return None


def _begun(envelope: Envelope, keys: Sequence[SecretKey]) -> Iterator[tuple[str, SessionKey, bytes]]:
    """Decrypt the start of a message with each session key that fits. Refusal for an unknown cipher."""
    start = partial(containers.opened, old_ciphers=containers.OLD.values(), whole=False)
    return _fitting(partial(start, envelope.protection, envelope.start), envelope.wraps, keys)


def _fitting(
    decrypt_with: Callable[[SessionKey], bytes | None], wraps: Sequence[bytes], keys: Sequence[SecretKey]
) -> Iterator[tuple[str, SessionKey, bytes]]:
    """Yield fingerprint of the secret key, session key and decrypted content, for each key that fits.
    Every secret key tries to unwrap every session key, because recipients may be anonymous.
    """
    for wrap in wraps:
        for key in keys:
            session = key.session_key(wrap)
            if session is not None and (plain := decrypt_with(session)) is not None:
                yield key.fingerprint, session, plain


def decompressed(plain: bytes, cap: int) -> tuple[bytes, bool]:
    """Remove all layers of compression from a message; Refusal beyond `cap` bytes (a decompression bomb).
    The second value is True if a compressed literal was found between the parts of a signature: a plain
    literal takes its place in the result.
    """
    for _ in range(_MOST_LAYERS):
        packet = _only_compressed(plain)
        if packet is None:
            # A signed message with a separately compressed literal replaced by a plain one. The signature
            # covers the content of the literal, and so both forms alike.
            try:
                parts = [packet for packet in packets.walk(plain) if not packets.is_ignored(packet.tag)]
                if [packet.tag for packet in parts] != _AROUND_COMPRESSION:
                    return plain, False
                one_pass, squeezed, signature = parts
                inner = _inflated(squeezed.body(plain), cap)
                (literal,) = (packet for packet in packets.walk(inner) if not packets.is_ignored(packet.tag))
            except ValueError:
                raise Refusal("open:damaged") from None
            if literal.tag != packets.LITERAL:
                raise Refusal("open:not-one-file")
            around = (plain[one_pass.start : one_pass.end], plain[signature.start : signature.end])
            return around[0] + inner[literal.start : literal.end] + around[1], True
        plain = _inflated(packet.body(plain), cap)
    raise Refusal("open:not-one-file")


def _only_compressed(plain: bytes) -> Packet | None:
    """Return the packet of a message compressed as a whole, or None for any other message.
    Refusal for data after the packet, or for a damaged message.
    """
    for packet in packets.walk(plain):
        if packet.tag == packets.COMPRESSED and packet.end != len(plain):
            raise Refusal("open:not-one-file")
        if not packets.is_ignored(packet.tag):
            return packet if packet.tag == packets.COMPRESSED else None
    return None


def _inflated(body: bytes, cap: int) -> bytes:
    if not body:
        raise Refusal("open:damaged")
    if body[0] == 0:
        return body[1:]
    if body[0] not in _INFLATORS:
        raise Refusal("open:unsupported", feature="an unknown kind of compression")
    inflator, plain, waiting = _INFLATORS[body[0]](), bytearray(), body[1:]
    try:
        while not inflator.eof and len(plain) <= cap:
            piece = inflator.decompress(waiting, _PIECE)
            # zlib hands unread input back, bzip2 keeps it.
            if isinstance(inflator, bz2.BZ2Decompressor):
                waiting, wants_more = b"", inflator.needs_input
            else:
                waiting, wants_more = inflator.unconsumed_tail, True
            if not piece and not waiting and wants_more:
                break
            plain += piece
    except (zlib.error, OSError, ValueError):
        raise Refusal("open:damaged") from None
    if len(plain) > cap:
        raise Refusal("open:too-large")
    if not inflator.eof or inflator.unused_data:
        raise Refusal("open:damaged")
    return bytes(plain)
