"""Report on one transfer from landing to collection.

A report names files and staff, and so is for the provider and the authority only, and never published.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from gateway.home import shown_name
from gateway.model import LogStep, Transfer
from gateway.policy.catalogue import Catalogue
from gateway.reasons import SENT_BACK, UNDECIDED, is_withdrawn, outcome_of, step_in_words
from gateway.receipts.facts import STATED, ReceiptFacts, plain_reason
from gateway.receipts.text import spoken
from gateway.reports.document import (
    Block,
    Details,
    Document,
    Paragraph,
    Points,
    Section,
    table_or,
)

_STATES: dict[str, str] = {
    UNDECIDED: "arrived, not yet decided",
    "accepted": "accepted and passed on",
    "held": "held: waits for a person or a date",
    "refused": "refused",
    SENT_BACK: SENT_BACK,
}
_WITHDRAWN = {"held": "held: taken back, and a second person decides", "refused": "withdrawn for good"}
"""The states of a file that was passed on and then withdrawn, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferAccount:
    """The facts of a transfer for reports: facts of its receipt, its log entries (`steps`), the login key."""

    facts: ReceiptFacts
    ssh_key: str
    steps: tuple[LogStep, ...] = ()

    @property
    def collections(self) -> tuple[LogStep, ...]:
        """The log entries of openings by a team to which the file was delivered."""
        return tuple(step for step, collects in _openings(self.steps) if collects)

    @property
    def looks(self) -> tuple[LogStep, ...]:
        """The log entries of openings that were no collections, such as to decide on a held file."""
        return tuple(step for step, collects in _openings(self.steps) if not collects)

    @property
    def kind(self) -> str:
        """The name of the kind of data, as in the receipt; "" if the file was not recognised."""
        return self.facts.wording.name(str(self.facts.shown["data_type"] or ""))

    def team(self, identifier: str | None) -> str:
        """Return the name of a team by id; "" for None."""
        return self.facts.wording.name(identifier or "")


def _openings(steps: Iterable[LogStep]) -> Iterator[tuple[LogStep, bool]]:
    """Yield each opening of a file, with True if by a team to which the file was delivered, else False."""
    given = set()
    for step in steps:
        if step.kind == "delivered":
            given.add(step.team)
        elif step.kind in {"collected", "opened"}:
            yield step, step.kind == "collected" and step.team in given


def transfer_report(account: TransferAccount, made_at: datetime, *, head: str | None = None) -> Document:
    """Return the report on a transfer: file, times, keys, decision with clauses, and readers.
    `head`: the signed head of the log at `made_at`, by which a reader can check the log entries.
    """
    facts, reference = account.facts, account.facts.transfer.upload.reference
    sections = [
        Section("In short", _in_short(account)),
        Section("What was sent", (_sent(account),)),
        Section("What was decided, and why", _decision(facts)),
        Section("What was found in the file", (_found(account),)),
        Section("Who was given it", _collected(account)),
        Section("Every step, as the log has it", _steps(account)),
        Section("How to check this", _how_to_check(reference, head)),
    ]
    return Document(
        f"Transfer {reference}",
        f"{facts.organisation}. Report made {spoken(made_at)}. For the provider and the authority only.",
        tuple(sections),
    )


def _in_short(account: TransferAccount) -> tuple[Block, ...]:
    transfer, upload, sender = account.facts.transfer, account.facts.transfer.upload, account.facts.provider
    sentence = (
        f"{sender.name} sent the file {shown_name(upload.name)} on {spoken(upload.landed_at)}. "
        f"It is {outcome_in_words(transfer)}."
    )
    taken = account.collections
    if taken:
        sentence += f" It was first collected on {spoken(taken[0].at)}."
    elif transfer.state == "accepted":
        sentence += " Nobody has collected it yet."
    return (Paragraph(sentence),)


def what_became(transfer: Transfer, sender: str, steps: Iterable[LogStep], catalogue: Catalogue) -> str:
    """Return lines, to be read out by telephone, on the outcome of a file, and on openings by team."""
    zone, upload = ZoneInfo(catalogue.calendar.timezone), transfer.upload
    kind = f", as {catalogue.wording.name(transfer.data_type)}" if transfer.data_type else ""
    arrived = spoken(upload.landed_at, zone)
    said = [
        f"{sender} sent {shown_name(upload.name)} on {arrived}. It is {outcome_in_words(transfer)}{kind}."
    ]
    opened = dict[str | None, LogStep]()
    for step, collects in _openings(steps):
        if collects:
            opened.setdefault(step.team, step)
    for team in map(catalogue.team, transfer.teams if transfer.state == "accepted" else ()):
        if team is not None:
            first = "not collected yet"
            if (taken := opened.get(team.id)) is not None:
                first = f"first collected by {taken.by or 'somebody'} on {spoken(taken.at, zone)}"
            said.append(f"{team.name}: {first}.")
    return "\n".join(said)


def _sent(account: TransferAccount) -> Details:
    facts, transfer, upload = account.facts, account.facts.transfer, account.facts.transfer.upload
    signature, size = transfer.signature, transfer.content_size
    return Details(
        (
            ("File", shown_name(upload.name)),
            ("Reference", upload.reference),
            ("Provider", f"{facts.provider.name} ({facts.provider.id})"),
            ("Arrived", spoken(upload.landed_at)),
            ("Login key", account.ssh_key),
            ("Size as sent", f"{upload.size} bytes"),
            ("SHA-256 as sent", upload.sha256),
            ("Size of the content", None if size is None else f"{size} bytes"),
            ("SHA-256 of the content", transfer.content_sha256),
            ("Signed with certificate", signature.certificate if signature else None),
            ("by its key", signature.signing_key if signature else None),
            ("Signed", spoken(signature.created_at) if signature else None),
        )
    )


def _decision(facts: ReceiptFacts) -> tuple[Block, ...]:
    transfer = facts.transfer
    when = spoken(transfer.decided_at) if transfer.decided_at else None
    outcome = Details(
        (
            ("Outcome", outcome_in_words(transfer)),
            ("Decided", when),
            ("Flow", transfer.flow),
            ("Teams", ", ".join(map(facts.wording.name, transfer.teams)) or None),
        )
    )
    shown = [plain_reason(reason, facts.wording) for reason in transfer.reasons]
    rows = ((f"{one.clause} ({one.code})", one.sentence, one.next_step) for one in shown)
    return (outcome, *table_or(("Clause", "Reason", "Next step"), rows))


def _found(account: TransferAccount) -> Details:
    facts, said = account.facts, account.facts.shown
    # Without what a file itself may say.
    kind = f"{account.kind} ({said['level']})" if account.kind else None
    stated = said["facts"]
    assert isinstance(stated, dict)  # noqa: S101 - for the type checker
    pairs = [
        ("Kind of data", kind),
        ("Judged by", _listed(said["evidence"])),
        ("Pupil records", None if facts.found.pupils is None else str(facts.found.pupils)),
        *((STATED[name], value) for name, value in stated.items()),
        ("Data items", _listed(said["items"])),
        ("Items not in the agreement", _listed(said["other_items"])),
        ("Kinds of fault", str(len(facts.found.findings)) if facts.found.findings else None),
    ]
    return Details(tuple(pairs))


def _collected(account: TransferAccount) -> tuple[Block, ...]:
    """Return blocks of a report on the openings of a file: its collections by team, and all others."""
    rows, looked = (
        [(account.team(one.team), one.by or "", spoken(one.at)) for one in some]
        for some in (account.collections, account.looks)
    )
    transfer = account.facts.transfer
    if transfer.state == "accepted":
        by = {one.team for one in account.collections}
        rows += [(account.team(one), "nobody yet", "") for one in transfer.teams if one not in by]
    found: list[Block] = [*table_or(("Team", "Collected by", "When"), rows)]
    if looked:
        found.append(Paragraph("Looked at, but not collected, as a held file or outside the mailboxes:"))
        found += table_or(("Team", "Looked at by", "When"), looked)
    return tuple(found) or (Paragraph("Nobody has opened it through the gateway."),)


def _steps(account: TransferAccount) -> tuple[Block, ...]:
    rows = []
    for step in account.steps:
        what = step_in_words(step.kind, step.reasons)
        if step.kind == "landed":  # The arrival has its own time, as the entry may be later.
            what += f", on {spoken(account.facts.transfer.upload.landed_at)}"
        who = ", ".join(filter(None, (step.by, account.team(step.team))))
        why = "; ".join(filter(None, (step.reasons, step.why)))
        rows.append((str(step.number), spoken(step.at), what[:1].upper() + what[1:], who, why))
    headings = ("Entry", "On record since", "What", "By or to", "Why")
    return table_or(headings, rows, "The log holds nothing on it.")


def _how_to_check(reference: str, head: str | None) -> tuple[Block, ...]:
    points = (
        "Without a terminal: put the receipt into Evidence in the console, or into the page for sending.",
        f"The receipt: gateway receipts verify, with the file ending in {reference}.json.",
        f"An entry of the log: gateway log prove {reference}.",
        "The whole log against every signed head: gateway log verify.",
    )
    stated = head.partition("\n\n")[0].split("\n") if head else []
    labels = ("Log", "Entries", "Root")
    pairs: tuple[tuple[str, str | None], ...] = tuple(zip(labels, stated, strict=False))
    return (Points(points), Details(pairs)) if pairs else (Points(points),)


def outcome_in_words(of: Transfer) -> str:
    """Return the outcome of a file, also of a withdrawn one, in words."""
    told = _WITHDRAWN.get(of.state) if is_withdrawn(of) else None
    return told or _STATES[outcome_of(of.state, of.reasons)]


def _listed(values: object) -> str | None:
    assert isinstance(values, list)  # noqa: S101 - for the type checker
    return ", ".join(str(value) for value in values) or None
