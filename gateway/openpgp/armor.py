"""Taking off ASCII armor (RFC 9580, 6.2), so that what lies beneath can be looked at."""

from __future__ import annotations

import base64
import binascii
import re

MESSAGE_END = b"-----END PGP MESSAGE-----"
_BEGIN = re.compile(rb"-----BEGIN PGP ([A-Z0-9, /]+)-----[ \t]*\r?\n")
_HEADERS = re.compile(rb"(?:[^\r\n:]+:[^\r\n]*\r?\n)*[ \t]*\r?\n")
_CHECKSUM = re.compile(rb"(?:\A|\r?\n)=[A-Za-z0-9+/]{4}\Z")
_BLANK = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class ArmorError(ValueError):
    """The armor is broken, or more than one block of it and white space is there."""


def is_binary(data: bytes) -> bool:
    """Whether `data` starts as a packet does, with its highest bit set (and is no text with a BOM)."""
    return bool(data) and bool(data[0] & 0x80) and not data.startswith(_BYTE_ORDER_MARK)


def kind_of(data: bytes) -> tuple[str, int] | None:
    """The kind of the first block ("MESSAGE", "SIGNED MESSAGE", …) and where it starts, if any."""
    found = _BEGIN.search(data)
    return (found[1].decode("ascii"), found.start()) if found else None


def in_ascii(armored: str) -> bytes:
    """An armored block without those of its header lines that are not ASCII.

    Such lines are remarks, as that with the owner's name; many programs stumble over accents in them.
    """
    lines = armored.splitlines(keepends=True)
    return "".join(line for line in lines if line.isascii()).encode("ascii")


def is_blank(data: bytes) -> bool:
    """Whether there is nothing in `data` but white space and a byte order mark."""
    return not data.removeprefix(_BYTE_ORDER_MARK).strip(_BLANK)


def dearmored(data: bytes) -> bytes:
    """What one armored block holds. ArmorError where it is cut off or something stands beside it."""
    found = _BEGIN.search(data)
    if found is None or not is_blank(data[: found.start()]):
        raise ArmorError("no block of armor at the start")
    footer = b"-----END PGP " + found[1] + b"-----"
    end = data.find(footer, found.end())
    if end < 0:
        raise ArmorError("the armor is cut off")
    if not is_blank(data[end + len(footer) :]):
        raise ArmorError("something follows the armor")
    return _decoded(_text(data[found.end() : end]))


def dearmored_head(data: bytes) -> bytes:
    """What the first octets of a longer armored block hold, as far as they go."""
    found = _BEGIN.search(data)
    if found is None:
        raise ArmorError("no block of armor")
    body, _, _ = data[found.end() :].partition(b"-----END")
    text = b"".join(_text(body).split())
    return _decoded(text[: len(text) // 4 * 4])


def _text(body: bytes) -> bytes:
    """The base64 text of a block: after its headers, before its checksum."""
    headers = _HEADERS.match(body)
    text = body[headers.end() :] if headers else body
    return _CHECKSUM.sub(b"", text.rstrip(_BLANK))


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise ArmorError("not base64") from None
