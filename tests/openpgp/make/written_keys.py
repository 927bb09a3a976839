"""Senders whose certificates are written packet by packet, to say what no program would say."""

from datetime import UTC, datetime, timedelta

from pysequoia import ArmorKind, armor

from tests.openpgp.make.writer import ED25519, SIGN, Certificate, Key, Said

BORN = datetime(2025, 9, 1, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
KEYS = {
    "ivy": Key(b"ivy", BORN),
    "jules": Key(b"jules", BORN, 6, ED25519),
    "kim": Key(b"kim", BORN),
    "lena": Key(b"lena", BORN),
    "lena-signing": Key(b"lena's subkey", BORN),
}


def certificates() -> dict[str, bytes]:
    """The certificates, armored. Jules and Kim end after 150 days, which the user id does not say."""
    ends = Said(made=BORN, flags=3, lasts=150 * DAY)
    written = {
        "ivy": Certificate(KEYS["ivy"], user_ids={b"ivy": [Said(made=BORN, flags=3)]}),
        "jules": Certificate(KEYS["jules"], direct=[ends], user_ids={b"jules": [Said(made=BORN)]}),
        "kim": Certificate(KEYS["kim"], direct=[ends], user_ids={b"kim": [Said(made=BORN, flags=3)]}),
        "lena": Certificate(
            KEYS["lena"],
            direct=[Said(made=BORN, flags=1, lasts=150 * DAY)],
            user_ids={b"lena": [Said(made=BORN)]},
            subkeys=[(KEYS["lena-signing"], [Said(made=BORN, flags=SIGN, back=Said(made=BORN))], [])],
        ),
    }
    return {name: armor(one.written(), ArmorKind.PublicKey).encode() for name, one in written.items()}
