"""Where a provider stands, by what lies on its own computer: what was sent, what waits, which keys expire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.send.kit import Kit
from gateway.send.openpgp_key import read_key
from gateway.send.sent import ON_ITS_WAY, SentFile, SentFiles

_WARN_DAYS = 60


@dataclass(frozen=True, slots=True)
class KitStanding:
    """Counts of what was sent by state, those that wait, and the day on which the OpenPGP key expires."""

    provider: str
    counts: dict[str, int]
    waiting: tuple[SentFile, ...]
    key_expires_at: datetime | None
    key_expires_soon: bool

    @property
    def lines(self) -> Iterator[str]:
        """The same in words."""
        told = ", ".join(f"{number} {state}" for state, number in sorted(self.counts.items()))
        yield f"{self.provider}: {told or 'nothing was sent yet'}"
        for one in self.waiting:
            if one.state == "held":
                yield f"held: {one.name}, reference {one.reference} ({', '.join(one.codes)})"
            else:
                yield f"on its way: {one.name}, sealed {one.sealed_at:%Y-%m-%d %H:%M} UTC"
        if self.key_expires_at is None:
            yield "your OpenPGP key never expires"
        else:
            soon = ": extend it with gateway send renew" if self.key_expires_soon else ""
            yield f"your OpenPGP key expires on {self.key_expires_at:%Y-%m-%d}{soon}"


def standing(kit: Kit, now: datetime | None = None) -> KitStanding:
    """Where the provider of this kit stands at `now`."""
    settings = kit.settings()
    with closing(SentFiles(kit.sent)) as files:
        rows = files.all()
    expires = read_key(settings.openpgp_key.read_bytes()).expires_at
    left = None if expires is None else (expires - (now or datetime.now(UTC))).days
    return KitStanding(
        provider=settings.provider,
        counts=dict(Counter(str(one.state) for one in rows)),
        waiting=tuple(one for one in rows if one.state == "held" or one.state in ON_ITS_WAY),
        key_expires_at=expires,
        key_expires_soon=left is not None and left <= _WARN_DAYS,
    )
