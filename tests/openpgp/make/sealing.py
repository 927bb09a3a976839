"""Encrypted messages written packet by packet: any cipher, container and wrap, right or wrong."""

import hashlib
from dataclasses import dataclass

from cryptography.hazmat.decrepit.ciphers.algorithms import CAST5, Camellia, TripleDES
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESOCB3
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.keywrap import aes_key_wrap
from pysequoia.packet import PacketPile, Tag

from tests.openpgp.make.surgery import packet

KEY_BYTES = {2: 24, 3: 16, 7: 16, 8: 24, 9: 32, 11: 16, 12: 24, 13: 32}
_MAKES = {2: TripleDES, 3: CAST5, 7: AES, 8: AES, 9: AES, 11: Camellia, 12: Camellia, 13: Camellia}
_DIGESTS = {8: "sha256", 9: "sha384", 10: "sha512"}
_WRAPPING_BYTES = {7: 16, 8: 24, 9: 32}
OCB, GCM = 2, 3


def session_key(cipher: int, seed: bytes = b"session") -> bytes:
    """A session key as long as the cipher wants, the same every time."""
    return hashlib.sha512(seed).digest()[: KEY_BYTES[cipher]]


@dataclass(frozen=True, slots=True)
class Recipient:
    """The subkey of a certificate that takes session keys by Curve25519 (RFC 9580, 11.5)."""

    body: bytes
    fingerprint: bytes

    @classmethod
    def of(cls, certificate: bytes) -> "Recipient":
        """The last subkey of a certificate, armored or binary."""
        subkeys = [one for one in PacketPile.from_bytes(certificate) if one.tag == Tag.PublicSubkey]
        return cls(subkeys[-1].body, bytes.fromhex(subkeys[-1].fingerprint))

    @property
    def key_id(self) -> bytes:
        """The key id of the subkey."""
        return self.fingerprint[-8:]

    def wrap(
        self,
        session: bytes,
        cipher: int | None,
        *,
        version: int = 3,
        named: bool = True,
        point: bytes | None = None,
    ) -> bytes:
        """A session key packet. `cipher` None: not said, as in version 6. `point`: the sender's share."""
        if version == 3:
            head = b"\x03" + (self.key_id if named else bytes(8))
        else:
            head = b"\x06" + (bytes([21, 4]) + self.fingerprint if named else b"\0")
        secret = (b"" if cipher is None else bytes([cipher])) + session
        secret += (sum(session) % 65536).to_bytes(2, "big")
        return packet(1, head + b"\x12" + self._shared(secret, point))

    def _shared(self, secret: bytes, point: bytes | None) -> bytes:
        oid_end = 7 + self.body[6]
        oid, rest = self.body[6:oid_end], self.body[oid_end:]
        public, kdf = rest[3:35], rest[35:39]
        own = X25519PrivateKey.from_private_bytes(hashlib.sha256(b"ephemeral" + secret).digest())
        shared = bytes(32) if point is not None else own.exchange(X25519PublicKey.from_public_bytes(public))
        param = oid + b"\x12" + kdf + b"Anonymous Sender    " + self.fingerprint
        key = hashlib.new(_DIGESTS[kdf[2]], b"\0\0\0\x01" + shared + param).digest()[
            : _WRAPPING_BYTES[kdf[3]]
        ]
        padding = 8 - len(secret) % 8
        wrapped = aes_key_wrap(key, secret + bytes([padding]) * padding)
        share = own.public_key().public_bytes_raw() if point is None else point
        return b"\x01\x07\x40" + share + bytes([len(wrapped)]) + wrapped


def with_digest(message: bytes, session: bytes, cipher: int = 9, *, spoiled: bool = False) -> bytes:
    """A container of version 1 (RFC 9580, 5.13.1)."""
    algorithm = _MAKES[cipher](session)
    octets = algorithm.block_size // 8
    prefix = hashlib.sha256(session).digest()[:octets]
    clear = prefix + prefix[-2:] + message + b"\xd3\x14"
    digest = hashlib.sha1(clear, usedforsecurity=False).digest()
    encryptor = Cipher(algorithm, CFB(bytes(octets))).encryptor()
    sealed = encryptor.update(clear + (bytes(20) if spoiled else digest)) + encryptor.finalize()
    return packet(18, b"\x01" + sealed)


def in_chunks(
    message: bytes,
    session: bytes,
    cipher: int = 9,
    mode: int = OCB,
    bits: int = 6,
    *,
    body: int | None = None,
) -> bytes:
    """A container of version 2 (5.13.2), or the first `body` octets of one."""
    head = bytes([2, cipher, mode, bits]) + hashlib.sha256(b"salt").digest()
    about, nonce_bytes = b"\xd2" + head[:4], 15 if mode == OCB else 12
    derived = HKDF(SHA256(), len(session) + nonce_bytes - 8, head[4:], about).derive(session)
    aead = (AESOCB3 if mode == OCB else AESGCM)(derived[: len(session)])
    prefix, size = derived[len(session) :], 1 << (bits + 6)
    chunks = [message[at : at + size] for at in range(0, len(message), size)]
    sealed = [aead.encrypt(prefix + n.to_bytes(8, "big"), one, about) for n, one in enumerate(chunks)]
    total = about + len(message).to_bytes(8, "big")
    sealed.append(aead.encrypt(prefix + len(chunks).to_bytes(8, "big"), b"", total))
    whole = head + b"".join(sealed)
    return packet(18, whole if body is None else whole[:body])


def as_gnupg_does(message: bytes, session: bytes, cipher: int = 9, bits: int = 16) -> bytes:
    """Packet 20: chunks of OCB as GnuPG makes them."""
    nonce = hashlib.sha256(b"nonce").digest()[:15]
    head, size, aead = bytes([1, cipher, OCB, bits]), 1 << (bits + 6), AESOCB3(session)
    chunks = [message[at : at + size] for at in range(0, len(message), size)]

    def one(number: int, chunk: bytes, total: bytes = b"") -> bytes:
        index = number.to_bytes(8, "big")
        counted = nonce[:7] + bytes(a ^ b for a, b in zip(nonce[7:], index, strict=True))
        return aead.encrypt(counted, chunk, b"\xd4" + head + index + total)

    sealed = [one(number, chunk) for number, chunk in enumerate(chunks)]
    sealed.append(one(len(chunks), b"", len(message).to_bytes(8, "big")))
    return packet(20, head + nonce + b"".join(sealed))
