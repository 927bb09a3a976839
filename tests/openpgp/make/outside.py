"""What is refused from the outside: nothing has to be decrypted to tell."""

import os

from gateway.openpgp import packets
from tests.openpgp.make.case import PROGRAMS, Case
from tests.openpgp.make.good import many_recipients
from tests.openpgp.make.surgery import Wrapping, joined, seipd, split
from tests.openpgp.make.world import AEAD, AT, CONTENT, World


def _stripped_to_old(world: World) -> bytes:
    """The attack of old: an integrity-protected container relabelled as one without protection."""
    wrap, (_, body) = split(world.sealed(world.signed("alice")))
    return joined([wrap, (packets.ENCRYPTED, body[1:])])


def _ocb(world: World) -> bytes:
    wrap, _ = split(world.sealed(world.signed("alice")))
    return joined([wrap, (packets.OCB_ENCRYPTED, b"\x01\x09\x02\x10" + os.urandom(200))])


def _version_3_container(world: World) -> bytes:
    wrap, (tag, body) = split(world.sealed(world.signed("alice")))
    return joined([wrap, (tag, b"\x03" + body[1:])])


def _detached(world: World) -> bytes:
    return world.gpg.run("-u", "alice", "--detach-sign", given=CONTENT, at=AT)


CASES = [
    Case(name="no-bytes", expect="open:empty", made_by="hand", why="nothing arrived", make=lambda w: b""),
    Case(
        name="plain-text",
        expect="open:not-encrypted",
        made_by="hand",
        why="plain text",
        make=lambda w: CONTENT,
    ),
    Case(
        name="only-blanks",
        expect="open:not-encrypted",
        made_by="hand",
        why="blank lines",
        make=lambda w: b"\n \n",
    ),
    Case(
        name="plain-utf8",
        expect="open:not-encrypted",
        made_by="hand",
        why="UTF-8 text with a byte order mark",
        make=lambda w: b"\xef\xbb\xbf" + CONTENT,
    ),
    Case(
        name="plain-utf16",
        expect="open:not-encrypted",
        made_by="hand",
        why="UTF-16 text",
        make=lambda w: CONTENT.decode().encode("utf-16"),
    ),
    Case(
        name="plain-zip",
        expect="open:not-encrypted",
        made_by="hand",
        why="a ZIP file, as of a spreadsheet",
        make=lambda w: b"PK\x03\x04" + bytes(200),
    ),
    Case(
        name="plain-old-excel",
        expect="open:not-encrypted",
        made_by="hand",
        why="an old spreadsheet",
        make=lambda w: bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600),
    ),
    Case(
        name="noise",
        expect="open:unreadable",
        made_by="hand",
        why="no packet begins so",
        make=lambda w: b"\xff" + bytes(range(1, 200)),
    ),
    Case(
        name="signed-only",
        others=dict.fromkeys(PROGRAMS, "opens what was never encrypted"),
        expect="open:not-encrypted",
        why="gpg --sign",
        make=lambda w: w.gpg.run("-u", "alice", "--sign", given=CONTENT, at=AT),
    ),
    Case(
        name="signed-only-armored",
        others=dict.fromkeys(PROGRAMS, "opens what was never encrypted"),
        expect="open:not-encrypted",
        why="gpg --armor --sign",
        make=lambda w: w.gpg.run("-u", "alice", "--armor", "--sign", given=CONTENT, at=AT),
    ),
    Case(
        name="signed-only-uncompressed",
        others=dict.fromkeys(PROGRAMS, "opens what was never encrypted"),
        expect="open:not-encrypted",
        why="a bare signed message",
        made_by="pgpy",
        make=lambda w: w.signed("alice"),
    ),
    Case(
        name="cleartext-signed",
        expect="open:not-encrypted",
        why="gpg --clear-sign",
        make=lambda w: w.gpg.run("-u", "alice", "--clear-sign", given=CONTENT, at=AT),
    ),
    Case(
        name="detached-signature",
        expect="open:not-encrypted",
        why="a signature without its file",
        make=_detached,
    ),
    Case(
        name="literal-only",
        expect="open:not-encrypted",
        why="gpg --store",
        make=lambda w: w.gpg.run("-z0", "--store", given=CONTENT, at=AT),
    ),
    Case(
        name="a-certificate",
        expect="open:not-encrypted",
        why="a public key dropped as a file",
        make=lambda w: w.cert["alice"],
    ),
    Case(
        name="a-secret-key",
        expect="open:not-encrypted",
        why="a secret key dropped as a file",
        make=lambda w: w.secret["alice"],
    ),
    Case(
        name="password-only",
        expect="open:password-only",
        why="gpg --symmetric",
        make=lambda w: w.gpg.run("--passphrase", "sesame", "--symmetric", given=CONTENT, at=AT),
    ),
    Case(
        name="password-only-signed",
        expect="open:password-only",
        why="gpg --sign --symmetric",
        make=lambda w: w.gpg.run(
            "-u", "alice", "--passphrase", "sesame", "--sign", "--symmetric", given=CONTENT, at=AT
        ),
    ),
    Case(
        name="not-for-us",
        expect="open:not-for-us",
        why="encrypted to somebody else",
        make=lambda w: w.by_gpg(to=("stranger",)),
    ),
    Case(
        name="not-for-us-armored",
        expect="open:not-for-us",
        why="the same, armored",
        make=lambda w: w.by_gpg("--armor", to=("stranger",)),
    ),
    Case(
        name="not-for-us-hidden",
        expect="open:not-for-us",
        why="an unnamed recipient who is not us",
        make=lambda w: w.by_gpg("--throw-keyids", to=("stranger",)),
    ),
    Case(
        name="not-for-us-seipd2",
        expect="open:not-for-us",
        made_by="sqop",
        why="SEIPDv2 to somebody else",
        make=lambda w: w.by_sop("sqop", "alice", AEAD, to="stranger.asc"),
    ),
    Case(
        name="no-recipient",
        expect="open:not-for-us",
        made_by="surgery",
        why="a container without any recipient",
        make=lambda w: seipd(w.signed("alice"), os.urandom(32)),
    ),
    Case(
        name="no-integrity",
        expect="open:no-integrity",
        made_by="surgery",
        why="no modification detection at all",
        make=lambda w: Wrapping(w.cert["gateway"]).sealed_without_integrity(w.signed("alice")),
    ),
    Case(
        name="integrity-stripped",
        expect="open:no-integrity",
        made_by="surgery",
        why="the protected container relabelled as an unprotected one",
        make=_stripped_to_old,
    ),
    Case(
        name="ocb-of-gnupg",
        expect="open:damaged",
        made_by="surgery",
        why="packet 20 of GnuPG around nothing that anybody encrypted",
        make=_ocb,
    ),
    Case(
        name="container-version-3",
        expect="open:unsupported",
        made_by="surgery",
        why="no such version",
        make=_version_3_container,
    ),
    Case(
        name="thousand-recipients",
        expect="open:unsupported",
        made_by="surgery",
        why="a thousand session keys would cost a thousand decryptions",
        make=lambda w: many_recipients(w, 1000),
        others=dict.fromkeys(PROGRAMS, "no cap on recipients"),
    ),
]
