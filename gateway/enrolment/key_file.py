"""Judging a file with a public key of either kind before enrolment."""

from collections.abc import Container
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gateway.enrolment.ssh_keys import SshKey, admit_ssh
from gateway.model import NewKey
from gateway.openpgp.certificates import (
    Certificate,
    CertificateRefused,
    admit,
    armored,
    describe,
    finality,
    merge,
    revoke,
)
from gateway.zones.wrapping import mended, needs_mending

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


def is_ssh(data: bytes) -> bool:
    """Return True if a key file looks like SSH's rather than OpenPGP's."""
    text = mended(data) if needs_mending(data) else data
    return text.lstrip().startswith(_SSH_STARTS)


def judge(data: bytes, now: datetime, least_rsa_bits: int, verified: Container[str] = ()) -> NewKey:
    """Return the one public key in `data`, if fit to be enrolled. Refusal with a `key:` code otherwise.

    `verified`: see `certificates.admit`.
    """
    if is_ssh(data):
        return of_ssh(admit_ssh(data, least_rsa_bits))
    return of_certificate(data, admit(data, now, least_rsa_bits, verified))


def of_ssh(key: SshKey) -> NewKey:
    """Return an SSH key in the registry's form."""
    name = _SSH_NAMES.get(key.algorithm, key.algorithm)
    return NewKey(
        kind="ssh",
        fingerprint=key.fingerprint,
        material=key.line,
        algorithm=f"{name} {key.bits}" if key.bits else name,
    )


def of_certificate(data: bytes, certificate: Certificate) -> NewKey:
    """Return a certificate, read from `data`, in the registry's form."""
    return NewKey(
        kind="openpgp",
        fingerprint=certificate.fingerprint,
        material=armored(data).decode("ascii"),
        algorithm=" ".join(str(part) for part in (certificate.algorithm, certificate.bits) if part),
        expires_at=certificate.signs_until,
    )


@dataclass(frozen=True, slots=True)
class Update:
    """A change to a known certificate. `final`: revoked as possibly compromised."""

    change: Literal["renewed", "revoked"]
    new: NewKey
    final: bool = False


def updated(
    known: bytes, data: bytes, now: datetime, least_rsa_bits: int, verified: Container[str] = ()
) -> Update | None:
    """Return the additions to the certificate `known` in another copy or a revocation; None for none.

    The certificate's own primary key has signed every addition, so no further signature is needed. Older
    self-signatures stay, so earlier signatures of the key stay valid. Refusal for an unfit result.
    """
    try:
        revoked = revoke(known, data)
    except CertificateRefused as refused:
        if refused.code != "key:not-a-revocation":
            raise
    else:
        new = of_certificate(revoked, describe(revoked, now))
        return Update("revoked", new, final=finality(revoked, now) == "hard")
    merged = merge(known, data)
    if merged == merge(known, known):
        return None
    return Update("renewed", of_certificate(merged, admit(merged, now, least_rsa_bits, verified)))
