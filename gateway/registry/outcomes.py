"""Writing the outcome of examination: contents, signatures, states, reasons, deliveries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime

from sqlmodel import Session, col, select

from gateway.access import is_for_few
from gateway.model import (
    Classified,
    ContentRefused,
    Decision,
    Held,
    Opened,
    Refused,
    Released,
    Signature,
    Transfer,
    WaitsFor,
)
from gateway.registry.tables import DeliveryRow, ReasonRow, TransferRow
from gateway.registry.transfers import (
    CONTENT,
    row_of,
    sequence_of,
    transfer_of,
    transfers_of,
)
from gateway.registry.vouched_rows import add_rows, content_of
from gateway.words import plain

_DELIVERED_LATER = ("dealt_with_at", "dealt_with_by", "collected_at", "counts")


def record_content(
    session: Session,
    reference: str,
    opened: Opened | None,
    content: Classified | ContentRefused,
    period: str | None = None,
    *,
    rules: str,
) -> None:
    """Store the results of opening and classifying, and the period stated by the file.

    `opened` is None for a content judged anew, by rules of the digest `rules`.
    """
    row = row_of(session, reference)
    row.rules = rules
    if opened is not None:
        row.content_size, row.content_sha256 = opened.size, opened.sha256
        row.opened_by, row.engine = opened.opened_by, opened.engine
    if isinstance(content, Classified) and content.facts.software is not None:
        # The only free text of a content, the name of the software, is reduced to known words.
        content = replace(content, facts=replace(content.facts, software=plain(content.facts.software)))
    row.content = CONTENT.dump_json(content).decode()
    row.extension = content.extension
    row.data_type = content.data_type if isinstance(content, Classified) else None
    row.period = period


def _without_headers(content: Classified | ContentRefused) -> Classified | ContentRefused:
    """Reduce the names of unlisted columns to known words, since a name may be a child's."""
    if isinstance(content, ContentRefused):
        return replace(content, parts=tuple(_without_headers(part) for part in content.parts))
    return replace(
        content, unlisted=tuple(replace(one, header=plain(one.header)) for one in content.unlisted)
    )


def record_signature(session: Session, reference: str, signature: Signature) -> None:
    """Store the verified signature of a file."""
    row = row_of(session, reference)
    row.signer, row.signing_key = signature.certificate, signature.signing_key
    row.signed_at = signature.created_at


def record_decision(session: Session, reference: str, decision: Decision, at: datetime) -> Transfer:
    """Put a decision in force (state, flow, reasons, deliveries) and return the new transfer."""
    return record_decisions(session, [(reference, decision)], at)[0]


def record_decisions(
    session: Session, decisions: Sequence[tuple[str, Decision]], at: datetime
) -> list[Transfer]:
    """Put decisions on many transfers in force, each named once; return the new transfers."""
    rows = [row_of(session, reference) for reference, _ in decisions]
    again = [sequence_of(row) for row in rows if row.decided_at is not None]
    if again:
        for table in (ReasonRow, DeliveryRow):  # A withdrawn file leaves the mailboxes.
            for earlier in session.exec(select(table).where(col(table.transfer).in_(again))).all():
                session.delete(earlier)
        session.flush()
    for row, (_, decision) in zip(rows, decisions, strict=True):
        _decide(row, decision, at)
    new = [row for row in rows if row.sequence is None]  # Inserted in their final state.
    columns = [{name: one for name, one in content_of(row).items() if name != "sequence"} for row in new]
    for row, sequence in zip(new, add_rows(session, TransferRow, columns), strict=True):
        row.sequence = sequence
    session.flush()
    reasons, deliveries = [], []
    for row, (_, decision) in zip(rows, decisions, strict=True):
        sequence = sequence_of(row)
        reasons += [
            {"transfer": sequence, "ordinal": ordinal, **asdict(reason)}
            for ordinal, reason in enumerate(decision.reasons)
        ]
        if decision.state == "accepted":
            whole = _is_whole(row, decision) if isinstance(decision, Released) else None
            given = {"transfer": sequence, "delivered_at": at, "whole": whole}
            rest = dict.fromkeys(_DELIVERED_LATER)
            deliveries += [{**given, "team": team, **rest} for team in decision.teams]
    add_rows(session, ReasonRow, reasons)
    add_rows(session, DeliveryRow, deliveries)
    if again:
        return transfers_of(session, rows)
    return [
        transfer_of(row, decision.reasons, tuple(sorted(decision.teams)) if row.state == "accepted" else ())
        for row, (_, decision) in zip(rows, decisions, strict=True)
    ]


def _decide(row: TransferRow, decision: Decision, at: datetime) -> None:
    row.state = decision.state
    if decision.state != "held" and row.content is not None:
        # Names of columns are kept only while a person may have to judge the held file.
        row.content = CONTENT.dump_json(_without_headers(CONTENT.validate_json(row.content))).decode()
    if isinstance(decision, Released):
        if row.data_type != decision.data_type:
            row.period = None  # The period was read for another data type.
        row.period = decision.period or row.period
        row.data_type = decision.data_type
    row.flow = decision.flow
    row.decided_at = at
    row.held_until = decision.until if isinstance(decision, Held) else None
    row.waits_for = _waits_for(decision) if isinstance(decision, Held) else None
    found = isinstance(decision, Refused) and decision.few
    if found or is_for_few(reason.code for reason in decision.reasons):
        row.few = True  # For good: a later decision has other reasons, and the file is the same.


_OF_WHAT_IS_IN_IT = frozenset(
    {
        "open:malware",
        "policy:awaited",
        "policy:items-outside-held",
        "policy:items-proposed-held",
        "policy:no-basis",
        "policy:sensitive",
    }
)


def _is_whole(row: TransferRow, decision: Released) -> bool | None:
    """Do teams get the file as sent, rather than a view?

    Yes where two persons released forbidden contents, or one released an unrecognised file: without known
    items no view can be made. Where the policy objects to the sender or the day alone, each team is shown its
    view.
    """
    codes = {reason.code for reason in decision.reasons}
    against = _AGAINST_POLICY in codes and not codes.isdisjoint(_OF_WHAT_IS_IN_IT)
    recognised = row.content is not None and isinstance(CONTENT.validate_json(row.content), Classified)
    return True if against or not recognised else None


_AGAINST_POLICY = "person:released-against-policy"
# Reasons beside those of a hold, without anything to do for anybody.
_NEED_NOBODY = frozenset(
    {
        "open:renewed-since",
        "open:vouched-since",
        "policy:embargo",
        "policy:items-elsewhere",
        "policy:items-outside",
        "policy:items-proposed",
        "policy:out-of-season",
        "policy:sensitive-heading",
        "policy:unlisted-left-out",
        "policy:unlisted-take-out",
        "policy:upn-two-names",
        "policy:upns-of-other-authority",
        "policy:values-withheld",
    }
)
_NEED_A_KEY = frozenset({"open:key-expired", "key:not-approved"})


def _waits_for(decision: Held) -> WaitsFor:
    if decision.until is not None:
        return "date"
    codes = {reason.code for reason in decision.reasons} - _NEED_NOBODY
    # Sensitive contents are judged again once the key is in force.
    if codes & _NEED_A_KEY and codes <= _NEED_A_KEY | {"policy:awaited", "policy:sensitive"}:
        return "key"
    if codes == {"key:pending"}:
        return "approval"
    return "ratification" if codes == {"policy:agreement-not-ratified"} else "person"
