"""Whether what arrives is encrypted, as its first bytes tell (RFC 9580, 4.2, 5.1-5.3, 5.13, 6.2).

What came in the clear must not be written down, and only intake sees it before it is. This looks
at the outermost packet and no further: it protects against mistakes. Whether a file is sealed as it
must be is judged inside. Pure.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

from gateway.model import Folder

ENOUGH_BYTES = 4_096
"""After so many bytes `is_sealed` and `is_public` know."""

_BOM = b"\xef\xbb\xbf"
_BLANK = b" \t\r\n"
_ARMOR = b"-----BEGIN PGP MESSAGE-----"
_ARMOR_HEAD = re.compile(rb"-----BEGIN PGP MESSAGE-----[ \t]*\r?\n(?:[^\r\n:]+:[^\r\n]*\r?\n)*[ \t]*\r?\n")
_PACKET_BYTES = 8  # Enough for a packet's tag, its length and its version.

# First octets of lengths that take more than one octet.
_TWO_OCTETS = range(192, 224)
_FIVE_OCTETS = 255

_MARKER = b"PGP"
_MARKER_TAG = 10
# The packets that an encrypted message can begin with, and the versions they have.
_ENCRYPTED = {1: {2, 3, 6}, 3: {4, 5, 6}, 18: {1, 2}, 20: {1}}
_PUBLIC_TAGS = {2, 4, 6, 8}  # A signature, a signed message, a public key.
_PUBLIC_TEXTS = (
    b"-----BEGIN PGP PUBLIC KEY BLOCK-----",
    b"-----BEGIN PGP SIGNED MESSAGE-----",
    b"-----BEGIN PGP SIGNATURE-----",
    b"-----BEGIN PGP MESSAGE-----",
    b"---- BEGIN SSH2 PUBLIC KEY ----",
    b"This is a revocation certificate for the OpenPGP key:",  # As GnuPG writes one beside each key it makes.
    b"ssh-",
    b"ecdsa-sha2-",
    b"sk-",
)

Judge = Callable[[bytes], bool | None]


def judge_for(folder: Folder) -> Judge:
    """What may be written down in `folder`: sealed files; and keys and signed texts where they belong."""
    return is_sealed if folder == "in" else is_public


def is_sealed(start: bytes) -> bool | None:
    """Whether a file that begins with `start` is an encrypted OpenPGP message; None while unclear.

    A file too short to tell stays unclear: it holds no more than the beginning of a packet or of
    an armor line.
    """
    if start and _BOM.startswith(start):
        return None
    if start[:1] >= b"\x80" and not start.startswith(_BOM):
        return _begins_encrypted(start)
    text = start.removeprefix(_BOM).lstrip(_BLANK)
    if not text.startswith(_ARMOR):
        return None if _ARMOR.startswith(text) and len(start) < ENOUGH_BYTES else False
    head = _ARMOR_HEAD.match(text)
    if head is None:
        return None if len(start) < ENOUGH_BYTES else False
    return _armored_begins_encrypted(text[head.end() :])


def is_public(start: bytes) -> bool | None:
    """Whether it is sealed, or a public key or a signed text, which are no secrets; None while unclear."""
    if start[:1] >= b"\x80" and _tag(start[0]) in _PUBLIC_TAGS:
        return True
    text = start.removeprefix(_BOM).lstrip(_BLANK)
    if any(text.startswith(begin) for begin in _PUBLIC_TEXTS):
        return True
    if len(start) < ENOUGH_BYTES and any(begin.startswith(text) for begin in _PUBLIC_TEXTS):
        return None
    return is_sealed(start)


def _armored_begins_encrypted(body: bytes) -> bool | None:
    """The same for the base64 text of an armored message."""
    text = b"".join(body[: 8 * _PACKET_BYTES].split())[: 4 * _PACKET_BYTES]
    try:
        data = base64.b64decode(text[: len(text) // 4 * 4], validate=True)
    except binascii.Error:
        return False
    return _begins_encrypted(data)


def _begins_encrypted(data: bytes) -> bool | None:
    """Whether the first packet of `data` is one that an encrypted message begins with."""
    if len(data) < _PACKET_BYTES:
        return None
    tag, body = _tag(data[0]), data[_head_length(data) :]
    if tag == _MARKER_TAG and body.startswith(_MARKER):
        return _begins_encrypted(body[len(_MARKER) :])
    return body[0] in _ENCRYPTED.get(tag, ())


def _tag(first: int) -> int:
    """The tag in the first octet of a packet: in the current form, or in the one of RFC 1991."""
    return first & 0x3F if first & 0x40 else (first >> 2) & 0x0F


def _head_length(data: bytes) -> int:
    """How many octets the tag and the length of the first packet take (RFC 9580, 4.2.1 and 4.2.2)."""
    if not data[0] & 0x40:
        return (2, 3, 5, 1)[data[0] & 0x03]
    if data[1] == _FIVE_OCTETS:
        return 6
    return 3 if data[1] in _TWO_OCTETS else 2
