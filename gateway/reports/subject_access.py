"""The answer to a subject access request: sources of the child's data, readers, and parts still kept.

Made from plain values alone, without the child's name: the person asking knows the child.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.receipts.text import spoken
from gateway.reports.document import Block, Document, Paragraph, Points, ReportTable, Section


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOfChild:
    """One file with the child's data. `opened`: times and readers; `kept`: the parts kept and until when.

    `purpose` is the agreement's own wording for the flow.
    """

    reference: str
    provider_name: str
    data_type: str
    purpose: str
    arrived: datetime
    outcome: str
    items: tuple[str, ...]
    teams: tuple[str, ...]
    opened: tuple[tuple[datetime, str], ...]
    kept: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildAccount:
    """What the gateway holds about one child. `rolls`, `limits` and `questions` are sentences."""

    organisation: str
    files: tuple[FileOfChild, ...]
    rolls: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()
    unindexed: int = 0


def subject_access_report(account: ChildAccount, made_at: datetime) -> Document:
    """Return the report (UK GDPR Article 15(1))."""
    return Document(
        "The data of one child",
        f"{account.organisation}. Report made {spoken(made_at)}. For the authority's data protection "
        "officers, to answer a subject access request.",
        (
            Section("In short", _in_short(account)),
            Section("Where the data came from, and what for", _files(account.files)),
            Section("Who was given it", _opened(account.files)),
            Section("What is left, and for how long", _kept(account.files)),
            Section("On which rolls the child is", _listed(account.rolls, "On none that the gateway knows.")),
            Section("What limits its use", _listed(account.limits, "No marker and no legal hold.")),
            Section("Who asked for this child before", _listed(account.questions, "Nobody.")),
            Section("How to give a copy", (_COPY,)),
        ),
    )


_COPY = Paragraph(
    "A copy of the data itself (Article 15(3)): gateway transfers open REF --why … opens each file as a "
    "whole. It holds other children, too: give the child's own record alone."
)


def _in_short(account: ChildAccount) -> tuple[Block, ...]:
    providers = sorted({one.provider_name for one in account.files})
    come_from = f", from: {'; '.join(providers)}." if providers else "."
    said = Paragraph(f"Files with the child: {len(account.files)}{come_from}")
    if not account.unindexed:
        return (said,)
    more = f"Kept files that are not in the index yet: {account.unindexed}. The child may be in them, too."
    return (said, Paragraph(f"{more} gateway pupils index puts them into it.", important=True))


def _files(files: Sequence[FileOfChild]) -> tuple[Block, ...]:
    rows = tuple(
        (
            one.reference,
            one.provider_name,
            one.data_type,
            spoken(one.arrived),
            one.outcome,
            one.purpose,
            ", ".join(one.items),
        )
        for one in files
    )
    headings = ("Reference", "Sent by", "Kind of data", "Arrived", "Outcome", "What for", "Items in the file")
    return (ReportTable(headings, rows),) if rows else (Paragraph("No file."),)


def _opened(files: Sequence[FileOfChild]) -> tuple[Block, ...]:
    rows = tuple((one.reference, spoken(at), who) for one in files for at, who in one.opened)
    given = tuple(
        f"{one.reference}: passed to {', '.join(one.teams)}, where nobody opened it"
        for one in files
        if one.teams and not one.opened
    )
    opened = ReportTable(("Reference", "Opened", "By"), rows) if rows else Paragraph("Nobody opened any.")
    return (opened, Points(given)) if given else (opened,)


def _kept(files: Sequence[FileOfChild]) -> tuple[Block, ...]:
    rows = tuple((one.reference, one.kept) for one in files)
    if not rows:
        return (Paragraph("Nothing."),)
    return (ReportTable(("Reference", "The file as it was sent"), rows),)


def _listed(said: tuple[str, ...], nothing: str) -> tuple[Block, ...]:
    return (Points(said),) if said else (Paragraph(nothing),)
