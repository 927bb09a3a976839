"""A family of certificates that say everything everywhere: expiry, uses, revocation; older and newer.

`certificate(n)` is the same every time for one number.
"""

import random
from datetime import UTC, datetime, timedelta

from tests.openpgp.make.writer import (
    CERTIFY,
    ED25519,
    EDDSA,
    ENCRYPT,
    SHA1,
    SHA512,
    SIGN,
    Certificate,
    Key,
    Said,
    subpacket,
)

BORN = datetime(2022, 6, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
STATED = [BORN + n * DAY for n in (0, 0, 60, 120, 260, 400)]
LASTING = [None, None, timedelta(0), 100 * DAY, 250 * DAY, 2000 * DAY]
FLAGS = [None, 0, CERTIFY, SIGN | CERTIFY, SIGN, ENCRYPT]
REASONS = [None, 0, 1, 2, 3]
NOTATION = bytes(4) + b"\0\x03\0\x01a@b" + b"x"


class _Dice(random.Random):
    """Chance that comes out the same for one number, and the version of the certificate in the making."""

    version = 4


def certificate(number: int) -> tuple[Certificate, Key]:
    """A certificate, and the key of it that signs: the primary key, or a subkey."""
    dice = _Dice(number)
    version, algorithm = dice.choice([(4, EDDSA), (4, ED25519), (6, ED25519)])
    made = Certificate(Key(b"primary", BORN, version, algorithm))
    dice.version = version
    made.direct = _said(dice, dice.choice([0, 1, 1, 2]), primary=True)
    for user_id in dice.choice([(), (b"one",), (b"one",), (b"one", b"two"), (b"control\x07",), (b"l" * 97,)]):
        made.user_ids[user_id] = _said(dice, dice.choice([1, 1, 2, 3]), primary=True)
        if dice.random() < 0.1:
            made.user_ids_revoked[user_id] = [_revocation(dice)]
    if dice.random() < 0.15:
        made.revoked.append(_revocation(dice))
    if dice.random() < 0.5:
        return made, made.primary
    subkey = Key(b"subkey", BORN + dice.choice([0, 30]) * DAY, version, algorithm)
    bound = _said(dice, dice.choice([1, 1, 2, 3]), primary=False)
    made.subkeys.append((subkey, bound, [_revocation(dice)] if dice.random() < 0.15 else []))
    return made, subkey


def _said(dice: _Dice, count: int, *, primary: bool) -> list[Said]:
    return [_statement(dice, primary=primary) for _ in range(count)]


def _statement(dice: _Dice, *, primary: bool) -> Said:
    made = dice.choice(STATED)
    flags = dice.choice(FLAGS if primary else [None, SIGN, SIGN, SIGN, ENCRYPT])
    return Said(
        made=made,
        ends=dice.choice([None, None, None, None, 90 * DAY]),
        lasts=dice.choice(LASTING),
        flags=flags,
        leads=dice.choice([None, None, True]) if primary else None,
        digest=_digest(dice),
        forged=dice.random() < 0.07,
        named=dice.random() < 0.95,
        more=_more(dice),
        back=None if primary or flags != SIGN or dice.random() < 0.1 else _back(dice, made),
    )


def _back(dice: _Dice, made: datetime) -> Said:
    return Said(
        made=made,
        ends=dice.choice([None, None, None, 120 * DAY]),
        digest=_digest(dice),
        forged=dice.random() < 0.05,
    )


def _digest(dice: _Dice) -> int:
    """Version 6 knows no SHA-1."""
    return SHA1 if dice.random() < 0.15 and dice.version == 4 else SHA512


def _more(dice: _Dice) -> bytes:
    """Now and then something that a reader must understand, and does or does not."""
    if dice.random() < 0.93:
        return b""
    kind, data = dice.choice([(20, NOTATION), (99, b"x"), (30, b"\x01")])
    return subpacket(kind, data, critical=dice.random() < 0.6)


def _revocation(dice: _Dice) -> Said:
    return Said(
        made=dice.choice(STATED) + dice.choice([0, 10]) * DAY,
        ends=dice.choice([None, None, 50 * DAY]),
        reason=dice.choice(REASONS),
        forged=dice.random() < 0.1,
    )


def moments(number: int) -> list[datetime]:
    """Moments at which to ask: about each time at which something begins or ends."""
    dice = random.Random(-number)
    edges = [
        BORN + (n + more) * DAY for n in (0, 30, 60, 120, 260, 400) for more in (0, 10, 50, 90, 100, 250)
    ]
    second = timedelta(seconds=1)
    return [dice.choice(edges) + dice.choice([-second, timedelta(0), second, 5 * DAY]) for _ in range(12)]
