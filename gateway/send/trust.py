"""Which certificates are the gateway's: those whose fingerprint a person compared, and their successors.

A new one is taken only where a trusted one names it as its successor; what else lies in /keys is not
believed.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

import paramiko

from gateway.errors import GatewayError
from gateway.openpgp.certificates import Certificate, describe, split
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.send.kit import Kit, write_private

_MOST_BYTES = 1024 * 1024
_NEW_KEY = re.compile(r"^new-key: ([0-9a-f]{40,64})$", re.MULTILINE)
_BLOCK = re.compile(r"-----BEGIN PGP PUBLIC KEY BLOCK-----.*?-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL)
CERTIFICATE, SUCCESSION = "/keys/gateway.asc", "/keys/gateway-succession.asc"


def fetched(sftp: paramiko.SFTPClient, path: str) -> bytes | None:
    """A small file of the gateway's; None where there is none."""
    try:
        with sftp.open(path, "rb") as file:
            data: bytes = file.read(_MOST_BYTES)
    except FileNotFoundError:
        return None
    return data


def certificate_in(data: bytes | None) -> Certificate:
    """What the gateway's certificate says. GatewayError where there is none."""
    if data is None:
        raise GatewayError(f"the gateway has no {CERTIFICATE}: ring the authority")
    return describe(data, datetime.now(UTC))


def current(kit: Kit, sftp: paramiko.SFTPClient) -> bytes:
    """The certificate to encrypt to now: a trusted one, or its successor. GatewayError for another."""
    data = fetched(sftp, CERTIFICATE)
    fingerprint = certificate_in(data).fingerprint
    path = kit.gateway / f"{fingerprint}.asc"
    if not path.exists():
        write_private(path, _successor(kit, fetched(sftp, SUCCESSION), fingerprint))
    return path.read_bytes()


def trust(kit: Kit, certificate: bytes, fingerprint: str) -> None:
    """Keep a certificate whose fingerprint was compared. GatewayError where it has another one."""
    if describe(certificate, datetime.now(UTC)).fingerprint != fingerprint:
        raise GatewayError(
            "the gateway's key is not the one that you were told: do not go on; ring the authority"
        )
    write_private(kit.gateway / f"{fingerprint}.asc", certificate)


def _successor(kit: Kit, succession: bytes | None, fingerprint: str) -> bytes:
    unknown = GatewayError(
        "the gateway's key has changed, and the one that you compared does not vouch for the new one: ring "
        "the authority, compare the new fingerprint, then: gateway send setup"
    )
    if succession is None:
        raise unknown
    try:
        text, _ = verify_clearsigned(succession.decode("utf-8", "replace"), split(kit.trusted()))
    except SignatureInvalid:
        raise unknown from None
    named, block = _NEW_KEY.findall(text), _BLOCK.search(text)
    if named != [fingerprint] or block is None:
        raise unknown
    certificate = block[0].encode()
    if describe(certificate, datetime.now(UTC)).fingerprint != fingerprint:
        raise unknown
    return certificate
