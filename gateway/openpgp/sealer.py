"""Seal and sign with the gateway's own key.

PGPy makes the keys, because a key made by Sequoia asks for a newer kind of encryption that GnuPG cannot read.
Each new key is tried with Sequoia before use. Sequoia does all signing and encrypting.
"""

import base64
import os
import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache

from pysequoia import Cert, Sig, SignatureMode, Tsk, decrypt, encrypt, sign, verify

from gateway.errors import ConfigurationError, Fault, GatewayError
from gateway.model import GatewayKeyKind, Signature
from gateway.openpgp import packets
from gateway.openpgp.components import says_what_it_reads
from gateway.openpgp.packets import in_ascii

_PROOF = b"proof"
_PIECE = 1024 * 1024
_CANNOT_SIGN = "the gateway's OpenPGP key cannot sign; is the clock right?"
_BLANKS = " \t\r\n"
_DIGEST = r"SHA(?:224|256|384|512|3-256|3-512)"
# A cleartext-signed message and nothing else (RFC 9580, 7), without white space at the ends of lines: what
# stands before, in or after it would read like a part of what is signed.
_MESSAGE = re.compile(
    r"-----BEGIN PGP SIGNED MESSAGE-----\n"
    rf"(?:Hash: {_DIGEST}(?:, ?{_DIGEST})*\n)*\n"
    r"(?P<text>(?:(?:- .*|-|[^-\n].*|)\n)*)"
    r"(?P<block>-----BEGIN PGP SIGNATURE-----\n"
    r"(?P<remarks>(?:(?:Version|Comment): .*\n)*)\n"
    r"(?P<packets>(?:[A-Za-z0-9+/]+={0,2}\n)+)"
    r"(?:=[A-Za-z0-9+/]{4}\n)?"
    r"-----END PGP SIGNATURE-----)\n"
)
_SIGNATURE_PACKET = 2


class SignatureInvalid(GatewayError):  # noqa: N818 - named after the event
    """Raised for data without exactly one valid signature by one of the given certificates."""


def generate_gateway_key(
    organisation: str, now: datetime, kind: GatewayKeyKind = GatewayKeyKind.CURVE25519
) -> bytes:
    """Make a secret key (version 4) for an organisation, armored, without a passphrase.
    The key is dated `now` and never expires: the gateway records its retirement. Raises Fault if a message
    sealed to the new key does not open.
    """
    import pgpy  # noqa: PLC0415 - takes long to load, and few make a key
    from pgpy.constants import (  # noqa: PLC0415 - the same
        CompressionAlgorithm,
        EllipticCurveOID,
        HashAlgorithm,
        KeyFlags,
        PubKeyAlgorithm,
        SymmetricKeyAlgorithm,
    )

    if kind is GatewayKeyKind.RSA4096:
        signing = opening = (PubKeyAlgorithm.RSAEncryptOrSign, 4096)
    else:
        signing = (PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519)
        opening = (PubKeyAlgorithm.ECDH, EllipticCurveOID.Curve25519)
    key = pgpy.PGPKey.new(*signing, created=now)
    key.add_uid(
        pgpy.PGPUID.new(f"{organisation} file gateway"),
        usage={KeyFlags.Sign, KeyFlags.Certify},
        hashes=[HashAlgorithm.SHA512, HashAlgorithm.SHA256],
        ciphers=[SymmetricKeyAlgorithm.AES256, SymmetricKeyAlgorithm.AES128],
        compression=[CompressionAlgorithm.ZLIB, CompressionAlgorithm.ZIP, CompressionAlgorithm.Uncompressed],
        created=now,
    )
    subkey = pgpy.PGPKey.new(*opening, created=now)
    key.add_subkey(subkey, usage={KeyFlags.EncryptCommunications, KeyFlags.EncryptStorage}, created=now)
    secret = in_ascii(str(key))
    try:
        tsk = Tsk.from_bytes(secret)
        cert = tsk.extract_certificate()
        sealed = encrypt(bytes=_PROOF, recipients=[cert], signer=tsk.signer(), armor=False)
        opened = decrypt(bytes=sealed, decryptor=tsk.decryptor(), store=lambda _: [cert])
    except RuntimeError as error:
        raise Fault("the fresh key does not work") from error
    if opened.bytes != _PROOF or len(opened.valid_sigs) != 1:
        raise Fault("the fresh key does not work")
    return secret


def lock(secret: bytes, passphrase: str) -> bytes:
    """Encrypt a secret to a passphrase alone, armored; `gpg --decrypt FILE` recovers the secret.
    ConfigurationError for an empty passphrase.
    """
    if not passphrase:
        raise ConfigurationError("an empty passphrase protects nothing")
    return encrypt(bytes=secret, passwords=[passphrase])


def is_locked(data: bytes) -> bool:
    """Return True if `data` is an encrypted message rather than an unprotected key."""
    kind = packets.kind_of(data)
    return kind is not None and kind[0] == "MESSAGE"


def unlock(data: bytes, passphrase: str) -> bytes:
    """Decrypt a secret with the passphrase. ConfigurationError for a wrong passphrase."""
    try:
        secret = decrypt(bytes=data, passwords=[passphrase]).bytes
    except RuntimeError:
        raise ConfigurationError("the passphrase does not fit") from None
    return secret or b""


def certificate_of(secret: bytes) -> bytes:
    """Return the public certificate of a secret key, armored."""
    return in_ascii(str(_secret(secret).extract_certificate()))


def clearsign(secret: bytes, text: str) -> str:
    """Sign a text as a cleartext-signed message (RFC 9580, 7).
    White space at the ends of lines cannot be signed and is removed. For every reader, the signed text ends
    with exactly one line feed.
    """
    return clearsign_each(secret, [text])[0]


def clearsign_each(secret: bytes, texts: Iterable[str]) -> list[str]:
    """Sign each text as a cleartext-signed message, faster than one by one. Fault if the key cannot sign."""
    stripped = ("\n".join(line.rstrip(" \t\r") for line in text.split("\n")) for text in texts)
    plain = (lines.removesuffix("\n").encode("utf-8") for lines in stripped)
    try:
        return [sign(_secret(secret).signer(), text, mode=SignatureMode.CLEAR).decode() for text in plain]
    except RuntimeError:
        raise Fault(_CANNOT_SIGN) from None


def sign_detached(secret: bytes, data: bytes) -> bytes:
    """Make an armored detached signature over `data` with the secret key `secret`."""
    return sign_each(secret, [data])[0]


def sign_each(secret: bytes, data: Iterable[bytes]) -> list[bytes]:
    """Make a detached signature over each item of `data`. Fault if the key cannot sign."""
    try:
        return [sign(_secret(secret).signer(), each, mode=SignatureMode.DETACHED) for each in data]
    except RuntimeError:
        raise Fault(_CANNOT_SIGN) from None


def hash_of(signature: bytes) -> str:
    """Return the name of a signature's hash, such as "sha512", for the parameter `micalg` (RFC 3156, 5)."""
    return str(Sig.from_bytes(signature).hash_algorithm).rpartition(".")[2].lower()


def verify_clearsigned(
    signed: str, certificates: Sequence[bytes], *, comments: bool = False
) -> tuple[str, Signature]:
    """Verify a cleartext-signed message; return the text, and the signature by one of `certificates`.
    SignatureInvalid without a valid signature. SignatureInvalid also for anything before, beside or after the
    signed text, because a reader would take the addition for a part of the text. `comments`: remarks of
    programs may stand beside the signature.
    """
    text, block = _parts(signed, comments=comments)
    certs = _certs(tuple(certificates))
    try:
        verified = verify(bytes=signed.strip(_BLANKS).encode("utf-8"), store=lambda _: certs)
        signature = Sig.from_bytes(block.encode("utf-8"))
    except (RuntimeError, UnicodeEncodeError):
        raise SignatureInvalid("the text carries no valid signature by a known key") from None
    if len(verified.valid_sigs) != 1 or signature.created is None or verified.bytes is None:
        raise SignatureInvalid("the text carries more than one signature")
    if _lines(verified.bytes.decode("utf-8")) != _lines(text):
        raise SignatureInvalid("the text is not the one that is signed")
    valid = verified.valid_sigs[0]
    return verified.bytes.decode("utf-8") + "\n", Signature(
        certificate=valid.certificate,
        signing_key=valid.signing_key,
        created_at=signature.created,
        expires_at=signature.expiration,
    )


@lru_cache(8)
def _certs(certificates: tuple[bytes, ...]) -> list[Cert]:
    return [Cert.from_bytes(data) for data in certificates]


def verify_detached(data: bytes, signature: bytes, certificates: Sequence[bytes]) -> Signature:
    """Verify a detached signature (armored or binary) over `data` and return it; else SignatureInvalid."""
    certs = _certs(tuple(certificates))
    try:
        parsed = Sig.from_bytes(signature)
        verified = verify(bytes=data, store=lambda _: certs, signature=parsed)
    except RuntimeError:
        raise SignatureInvalid("the signature does not fit, or is not by a known key") from None
    if len(verified.valid_sigs) != 1 or parsed.created is None:
        raise SignatureInvalid("there is not exactly one signature")
    valid = verified.valid_sigs[0]
    return Signature(certificate=valid.certificate, signing_key=valid.signing_key, created_at=parsed.created)


def seal(content: bytes | int, recipients: Sequence[bytes], signer_secret: bytes) -> bytes:
    """Sign and encrypt a content (bytes, or a descriptor to be read from the start); return the message in
    binary. `recipients`: certificates, to which `readers` may add the signer's. Fault if one has no
    encryption key in force.
    """
    if not recipients:
        raise Fault("there is nobody to seal the file to")
    data = content if isinstance(content, bytes) else _read_all(content)
    certs = [Cert.from_bytes(reader) for reader in readers(recipients, signer_secret)]
    try:
        return encrypt(bytes=data, recipients=certs, signer=_secret(signer_secret).signer(), armor=False)
    except RuntimeError:
        raise Fault("a recipient's certificate has no key in force to encrypt to") from None


def readers(recipients: Sequence[bytes], signer_secret: bytes) -> list[bytes]:
    """Return the certificates to encrypt to: the recipients' and, in one case, the signer's.
    The signer's is added if a recipient's certificate states no kind of encryption. Otherwise Sequoia would
    use the newest kind of encryption for that recipient; with the signer's, a kind that every program knows.
    """
    if all(says_what_it_reads(bytes(Cert.from_bytes(recipient))) for recipient in recipients):
        return list(recipients)
    return [*recipients, certificate_of(signer_secret)]


# Each decision signs its receipts with the same key. Its signer is asked for each time, because only that
# tells a key that cannot sign now.
@lru_cache(2)
def _secret(secret: bytes) -> Tsk:
    try:
        return Tsk.from_bytes(secret)
    except RuntimeError:
        raise ConfigurationError("keys: not an OpenPGP secret key") from None


def _parts(signed: str, *, comments: bool) -> tuple[str, str]:
    """Split a cleartext-signed message into text and signature block.
    SignatureInvalid for anything before, between or after text and block, or for another packet beside the
    one signature. `comments`: remarks of programs may stand beside the signature.
    """
    found = _MESSAGE.fullmatch("\n".join(_lines(signed.strip(_BLANKS))) + "\n")
    if found is None:
        raise SignatureInvalid("not one cleartext-signed message and nothing else")
    if found["remarks"] and not comments:
        raise SignatureInvalid("something stands beside the signed text that is not signed")
    try:
        data = base64.b64decode(found["packets"].replace("\n", ""), validate=True)
        tag, start, length = packets.head(data, 0)
    except (ValueError, packets.FramingError):
        raise SignatureInvalid("the signature is damaged") from None
    if tag != _SIGNATURE_PACKET or length is None or start + length != len(data):
        raise SignatureInvalid("something stands beside the one signature")
    lines = found["text"].removesuffix("\n").split("\n")
    return "\n".join(line.removeprefix("- ") for line in lines), found["block"]


def _lines(text: str) -> list[str]:
    """Return the lines of a text in the form covered by a signature: without white space at the end."""
    return [line.rstrip(_BLANKS) for line in text.split("\n")]


def _read_all(descriptor: int) -> bytes:
    """Return the content of an open file. A kit on Windows has no `openpgp.interface`, which can read one."""
    pieces, position = [], 0
    while piece := os.pread(descriptor, _PIECE, position):
        pieces.append(piece)
        position += len(piece)
    return b"".join(pieces)
