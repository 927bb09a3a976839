"""Acts on hand-ons: batches of a team's files for another system of the authority."""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from sqlmodel import Session

from gateway.access import AccessRight
from gateway.acts.act import Act, ActContext, ActDetails, ActDone, ActListing, ReadingAct
from gateway.acts.fields import FileReference, Why, argument
from gateway.acts.listing import DatedListing, Row
from gateway.errors import GatewayError, NotFoundError
from gateway.examiner.parent import Examiner, Examiners, MixedRecordsError
from gateway.examiner.protocol import LaidOut, Reopen
from gateway.model import Classified, FileLayout, LaidColumn
from gateway.openpgp.sealer import sign_detached
from gateway.policy.items import basis_for
from gateway.policy.small_schemas import HandOn
from gateway.registry import hand_ons, transfers
from gateway.registry.deliveries import find_delivered, note_collected
from gateway.registry.log import Entry
from gateway.registry.markers import KeptApart, kept_apart
from gateway.registry.tables import HandOnBatchRow, HandOnFileRow
from gateway.words import slug

if TYPE_CHECKING:
    from gateway.policy.catalogue import Catalogue
    from gateway.record.registrar import Registrar

_TOLD_APART = "it holds a record that few people may see and that cannot be left out of it"


class ListHandOns(DatedListing, command="handon list", right=AccessRight.LOOK):
    """List the batches handed on to other systems, and what became of each."""

    beside: ClassVar = ("handon acknowledge:hand_on", "handon retry:hand_on")
    columns: ClassVar = (
        "hand_on", "number", "team", "state", "files", "rows", "recalled", "target", "owed_at", "sent_at",
        "acknowledged_at", "remark",
    )  # fmt: skip
    narrow: ClassVar = ("hand_on", "number", "state", "files", "owed_at")
    empty: ClassVar = "nothing was handed on; policies/hand_ons.toml says what is"
    latest: ClassVar = True
    when: ClassVar = "owed_at"

    def rows(self, context: ActContext) -> Iterator[Row]:
        """Yield a row for each batch, oldest first."""
        with context.reading() as session:
            every, recalled = defaultdict[int, list[HandOnFileRow]](list), Counter[int | None]()
            for one in hand_ons.files(session):
                every[one.batch].append(one)
                recalled[one.recalled_in] += one.handed_at is not None
            for batch in hand_ons.batches(session):
                files = every[batch.id or 0]
                left_out = [f"{one.reference} is left out: {one.why}" for one in files if one.why]
                empty = [f"{one.reference} lacks {one.empty}" for one in files if one.empty]
                late = batch.due_at is not None and batch.due_at < context.clock()
                state = (
                    "acknowledged" if batch.acknowledged_at else "owed" if batch.made_at is None
                    else "waits" if batch.sent_at is None else "late" if late else "sent"
                )  # fmt: skip
                yield {
                    "hand_on": batch.hand_on, "number": batch.number, "batch": hand_ons.name_of(batch),
                    "team": batch.team, "state": state, "files": len(files) - len(left_out),
                    "rows": sum(one.rows or 0 for one in files),
                    "recalled": recalled[batch.id],
                    "references": [one.reference for one in files],
                    "target": batch.target.partition(" SHA256:")[0],
                    "owed_at": batch.owed_at, "made_at": batch.made_at, "sent_at": batch.sent_at,
                    "acknowledged_at": batch.acknowledged_at, "acknowledged_by": batch.acknowledged_by,
                    "remark": "; ".join([*([batch.trouble] if batch.trouble else []), *left_out, *empty]),
                }  # fmt: skip


class TryHandOn(ReadingAct, command="handon try", right=AccessRight.ENROL, by_program=False):
    """Show how full each column would be if a file were handed on, without sending or showing any value.

    The output files are made from the team's view, exactly as for the system itself.
    """

    hand_on: str = argument("The hand-on, as the policies name it.", metavar="HAND-ON")
    reference: FileReference

    @classmethod
    def known(cls, catalogue: Catalogue) -> Mapping[str, Mapping[str, str]]:
        """Return the hand-ons that the policies declare."""
        return {"hand_on": {one.id: one.id for one in catalogue.hand_ons.hand_on}}

    def carry_out(self, context: ActContext) -> ActDetails:
        """Return the number of rows with a value, by column. GatewayError if no output file can be made."""
        with context.open_registrar() as registrar, ExitStack() as until:
            declared = registrar.catalogue.hand_ons.hand_on
            if (found := next((one for one in declared if one.id == self.hand_on), None)) is None:
                raise NotFoundError(f"the policies declare no {self.hand_on} that is in force")
            examiners = until.enter_context(closing(Examiners(context.home)))
            made = make(registrar, examiners.mine(), found, self.reference, until)
        rows = [
            {
                "file": file.name, "column": column.name,
                "from": column.field or column.value or " or ".join(column.headings),
                "filled": filled, "rows": file.laid.rows,
            }
            for file, declared in zip(made.files, found.file, strict=True)
            for column, filled in zip(declared.column, file.laid.filled, strict=True)
        ]  # fmt: skip
        heading = f"{self.reference} as {self.hand_on} would get it, for the team {found.team}"
        table = ActListing(rows, ("file", "column", "from", "filled", "rows"), empty="no columns")
        return ActDetails(heading, values=rows, parts=(table,))


class _BatchAct(Act, right=AccessRight.ENROL, by_program=True):
    """An act on one batch of files handed on."""

    hand_on: str = argument("The hand-on, as handon list has it.", metavar="HAND-ON")
    number: int = argument("The number of the batch, as handon list has it.", metavar="NUMBER", ge=1)
    why: Why


class RetryHandOn(_BatchAct, command="handon retry"):
    """Make a batch again and send it under the same names, as when the system has lost it."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Mark the batch to be made and sent again."""
        with context.recording() as record:
            batch = hand_ons.find(record.session, self.hand_on, self.number)
            hand_ons.owe_again(record.session, batch)
            record.note("noted", self.hand_on, note=f"{hand_ons.name_of(batch)} is sent again: {self.why}")
        return ActDone(f"{hand_ons.name_of(batch)} will be made and sent again")


class AcknowledgeHandOn(_BatchAct, command="handon acknowledge", asks_passkey=False):
    """Note that a system has taken a batch in. A system can also write NAME.ack beside the batch's files."""

    def carry_out(self, context: ActContext) -> ActDone:
        """Record that the system has taken the batch in."""
        with context.recording() as record:
            batch = hand_ons.find(record.session, self.hand_on, self.number)
            hand_ons.acknowledge(batch, by=record.by, at=record.at)
            record.note("noted", self.hand_on, note=f"{hand_ons.name_of(batch)} is acknowledged: {self.why}")
        return ActDone(f"{hand_ons.name_of(batch)} is acknowledged")


@dataclass(frozen=True, slots=True)
class MadeFile:
    """One output file: name, content in anonymous memory, row counts, and names of empty columns."""

    name: str
    descriptor: int
    laid: LaidOut
    empty: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """The output files made from one transfer for a hand-on.

    - `collected`: the log entry saying that the hand-on used the team's view of the file.
    - `transfer`: the transfer's sequence number.
    - `apart`: the markers because of which children were left out of the files.
    """

    files: tuple[MadeFile, ...]
    collected: Entry
    transfer: int
    apart: KeptApart


class NotHandedOnError(GatewayError):
    """Raised for a file that cannot be handed on; the text is the reason, for the record."""


def make(registrar: Registrar, examiner: Examiner, hand_on: HandOn, reference: str, until: ExitStack) -> Made:
    """Make the output files of a hand-on from one transfer.
    The files are in memory, and are freed when `until` closes. NotHandedOnError if the team may have no view
    of the file. Fault if the examiner fails; the caller may try again.
    """
    now, actor = registrar.clock(), hand_ons.actor_of(hand_on.id)
    with registrar.registry.read() as session:
        transfer = transfers.get(session, reference)
        provider = registrar.provider(session, transfer.upload.provider, now)
        given = hand_ons.may_have(session, hand_on, [reference])
        apart = kept_apart(session, [transfer.sequence], actor).get(transfer.sequence, {})
    content, data_type = transfer.content, transfer.data_type or ""
    if not isinstance(content, Classified) or not given:
        raise NotHandedOnError("the team has no view of it")
    basis = basis_for(
        hand_on.team, data_type, registrar.catalogue, provider.kind, content.unlisted,
        form=content.format, stated=content.stated,
    )  # fmt: skip
    request = Reopen(reference=reference, sha256=transfer.content_sha256 or "")
    try:
        descriptor, view = examiner.view(request, basis, frozenset[bytes]().union(*apart.values()))
    except MixedRecordsError:
        raise NotHandedOnError(_TOLD_APART) from None
    until.callback(os.close, descriptor)
    facts = {
        "reference": reference, "provider": provider.id, "dfe": provider.dfe_number or "",
        "urn": provider.urn or "", "landed": transfer.upload.landed_at.date().isoformat(),
    }  # fmt: skip
    made = []
    for file in hand_on.file:
        laid_columns = tuple(
            LaidColumn(
                name=one.name, field=one.field, headings=one.headings, value=one.value.format_map(facts)
            )
            for one in file.column
        )
        layout = FileLayout(columns=laid_columns, each=file.each)
        memory, laid = examiner.lay_out(reference, descriptor, layout, content.stated)
        until.callback(os.close, memory)
        columns = zip(layout.columns, laid.filled, strict=True)
        empty = tuple(column.name for column, filled in columns if not filled)
        made.append(MadeFile(file.name.format_map(facts), memory, laid, empty))
    fields = {
        "provider": provider.id, "team": hand_on.team, "hand_on": hand_on.id,
        "left_out": ",".join(map(slug, view.left_out)) or None,
        "key": None if hand_on.sftp is None else hand_on.sftp.fingerprint,
    }  # fmt: skip
    sha256 = request.sha256 if view.whole else view.sha256
    entry = Entry(kind="collected", subject=reference, fields=fields, actor=actor, content=sha256)
    return Made(tuple(made), entry, transfer.sequence, apart)


def markers_unchanged(session: Session, hand_on: HandOn, made: Sequence[Made]) -> bool:
    """Return True if the markers on children have not changed since the files in `made` were made."""
    now = kept_apart(session, [one.transfer for one in made], hand_ons.actor_of(hand_on.id))
    return all(now.get(one.transfer, {}) == one.apart for one in made)


def manifest(
    session: Session, registrar: Registrar, batch: HandOnBatchRow, made: Sequence[Made], at: datetime
) -> tuple[bytes, bytes]:
    """Return a batch's manifest as JSON, made at the time `at`, and its signature. Fault if signing fails."""
    listed = [
        {
            "name": file.name, "reference": each.collected.subject, "sha256": file.laid.sha256,
            "size": file.laid.size, "rows": file.laid.rows, "empty_columns": file.empty,
        }
        for each in made
        for file in each.files
    ]  # fmt: skip
    told = {
        "version": 1,
        "organisation": registrar.settings.organisation,
        "hand_on": batch.hand_on,
        "batch": hand_ons.name_of(batch),
        "team": batch.team,
        "made_at": at.isoformat(),
        "files": listed,
        "left_out": [
            {"reference": one.reference, "why": one.why} for one in hand_ons.files(session, batch) if one.why
        ],
        "recalled": [
            {"reference": reference, "batch": name} for reference, name in hand_ons.recalls(session, batch)
        ],
    }
    data = f"{json.dumps(told, indent=1, ensure_ascii=False)}\n".encode()
    return data, sign_detached(registrar.signing.openpgp, data)


def record_made(
    session: Session, files: Sequence[HandOnFileRow], made: Sequence[Made], at: datetime
) -> list[Entry]:
    """Record the files of a batch as handed on at the time `at`; return the log entries to be appended.
    A file already handed on when the batch was first made gets no second entry.
    """
    by_reference, entries = {one.collected.subject: one for one in made}, []
    for file in files:
        if (one := by_reference.get(file.reference)) is None:
            continue
        if file.handed_at is None:
            entries.append(one.collected)
            hand_on, team = (str(one.collected.fields[name]) for name in ("hand_on", "team"))
            actor = hand_ons.actor_of(hand_on)
            if (delivery := find_delivered(session, team, file.reference, person=actor)) is not None:
                note_collected(session, delivery, at)
        file.handed_at, file.rows = at, sum(each.laid.rows for each in one.files)
        file.empty = (
            "; ".join(f"{each.name}: {', '.join(each.empty)}" for each in one.files if each.empty) or None
        )
        session.add(file)
    return entries
