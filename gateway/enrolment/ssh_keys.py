"""Judging SSH public keys before enrolment."""

from __future__ import annotations

from dataclasses import dataclass

import asyncssh
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.dsa import DSAPublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import SSHPublicKeyTypes, load_ssh_public_key

from gateway.errors import Refusal
from gateway.openpgp.rsa_numbers import weakness
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
    known = _loaded(" ".join(line).encode())
    bits = known.key_size if isinstance(known, RSAPublicKey) else None
    if isinstance(known, DSAPublicKey) or (
        bits is not None and bits < max(least_rsa_bits, _MINIMUM_RSA_BITS)
    ):
        raise Refusal("key:weak", algorithm=f"RSA {bits}" if bits else line[0])
    if isinstance(known, RSAPublicKey):
        numbers = known.public_numbers()
        if (weak := weakness(numbers.n, numbers.e)) is not None:
            raise Refusal("key:weak", algorithm=weak)
    return SshKey(fingerprint=key.get_fingerprint(), algorithm=line[0], line=" ".join(line), bits=bits)


def _keys(data: bytes) -> list[bytes]:
    return [line for line in data.splitlines() if line.startswith((b"ssh-", b"ecdsa-", b"sk-"))]


def _loaded(line: bytes) -> SSHPublicKeyTypes | None:
    """Return the key in an OpenSSH line; None for one on a security token. Refusal for an obsolete kind."""
    try:
        return load_ssh_public_key(line)
    except UnsupportedAlgorithm:
        # Keys held by a security token (sk-…) are not loaded here; they are Ed25519 or P-256.
        if line.startswith((b"sk-ssh-ed25519", b"sk-ecdsa-sha2-nistp256")):
            return None
        raise Refusal("key:weak", algorithm=line.split()[0].decode("ascii", "replace")) from None
    except ValueError:
        raise Refusal("key:weak", algorithm=line.split()[0].decode("ascii", "replace")) from None
