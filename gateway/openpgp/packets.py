"""Read the framing of OpenPGP (RFC 9580, 4.2 and 6.2): remove ASCII armor, find the packets.

The gateway uses framing to refuse early and to word refusals, never to accept a message.
"""

import base64
import binascii
import io
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import BinaryIO, NamedTuple

from gateway.errors import Refusal

# Tags of packets (RFC 9580, 5); 20 is GnuPG's own.
PKESK = 1
SIGNATURE = 2
SKESK = 3
ONE_PASS_SIGNATURE = 4
COMPRESSED = 8
ENCRYPTED = 9
MARKER = 10
LITERAL = 11
INTEGRITY_PROTECTED = 18
OCB_ENCRYPTED = 20
PADDING = 21

ENCRYPTION = frozenset({PKESK, SKESK, ENCRYPTED, INTEGRITY_PROTECTED, OCB_ENCRYPTED})
IGNORED = frozenset({MARKER, PADDING})

_FIRST_NOT_CRITICAL = 40

# A message has a handful; a file of nothing but headers must not cost minutes.
_MOST_PACKETS = 10_000
# A body in pieces of one octet would take a hundred times its size in offsets.
_MOST_PIECES = 400_000
# 2 GiB have no more in pieces of 512 octets. A file of smaller ones must not cost minutes either.
_MOST_HEADS = 4_200_000
_HEAD_BYTES = 6


class FramingError(Refusal):
    """Octets are no sequence of OpenPGP packets, end inside a packet, or have broken armor."""

    def __init__(self, explanation: str, code: str = "open:damaged") -> None:
        super().__init__(code)
        self.add_note(explanation)


class Packet(NamedTuple):
    """A packet from offset `start` to `end`. `pieces`: the start and end of each piece of the body."""

    tag: int
    start: int
    pieces: tuple[tuple[int, int], ...]
    end: int

    def body(self, data: bytes | memoryview) -> bytes:
        """Return the body of this packet from `data`, the octets of all packets; join a body in parts."""
        return b"".join(bytes(data[start:end]) for start, end in self.pieces)


def is_ignored(tag: int) -> bool:
    """Return True for a packet ignored in messages: marker, padding, or an unknown uncritical kind (4.3)."""
    return tag in IGNORED or tag >= _FIRST_NOT_CRITICAL


def walk(data: bytes | memoryview) -> Iterator[Packet]:
    """Yield the packets in order. FramingError for broken data, cut-off data or over 10,000 packets."""
    position = 0
    for _ in range(_MOST_PACKETS):
        if position >= len(data):
            return
        packet = _packet(data, position)
        yield packet
        position = packet.end
    raise FramingError("too many packets")


def head(data: bytes | memoryview, position: int) -> tuple[int, int, int | None]:
    """Return the tag of the packet at a position, and the offset and length of the body.
    The length is None for a body in pieces, or for a body up to the end of the data.
    """
    first = _number(data, position, 1)
    if not first & 0x80:
        raise FramingError("not a packet header")
    if first & 0x40:
        start, length, _ = _new_length(data, position + 1)
        return first & 0x3F, start, length
    tag, size = (first >> 2) & 0x0F, 1 << (first & 3)
    if size == 8:  # noqa: PLR2004 - RFC 9580, 4.2.2: the body runs to the end of the data
        return tag, position + 1, None
    return tag, position + 1 + size, _number(data, position + 1, size)


def first(data: bytes | memoryview) -> tuple[int, int]:
    """Return tag and position of the first packet not to be ignored. FramingError if there is none."""
    position = 0
    while True:
        tag, start, length = head(data, position)
        if not is_ignored(tag):
            return tag, position
        if length is None:
            raise FramingError("nothing but ignored packets")
        position = start + length


def start_of_body(data: bytes | memoryview, position: int) -> bytes:
    """Return the part of a packet's body that `data`, possibly cut off, contains."""
    found = list[bytes]()
    with suppress(FramingError):
        for start, end in _pieces(data, position):
            found.append(bytes(data[start:end]))
    return b"".join(found)


def tags(file: BinaryIO) -> Iterator[int]:
    """Yield the tags of the packets in a file, without reading bodies. FramingError as from `walk`."""
    size, end, in_pieces = file.seek(0, os.SEEK_END), 0, False
    for _ in range(_MOST_HEADS):
        if end >= size:
            break
        file.seek(end)
        octets = file.read(_HEAD_BYTES)
        if in_pieces:
            start, length, piece = _new_length(octets, 0)
            end, in_pieces = end + start + piece, length is None
            continue
        tag, start, length = head(octets, 0)
        yield tag
        in_pieces = bool(octets[0] & 0x40)  # All bodies of the new format, to count the pieces alike.
        end = end + 1 if in_pieces else size if length is None else end + start + length
    if end != size or in_pieces:
        raise FramingError("cut off, or too many packets")


def _packet(data: bytes | memoryview, position: int) -> Packet:
    pieces = list(islice(_pieces(data, position), _MOST_PIECES + 1))
    if len(pieces) > _MOST_PIECES:
        raise FramingError("too many pieces")
    if pieces[-1][1] > len(data):
        raise FramingError("cut off")
    return Packet(head(data, position)[0], position, tuple(pieces), pieces[-1][1])


def _pieces(data: bytes | memoryview, position: int) -> Iterator[tuple[int, int]]:
    """Yield start and end of each piece of the body of a packet."""
    _, start, length = head(data, position)
    if length is not None or not data[position] & 0x40:
        yield start, len(data) if length is None else start + length
        return
    end = position + 1
    while length is None:
        start, length, piece = _new_length(data, end)
        end = start + piece
        yield start, end


def _new_length(data: bytes | memoryview, position: int) -> tuple[int, int | None, int]:
    """Read the length field of a packet of the new format (RFC 9580, 4.2.1).
    Return the offset of the body, its length (None if it comes in pieces), and the length of the first piece.
    """
    first = _number(data, position, 1)
    if first < 192:  # noqa: PLR2004 - RFC 9580, 4.2.1
        return position + 1, first, first
    if first < 224:  # noqa: PLR2004
        length = ((first - 192) << 8) + _number(data, position + 1, 1) + 192
        return position + 2, length, length
    if first < 255:  # noqa: PLR2004
        return position + 1, None, 1 << (first & 0x1F)
    length = _number(data, position + 1, 4)
    return position + 5, length, length


def _number(data: bytes | memoryview, position: int, size: int) -> int:
    if position + size > len(data):
        raise FramingError("cut off")
    return int.from_bytes(data[position : position + size], "big")


# The first line of a block, with its headers and the blank line after them, if any.
_BEGIN = re.compile(rb"-----BEGIN PGP ([A-Z0-9, /]+)-----[ \t]*\r?\n(?:(?:[^\r\n:]+:.*\n)*[ \t]*\r?\n)?")
_CHECKSUM = re.compile(rb"=[A-Za-z0-9+/]{1,4}\Z")  # or as much as the head of a file has
_CHECKSUM_BYTES = 5
_PIECE_BYTES = 256 * 1024
_BLANK = b" \t\r\n"
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def is_binary(data: bytes) -> bool:
    """Return True if `data` starts with a binary packet: highest bit set, no byte order mark."""
    return bool(data) and bool(data[0] & 0x80) and not data.startswith(_BYTE_ORDER_MARK)


def kind_of(data: bytes) -> tuple[str, int] | None:
    """Return the kind of the first armored block ("MESSAGE", "SIGNED MESSAGE", …) and its offset.
    None for data without an armored block.
    """
    found = _BEGIN.search(data)
    return (found[1].decode("ascii"), found.start()) if found else None


def in_ascii(armored: str) -> bytes:
    """Drop header lines of an armored block that are not ASCII: names with accents break many programs."""
    lines = armored.splitlines(keepends=True)
    return "".join(line for line in lines if line.isascii()).encode("ascii")


def is_blank(data: bytes) -> bool:
    """Return True if `data` is only white space, possibly after a byte order mark."""
    return not data.removeprefix(_BYTE_ORDER_MARK).strip(_BLANK)


def dearmored(data: bytes) -> bytes:
    """Decode an armored block. FramingError for a block cut off, or with other data before or after."""
    return b"".join(decoded_pieces(io.BytesIO(data)))


def decoded_pieces(file: BinaryIO) -> Iterator[bytes]:
    """Decode an armored block in a file, piece by piece. FramingError as from `dearmored`."""
    data = file.read(_PIECE_BYTES)
    found = _BEGIN.search(data)
    if found is None or not is_blank(data[: found.start()]):
        raise FramingError("no block of armor at the start")
    data, text = data[found.end() :], b""
    while data and b"-" not in data:
        text += b"".join(data.split())
        whole = max(0, len(text) - _CHECKSUM_BYTES) // 4 * 4
        yield _decoded(text[:whole])
        text, data = text[whole:], file.read(_PIECE_BYTES)
    footer = b"-----END PGP " + found[1] + b"-----"
    last, dash, rest = data.partition(b"-")
    rest = dash + rest + file.read(len(footer))
    if not rest.startswith(footer):
        raise FramingError("the armor is cut off")
    text += b"".join(last.split())
    yield _decoded(_CHECKSUM.sub(b"", text))
    rest = rest.removeprefix(footer)
    while rest:
        if not is_blank(rest):
            raise FramingError("something follows the armor", "open:not-one-file")
        rest = file.read(_PIECE_BYTES)


def dearmored_head(data: bytes) -> bytes:
    """Decode the beginning of an armored block, as much as `data` contains."""
    found = _BEGIN.search(data)
    if found is None:
        raise FramingError("no block of armor")
    body, _, _ = data[found.end() :].partition(b"-")
    text = _CHECKSUM.sub(b"", b"".join(body.split()))
    return _decoded(text[: len(text) // 4 * 4])


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        raise FramingError("not base64") from None
