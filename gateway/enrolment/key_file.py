"""Judge a file with a public key, of SSH or OpenPGP, before the key is enrolled."""

from collections.abc import Container
from datetime import datetime, timedelta

import asyncssh

from gateway.errors import Refusal
from gateway.model import NewKey
from gateway.openpgp import certificates
from gateway.openpgp.certificates import Certificate, CertificateRefused
from gateway.openpgp.components import Revocation
from gateway.openpgp.rsa_numbers import check_strength
from gateway.zones.sealing import mended, needs_mending

# Judging SSH public keys before enrolment.

_ENDED = {"key:cannot-sign", "key:expired"}
_AHEAD = timedelta(days=1)
"""A school's clock may be so far ahead when a certificate is extended."""

_MINIMUM_RSA_BITS = 2048
_SSH_STARTS = (
    b"ssh-", b"ecdsa-", b"sk-", b"---- BEGIN SSH2", b"-----BEGIN OPENSSH", b"PuTTY-User-Key-File",
)  # fmt: skip
_SSH_NAMES = {
    "ssh-ed25519": "Ed25519",
    "sk-ssh-ed25519@openssh.com": "Ed25519 on a token",
    "ssh-rsa": "RSA",
    "ecdsa-sha2-nistp256": "NIST P-256",
    "ecdsa-sha2-nistp384": "NIST P-384",
    "ecdsa-sha2-nistp521": "NIST P-521",
    "sk-ecdsa-sha2-nistp256@openssh.com": "NIST P-256 on a token",
}


def admit_ssh(data: bytes, least_rsa_bits: int = _MINIMUM_RSA_BITS) -> NewKey:
    """Return the one SSH public key in `data` (OpenSSH or RFC 4716), without its comment.

    Refusal with a `key:` code for a private key, no key, several keys, or a weak key. `least_rsa_bits` may
    ask for longer RSA keys than the gateway always does.
    """
    if needs_mending(data):
        data = mended(data)
    if b"PRIVATE KEY" in data or data.startswith(b"PuTTY-User-Key-File"):
        raise Refusal("key:secret")
    try:
        key = asyncssh.import_public_key(data.strip())
    except (asyncssh.KeyImportError, ValueError):
        raise Refusal("key:not-an-ssh-key") from None
    line = key.export_public_key("openssh").decode("ascii", "replace").split()[:2]
    lines = [one for one in data.splitlines() if one.startswith((b"ssh-", b"ecdsa-", b"sk-"))]
    if data.count(line[1].encode()) > 1 or len(lines) > 1:
        raise Refusal("key:several")
    bits = check_strength(" ".join(line), least_rsa_bits)
    name = _SSH_NAMES.get(line[0], line[0])
    return NewKey(
        kind="ssh",
        fingerprint=key.get_fingerprint(),
        material=" ".join(line),
        algorithm=f"{name} {bits}" if bits else name,
    )


def is_ssh(data: bytes) -> bool:
    """Return True if the content of a key file begins like an SSH key; otherwise it is read as OpenPGP."""
    text = mended(data) if needs_mending(data) else data
    return text.lstrip().startswith(_SSH_STARTS)


def judge(data: bytes, now: datetime, least_rsa_bits: int, verified: Container[str] = ()) -> NewKey:
    """Return the one public key in `data`, if fit to be enrolled. Refusal with a `key:` code otherwise.

    `verified` names the kinds of post-quantum signing key whose signatures the OpenPGP engines can check.
    """
    if is_ssh(data):
        return admit_ssh(data, least_rsa_bits)
    return of_certificate(data, certificates.admit(data, now, least_rsa_bits, verified))


def of_certificate(data: bytes, certificate: Certificate) -> NewKey:
    """Return a certificate as a key for the registry; `data` has the bytes of the certificate."""
    return NewKey(
        kind="openpgp",
        fingerprint=certificate.fingerprint,
        material=certificates.armored(data).decode("ascii"),
        algorithm=" ".join(str(part) for part in (certificate.algorithm, certificate.bits) if part),
        expires_at=certificate.signs_until,
    )


def updated(
    known: bytes, data: bytes, now: datetime, least_rsa_bits: int, verified: Container[str] = ()
) -> tuple[NewKey, Revocation | None] | None:
    """Return the certificate `known`, updated by `data`: a newer version of the certificate, or its
    revocation. The second result is the kind of revocation, or None for a newer version. If nothing is new,
    return None.

    The certificate's own primary key has signed every addition, so no further signature is needed. Older
    self-signatures stay, so earlier signatures of the key stay valid. Refusal if the updated certificate is
    unfit for use. But if only the right to sign is gone, the update is accepted: the owner has ended the
    signing key.
    """
    try:
        revoked = certificates.revoke(known, data)
    except CertificateRefused as refused:
        if refused.code != "key:not-a-revocation":
            raise
    else:
        new = of_certificate(revoked, certificates.describe(revoked, now))
        return new, "hard" if new.fingerprint in certificates.compromised(revoked, now) else "soft"
    merged = certificates.merge(known, data)
    if merged == certificates.merge(known, known):
        return None
    try:
        shown = certificates.admit(merged, now, least_rsa_bits, verified)
    except CertificateRefused as refused:
        # Without its update, a key that its owner has just revoked or let expire would go on counting.
        if refused.code not in _ENDED or not certificates.describe(known, now).can_sign:
            raise
        shown = certificates.describe(merged, now)
    # What the owner states by a clock ahead counts once its time has come, without a further update.
    later = certificates.describe(merged, now + _AHEAD)
    return of_certificate(merged, later if later.can_sign else shown), None


# Descriptions of keys: the fingerprint to read out, and other facts for confirming a key.


def described(data: bytes, at: datetime) -> list[tuple[str, str]]:
    """Return pairs of label and value describing a file's key; [] for no key, or an SSH key unfit for use."""
    try:
        if is_ssh(data):
            key = admit_ssh(data)
            return [("SSH key", key.fingerprint), ("algorithm", key.algorithm)]
        certificate = certificates.describe(data, at)
    except Refusal:
        return []
    bits = f" {certificate.bits}" if certificate.bits else ""
    uses = [
        word for word, able in (("sign", certificate.can_sign), ("encrypt", certificate.can_encrypt)) if able
    ]
    expires = f"{certificate.expires_at:%Y-%m-%d}" if certificate.expires_at else "never"
    return [
        ("fingerprint", certificates.grouped(certificate.fingerprint)),
        ("algorithm", f"{certificate.algorithm}{bits}"),
        ("made", f"{certificate.created_at:%Y-%m-%d}"),
        ("expires", expires),
        ("can", ", ".join(uses) or "nothing"),
        *(("user id", user_id) for user_id in certificate.user_ids),
        *(("note", warning) for warning in certificate.warnings),
        *([("note", "It is REVOKED by its owner.")] if certificate.revoked else []),
    ]
