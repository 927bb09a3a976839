"""Decrypt a message with the session key, in the three kinds of encrypted containers in use.

`cryptography` has the ciphers and modes; this module has the layout of OpenPGP: protection by a digest (RFC
9580, 5.13.1), AEAD chunks (5.13.2), and GnuPG's OCB chunks from before the standard (packet 20). No signature
is examined.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Collection
from typing import NamedTuple, Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5, Camellia, TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import BlockCipherAlgorithm, Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESOCB3
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from gateway.errors import Fault, Refusal
from gateway.openpgp.envelope import GNUPG_OCB, SEIPD_1, SEIPD_2, Protection, check_body

_AEAD_TAG_BYTES = 16
_Aead = AESOCB3 | AESGCM
_AEAD: dict[int, tuple[type[_Aead], int]] = {2: (AESOCB3, 15), 3: (AESGCM, 12)}
_OCB = 2
_MDC_HEAD = b"\xd3\x14"
_MDC_BYTES = 22
_INDEX_BYTES = 8


class SessionKey(NamedTuple):
    """Session key of a message, with the cipher's number; None if unknown, as in version 6 PKESK packets."""

    key: bytes
    cipher: int | None

    @classmethod
    def read(cls, text: bytes) -> Self:
        """Return the key from CIPHER:HEX, as written by SOP programs. Fault if malformed."""
        cipher, _, key = text.decode("ascii", "replace").strip().partition(":")
        try:
            if (read := cls(bytes.fromhex(key), int(cipher))).fits:
                return read
        except ValueError:
            pass
        raise Fault("a stored session key cannot be read")

    def text(self, container: bytes) -> bytes:
        """Return the key as CIPHER:HEX; a cipher missing in the PKESK packet is read from `container`."""
        cipher = self.cipher if self.cipher is not None else container[1]
        return f"{cipher}:{self.key.hex().upper()}".encode("ascii")

    @property
    def fits(self) -> bool:
        """True if the key has the length needed by its cipher, or no cipher is named."""
        return self.cipher is None or (self.cipher in _CIPHERS and len(self.key) == _CIPHERS[self.cipher][1])


_CIPHERS: dict[int | None, tuple[str, int, Callable[[bytes], BlockCipherAlgorithm] | None]] = {
    1: ("IDEA", 16, None),
    2: ("3DES", 24, TripleDES),
    3: ("CAST5", 16, CAST5),
    4: ("Blowfish", 16, None),
    7: ("AES-128", 16, AES),
    8: ("AES-192", 24, AES),
    9: ("AES-256", 32, AES),
    10: ("Twofish", 32, None),
    11: ("Camellia-128", 16, Camellia),
    12: ("Camellia-192", 24, Camellia),
    13: ("Camellia-256", 32, Camellia),
}
"""Name, bytes of the key, and algorithm (None if unsupported) of each cipher, by number (RFC 9580, 9.3)."""
OLD: dict[int | None, str] = {2: "3des", 3: "cast5"}
"""Ciphers too weak today, refused by default: the words for them in the settings, by number."""


def opened(
    protection: Protection,
    body: bytes,
    session: SessionKey,
    old_ciphers: Collection[str] = (),
    *,
    whole: bool = True,
) -> bytes | None:
    """Decrypt a container; return None for a wrong session key or a changed body.
    `whole`: False to decrypt only the start, and check no digest: enough to inspect the structure. Refusal
    for an unsupported cipher, or for an old cipher that `old_ciphers` does not name.
    """
    if protection != SEIPD_1:
        return _in_chunks(protection, body, session, whole=whole)
    name, _, makes = _CIPHERS.get(session.cipher, ("", 0, None))
    if makes is None:
        raise Refusal("open:unsupported", feature=f"the cipher {name}" if name else "an unknown cipher")
    if session.cipher in OLD and OLD[session.cipher] not in old_ciphers:
        raise Refusal("open:old-cipher", cipher=name)
    algorithm = makes(session.key)
    prefix = algorithm.block_size // 8  # So many random octets come first, the last two of them twice.
    decryptor = Cipher(algorithm, CFB(bytes(prefix))).decryptor()
    plain = decryptor.update(body[1:]) + decryptor.finalize()
    if not whole:
        fits = plain[prefix - 2 : prefix] == plain[prefix : prefix + 2] and len(plain) >= prefix + 2
        return plain[prefix + 2 :] if fits else None
    if len(plain) < prefix + 2 + _MDC_BYTES or plain[-_MDC_BYTES:-20] != _MDC_HEAD:
        return None
    digest = hashlib.sha1(plain[:-20], usedforsecurity=False).digest()  # RFC 9580, 5.13.1 knows no other
    return plain[prefix + 2 : -_MDC_BYTES] if hmac.compare_digest(digest, plain[-20:]) else None


def _in_chunks(protection: Protection, body: bytes, session: SessionKey, *, whole: bool) -> bytes | None:
    """Decrypt an AEAD container; None if a chunk does not verify. `whole`: False to decrypt only the first
    chunk.
    """
    check_body(protection, body)
    cipher, mode = body[1], body[2]
    _, key_bytes, makes = _CIPHERS.get(cipher, ("", 0, None))
    if mode not in _AEAD or makes is not AES or (protection == GNUPG_OCB and mode != _OCB):
        raise Refusal("open:unsupported", feature="an uncommon cipher")
    if len(session.key) != key_bytes:
        return None
    algorithm, nonce_bytes = _AEAD[mode]
    step, length = (1 << (body[3] + 6)) + _AEAD_TAG_BYTES, len(session.key)
    if protection == SEIPD_2:  # Key and nonces derive from the session key and a salt (RFC 9580, 5.13.2).
        about = b"\xd2" + body[:4]
        derived = HKDF(SHA256(), length + nonce_bytes - _INDEX_BYTES, body[4:36], about).derive(session.key)
        aead, nonce, sealed = algorithm(derived[:length]), derived[length:] + bytes(_INDEX_BYTES), body[36:]
    else:  # GnuPG uses the session key itself; the nonce is in the clear.
        about, start = b"\xd4" + body[:4], 4 + nonce_bytes
        aead, nonce, sealed = algorithm(session.key), body[4:start], body[start:]

    def decrypted(number: int, piece: bytes, total: bytes = b"") -> bytes:
        index = number.to_bytes(_INDEX_BYTES, "big")
        counted = bytes(a ^ b for a, b in zip(nonce[-_INDEX_BYTES:], index, strict=True))
        numbered = about if protection == SEIPD_2 else about + index
        return aead.decrypt(nonce[:-_INDEX_BYTES] + counted, piece, numbered + total)

    chunks, last = sealed[:-_AEAD_TAG_BYTES], sealed[-_AEAD_TAG_BYTES:]
    try:
        if not whole:
            return decrypted(0, sealed[:step] if len(sealed) > step else chunks)
        plain = [decrypted(at // step, chunks[at : at + step]) for at in range(0, len(chunks), step)]
        decrypted(len(plain), last, sum(map(len, plain)).to_bytes(8, "big"))
    except (InvalidTag, ValueError):
        return None
    return b"".join(plain)
