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
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESOCB3
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import Refusal
from gateway.openpgp import armor, packets
from gateway.openpgp.envelope import ANYONE, Envelope, wrapped_for
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


def unwrapped(
    sealed: bytes, keys: Sequence[SecretKey], cap: int, session: SessionKey | None = None
) -> Unwrapped:
    """What is inside `sealed`, of at most `cap` bytes. Refusal where it cannot be taken out.

    With the key of the message, `session`, none of `keys` is needed.
    """
    try:
        data = sealed if armor.is_binary(sealed) else armor.dearmored(sealed)
        outer = [packet for packet in packets.walk(data) if not packets.is_ignored(packet.tag)]
    except (armor.ArmorError, FramingError) as error:
        raise Refusal("open:not-one-file" if "follows" in str(error) else "open:damaged") from None
    container = outer[-1]
    if any(packet.tag not in {packets.PKESK, packets.SKESK} for packet in outer[:-1]):
        raise Refusal("open:not-one-file")
    wraps = [packet for packet in outer if packet.tag == packets.PKESK]
    if session is not None:
        plain, opened_by = _with_session(data, container, session), ""
    else:
        plain, opened_by = _decrypted(data, container, wraps, keys)
    return Unwrapped(_decompressed(plain, cap), opened_by)


def session_of(envelope: Envelope, keys: Sequence[SecretKey]) -> SessionKey | None:
    """The session key of the message, as far as its start tells; None where our keys yield none."""
    return next((session for session, _ in _fitting(envelope, keys)), None)


def session_text(envelope: Envelope, keys: Sequence[SecretKey]) -> bytes | None:
    """The same as SOP programs write it."""
    session = session_of(envelope, keys)
    return None if session is None else session.text(envelope.start)


def kind_inside(envelope: Envelope, keys: Sequence[SecretKey]) -> int | None:
    """The tag of the first packet under encryption and compression, as far as the start tells."""
    plain = next((plain for _, plain in _fitting(envelope, keys)), b"")
    for _ in range(_MOST_LAYERS):
        packet = _first(plain)
        if packet is None or packet[0] != packets.COMPRESSED:
            return packet[0] if packet else None
        plain = _start_inflated(packet[1])
    return packets.COMPRESSED


def _fitting(envelope: Envelope, keys: Sequence[SecretKey]) -> Iterator[tuple[SessionKey, bytes]]:
    for wrap in envelope.wraps:
        for key in keys:
            session = key.session_key(wrap)
            plain = _start_off(envelope, session) if session else None
            if session is not None and plain is not None:
                yield session, plain


def _start_off(envelope: Envelope, session: SessionKey) -> bytes | None:
    if envelope.protection == 1:
        return session.start_of(envelope.start[1:])
    with suppress(Refusal):
        return _aead_off(envelope.start, session, whole=False)
    return None


def _first(plain: bytes) -> tuple[int, bytes] | None:
    """Tag and start of the body of the first packet that counts."""
    position = 0
    try:
        while True:
            tag, start, length = packets.head(plain, position)
            if not packets.is_ignored(tag):
                return tag, packets.start_of_body(plain, position)
            position = start + (length or 0)
    except FramingError:
        return None


def _start_inflated(body: bytes) -> bytes:
    try:
        if body[:1] == b"\1":
            return zlib.decompressobj(-15).decompress(body[1:], _PIECE)
        if body[:1] == b"\2":
            return zlib.decompressobj().decompress(body[1:], _PIECE)
        if body[:1] == b"\3":
            return bz2.BZ2Decompressor().decompress(body[1:], _PIECE)
    except (zlib.error, OSError):
        return b""
    return body[1:]


def uncompressed(message: bytes, cap: int) -> bytes:
    """A message that is not encrypted, out of its compression. Refusal where it cannot be taken out."""
    return _decompressed(message, cap)


def _with_session(data: bytes, container: Packet, session: SessionKey) -> bytes:
    plain = _layer_off(container.body(data), session)
    if plain is None:
        raise Refusal("open:damaged")
    return plain


def _decrypted(
    data: bytes, container: Packet, wraps: Sequence[Packet], keys: Sequence[SecretKey]
) -> tuple[bytes, str]:
    """The decrypted octets. Every session key that our keys yield is tried: recipients may be unnamed."""
    if container.tag != packets.INTEGRITY_PROTECTED:
        raise Refusal("open:not-one-file")
    body = container.body(data)
    yielded = False
    for wrap in wraps:
        for key in keys:
            session = key.session_key(wrap.body(data))
            plain = _layer_off(body, session) if session else None
            if plain is not None:
                return plain, key.fingerprint
            yielded = yielded or session is not None
    named = any(wrapped_for(wrap.body(data)) != ANYONE for wrap in wraps)
    raise Refusal("open:damaged" if yielded or named else "open:not-for-us")


def _layer_off(body: bytes, session: SessionKey) -> bytes | None:
    """What the container holds; None where the session key is not its own, or the body was changed."""
    return session.decrypted(body[1:]) if body[:1] == b"\x01" else _aead_off(body, session)


def _aead_off(body: bytes, session: SessionKey, *, whole: bool = True) -> bytes | None:
    """AEAD encryption taken off: of the whole body, or of its first chunk."""
    cipher, mode, chunk_bits = body[1], body[2], body[3]
    if mode not in _AEAD or cipher not in _AES_KEY_BYTES:
        raise Refusal("open:unsupported", feature="an uncommon cipher")
    if chunk_bits > 16:  # noqa: PLR2004 - RFC 9580, 5.13.2
        raise Refusal("open:damaged")
    algorithm, nonce_bytes = _AEAD[mode]
    size, chunk = _AES_KEY_BYTES[cipher], 1 << (chunk_bits + 6)
    about = b"\xd2" + body[:4]
    derived = HKDF(SHA256(), size + nonce_bytes - 8, body[4:36], about).derive(session.key)
    chunks = _Chunks(algorithm(derived[:size]), derived[size:], about, chunk)
    try:
        return chunks.opened(body[36:]) if whole else chunks.first_opened(body[36:])
    except (InvalidTag, ValueError):
        return None


@dataclass(frozen=True, slots=True)
class _Chunks:
    """The chunks of an AEAD body (RFC 9580, 5.13.2)."""

    aead: _Aead
    prefix: bytes
    about: bytes
    size: int

    def opened(self, sealed: bytes) -> bytes:
        """All chunks; InvalidTag where one was changed, or one is missing at the end."""
        chunks, last = sealed[:-_AEAD_TAG_BYTES], sealed[-_AEAD_TAG_BYTES:]
        step = self.size + _AEAD_TAG_BYTES
        plain = [
            self._decrypted(number, chunks[start : start + step], self.about)
            for number, start in enumerate(range(0, len(chunks), step))
        ]
        total = sum(map(len, plain)).to_bytes(8, "big")
        self._decrypted(len(plain), last, self.about + total)
        return b"".join(plain)

    def first_opened(self, sealed: bytes) -> bytes:
        """The first chunk, where `sealed`, the start of a body, holds all of it."""
        step = self.size + _AEAD_TAG_BYTES
        first = sealed[:step] if len(sealed) > step else sealed[:-_AEAD_TAG_BYTES]
        return self._decrypted(0, first, self.about)

    def _decrypted(self, number: int, sealed: bytes, about: bytes) -> bytes:
        return self.aead.decrypt(self.prefix + number.to_bytes(8, "big"), sealed, about)


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
            if not packets.is_ignored(packet.tag):
                return packet if packet.tag == packets.COMPRESSED else None
    except FramingError:
        raise Refusal("open:damaged") from None
    return None


def _inflated(body: bytes, cap: int) -> bytes:
    if not body:
        raise Refusal("open:damaged")
    kind = body[0]
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
