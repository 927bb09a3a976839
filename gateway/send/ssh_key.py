"""The provider's own SSH key: make one in the format of OpenSSH, read one of OpenSSH or PuTTY.

PuTTY's format (.ppk) is described in PuTTY's manual, appendix C. No library reads version 3;
`cryptography` derives, decrypts and verifies the secret parts.
"""

import base64
import io
import struct
from itertools import islice
from pathlib import Path

import paramiko
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from gateway.errors import GatewayError
from gateway.send.files import make_anew
from gateway.send.openpgp_key import WrongPassphrase

_BEGINS = b"PuTTY-User-Key-File-"
_KIND = "PuTTY-User-Key-File-3"
_KEY, _IV, _MAC = 32, 16, 32
_MOST_KIBIBYTES, _MOST_PASSES, _MOST_LINES = 1024 * 1024, 1_000, 1_000
_CURVES: dict[str, ec.EllipticCurve] = {
    "ecdsa-sha2-nistp256": ec.SECP256R1(),
    "ecdsa-sha2-nistp384": ec.SECP384R1(),
    "ecdsa-sha2-nistp521": ec.SECP521R1(),
}
_KINDS: dict[str, type[paramiko.PKey]] = {"ssh-ed25519": paramiko.Ed25519Key, "ssh-rsa": paramiko.RSAKey}
_UNREADABLE = GatewayError(
    "this .ppk cannot be read: open it in a newer PuTTYgen and save it again, or choose Conversions, Export "
    "OpenSSH key, and give that file"
)
Secret = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _putty_parts(data: bytes) -> tuple[dict[str, str], bytes, bytes]:
    """Return the fields of a .ppk file by name, the public half, and the secret half, maybe still encrypted.

    GatewayError for another version of the format, or a damaged file.
    """
    lines = iter(data.decode("utf-8", "replace").splitlines())
    fields, halves = dict[str, str](), dict[str, bytes]()
    try:
        for line in lines:
            name, _, value = line.partition(": ")
            fields[name] = value
            if name.endswith("-Lines"):
                count = int(value)
                if count > _MOST_LINES:
                    raise _UNREADABLE
                halves[name] = base64.b64decode("".join(islice(lines, count)), validate=True)
        if not {_KIND, "Encryption", "Comment", "Private-MAC"} <= fields.keys():
            raise _UNREADABLE
        bytes.fromhex(fields["Private-MAC"])
        return fields, halves["Public-Lines"], halves["Private-Lines"]
    except (KeyError, ValueError):
        raise _UNREADABLE from None


def _putty_key(data: bytes, passphrase: str | None) -> paramiko.PKey:
    """Return the key in a .ppk file's content, opened by a passphrase, if protected.

    WrongPassphrase for a wrong or missing one, GatewayError for an unusable key.
    """
    fields, public, private = _putty_parts(data)
    algorithm, encryption, mac_key = fields[_KIND], fields["Encryption"], b""
    if encryption != "none" and not passphrase:
        raise WrongPassphrase("the PuTTY key is under a passphrase")
    try:
        if encryption != "none":
            private, mac_key = _decrypted(fields, private, passphrase or "")
        # Verify the MAC over all fields; a mismatch means a wrong passphrase or an altered file.
        code = hmac.HMAC(mac_key, hashes.SHA256())
        texts = (algorithm, encryption, fields["Comment"])
        for part in (*(text.encode() for text in texts), public, private):
            code.update(struct.pack(">I", len(part)) + part)
        try:
            code.verify(bytes.fromhex(fields["Private-MAC"]))
        except InvalidSignature:
            if encryption != "none":
                raise WrongPassphrase("the passphrase does not open the PuTTY key") from None
            raise _UNREADABLE from None
        secret = _secret(algorithm, paramiko.Message(public), paramiko.Message(private))
    except (KeyError, ValueError):  # A parameter or number never written by PuTTYgen.
        raise _UNREADABLE from None
    text = secret.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    return _KINDS.get(algorithm, paramiko.ECDSAKey).from_private_key(io.StringIO(text))


def _decrypted(fields: dict[str, str], private: bytes, passphrase: str) -> tuple[bytes, bytes]:
    """Return the decrypted secret half of a .ppk file, and the key for checking the file's MAC."""
    if fields.get("Key-Derivation") != "Argon2id" or len(private) % _IV:
        raise _UNREADABLE
    memory, passes = (int(fields[f"Argon2-{name}"]) for name in ("Memory", "Passes"))
    if memory > _MOST_KIBIBYTES or passes > _MOST_PASSES:
        raise _UNREADABLE
    derived = Argon2id(
        salt=bytes.fromhex(fields["Argon2-Salt"]), length=_KEY + _IV + _MAC, iterations=passes,
        lanes=int(fields["Argon2-Parallelism"]), memory_cost=memory,
    ).derive(passphrase.encode())  # fmt: skip
    cipher = Cipher(algorithms.AES256(derived[:_KEY]), modes.CBC(derived[_KEY : _KEY + _IV])).decryptor()
    return cipher.update(private) + cipher.finalize(), derived[_KEY + _IV :]


def _secret(algorithm: str, public: paramiko.Message, private: paramiko.Message) -> Secret:
    """Return the secret key from a .ppk file's halves, laid out for `algorithm` as in PuTTY's manual."""
    public.get_string()  # The algorithm once more.
    if algorithm == "ssh-ed25519":
        return ed25519.Ed25519PrivateKey.from_private_bytes(private.get_string())
    if algorithm in _CURVES:
        return ec.derive_private_key(private.get_mpint(), _CURVES[algorithm])
    if algorithm != "ssh-rsa":
        raise _UNREADABLE
    e, n = public.get_mpint(), public.get_mpint()
    d, p, q, iqmp = (private.get_mpint() for _ in range(4))
    numbers = rsa.RSAPublicNumbers(e, n)
    return rsa.RSAPrivateNumbers(p, q, d, d % (p - 1), d % (q - 1), iqmp, numbers).private_key()


def make_ssh_key(path: Path, passphrase: str) -> None:
    """Make an Ed25519 key at `path`, under a passphrase."""
    made = Ed25519PrivateKey.generate()
    protection = BestAvailableEncryption(passphrase.encode())
    make_anew(path, made.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, protection))


def load_ssh_key(path: Path, passphrase: str | None) -> paramiko.PKey:
    """Return the secret key at `path`. WrongPassphrase if still locked, GatewayError if no key."""
    data = path.read_bytes()
    if data.startswith(_BEGINS):
        return _putty_key(data, passphrase)
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
    if data.startswith(_BEGINS):
        return _putty_parts(data)[0]["Encryption"] != "none"
    try:
        paramiko.PKey.from_path(path)
    except (paramiko.PasswordRequiredException, TypeError):
        return True
    except (paramiko.SSHException, ValueError):
        return False
    return False


def public_line(key: paramiko.PKey, comment: str) -> str:
    """Return the public half as a line in the format of OpenSSH, with a comment."""
    return f"{key.get_name()} {key.get_base64()} {comment}\n"
