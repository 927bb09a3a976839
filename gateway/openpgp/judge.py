"""The gateway's own judgement of messages verified by an engine, and the wording of refusals.

An engine judges keys at the time of the signature. Receipt is later: the holder of a key since expired or
revoked could backdate a signature. So time and state of the key are checked again, as of `now`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pysequoia import Cert

from gateway.errors import Fault, Refusal
from gateway.home.settings import OpenLimits
from gateway.model import Late, Opened, Signature
from gateway.openpgp.components import Component, Parts, parts_of
from gateway.openpgp.self_signatures import OLD_HASHES

_ENDED_SINCE = frozenset({"open:key-expired", "open:key-superseded"})


@dataclass(frozen=True, slots=True)
class Sender:
    """One parsed certificate entitled to sign for a provider."""

    data: bytes
    cert: Cert
    parts: Parts

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the certificate, lower-case hex."""
        return self.cert.fingerprint

    def key(self, handle: str) -> Component | None:
        """Return the key of this certificate with a fingerprint or key id."""
        return next((key for key in self.parts.keys if key.is_named(handle)), None)

    def has_expired(self, now: datetime) -> bool:
        """Return True if the certificate, or a signing key of the certificate, has expired."""
        primary = self.parts.standing(self.parts.primary, now)
        signing = (
            standing for key in self.parts.keys if (standing := self.parts.standing(key, now)).can_sign
        )
        ends = (one.expires_at for one in (primary, *signing))
        return any(end is not None and end <= now for end in ends)


class Waits(Refusal):
    """A good file whose key has expired or been superseded since.

    The caller may let the file wait, for a renewed key or for a person, and closes `opened.content`.
    """

    def __init__(self, code: str, opened: Opened) -> None:
        super().__init__(code)
        self.opened = opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """A good signature, with the reason to wait from `check_signature`, if any.

    `content` is the signed content, unless kept by the engine. `late`: the certificate was not valid at the
    time of signing, but has been renewed since: see `Opened.late`.
    """

    signature: Signature
    ended: str | None
    content: bytes = b""
    late: Late | None = None


@dataclass(frozen=True, slots=True)
class SignatureClaim:
    """An unverified signature packet's claims. `issuer` is a fingerprint or key id."""

    issuer: str
    created_at: datetime | None = None
    expires_at: datetime | None = None
    digest: str = ""
    recipients: tuple[str, ...] = ()

    def is_for(self, addressee: str | None) -> bool:
        """Return True if the signature was made for `addressee`, the message's gateway certificate.

        A signature without named recipients is for everybody; without an addressee nothing was sealed.
        """
        return addressee is None or not self.recipients or addressee in self.recipients


def parsed_senders(certificates: Sequence[bytes]) -> tuple[Sender, ...]:
    """Return the parsed certificates. Fault if an enrolled one cannot be parsed."""
    try:
        certs = [Cert.from_bytes(data) for data in certificates]
        return tuple(Sender(bytes(cert), cert, parts_of(bytes(cert))) for cert in certs)
    except RuntimeError as error:
        raise Fault("an enrolled certificate cannot be parsed") from error


def check_signature(
    signature: Signature, senders: Sequence[Sender], limits: OpenLimits, now: datetime
) -> str | None:
    """Return None if a verified `signature` counts at `now`; Refusal otherwise.

    Return a code if it was valid when made, and only the key has ended since: see `Waits`.
    """
    sender = next((one for one in senders if one.fingerprint == signature.certificate), None)
    key = sender.key(signature.signing_key) if sender else None
    if sender is None or key is None:
        raise Refusal("open:wrong-signer")
    if key in sender.parts.adopted():
        raise Refusal("open:wrong-signer")
    if not _is_sound(sender):
        raise Refusal("open:unsupported", feature="a key that is too weak")
    ended = _ended(sender, key, signature.created_at, now)
    _check_date(signature.created_at, limits, now)
    if signature.expires_at is not None and signature.expires_at <= now:
        raise Refusal("open:signature-expired")
    return ended


def unverified(
    claims: Sequence[SignatureClaim],
    senders: Sequence[Sender],
    limits: OpenLimits,
    now: datetime,
    addressee: str | None,
) -> Refusal:
    """Return the refusal for a message without a valid signature by `senders`; only words depend on it."""
    if not claims:
        return Refusal("open:not-signed")
    for claim in claims:
        for sender in senders:
            key = sender.key(claim.issuer)
            if key is not None and not claim.is_for(addressee):
                return Refusal("open:meant-for-others")
            if key is not None:
                return _why_bad(claim, sender, key, limits, now)
    return Refusal("open:wrong-signer")


def _why_bad(
    claim: SignatureClaim, sender: Sender, key: Component, limits: OpenLimits, now: datetime
) -> Refusal:
    if not sender.parts.is_meant_to_sign(key):
        return Refusal("open:wrong-signer")
    try:
        _ended(sender, key, claim.created_at or now, now)  # Only a verified signature may make a file wait.
        _check_date(claim.created_at or now, limits, now)
    except Refusal as refusal:
        return refusal
    if claim.expires_at is not None and claim.expires_at <= now:
        return Refusal("open:signature-expired")
    if claim.digest in OLD_HASHES:
        return Refusal("open:unsupported", feature=f"a signature with {claim.digest}")
    if not _is_sound(sender):
        return Refusal("open:unsupported", feature="a key that is too weak")
    return Refusal("open:bad-signature")


def _is_sound(sender: Sender) -> bool:
    """Return True if Sequoia's policy accepts the certificate, the condition for reading its expiry."""
    try:
        _ = sender.cert.expiration
    except RuntimeError:
        return False
    return True


def _ended(sender: Sender, key: Component, made: datetime, now: datetime) -> str | None:
    try:
        _check_keys(sender, key, made, now)
    except Refusal as refusal:
        if refusal.code not in _ENDED_SINCE:
            raise
        return refusal.code
    return None


def _check_keys(sender: Sender, key: Component, made: datetime, now: datetime) -> None:
    if not sender.parts.is_meant_to_sign(key):
        raise Refusal("open:wrong-signer")
    standings = [sender.parts.standing(one, now) for one in (sender.parts.primary, key)]
    for standing in standings:
        # Check revocations: a superseded key leaves its earlier signatures for a person to judge.
        if standing.revoked == "hard":
            raise Refusal("open:key-revoked")
        if standing.revoked == "soft":
            raise Refusal("open:key-superseded" if made < (standing.since or made) else "open:key-revoked")
    if sender.cert.is_revoked:
        raise Refusal("open:key-revoked")
    if not all(standing.bound and standing.alive for standing in standings):
        raise Refusal("open:key-expired")
    if not standings[-1].can_sign:
        raise Refusal("open:wrong-signer")


def _check_date(made: datetime, limits: OpenLimits, now: datetime) -> None:
    if made > now + timedelta(seconds=limits.clock_skew_seconds):
        raise Refusal("open:signature-date")
    if made < now - timedelta(days=limits.signature_age_days):
        raise Refusal("open:signature-date")
