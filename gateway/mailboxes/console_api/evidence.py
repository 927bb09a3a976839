"""Answer questions for proof: the gateway's state, the agreement, a receipt's verification, openings."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import Field

from gateway.acts.agreement import standings
from gateway.mailboxes.console_api.carrying_out import for_pages
from gateway.mailboxes.console_api.context import Before, Caller, ConsoleContext
from gateway.model import counted
from gateway.policy.citations import cited_by, clause_texts
from gateway.policy.dates import local_day
from gateway.record.snapshot import Snapshot, problems, take
from gateway.registry import keys, letters, log, receipts, transfer_lists
from gateway.verify.verify_files import verify_receipt_files
from gateway.zones.console_api import PAGE, Shown
from gateway.zones.memory import closing_descriptor, in_memory
from gateway.zones.places import answers, last_backup, page_answers, place_of, processor_is_at_work

_CONNECT_SECONDS = 1.0
_SOON_DAYS = 60
_STANDING = ("provider", "name", "standing", "academic_year", "lapses")
SENTENCES = {
    "files-wait": "Files wait longer to be decided than they should: look at the processor and its log.",
    "files-set-aside": "Something was set aside in the spool that intake should never have written.",
    "gateway-key-expires": "The gateway's own key ends soon: gateway keys gateway rotate.",
    "no-backup": "No backup was noted. Whoever runs the machine makes one, and by a timer from then on.",
    "disk-nearly-full": "A disk is nearly full.",
    "host-silent": "A host that shares the work says nothing: gateway hosts list names it (docs/cluster.md).",
    "host-spool-waits": "Uploads wait at one host, and nothing takes them in: gateway hosts list names it.",
    "host-clock-wrong": "The clock of a host is wrong, so it records nothing: gateway hosts list names it.",
    "service-down": "A service is not at work.",
    "hand-on-late": "Another system has not taken in a batch in time: gateway handon list names it.",
    "hook-fails": "A web hook fails: gateway hooks list says which, and why.",
}


def ask_watch(console: ConsoleContext, _caller: Caller) -> Shown:
    """Return the state of the gateway: services, queues, disks, faults, the last backup.
    Ages are in seconds, sizes in bytes; `ending` are keys about to expire. Staff are not named.
    """
    home, watch, configured = console.home, console.settings.watch, console.settings.intake
    snapshot = take(home, console.mailboxes.registry, console.clock(), counted=False)
    host, port = place_of(home, "intake") or (configured.host, configured.port)
    services = [
        {"name": "intake", "up": answers(host, port, _CONNECT_SECONDS)},
        {"name": "processor", "up": processor_is_at_work(home)},
        {"name": "mailboxes", "up": True},  # They give this answer.
    ]
    if (web := console.settings.web).origin is not None:
        services.append({"name": "web door", "up": page_answers(web, _CONNECT_SECONDS)})
    with console.mailboxes.registry.read() as session:
        landed = transfer_lists.still_landed(session)
        unsent = len(letters.unsent(session)) if console.settings.letters.relay is not None else 0
    found = [*problems(snapshot, watch), *("service-down" for each in services if not each["up"])]
    backup = last_backup(home)
    if backup is None:
        found.append("no-backup")
    kinds = dict.fromkeys(one.partition(":")[0] for one in found)
    return {
        "at": snapshot.at,
        "services": services,
        "faults": [for_pages(SENTENCES.get(one, f"Something is wrong: {one}.")) for one in kinds],
        "oldest_seconds": snapshot.oldest,
        "landed": landed,
        "spool": snapshot.spool,
        "aside": snapshot.aside,
        "letters": unsent,
        "disks": [
            {"part": part, "free": free, "size": size, "low": free < watch.disk_free_bytes}
            for part, (free, size) in snapshot.disks.items()
        ],
        "ending": [*_ending(snapshot)],
        "backup": backup,
        "log_entries": snapshot.log_entries,
    }


def _ending(snapshot: Snapshot) -> Iterator[str]:
    for (owner_kind, owner, kind), days in sorted(snapshot.expiries.items(), key=lambda each: each[1]):
        if days < _SOON_DAYS:
            whose = f"{owner_kind} {owner}".strip()
            whose = "somebody of the staff" if owner_kind == "staff" else whose
            when = "has ended" if days < 0 else f"ends in {counted(round(days), 'day')}"
            yield f"the last {kind} key of {whose} {when}"


def ask_agreement(console: ConsoleContext, _caller: Caller) -> Shown:
    """Return the clauses with texts and citations, and the standing of each school, unratified ones first.
    Only for callers with a role, because the agreement keeps the list of schools from other agencies.
    """
    catalogue = console.catalogue()
    texts, rules = clause_texts(catalogue), cited_by(catalogue)
    with console.mailboxes.registry.read() as session:
        found = standings(session, catalogue, local_day(console.clock(), catalogue.calendar.timezone))
    found.sort(key=lambda row: (row["standing"] in {"ratified", "covered"}, row["name"].casefold()))
    return {
        "sha256": catalogue.text_sha256,
        "policies": catalogue.digest,
        "clauses": [
            {"clause": one, "words": words, "text": texts.get(one, ""), "rules": rules.get(one, ())}
            for one, words in catalogue.agreement.clauses.items()
        ],
        "standings": [{name: row[name] for name in _STANDING} for row in found],
    }


def verify_receipt(
    console: ConsoleContext, _caller: Caller, *, text: Annotated[str, Field(max_length=262_144)]
) -> Shown:
    """Verify a receipt, given as text or JSON; for a genuine one, add any newer receipt for the same file."""
    with console.mailboxes.registry.read() as session:
        known = keys.list_keys(session, "gateway", "gateway")
        log_keys = log.keys_in_time(session, "")
    certificates = b"\n".join(key.material.encode() for key in known if key.kind == "openpgp")
    with closing_descriptor(in_memory(text.encode())) as descriptor:
        path = Path(f"/proc/self/fd/{descriptor}")
        verdicts = verify_receipt_files([path], certificates, log_keys=log_keys if log_keys[1:] else ())
    genuine, newer = bool(verdicts) and all(each.good and each.anchored for each in verdicts), None
    if genuine and (reference := verdicts[0].reference) is not None:
        with console.mailboxes.registry.read() as session:
            latest = receipts.latest(session, reference)
        signed = json.loads(latest.json_text) if latest is not None and latest.json_text else None
        # A receipt has no JSON while it is not signed yet.
        if latest and signed and signed.get("index") != verdicts[0].entry:
            newer = {"state": signed["receipt"]["state"], "at": latest.created_at}
    return {
        "genuine": genuine,
        "lines": [line for each in verdicts for line in each.lines],
        "newer": newer,
    }


def ask_openings(console: ConsoleContext, _caller: Caller, *, before: Before = None) -> Shown:
    """Return a page of log entries on openings of files, with numbers below `before`, and the newest head."""
    with console.mailboxes.registry.read() as session:
        found = transfer_lists.openings(session, before, PAGE + 1)
        number = transfer_lists.count_openings(session)
        head = log.newest_head(session)
    shown, wording = found[:PAGE], console.catalogue().wording
    return {
        "heads": ()
        if head is None
        else [{"at": head.created_at, "size": head.size, "text": head.text, "cosigned": head.cosigned}],
        "openings": [
            {
                "number": one.number,
                "at": one.at,
                "by": one.actor,
                "reference": one.subject,
                "team": wording.name(team) if (team := one.fields.get("team")) else None,
            }
            for one in shown
        ],
        "next": shown[-1].number if len(found) > PAGE else None,
        "total": min(number, transfer_lists.MOST - 1),
        "more": number >= transfer_lists.MOST,
    }
