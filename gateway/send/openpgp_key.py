"""The provider's own OpenPGP key: make, read, extend and revoke, by PGPy.

docs/decisions/0013-the-kits-openpgp-engine.md says why PGPy. The secret key is stored under a passphrase,
and is opened only to sign; `gateway.send.sealing` signs files.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pgpy
from pgpy.constants import (
    CompressionAlgorithm,
    EllipticCurveOID,
    HashAlgorithm,
    KeyFlags,
    PubKeyAlgorithm,
    RevocationReason,
    SignatureType,
    SymmetricKeyAlgorithm,
)
from pgpy.errors import PGPDecryptionError, PGPError
from pysequoia import Tsk

from gateway.errors import GatewayError
from gateway.openpgp.packets import in_ascii

_CIPHER = SymmetricKeyAlgorithm.AES256
TWO_YEARS = timedelta(days=2 * 365)
"""The validity of a new or renewed key."""
_PREFERENCES = {
    "hashes": [HashAlgorithm.SHA512, HashAlgorithm.SHA256],
    "ciphers": [SymmetricKeyAlgorithm.AES256, SymmetricKeyAlgorithm.AES128],
    "compression": [CompressionAlgorithm.ZLIB, CompressionAlgorithm.Uncompressed],
}
Why = Literal["superseded", "compromised"]
_WHY = {"superseded": RevocationReason.Superseded, "compromised": RevocationReason.Compromised}


def _unknown_hash(kind: type[HashAlgorithm], number: int) -> HashAlgorithm:
    """Return an enum member for a hash that PGPy does not know, so PGPy can read keys naming it."""
    made = int.__new__(kind, number)
    made._name_, made._value_ = f"Unknown{number}", number
    return made


# OpenPGP.js 6 prefers SHA3-512 (14) and SHA3-256 (12) after SHA-2.
HashAlgorithm._missing_ = classmethod(_unknown_hash)


class WrongPassphrase(GatewayError):  # noqa: N818 - named after the event
    """Raised if the passphrase does not open the key."""


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A secret key of the provider, under a passphrase."""

    key: pgpy.PGPKey

    @property
    def fingerprint(self) -> str:
        """The fingerprint in lower-case hex."""
        return str(self.key.fingerprint).replace(" ", "").lower()

    @property
    def expires_at(self) -> datetime | None:
        """The time when the key expires; None for never."""
        return None if self.key.expires_at is None else _aware(self.key.expires_at)

    @property
    def owner(self) -> str:
        """The owner of the key, NAME <E-MAIL>: the first user id."""
        return str(self.key.userids[0].userid)

    @property
    def armored(self) -> bytes:
        """The secret key, armored, as stored: encrypted by the passphrase."""
        return in_ascii(str(self.key))

    @property
    def certificate(self) -> bytes:
        """The certificate to give to the authority, armored."""
        return in_ascii(str(self.key.pubkey))

    def check(self, passphrase: str) -> None:
        """Raise WrongPassphrase unless the passphrase opens the key."""
        with self.opened(passphrase):
            pass

    def under(self, passphrase: str, other: str) -> bytes:
        """Return the secret key, armored, under the passphrase `other` instead.

        Sequoia can read the result, even of a key from GnuPG that Sequoia refuses because of its form.
        """
        copy = read_key(self.armored)
        with copy.opened(passphrase) as key:
            key.protect(other, _CIPHER, HashAlgorithm.SHA256)
        return copy.armored

    @contextmanager
    def opened(self, passphrase: str) -> Iterator[pgpy.PGPKey]:
        """Yield the key, able to sign until the block ends. WrongPassphrase for a wrong one."""
        if not self.key.is_protected:
            yield self.key
            return
        try:
            unlocking = self.key.unlock(passphrase)
            opened = unlocking.__enter__()
        except PGPDecryptionError:
            raise WrongPassphrase("the passphrase does not open the OpenPGP key") from None
        try:
            yield opened
        finally:
            unlocking.__exit__(None, None, None)


def make_key(user_id: str, passphrase: str, now: datetime) -> OwnKey:
    """Make a key of `user_id` (Ed25519 to sign, Curve25519 to encrypt), valid for two years."""
    name, _, rest = user_id.partition(" <")
    key = pgpy.PGPKey.new(PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519, created=now)
    key.add_uid(
        pgpy.PGPUID.new(name, email=rest.rstrip(">")),
        usage={KeyFlags.Sign, KeyFlags.Certify},
        key_expiration=TWO_YEARS,
        created=now,
        **_PREFERENCES,
    )
    subkey = pgpy.PGPKey.new(PubKeyAlgorithm.ECDH, EllipticCurveOID.Curve25519, created=now)
    key.add_subkey(subkey, usage={KeyFlags.EncryptCommunications, KeyFlags.EncryptStorage}, created=now)
    key.protect(passphrase, _CIPHER, HashAlgorithm.SHA256)
    return OwnKey(key)


def load_key(path: Path) -> OwnKey:
    """Return the secret key at `path`, armored or binary. GatewayError if there is none that PGPy reads."""
    return read_key(path.read_bytes(), str(path))


def read_key(data: bytes, shown: str = "this") -> OwnKey:
    """Return the secret key in `data`, as `load_key` does. `shown`: the words for it in errors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PGPy warns of unknown packets.
            key, _ = pgpy.PGPKey.from_blob(data)
    except (PGPError, ValueError, NotImplementedError, TypeError, StopIteration):
        try:
            Tsk.from_bytes(data)
        except RuntimeError:
            raise GatewayError(f"{shown} is no OpenPGP secret key") from None
        raise GatewayError(
            f"{shown} is of a newer kind than the kit can sign with: make an OpenPGP key of version 4 "
            "without Argon2, as GnuPG and OpenPGP.js do by themselves, or leave --openpgp-key out, and one "
            "is made"
        ) from None
    if key.is_public:
        raise GatewayError(f"{shown} is a certificate, the public half; the secret key is needed here")
    return OwnKey(key)


def renewed(own: OwnKey, passphrase: str, until: datetime) -> OwnKey:
    """Return the key extended to `until`: its user ids and subkeys certified anew."""
    with own.opened(passphrase) as key:
        for user in (user for user in key.userids if user.selfsig is not None):
            said = user.selfsig
            _ = user | key.certify(  # PGPy's `|` changes the user id in place.
                user, SignatureType.Positive_Cert, usage=set(said.key_flags), hashes=list(said.hashprefs),
                ciphers=list(said.cipherprefs), compression=list(said.compprefs),
                key_expiration=until - _aware(key.created),
            )  # fmt: skip
        for sub in key.subkeys.values():
            # Without its own end, a subkey ends with the key. Its newest signature tells its uses.
            said = max(sub.self_signatures, key=lambda signature: signature.created)
            _ = sub | key.bind(sub, usage=set(said.key_flags))
    return own


def revocation(own: OwnKey, passphrase: str, why: Why) -> bytes:
    """Return a revocation certificate of the whole key, for a reason (RFC 9580, 5.2.3.31)."""
    with own.opened(passphrase) as key:
        return in_ascii(str(key.revoke(key, reason=_WHY[why])))


def _aware(moment: datetime) -> datetime:
    """Return a moment from PGPy with the time zone UTC, which PGPy may leave out."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
