"""Read the self-signatures of a certificate: its owner's statements on its keys and user ids.

`counting` finds the statement in force at a moment, by the same rules as Sequoia.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from pysequoia.packet import Packet, PacketPile

# Types of a signature's subpackets (RFC 9580, 5.2.3.7).
REASON_FOR_REVOCATION = 29
FEATURES = 30
EMBEDDED_SIGNATURE = 32
INTENDED_RECIPIENT = 35

_UNCOVERED = frozenset({16, 33, EMBEDDED_SIGNATURE})
_LARGE = 2048
_MOST_UNCOVERED = 8
_VERSION_6 = b"\x06"
_CRITICAL = 0x80
_ONE_OCTET, _FIVE_OCTETS = 192, 255


class Subpacket(NamedTuple):
    """Subpacket of a signature: its type, its data, and whether it is critical (must be understood)."""

    kind: int
    data: bytes
    critical: bool


def hashed(body: bytes) -> tuple[Subpacket, ...]:
    """Return the subpackets in the hashed area of a signature's body. IndexError if it is cut off."""
    start, end, _ = _areas(body)
    return tuple(_in_area(body[start:end]))


def every(body: bytes) -> tuple[Subpacket, ...]:
    """Return every subpacket in a signature's body: first the hashed ones, then the unhashed."""
    start, end, size = _areas(body)
    more = end + size + int.from_bytes(body[end : end + size], "big")
    return (*_in_area(body[start:end]), *_in_area(body[end + size : more]))


def critical(body: bytes) -> set[int]:
    """Return the types of the critical subpackets in the hashed area of a signature's body."""
    return {one.kind for one in hashed(body) if one.critical}


def intended_recipients(body: bytes) -> tuple[str, ...]:
    """Return the fingerprints of the recipients a signature names (5.2.3.36); () if it names none."""
    return tuple(one.data[1:].hex() for one in hashed(body) if one.kind == INTENDED_RECIPIENT)


def lean(body: bytes) -> bytes:
    """Return a signature's body without foreign additions to its unhashed area.
    The issuer's name stays, and so does a subkey's consent, a signature of its own.
    """
    _, end, size = _areas(body)
    more = end + size + int.from_bytes(body[end : end + size], "big")
    found = list(_in_area(body[end + size : more]))
    kept = [one for one in found if one.kind in _UNCOVERED and len(one.data) < _LARGE][:_MOST_UNCOVERED]
    if kept == found:
        return body
    bodies = [bytes([one.kind | (_CRITICAL if one.critical else 0)]) + one.data for one in kept]
    area = b"".join(b"\xff" + len(one).to_bytes(4, "big") + one for one in bodies)
    return body[:end] + len(area).to_bytes(size, "big") + area + body[more:]


def _areas(body: bytes) -> tuple[int, int, int]:
    """Return start and end of a signature body's hashed area, and the size of an area's length field."""
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


Revocation = Literal["soft", "hard"]

OLD_HASHES = frozenset({"MD5", "SHA1", "RipeMD"})
"""Digests that can be forged: a signature with one never counts, at any date."""

UNKNOWN = "unknown"
# The subpackets of RFC 9580, 5.2.3.7 understood by Sequoia. Critical notations never are.
_UNDERSTOOD = frozenset({2, 3, 4, 5, 6, 7, 9, 11, 12, 16, *range(21, 31), 32, 33, 35, 37, 39})
# RFC 9580, 5.2.3.31: superseded, retired and "user id no longer valid" leave older signatures good.
_SOFT_REASONS = frozenset({1, 3, 32})


class Backing(NamedTuple):
    """A signing subkey's consent to belong to its certificate: a signature inside the binding signature."""

    made: datetime
    ends: datetime | None
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfSignature:
    """The owner's statement on a key or user id. `lasts`, `signs` and `encrypts` are None if not stated.
    `lasts`: validity of the key from its making; zero for ever. `ends`: the end of the statement itself.
    """

    made: datetime
    ends: datetime | None
    digest: str
    understood: bool
    lasts: timedelta | None = None
    signs: bool | None = None
    encrypts: bool | None = None
    leads: bool = False
    backings: tuple[Backing, ...] = ()
    binds_subkey: bool = False

    def holds(self, moment: datetime) -> bool:
        """Return True if the statement is in force at a moment, with a sound digest and needed consent."""
        if not (self.understood and _counts(self, moment)):
            return False
        return self.is_backed(moment) if self.binds_subkey and self.signs else True

    def is_backed(self, moment: datetime) -> bool:
        """Return True if the subkey had consented by a moment (RFC 9580, 5.2.1.9)."""
        return any(_counts(backing, moment) for backing in self.backings)


class Revoked(NamedTuple):
    """One revocation: its kind, the time when it was made, and the time when it ends, if any."""

    kind: Revocation
    at: datetime | None
    ends: datetime | None = None

    def counts(self, moment: datetime, since: datetime | None) -> bool:
        """Return True if in force at `moment`; a later statement, of `since`, lifts a soft revocation."""
        if self.kind == "hard":
            return True
        made = self.at or datetime.min.replace(tzinfo=UTC)
        if since is not None and since > made:
            return False
        return made <= moment and (self.ends is None or moment < self.ends)


def counting(said: Iterable[SelfSignature], moment: datetime) -> SelfSignature | None:
    """Return the newest statement valid at `moment`; `said` is newest first."""
    return next((one for one in said if one.holds(moment)), None)


def revocation_at(
    revocations: Sequence[Revoked], moment: datetime, since: datetime | None
) -> Revocation | None:
    """Return how a key or user id is revoked at a moment: "hard", "soft", or None if not revoked."""
    kinds = {one.kind for one in revocations if one.counts(moment, since)}
    return "hard" if "hard" in kinds else "soft" if kinds else None


def read_statement(packet: Packet, *, binds_subkey: bool) -> SelfSignature | None:
    """Return the owner's statement in a self-signature; None if it has no creation time."""
    made, flags = packet.signature_created, packet.key_flags
    if made is None:
        return None
    encrypts = None if flags is None else flags.transport_encryption or flags.storage_encryption
    return SelfSignature(
        made=made,
        ends=packet.signature_expiration_time,
        digest=named(packet, "hash_algorithm"),
        understood=critical(packet.body) <= _UNDERSTOOD,
        lasts=packet.key_validity_period,
        signs=None if flags is None else flags.signing,
        encrypts=encrypts,
        leads=bool(packet.primary_userid),
        backings=_backings(packet) if binds_subkey else (),
        binds_subkey=binds_subkey,
    )


def read_revocation(packet: Packet) -> Revoked:
    """Return the revocation in a signature; a weak digest counts, too: forging a revocation gains nothing."""
    kind: Revocation = "hard"
    for one in hashed(packet.body):
        if one.kind == REASON_FOR_REVOCATION and one.data:
            kind = "soft" if one.data[0] in _SOFT_REASONS else "hard"
    return Revoked(kind, packet.signature_created, packet.signature_expiration_time)


def _counts(one: SelfSignature | Backing, moment: datetime) -> bool:
    """Return True if a signature is made and not expired at a moment, and has a sound digest."""
    lives = one.made <= moment and (one.ends is None or moment < one.ends)
    return lives and one.digest not in OLD_HASHES and one.digest != UNKNOWN


def named(packet: Packet, attribute: str) -> str:
    """Return the name that pysequoia gives to an attribute, such as `SHA256`; `UNKNOWN` for none."""
    try:
        return repr(getattr(packet, attribute)).rpartition(".")[2]
    except RuntimeError:
        return UNKNOWN


def _backings(packet: Packet) -> tuple[Backing, ...]:
    found = []
    for one in every(packet.body):
        if one.kind == EMBEDDED_SIGNATURE:
            (inner,) = PacketPile.from_bytes(b"\xc2\xff" + len(one.data).to_bytes(4, "big") + one.data)
            if inner.signature_created is not None:
                digest = named(inner, "hash_algorithm")
                found.append(Backing(inner.signature_created, inner.signature_expiration_time, digest))
    return tuple(found)
