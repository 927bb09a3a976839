"""Evidence: verified receipts, log heads, openings of files, access reviews."""

import json
import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sqlmodel import Session

from gateway.mailboxes.console_api.context import Caller, ConsoleContext
from gateway.mailboxes.console_api.words import for_pages
from gateway.policy.catalogue import Catalogue
from gateway.policy.citations import ClauseTexts, cited_by
from gateway.policy.dates import local_day
from gateway.policy.ratification import register
from gateway.record.snapshot import Snapshot, take, wrong
from gateway.registry import agreements, keys, letters, log, providers, receipts, transfer_lists
from gateway.verify.verify_files import FileVerdict, verify_receipt_files
from gateway.zones.console_api.answers import (
    HeadSeen,
    Named,
    NewerReceipt,
    OpeningSeen,
    OpeningsSeen,
    ReceiptVerified,
)
from gateway.zones.console_api.evidence_answers import DiskSeen, ServiceSeen, WatchSeen
from gateway.zones.console_api.questions import AskAgreement, AskOpenings, AskWatch, VerifyReceipt
from gateway.zones.console_api.school_answers import AgreementSeen, ClauseSeen, StandingSeen
from gateway.zones.memory import anonymous_memory
from gateway.zones.places import answers, last_backup, place_of, processor_is_at_work

_CONNECT_SECONDS = 1.0
_SOON_DAYS = 60
_LETTERS = 1_000
_SENTENCES = {
    "files-wait": "Files wait longer to be decided than they should: look at the processor and its log.",
    "files-set-aside": "Something was set aside in the spool that intake should never have written.",
    "gateway-key-expires": "The gateway's own key ends soon: gateway keys gateway rotate.",
    "no-backup": "No backup was noted. Whoever runs the machine makes one, and by a timer from then on.",
    "disk-nearly-full": "A disk is nearly full.",
    "host-silent": "A host that shares the work says nothing: gateway hosts list names it (docs/cluster.md).",
    "host-spool-waits": "Uploads wait at one host, and nothing takes them in: gateway hosts list names it.",
    "host-clock-wrong": "The clock of a host is wrong, so it records nothing: gateway hosts list names it.",
    "service-down": "A service is not at work.",
}


def ask_watch(console: ConsoleContext, _caller: Caller, _: AskWatch) -> WatchSeen:
    """Return the state of the gateway, for callers with a role."""
    home, watch = console.home, console.settings.watch
    snapshot = take(home, console.mailboxes.registry, console.clock(), counted=False)
    services = tuple(_services(console))
    with console.mailboxes.registry.read() as session:
        landed = transfer_lists.still_landed(session)
        unsent = len(letters.unsent(session, _LETTERS))
    found = [*wrong(snapshot, watch), *("service-down" for each in services if not each.up)]
    backup = last_backup(home)
    if backup is None:
        found.append("no-backup")
    kinds = dict.fromkeys(one.partition(":")[0] for one in found)
    return WatchSeen(
        at=snapshot.at,
        services=services,
        faults=tuple(for_pages(_SENTENCES.get(one, f"Something is wrong: {one}.")) for one in kinds),
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
        backup=backup,
        log_entries=snapshot.log_entries,
    )


def _services(console: ConsoleContext) -> Iterator[ServiceSeen]:
    configured = console.settings.intake
    host, port = place_of(console.home, "intake") or (configured.host, configured.port)
    yield ServiceSeen(name="intake", up=answers(host, port, _CONNECT_SECONDS))
    yield ServiceSeen(name="processor", up=processor_is_at_work(console.home))
    yield ServiceSeen(name="mailboxes", up=True)  # The mailboxes give this answer.


def _ending(snapshot: Snapshot) -> Iterator[str]:
    for one in sorted(snapshot.expiries, key=lambda each: each.days):
        if one.days < _SOON_DAYS:
            whose = f"{one.owner_kind} {one.owner}".strip()
            whose = "somebody of the staff" if one.owner_kind == "staff" else whose
            when = "has ended" if one.days < 0 else f"ends in {one.days:.0f} days"
            yield f"the last {one.kind} key of {whose} {when}"


def ask_agreement(console: ConsoleContext, _caller: Caller, _: AskAgreement) -> AgreementSeen:
    """Return the clauses with texts and citations, and the standing of each school, unratified first.

    Only for callers with a role, because the agreement keeps the list of schools from other agencies.
    """
    catalogue = console.catalogue()
    with console.mailboxes.registry.read() as session:
        standings = list(_standings(session, console, catalogue))
    texts, rules = ClauseTexts(catalogue.agreement, catalogue.agreement_text), cited_by(catalogue)
    standings.sort(key=lambda each: (each.standing == "ratified", each.school.name.casefold()))
    return AgreementSeen(
        sha256=catalogue.text_sha256,
        policies=catalogue.digest,
        clauses=tuple(
            ClauseSeen(clause=one, words=words, text=texts.of(one) or "", rules=rules.get(one, ()))
            for one, words in catalogue.agreement.clauses.items()
        ),
        standings=tuple(standings),
    )


def _standings(session: Session, console: ConsoleContext, catalogue: Catalogue) -> Iterator[StandingSeen]:
    day = local_day(console.clock(), catalogue.calendar.timezone)
    signed: defaultdict[str, set[str]] = defaultdict(set)
    wanted = catalogue.text_wanted
    for row in agreements.ratifications(session):
        if wanted in {None, row.text_sha256}:
            signed[row.provider].add(row.academic_year)
    for provider in providers.list_providers(session):
        if catalogue.bodies.of(provider.kind).ratifies and not provider.is_closed:
            found = register(signed[provider.id], day, catalogue)
            yield StandingSeen(
                school=Named(id=provider.id, name=provider.name),
                standing=found.standing,
                academic_year=found.academic_year,
                lapses=found.lapses,
            )


PAGE = 50


def verify_receipt(console: ConsoleContext, _caller: Caller, question: VerifyReceipt) -> ReceiptVerified:
    """Verify a receipt for callers with a role; for a genuine one, name any newer receipt in force."""
    with console.mailboxes.registry.read() as session:
        known = keys.list_keys(session, "gateway", "gateway")
        log_keys = log.keys_in_time(session, "")
    certificates = b"\n".join(key.material.encode() for key in known if key.kind == "openpgp")
    descriptor = anonymous_memory("receipt")
    try:
        os.write(descriptor, question.text.encode())
        path = Path(f"/proc/self/fd/{descriptor}")
        verdicts = verify_receipt_files([path], certificates, log_keys=log_keys if log_keys[1:] else ())
    finally:
        os.close(descriptor)
    genuine = bool(verdicts) and all(each.good and each.anchored for each in verdicts)
    return ReceiptVerified(
        genuine=genuine,
        lines=tuple(line for each in verdicts for line in each.lines),
        newer=_newer(console, verdicts[0]) if genuine else None,
    )


def _newer(console: ConsoleContext, verdict: FileVerdict) -> NewerReceipt | None:
    """Return the receipt now in force of a file, if a newer one than that verified; else None."""
    if verdict.reference is None:
        return None
    with console.mailboxes.registry.read() as session:
        latest = receipts.latest(session, verdict.reference)
    if latest is None or not latest.json_text:
        return None
    known = json.loads(latest.json_text)
    if known["index"] == verdict.entry:
        return None
    return NewerReceipt(state=known["receipt"]["state"], at=latest.created_at)


def ask_openings(console: ConsoleContext, _caller: Caller, question: AskOpenings) -> OpeningsSeen:
    """Return the openings of files by person, and the newest log head."""
    with console.mailboxes.registry.read() as session:
        found = transfer_lists.openings(session, question.before, PAGE + 1)
        number = transfer_lists.count_openings(session)
        head = log.newest_head(session)
    shown, wording = found[:PAGE], console.catalogue().wording
    return OpeningsSeen(
        heads=() if head is None else (HeadSeen.model_validate(head),),
        openings=tuple(
            OpeningSeen(
                number=one.number,
                at=one.at,
                by=one.by,
                reference=one.reference,
                team=wording.name(team) if (team := json.loads(one.leaf)["fields"].get("team")) else None,
            )
            for one in shown
        ),
        next=shown[-1].number if len(found) > PAGE else None,
        total=min(number, transfer_lists.MOST - 1),
        more=number >= transfer_lists.MOST,
    )
