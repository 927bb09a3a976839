"""Remove ASCII armor (RFC 9580, 6.2), to inspect the packets inside."""

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
    """The armor is broken, or surrounded by anything except white space."""


def is_binary(data: bytes) -> bool:
    """Return True if `data` starts like a packet, with the highest bit set (and without a BOM)."""
    return bool(data) and bool(data[0] & 0x80) and not data.startswith(_BYTE_ORDER_MARK)


def kind_of(data: bytes) -> tuple[str, int] | None:
    """Return the kind of the first block ("MESSAGE", "SIGNED MESSAGE", …) and its start, if any."""
    found = _BEGIN.search(data)
    return (found[1].decode("ascii"), found.start()) if found else None


def in_ascii(armored: str) -> bytes:
    """Return an armored block without non-ASCII header lines.

    Such lines are comments, often with the owner's name; many programs fail on accented letters there.
    """
    lines = armored.splitlines(keepends=True)
    return "".join(line for line in lines if line.isascii()).encode("ascii")


def is_blank(data: bytes) -> bool:
    """Return True if `data` holds only white space and a byte order mark."""
    return not data.removeprefix(_BYTE_ORDER_MARK).strip(_BLANK)


def dearmored(data: bytes) -> bytes:
    """Return the contents of one armored block. ArmorError if cut off or with anything beside."""
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
    """Return the decodable contents of the first octets of a longer armored block."""
    found = _BEGIN.search(data)
    if found is None:
        raise ArmorError("no block of armor")
    body, _, _ = data[found.end() :].partition(b"-----END")
    text = b"".join(_text(body).split())
    return _decoded(text[: len(text) // 4 * 4])


def _text(body: bytes) -> bytes:
    """Return the base64 text of a block, between headers and checksum."""
    headers = _HEADERS.match(body)
    text = body[headers.end() :] if headers else body
    return _CHECKSUM.sub(b"", text.rstrip(_BLANK))


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise ArmorError("not base64") from None
