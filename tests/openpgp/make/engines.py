"""Cases that engines once told apart, and what real programs make of files on their way."""

from datetime import datetime, timedelta

from pysequoia import Cert

from tests.openpgp.make.case import Case
from tests.openpgp.make.family import armored
from tests.openpgp.make.sealing import Recipient, in_chunks, session_key, with_digest
from tests.openpgp.make.world import AT, CONTENT, SIGNED, World
from tests.openpgp.make.writer import Said, signed
from tests.openpgp.make.written_keys import KEYS

SESSION = session_key(9)


def _by(signer: str, at: datetime = SIGNED, **more: object) -> bytes:
    return signed(CONTENT, KEYS[signer], Said(made=at, **more))


def _sealed(world: World, message: bytes, **more: object) -> bytes:
    return Recipient.of(world.cert["gateway"]).wrap(SESSION, 9, **more) + with_digest(message, SESSION)


def _version_2(world: World, **more: object) -> bytes:
    wrap = Recipient.of(world.cert["gateway-sequoia"]).wrap(SESSION, None, version=6)
    return wrap + in_chunks(_by("ivy"), SESSION, **more)


def _fingerprint(world: World, name: str) -> bytes:
    return bytes.fromhex(Cert.from_bytes(world.cert[name]).fingerprint)


def _changed_ocb(world: World) -> bytes:
    data = bytearray(world.by_gpg("--force-ocb"))
    data[-30] ^= 1
    return bytes(data)


NO_OCB = dict.fromkeys(
    ("sqop", "rsop"), "does not know packet 20; we take it off and let Sequoia verify the rest"
)

CASES = [
    Case(
        name="gpg-ocb",
        why="gpg --force-ocb, which writes a packet of its own",
        others=NO_OCB,
        make=lambda w: w.by_gpg("--force-ocb"),
    ),
    Case(
        name="gpg-ocb-armored",
        why="the same in armor, longer than a chunk",
        others=NO_OCB,
        make=lambda w: w.by_gpg("--force-ocb", "--chunk-size", "10", "--armor", "-z0", content=CONTENT * 60),
    ),
    Case(name="gpg-ocb-changed", expect="open:damaged", why="one bit flipped under OCB", make=_changed_ocb),
    Case(
        name="meant-for-others",
        expect="open:meant-for-others",
        made_by="surgery",
        senders=("ivy",),
        why="signed for somebody else, and sealed to us by whoever had it",
        others={"rsop": "does not look for whom it was signed"},
        make=lambda w: _sealed(w, _by("ivy", recipients=(_fingerprint(w, "stranger"),))),
    ),
    Case(
        name="meant-for-us",
        made_by="surgery",
        senders=("ivy",),
        why="signed for somebody else and for us",
        make=lambda w: _sealed(
            w, _by("ivy", recipients=(_fingerprint(w, "stranger"), _fingerprint(w, "gateway")))
        ),
    ),
    *(
        Case(
            name=f"seipd2-of-{octets}",
            expect="open:damaged",
            made_by="surgery",
            senders=("ivy",),
            keys=("gateway-sequoia",),
            why=f"a container of version 2 with {octets} octets",
            make=lambda w, n=octets: _version_2(w, body=n),
        )
        for octets in (1, 2, 3, 36)
    ),
    Case(
        name="seipd2-chunks-too-large",
        expect="open:damaged",
        made_by="surgery",
        senders=("ivy",),
        keys=("gateway-sequoia",),
        why="chunks beyond what the standard allows",
        others={"rsop": "takes chunks of any size"},
        make=lambda w: _version_2(w, bits=17),
    ),
    Case(
        name="shared-secret-of-zero",
        expect="open:damaged",
        made_by="surgery",
        senders=("ivy",),
        why="a share that makes every secret zero, so that nobody needs a key to read the file",
        others=dict.fromkeys(("sqop", "gosop", "rsop"), "takes it"),
        make=lambda w: _sealed(w, _by("ivy"), point=bytes(32)),
    ),
    Case(
        name="session-key-too-short",
        expect="open:damaged",
        made_by="surgery",
        senders=("ivy",),
        why="sixteen octets for AES-256",
        make=lambda w: (
            Recipient.of(w.cert["gateway"]).wrap(SESSION[:16], 9) + with_digest(_by("ivy"), SESSION[:16], 7)
        ),
    ),
    *(
        Case(
            name=f"ended-by-its-direct-key-{name}",
            expect="open:key-expired",
            made_by="surgery",
            senders=(name.partition("-")[0],),
            why="the certificate ended by what stands on its key, and the user id is silent about it",
            make=lambda w, n=name: _sealed(w, _by(n)),
        )
        for name in ("jules", "kim", "lena-signing")
    ),
    Case(
        name="not-yet-ended-by-its-direct-key",
        expect="open:key-expired",
        made_by="surgery",
        senders=("jules",),
        why="signed before that end, arrived after it",
        others=dict.fromkeys(("sqop", "gosop", "rsop"), "judges the key at the time of the signature only"),
        make=lambda w: _sealed(w, _by("jules", AT - timedelta(days=40))),
    ),
    *(
        Case(
            name=f"armor-{name}",
            senders=("ivy",),
            made_by="surgery",
            why=why,
            others=others,
            make=lambda w, change=change: change(armored(_sealed(w, _by("ivy")))),
        )
        for name, why, change, others in (
            (
                "utf16",
                "armor that was saved as UTF-16, as PowerShell does",
                lambda a: a.decode().encode("utf-16"),
                dict.fromkeys(("sqop", "gosop", "rsop"), "reads octets only"),
            ),
            (
                "bom",
                "armor with a byte order mark in front",
                lambda a: b"\xef\xbb\xbf" + a,
                dict.fromkeys(("sqop", "gosop", "rsop"), "wants the armor to come first"),
            ),
            (
                "cr",
                "armor with the line ends of old Macs",
                lambda a: a.replace(b"\n", b"\r"),
                dict.fromkeys(("gosop", "rsop"), "needs LF"),
            ),
            (
                "part-1-of-1",
                "armor that calls itself the only part",
                lambda a: a.replace(b"MESSAGE-", b"MESSAGE, PART 1/1-"),
                {"sqop": "does not know parts"},
            ),
        )
    ),
    Case(
        name="armor-part-1-of-2",
        expect="open:in-parts",
        made_by="surgery",
        senders=("ivy",),
        why="armor that calls itself one part of several",
        others=dict.fromkeys(("gosop", "rsop"), "does not look at what the armor calls itself"),
        make=lambda w: armored(_sealed(w, _by("ivy"))).replace(b"MESSAGE-", b"MESSAGE, PART 1/2-"),
    ),
    Case(
        name="zip-with-a-password",
        expect="open:other-encryption",
        made_by="hand",
        why="a ZIP file with a password: encrypted, but not with OpenPGP",
        make=lambda w: b"PK\x03\x04\x14\0\x01\0" + bytes(200),
    ),
]
