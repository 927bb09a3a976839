"""The answer to a subject access request: sources of the child's data, readers, and parts still kept.

Made from plain values alone, without the child's name: the person asking knows the child.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.receipts.text import spoken
from gateway.reports.document import Block, Document, Paragraph, Points, Section, table_or

_COPY = Paragraph(
    "A copy of the data itself (Article 15(3)): gateway transfers open REF --why … opens each file as a "
    "whole. It holds other children, too: give the child's own record alone."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileOfChild:
    """One file with the child's data. `opened`: times and readers; `kept`: the parts kept, and until when.

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


def _listed(said: Sequence[str], nothing: str) -> tuple[Block, ...]:
    return (Points(tuple(said)) if said else Paragraph(nothing),)


def subject_access_report(
    files: Sequence[FileOfChild],
    *,
    organisation: str,
    rolls: Sequence[str],
    limits: Sequence[str],
    questions: Sequence[str],
    unindexed: int,
    made_at: datetime,
) -> Document:
    """Return the report (UK GDPR Article 15(1)) of one child.

    `rolls`, `limits` and `questions` are sentences; `unindexed` is the number of files not in the index.
    """
    providers = sorted({one.provider_name for one in files})
    come_from = f", from: {'; '.join(providers)}." if providers else "."
    short: list[Block] = [Paragraph(f"Files with the child: {len(files)}{come_from}")]
    if unindexed:
        more = f"Kept files that are not in the index yet: {unindexed}. The child may be in them, too."
        short.append(Paragraph(f"{more} gateway pupils index puts them into it.", important=True))
    headings = (
        "Reference", "Sent by", "Kind of data", "Arrived", "Outcome", "What for", "Items in the file",
    )  # fmt: skip
    origins = (
        (
            one.reference, one.provider_name, one.data_type, spoken(one.arrived), one.outcome, one.purpose,
            ", ".join(one.items),
        )
        for one in files
    )  # fmt: skip
    openings = ((one.reference, spoken(at), who) for one in files for at, who in one.opened)
    opened: list[Block] = [*table_or(("Reference", "Opened", "By"), openings, "Nobody opened any.")]
    passed = [one for one in files if one.teams and not one.opened]
    if passed:
        told = (
            f"{one.reference}: passed to {', '.join(one.teams)}, where nobody opened it" for one in passed
        )
        opened.append(Points(tuple(told)))
    kept = ((one.reference, one.kept) for one in files)

    return Document(
        "The data of one child",
        f"{organisation}. Report made {spoken(made_at)}. For the authority's data protection officers, to "
        "answer a subject access request.",
        (
            Section("In short", tuple(short)),
            Section("Where the data came from, and what for", table_or(headings, origins, "No file.")),
            Section("Who was given it", tuple(opened)),
            Section(
                "What is left, and for how long",
                table_or(("Reference", "The file as it was sent"), kept, "Nothing."),
            ),
            Section("On which rolls the child is", _listed(rolls, "On none that the gateway knows.")),
            Section("What limits its use", _listed(limits, "No marker and no legal hold.")),
            Section("Who asked for this child before", _listed(questions, "Nobody.")),
            Section("How to give a copy", (_COPY,)),
        ),
    )
