"""Protect secrets at rest by a passphrase: an OpenPGP message encrypted to the passphrase alone.

`gpg --decrypt FILE` recovers the secret even without the gateway.
"""

from pysequoia import decrypt, encrypt

from gateway.errors import ConfigurationError
from gateway.openpgp import packets


def lock(secret: bytes, passphrase: str) -> bytes:
    """Encrypt a secret to a passphrase, armored. ConfigurationError for an empty passphrase."""
    if not passphrase:
        raise ConfigurationError("an empty passphrase protects nothing")
    return encrypt(bytes=secret, passwords=[passphrase])


def is_locked(data: bytes) -> bool:
    """Return True if `data` is an encrypted message rather than an unprotected key."""
    kind = packets.kind_of(data)
    return kind is not None and kind[0] == "MESSAGE"


def unlock(data: bytes, passphrase: str) -> bytes:
    """Decrypt a secret with its passphrase. ConfigurationError for a wrong passphrase."""
    try:
        secret = decrypt(bytes=data, passwords=[passphrase]).bytes
    except RuntimeError:
        raise ConfigurationError("the passphrase does not fit") from None
    return secret or b""
