"""A family of sealed files: framing, nesting, recipients, ciphers, armor, and signers in every state.

`message(n)` is the same every time for one number. Each trait that is drawn says whether a file with it
may open; what must open has nothing but traits that may, and a signer whose key is simply good.
"""

import base64
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pysequoia import Cert

from gateway.openpgp.components import Component, Parts, parts_of
from tests.openpgp.make import moments
from tests.openpgp.make.sealing import GCM, OCB, Recipient, as_gnupg_does, in_chunks, session_key, with_digest
from tests.openpgp.make.surgery import MARKER, compressed, joined, literal, packet, split
from tests.openpgp.make.writer import ED25519, EDDSA, SHA1, SHA256, TEXT, Certificate, Key, Said, signed
from tests.openpgp.vectors import KEYS

CONTENT = b"UPN,Surname,Forename\r\nT999000100001,Sample,Sam\r\n" * 3
HOUR = timedelta(hours=1)
GATEWAYS = {name: (KEYS / f"{name}.asc").read_bytes() for name in ("gateway", "gateway-sequoia", "stranger")}
OURS = {name: bytes.fromhex(Cert.from_bytes(data).fingerprint) for name, data in GATEWAYS.items()}


@dataclass(frozen=True, slots=True)
class Message:
    """One file, the certificate of who is to have signed it, when it arrives, and what must come of it."""

    data: bytes
    sender: bytes
    now: datetime
    gateway: str
    traits: tuple[str, ...]
    must_open: bool
    must_not: bool


@dataclass(slots=True)
class _Making:
    dice: random.Random
    traits: list[str] = field(default_factory=list)
    bad: bool = False

    def draw(self, *choices: tuple[float, str, object, bool]) -> object:
        """One of the choices by their weights; the last of each says whether it may open."""
        weights = [weight for weight, *_ in choices]
        _, name, value, good = self.dice.choices(choices, weights)[0]
        self.traits.append(name)
        self.bad = self.bad or not good
        return value


def message(number: int) -> Message:
    """The file of that number."""
    making = _Making(random.Random(f"message {number}"))
    sender, signer, at, sure = _signer(making, number)
    gateway = "gateway-sequoia" if making.dice.random() < 0.35 else "gateway"
    inside = _inside(making, signer, at, gateway)
    data = _wrapped(making, _sealed(making, inside, gateway))
    return Message(
        data=data,
        sender=sender,
        now=at + HOUR,
        gateway=gateway,
        traits=tuple(making.traits),
        must_open=sure and not making.bad,
        must_not=making.bad,
    )


def _signer(making: _Making, number: int) -> tuple[bytes, Key, datetime, bool]:
    """A certificate, the key that signs, when it does, and whether that key is simply good."""
    version, algorithm = making.dice.choice([(4, EDDSA), (4, ED25519), (6, ED25519)])
    kind = making.draw(
        (6, "good", "good", True),
        (4, "of the family", "family", True),
        (0.6, "stranger", "stranger", False),
    )
    made, key = moments.certificate(number)
    at = moments.moments(number)[0]
    if kind == "family":
        parts = parts_of(bytes(Cert.from_bytes(made.written())))
        ours = next(one for one in parts.keys if one.fingerprint == key.fingerprint.hex())
        if not all(signs(parts, ours, moment) for moment in (at, at + HOUR)) and not _is_late(
            parts, ours, at
        ):
            making.bad = True
        return made.written(), key, at, False
    key = Key(b"signer", moments.BORN, version, algorithm)
    written = Certificate(key, user_ids={b"x": [Said(made=moments.BORN, flags=3)]}).written()
    signer = Key(b"another", moments.BORN, version, algorithm) if kind == "stranger" else key
    return written, signer, moments.BORN + 10 * HOUR, kind == "good"


def signs(parts: Parts, key: Component, moment: datetime) -> bool:
    """Whether a signature over data, made with the key at a moment, is valid then."""
    return parts.counts(key, moment) and parts.standing(key, moment).can_sign


def _is_late(parts: Parts, key: Component, at: datetime) -> bool:
    """Whether the key counts on arrival, and only a date was against it before: for our own rules to say."""
    return signs(parts, key, at + HOUR) and not signs(parts, key, at)


def _inside(making: _Making, key: Key, at: datetime, gateway: str) -> bytes:
    recipients, ends = (), None
    match making.draw(
        (10, "", None, True),
        (1, "for us", "us", True),
        (1, "for others", "others", False),
        (0.5, "ended", "ended", False),
    ):
        case "us":
            recipients = (OURS[gateway],)
        case "others":
            recipients = (OURS["stranger"],)
        case "ended":
            ends = timedelta(minutes=1)
    digest = making.draw((9, "", 10, True), (2, "sha256", SHA256, True)) if key.version == 4 else 10
    if key.version == 4 and making.dice.random() < 0.04:
        digest, making.bad = SHA1, True
    kind = making.draw((9, "", 0, True), (1, "text", TEXT, True))
    said = Said(made=at, recipients=recipients, ends=ends, digest=digest)
    plain = signed(CONTENT, key, said, kind=kind)
    return making.draw(*((weight, name, make(plain), good) for weight, name, make, good in LAYOUTS))


def _within(plain: bytes) -> bytes:
    one_pass, inner, signature = split(plain)
    return joined([one_pass]) + compressed(joined([inner])) + joined([signature])


def _other_content(plain: bytes) -> bytes:
    one_pass, _, signature = split(plain)
    return joined([one_pass]) + literal(CONTENT + b"more") + joined([signature])


Layout = tuple[float, str, Callable[[bytes], bytes], bool]
LAYOUTS: list[Layout] = [
    (5, "plain", lambda m: m, True),
    (3, "zlib", lambda m: compressed(m, 2), True),
    (2, "zip", lambda m: compressed(m, 1), True),
    (1, "not compressed", lambda m: compressed(m, 0), True),
    (1, "zlib twice", lambda m: compressed(compressed(m)), True),
    (1, "compressed within", _within, True),
    (0.5, "marker first", lambda m: MARKER + m, True),
    (0.6, "unsigned", lambda _: literal(CONTENT), False),
    (0.4, "content changed", _other_content, False),
    (0.4, "literal after", lambda m: m + literal(b"more"), False),
    (0.4, "literal before", lambda m: literal(b"more") + m, False),
    (0.4, "signed twice over", lambda m: m + m, False),
    (0.4, "signature first", lambda m: joined([split(m)[2], split(m)[1]]), False),
    (0.4, "without its signature", lambda m: joined(split(m)[:2]), False),
    (0.4, "noise after", lambda m: m + b"noise", False),
    (0.3, "nothing", lambda _: b"", False),
    (0.3, "compressed noise", lambda _: packet(8, b"\2noise"), False),
    (0.3, "cut", lambda m: m[:-9], False),
]


def _sealed(making: _Making, inside: bytes, gateway: str) -> bytes:
    ours, other = Recipient.of(GATEWAYS[gateway]), Recipient.of(GATEWAYS["stranger"])
    container = making.draw(
        (6, "seipd-1", 1, True),
        (4 if gateway == "gateway-sequoia" else 0.2, "seipd-2", 2, True),
        (1, "gnupg-ocb", 20, True),
    )
    ciphers = [(6, "", 9, True), (2, "aes128", 7, True), (1, "aes192", 8, True)]
    if container == 1:
        ciphers += [(1, "camellia", 13, True), (0.4, "3des", 2, False), (0.4, "cast5", 3, False)]
    cipher = making.draw(*ciphers)
    session = session_key(cipher)
    wrong = making.draw(
        (30, "", None, True), (container != 2, "short key", "short", False), (1, "zero share", "zero", False)
    )
    if wrong == "short":
        session = session[: max(8, len(session) // 2)]
    version = 6 if container == 2 else 3
    said = None if version == 6 else cipher
    share = bytes(32) if wrong == "zero" else None
    match making.draw(
        (8, "", "us", True),
        (1, "unnamed", "unnamed", True),
        (1, "others too", "both", True),
        (0.4, "others only", "others", False),
        (0.3, "nobody", "nobody", False),
        (0.3, "the wrong version of wrap", "version", False),
    ):
        case "us":
            wraps = ours.wrap(session, said, version=version, point=share)
        case "unnamed":
            wraps = ours.wrap(session, said, version=version, named=False, point=share)
        case "both":
            wraps = other.wrap(session, said, version=version) + ours.wrap(
                session, said, version=version, point=share
            )
        case "others":
            wraps = other.wrap(session, said, version=version)
        case "nobody":
            wraps = b""
        case _:
            version = 9 - version
            wraps = ours.wrap(session, None if version == 6 else cipher, version=version)
    return wraps + _container(making, container, inside, session, cipher, short=wrong == "short")


def _container(
    making: _Making, container: int, inside: bytes, session: bytes, cipher: int, *, short: bool
) -> bytes:
    if short:
        session = session.ljust(16, b"\0")
        cipher = {16: 7, 24: 8, 32: 9}.get(len(session), 7)
        session = session[: {7: 16, 8: 24, 9: 32}[cipher]]
    if container == 1:
        spoiled = making.draw((30, "", False, True), (1, "spoiled", True, False))
        return with_digest(inside, session, cipher, spoiled=spoiled)
    if container == 20:
        return as_gnupg_does(inside, session, cipher, making.dice.choice([0, 6, 16]))
    mode = making.draw((3, "ocb", OCB, True), (2, "gcm", GCM, True))
    bits = making.draw(
        (4, "", 6, True), (1, "", 0, True), (1, "", 16, True), (0.5, "chunks too large", 17, False)
    )
    body = making.draw((12, "", None, True), (1, "a short body", making.dice.randrange(1, 60), False))
    return in_chunks(inside, session, cipher, mode, bits, body=body)


def armored(data: bytes) -> bytes:
    """The file in armor."""
    return b"-----BEGIN PGP MESSAGE-----\n\n" + base64.encodebytes(data) + b"-----END PGP MESSAGE-----\n"


def _flipped(data: bytes) -> bytes:
    return data[: len(data) // 2] + bytes([data[len(data) // 2] ^ 4]) + data[len(data) // 2 + 1 :]


def _in_pieces(data: bytes) -> bytes:
    """The container in pieces (RFC 9580, 4.2.1.4)."""
    *wraps, (tag, body) = split(data)
    pieces = [body[at : at + 512] for at in range(0, len(body), 512)]
    last = pieces.pop() if pieces else b""
    head = b"\xff" + len(last).to_bytes(4, "big")
    return joined(wraps) + bytes([0xC0 | tag]) + b"".join(b"\xe9" + piece for piece in pieces) + head + last


WRAPPINGS: list[Layout] = [
    (8, "binary", lambda d: d, True),
    (4, "armor", armored, True),
    (1, "in pieces", _in_pieces, True),
    (1, "CRLF", lambda d: armored(d).replace(b"\n", b"\r\n"), True),
    (0.7, "CR", lambda d: armored(d).replace(b"\n", b"\r"), True),
    (0.7, "UTF-16", lambda d: armored(d).decode().encode("utf-16"), True),
    (0.7, "BOM", lambda d: b"\xef\xbb\xbf" + armored(d), True),
    (0.7, "only part", lambda d: armored(d).replace(b"MESSAGE-", b"MESSAGE, PART 1/1-"), True),
    (0.4, "a part", lambda d: armored(d).replace(b"MESSAGE-", b"MESSAGE, PART 1/2-"), False),
    (0.4, "text before", lambda d: b"Dear all,\n" + armored(d), False),
    (0.4, "text after", lambda d: armored(d) + b"Yours\n", False),
    (0.4, "twice", lambda d: d + d, False),
    (0.4, "noise after", lambda d: d + b"noise", False),
    (0.4, "cut", lambda d: d[:-7], False),
    (0.4, "armor cut", lambda d: armored(d)[:-40], False),
    (0.4, "flipped", _flipped, False),
]


def _wrapped(making: _Making, data: bytes) -> bytes:
    return making.draw(*((weight, name, make(data), good) for weight, name, make, good in WRAPPINGS))
