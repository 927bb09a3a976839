"""Record and read transfers: landed, then accepted, held or refused, and routed to teams."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from types import SimpleNamespace

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import ColumnElement, or_, tuple_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from gateway.access import SENSITIVE_REASON_CODES
from gateway.model import (
    Classified,
    Contained,
    ContentRefused,
    Decision,
    Held,
    Opened,
    Reason,
    Refused,
    Released,
    Signature,
    Transfer,
    Upload,
    WaitsFor,
)
from gateway.reasons import REASONS, WITHDRAWN
from gateway.registry.tables import DeletionRow, DeliveryRow, ReasonRow, TransferRow
from gateway.registry.tables.row import AT_ONCE, drop, existing, first, from_row, only, portions, rows, values
from gateway.registry.vouched_rows import add_rows, is_in
from gateway.words import plain

_ACTS_AT_ONCE = 100
_CONTAINED = TypeAdapter(Contained)
_KNOWN = select(TransferRow.reference).where(is_in(TransferRow.reference, "wanted"))
_ACT = tuple_(
    *(col(getattr(TransferRow, one)) for one in ("provider", "signing_key", "signed_at", "content_sha256"))
)
_WITHDRAWN = select(ReasonRow.transfer).where(
    ReasonRow.transfer == TransferRow.sequence, col(ReasonRow.code).in_(WITHDRAWN)
)
_SIGNED_BEFORE = (
    select_columns(*_ACT.clauses, col(TransferRow.reference))
    .where(is_in(_ACT, "some"), or_(col(TransferRow.state) != "refused", _WITHDRAWN.exists()))
    .order_by(col(TransferRow.sequence))
)
_WITHOUT_SEQUENCE = [name for name in TransferRow.model_fields if name != "sequence"]
_OF_UPLOAD, _OF_REASON = ([field.name for field in fields(kind)] for kind in (Upload, Reason))
_FOUND_LATER = {*_WITHOUT_SEQUENCE} - {"state", *_OF_UPLOAD}


def land(session: Session, *uploads: Upload) -> None:
    """Record uploads as landed transfers. IntegrityError if a reference is on record."""
    rest = {**dict.fromkeys(_FOUND_LATER), "state": "landed"}
    add_rows(session, TransferRow, [{**asdict(upload), **rest} for upload in uploads])


def known(session: Session, references: Iterable[str]) -> set[str]:
    """Return the `references` that belong to a transfer on record; leave out all others."""
    return set(session.scalars(_KNOWN, {"wanted": list(references)}))


def references(session: Session, sequences: Collection[int], *where: ColumnElement[bool]) -> dict[int, str]:
    """Return the references of transfers, by sequence: those that meet all conditions `where`."""
    found: dict[int, str] = {}
    sequence = col(TransferRow.sequence)
    for some in portions(sorted(sequences)):
        query = select_columns(sequence, col(TransferRow.reference)).where(sequence.in_(some), *where)
        found |= dict(session.execute(query).all())
    return found


def get(session: Session, reference: str) -> Transfer:
    """Return a transfer. NotFoundError for an unknown reference."""
    return transfers_of(session, [row_of(session, reference)])[0]


def arrive(session: Session, uploads: Iterable[Upload]) -> None:
    """Keep new transfers in memory, for `record_decisions` to write together with the decisions on them."""
    # Plain objects until then, as making a mapped row takes longer than deciding on it.
    empty = dict.fromkeys(TransferRow.model_fields)
    new = {
        upload.reference: SimpleNamespace(
            **{**empty, **{name: getattr(upload, name) for name in _OF_UPLOAD}, "state": "landed"}
        )
        for upload in uploads
    }
    session.info.setdefault(ROWS, {}).update(new)


def work_on(session: Session, references: Sequence[str]) -> dict[str, Transfer]:
    """Return transfers by reference; keep the rows in memory until the transaction ends, to be changed."""
    found = rows(session, TransferRow, reference=references)
    session.info.setdefault(ROWS, {}).update({row.reference: row for row in found})
    return {transfer.upload.reference: transfer for transfer in transfers_of(session, found)}


def find(session: Session, *, state: str | None = None) -> Sequence[Transfer]:
    """Return all transfers, or the transfers of one state, in the order of landing."""
    return transfers_of(session, rows(session, TransferRow, "sequence", **only(state=state)))


def contents_of(session: Session, sequences: Collection[int]) -> dict[int, Classified | ContentRefused]:
    """Return the classified contents of transfers, by sequence; transfers without content are left out."""
    return {number: CONTENT.validate_json(text) for number, text in _stored(session, sequences)}


def _stored(session: Session, sequences: Collection[int]) -> Iterable[tuple[int, str]]:
    content = col(TransferRow.content)
    query = select_columns(col(TransferRow.sequence), content).where(
        col(TransferRow.sequence).in_(list(sequences)), content.is_not(None)
    )
    return ((number, text or "") for number, text in session.execute(query))


def contents_since(
    session: Session, since: datetime, provider: str | None = None
) -> Iterator[tuple[str, str, Classified | ContentRefused]]:
    """Yield provider, reference and classified content of files landed since a moment, latest first."""
    by, content = col(TransferRow.provider), col(TransferRow.content)
    query = select_columns(by, col(TransferRow.reference), content).where(col(TransferRow.landed_at) >= since)
    query = query.where(content.is_not(None), *(() if provider is None else (by == provider,)))
    for whose, reference, text in session.execute(query.order_by(col(TransferRow.sequence).desc())):
        yield whose, reference, CONTENT.validate_json(text)


def contained_in(session: Session, sequences: Collection[int]) -> dict[int, Contained]:
    """Return by sequence the contents of transfers in the form `Contained`; leave out unrecognised files."""
    found = {}
    for number, text in _stored(session, sequences):
        with contextlib.suppress(ValidationError):  # An unrecognised file released by a person.
            found[number] = _CONTAINED.validate_json(text)
    return found


def reasons_of(session: Session, sequences: Collection[int]) -> dict[int, list[Reason]]:
    """Return the reasons of the latest decision on transfers, in order, by sequence."""
    found: dict[int, list[Reason]] = {}
    for row in rows(session, ReasonRow, "ordinal", transfer=sequences):
        found.setdefault(row.transfer, []).append(from_row(Reason, row))
    return found


def landed_since(session: Session, since: datetime) -> Iterator[Sequence[Transfer]]:
    """Yield the transfers landed since a moment in pages, in the order of landing."""
    query = select(TransferRow).where(col(TransferRow.landed_at) >= since).order_by(col(TransferRow.sequence))
    for some in session.exec(query.execution_options(yield_per=AT_ONCE)).partitions():
        yield transfers_of(session, list(some))


def landed(session: Session) -> Sequence[str]:
    """Return the references of all transfers still to be decided, oldest first."""
    return values(session, TransferRow.reference, "sequence", state="landed")


def to_examine(session: Session, references: Sequence[str]) -> Sequence[tuple[Upload, datetime | None]]:
    """Return uploads by reference, oldest first, each with the time of the last decision (None: none yet)."""
    found: list[TransferRow] = []
    for some in portions(references):
        found += rows(session, TransferRow, reference=some)
    return [(from_row(Upload, row), row.decided_at) for row in sorted(found, key=sequence_of)]


def is_stored() -> ColumnElement[bool]:
    """Return the SQL condition that a transfer's sealed file was not deleted."""
    gone = DeletionRow.reference == col(TransferRow.reference), DeletionRow.what == "sealed"
    return ~select(DeletionRow.reference).where(*gone).exists()


SigningAct = tuple[str, str, datetime, str]
"""One act of signing: provider, fingerprint of the signing key, time, and SHA-256 of the content.

Encrypting the same signed content again does not make another act.
"""


def act_of(upload: Upload, opened: Opened) -> SigningAct:
    """Return what identifies the signing of an opened file: provider, signing key, time of signature, and
    content.
    """
    made = opened.signature
    return upload.provider, made.signing_key, made.created_at, opened.sha256


def signed_before(session: Session, files: Iterable[tuple[Upload, Opened]]) -> dict[SigningAct, list[str]]:
    """Return by `SigningAct` the references of earlier transfers with the same signed content.
    Refused transfers are left out. Withdrawn ones count: sending the file again does not bring it back.
    """
    found: dict[SigningAct, list[str]] = {}
    for some in portions(sorted({act_of(*file) for file in files}), _ACTS_AT_ONCE):
        for *act, reference in session.execute(_SIGNED_BEFORE, {"some": some}):
            found.setdefault(tuple(act), []).append(reference)
    return found


def counts(session: Session) -> dict[str, int]:
    """Count transfers by state."""
    counted = session.exec(select(TransferRow.state, func.count()).group_by(TransferRow.state)).all()
    return {"landed": 0, "accepted": 0, "held": 0, "refused": 0} | dict(counted)


CONTENT: TypeAdapter[Classified | ContentRefused] = TypeAdapter(Classified | ContentRefused)
ROWS, _CONTENTS = "gateway transfer rows", "gateway transfer contents"
"""Keys of `Session.info`: for rows (of `arrive` and `work_on`) and for contents, both by reference."""


def sequence_of(row: TransferRow) -> int:
    """Return a row's sequence, its number in the order of landing."""
    if row.sequence is None:
        raise AssertionError("the row has not been flushed")
    return row.sequence


def row_of(session: Session, reference: str) -> TransferRow:
    """Return a transfer's row: the one kept in memory by `arrive` or `work_on`, or else from the database.
    A row kept by `arrive` has the same columns but no sequence, and belongs to no session. NotFoundError for
    an unknown reference.
    """
    kept: TransferRow | None = session.info.get(ROWS, {}).get(reference)
    if kept is not None and (kept.sequence is None or kept in session):
        return kept
    return existing(first(session, TransferRow, reference=reference), f"there is no transfer {reference}")


def transfers_of(
    session: Session, found: Sequence[TransferRow], *, with_content: bool = True
) -> list[Transfer]:
    """Build transfers from rows, in their order. `with_content`: False to leave the contents out."""
    sequences = [sequence_of(row) for row in found]
    reasons: dict[int, list[Reason]] = {}
    teams: dict[int, list[str]] = {sequence: [] for sequence in sequences}
    for some in portions(sequences):
        reasons |= reasons_of(session, some)
        for delivery in rows(session, DeliveryRow, "team", transfer=some):
            teams[delivery.transfer].append(delivery.team)
    return [
        transfer_of(row, tuple(reasons.get(sequence, ())), tuple(teams[sequence]), with_content=with_content)
        for row, sequence in zip(found, sequences, strict=True)
    ]


def transfer_of(
    row: TransferRow,
    reasons: tuple[Reason, ...],
    teams: tuple[str, ...],
    *,
    with_content: bool = True,
    content: Classified | ContentRefused | None = None,
) -> Transfer:
    """Build a transfer from a row; the content is parsed from the row, unless given or not wanted."""
    if content is None and row.content and with_content:
        content = CONTENT.validate_json(row.content)
    signature = None
    if row.signer is not None and row.signing_key is not None and row.signed_at is not None:
        signature = Signature(certificate=row.signer, signing_key=row.signing_key, created_at=row.signed_at)
    return from_row(
        Transfer,
        row,
        sequence=sequence_of(row),
        upload=from_row(Upload, row),
        extension=row.extension or "bin",
        signature=signature,
        content=content,
        teams=teams,
        reasons=reasons,
    )


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
    """Store the results of opening and judging a file in the transfer's row: signature, content and period.
    `opened` is None if the content was only judged again. `rules` is the digest of the rules used.
    """
    row = row_of(session, reference)
    row.rules = rules
    if opened is not None:
        row.content_size, row.content_sha256 = opened.size, opened.sha256
        row.opened_by, row.engine = opened.opened_by, opened.engine
        record_signature(session, reference, opened.signature)
    if isinstance(content, Classified) and content.facts.software is not None:
        # The only free text of a content, the name of the software, is reduced to known words.
        content = replace(content, facts=replace(content.facts, software=plain(content.facts.software)))
    row.content = CONTENT.dump_json(content).decode()
    session.info.setdefault(_CONTENTS, {})[reference] = content
    row.extension = content.extension
    row.data_type = content.data_type if isinstance(content, Classified) else None
    row.period = period


def _without_headers(content: Classified | ContentRefused) -> Classified | ContentRefused:
    """Return the content with only plain words left in headings that the data type does not know: other words
    may name a child.
    """
    if isinstance(content, ContentRefused):
        return replace(content, parts=tuple(_without_headers(part) for part in content.parts))
    hidden = tuple(replace(one, header=plain(one.header)) for one in content.unlisted)
    return content if hidden == content.unlisted else replace(content, unlisted=hidden)


def record_signature(session: Session, reference: str, signature: Signature) -> None:
    """Store the verified signature of an uploaded key or agreement in its transfer's row."""
    row = row_of(session, reference)
    row.signer, row.signing_key = signature.certificate, signature.signing_key
    row.signed_at = signature.created_at


def record_decisions(
    session: Session, decisions: Sequence[tuple[str, Decision]], at: datetime
) -> list[Transfer]:
    """Store decisions on transfers, each named once, with reasons and deliveries; return the transfers."""
    decided = [row_of(session, reference) for reference, _ in decisions]
    again = [sequence_of(row) for row in decided if row.decided_at is not None]
    if again:
        for table in (ReasonRow, DeliveryRow):  # A withdrawn file leaves the mailboxes.
            drop(session, *rows(session, table, transfer=again))
    contents: dict[str, Classified | ContentRefused | None] = session.info.get(_CONTENTS, {})
    for row, (reference, decision) in zip(decided, decisions, strict=True):
        contents[reference] = _decide(row, decision, at, contents.get(reference))
    new = [row for row in decided if row.sequence is None]  # From `arrive`: inserted as decided.
    columns = [{name: getattr(row, name) for name in _WITHOUT_SEQUENCE} for row in new]
    for row, sequence in zip(new, add_rows(session, TransferRow, columns), strict=True):
        row.sequence = sequence
        del session.info[ROWS][row.reference]
    session.flush()
    reasons, deliveries = [], []
    for row, (_, decision) in zip(decided, decisions, strict=True):
        sequence = sequence_of(row)
        reasons += [
            {"transfer": sequence, "ordinal": ordinal, **{name: getattr(reason, name) for name in _OF_REASON}}
            for ordinal, reason in enumerate(decision.reasons)
        ]
        if decision.state == "accepted":
            whole = is_whole(contents[row.reference], decision) if isinstance(decision, Released) else None
            given = {"transfer": sequence, "delivered_at": at, "whole": whole}
            rest = dict.fromkeys(_DELIVERED_LATER)
            deliveries += [{**given, "team": team, **rest} for team in decision.teams]
    add_rows(session, ReasonRow, reasons)
    add_rows(session, DeliveryRow, deliveries)
    if again:
        return transfers_of(session, decided)
    transfers = []
    for row, (reference, decision) in zip(decided, decisions, strict=True):
        teams = tuple(sorted(decision.teams)) if row.state == "accepted" else ()
        transfers.append(transfer_of(row, decision.reasons, teams, content=contents[reference]))
    return transfers


def _decide(
    row: TransferRow, decision: Decision, at: datetime, content: Classified | ContentRefused | None
) -> Classified | ContentRefused | None:
    """Write a decision into a row; return the content, with words in headings hidden unless held."""
    row.state = decision.state
    if content is None and row.content is not None:
        content = CONTENT.validate_json(row.content)
    if content is not None and decision.state != "held":
        # Names of columns are kept only while a person may have to judge the held file.
        bare = _without_headers(content)
        row.content = row.content if bare is content else CONTENT.dump_json(bare).decode()
        content = bare
    if isinstance(decision, Released):
        if row.data_type != decision.data_type:
            row.period = None  # The period was read for another data type.
        row.period = decision.period or row.period
        row.data_type = decision.data_type
    row.flow = decision.flow
    row.decided_at = at
    row.held_until = decision.until if isinstance(decision, Held) else None
    row.waits_for = waits_for(decision) if isinstance(decision, Held) else None
    found = isinstance(decision, Refused) and decision.few
    if found or not SENSITIVE_REASON_CODES.isdisjoint(reason.code for reason in decision.reasons):
        row.few = True  # For good: a later decision has other reasons, and the file is the same.
    return content


def is_whole(content: Classified | ContentRefused | None, decision: Released) -> bool | None:
    """Return True if teams get a released file as sent; None if each team gets a view.
    True if two people released what the agreement forbids, or if the file is unrecognised: no view can be
    made. If the agreement objects only to the sender or the day, each team gets a view.
    """
    codes = {reason.code for reason in decision.reasons}
    against = _AGAINST_POLICY in codes and not codes.isdisjoint(_OF_CONTENT)
    return True if against or not isinstance(content, Classified) else None


_AGAINST_POLICY = "person:released-against-policy"
_OF_CONTENT, _NEED_NOBODY = (
    frozenset(code for code, reason in REASONS.items() if getattr(reason, name))
    for name in ("of_content", "needs_nobody")
)
_NEED_A_KEY = frozenset({"open:key-expired", "key:not-approved"})


def waits_for(decision: Held) -> WaitsFor:
    """Return the event that ends a hold."""
    if decision.until is not None:
        return "date"
    codes = {reason.code for reason in decision.reasons} - _NEED_NOBODY
    # Sensitive contents are judged again once the key is in force.
    if codes & _NEED_A_KEY and codes <= _NEED_A_KEY | {"policy:awaited", "policy:sensitive"}:
        return "key"
    if codes == {"key:pending"}:
        return "approval"
    return "ratification" if codes == {"policy:agreement-not-ratified"} else "person"
