"""The owner's statements about the parts of a certificate, each with its own time and end.

`counting` picks the statement in force at a moment, by the same rules as Sequoia.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from pysequoia.packet import Packet, PacketPile

from gateway.openpgp import subpackets

Revocation = Literal["soft", "hard"]

OLD_HASHES = frozenset({"MD5", "SHA1", "RipeMD"})
"""Forgeable digests: signatures using one never count, at any date."""

UNKNOWN = "unknown"
# The subpackets of RFC 9580, 5.2.3.7 understood by Sequoia. Critical notations never are.
_UNDERSTOOD = frozenset({2, 3, 4, 5, 6, 7, 9, 11, 12, 16, *range(21, 31), 32, 33, 35, 37, 39})
# RFC 9580, 5.2.3.31: superseded, retired and "user id no longer valid" leave older signatures good.
_SOFT_REASONS = frozenset({1, 3, 32})


@dataclass(frozen=True, slots=True)
class Backing:
    """A signing subkey's consent to belong to its certificate, within the binding statement."""

    made: datetime
    ends: datetime | None
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfSignature:
    """One statement of the owner. `lasts` and the uses are None if not stated.

    `lasts` counts from the making of the key; zero means for ever. `ends` is the end of the statement itself.
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

    def lives(self, moment: datetime) -> bool:
        """Return True from the making of the statement to its end."""
        return self.made <= moment and (self.ends is None or moment < self.ends)

    def holds(self, moment: datetime) -> bool:
        """Return True if the statement counts at `moment`."""
        if not (self.understood and self.lives(moment) and _is_sound(self.digest)):
            return False
        return self.is_backed(moment) if self.binds_subkey and self.signs else True

    def is_backed(self, moment: datetime) -> bool:
        """Return True if the subkey had consented by `moment` (RFC 9580, 5.2.1.9)."""
        return any(
            backing.made <= moment
            and (backing.ends is None or moment < backing.ends)
            and _is_sound(backing.digest)
            for backing in self.backings
        )


@dataclass(frozen=True, slots=True)
class Revoked:
    """One revocation: its kind, time of making, and own end, if any."""

    kind: Revocation
    at: datetime | None
    ends: datetime | None = None

    def counts(self, moment: datetime, since: datetime | None) -> bool:
        """Return True if in force at `moment`; a later statement (`since`) lifts a soft revocation."""
        if self.kind == "hard":
            return True
        made = self.at or datetime.min.replace(tzinfo=UTC)
        if since is not None and since > made:
            return False
        return made <= moment and (self.ends is None or moment < self.ends)


def counting(said: Iterable[SelfSignature], moment: datetime) -> SelfSignature | None:
    """Return the newest statement valid at `moment`. `said` is newest first."""
    return next((one for one in said if one.holds(moment)), None)


def revocation_at(
    revocations: Sequence[Revoked], moment: datetime, since: datetime | None
) -> Revocation | None:
    """Return the kind of revocation at `moment`, "hard" before "soft"; None if not revoked."""
    kinds = {one.kind for one in revocations if one.counts(moment, since)}
    return "hard" if "hard" in kinds else "soft" if kinds else None


def read_statement(packet: Packet, *, binds_subkey: bool) -> SelfSignature | None:
    """Return a self-signature's statement; None without a time of making."""
    made, flags = packet.signature_created, packet.key_flags
    if made is None:
        return None
    encrypts = None if flags is None else flags.transport_encryption or flags.storage_encryption
    return SelfSignature(
        made=made,
        ends=packet.signature_expiration_time,
        digest=digest_of(packet),
        understood=subpackets.critical(packet.body) <= _UNDERSTOOD,
        lasts=packet.key_validity_period,
        signs=None if flags is None else flags.signing,
        encrypts=encrypts,
        leads=bool(packet.primary_userid),
        backings=_backings(packet) if binds_subkey else (),
        binds_subkey=binds_subkey,
    )


def read_revocation(packet: Packet) -> Revoked:
    """Return a revocation. It counts with any digest: forging one gains nothing."""
    kind: Revocation = "hard"
    for one in subpackets.hashed(packet.body):
        if one.kind == subpackets.REASON_FOR_REVOCATION and one.data:
            kind = "soft" if one.data[0] in _SOFT_REASONS else "hard"
    return Revoked(kind, packet.signature_created, packet.signature_expiration_time)


def _is_sound(digest: str) -> bool:
    return digest not in OLD_HASHES and digest != UNKNOWN


def digest_of(signature: Packet) -> str:
    """Return the name of the digest of a signature."""
    try:
        return name_of(signature.hash_algorithm)
    except RuntimeError:
        return UNKNOWN


def name_of(value: object) -> str:
    """Return the bare name of one of pysequoia's constants, such as `SHA256`."""
    return repr(value).rpartition(".")[2]


def _backings(packet: Packet) -> tuple[Backing, ...]:
    found = []
    for one in subpackets.every(packet.body):
        if one.kind == subpackets.EMBEDDED_SIGNATURE:
            (inner,) = PacketPile.from_bytes(b"\xc2\xff" + len(one.data).to_bytes(4, "big") + one.data)
            if inner.signature_created is not None:
                found.append(
                    Backing(inner.signature_created, inner.signature_expiration_time, digest_of(inner))
                )
    return tuple(found)
