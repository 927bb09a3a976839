"""Evidence: verified receipts, log heads, openings of files, access reviews."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.registry import at_a_glance, keys, log, receipts
from gateway.verify.verify_files import FileVerdict, verify_receipt_files
from gateway.zones.hatch.answers import HeadSeen, NewerReceipt, OpeningSeen, OpeningsSeen, ReceiptVerified
from gateway.zones.hatch.questions import AskOpenings, VerifyReceipt
from gateway.zones.memory import anonymous_memory

PAGE = 50


def verify_receipt(counter: Counter, _caller: Caller, question: VerifyReceipt) -> ReceiptVerified:
    """Verify a receipt for callers with a role; for a genuine one, name any newer receipt in force."""
    with counter.desk.registry.read() as session:
        known = keys.list_keys(session, "gateway", "gateway")
    certificates = b"\n".join(key.material.encode() for key in known if key.kind == "openpgp")
    descriptor = anonymous_memory("receipt")
    try:
        os.write(descriptor, question.text.encode())
        verdicts = verify_receipt_files([Path(f"/proc/self/fd/{descriptor}")], certificates)
    finally:
        os.close(descriptor)
    genuine = bool(verdicts) and all(each.good and each.anchored for each in verdicts)
    return ReceiptVerified(
        genuine=genuine,
        lines=tuple(line for each in verdicts for line in each.lines),
        newer=_newer(counter, verdicts[0]) if genuine else None,
    )


def _newer(counter: Counter, verdict: FileVerdict) -> NewerReceipt | None:
    """Return the receipt in force of the file, if different from the verified one."""
    if verdict.reference is None:
        return None
    with counter.desk.registry.read() as session:
        latest = receipts.latest(session, verdict.reference)
    if latest is None or not latest.json_text:
        return None
    known = json.loads(latest.json_text)
    if known["index"] == verdict.entry:
        return None
    return NewerReceipt(state=known["receipt"]["state"], at=latest.created_at)


def ask_openings(counter: Counter, _caller: Caller, question: AskOpenings) -> OpeningsSeen:
    """Return the openings of files by person, and the newest log head."""
    with counter.desk.registry.read() as session:
        found = at_a_glance.openings(session, question.before, PAGE + 1)
        head = log.newest_head(session)
    shown = found[:PAGE]
    return OpeningsSeen(
        heads=() if head is None else (HeadSeen.model_validate(head),),
        openings=tuple(
            OpeningSeen(
                number=one.number,
                at=one.at,
                by=one.by,
                reference=one.reference,
                team=json.loads(one.leaf)["fields"].get("team"),
            )
            for one in shown
        ),
        next=shown[-1].number if len(found) > PAGE else None,
    )
