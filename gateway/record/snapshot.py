"""Take a snapshot of the gateway's state, from registry and folders, and name the problems in it."""

import shutil
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from math import inf

from sqlmodel import Session, col, func, select

from gateway.home import Home
from gateway.home.settings import WatchSettings
from gateway.registry import hand_ons, hooks, hosts, keys, letters, log, transfers
from gateway.registry.database import Registry
from gateway.registry.hosts import Host
from gateway.registry.tables import ReasonRow, TransferRow
from gateway.zones.spool import count_aside, named_at, waiting

_DAY = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The gateway's state at a moment, without names of persons or files.

    `states` (by state), `held` (by cause of the wait) and `reasons` (by state and code) count transfers.
    `oldest_landed` and `oldest_in_spool` are the greatest ages in seconds. `spool` and `aside` count the
    uploads that wait in this host's spool, and that were set aside there.
    """

    at: datetime
    states: dict[str, int]
    held: dict[str, int] = field(default_factory=dict)
    reasons: dict[tuple[str, str], int] = field(default_factory=dict)
    oldest_landed: float | None = None
    spool: int = 0
    aside: int = 0
    oldest_in_spool: float | None = None
    disks: dict[str, tuple[int, int]] = field(default_factory=dict)
    """The free bytes and the size of each disk, by the part of the home on it."""
    expiries: dict[tuple[str, str, str], float] = field(default_factory=dict)
    """The days until the last key ends, by kind of owner, owner and kind of key. Staff are never named."""
    log_entries: int = 0
    hosts: tuple[Host, ...] = ()
    hand_ons: tuple[str, ...] = ()
    """The batches that other systems did not acknowledge in time, or that cannot be sent."""
    hooks: dict[str, str] = field(default_factory=dict)
    """The web hooks, each with the reason why a person must see to it, or ""."""
    oldest_letter: float = 0.0
    """The greatest age in seconds of an unsent letter."""

    @property
    def oldest(self) -> float | None:
        """The age in seconds of the oldest undecided upload, in spool or registry; None if none waits."""
        ages = self.oldest_landed, self.oldest_in_spool
        return max((age for age in ages if age is not None), default=None)


def take(home: Home, registry: Registry, now: datetime, *, counted: bool = True) -> Snapshot:
    """Return a snapshot of the gateway's state at `now`. Raise Fault if the registry does not answer.
    `counted`: False to leave `states`, `held`, `reasons` and `oldest_letter` empty: counting takes a while.
    """
    ages = list(spool_ages(home, now))
    states, held, reasons = {}, {}, {}
    with registry.read() as session:
        if counted:
            states, row, number = transfers.counts(session), TransferRow, func.count()
            by_wait = select(row.waits_for, number).where(row.state == "held").group_by(row.waits_for)
            held = {waits or "person": count for waits, count in session.exec(by_wait)}
            joined = select(row.state, ReasonRow.code, number).join(
                ReasonRow, col(ReasonRow.transfer) == col(row.sequence)
            )
            by_reason = session.exec(joined.group_by(row.state, ReasonRow.code))
            reasons = {(state, code): count for state, code, count in by_reason}
        first = session.exec(
            select(func.min(TransferRow.landed_at)).where(TransferRow.state == "landed")
        ).one()
        # Without a relay in the settings, letters wait for none.
        unsent = letters.unsent(session)[:1] if counted and home.letters.settings.exists() else ()
        owed = [now, *(letters.get(session, one).owed_at for one in unsent)]
        return Snapshot(
            at=now,
            states=states,
            held=held,
            reasons=reasons,
            oldest_landed=None if first is None else max(0.0, (now - first).total_seconds()),
            spool=len(ages),
            aside=count_aside(home.spool),
            oldest_in_spool=max(ages, default=None),
            disks=_disks(home),
            expiries=_expiries(session, now),
            log_entries=log.size(session),
            hosts=tuple(hosts.known(session)),
            hand_ons=tuple(map(hand_ons.name_of, hand_ons.unacknowledged(session, now))),
            hooks={row.name: hooks.remark(row) for row in hooks.listed(session)},
            oldest_letter=(now - min(owed)).total_seconds(),
        )


def problems(snapshot: Snapshot, watch: WatchSettings) -> Iterator[str]:
    """Yield a code for each problem in a snapshot that a person has to mend; `watch` sets the limits."""
    if (snapshot.oldest or 0.0) > watch.landed_seconds:
        yield "files-wait"
    if snapshot.aside:
        yield "files-set-aside"
    full = (part for part, (free, _) in snapshot.disks.items() if free < watch.disk_free_bytes)
    yield from (f"disk-nearly-full:{part}" for part in full)
    for (owner_kind, *_), days in snapshot.expiries.items():
        if owner_kind == "gateway" and days < watch.key_days:
            yield "gateway-key-expires"
    yield from (f"hand-on-late:{batch}" for batch in snapshot.hand_ons)
    yield from (f"hook-fails:{name}" for name, why in snapshot.hooks.items() if why)
    for host in snapshot.hosts:
        if not host.is_at_work:
            yield f"host-silent:{host.name}"
        if host.oldest_seconds > watch.landed_seconds or (host.spool and not host.is_at_work):
            yield f"host-spool-waits:{host.name}"
        if host.is_at_work and host.is_clock_wrong:
            yield f"host-clock-wrong:{host.name}"


def spool_ages(home: Home, now: datetime) -> Iterator[float]:
    """Yield the age in seconds of each upload in this host's spool."""
    for reference in waiting(home.spool):
        try:
            yield max(0.0, now.timestamp() - named_at(home.spool, reference))
        except FileNotFoundError:
            continue  # Claimed in the meantime.


def _disks(home: Home) -> dict[str, tuple[int, int]]:
    devices, found = set[int](), dict[str, tuple[int, int]]()
    for part, path in (
        ("home", home.root),
        ("sealed", home.root / "sealed"),
        ("spool", home.spool.root),
        ("published", home.published.root),
    ):
        if (device := path.stat().st_dev) not in devices:
            devices.add(device)
            usage = shutil.disk_usage(path)
            found[part] = usage.free, usage.total
    return found


def _expiries(session: Session, now: datetime) -> dict[tuple[str, str, str], float]:
    ends: defaultdict[tuple[str, str, str], float] = defaultdict(lambda: -inf)
    for key in keys.in_use(session):
        whose = key.owner_kind, "" if key.owner_kind == "staff" else key.owner, key.kind
        days = (key.until - now).total_seconds() / _DAY if key.until else inf
        ends[whose] = max(ends[whose], days)
    return {whose: days for whose, days in sorted(ends.items()) if days < inf}
