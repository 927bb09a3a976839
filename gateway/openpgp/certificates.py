"""Describe OpenPGP certificates, and admit them for enrolment.

Sequoia decides if a certificate is sound; the gateway's own rules then refuse more.
"""

import re
from collections.abc import Container, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pysequoia import Cert
from pysequoia.packet import PacketPile, Tag

from gateway.errors import Refusal
from gateway.openpgp import components
from gateway.openpgp.packets import in_ascii
from gateway.openpgp.rsa_numbers import weakness
from gateway.zones.sealing import mended, needs_mending

_MOST_BYTES = 256 * 1024
"""Most bytes of a certificate in binary, without additions by others."""
_MOST_OCTETS = 4 * 1024 * 1024
_LEAST_RSA_BITS = 2048
_WARN_DAYS = 60
_PRIVATE_BLOCK = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY")
_UNREADABLE = ("Brainpool", "secp256k1", "unknown")
_POST_QUANTUM = ("MLDSA", "SLHDSA")
_SECRET_TAGS = (Tag.SecretKey, Tag.SecretSubkey)
_PUBLIC_TAGS, _VERSION_5 = (Tag.PublicKey, Tag.PublicSubkey), b"\x05"


class CertificateRefused(Refusal):
    """Raised for a certificate unfit for enrolment, with a `key:` code of `gateway.reasons`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate as of one moment. Fingerprints are lower-case hex. `warnings`: sentences for a person.
    `bits`: None for elliptic curves. `signing_keys`, `encryption_keys`: the keys in force. `signs_until`:
    when the last signing key expires; None for never.
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


def admit(
    data: bytes, now: datetime, least_rsa_bits: int = _LEAST_RSA_BITS, verified: Container[str] = ()
) -> Certificate:
    """Return the one certificate in `data`, armored or binary, if fit for enrolment at `now`.
    Raise CertificateRefused with the first fault; secret key material is looked for first. `least_rsa_bits`
    may raise the gateway's own minimum of 2048. `verified`: post-quantum kinds of signing keys that the
    engines in use verify (`engines.verified`).
    """
    cert = _parsed(data)
    parts = _parts(cert)
    shown = _described(cert, parts, now)
    if shown.revoked:
        raise CertificateRefused("key:revoked")
    in_use = [key for key in parts.keys if not _has_ended(parts, key, now)]
    _check_strength(parts, in_use, max(least_rsa_bits, _LEAST_RSA_BITS))
    if parts.primary.created_at > now:
        raise CertificateRefused("key:from-the-future")
    if shown.expires_at is not None and shown.expires_at <= now:
        raise CertificateRefused("key:expired")
    # Refuse key kinds unverifiable by an engine, because every file signed by the key would be refused.
    # Sequoia knows no other curves.
    for key in in_use:
        if key.algorithm.startswith(_POST_QUANTUM) and key.algorithm not in verified:
            raise CertificateRefused("key:not-verified-here", algorithm=key.algorithm)
        if key.algorithm.startswith(_UNREADABLE) and key.kind != "ECDH":
            raise CertificateRefused("key:unreadable-kind", algorithm=key.algorithm)
    # Refuse a certificate rejected by Sequoia's policy, the condition for reading expiry and user ids.
    try:
        _ = cert.expiration, cert.user_ids
    except RuntimeError:
        raise CertificateRefused("key:not-acceptable") from None
    _bounded(components.own_packets(bytes(cert)))
    in_force = [parts.standing(key, now) for key in parts.keys if parts.counts(key, now)]
    if in_force and not any(standing.says_uses for standing in in_force):
        raise CertificateRefused("key:no-uses")
    _check_bound(parts)
    # Without a signing key in force every file would be refused later.
    if not any(standing.says_uses and standing.can_sign for standing in in_force):
        raise CertificateRefused("key:cannot-sign")
    return shown


def describe(data: bytes, now: datetime) -> Certificate:
    """Return the certificate in `data` as of `now`, fit or not. CertificateRefused if `data` has none."""
    cert = _parsed(data)
    return _described(cert, _parts(cert), now)


def merge(old: bytes, new: bytes) -> bytes:
    """Return certificate `old` with the owner's additions in `new`: subkeys, dates, revocations; in binary.
    Additions made by others are left out. CertificateRefused for two different certificates.
    """
    known, news = _parsed(old), _parsed(new)
    if known.fingerprint != news.fingerprint:
        raise CertificateRefused("key:other-certificate")
    merged = known.merge(news)
    if _parts(merged).adopted():
        raise CertificateRefused("key:unbound-subkey")
    return _bounded(components.own_packets(bytes(merged)))


def revoke(certificate: bytes, revocation: bytes) -> bytes:
    """Add the owner's revocation (as made by gpg --gen-revoke) to a certificate; return both in binary.
    CertificateRefused `key:not-a-revocation` if `revocation` has no revocation of the certificate.
    """
    known = _parsed(certificate)
    try:
        extra = [
            packet
            for packet in PacketPile.from_bytes(revocation)
            if components.named(packet, "signature_type") == "KeyRevocation"
        ]
        primary, *rest = PacketPile.from_bytes(components.own_packets(bytes(known)))
        revoked = Cert.from_packets([primary, *extra, *rest])
    except RuntimeError:
        raise CertificateRefused("key:not-a-revocation") from None
    if not extra or not revoked.is_revoked or revoked.fingerprint != known.fingerprint:
        raise CertificateRefused("key:not-a-revocation")
    # Sequoia counts a revocation that says it is by another key, which nothing here can verify.
    if not _parts(revoked).primary.revocations:
        raise CertificateRefused("key:not-a-revocation")
    return _bounded(components.own_packets(bytes(revoked)))


def compromised(certificate: bytes, now: datetime) -> frozenset[str]:
    """Return the fingerprints of the keys that the owner of a certificate has revoked as in wrong hands."""
    parts = _parts(_parsed(certificate))
    return frozenset(key.fingerprint for key in parts.keys if parts.standing(key, now).revoked == "hard")


def split(data: bytes) -> tuple[bytes, ...]:
    """Return each certificate in `data`, armored or binary, in binary; () if `data` cannot be read."""
    try:
        return tuple(bytes(cert) for cert in Cert.split_bytes(data))
    except RuntimeError:
        return ()


def armored(data: bytes) -> bytes:
    """Return the certificate in `data` in ASCII armor, without additions by others."""
    try:
        return in_ascii(str(Cert.from_bytes(components.own_packets(bytes(_parsed(data))))))
    except RuntimeError:
        raise CertificateRefused("key:not-acceptable") from None


def pinned(data: bytes, fingerprint: str) -> bytes:
    """Return the one certificate in `data` as Sequoia writes it in ASCII armor, if it has this fingerprint.
    Store the returned text, never the received bytes: another program may find another certificate in those,
    or use a subkey that the primary key has not bound (RFC 9580, 10.1.3). CertificateRefused for such a
    subkey, for another fingerprint, and for no or several certificates.
    """
    cert = _parsed(data)
    if cert.fingerprint != fingerprint:
        raise CertificateRefused("key:other-certificate")
    _check_bound(_parts(cert))
    return armored(bytes(cert))


def grouped(fingerprint: str) -> str:
    """Return a fingerprint in upper-case groups of four, for reading out on the telephone."""
    letters = fingerprint.upper()
    return " ".join(letters[at : at + 4] for at in range(0, len(letters), 4))


def _bounded(certificate: bytes) -> bytes:
    if len(certificate) > _MOST_BYTES:
        raise CertificateRefused("key:too-large")
    return certificate


def _parsed(data: bytes) -> Cert:
    if needs_mending(data):
        data = mended(data)
    if _PRIVATE_BLOCK.search(data):
        raise CertificateRefused("key:secret")
    if len(data) > _MOST_OCTETS:
        raise CertificateRefused("key:too-large")
    try:
        pile = PacketPile.from_bytes(data)
        if any(packet.tag in _SECRET_TAGS for packet in pile):
            raise CertificateRefused("key:secret")
        # GnuPG from 2.5 on makes such subkeys for Kyber, and no other program reads them.
        if any(packet.tag in _PUBLIC_TAGS and packet.body[:1] == _VERSION_5 for packet in pile):
            raise CertificateRefused("key:unreadable-kind", algorithm="version 5")
        certs = Cert.split_bytes(data)
    except RuntimeError:
        raise CertificateRefused("key:not-a-certificate") from None
    if len(certs) != 1:
        raise CertificateRefused("key:several" if certs else "key:not-a-certificate")
    return certs[0]


def _parts(cert: Cert) -> components.Parts:
    try:
        return components.parts_of(bytes(cert))
    except RuntimeError:
        raise CertificateRefused("key:not-acceptable") from None


def _described(cert: Cert, parts: components.Parts, now: datetime) -> Certificate:
    every = [(key, parts.standing(key, now)) for key in parts.keys]
    primary, standing = every[0]
    in_force = [(key, one) for key, one in every if standing.counts and one.counts]
    encryption = tuple(key.fingerprint for key, one in in_force if one.can_encrypt)
    # The end of each signing key, or of the primary key if earlier; None for never.
    ends = [
        min((end for end in (standing.expires_at, one.expires_at) if end is not None), default=None)
        for _, one in every
        if one.bound and one.can_sign and one.revoked is None
    ]
    known, warnings = [end for end in ends if end is not None], list[str]()
    if standing.expires_at is None:
        warnings.append("It never expires: agree on a date to renew it.")
    elif now < standing.expires_at <= now + timedelta(days=_WARN_DAYS):
        warnings.append(f"It expires on {standing.expires_at:%Y-%m-%d}.")
    if not encryption:
        warnings.append("It cannot encrypt: no file can be sealed to it.")
    signing = tuple(key.fingerprint for key, one in in_force if one.can_sign)
    return Certificate(
        fingerprint=cert.fingerprint,
        algorithm=primary.algorithm,
        bits=primary.bits,
        created_at=primary.created_at,
        expires_at=standing.expires_at,
        user_ids=tuple(
            one.user_id or "" for one in PacketPile.from_bytes(bytes(cert)) if one.tag == Tag.UserID
        ),
        can_sign=bool(signing),
        can_encrypt=bool(encryption),
        # Sequoia counts a revocation by any stranger; one by a revoker that the owner names may be genuine.
        revoked=standing.revoked is not None
        or (cert.is_revoked and components.owner_states(bytes(cert), components.REVOCATION_KEY)),
        signing_keys=signing,
        encryption_keys=encryption,
        signs_until=max(known) if known and len(known) == len(ends) else None,
        warnings=tuple(warnings),
    )


def _has_ended(parts: components.Parts, key: components.Component, now: datetime) -> bool:
    """Return True for a subkey, not for signing, that its owner revoked or that has expired."""
    standing = parts.standing(key, now)
    has_expired = standing.expires_at is not None and standing.expires_at <= now
    return not (key.primary or standing.can_sign) and (has_expired or standing.revoked is not None)


def _check_strength(
    parts: components.Parts, keys: Iterable[components.Component], least_rsa_bits: int
) -> None:
    for key in keys:
        if key.algorithm == "DSA" or key.algorithm.startswith("ElGamal"):
            raise CertificateRefused("key:weak", algorithm=key.algorithm)
        if key.algorithm.startswith("RSA") and (key.bits or 0) < least_rsa_bits:
            raise CertificateRefused("key:weak", algorithm=f"RSA {key.bits}")
        if key.algorithm == "RSA":
            # Modulus and exponent (RFC 9580, 5.5.5.1).
            material = components.material_of(key.public)
            end = 2 + (int.from_bytes(material[:2], "big") + 7) // 8
            numbers = int.from_bytes(material[2:end], "big"), int.from_bytes(material[end + 2 :], "big")
            if (weak := weakness(*numbers)) is not None:
                raise CertificateRefused("key:weak", algorithm=weak)
        digests = {said.digest for said in parts.statements(key)}
        if digests and digests <= components.OLD_HASHES:
            raise CertificateRefused("key:old-hash")


def _check_bound(parts: components.Parts) -> None:
    """Raise CertificateRefused if the owner did not sign a subkey, or a signing subkey gave no consent."""
    if parts.adopted() or not all(key.said or key.primary for key in parts.keys):
        raise CertificateRefused("key:unbound-subkey")
