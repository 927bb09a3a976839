"""The secrets of a home's keys/ folder: where each one lies, made once, never overwritten.

openpgp/FINGERPRINT.asc     secret OpenPGP keys of the gateway, every one that still opens files
signing                     the fingerprint of the one that signs receipts
log.pem                     the Ed25519 key that signs the log's checkpoints and JSON receipts
log-key.asc                 the statement, signed by the OpenPGP key, that names the log's key
mailboxes_host_key          the SSH host key of the mailboxes service
"""

from __future__ import annotations

import os
from pathlib import Path

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.spool import fsync_folder


def secret_keys(home: Home) -> list[Path]:
    """The files of every OpenPGP secret key of the gateway. ConfigurationError where there is none."""
    found = sorted((home.keys / "openpgp").glob("*.asc"))
    if not found:
        raise ConfigurationError(
            f"{home.keys / 'openpgp'} holds no secret key; make a home with: gateway init"
        )
    return found


def signing_key(home: Home) -> bytes:
    """The OpenPGP secret key that signs now."""
    pointer = home.keys / "signing"
    try:
        return (home.keys / "openpgp" / f"{pointer.read_text('ascii').strip()}.asc").read_bytes()
    except FileNotFoundError as error:
        raise ConfigurationError(f"{error.filename} is missing") from None


def log_key(home: Home) -> bytes:
    """The private key of the log, PEM."""
    return _read(home.keys / "log.pem")


def log_statement(home: Home) -> str:
    """The clearsigned statement that binds the log's key to the gateway's OpenPGP key."""
    return _read(home.keys / "log-key.asc").decode()


def write_secret(path: Path, secret: bytes) -> None:
    """Create `path` readable by its owner only, durably. FileExistsError rather than overwrite."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    fsync_folder(path.parent)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise ConfigurationError(f"{path} is missing") from None
