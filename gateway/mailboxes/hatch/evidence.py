"""Evidence: receipts are verified here, inside; the heads of the log; who opened what."""

from __future__ import annotations

import json
import os
from pathlib import Path

from gateway.mailboxes.hatch.counter import Caller, Counter
from gateway.registry import at_a_glance, keys, log
from gateway.verify.verify_files import verify_receipt_files
from gateway.zones.hatch.answers import HeadSeen, OpeningSeen, OpeningsSeen, ReceiptVerified
from gateway.zones.hatch.questions import AskOpenings, VerifyReceipt

PAGE = 50


def verify_receipt(counter: Counter, caller: Caller, question: VerifyReceipt) -> ReceiptVerified:
    """Whether a receipt is genuine, and what of it is proved; for those who have a role."""
    caller.check("look")
    with counter.desk.registry.read() as session:
        known = keys.list_keys(session, "gateway", "gateway")
    certificates = b"\n".join(key.material.encode() for key in known if key.kind == "openpgp")
    descriptor = os.memfd_create("receipt")
    try:
        os.write(descriptor, question.text.encode())
        verdicts = verify_receipt_files([Path(f"/proc/self/fd/{descriptor}")], certificates)
    finally:
        os.close(descriptor)
    return ReceiptVerified(
        genuine=bool(verdicts) and all(each.good and each.anchored for each in verdicts),
        lines=tuple(line for each in verdicts for line in each.lines),
    )


def ask_openings(counter: Counter, caller: Caller, question: AskOpenings) -> OpeningsSeen:
    """Who opened what, and the newest head of the log."""
    caller.check("look")
    with counter.desk.registry.read() as session:
        found = at_a_glance.openings(session, question.before, PAGE + 1)
        head = log.newest_head(session)
    shown = found[:PAGE]
    return OpeningsSeen(
        heads=()
        if head is None
        else (HeadSeen(size=head.size, at=head.at, text=head.text, cosigned=head.cosigned),),
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
