"""python -m tests.openpgp.make.proofs: the vectors by which a SOP program proves itself, anew.

They are written packet by packet with keys that serve nothing else, the same every time, but for a few
that were made by programs and are kept among the vectors of the tests.
"""

import base64
import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pysequoia import Cert, Tsk

import gateway.openpgp.self_test
from tests.openpgp import vectors
from tests.openpgp.make.sealing import Recipient, in_chunks, session_key, with_digest
from tests.openpgp.make.surgery import compressed, joined, literal, split
from tests.openpgp.make.writer import (
    BACK,
    ED25519,
    RIPEMD160,
    SHA1,
    SIGN,
    SUBKEY_BINDING,
    TEXT,
    Certificate,
    Key,
    Said,
    signature,
    signed,
    subpacket,
)

PATH = Path(gateway.openpgp.self_test.__file__).with_suffix(".json")
BORN = datetime(2025, 9, 1, 9, 0, tzinfo=UTC)
MADE = datetime(2026, 3, 2, 11, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CONTENT = b"UPN,Surname\r\nT999000100001,Sample\na bare end of line\nand none"
SESSION = session_key(9, b"proof")
AMY, SUB = Key(b"amy", BORN), Key(b"amy's subkey", BORN)
VERA = Key(b"vera", BORN, 6, ED25519)
OTHER = Key(b"somebody else", BORN)
GOOD = Said(made=BORN, flags=3)
BOUND = Said(made=BORN, flags=SIGN, back=Said(made=BORN))
CERTIFIES = Said(made=BORN, flags=1)


def _with_subkey(bound: Said, revoked: tuple[Said, ...] = ()) -> bytes:
    return Certificate(AMY, user_ids={b"amy": [CERTIFIES]}, subkeys=[(SUB, [bound], list(revoked))]).written()


def _back_of_wrong_type() -> bytes:
    back = signature(SUBKEY_BINDING, SUB, Said(made=BORN), AMY.hashed + SUB.hashed)
    return _with_subkey(Said(made=BORN, flags=SIGN, more=subpacket(32, back)))


def _back_by_another() -> bytes:
    back = signature(BACK, OTHER, Said(made=BORN), AMY.hashed + SUB.hashed)
    return _with_subkey(Said(made=BORN, flags=SIGN, more=subpacket(32, back)))


CERTIFICATES = {
    "amy": Certificate(AMY, user_ids={b"amy": [GOOD]}).written(),
    "vera": Certificate(VERA, direct=[GOOD], user_ids={b"vera": [Said(made=BORN)]}).written(),
    "subkey": _with_subkey(BOUND),
    "subkey-by-sha1": _with_subkey(Said(made=BORN, flags=SIGN, digest=SHA1, back=Said(made=BORN))),
    "subkey-back-by-sha1": _with_subkey(Said(made=BORN, flags=SIGN, back=Said(made=BORN, digest=SHA1))),
    "subkey-back-of-wrong-type": _back_of_wrong_type(),
    "subkey-back-by-another": _back_by_another(),
    "subkey-without-back": _with_subkey(Said(made=BORN, flags=SIGN)),
    "subkey-revoked": _with_subkey(BOUND, (Said(made=BORN + DAY, reason=2),)),
    "subkey-ended": _with_subkey(Said(made=BORN, flags=SIGN, lasts=30 * DAY, back=Said(made=BORN))),
    "subkey-grafted": Certificate(AMY, user_ids={b"amy": [GOOD]}, subkeys=[(SUB, [], [])]).written(),
    "revoked": Certificate(
        AMY, revoked=[Said(made=MADE + DAY, reason=2)], user_ids={b"amy": [GOOD]}
    ).written(),
    "ended": Certificate(AMY, user_ids={b"amy": [Said(made=BORN, flags=3, lasts=30 * DAY)]}).written(),
    "ended-by-its-key": Certificate(
        VERA, direct=[Said(made=BORN, flags=3, lasts=30 * DAY)], user_ids={b"vera": [Said(made=BORN)]}
    ).written(),
    "certifies-only": Certificate(AMY, user_ids={b"amy": [CERTIFIES]}).written(),
    "by-sha1": Certificate(AMY, user_ids={b"amy": [Said(made=BORN, flags=3, digest=SHA1)]}).written(),
}


def _by(key: Key, kind: int = 0, **more: object) -> bytes:
    return signed(CONTENT, key, Said(made=MADE, **more), kind=kind)


def _recipient(name: str) -> Recipient:
    return Recipient.of((vectors.KEYS / f"{name}.asc").read_bytes())


def _sealed(message: bytes) -> bytes:
    return _recipient("gateway").wrap(SESSION, 9) + with_digest(message, SESSION)


def _stranger() -> bytes:
    return bytes.fromhex(Cert.from_bytes((vectors.KEYS / "stranger.asc").read_bytes()).fingerprint)


def _changed(message: bytes) -> bytes:
    one_pass, _, made = split(message)
    return joined([one_pass]) + literal(CONTENT + b"more") + joined([made])


def _flipped(data: bytes) -> bytes:
    return data[:-40] + bytes([data[-40] ^ 1]) + data[-39:]


WRAP_6 = _recipient("gateway-sequoia").wrap(SESSION, None, version=6)
NOTATION = subpacket(20, bytes(4) + b"\0\x03\0\x01a@b" + b"x", critical=True)
OPENS = [
    ("signed", "a signed and encrypted message", "amy", AMY, _sealed(_by(AMY))),
    ("compressed", "a signed and encrypted message, compressed", "amy", AMY, _sealed(compressed(_by(AMY)))),
    ("signed-by-version-6", "a sender with a key of version 6", "vera", VERA, _sealed(_by(VERA))),
    ("names-the-subkey", "a subkey signed: it must be told which", "subkey", SUB, _sealed(_by(SUB))),
    (
        "text-as-it-was",
        "signed as text: the ends of its lines stay as they are",
        "amy",
        AMY,
        _sealed(_by(AMY, TEXT)),
    ),
    ("aead", "encryption of RFC 9580", "amy", AMY, WRAP_6 + in_chunks(_by(AMY), SESSION)),
]
REFUSED = [
    ("unsigned", "no signature at all", "amy", _sealed(literal(CONTENT))),
    ("content-changed", "the signature is over something else", "amy", _sealed(_changed(_by(AMY)))),
    ("by-another", "signed by a key that was not offered", "amy", _sealed(_by(OTHER))),
    ("flipped", "one bit of the encrypted content flipped", "amy", _flipped(_sealed(_by(AMY)))),
    ("cut", "the end of the encrypted content is missing", "amy", _sealed(_by(AMY))[:-30]),
    ("aead-cut", "the last chunk is missing", "amy", WRAP_6 + in_chunks(_by(AMY), SESSION, body=90)),
    (
        "signature-ended",
        "the signature itself has expired",
        "amy",
        _sealed(_by(AMY, ends=timedelta(minutes=5))),
    ),
    ("signature-by-sha1", "signed with SHA-1", "amy", _sealed(_by(AMY, digest=SHA1))),
    ("signature-by-ripemd160", "signed with RIPEMD-160", "amy", _sealed(_by(AMY, digest=RIPEMD160))),
    (
        "signature-critical",
        "says what must be understood and is not",
        "amy",
        _sealed(_by(AMY, more=NOTATION)),
    ),
    ("meant-for-others", "signed for somebody else", "amy", _sealed(_by(AMY, recipients=(_stranger(),)))),
    ("names-no-issuer", "the signature does not say who made it", "amy", _sealed(_by(AMY, named=False))),
    (
        "of-the-wrong-type",
        "a certification in place of a signature over data",
        "amy",
        _sealed(_by(AMY, 0x10)),
    ),
    ("literal-after", "more content after what is signed", "amy", _sealed(_by(AMY) + literal(b"more"))),
    *(
        (name, why, name, _sealed(_by(SUB)))
        for name, why in (
            ("subkey-by-sha1", "the subkey is bound with SHA-1"),
            ("subkey-back-by-sha1", "the subkey consents with SHA-1"),
            ("subkey-back-of-wrong-type", "what consents to the binding is no such signature"),
            ("subkey-back-by-another", "another key consents in place of the subkey"),
            ("subkey-without-back", "the subkey never consented"),
            ("subkey-revoked", "the subkey was revoked"),
            ("subkey-ended", "the subkey had expired"),
            ("subkey-grafted", "the certificate never confirmed the subkey"),
        )
    ),
    (
        "revoked",
        "the certificate was revoked because its key may be in wrong hands",
        "revoked",
        _sealed(_by(AMY)),
    ),
    ("ended", "the certificate had expired", "ended", _sealed(_by(AMY))),
    ("ended-by-its-key", "so it had by what stands on its key", "ended-by-its-key", _sealed(_by(VERA))),
    ("certifies-only", "the key may not sign data", "certifies-only", _sealed(_by(AMY))),
    ("by-sha1", "the certificate rests on SHA-1", "by-sha1", _sealed(_by(AMY))),
    ("no-integrity", "encryption that anybody can change", "amy", None),
]


def _kept(name: str) -> bytes:
    return vectors.read(vectors.FOLDER / f"{name}.txt").data


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def main() -> None:
    """Write the file."""
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    from_elsewhere = {"no-integrity": _kept("no-integrity")}
    written = [
        {
            "name": name,
            "why": why,
            "sealed": _text(data),
            "key": "gateway-sequoia" if name.startswith("aead") else "gateway",
            "sender": sender,
            "sha256": sha256,
            "signing_key": key.fingerprint.hex(),
        }
        for name, why, sender, key, data in OPENS
    ]
    written += [
        {
            "name": name,
            "why": why,
            "sealed": _text(from_elsewhere[name] if data is None else data),
            "key": "gateway-sequoia" if name.startswith("aead") else "gateway",
            "sender": sender,
        }
        for name, why, sender, data in REFUSED
    ]
    keys = {name: _text(data) for name, data in CERTIFICATES.items()}
    for name in ("gateway", "gateway-sequoia"):
        keys[name] = _text(bytes(Tsk.from_bytes((vectors.KEYS / f"{name}.key").read_bytes())))
    PATH.write_text(json.dumps({"keys": keys, "vectors": written}, indent=1) + "\n", "utf-8")
    print(f"{len(written)} vectors")


if __name__ == "__main__":
    main()
