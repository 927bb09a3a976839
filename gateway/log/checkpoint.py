"""Signed heads of the log: C2SP tlog-checkpoint in a C2SP signed-note, Ed25519 (RFC 8032).

    gateway.example.gov.uk/log          the origin, also the name of the log's key
    40                                  the number of leaves
    CsUYapGGPo4dkMgIAUqom/Xajj7h…=      the root, base64

    — gateway.example.gov.uk/log Az3grl…=    one line a signature: 4 bytes of key id, the signature

A witness may add a line: a cosignature/v1 (C2SP tlog-cosignature) states when the witness saw the head. A
verifier key (vkey) is `NAME+KEYID+BASE64(type || public key)`. All base64 is read strictly, so no two
texts mean the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Self

from gateway.errors import ConfigurationError, GatewayError

# Imported only for signing and verifying: listings read the log without.
if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

SIGNATURE = 0x01
COSIGNATURE = 0x04
_MAX_SIGNATURES = 32
_MAX_BYTES = 64 * 1024
_NAME = re.compile(r"[^\s+]+")
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


class CheckpointError(GatewayError):
    """A checkpoint or verifier key is malformed, or a signature is wrong."""


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a log's or witness's key, with the name that appears in signatures."""

    name: str
    kind: int
    public: bytes

    @property
    def key_id(self) -> bytes:
        """The 4 bytes at the start of every signature by this key."""
        return _key_id(self.name, self.kind, self.public)

    @classmethod
    @lru_cache(64)
    def read(cls, vkey: str) -> Self:
        """Parse a verifier key. Raises CheckpointError unless it is an Ed25519 key."""
        name, key_id, encoded = [*vkey.strip().split("+", 2), "", ""][:3]
        material = unbase64(encoded)
        kinds = (SIGNATURE, COSIGNATURE)
        if not _NAME.fullmatch(name) or len(material) != 33 or material[0] not in kinds:  # noqa: PLR2004
            raise CheckpointError("not an Ed25519 verifier key")
        key = cls(name, material[0], material[1:])
        if key_id != key.key_id.hex():
            raise CheckpointError("the verifier key does not fit its own key id")
        return key

    def __str__(self) -> str:
        """Return the text form: NAME+KEYID+BASE64."""
        material = base64.b64encode(bytes([self.kind]) + self.public).decode()
        return f"{self.name}+{self.key_id.hex()}+{material}"

    def verify(self, signature: bytes, message: bytes) -> bool:
        """Return True where `signature` (64 bytes) over `message` is by this key."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A head of the log with a verified signature. `root` is 32 bytes.

    `cosignatures` say which witness, by name, saw this head as the largest of the log, and when.
    """

    origin: str
    size: int
    root: bytes
    cosignatures: tuple[tuple[str, datetime], ...] = ()


class LogKey:
    """The secret key of a log or a witness."""

    def __init__(self, secret: Ed25519PrivateKey) -> None:
        self._secret = secret

    @staticmethod
    def generate() -> bytes:
        """Generate a secret key as unencrypted PKCS #8 PEM, to be readable by its owner only."""
        from cryptography.hazmat.primitives import serialization as s  # noqa: PLC0415 - as above
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415

        return Ed25519PrivateKey.generate().private_bytes(
            s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption()
        )

    @classmethod
    def load(cls, pem: bytes) -> Self:
        """Load the key in `pem`. Raises ConfigurationError if `pem` has no Ed25519 secret key."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: PLC0415
        from cryptography.hazmat.primitives.serialization import load_pem_private_key  # noqa: PLC0415

        try:
            secret = load_pem_private_key(pem, password=None)
        except (ValueError, TypeError):
            raise ConfigurationError("the log key is not an unencrypted PEM file") from None
        if not isinstance(secret, Ed25519PrivateKey):
            raise ConfigurationError("the log key is not an Ed25519 key")
        return cls(secret)

    def vkey(self, name: str) -> str:
        """Return the verifier key (vkey) of this key under `name`, for checkpoints and receipts."""
        return str(VerifierKey(name, SIGNATURE, self._secret.public_key().public_bytes_raw()))

    def sign(self, message: bytes) -> bytes:
        """Return the Ed25519 signature over `message`, 64 bytes."""
        return self._secret.sign(message)

    def signature_line(self, name: str, kind: int, blob: bytes) -> str:
        """Return a signature line of a note, by the key called `name`.
        `kind`: SIGNATURE or COSIGNATURE. `blob`: the signature; in a cosignature, 8 bytes of time come first.
        """
        key_id = _key_id(name, kind, self._secret.public_key().public_bytes_raw())
        return f"— {name} {base64.b64encode(key_id + blob).decode()}\n"


@lru_cache(64)  # Each head of the log is signed under the same name.
def _key_id(name: str, kind: int, public: bytes) -> bytes:
    if not _NAME.fullmatch(name):
        raise CheckpointError("a key's name has no spaces and no plus sign")
    named = name.encode() + b"\n" + bytes([kind]) + public
    return hashlib.sha256(named).digest()[:4]


def checkpoint(origin: str, size: int, root: bytes, key: LogKey) -> str:
    """Make a signed note (checkpoint) that a log has `size` leaves under `root` (32 bytes), signed by `key`.
    `origin` names the log and its key: like a URL without a scheme, no spaces, no plus sign.
    """
    body = f"{origin}\n{size}\n{base64.b64encode(root).decode()}\n"
    return body + "\n" + key.signature_line(origin, SIGNATURE, key.sign(body.encode()))


def read_checkpoint(text: str, vkeys: Iterable[str]) -> Checkpoint:
    """Verify a checkpoint and return its head; some log key of `vkeys` must have signed.
    The log's signature must bear the name of the origin. Lines by unknown keys are ignored, as C2SP
    demands; a bad signature by a known key refuses the whole note. Raises CheckpointError naming the fault.
    """
    body, lines = _split(text)
    stated = body[:-1].split("\n")
    # Extension lines are refused: this log never writes any and nobody could audit them.
    if len(stated) != 3 or not stated[0] or not _SIZE.fullmatch(stated[1]):  # noqa: PLR2004
        raise CheckpointError("not a checkpoint: it must state origin, size and root")
    root = unbase64(stated[2])
    if len(root) != hashlib.sha256().digest_size:
        raise CheckpointError("the root of the checkpoint is not a SHA-256 hash")
    known = {(key.name, key.key_id): key for key in map(VerifierKey.read, vkeys)}
    signed, cosignatures = False, []
    for name, key_id, blob in map(_read_line, lines):
        key = known.get((name, key_id))
        if key is None:
            continue
        if key.kind == COSIGNATURE:
            cosignatures.append((name, _cosigned_at(key, blob, body)))
        elif key.verify(blob, body.encode()):
            signed = signed or name == stated[0]
        else:
            raise CheckpointError("the signature on the checkpoint is not good")
    if not signed:
        raise CheckpointError("the checkpoint is not signed by a known key of this log")
    return Checkpoint(stated[0], int(stated[1]), root, tuple(cosignatures))


def names_signer(text: str, vkeys: Iterable[str]) -> bool:
    """Return True if a signature line of the note `text` names a key of `vkeys`; verifies no signature."""
    known = {(key.name, key.key_id) for key in map(VerifierKey.read, vkeys)}
    return any(_read_line(line)[:2] in known for line in _split(text)[1])


def add_cosignatures(held: str, offered: str, vkeys: Iterable[str]) -> str:
    """Return the note `held` with the cosignatures by witnesses of `vkeys` copied from the note `offered`.
    Nothing else is copied. Raises CheckpointError if the notes state different heads, a cosignature is wrong,
    or none is new.
    """
    keys = [VerifierKey.read(vkey) for vkey in vkeys]
    body, lines = _split(held)
    other, offered_lines = _split(offered)
    if body != other:
        raise CheckpointError("it is not the head that this log signed")
    wanted = {(key.name, key.key_id) for key in keys if key.kind == COSIGNATURE}
    fresh = [line for line in offered_lines if line not in lines and _read_line(line)[:2] in wanted]
    if not fresh:
        raise CheckpointError("it brings no new cosignature by a witness that is known here")
    added = held + "".join(f"{line}\n" for line in fresh)
    read_checkpoint(added, map(str, keys))
    return added


def unbase64(text: str) -> bytes:
    """Decode strict standard base64 (RFC 4648 section 4). Raises CheckpointError for anything else."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise CheckpointError("not base64") from None
    if base64.b64encode(decoded).decode() != text:
        raise CheckpointError("not canonical base64")
    return decoded


def _split(text: str) -> tuple[str, list[str]]:
    """Split a note into the body with the final newline and the signature lines."""
    body, gap, signatures = text.rpartition("\n\n")
    printable = all(c >= " " or c == "\n" for c in text)
    if not gap or not printable or not text.endswith("\n") or len(text.encode()) > _MAX_BYTES:
        raise CheckpointError("not a signed note")
    lines = signatures[:-1].split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise CheckpointError("the note has too many signatures")
    return body + "\n", lines


def _read_line(line: str) -> tuple[str, bytes, bytes]:
    """Split a signature line into the signer's name, the key id, and the bytes of the signature."""
    parts = line.split(" ")
    if len(parts) != 3 or parts[0] != "—" or not _NAME.fullmatch(parts[1]):  # noqa: PLR2004
        raise CheckpointError("the checkpoint has a malformed signature line")
    blob = unbase64(parts[2])
    return parts[1], blob[:4], blob[4:]


def _cosigned_at(key: VerifierKey, blob: bytes, body: str) -> datetime:
    """Verify a witness's cosignature of a note's body; return the time that it states."""
    seconds = int.from_bytes(blob[:8], "big")
    if not key.verify(blob[8:], f"cosignature/v1\ntime {seconds}\n{body}".encode()):
        raise CheckpointError("the cosignature on the checkpoint is not good")
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise CheckpointError("the cosignature on the checkpoint states a time that there is not") from None
