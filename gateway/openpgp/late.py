"""Accept signatures made after the certificate's expiry, or before the certificate named a later one.

Engines judge a key by its certificate at the time of the signature, so signatures made between an expiry and
a later renewal stay invalid for them. The owner has vouched for the key since: here such a signature is told
from a forged one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.errors import Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Late, Signature
from gateway.openpgp import explain, packets, subpackets
from gateway.openpgp.arithmetic import fits
from gateway.openpgp.judge import Sender, SignatureClaim, Verified, check_signature
from gateway.openpgp.self_signatures import OLD_HASHES
from gateway.openpgp.standing import Component, Parts

# Times, issuer, signer's user id and recipients (RFC 9580, 5.2.3.7): the only critical subpackets understood.
_UNDERSTOOD = frozenset({2, 3, 16, 28, 33, subpackets.INTENDED_RECIPIENT})


def verified_late(
    message: bytes,
    senders: Sequence[Sender],
    limits: OpenLimits,
    now: datetime,
    addressee: str | None,
) -> Verified | None:
    """Return a signed message whose only fault is the dates of the signer's certificate.

    None without such a signature, or with a mismatching one; Refusal for any other fault.
    """
    found = _late_claim(message, senders)
    if found is None or not found.claim.is_for(addressee):
        return None
    content = explain.literal(message)
    if not _fits(message, found.key, content):
        return None
    signature = Signature(
        certificate=found.sender.fingerprint,
        signing_key=found.key.fingerprint,
        created_at=found.made,
        expires_at=found.claim.expires_at,
    )
    ended = check_signature(signature, senders, limits, now)
    return Verified(
        signature=signature, ended=ended, content=content, late=found.late if ended is None else None
    )


@dataclass(frozen=True, slots=True)
class _LateClaim:
    """The one signature of a message, by a key not valid when it was `made`."""

    claim: SignatureClaim
    sender: Sender
    key: Component
    made: datetime
    late: Late


def _late_claim(message: bytes, senders: Sequence[Sender]) -> _LateClaim | None:
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
            late = _how_late(sender.parts, key, made)
            return None if late is None else _LateClaim(claim, sender, key, made, late)
    return None


def _how_late(parts: Parts, key: Component, made: datetime) -> Late | None:
    """Return "renewed" for a key then expired, "vouched" for a key or certificate not yet bound by its owner.

    None for a valid key, or a fault other than a date.
    """
    standings = [parts.standing(one, made) for one in (parts.primary, key)]
    if not parts.is_meant_to_sign(key):
        return None
    if made < max(parts.primary.created_at, key.created_at) or any(one.revoked for one in standings):
        return None
    if not all(one.bound for one in standings):
        return "vouched"
    if not standings[-1].can_sign or all(one.alive for one in standings):
        return None
    return "renewed"


def _fits(message: bytes, key: Component, content: bytes) -> bool:
    signature = next(p.body(message) for p in packets.walk(message) if p.tag == packets.SIGNATURE)
    return subpackets.critical(signature) <= _UNDERSTOOD and fits(signature, key.public, content)
