"""Signatures that were made after their certificate had expired, or before it said that it had not.

Engines judge a key by what its certificate said at the time of the signature, so one that expired and
was renewed later leaves what was signed in between good for nobody. The owner of the key has vouched
for it since: here such a signature is told from a forged one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pysequoia.packet import PacketPile

from gateway.errors import Refusal
from gateway.model import Signature
from gateway.openpgp import explain, packets
from gateway.openpgp.arithmetic import fits
from gateway.openpgp.components import OLD_HASHES, Component, critical_subpackets
from gateway.openpgp.judge import Claim, Sender, Verified, check_signature
from gateway.settings import OpenLimits

# Times, issuer and signer's user id (RFC 9580, 5.2.3.7); whatever else must be understood is not.
_UNDERSTOOD = frozenset({2, 3, 16, 28, 33})


def verified_late(
    message: bytes, senders: Sequence[Sender], limits: OpenLimits, now: datetime
) -> Verified | None:
    """What a signed message says where only the dates of its signer's certificate were against it.

    None where it has no such signature, or one that does not fit; Refusal where it does not count for
    another reason.
    """
    found = _late_claim(message, senders)
    if found is None:
        return None
    claim, sender, key, made = found
    content = explain.literal(message)
    if (claim.expires_at is not None and claim.expires_at <= now) or not _fits(message, sender, key, content):
        return None
    signature = Signature(certificate=sender.fingerprint, signing_key=key.fingerprint, created_at=made)
    ended = check_signature(signature, senders, limits, now)
    return Verified(signature=signature, ended=ended, content=content, late=ended is None)


def _late_claim(
    message: bytes, senders: Sequence[Sender]
) -> tuple[Claim, Sender, Component, datetime] | None:
    """The one signature that names a key which did not count when it was made, with that key."""
    try:
        claims = explain.claims(message)
    except Refusal:
        return None
    if len(claims) != 1 or claims[0].created_at is None or claims[0].digest in OLD_HASHES:
        return None
    claim, made = claims[0], claims[0].created_at
    for sender in senders:
        key = sender.key(claim.issuer)
        if key is not None:
            return (claim, sender, key, made) if _was_out_of_date(sender.keys[0], key, made) else None
    return None


def _was_out_of_date(primary: Component, key: Component, made: datetime) -> bool:
    """Whether the certificate said at the time that the key did not count, or said nothing of it yet."""
    if not (key.bound and key.can_sign) or made < max(primary.created_at, key.created_at):
        return False
    return not (primary.counted(made) and key.counted(made))


def _fits(message: bytes, sender: Sender, key: Component, content: bytes) -> bool:
    signature = next(p.body(message) for p in packets.walk(message) if p.tag == packets.SIGNATURE)
    public = next(p.body for p in PacketPile.from_bytes(sender.data) if p.fingerprint == key.fingerprint)
    return critical_subpackets(signature) <= _UNDERSTOOD and fits(signature, public, content)
