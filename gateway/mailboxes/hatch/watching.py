"""The state of the gateway: services, queues, disks, faults, last backup. Read at each question."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.record.snapshot import Expiry, Snapshot, take, wrong
from gateway.registry import at_a_glance, letters
from gateway.zones.backups import last_backup
from gateway.zones.hatch.evidence_answers import DiskSeen, ServiceSeen, WatchSeen
from gateway.zones.hatch.evidence_questions import AskWatch
from gateway.zones.places import answers, place_of, processor_is_at_work

_CONNECT_SECONDS = 1.0
_SOON_DAYS = 60
_LETTERS = 1_000
_SENTENCES = {
    "files-wait": "Files wait longer to be decided than they should: look at the processor and its log.",
    "files-set-aside": "Something was set aside in the spool that intake should never have written.",
    "gateway-key-expires": "The gateway's own key ends soon: gateway keys gateway rotate.",
    "disk-nearly-full": "A disk is nearly full.",
    "host-silent": "A host that shares the work says nothing: gateway hosts list names it (docs/cluster.md).",
    "host-spool-waits": "Uploads wait at one host, and nothing takes them in: gateway hosts list names it.",
    "host-clock-wrong": "The clock of a host is wrong, so it records nothing: gateway hosts list names it.",
    "service-down": "A service is not at work.",
}


def ask_watch(counter: Counter, _caller: Caller, _: AskWatch) -> WatchSeen:
    """Return the state of the gateway, for callers with a role."""
    home, watch = counter.home, counter.settings.watch
    snapshot = take(home, counter.desk.registry, counter.clock(), counted=False)
    services = tuple(_services(counter))
    with counter.desk.registry.read() as session:
        landed = at_a_glance.still_landed(session)
        unsent = len(letters.unsent(session, _LETTERS))
    found = [*wrong(snapshot, watch), *("service-down" for each in services if not each.up)]
    return WatchSeen(
        at=snapshot.at,
        services=services,
        faults=tuple(dict.fromkeys(map(_sentence, found))),
        oldest_seconds=snapshot.oldest,
        landed=landed,
        spool=snapshot.spool,
        aside=snapshot.aside,
        letters=unsent,
        disks=tuple(
            DiskSeen(part=one.part, free=one.free, size=one.size, low=one.free < watch.disk_free_bytes)
            for one in snapshot.disks
        ),
        ending=tuple(_ending(snapshot)),
        backup=last_backup(home),
        log_entries=snapshot.log_entries,
    )


def _sentence(code: str) -> str:
    """Return the sentence for a fault; its code if no sentence is written."""
    name = code.partition(":")[0]
    return _SENTENCES.get(name, f"Something is wrong: {name}.")


def _services(counter: Counter) -> Iterator[ServiceSeen]:
    configured = counter.settings.intake
    host, port = place_of(counter.home, "intake") or (configured.host, configured.port)
    yield ServiceSeen(name="intake", up=answers(host, port, _CONNECT_SECONDS))
    yield ServiceSeen(name="processor", up=processor_is_at_work(counter.home))
    yield ServiceSeen(name="mailboxes", up=True)  # The mailboxes give this answer.


def _ending(snapshot: Snapshot) -> Iterator[str]:
    for one in sorted(snapshot.expiries, key=lambda each: each.days):
        if one.days < _SOON_DAYS:
            yield f"the last {one.kind} key of {_whose(one)} {_when(one.days)}"


def _whose(one: Expiry) -> str:
    return "somebody of the staff" if one.owner_kind == "staff" else f"{one.owner_kind} {one.owner}".strip()


def _when(days: float) -> str:
    return "has ended" if days < 0 else f"ends in {days:.0f} days"
