"""Messages that hold something else than one signed file of a bearable size."""

from tests.openpgp.make.case import PROGRAMS, Case
from tests.openpgp.make.surgery import MARKER, compressed, joined, literal, packet, split
from tests.openpgp.make.world import AT, CONTENT, World


def _binary(world: World, name: str) -> bytes:
    return world.gpg.run("--export", name)


def _two_literals(world: World) -> bytes:
    one_pass, part, signature = split(world.signed("alice"))
    return world.sealed(joined([one_pass, part, signature]) + literal(b"and more"))


def _literal_before(world: World) -> bytes:
    return world.sealed(literal(b"unsigned first") + world.signed("alice"))


def _two_signed_messages(world: World) -> bytes:
    return world.sealed(world.signed("alice") + world.signed("alice", b"another"))


def _literal_inside_both(world: World) -> bytes:
    one_pass, part, signature = split(world.signed("alice"))
    return world.sealed(joined([one_pass, part]) + literal(b"and more") + joined([signature]))


def _bomb(world: World, layers: int = 1, kind: int = 2) -> bytes:
    message = literal(bytes(3_000_000))
    for _ in range(layers):
        message = compressed(message, kind)
    return world.sealed(message)


def _signed_bomb(world: World) -> bytes:
    return world.sealed(compressed(world.signed("alice", bytes(3_000_000))))


def _detached(world: World) -> bytes:
    return world.gpg.run("-u", "alice", "--detach-sign", given=CONTENT, at=AT)


def split_join_encrypted(world: World) -> bytes:
    """One-pass signature, an encrypted message in the place of the literal, signature."""
    one_pass, _, signature = split(world.signed("alice"))
    return joined([one_pass]) + world.sealed(literal(CONTENT)) + joined([signature])


def _signature_first(world: World) -> bytes:
    _, literal_part, signature = split(world.signed("alice"))
    return world.sealed(joined([signature, literal_part]))


def _compressed_within_signature(world: World) -> bytes:
    one_pass, part, signature = split(world.signed("alice"))
    return world.sealed(joined([one_pass]) + compressed(joined([part])) + joined([signature]))


def _signed_over(world: World) -> bytes:
    """erin's one-pass signature and signature around alice's whole signed message (RFC 9580, 5.4)."""
    inner = world.signed("alice")
    (tag, one_pass), _, signature = split(world.signed("erin", inner))
    return world.sealed(joined([(tag, one_pass[:-1] + b"\0")]) + inner + joined([signature]))


CASES = [
    Case(
        name="two-messages",
        expect="open:not-one-file",
        why="two encrypted messages in one file",
        make=lambda w: w.by_gpg() + w.by_gpg(),
    ),
    Case(
        name="two-messages-armored",
        expect="open:not-one-file",
        why="two armored messages in one file",
        make=lambda w: w.by_gpg("--armor") + w.by_gpg("--armor"),
        others=dict.fromkeys(PROGRAMS, "reads the first block of armor and stops"),
    ),
    Case(
        name="text-before-armor",
        expect="open:not-one-file",
        made_by="surgery",
        why="clear text before the armor",
        make=lambda w: b"Dear all,\n\n" + w.by_gpg("--armor"),
        others=dict.fromkeys(PROGRAMS, "skips to the armor"),
    ),
    Case(
        name="text-after-armor",
        expect="open:not-one-file",
        made_by="surgery",
        why="clear text after the armor",
        make=lambda w: w.by_gpg("--armor") + b"\nKind regards\n",
        others=dict.fromkeys(PROGRAMS, "stops at the end of the armor"),
    ),
    Case(
        name="literal-after",
        expect="open:not-one-file",
        made_by="surgery",
        why="an unsigned literal after the signed one",
        make=_two_literals,
    ),
    Case(
        name="literal-before",
        expect="open:not-one-file",
        made_by="surgery",
        why="an unsigned literal before the signed one",
        make=_literal_before,
    ),
    Case(
        name="literal-between",
        expect="open:not-one-file",
        made_by="surgery",
        why="a second literal between the first and the signature",
        make=_literal_inside_both,
    ),
    Case(
        name="two-signed-messages",
        expect="open:not-one-file",
        made_by="surgery",
        why="two signed messages in one container",
        make=_two_signed_messages,
    ),
    Case(
        name="plaintext-after",
        expect="open:not-one-file",
        made_by="surgery",
        why="a literal after the encrypted container",
        make=lambda w: w.by_gpg() + literal(b"more"),
    ),
    Case(
        name="nested-encryption",
        others=dict.fromkeys(("sqop", "rsop"), "opens encryption within encryption"),
        expect="open:not-one-file",
        made_by="surgery",
        why="encryption inside encryption",
        make=lambda w: w.sealed(w.by_gpg()),
    ),
    Case(
        name="signed-around-encrypted",
        expect="open:not-one-file",
        made_by="surgery",
        why="a signed message that holds an encrypted file is content; a bare encrypted message is not",
        make=lambda w: w.sealed(split_join_encrypted(w)),
    ),
    Case(
        name="signature-inside-only",
        expect="open:not-one-file",
        made_by="surgery",
        why="a detached signature, encrypted",
        make=lambda w: w.sealed(_detached(w)),
    ),
    Case(
        name="certificate-inside",
        expect="open:not-one-file",
        made_by="surgery",
        why="a certificate, encrypted as packets instead of as a file",
        make=lambda w: w.sealed(_binary(w, "alice")),
    ),
    Case(
        name="compressed-and-more",
        expect="open:not-one-file",
        made_by="surgery",
        why="a literal after the compressed message",
        make=lambda w: w.sealed(compressed(w.signed("alice")) + literal(b"more")),
    ),
    Case(
        name="signed-twice-over",
        expect="open",
        made_by="surgery",
        senders=("alice", "erin"),
        why="a signature over alice's whole signed message around it counts for nothing; hers still counts",
        make=_signed_over,
    ),
    Case(
        name="compressed-within-signature",
        made_by="surgery",
        why="compression within the signature instead of around it, as BouncyCastle may be told to make it",
        others={
            "sqop": "wants compression around the signature; we take it off and let Sequoia verify the rest"
        },
        make=_compressed_within_signature,
    ),
    Case(
        name="user-id-after",
        expect="open:not-one-file",
        made_by="surgery",
        why="a packet after the signature that belongs into certificates",
        make=lambda w: w.sealed(w.signed("alice") + packet(13, b"alice")),
    ),
    Case(
        name="ten-thousand-packets",
        expect="open:damaged",
        made_by="surgery",
        why="a message of nothing but markers, to the last",
        differs={"sop": "open - the embedded engine counts packets, because it walks them in Python"},
        others=dict.fromkeys(PROGRAMS, "counts no packets"),
        make=lambda w: w.sealed(MARKER * 10_001 + w.signed("alice")),
    ),
    Case(
        name="signature-first",
        others={"gosop": "can verify it", "rsop": "can verify it"},
        expect="open:unsupported",
        made_by="surgery",
        why="a signature before the literal, as PGP 2 wrote it: Sequoia cannot verify it while it reads",
        make=_signature_first,
    ),
    Case(
        name="empty-content",
        expect="open:empty",
        why="an empty file, properly signed and encrypted",
        make=lambda w: w.by_gpg(content=b""),
        others=dict.fromkeys(PROGRAMS, "an empty file is a file"),
    ),
    Case(
        name="sealed-too-large",
        expect="open:too-large",
        why="beyond the cap on the sealed file",
        limits="sealed_bytes=200 embedded_sealed_bytes=200",
        make=World.by_gpg,
        others=dict.fromkeys(PROGRAMS, "no caps"),
    ),
    Case(
        name="content-too-large",
        expect="open:too-large",
        why="beyond the cap on the content",
        limits="content_bytes=100 embedded_content_bytes=100",
        make=lambda w: w.by_gpg("-z0"),
        others=dict.fromkeys(PROGRAMS, "no caps"),
    ),
    *(
        Case(
            name=f"bomb-{name}",
            expect="open:too-large",
            made_by="surgery",
            why=why,
            make=make,
            limits="content_bytes=1000000 embedded_content_bytes=1000000",
            others=dict.fromkeys(others, "no caps"),
        )
        for name, why, make, others in (
            ("signed", "3 MB of nothing, compressed and signed", _signed_bomb, PROGRAMS),
            ("zip", "3 MB of nothing, compressed", lambda w: _bomb(w, 1, 1), ()),
            ("nested", "compressed three times over", lambda w: _bomb(w, 3), ()),
        )
    ),
    Case(
        name="unknown-compression",
        expect="open:unsupported",
        made_by="surgery",
        why="compression of kind 9",
        make=lambda w: w.sealed(compressed(w.signed("alice"), 9)),
    ),
    Case(
        name="old-cipher-3des",
        others={"gosop": "still takes 3DES", "rsop": "still takes 3DES"},
        expect="open:old-cipher",
        made_by="gpg",
        why="3DES",
        make=lambda w: w.by_gpg("--cipher-algo", "3DES", "--allow-old-cipher-algos"),
    ),
    Case(
        name="old-cipher-cast5",
        others={"gosop": "still takes CAST5", "rsop": "still takes CAST5"},
        expect="open:old-cipher",
        made_by="gpg",
        why="CAST5",
        make=lambda w: w.by_gpg("--cipher-algo", "CAST5", "--allow-old-cipher-algos"),
    ),
    *(
        Case(
            name=f"gpg-{cipher.lower()}",
            others={"sqop": f"takes {cipher}; we could seal it to no other key", "rsop": "the same"},
            expect="open:unsupported",
            made_by="gpg",
            why=f"{cipher}, which the gateway cannot take off by itself",
            make=lambda w, cipher=cipher: w.by_gpg("--cipher-algo", cipher, "--allow-old-cipher-algos"),
        )
        for cipher in ("Blowfish", "Twofish")
    ),
]
