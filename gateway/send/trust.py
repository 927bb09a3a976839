"""The gateway's trusted certificates: those with compared fingerprints, and their successors.

A new certificate is accepted only if a trusted one names it as successor; anything else in /keys is ignored.
"""

import re
from datetime import UTC, datetime

import paramiko

from gateway.errors import GatewayError
from gateway.openpgp.certificates import CertificateRefused, describe, pinned, split
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.send.files import make_anew
from gateway.send.kit import Kit

_MOST_BYTES = 1024 * 1024
# The whole of what an old key signs (`keys.rotation.succession_text`). The gateway signs other texts in
# which names stand that others chose: none of those is a succession.
_SUCCESSION_TEXT = re.compile(
    r"The gateway of [^\n]+ has a new OpenPGP key since \d{4}-\d\d-\d\d\.\n\n"
    r"old-key: (?P<old>[0-9a-f]{40,64})\nnew-key: (?P<new>[0-9a-f]{40,64})\n\n"
    r"The new one, as it is read out on the telephone:\n\n    [0-9A-Fa-f ]+\n\n"
    r"Encrypt to this certificate from now on:\n\n"
    r"(?P<certificate>-----BEGIN PGP PUBLIC KEY BLOCK-----\n[A-Za-z0-9+/=:., ()\n-]+"
    r"-----END PGP PUBLIC KEY BLOCK-----)\s*"
)
KEYS = "/keys"
CERTIFICATE, SUCCESSION = f"{KEYS}/gateway.asc", f"{KEYS}/gateway-succession.asc"
LOG_KEYS = f"{KEYS}/gateway-log-keys.asc"
_EARLIER = re.compile(r"gateway-[0-9a-f]{16}-succession\.asc")
_MOST_EARLIER = 20


def fetched(sftp: paramiko.SFTPClient, path: str, most: int = _MOST_BYTES) -> bytes | None:
    """Return a small file of the gateway, of at most `most` bytes; None for a missing file."""
    try:
        with sftp.open(path, "rb") as file:
            data: bytes = file.read(most)
    except FileNotFoundError:
        return None
    return data


def follow(kit: Kit, sftp: paramiko.SFTPClient) -> None:
    """Switch to the gateway's new key, named by the one before. GatewayError for another key.

    Trust moves forward only: a key with a named successor is never encrypted to again.
    """
    data = fetched(sftp, CERTIFICATE)
    if data is None:
        raise GatewayError(f"the gateway has no {CERTIFICATE}: ring the authority")
    shown = describe(data, datetime.now(UTC)).fingerprint
    current = kit.current()
    if shown != current and (kit.gateway / f"{shown}.asc").exists():
        raise GatewayError(
            "the gateway shows a key of its own that it has replaced since: do not go on; ring the authority"
        )
    words = [fetched(sftp, SUCCESSION), *_earlier(sftp)] if shown != current else []
    while current != shown:
        current, certificate = _successor(kit, current, [word for word in words if word is not None])
        trust(kit, certificate, current)
    listed = fetched(sftp, LOG_KEYS)
    if listed is not None:  # Each receipt is verified with it, and it with the certificates trusted here.
        make_anew(kit.log_keys, listed)


def trust(kit: Kit, certificate: bytes, fingerprint: str) -> None:
    """Encrypt to a certificate from now on. GatewayError unless it matches the fingerprint entirely."""
    try:
        sound = pinned(certificate, fingerprint)
    except CertificateRefused:
        raise GatewayError(
            "the gateway's key is not the one that you were told: do not go on; ring the authority"
        ) from None
    make_anew(kit.gateway / f"{fingerprint}.asc", sound)
    kit.change(gateway_key=fingerprint)


def _earlier(sftp: paramiko.SFTPClient) -> list[bytes | None]:
    """Return earlier keys' signed statements of succession, for kits missing two changes."""
    names = [name for name in sftp.listdir(KEYS) if _EARLIER.fullmatch(name)]
    return [fetched(sftp, f"{KEYS}/{name}") for name in sorted(names)[:_MOST_EARLIER]]


def _successor(kit: Kit, fingerprint: str, words: list[bytes]) -> tuple[str, bytes]:
    """Return the key named as successor by a gateway key. GatewayError without one."""
    signers = split((kit.gateway / f"{fingerprint}.asc").read_bytes())
    for word in words:
        try:
            text, _ = verify_clearsigned(word.decode("utf-8", "replace"), signers)
        except SignatureInvalid:
            continue
        said = _SUCCESSION_TEXT.fullmatch(text)
        if said is None or said["old"] != fingerprint or said["certificate"].count("-----BEGIN") != 1:
            continue
        if not (kit.gateway / f"{said['new']}.asc").exists():
            return said["new"], said["certificate"].encode()
    raise GatewayError(
        "the gateway's key has changed, and the one that you compared does not vouch for the new one: ask "
        "the authority for a new invitation, then: gateway send setup INVITATION"
    )
