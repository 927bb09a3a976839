"""What a sealed file shows without a key: is it encrypted, how, and to whom.

Everything that can be refused from the outside is refused here, before any engine runs.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from typing import BinaryIO, Literal

from gateway.errors import Fault, Refusal
from gateway.openpgp import armor, packets
from gateway.openpgp.sealed_file import Sealed
from gateway.settings import OpenLimits

ANYONE = "0" * 16
"""The key id of a recipient who is not named (RFC 9580, 5.1.8): every key of ours is tried."""

_MOST_RECIPIENTS = 100
_HEAD_BYTES = 256 * 1024
_SMALL_HEAD_BYTES = 8 * 1024
_PKESK_3 = 3
_PKESK_6 = 6
_FINGERPRINT_4 = 20
_KEY_ID = 8


@dataclass(frozen=True, slots=True)
class Envelope:
    """The outside of an encrypted message.

    `wraps` are the bodies of its session key packets, `recipients` the key ids that they name, in
    lower-case hex. `start` is as much of the container's body as the head of the file holds.
    """

    armored: bool
    protection: Literal[1, 2]
    recipients: tuple[str, ...]
    wraps: tuple[bytes, ...]
    start: bytes

    def is_for(self, key_ids: Collection[str]) -> bool:
        """Whether one of `key_ids` may open it."""
        return any(recipient == ANYONE or recipient in key_ids for recipient in self.recipients)


def look(sealed: Sealed, key_ids: Collection[str] | None, limits: OpenLimits) -> Envelope:
    """The envelope of the file at `sealed`, which one of our `key_ids` may open (None: whoever may).

    Refusal for whatever is not one encrypted, integrity-protected message to us; Fault where the
    file cannot be read.
    """
    try:
        with sealed.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > limits.sealed_bytes:
                raise Refusal("open:too-large")
            return _looked(file, key_ids)
    except OSError as error:
        raise Fault(f"the sealed file cannot be read: {error.strerror}") from error


def look_again(sealed: Sealed, limits: OpenLimits) -> Envelope:
    """The envelope of a file that is stored. Fault where it cannot be read for what it is."""
    try:
        return look(sealed, None, limits)
    except Refusal as refusal:
        raise Fault(f"the stored file cannot be read any more: {refusal.code}") from refusal


def recipients_of(sealed: Sealed) -> tuple[str, ...]:
    """The key ids to which a stored file is sealed; none where it is no message that a key could open.

    OSError where the file cannot be read.
    """
    with sealed.open("rb") as file:
        for size in (_SMALL_HEAD_BYTES, _HEAD_BYTES):
            file.seek(0)
            try:
                return _envelope(file.read(size)).recipients
            except Refusal:
                continue
    return ()


def _looked(file: BinaryIO, key_ids: Collection[str] | None) -> Envelope:
    start = file.read(_HEAD_BYTES)
    if not start:
        raise Refusal("open:empty")
    envelope = _envelope(start)
    if key_ids is not None and not envelope.is_for(key_ids):
        raise Refusal("open:not-for-us")
    if envelope.armored:
        _check_nothing_follows(file)
    return envelope


def _check_nothing_follows(file: BinaryIO) -> None:
    """Engines stop reading at the end of the armor; people may have taken what follows for sealed."""
    file.seek(0)
    last = b""
    while piece := file.read(_HEAD_BYTES):
        seen = last + piece
        at = seen.find(armor.MESSAGE_END)
        if at >= 0:
            rest = seen[at + len(armor.MESSAGE_END) :]
            while rest:
                if not armor.is_blank(rest):
                    raise Refusal("open:not-one-file")
                rest = file.read(_HEAD_BYTES)
            return
        last = seen[-len(armor.MESSAGE_END) :]
    raise Refusal("open:damaged")


def _envelope(start: bytes) -> Envelope:
    armored = not armor.is_binary(start)
    data = _from_armor(start) if armored else start
    try:
        return _read(data, armored=armored)
    except packets.FramingError:
        raise Refusal("open:damaged") from None


def _from_armor(start: bytes) -> bytes:
    block = armor.kind_of(start)
    if block is None or block[0] != "MESSAGE":
        raise Refusal("open:not-encrypted")
    if not armor.is_blank(start[: block[1]]):
        raise Refusal("open:not-one-file")
    try:
        return armor.dearmored_head(start)
    except armor.ArmorError:
        raise Refusal("open:damaged") from None


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
    protection = _protection(tag, body[:1], met_any=bool(wraps or passwords))
    if passwords and not wraps:
        raise Refusal("open:password-only")
    return Envelope(armored, protection, tuple(map(wrapped_for, wraps)), tuple(wraps), body)


def _protection(tag: int, version: bytes, *, met_any: bool) -> Literal[1, 2]:
    if tag == packets.ENCRYPTED:
        raise Refusal("open:no-integrity")
    if tag == packets.OCB_ENCRYPTED:
        raise Refusal("open:unsupported", feature="the OCB mode of GnuPG")
    if tag != packets.INTEGRITY_PROTECTED:
        raise Refusal("open:damaged" if met_any else "open:not-encrypted")
    if version == b"\x01":
        return 1
    if version == b"\x02":
        return 2
    raise Refusal("open:unsupported", feature="an unknown kind of encryption")


def wrapped_for(body: bytes) -> str:
    """The key id that the body of a session key packet names; all zeros where it names nobody."""
    if body[:1] == bytes([_PKESK_3]) and len(body) > 1 + _KEY_ID:
        return body[1 : 1 + _KEY_ID].hex()
    if body[:1] == bytes([_PKESK_6]) and len(body) > 1:
        fingerprint = body[3 : 2 + body[1]] if body[1] else b""
        if not fingerprint:
            return ANYONE
        return (fingerprint[-8:] if len(fingerprint) == _FINGERPRINT_4 else fingerprint[:8]).hex()
    return "unknown"
