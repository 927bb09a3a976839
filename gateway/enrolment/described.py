"""Descriptions of keys: the fingerprint to read out, and other facts for confirming a key."""

from datetime import datetime

from gateway.enrolment.key_file import is_ssh, of_ssh
from gateway.enrolment.ssh_keys import admit_ssh
from gateway.errors import Refusal
from gateway.openpgp.certificates import Certificate, describe, grouped


def described(data: bytes, at: datetime) -> list[tuple[str, str]]:
    """Describe the key in a file by labels, fit for use or not; empty for no key."""
    try:
        if is_ssh(data):
            key = of_ssh(admit_ssh(data))
            return [("SSH key", key.fingerprint), ("algorithm", key.algorithm)]
        return _described(describe(data, at))
    except Refusal:
        return []


def _described(certificate: Certificate) -> list[tuple[str, str]]:

    bits = f" {certificate.bits}" if certificate.bits else ""
    uses = [
        word for word, able in (("sign", certificate.can_sign), ("encrypt", certificate.can_encrypt)) if able
    ]
    expires = f"{certificate.expires_at:%Y-%m-%d}" if certificate.expires_at else "never"
    return [
        ("fingerprint", grouped(certificate.fingerprint)),
        ("algorithm", f"{certificate.algorithm}{bits}"),
        ("made", f"{certificate.created_at:%Y-%m-%d}"),
        ("expires", expires),
        ("can", ", ".join(uses) or "nothing"),
        *(("user id", user_id) for user_id in certificate.user_ids),
        *(("note", warning) for warning in certificate.warnings),
        *([("note", "It is REVOKED by its owner.")] if certificate.revoked else []),
    ]
