"""Certificates for people and for policy: what they say, and whether one may be enrolled.

Sequoia decides whether a certificate is sound; our own rules then refuse more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pysequoia import Cert
from pysequoia.packet import Packet, PacketPile, SignatureType, Tag

from gateway.errors import Refusal
from gateway.openpgp.components import OLD_HASHES, Component, Revocation, components, user_ids

_MOST_BYTES = 1024 * 1024
_LEAST_RSA_BITS = 2048
_WARN_DAYS = 60
_PRIVATE_BLOCK = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY")
_SECRET_TAGS = (Tag.SecretKey, Tag.SecretSubkey)


class CertificateRefused(Refusal):
    """A certificate that may not be enrolled. `code` is a `key:` code of `gateway.reasons`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says, as it stands at one moment. Fingerprints are lower-case hex.

    `bits` is None for elliptic curves, whose name says it all. `signing_keys` and
    `encryption_keys` list the keys that are in force for each use. `signs_until` is when the last key
    that may sign expires; None for never. `warnings` are sentences.
    """

    fingerprint: str
    algorithm: str
    bits: int | None
    created_at: datetime
    expires_at: datetime | None
    user_ids: tuple[str, ...]
    can_sign: bool
    can_encrypt: bool
    revoked: bool
    signing_keys: tuple[str, ...]
    encryption_keys: tuple[str, ...]
    signs_until: datetime | None
    warnings: tuple[str, ...]


def admit(data: bytes, now: datetime, least_rsa_bits: int = _LEAST_RSA_BITS) -> Certificate:
    """The one certificate in `data`, armored or binary, if it may be enrolled at `now`.

    CertificateRefused with the first fault found; secret key material is looked for first.
    `least_rsa_bits` asks for more than our own least.
    """
    cert = _parsed(data)
    keys = _keys(cert)
    shown = _described(cert, keys, now)
    if shown.revoked:
        raise CertificateRefused("key:revoked")
    _check_strength(keys, max(least_rsa_bits, _LEAST_RSA_BITS))
    if keys[0].created_at > now + timedelta(days=1):
        raise CertificateRefused("key:from-the-future")
    if shown.expires_at is not None and shown.expires_at <= now:
        raise CertificateRefused("key:expired")
    _check_policy(cert)
    if not all(key.bound for key in keys):
        raise CertificateRefused("key:unbound-subkey")
    if not shown.can_sign:
        raise CertificateRefused("key:cannot-sign")
    return shown


def describe(data: bytes, now: datetime) -> Certificate:
    """What the certificate in `data` says at `now`, fit or not. CertificateRefused if it is none."""
    cert = _parsed(data)
    return _described(cert, _keys(cert), now)


def merge(old: bytes, new: bytes) -> bytes:
    """The known certificate `old` with whatever `new` adds (subkeys, dates, revocations), in binary.

    CertificateRefused `key:other-certificate` where they are not the same certificate.
    """
    known, news = _parsed(old), _parsed(new)
    if known.fingerprint != news.fingerprint:
        raise CertificateRefused("key:other-certificate")
    return bytes(known.merge(news))


def revoke(certificate: bytes, revocation: bytes) -> bytes:
    """`certificate` with its owner's `revocation` certificate (as gpg --gen-revoke makes it), in binary.

    CertificateRefused `key:not-a-revocation` where it does not revoke this certificate.
    """
    known = _parsed(certificate)
    try:
        extra = [packet for packet in _packets(revocation) if _is_revocation(packet)]
        primary, *rest = _packets(bytes(known))
        revoked = Cert.from_packets([primary, *extra, *rest])
    except RuntimeError:
        raise CertificateRefused("key:not-a-revocation") from None
    if not extra or not revoked.is_revoked or revoked.fingerprint != known.fingerprint:
        raise CertificateRefused("key:not-a-revocation")
    return bytes(revoked)


def finality(certificate: bytes) -> Revocation | None:
    """How final a certificate's own revocation is ("hard": it may be in wrong hands); None for none."""
    return _keys(_parsed(certificate))[0].revoked()


def split(data: bytes) -> tuple[bytes, ...]:
    """Each certificate in `data`, armored or binary, in binary; none where it holds none."""
    try:
        return tuple(bytes(cert) for cert in Cert.split_bytes(data))
    except RuntimeError:
        return ()


def armored(data: bytes) -> bytes:
    """The certificate in `data` in ASCII armor."""
    return str(_parsed(data)).encode("ascii")


def grouped(fingerprint: str) -> str:
    """A fingerprint in upper-case groups of four, as people read it out on the telephone."""
    letters = fingerprint.upper()
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def _parsed(data: bytes) -> Cert:
    if _PRIVATE_BLOCK.search(data):
        raise CertificateRefused("key:secret")
    if len(data) > _MOST_BYTES:
        raise CertificateRefused("key:not-a-certificate")
    try:
        if any(packet.tag in _SECRET_TAGS for packet in _packets(data)):
            raise CertificateRefused("key:secret")
        certs = Cert.split_bytes(data)
    except RuntimeError:
        raise CertificateRefused("key:not-a-certificate") from None
    if len(certs) != 1:
        raise CertificateRefused("key:several" if certs else "key:not-a-certificate")
    return certs[0]


def _is_revocation(packet: Packet) -> bool:
    try:
        return packet.tag == Tag.Signature and packet.signature_type == SignatureType.KeyRevocation
    except RuntimeError:  # A signature of a type that nobody knows.
        return False


def _keys(cert: Cert) -> tuple[Component, ...]:
    try:
        return components(bytes(cert))
    except RuntimeError:
        raise CertificateRefused("key:not-acceptable") from None


def _packets(data: bytes) -> Iterator[Packet]:
    yield from PacketPile.from_bytes(data)


def _described(cert: Cert, keys: Sequence[Component], now: datetime) -> Certificate:
    signing = tuple(key.fingerprint for key in keys if key.can_sign and _in_force(key, keys[0], now))
    encryption = tuple(key.fingerprint for key in keys if key.can_encrypt and _in_force(key, keys[0], now))
    expires_at = _expiry(cert, keys[0])
    return Certificate(
        fingerprint=cert.fingerprint,
        algorithm=keys[0].algorithm,
        bits=keys[0].bits,
        created_at=keys[0].created_at,
        expires_at=expires_at,
        user_ids=user_ids(bytes(cert)),
        can_sign=bool(signing),
        can_encrypt=bool(encryption),
        revoked=cert.is_revoked,
        signing_keys=signing,
        encryption_keys=encryption,
        signs_until=_signs_until(keys),
        warnings=tuple(_warnings(expires_at, encryption=bool(encryption), now=now)),
    )


def _in_force(key: Component, primary: Component, now: datetime) -> bool:
    return all(
        one.bound and not one.revoked() and (one.expires_at is None or one.expires_at > now)
        for one in (primary, key)
    )


def _signs_until(keys: Sequence[Component]) -> datetime | None:
    """When the last signing key expires, with the primary key or before it."""
    ends = [
        min((one.expires_at for one in (keys[0], key) if one.expires_at is not None), default=None)
        for key in keys
        if key.can_sign and key.bound and not key.revoked()
    ]
    known = [end for end in ends if end is not None]
    return max(known) if known and len(known) == len(ends) else None


def _expiry(cert: Cert, primary: Component) -> datetime | None:
    """Sequoia's word on the expiry where its policy lets it say one."""
    try:
        return cert.expiration
    except RuntimeError:
        return primary.expires_at


def _warnings(expires_at: datetime | None, *, encryption: bool, now: datetime) -> Iterator[str]:
    if expires_at is None:
        yield "It never expires: agree on a date to renew it."
    elif now < expires_at <= now + timedelta(days=_WARN_DAYS):
        yield f"It expires on {expires_at:%Y-%m-%d}."
    if not encryption:
        yield "It cannot encrypt: no file can be sealed to it."


def _check_strength(keys: Sequence[Component], least_rsa_bits: int) -> None:
    for key in keys:
        if key.algorithm == "DSA" or key.algorithm.startswith("ElGamal"):
            raise CertificateRefused("key:weak", algorithm=key.algorithm)
        if key.algorithm.startswith("RSA") and (key.bits or 0) < least_rsa_bits:
            raise CertificateRefused("key:weak", algorithm=f"RSA {key.bits}")
        if key.hashes and key.hashes <= OLD_HASHES:
            raise CertificateRefused("key:old-hash")


def _check_policy(cert: Cert) -> None:
    """Sequoia names an expiry and user ids only for a certificate that its policy accepts."""
    try:
        _ = cert.expiration, cert.user_ids
    except RuntimeError:
        raise CertificateRefused("key:not-acceptable") from None
