"""The subpackets of a signature (RFC 9580, 5.2.3.7), and the critical ones."""

from collections.abc import Iterator
from dataclasses import dataclass

REASON_FOR_REVOCATION = 29
FEATURES = 30
EMBEDDED_SIGNATURE = 32
INTENDED_RECIPIENT = 35
NOTATION = 20

_UNCOVERED = frozenset({16, 33, EMBEDDED_SIGNATURE})
_LARGE = 2048
_MOST_UNCOVERED = 8
_VERSION_6 = b"\x06"
_CRITICAL = 0x80
_ONE_OCTET, _FIVE_OCTETS = 192, 255


@dataclass(frozen=True, slots=True)
class Subpacket:
    """One subpacket: its type, its data, and the critical flag (must be understood)."""

    kind: int
    data: bytes
    critical: bool


def hashed(body: bytes) -> tuple[Subpacket, ...]:
    """Return the subpackets covered by a signature of version 4 or 6. IndexError if truncated."""
    start, end, _ = _areas(body)
    return tuple(_in_area(body[start:end]))


def every(body: bytes) -> tuple[Subpacket, ...]:
    """Return every subpacket of a signature: first the covered ones, then the uncovered."""
    start, end, size = _areas(body)
    more = end + size + int.from_bytes(body[end : end + size], "big")
    return (*_in_area(body[start:end]), *_in_area(body[end + size : more]))


def critical(body: bytes) -> set[int]:
    """Return the types of the covered critical subpackets."""
    return {one.kind for one in hashed(body) if one.critical}


def intended_recipients(body: bytes) -> tuple[str, ...]:
    """Return the fingerprints of a signature's intended recipients; () if unstated (5.2.3.36)."""
    return tuple(one.data[1:].hex() for one in hashed(body) if one.kind == INTENDED_RECIPIENT)


def lean(body: bytes) -> bytes:
    """Return the body of a signature without foreign additions in its uncovered area.

    The issuer's name stays, and a subkey's consent, with its own signature.
    """
    _, end, size = _areas(body)
    more = end + size + int.from_bytes(body[end : end + size], "big")
    found = list(_in_area(body[end + size : more]))
    kept = [one for one in found if one.kind in _UNCOVERED and len(one.data) < _LARGE][:_MOST_UNCOVERED]
    if kept == found:
        return body
    area = b"".join(map(_written, kept))
    return body[:end] + len(area).to_bytes(size, "big") + area + body[more:]


def _written(one: Subpacket) -> bytes:
    octet = one.kind | (_CRITICAL if one.critical else 0)
    return b"\xff" + (1 + len(one.data)).to_bytes(4, "big") + bytes([octet]) + one.data


def _areas(body: bytes) -> tuple[int, int, int]:
    """Return start and end of the covered area, and the number of octets giving an area's length."""
    size = 4 if body[:1] == _VERSION_6 else 2
    start = 4 + size
    return start, start + int.from_bytes(body[4:start], "big"), size


def _in_area(area: bytes) -> Iterator[Subpacket]:
    position = 0
    while position < len(area):
        length, position = _length(area, position)
        if length:
            kind = area[position]
            yield Subpacket(kind & ~_CRITICAL, area[position + 1 : position + length], bool(kind & _CRITICAL))
        position += length


def _length(area: bytes, position: int) -> tuple[int, int]:
    first = area[position]
    if first < _ONE_OCTET:
        return first, position + 1
    if first < _FIVE_OCTETS:
        return ((first - _ONE_OCTET) << 8) + area[position + 1] + _ONE_OCTET, position + 2
    return int.from_bytes(area[position + 1 : position + 5], "big"), position + 5
