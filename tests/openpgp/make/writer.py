"""Keys, certificates and signatures written packet by packet, each with whatever it shall say.

Nothing here asks whether what is written makes sense: that is for those who read it.
"""

import hashlib
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from tests.openpgp.make.surgery import packet

SIGNATURE, PUBLIC, USER_ID, SUBKEY = 2, 6, 13, 14
BINARY, TEXT, POSITIVE, SUBKEY_BINDING, BACK, DIRECT = 0x00, 0x01, 0x13, 0x18, 0x19, 0x1F
KEY_REVOCATION, SUBKEY_REVOCATION, USER_ID_REVOCATION = 0x20, 0x28, 0x30
EDDSA, X25519, ED25519 = 22, 25, 27
SHA1, RIPEMD160, SHA256, SHA512 = 2, 3, 8, 10
_DIGESTS = {SHA1: "sha1", RIPEMD160: "ripemd160", SHA256: "sha256", SHA512: "sha512"}
_SALT = {SHA256: 16, SHA512: 32}
_ED25519_LEGACY = bytes.fromhex("092b06010401da470f01")
CERTIFY, SIGN, ENCRYPT = 0x01, 0x02, 0x0C


def octets(value: int, size: int) -> bytes:
    """A number of `size` octets."""
    return value.to_bytes(size, "big")


def moment(at: datetime) -> bytes:
    """A time as packets hold it."""
    return octets(int(at.timestamp()), 4)


def number(data: bytes) -> bytes:
    """A number after its length in bits (RFC 9580, 3.2)."""
    value = int.from_bytes(data, "big")
    return octets(value.bit_length(), 2) + octets(value, (value.bit_length() + 7) // 8)


def subpacket(kind: int, data: bytes, *, critical: bool = False) -> bytes:
    """One subpacket, with a length of one octet or of five."""
    size = len(data) + 1
    head = bytes([size]) if size < 192 else b"\xff" + octets(size, 4)
    return head + bytes([kind | (0x80 if critical else 0)]) + data


@dataclass(frozen=True, slots=True)
class Key:
    """A key of Ed25519 or X25519, the same every time for one `seed`."""

    seed: bytes
    created: datetime
    version: int = 4
    algorithm: int = EDDSA

    @property
    def signing(self) -> Ed25519PrivateKey:
        """The secret half of a key that signs."""
        return Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.seed).digest())

    @property
    def opening(self) -> X25519PrivateKey:
        """The secret half of a key that opens."""
        return X25519PrivateKey.from_private_bytes(hashlib.sha256(self.seed).digest())

    @property
    def body(self) -> bytes:
        """The body of the packet of the public key."""
        public = (self.opening if self.algorithm == X25519 else self.signing).public_key().public_bytes_raw()
        material = _ED25519_LEGACY + number(b"\x40" + public) if self.algorithm == EDDSA else public
        start = bytes([self.version]) + moment(self.created) + bytes([self.algorithm])
        return start + (octets(len(material), 4) if self.version == 6 else b"") + material

    @property
    def hashed(self) -> bytes:
        """The key as it enters digests (RFC 9580, 5.2.4)."""
        if self.version == 6:
            return b"\x9b" + octets(len(self.body), 4) + self.body
        return b"\x99" + octets(len(self.body), 2) + self.body

    @property
    def fingerprint(self) -> bytes:
        """The fingerprint."""
        return (hashlib.sha256 if self.version == 6 else hashlib.sha1)(self.hashed).digest()

    @property
    def key_id(self) -> bytes:
        """The key id."""
        return self.fingerprint[:8] if self.version == 6 else self.fingerprint[-8:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a signature says besides its type; None where it is silent."""

    made: datetime
    ends: timedelta | None = None
    lasts: timedelta | None = None
    flags: int | None = None
    leads: bool | None = None
    reason: int | None = None
    digest: int = SHA512
    named: bool = True
    forged: bool = False
    more: bytes = b""
    recipients: tuple[bytes, ...] = field(default_factory=tuple)
    back: "Said | None" = None

    def subpackets(self) -> bytes:
        """The hashed subpackets, without the issuer."""
        said = subpacket(2, moment(self.made))
        if self.ends is not None:
            said += subpacket(3, octets(int(self.ends.total_seconds()), 4))
        if self.lasts is not None:
            said += subpacket(9, octets(int(self.lasts.total_seconds()), 4))
        if self.leads is not None:
            said += subpacket(25, bytes([self.leads]))
        if self.flags is not None:
            said += subpacket(27, bytes([self.flags]))
        if self.reason is not None:
            said += subpacket(29, bytes([self.reason]))
        for recipient in self.recipients:
            said += subpacket(35, bytes([6 if len(recipient) == 32 else 4]) + recipient)
        return said + self.more


def signature(kind: int, key: Key, said: Said, about: bytes) -> bytes:
    """The body of a signature by `key` over `about`: the content, or keys and user ids as they are hashed."""
    hashed = said.subpackets()
    if said.named:
        hashed += subpacket(33, bytes([key.version]) + key.fingerprint)
    wide = 4 if key.version == 6 else 2
    head = bytes([key.version, kind, key.algorithm, said.digest]) + octets(len(hashed), wide) + hashed
    salt = b"salt" * (_SALT[said.digest] // 4) if key.version == 6 else b""
    digest = hashlib.new(_DIGESTS[said.digest], salt + about + head)
    digest.update(bytes([key.version, 0xFF]) + octets(len(head), 4))
    made = key.signing.sign(digest.digest() if not said.forged else b"something else")
    if key.algorithm == EDDSA:
        made = number(made[:32]) + number(made[32:])
    body = head + octets(0, wide) + digest.digest()[:2]
    return body + (bytes([len(salt)]) + salt if key.version == 6 else b"") + made


def signature_packet(kind: int, key: Key, said: Said, about: bytes) -> bytes:
    """The same as a packet."""
    return packet(SIGNATURE, signature(kind, key, said, about))


def user_id_hashed(user_id: bytes) -> bytes:
    """A user id as it enters digests."""
    return b"\xb4" + octets(len(user_id), 4) + user_id


@dataclass(slots=True)
class Certificate:
    """A certificate in the making: whatever is said of its primary key, its user ids and its subkeys."""

    primary: Key
    direct: list[Said] = field(default_factory=list)
    revoked: list[Said] = field(default_factory=list)
    user_ids: dict[bytes, list[Said]] = field(default_factory=dict)
    user_ids_revoked: dict[bytes, list[Said]] = field(default_factory=dict)
    subkeys: list[tuple[Key, list[Said], list[Said]]] = field(default_factory=list)

    def written(self) -> bytes:
        """The certificate in binary."""
        own = self.primary.hashed
        parts = [packet(PUBLIC, self.primary.body)]
        parts += [signature_packet(KEY_REVOCATION, self.primary, said, own) for said in self.revoked]
        parts += [signature_packet(DIRECT, self.primary, said, own) for said in self.direct]
        for user_id, all_said in self.user_ids.items():
            about = own + user_id_hashed(user_id)
            parts.append(packet(USER_ID, user_id))
            for said in self.user_ids_revoked.get(user_id, []):
                parts.append(signature_packet(USER_ID_REVOCATION, self.primary, said, about))
            parts += [signature_packet(POSITIVE, self.primary, said, about) for said in all_said]
        for subkey, bound, revoked in self.subkeys:
            parts.append(packet(SUBKEY, subkey.body))
            about = own + subkey.hashed
            parts += [signature_packet(SUBKEY_REVOCATION, self.primary, said, about) for said in revoked]
            parts += [self._binding(subkey, said, about) for said in bound]
        return b"".join(parts)

    def _binding(self, subkey: Key, said: Said, about: bytes) -> bytes:
        if said.back is not None:
            back = subpacket(32, signature(BACK, subkey, said.back, about))
            said = Said(
                **{name: getattr(said, name) for name in Said.__slots__ if name not in {"more", "back"}},
                more=said.more + back,
            )
        return signature_packet(SUBKEY_BINDING, self.primary, said, about)


def signed(content: bytes, key: Key, said: Said, *, kind: int = BINARY) -> bytes:
    """One-pass signature, literal, signature."""
    salt = b"salt" * (_SALT[said.digest] // 4) if key.version == 6 else b""
    one_pass = bytes([6 if key.version == 6 else 3, kind, said.digest, key.algorithm])
    one_pass += bytes([len(salt)]) + salt + key.fingerprint if key.version == 6 else key.key_id
    literal = packet(11, b"b\0" + bytes(4) + content)
    about = re.sub(rb"\r?\n", b"\r\n", content) if kind == TEXT else content
    return packet(4, one_pass + b"\1") + literal + signature_packet(kind, key, said, about)
