"""The provider's own SSH key: made in OpenSSH format, or taken in OpenSSH or PuTTY format."""

from pathlib import Path

import paramiko
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from gateway.errors import GatewayError
from gateway.send import putty_key
from gateway.send.files import make_anew
from gateway.send.openpgp_key import WrongPassphrase


def make_ssh_key(path: Path, passphrase: str) -> None:
    """Make an Ed25519 key at `path`, under a passphrase."""
    made = Ed25519PrivateKey.generate()
    protection = BestAvailableEncryption(passphrase.encode())
    make_anew(path, made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, protection))


def load_ssh_key(path: Path, passphrase: str | None) -> paramiko.PKey:
    """Return the secret key at `path`. WrongPassphrase for a wrong one, GatewayError for another file."""
    data = path.read_bytes()
    if data.startswith(putty_key.BEGINS):
        return putty_key.read_putty_key(data).opened(passphrase)
    known = passphrase.encode() if passphrase and needs_passphrase(path) else None
    try:
        return paramiko.PKey.from_path(path, known)
    except (paramiko.PasswordRequiredException, TypeError):
        raise WrongPassphrase(f"{path} is under a passphrase") from None
    except (paramiko.SSHException, ValueError):
        if passphrase is not None and needs_passphrase(path):
            raise WrongPassphrase("the passphrase does not open the SSH key") from None
        raise GatewayError(f"{path} is no SSH secret key that can be read") from None


def needs_passphrase(path: Path) -> bool:
    """Return True if the key at `path` is protected by a passphrase."""
    data = path.read_bytes()
    if data.startswith(putty_key.BEGINS):
        return putty_key.read_putty_key(data).is_protected
    try:
        paramiko.PKey.from_path(path)
    except (paramiko.PasswordRequiredException, TypeError):
        return True
    except (paramiko.SSHException, ValueError):
        return False
    return False


def public_line(key: paramiko.PKey, comment: str) -> str:
    """Return the public half, as handed to the authority."""
    return f"{key.get_name()} {key.get_base64()} {comment}\n"


def fingerprint_of(key: paramiko.PKey) -> str:
    """Return the fingerprint, SHA256:…, as shown by every program."""
    return str(key.fingerprint)
