"""A provider's standing: what its kit has on record, and what the gateway says of it."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from gateway.send.kit import Kit
from gateway.send.openpgp_key import read_key
from gateway.send.sent import ON_ITS_WAY, SentFile, SentFiles
from gateway.send.trust import PageTold

_WARN_DAYS = 60


@dataclass(frozen=True, slots=True)
class KitStanding:
    """The counts of a kit's sent files by state, the files waiting, and the end of its OpenPGP key.

    `told` is the gateway's page about the provider: data due, files received, keys known; None without one.
    """

    provider: str
    counts: dict[str, int]
    waiting: tuple[SentFile, ...]
    key_expires_at: datetime | None
    key_expires_soon: bool
    told: PageTold | None = None

    @property
    def lines(self) -> Iterator[str]:
        """The standing as lines of text."""
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
        if self.told is not None:
            yield from _in_words(self.told)


_OPEN, _OVER = {"due", "not-due", "early"}, {"missing", "late"}


def _in_words(told: PageTold) -> Iterator[str]:
    """Yield the lines of the gateway's page about the provider, late data first."""
    yield f"as the gateway told on {told.at:%Y-%m-%d %H:%M} UTC:"
    if told.ratify is not None:
        yield f"  the agreement of {told.ratify} is to be ratified: gateway send ratify"
    late, due, received = list[str](), list[str](), list[str]()
    for flow in sorted(told.flows, key=lambda flow: (flow.due is None, flow.due)):
        came = "" if flow.last is None else f", last came on {flow.last:%Y-%m-%d}"
        if flow.due is not None and flow.state in _OVER:
            late.append(f"  late: {flow.data_type}, due on {flow.due}{came}")
        elif flow.due is not None and flow.state in _OPEN:
            due.append(f"  due: {flow.data_type}, on {flow.due}{came}")
        elif flow.last is not None:
            received.append(f"  received: {flow.data_type}{came}")
    yield from (*late, *due, *received)
    for reference in told.waiting:
        yield f"  waits: {reference}"
    names = {"ssh": "SSH key", "openpgp": "OpenPGP key"}
    for key in told.keys:
        until = "" if key.until is None else f", until {key.until:%Y-%m-%d}"
        yield f"  {names.get(key.kind, key.kind)}: {key.state}{until}"


def standing(kit: Kit, told: PageTold | None = None, now: datetime | None = None) -> KitStanding:
    """Return the standing of this kit's provider at `now`, with the gateway's page `told`."""
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
        told=told,
    )
