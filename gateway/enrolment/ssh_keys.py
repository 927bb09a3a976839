"""Judging SSH public keys before enrolment."""

from dataclasses import dataclass

import asyncssh

from gateway.errors import Refusal
from gateway.openpgp.ssh_strength import check_strength
from gateway.zones.wrapping import mended, needs_mending

_MINIMUM_RSA_BITS = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class SshKey:
    """A public key as stored: `line` is in OpenSSH form, without the comment, which may name a person."""

    fingerprint: str
    algorithm: str
    line: str
    bits: int | None = None


def admit_ssh(data: bytes, least_rsa_bits: int = _MINIMUM_RSA_BITS) -> SshKey:
    """Return the one SSH public key in `data`, in OpenSSH or RFC 4716 form.

    Refusal with a `key:` code for a private key, no key, several keys, or a weak key; `least_rsa_bits` raises
    the gateway's own minimum. `bits` is set for RSA keys.
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
    if data.count(line[1].encode()) > 1 or len(_keys(data)) > 1:
        raise Refusal("key:several")
    bits = check_strength(" ".join(line), least_rsa_bits)
    return SshKey(fingerprint=key.get_fingerprint(), algorithm=line[0], line=" ".join(line), bits=bits)


def _keys(data: bytes) -> list[bytes]:
    return [line for line in data.splitlines() if line.startswith((b"ssh-", b"ecdsa-", b"sk-"))]
