"""What a decrypted message says of its own signatures, read only to choose the words of a refusal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pysequoia.packet import PacketPile

from gateway.errors import Refusal
from gateway.openpgp import packets
from gateway.openpgp.judge import Claim, Sender, unverified
from gateway.settings import OpenLimits

_PARTS = frozenset({packets.ONE_PASS_SIGNATURE, packets.LITERAL, packets.SIGNATURE}) | packets.IGNORED

_DATE_BYTES = 4


def claims(message: bytes) -> tuple[Claim, ...]:
    """The signatures that `message` carries around its one literal, as they describe themselves.

    Refusal where it is anything else than one literal with signatures around it.
    """
    try:
        parts = tuple(packets.walk(message))
    except packets.FramingError:
        raise Refusal("open:damaged") from None
    if all(part.tag in packets.IGNORED for part in parts):
        raise Refusal("open:damaged")
    if any(part.tag not in _PARTS for part in parts):
        raise Refusal("open:not-one-file")
    if sum(part.tag == packets.LITERAL for part in parts) != 1:
        raise Refusal("open:not-one-file")
    if next(part.tag for part in parts if part.tag not in packets.IGNORED) == packets.SIGNATURE:
        raise Refusal("open:unsupported", feature="a signature in front of the content")
    return tuple(_claim(message[p.start : p.end]) for p in parts if p.tag == packets.SIGNATURE)


def literal(message: bytes) -> bytes:
    """The content of the one literal in `message`, whoever signed it (RFC 9580, 5.9)."""
    claims(message)
    body = next(p.body(message) for p in packets.walk(message) if p.tag == packets.LITERAL)
    return body[2 + body[1] + _DATE_BYTES :]


def refusal(message: bytes, senders: Sequence[Sender], limits: OpenLimits, now: datetime) -> Refusal:
    """Why the signed message holds no valid signature by one of `senders`."""
    try:
        return unverified(claims(message), senders, limits, now)
    except Refusal as structure:
        return structure


def _claim(signature: bytes) -> Claim:
    try:
        packet = next(iter(PacketPile.from_bytes(signature)))
    except RuntimeError:
        return Claim("")
    return Claim(
        issuer=(packet.issuer_fingerprint or packet.issuer_key_id or "").lower(),
        created_at=packet.signature_created,
        expires_at=packet.signature_expiration_time,
        digest=repr(packet.hash_algorithm).rpartition(".")[2],
    )
