"""Taking a message out of its encryption and compression, in memory and under caps.

What comes out is a signed message and nothing is known of it yet: Sequoia still has to say who
signed it. PGPy unwraps session keys and takes off encryption protected by a modification
detection code; AEAD encryption (RFC 9580, 5.13.2) is taken off with the primitives of
`cryptography`. Neither ever decides who signed. PGPy's own way of opening a whole message is not
used, because it inflates compressed data without limit.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESOCB3
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import Refusal
from gateway.openpgp import armor, packets
from gateway.openpgp.packets import FramingError, Packet
from gateway.openpgp.secret_keys import SecretKey, SessionKey

_PIECE = 1024 * 1024
_MOST_LAYERS = 4
_AEAD_TAG_BYTES = 16
_Aead = AESOCB3 | AESGCM
_AEAD: dict[int, tuple[type[_Aead], int]] = {2: (AESOCB3, 15), 3: (AESGCM, 12)}
_AES_KEY_BYTES = {7: 16, 8: 24, 9: 32}


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A message out of its encryption and compression, and the certificate that it was sealed to."""

    message: bytes
    opened_by: str


def unwrapped(sealed: bytes, keys: Sequence[SecretKey], cap: int) -> Unwrapped:
    """What is inside `sealed`, of at most `cap` bytes. Refusal where it cannot be taken out."""
    try:
        data = sealed if armor.is_binary(sealed) else armor.dearmored(sealed)
        outer = [packet for packet in packets.walk(data) if packet.tag not in packets.IGNORED]
    except (armor.ArmorError, FramingError) as error:
        raise Refusal("open:not-one-file" if "follows" in str(error) else "open:damaged") from None
    container = outer[-1]
    if any(packet.tag not in {packets.PKESK, packets.SKESK} for packet in outer[:-1]):
        raise Refusal("open:not-one-file")
    wraps = [packet for packet in outer if packet.tag == packets.PKESK]
    plain, opened_by = _decrypted(data, container, wraps, keys)
    return Unwrapped(_decompressed(plain, cap), opened_by)


def _decrypted(
    data: bytes, container: Packet, wraps: Sequence[Packet], keys: Sequence[SecretKey]
) -> tuple[bytes, str]:
    """The decrypted octets. Every session key that our keys yield is tried: recipients may be unnamed."""
    if container.tag != packets.INTEGRITY_PROTECTED:
        raise Refusal("open:not-one-file")
    body = container.body(data)
    for wrap in wraps:
        for key in keys:
            session = key.session_key(wrap.body(data))
            plain = _layer_off(body, session) if session else None
            if plain is not None:
                return plain, key.fingerprint
    raise Refusal("open:damaged")


def _layer_off(body: bytes, session: SessionKey) -> bytes | None:
    """What the container holds; None where the session key is not its own, or the body was changed."""
    return session.decrypted(body[1:]) if body[:1] == b"\x01" else _aead_off(body, session)


def _aead_off(body: bytes, session: SessionKey) -> bytes | None:
    cipher, mode, chunk_bits = body[1], body[2], body[3]
    if mode not in _AEAD or cipher not in _AES_KEY_BYTES:
        raise Refusal("open:unsupported", feature="an uncommon cipher")
    if chunk_bits > 16:  # noqa: PLR2004 - RFC 9580, 5.13.2
        raise Refusal("open:damaged")
    algorithm, nonce_bytes = _AEAD[mode]
    about = b"\xd2" + body[:4]
    size, chunk = _AES_KEY_BYTES[cipher], 1 << (chunk_bits + 6)
    derived = HKDF(SHA256(), size + nonce_bytes - 8, body[4:36], about).derive(session.key)
    aead = algorithm(derived[:size])
    try:
        return _opened_chunks(aead, derived[size:], about, body[36:], chunk)
    except InvalidTag:
        return None


def _opened_chunks(aead: _Aead, prefix: bytes, about: bytes, sealed: bytes, chunk: int) -> bytes:
    chunks, last = sealed[:-_AEAD_TAG_BYTES], sealed[-_AEAD_TAG_BYTES:]
    step = chunk + _AEAD_TAG_BYTES
    plain = [
        aead.decrypt(prefix + number.to_bytes(8, "big"), chunks[start : start + step], about)
        for number, start in enumerate(range(0, len(chunks), step))
    ]
    total = sum(map(len, plain)).to_bytes(8, "big")
    aead.decrypt(prefix + len(plain).to_bytes(8, "big"), last, about + total)
    return b"".join(plain)


def _decompressed(plain: bytes, cap: int) -> bytes:
    """`plain` with its layers of compression taken off. A bomb ends at the cap, in little memory."""
    for _ in range(_MOST_LAYERS):
        packet = _only_compressed(plain)
        if packet is None:
            return plain
        plain = _inflated(packet.body(plain), cap)
    raise Refusal("open:not-one-file")


def _only_compressed(plain: bytes) -> Packet | None:
    """The compressed packet, where it is all that the message holds; None where there is none."""
    try:
        for packet in packets.walk(plain):
            if packet.tag == packets.COMPRESSED and packet.end != len(plain):
                raise Refusal("open:not-one-file")
            if packet.tag not in packets.IGNORED:
                return packet if packet.tag == packets.COMPRESSED else None
    except FramingError:
        raise Refusal("open:damaged") from None
    return None


def _inflated(body: bytes, cap: int) -> bytes:
    kind = body[0] if body else None
    if kind == 0:
        return body[1:]
    if kind == 1:
        return _all_of(zlib.decompressobj(-15), body[1:], cap)
    if kind == 2:  # noqa: PLR2004 - RFC 9580, 9.4
        return _all_of(zlib.decompressobj(), body[1:], cap)
    if kind == 3:  # noqa: PLR2004
        return _all_of_bzip2(body[1:], cap)
    raise Refusal("open:unsupported", feature="an unknown kind of compression")


def _all_of(inflator: zlib._Decompress, body: bytes, cap: int) -> bytes:
    plain = bytearray()
    waiting = body
    try:
        while not inflator.eof and len(plain) <= cap:
            piece = inflator.decompress(waiting, _PIECE)
            waiting = inflator.unconsumed_tail
            if not piece and not waiting:
                break
            plain += piece
    except zlib.error:
        raise Refusal("open:damaged") from None
    return _whole(plain, cap, ended=inflator.eof and not inflator.unused_data)


def _all_of_bzip2(body: bytes, cap: int) -> bytes:
    inflator = bz2.BZ2Decompressor()
    plain = bytearray()
    waiting = body
    try:
        while not inflator.eof and len(plain) <= cap:
            piece = inflator.decompress(waiting, _PIECE)
            waiting = b""
            if not piece and inflator.needs_input:
                break
            plain += piece
    except (OSError, ValueError):
        raise Refusal("open:damaged") from None
    return _whole(plain, cap, ended=inflator.eof and not inflator.unused_data)


def _whole(plain: bytearray, cap: int, *, ended: bool) -> bytes:
    if len(plain) > cap:
        raise Refusal("open:too-large")
    if not ended:
        raise Refusal("open:damaged")
    return bytes(plain)
