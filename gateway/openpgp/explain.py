"""Read the claims of a decrypted message about its signatures, only to word a refusal."""

from collections.abc import Sequence
from datetime import datetime
from itertools import dropwhile

from pysequoia.packet import PacketPile

from gateway.errors import Refusal
from gateway.home.settings import OpenLimits
from gateway.openpgp import packets, self_signatures
from gateway.openpgp.judge import Sender, SignatureClaim, unverified
from gateway.openpgp.self_signatures import name_of

_PARTS = frozenset({packets.ONE_PASS_SIGNATURE, packets.LITERAL, packets.SIGNATURE})

_DATE_BYTES = 4


def claims(message: bytes) -> tuple[SignatureClaim, ...]:
    """Return the unverified signatures around the one literal of `message`.

    Refusal for anything except one literal with signatures around it.
    """
    try:
        parts = tuple(part for part in packets.walk(message) if not packets.is_ignored(part.tag))
    except packets.FramingError:
        raise Refusal("open:damaged") from None
    if not parts:
        raise Refusal("open:damaged")
    if any(part.tag not in _PARTS for part in parts):
        raise Refusal("open:not-one-file")
    if sum(part.tag == packets.LITERAL for part in parts) != 1:
        raise Refusal("open:not-one-file")
    if parts[0].tag == packets.SIGNATURE and all(p.tag != packets.ONE_PASS_SIGNATURE for p in parts):
        raise Refusal("open:unsupported", feature="a signature in front of the content")
    # One in front of a message with announced signatures is passed over by Sequoia, and by us.
    after = dropwhile(lambda part: part.tag != packets.LITERAL, parts)
    return tuple(_claim(message[p.start : p.end]) for p in after if p.tag == packets.SIGNATURE)


def literal(message: bytes) -> bytes:
    """Return the content of the one literal in `message`, signed by anyone (RFC 9580, 5.9)."""
    claims(message)
    body = next(p.body(message) for p in packets.walk(message) if p.tag == packets.LITERAL)
    return body[2 + body[1] + _DATE_BYTES :]


def refusal(
    message: bytes, senders: Sequence[Sender], limits: OpenLimits, now: datetime, addressee: str | None
) -> Refusal:
    """Return the refusal of a signed message without a valid signature by one of `senders`."""
    try:
        return unverified(claims(message), senders, limits, now, addressee)
    except Refusal as structure:
        return structure


def unread(why: Refusal) -> Refusal:
    """Return the refusal for a message broken off before its signature."""
    return Refusal("open:damaged") if why.code == "open:bad-signature" else why


def _claim(signature: bytes) -> SignatureClaim:
    """Return a signature packet's claim; an empty one for kinds unknown to pysequoia."""
    try:
        packet = next(iter(PacketPile.from_bytes(signature)))
        return SignatureClaim(
            issuer=(packet.issuer_fingerprint or packet.issuer_key_id or "").lower(),
            created_at=packet.signature_created,
            expires_at=packet.signature_expiration_time,
            digest=name_of(packet.hash_algorithm),
            recipients=self_signatures.intended_recipients(packet.body),
        )
    except (RuntimeError, IndexError):
        return SignatureClaim("")
