"""The cases that open: what the programs in use make, and what the standard allows."""

import os
from datetime import timedelta

from tests.openpgp.make.case import Case
from tests.openpgp.make.surgery import (
    AES256,
    MARKER,
    Wrapping,
    compressed,
    joined,
    literal,
    padding,
    seipd,
    split,
)
from tests.openpgp.make.world import AEAD, AT, CONTENT, World

LONG = CONTENT * 60


def _armored(world: World, data: bytes) -> bytes:
    return world.gpg.run("--enarmor", given=data).replace(b"ARMORED FILE", b"MESSAGE")


def _with_padding(world: World) -> bytes:
    message = world.signed("alice")
    return padding() + world.sealed(padding() + message + padding())


def _with_markers(world: World) -> bytes:
    return MARKER + world.sealed(MARKER + world.signed("alice"))


def _two_signers(world: World, *signers: str) -> bytes:
    """The layout of gpg -u A -u B: one-pass signatures around the literal, in mirrored order."""
    made = [split(world.signed(signer)) for signer in signers]
    first = [(tag, body[:-1] + bytes([n == len(made) - 1])) for n, ((tag, body), _, _) in enumerate(made)]
    return joined([*first, made[0][1], *(parts[2] for parts in reversed(made))])


def _many_recipients(world: World, number: int) -> bytes:
    session = os.urandom(32)
    other, ours = Wrapping(world.cert["stranger"]), Wrapping(world.cert["gateway"])
    wraps = other.pkesk(session) * (number - 1) + ours.pkesk(session)
    return wraps + seipd(world.signed("alice"), session, AES256)


def _named_literal(world: World, name: bytes, kind: bytes = b"b") -> bytes:
    one_pass, _, signature = split(world.signed("alice"))
    return world.sealed(joined([one_pass]) + literal(CONTENT, name, kind) + joined([signature]))


def _old_headers(world: World) -> bytes:
    """The session key and everything inside with old headers; a container has none (RFC 9580, 4.2)."""
    wrap, container = split(world.sealed(joined(split(world.signed("alice")), old=True)))
    return joined([wrap], old=True) + joined([container])


def _in_pieces(world: World) -> bytes:
    """A container whose body comes in pieces of 512 octets (RFC 9580, 4.2.1.4)."""
    wrap, (tag, body) = split(world.sealed(world.signed("alice", LONG)))
    pieces = [body[at : at + 512] for at in range(0, len(body), 512)]
    last = pieces.pop()
    head = bytes([len(last)]) if len(last) < 192 else b"\xff" + len(last).to_bytes(4, "big")
    return joined([wrap]) + bytes([0xC0 | tag]) + b"".join(b"\xe9" + piece for piece in pieces) + head + last


GNUPG = [
    Case(name="gpg-default", why="gpg --sign --encrypt, which compresses", make=World.by_gpg),
    Case(name="gpg-armored", why="the same with --armor", make=lambda w: w.by_gpg("--armor")),
    Case(name="gpg-z0", why="no compression", make=lambda w: w.by_gpg("-z0")),
    *(
        Case(
            name=f"gpg-{kind}",
            why=f"{kind} compression",
            others={"rsop": "does not know bzip2"} if kind == "bzip2" else {},
            make=lambda w, k=kind: w.by_gpg("--compress-algo", k),
        )
        for kind in ("zip", "zlib", "bzip2")
    ),
    Case(
        name="gpg-rsa3072", why="an RSA-3072 sender", senders=("bob",), make=lambda w: w.by_gpg(signer="bob")
    ),
    Case(
        name="gpg-p256",
        why="a NIST P-256 sender",
        senders=("carol",),
        make=lambda w: w.by_gpg(signer="carol"),
    ),
    Case(
        name="gpg-signing-subkey",
        why="signed by a subkey made for it",
        senders=("subkey",),
        make=lambda w: w.by_gpg(signer="the subkey"),
    ),
    Case(
        name="gpg-two-recipients",
        why="to the gateway and to somebody else",
        make=lambda w: w.by_gpg(to=("gateway", "stranger")),
    ),
    Case(
        name="gpg-stranger-first",
        why="the gateway is the second recipient",
        make=lambda w: w.by_gpg(to=("stranger", "gateway")),
    ),
    Case(
        name="gpg-hidden-recipient",
        why="the recipient is not named",
        make=lambda w: w.by_gpg("--throw-keyids"),
    ),
    Case(
        name="gpg-hidden-recipients",
        others={"sqop": "gives up at the first unnamed recipient who is not us; we hand it the session key"},
        why="two recipients, neither named",
        make=lambda w: w.by_gpg("--throw-keyids", to=("stranger", "gateway")),
    ),
    Case(name="gpg-textmode", why="signed as text", make=lambda w: w.by_gpg("--textmode")),
    Case(name="gpg-aes128", why="AES-128", make=lambda w: w.by_gpg("--cipher-algo", "AES128")),
    Case(name="gpg-aes192", why="AES-192", make=lambda w: w.by_gpg("--cipher-algo", "AES192")),
    Case(
        name="gpg-camellia256",
        others={"gosop": "does not know Camellia"},
        why="Camellia-256",
        make=lambda w: w.by_gpg("--cipher-algo", "CAMELLIA256"),
    ),
    Case(name="gpg-sha256", why="signed with SHA-256", make=lambda w: w.by_gpg("--digest-algo", "SHA256")),
    Case(
        name="gpg-notation",
        why="a notation that nobody must understand",
        make=lambda w: w.by_gpg("--set-notation", "note@example.org=hello"),
    ),
    Case(
        name="gpg-long-lines",
        why="a body long enough to come in pieces",
        make=lambda w: w.by_gpg(content=LONG),
    ),
    Case(
        name="gpg-password-too",
        why="a password besides the key",
        make=lambda w: w.by_gpg("--symmetric", "--passphrase", "sesame"),
    ),
    Case(
        name="gpg-eyes-only",
        why="--for-your-eyes-only names the literal _CONSOLE; content is content",
        make=lambda w: w.by_gpg("--for-your-eyes-only"),
    ),
    Case(
        name="gpg-to-old-key",
        why="sealed to the gateway's earlier key, which is kept",
        keys=("gateway", "gateway-old"),
        make=lambda w: w.by_gpg(to=("gateway-old",)),
    ),
    Case(
        name="gpg-to-rsa-key",
        why="the gateway has an RSA key",
        keys=("gateway-rsa",),
        make=lambda w: w.gpg.run("-u", "alice", "-r", "gateway-rsa", "-se", given=CONTENT, at=AT),
    ),
    Case(
        name="gpg-to-p256-key",
        why="the gateway has a NIST P-256 key",
        keys=("gateway-p256",),
        make=lambda w: w.gpg.run("-u", "alice", "-r", "gateway-p256", "-se", given=CONTENT, at=AT),
    ),
    Case(
        name="gpg-to-sequoia-key",
        why="the gateway's key was made by Sequoia",
        keys=("gateway-sequoia",),
        make=lambda w: w.gpg.run(
            "--import-options",
            "import-minimal",
            "-u",
            "alice",
            "-f",
            str(w.folder / "gateway-sequoia.asc"),
            "-se",
            given=CONTENT,
            at=AT,
        ),
    ),
    Case(
        name="several-senders",
        why="one of three enrolled certificates signed",
        senders=("bob", "alice", "dora"),
        make=World.by_gpg,
    ),
    Case(
        name="replayed",
        why="the very file of before: that it came before is the registry's to know",
        make=World.by_gpg,
    ),
]

OTHERS = [
    Case(
        name="sqop-default",
        why="Sequoia, SEIPDv1",
        made_by="sqop",
        senders=("dora",),
        make=lambda w: w.by_sop("sqop", "dora", to="gateway.asc"),
    ),
    Case(
        name="sqop-armored",
        why="Sequoia, armored",
        made_by="sqop",
        senders=("dora",),
        make=lambda w: w.sop("sqop", "encrypt", "--sign-with=dora.key", "gateway.asc", given=CONTENT),
    ),
    Case(
        name="sqop-seipd2",
        why="Sequoia, SEIPDv2 with AEAD",
        made_by="sqop",
        keys=("gateway-sequoia",),
        senders=("dora",),
        make=lambda w: w.by_sop("sqop", "dora", AEAD, to="gateway-sequoia.asc"),
    ),
    Case(
        name="sqop-seipd2-long",
        why="AEAD in several chunks",
        made_by="sqop",
        keys=("gateway-sequoia",),
        senders=("dora",),
        make=lambda w: w.by_sop("sqop", "dora", AEAD, to="gateway-sequoia.asc", content=LONG * 4),
    ),
    Case(
        name="sqop-to-sequoia-key",
        why="a gateway key that announces SEIPDv2, and a sender who keeps to SEIPDv1",
        made_by="sqop",
        senders=("dora",),
        keys=("gateway-sequoia",),
        make=lambda w: w.by_sop("sqop", "dora", to="gateway-sequoia.asc"),
    ),
    Case(
        name="sq-default",
        why="sq encrypt with its default options, which uses what the recipient announces",
        made_by="sq",
        senders=("dora",),
        keys=("gateway-sequoia",),
        make=lambda w: w.by_sq("dora", "gateway-sequoia"),
    ),
    Case(
        name="sq-compressing",
        why="SEIPDv2 with compression inside",
        made_by="sq",
        senders=("dora",),
        keys=("gateway-sequoia",),
        make=lambda w: w.by_sq("dora", "gateway-sequoia", "--compression=zlib"),
    ),
    Case(
        name="sqop-version-6-sender",
        why="a version 6 certificate",
        made_by="sqop",
        senders=("finn",),
        make=lambda w: w.by_sop("sqop", "finn", to="gateway.asc"),
    ),
    Case(
        name="sqop-by-gpg-key",
        why="a key made by gpg, used by Sequoia",
        made_by="sqop",
        make=lambda w: w.by_sop("sqop", "alice", to="gateway.asc"),
    ),
    Case(
        name="sqop-two-recipients",
        why="Sequoia, two recipients",
        made_by="sqop",
        senders=("dora",),
        make=lambda w: w.by_sop("sqop", "dora", to="stranger.asc gateway.asc"),
    ),
    Case(
        name="rsop-default",
        why="rPGP",
        made_by="rsop",
        senders=("rosa",),
        make=lambda w: w.by_sop("rsop", "rosa", to="gateway.asc"),
    ),
    Case(
        name="pgpy-ed25519", why="PGPy", made_by="pgpy", senders=("erin",), make=lambda w: w.by_pgpy("erin")
    ),
    Case(
        name="pgpy-rsa2048",
        why="PGPy, RSA-2048",
        made_by="pgpy",
        senders=("rory",),
        make=lambda w: w.by_pgpy("rory"),
    ),
    Case(
        name="surreptitiously-re-encrypted",
        made_by="surgery",
        why="a recipient passed the signed message on: the signature is the sender's, and nothing in it "
        "names the recipient; time and signer are recorded so that the registry can tell a replay",
        make=lambda w: w.sealed(w.signed("alice", at=AT - timedelta(days=3))),
    ),
]

SURGERY = [
    Case(name="marker-packets", why="markers are to be ignored", made_by="surgery", make=_with_markers),
    Case(name="padding-packets", why="padding is to be ignored", made_by="surgery", make=_with_padding),
    Case(name="old-headers", why="packet headers of the old format", made_by="surgery", make=_old_headers),
    Case(name="in-pieces", why="a container in pieces of 512 octets", made_by="surgery", make=_in_pieces),
    Case(
        name="compressed-not-at-all",
        why="a compressed packet of kind 0",
        made_by="surgery",
        make=lambda w: w.sealed(compressed(w.signed("alice"), 0)),
    ),
    Case(
        name="literal-named",
        why="the literal has a name, which is not used",
        made_by="surgery",
        make=lambda w: _named_literal(w, b"../../etc/passwd"),
    ),
    Case(
        name="literal-utf8",
        why="the literal says that it is UTF-8",
        made_by="surgery",
        make=lambda w: _named_literal(w, b"", b"u"),
    ),
    Case(
        name="wildcard-recipient",
        why="an unnamed recipient, made by hand",
        made_by="surgery",
        make=lambda w: w.sealed(w.signed("alice"), wildcard=True),
    ),
    Case(
        name="fifty-recipients",
        why="as many recipients as anybody may want",
        made_by="surgery",
        make=lambda w: _many_recipients(w, 50),
    ),
    Case(
        name="co-signed-by-a-stranger",
        made_by="surgery",
        why="a second signature, by a key that is not enrolled, neither helps nor hurts: exactly one counts",
        make=lambda w: w.sealed(_two_signers(w, "alice", "mallory")),
    ),
    Case(
        name="signed-89-days-ago",
        why="within the window of time",
        made_by="surgery",
        make=lambda w: w.sealed(w.signed("alice", at=AT - timedelta(days=89))),
    ),
    Case(
        name="signed-in-5-minutes",
        why="within the allowance for clocks",
        made_by="surgery",
        make=lambda w: w.sealed(w.signed("alice", at=AT + timedelta(minutes=5))),
    ),
    Case(
        name="armor-with-headers",
        why="Version and Comment lines, as old programs write them",
        made_by="surgery",
        make=lambda w: w.by_gpg("--armor", "--comment", "made by hand: really", "--emit-version"),
    ),
    Case(
        name="armor-crlf",
        why="line ends of Windows",
        made_by="surgery",
        make=lambda w: w.by_gpg("--armor").replace(b"\n", b"\r\n"),
    ),
    Case(
        name="armor-without-checksum",
        why="RFC 9580 has done away with it",
        made_by="surgery",
        make=lambda w: b"\n".join(line for line in w.by_gpg("--armor").split(b"\n") if line[:1] != b"="),
    ),
    Case(
        name="armor-in-blank-lines",
        why="blank lines around the armor",
        made_by="surgery",
        make=lambda w: b"\r\n\n  \n" + w.by_gpg("--armor") + b"\n\n \r\n",
    ),
]

CASES = GNUPG + OTHERS + SURGERY
two_signers = _two_signers
many_recipients = _many_recipients
