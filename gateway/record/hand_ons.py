"""Make files for another system of the authority from a team's view of a file, and from nothing else."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from gateway.errors import GatewayError
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import LaidOut, Reopen
from gateway.model import Classified
from gateway.model.layout import FileLayout, LaidColumn
from gateway.openpgp.sealer import sign_detached
from gateway.policy.items import basis_for
from gateway.policy.small_schemas import HandOn, HandOnFile
from gateway.record.registrar import Registrar
from gateway.registry import hand_ons, transfers
from gateway.registry.deliveries import find_delivered, note_collected
from gateway.registry.log import Entry
from gateway.registry.markers import NOBODY, KeptApart, kept_apart
from gateway.registry.tables import HandOnBatchRow, HandOnFileRow
from gateway.words import slug

_TOLD_APART = "it holds a record that few people may see and that cannot be left out of it"


@dataclass(frozen=True, slots=True)
class MadeFile:
    """One output file: name, content in anonymous memory, row counts, and names of empty columns."""

    name: str
    descriptor: int
    laid: LaidOut
    empty: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """The output files of one transfer, and the log entry for this use of the view.

    `apart` are the markers respected in the view, `transfer` is the file's sequence.
    """

    files: tuple[MadeFile, ...]
    collected: Entry
    transfer: int
    apart: KeptApart


class NotHandedOnError(GatewayError):
    """A file cannot be handed on; the text is the reason, on record."""


def make(registrar: Registrar, examiner: Examiner, hand_on: HandOn, reference: str, until: ExitStack) -> Made:
    """Make the output files of one file; the end of `until` closes the memory.

    NotHandedOnError where the team cannot be shown the file in parts. Fault to be tried again.
    """
    now, actor = registrar.clock(), hand_ons.actor_of(hand_on.id)
    with registrar.registry.read() as session:
        transfer = transfers.get(session, reference)
        provider = registrar.provider(session, transfer.upload.provider, now)
        given = hand_ons.may_have(session, hand_on, [reference])
        apart = kept_apart(session, [transfer.sequence], actor).get(transfer.sequence, NOBODY)
    content, data_type = transfer.content, transfer.data_type or ""
    if not isinstance(content, Classified) or not given:
        raise NotHandedOnError("the team has no view of it")
    basis = basis_for(
        hand_on.team, data_type, registrar.catalogue, provider.kind, content.unlisted,
        form=content.format, stated=content.stated,
    )  # fmt: skip
    request = Reopen(reference=reference, sha256=transfer.content_sha256 or "")
    if (found := examiner.view_apart(request, basis, apart.persons)) is None:
        raise NotHandedOnError(_TOLD_APART)
    descriptor, view = found
    until.callback(os.close, descriptor)
    facts = {
        "reference": reference, "provider": provider.id, "dfe": provider.dfe_number or "",
        "urn": provider.urn or "", "landed": transfer.upload.landed_at.date().isoformat(),
    }  # fmt: skip
    made = []
    for file in hand_on.file:
        layout = _layout(file, facts)
        memory, laid = examiner.lay_out(reference, descriptor, layout, content.stated)
        until.callback(os.close, memory)
        columns = zip(layout.columns, laid.filled, strict=True)
        empty = tuple(column.name for column, filled in columns if not filled)
        made.append(MadeFile(file.name.format_map(facts), memory, laid, empty))
    fields: dict[str, str | int] = {
        "provider": provider.id, "team": hand_on.team, "hand_on": hand_on.id,
    }  # fmt: skip
    if view.left_out:
        fields["left_out"] = ",".join(map(slug, view.left_out))
    if hand_on.sftp is not None:
        fields["key"] = hand_on.sftp.fingerprint
    sha256 = request.sha256 if view.whole else view.sha256
    entry = Entry(kind="collected", subject=reference, fields=fields, actor=actor, content=sha256)
    return Made(tuple(made), entry, transfer.sequence, apart)


def heeds_markers(session: Session, hand_on: HandOn, made: Sequence[Made]) -> bool:
    """Return True if the markers respected in made files are still the ones in force."""
    now = kept_apart(session, [one.transfer for one in made], hand_ons.actor_of(hand_on.id))
    return all(now.get(one.transfer, NOBODY) == one.apart for one in made)


def _layout(file: HandOnFile, facts: dict[str, str]) -> FileLayout:
    columns = (
        LaidColumn(name=one.name, field=one.field, headings=one.headings, value=one.value.format_map(facts))
        for one in file.column
    )
    return FileLayout(columns=tuple(columns), each=file.each)


def manifest(
    session: Session, registrar: Registrar, batch: HandOnBatchRow, made: Sequence[Made], at: datetime
) -> tuple[bytes, bytes]:
    """Return the manifest of a batch as JSON, and the gateway's signature over it. Fault if not signed."""
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
    """Record the files of a batch as handed on; return a log entry for each file handed on the first time."""
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
