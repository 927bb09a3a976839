"""Inspect a sealed file without a key: its encryption, protection and recipients.

Every refusal possible without a key happens here, before any engine runs. Also refused here is any file that
only one of the engines could open.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass
from itertools import dropwhile
from typing import Final, Literal

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from gateway.errors import Fault, Refusal, as_fault
from gateway.home.settings import OpenLimits
from gateway.openpgp import packets
from gateway.openpgp.interface import UNREADABLE, Sealed, SealedSource
from gateway.zones.memory import anonymous_memory
from gateway.zones.sealing import is_encrypted_otherwise, is_in_the_clear

Protection = Literal["seipd-1", "seipd-2", "gnupg-ocb"]
SEIPD_1: Final = "seipd-1"
SEIPD_2: Final = "seipd-2"
GNUPG_OCB: Final = "gnupg-ocb"

ANYONE = "0" * 16
"""Key id of an anonymous recipient (RFC 9580, 5.1.8): every key of the gateway is tried."""

_MOST_RECIPIENTS = 100
HEAD_BYTES = 256 * 1024
_SMALL_HEAD_BYTES = 8 * 1024
_PKESK_3 = 3
_PKESK_6 = 6
_FINGERPRINT_4 = 20
_KEY_ID = 8
_ECDH, _X25519 = 18, 25
_NATIVE_POINT = b"\x01\x07\x40"
_POINT_BYTES = 32
# Signatures, signed and compressed messages, keys and literals: OpenPGP, but not encrypted.
_IN_THE_CLEAR = frozenset({2, 4, 5, 6, 7, 8, 11, 13, 14})
# RFC 9580, 5.13.2: version, cipher, mode, chunk size and salt, and the tag at the end.
_LEAST_BODY: dict[Protection, int] = {SEIPD_1: 1, SEIPD_2: 36 + 16, GNUPG_OCB: 19 + 16}
_EAX = 1
_MOST_CHUNK_BITS: dict[Protection, int] = {SEIPD_2: 16, GNUPG_OCB: 56}


@dataclass(frozen=True, slots=True)
class Envelope:
    """An encrypted message as visible without a key.
    `wraps` are the bodies of the PKESK packets (session keys encrypted to a key), `recipients` the key ids
    there, in lower-case hex. `start`: the container's encrypted body, as far as the first 256 KiB have it.
    """

    armored: bool
    protection: Protection
    recipients: tuple[str, ...]
    wraps: tuple[bytes, ...]
    start: bytes

    def is_for(self, key_ids: Collection[str]) -> bool:
        """Return True if one of `key_ids` is a recipient, or a recipient is anonymous."""
        return any(recipient == ANYONE or recipient in key_ids for recipient in self.recipients)


def look(sealed: SealedSource, key_ids: Collection[str] | None) -> Envelope:
    """Return the envelope of a sealed file.
    Refusal for anything except one encrypted message with integrity protection. The message must be sealed to
    one of `key_ids`; with None, any recipient is allowed. Fault for an unreadable file.
    """
    with as_fault(UNREADABLE), sealed.open() as file:
        start = file.read(HEAD_BYTES)
        if not start:
            raise Refusal("open:empty")
        envelope = _envelope(start)
        if key_ids is not None and not envelope.is_for(key_ids):
            raise Refusal("open:not-for-us")
        return envelope


def check_alone(sealed: SealedSource, *, armored: bool) -> None:
    """Raise Refusal for data after a message, skipped by sqop after a body in pieces, or after the armor."""
    with as_fault(UNREADABLE), sealed.open() as file, os.fdopen(anonymous_memory("message"), "w+b") as binary:
        if armored:
            binary.writelines(packets.decoded_pieces(file))
        before = {packets.PKESK, packets.SKESK} | packets.IGNORED
        found = dropwhile(before.__contains__, packets.tags(binary if armored else file))
        if sum(not packets.is_ignored(tag) for tag in found) > 1:
            raise Refusal("open:not-one-file")


def look_again(path: Sealed, limits: OpenLimits) -> Envelope:
    """Return the envelope of a stored file. Fault if the file is no longer readable."""
    try:
        return look(SealedSource.at(path, limits), None)
    except Refusal as refusal:
        raise Fault(f"the stored file cannot be read any more: {refusal.code}") from refusal


def recipients_of(path: Sealed) -> tuple[str, ...]:
    """Return the key ids to which a stored file is sealed; () for a file that is no sound message.
    Refusal for a file too large, Fault for an unreadable one.
    """
    with SealedSource.at(path, OpenLimits()).open() as file:
        for size in (_SMALL_HEAD_BYTES, HEAD_BYTES):
            file.seek(0)
            try:
                return _envelope(file.read(size)).recipients
            except Refusal:
                continue
    return ()


def _envelope(start: bytes) -> Envelope:
    armored, data = not packets.is_binary(start), start
    if armored:
        block = packets.kind_of(start)
        if block is not None and block[0].startswith("MESSAGE, PART"):
            raise Refusal("open:in-parts")
        if block is None or block[0] != "MESSAGE":
            raise _no_message(start, found=block is not None)
        if not packets.is_blank(start[: block[1]]):
            raise Refusal("open:not-one-file")
        data = packets.dearmored_head(start)
    return _read(data, armored=armored)


def _read(data: bytes, *, armored: bool) -> Envelope:
    wraps: list[bytes] = []
    passwords = 0
    position = 0
    while True:
        tag, start, length = packets.head(data, position)
        if tag not in {packets.PKESK, packets.SKESK} | packets.IGNORED:
            break
        if length is None or start + length > len(data):
            raise packets.FramingError("cut off")
        if tag == packets.PKESK:
            wraps.append(data[start : start + length])
        passwords += tag == packets.SKESK
        if len(wraps) + passwords > _MOST_RECIPIENTS:
            raise Refusal("open:unsupported", feature=f"more than {_MOST_RECIPIENTS} recipients")
        position = start + length
    body = packets.start_of_body(data, position)
    if tag == packets.INTEGRITY_PROTECTED or wraps or passwords:
        protection = _protection(tag, body[:1])
    else:
        if tag == packets.ENCRYPTED and not is_in_the_clear(data):
            raise Refusal("open:no-integrity")
        raise _no_message(data, found=tag in _IN_THE_CLEAR)
    check_body(protection, body)
    if any(not _is_sound(wrap, protection) for wrap in wraps):
        raise Refusal("open:damaged")
    if passwords and not wraps:
        raise Refusal("open:password-only")
    return Envelope(armored, protection, tuple(map(wrapped_for, wraps)), tuple(wraps), body)


def _protection(tag: int, version: bytes) -> Protection:
    if tag == packets.ENCRYPTED:
        raise Refusal("open:no-integrity")
    if tag == packets.OCB_ENCRYPTED and version == b"\x01":
        return GNUPG_OCB
    if tag not in {packets.INTEGRITY_PROTECTED, packets.OCB_ENCRYPTED} or not version:
        raise Refusal("open:damaged")
    if tag == packets.INTEGRITY_PROTECTED and version in {b"\x01", b"\x02"}:
        return SEIPD_1 if version == b"\x01" else SEIPD_2
    raise Refusal("open:unsupported", feature="an unknown kind of encryption")


def _no_message(start: bytes, *, found: bool) -> Refusal:
    """Return the refusal for data without an encrypted message; `found`: True for other OpenPGP data."""
    if found:
        return Refusal("open:not-encrypted")
    if is_encrypted_otherwise(start):
        return Refusal("open:other-encryption")
    return Refusal("open:not-encrypted" if is_in_the_clear(start) else "open:unreadable")


def check_body(protection: Protection, body: bytes) -> None:
    """Raise Refusal for a container that lacks a field, or a chunk size out of range (RFC 9580, 5.13.2)."""
    if len(body) < _LEAST_BODY[protection]:
        raise Refusal("open:damaged")
    if protection in _MOST_CHUNK_BITS and body[3] > _MOST_CHUNK_BITS[protection]:
        raise Refusal("open:damaged")
    if protection != SEIPD_1 and body[2] == _EAX:
        raise Refusal("open:unsupported", feature="encryption in EAX mode; OCB is read")


def _is_sound(wrap: bytes, protection: Protection) -> bool:
    """Return True if a PKESK packet suits the container's version, and nobody can guess its shared secret.
    Containers of version 2 go with packets of version 6, all others with version 3 (RFC 9580, 10.3.2.1).
    """
    versions = {_PKESK_6} if protection == SEIPD_2 else {2, _PKESK_3}
    if wrap[:1] in {b"\x02", b"\x03", b"\x06"} and wrap[0] not in versions:
        return False
    # The sender's point on Curve25519: one of low order makes every secret shared by it zero.
    start = 2 + wrap[1] if wrap[:1] == bytes([_PKESK_6]) and len(wrap) > 1 else 1 + _KEY_ID
    algorithm, numbers = wrap[start : start + 1], wrap[start + 1 :]
    if algorithm == bytes([_X25519]) and len(numbers) >= _POINT_BYTES:
        point = numbers[:_POINT_BYTES]
    elif algorithm == bytes([_ECDH]) and numbers.startswith(_NATIVE_POINT):
        point = numbers[3 : 3 + _POINT_BYTES].ljust(_POINT_BYTES, b"\0")
    else:
        return True
    try:
        public = X25519PublicKey.from_public_bytes(point)
        X25519PrivateKey.from_private_bytes(b"\x08" * _POINT_BYTES).exchange(public)
    except ValueError:
        return False
    return True


def wrapped_for(body: bytes) -> str:
    """Return the key id in the body of a PKESK packet; `ANYONE` for an anonymous recipient."""
    if body[:1] == bytes([_PKESK_3]) and len(body) > 1 + _KEY_ID:
        return body[1 : 1 + _KEY_ID].hex()
    if body[:1] == bytes([_PKESK_6]) and len(body) > 1:
        fingerprint = body[3 : 2 + body[1]] if body[1] else b""
        if not fingerprint:
            return ANYONE
        return (fingerprint[-8:] if len(fingerprint) == _FINGERPRINT_4 else fingerprint[:8]).hex()
    return "unknown"
