"""Messages put together packet by packet, right or wrong."""

import os
import zlib

import pgpy
from cryptography.hazmat.decrepit.ciphers.modes import CFB
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms
from pgpy.constants import SymmetricKeyAlgorithm
from pgpy.packet.packets import IntegrityProtectedSKEDataV1, PKESessionKeyV3

from gateway.openpgp import packets

AES256 = SymmetricKeyAlgorithm.AES256
MARKER = b"\xca\x03PGP"


def packet(tag: int, body: bytes, *, old: bool = False) -> bytes:
    """One packet with a header of the new format, or of the old."""
    if old:
        return bytes([0x80 | tag << 2 | 2]) + len(body).to_bytes(4, "big") + body
    return bytes([0xC0 | tag, 255]) + len(body).to_bytes(4, "big") + body


def split(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and body of each packet."""
    return [(part.tag, part.body(data)) for part in packets.walk(data)]


def joined(parts: list[tuple[int, bytes]], *, old: bool = False) -> bytes:
    """Packets from tags and bodies."""
    return b"".join(packet(tag, body, old=old) for tag, body in parts)


def literal(content: bytes, name: bytes = b"", kind: bytes = b"b") -> bytes:
    """A literal packet."""
    return packet(packets.LITERAL, kind + bytes([len(name)]) + name + bytes(4) + content)


def compressed(message: bytes, kind: int = 2) -> bytes:
    """A compressed packet: 0 not at all, 1 ZIP, 2 ZLIB."""
    squeezed = {0: message, 1: zlib.compress(message)[2:-4], 2: zlib.compress(message)}.get(kind, message)
    return packet(packets.COMPRESSED, bytes([kind]) + squeezed)


def padding(size: int = 20) -> bytes:
    """A padding packet."""
    return packet(packets.PADDING, os.urandom(size))


class Wrapping:
    """Session key packets and a container for one recipient's public encryption subkey."""

    def __init__(self, certificate: bytes) -> None:
        key, _ = pgpy.PGPKey.from_blob(certificate)
        self.subkey = next(iter(key.subkeys.values()))

    def pkesk(
        self, session: bytes, *, wildcard: bool = False, cipher: SymmetricKeyAlgorithm = AES256
    ) -> bytes:
        """A session key packet of version 3."""
        wrap = PKESessionKeyV3()
        wrap.encrypter = bytearray(8 if wildcard else bytes.fromhex(str(self.subkey.fingerprint.keyid)))
        wrap.pkalg = self.subkey.key_algorithm
        wrap.encrypt_sk(self.subkey._key, cipher, session)
        return bytes(wrap)

    def sealed(self, message: bytes, *, wildcard: bool = False) -> bytes:
        """`message` under a modification detection code."""
        session = os.urandom(32)
        return self.pkesk(session, wildcard=wildcard) + seipd(message, session)

    def sealed_without_integrity(self, message: bytes) -> bytes:
        """`message` in the packet of old, tag 9 (RFC 4880, 5.7 and 13.9)."""
        session = os.urandom(32)
        prefix = os.urandom(16)
        first = _cfb(session, bytes(16), prefix + prefix[-2:])
        rest = _cfb(session, first[2:18], message)
        return self.pkesk(session) + packet(packets.ENCRYPTED, first + rest)


def seipd(message: bytes, session: bytes, cipher: SymmetricKeyAlgorithm = AES256) -> bytes:
    """A container of version 1."""
    container = IntegrityProtectedSKEDataV1()
    container.encrypt(session, cipher, message)
    return packet(packets.INTEGRITY_PROTECTED, b"\x01" + bytes(container.ct))


def _cfb(key: bytes, iv: bytes, data: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), CFB(iv)).encryptor()
    return encryptor.update(data) + encryptor.finalize()
