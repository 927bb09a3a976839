"""Messages that did not arrive as they were made."""

import os

from gateway.openpgp import packets
from tests.openpgp.make.case import Case
from tests.openpgp.make.surgery import compressed, packet, split
from tests.openpgp.make.world import AEAD, CONTENT


def _flipped(data: bytes, at: int, bit: int = 1) -> bytes:
    changed = bytearray(data)
    changed[at] ^= bit
    return bytes(changed)


def _cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


CASES = [
    *(
        Case(
            name=f"truncated-{share * 1000:.0f}",
            expect="open:damaged",
            why=f"only {share:.1%} arrived",
            make=lambda w, s=share: _cut(w.by_gpg(content=CONTENT * 100), s),
        )
        for share in (0.02, 0.5, 0.999)
    ),
    *(
        Case(
            name=f"truncated-armor-{share * 1000:.0f}",
            others={"gosop": "does not miss the end of the armor"} if share > 0.9 else {},
            expect="open:damaged",
            why=f"only {share:.1%} arrived",
            make=lambda w, s=share: _cut(w.by_gpg("--armor", content=CONTENT * 100), s),
        )
        for share in (0.05, 0.5, 0.97)
    ),
    *(
        Case(
            name=f"flipped-{name}",
            expect="open:damaged",
            why=f"one bit flipped in {where}",
            make=lambda w, a=at: _flipped(w.by_gpg("-z0"), a),
        )
        for name, where, at in (
            ("session-key", "the session key packet", 60),
            ("body", "the middle", 200),
            ("end", "the last octet", -1),
        )
    ),
    Case(
        name="flipped-seipd2",
        expect="open:damaged",
        made_by="sqop",
        keys=("gateway-sequoia",),
        why="one bit flipped under AEAD",
        make=lambda w: _flipped(w.by_sop("sqop", "alice", AEAD, to="gateway-sequoia.asc"), 300),
    ),
    Case(
        name="truncated-seipd2",
        expect="open:damaged",
        made_by="sqop",
        keys=("gateway-sequoia",),
        why="cut off under AEAD",
        make=lambda w: _cut(w.by_sop("sqop", "alice", AEAD, to="gateway-sequoia.asc"), 0.8),
    ),
    Case(
        name="armor-broken",
        expect="open:damaged",
        made_by="surgery",
        why="letters that are not base64",
        make=lambda w: w.by_gpg("--armor").replace(b"\n\n", b"\n\n!!", 1),
    ),
    Case(
        name="compressed-broken",
        expect="open:damaged",
        made_by="surgery",
        why="not really compressed",
        make=lambda w: w.sealed(packet(packets.COMPRESSED, b"\x02" + os.urandom(100))),
    ),
    Case(
        name="compressed-cut",
        expect="open:damaged",
        made_by="surgery",
        why="compressed data cut off, then sealed",
        make=lambda w: w.sealed(packet(packets.COMPRESSED, split(compressed(w.signed("alice")))[0][1][:-9])),
    ),
    Case(
        name="nothing-inside",
        expect="open:damaged",
        made_by="surgery",
        why="encryption around nothing",
        make=lambda w: w.sealed(b""),
    ),
    Case(
        name="noise-inside",
        expect="open:damaged",
        made_by="surgery",
        why="encryption around no packet",
        make=lambda w: w.sealed(CONTENT),
    ),
    Case(
        name="noise-after",
        expect="open:damaged",
        made_by="surgery",
        why="octets after the message",
        make=lambda w: w.by_gpg() + b"more",
    ),
]
