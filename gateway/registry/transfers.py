"""Transfers: from landed to accepted, held or refused, and to whom they were routed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any, NamedTuple, cast

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, tuple_
from sqlalchemy import select as select_columns
from sqlmodel import Session, col, func, select

from gateway.errors import NotFoundError
from gateway.model import (
    Classified,
    ContentRefused,
    Decision,
    Folder,
    Held,
    LooksLike,
    Opened,
    Reason,
    Released,
    Signature,
    State,
    Transfer,
    Upload,
    WaitsFor,
)
from gateway.registry.tables import DeliveryRow, ReasonRow, TransferRow
from gateway.registry.vouched_rows import add_rows
from gateway.words import plain

CONTENT: TypeAdapter[Classified | ContentRefused] = TypeAdapter(Classified | ContentRefused)
_ROWS = "gateway transfer rows"
_AT_ONCE = 500
_ACTS_AT_ONCE = 100
_FOUND_LATER = (
    set(TransferRow.model_fields) - {"sequence", "state"} - {field.name for field in fields(Upload)}
)


def land(session: Session, *uploads: Upload) -> None:
    """Record uploads as landed. IntegrityError where a reference is known."""
    add_rows(session, TransferRow, [_landed_row(upload) for upload in uploads])


def _landed_row(upload: Upload) -> dict[str, Any]:
    known = {field.name: getattr(upload, field.name) for field in fields(Upload)}
    return {**dict.fromkeys(_FOUND_LATER), **known, "state": "landed"}


def known(session: Session, references: Iterable[str]) -> set[str]:
    """Those of `references` that have landed before."""
    return set(
        session.exec(
            select(TransferRow.reference).where(col(TransferRow.reference).in_(list(references)))
        ).all()
    )


def references(session: Session, sequences: Collection[int]) -> dict[int, str]:
    """The references of transfers by their sequence."""
    found: dict[int, str] = {}
    wanted = sorted(sequences)
    for start in range(0, len(wanted), 500):
        query = select(TransferRow.sequence, TransferRow.reference).where(
            col(TransferRow.sequence).in_(wanted[start : start + 500])
        )
        found |= {sequence: reference for sequence, reference in session.exec(query) if sequence is not None}
    return found


def get(session: Session, reference: str) -> Transfer:
    """One transfer. NotFoundError where there is none."""
    return _transfers(session, [_row(session, reference)])[0]


def work_on(session: Session, references: Sequence[str]) -> dict[str, Transfer]:
    """These transfers, by reference. What this transaction then records of them asks for no row again."""
    query = select(TransferRow).where(col(TransferRow.reference).in_(references))
    rows = session.exec(query).all()
    session.info.setdefault(_ROWS, {}).update({row.reference: row for row in rows})
    return {transfer.upload.reference: transfer for transfer in _transfers(session, rows)}


def find(
    session: Session, *, state: str | None = None, provider: str | None = None, limit: int | None = None
) -> Sequence[Transfer]:
    """Transfers in the order they landed; the latest `limit` of them where one is given."""
    query = select(TransferRow).order_by(col(TransferRow.sequence).desc())
    if state is not None:
        query = query.where(TransferRow.state == state)
    if provider is not None:
        query = query.where(TransferRow.provider == provider)
    if limit is not None:
        query = query.limit(limit)
    return _transfers(session, list(reversed(session.exec(query).all())))


def landed(session: Session) -> Sequence[str]:
    """The references still to be decided, oldest first."""
    return session.exec(
        select(TransferRow.reference).where(TransferRow.state == "landed").order_by(col(TransferRow.sequence))
    ).all()


def uploads(session: Session, references: Sequence[str]) -> Sequence[Upload]:
    """The uploads of these transfers, oldest first."""
    found: list[TransferRow] = []
    for start in range(0, len(references), _AT_ONCE):
        some = references[start : start + _AT_ONCE]
        found += session.exec(select(TransferRow).where(col(TransferRow.reference).in_(some))).all()
    return [_upload(row) for row in sorted(found, key=_sequence)]


def due(session: Session, now: datetime) -> Sequence[Transfer]:
    """Held transfers whose date has come, oldest first."""
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.waits_for == "date", col(TransferRow.held_until) <= now)
        .order_by(col(TransferRow.sequence))
    ).all()
    return _transfers(session, rows)


def waiting_for_ratification(session: Session, providers: Iterable[str]) -> Sequence[Transfer]:
    """Held transfers of these providers that wait for the agreement to be ratified."""
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.waits_for == "ratification", col(TransferRow.provider).in_(list(providers)))
        .order_by(col(TransferRow.sequence))
    ).all()
    return _transfers(session, rows)


def waiting_for_lists(session: Session) -> Sequence[Transfer]:
    """Held transfers that wait because of something in them that nobody lists, oldest first."""
    unlisted = select(ReasonRow.transfer).where(ReasonRow.code == "policy:unlisted-items")
    rows = session.exec(
        select(TransferRow)
        .where(TransferRow.state == "held", col(TransferRow.sequence).in_(unlisted))
        .order_by(col(TransferRow.sequence))
    ).all()
    return _transfers(session, rows)


def waiting_for_schools(session: Session, provider: str) -> Sequence[Transfer]:
    """Held transfers of a provider that wait because of the schools that they name, oldest first."""
    codes = ("policy:other-school", "policy:school-not-named")
    other = select(ReasonRow.transfer).where(col(ReasonRow.code).in_(codes))
    rows = session.exec(
        select(TransferRow)
        .where(
            TransferRow.state == "held",
            TransferRow.provider == provider,
            col(TransferRow.sequence).in_(other),
        )
        .order_by(col(TransferRow.sequence))
    ).all()
    return _transfers(session, rows)


def waiting_for_approval(session: Session) -> Sequence[str]:
    """The references of the keys that were dropped and wait for somebody to approve them."""
    query = select(TransferRow.reference).where(TransferRow.waits_for == "approval")
    return session.exec(query.order_by(col(TransferRow.sequence))).all()


def examine_again(session: Session, provider: str) -> Sequence[str]:
    """Let what waits for a key of this provider be examined once more: it is landed again."""
    return _land_again(session, provider, col(TransferRow.waits_for) == "key")


def examine_superseded(session: Session, provider: str, signer: str) -> Sequence[str]:
    """The same for what waits for a person because it was signed with this key before that was given up."""
    superseded = select(ReasonRow.transfer).where(ReasonRow.code == "open:key-superseded")
    return _land_again(
        session,
        provider,
        col(TransferRow.waits_for) == "person",
        col(TransferRow.signer) == signer,
        col(TransferRow.sequence).in_(superseded),
    )


def _land_again(session: Session, provider: str, *which: ColumnElement[bool]) -> Sequence[str]:
    query = select(TransferRow).where(TransferRow.provider == provider, *which)
    rows = session.exec(query.order_by(col(TransferRow.sequence))).all()
    for row in rows:
        row.state, row.waits_for = "landed", None
        session.add(row)
    session.flush()
    return [row.reference for row in rows]


class Act(NamedTuple):
    """One act of signing, however often what it covers is encrypted again."""

    provider: str
    signing_key: str
    signed_at: datetime
    sha256: str


def act_of(upload: Upload, opened: Opened) -> Act:
    """The act of signing that a file is the fruit of: told by key, time and digest of the content."""
    made = opened.signature
    return Act(upload.provider, made.signing_key, made.created_at, opened.sha256)


def signed_before(session: Session, acts: Collection[Act]) -> dict[Act, list[str]]:
    """The references of the transfers that came of these acts and were not refused, in their order."""
    columns = (
        col(TransferRow.provider),
        col(TransferRow.signing_key),
        col(TransferRow.signed_at),
        col(TransferRow.content_sha256),
    )
    found: dict[Act, list[str]] = {}
    wanted = sorted(acts)
    for start in range(0, len(wanted), _ACTS_AT_ONCE):
        some = wanted[start : start + _ACTS_AT_ONCE]
        rows = session.execute(
            select_columns(*columns, col(TransferRow.reference))
            .where(tuple_(*columns).in_(some), col(TransferRow.state) != "refused")
            .order_by(col(TransferRow.sequence))
        )
        for *act, reference in rows:
            found.setdefault(Act(*act), []).append(reference)
    return found


def record_content(
    session: Session,
    reference: str,
    opened: Opened,
    content: Classified | ContentRefused,
    period: str | None = None,
) -> None:
    """Store what opening and classifying found, and the period that the file says it is about."""
    row = _row(session, reference)
    row.content_size, row.content_sha256 = opened.size, opened.sha256
    row.opened_by, row.engine = opened.opened_by, opened.engine
    row.content = CONTENT.dump_json(_in_our_words(content)).decode()
    row.extension = content.extension
    row.data_type = content.data_type if isinstance(content, Classified) else None
    row.period = period
    session.add(row)


def _in_our_words(content: Classified | ContentRefused) -> Classified | ContentRefused:
    """The same, the one text of its own that a file is asked for reduced to words that we know."""
    if not isinstance(content, Classified) or content.facts.software is None:
        return content
    return replace(content, facts=replace(content.facts, software=plain(content.facts.software)))


def record_signature(session: Session, reference: str, signature: Signature) -> None:
    """Store who signed the file, as it was verified."""
    row = _row(session, reference)
    row.signer, row.signing_key = signature.certificate, signature.signing_key
    row.signed_at = signature.created_at
    session.add(row)


def record_decision(session: Session, reference: str, decision: Decision, at: datetime) -> Transfer:
    """Put a decision in force: state, flow, reasons, deliveries. The transfer as it stands then."""
    return record_decisions(session, [(reference, decision)], at)[0]


def record_decisions(
    session: Session, decisions: Sequence[tuple[str, Decision]], at: datetime
) -> list[Transfer]:
    """The same for many transfers, each named once, in their order."""
    rows = [_row(session, reference) for reference, _ in decisions]
    again = [_sequence(row) for row in rows if row.decided_at is not None]
    if again:
        for earlier_reason in session.exec(select(ReasonRow).where(col(ReasonRow.transfer).in_(again))).all():
            session.delete(earlier_reason)
        session.flush()
    for row, (_, decision) in zip(rows, decisions, strict=True):
        _decide(row, decision, at)
    session.flush()
    sequenced = [(_sequence(row), decision) for row, (_, decision) in zip(rows, decisions, strict=True)]
    add_rows(session, ReasonRow, [row for each in sequenced for row in _reason_rows(*each)])
    add_rows(session, DeliveryRow, [row for each in sequenced for row in _delivery_rows(*each, at)])
    if again:
        return _transfers(session, rows)
    return [
        _transfer(row, decision.reasons, _teams(decision))
        for row, (_, decision) in zip(rows, decisions, strict=True)
    ]


def _teams(decision: Decision) -> tuple[str, ...]:
    return tuple(sorted(decision.teams)) if decision.state == "accepted" else ()


def _decide(row: TransferRow, decision: Decision, at: datetime) -> None:
    row.state = decision.state
    if isinstance(decision, Released):
        if row.data_type != decision.data_type:
            row.period = None  # What it said it was about, it said as something else.
        row.data_type = decision.data_type
    row.flow = decision.flow
    row.decided_at = at
    row.held_until = decision.until if isinstance(decision, Held) else None
    row.waits_for = _waits_for(decision)


def _reason_rows(sequence: int, decision: Decision) -> Iterator[dict[str, Any]]:
    for ordinal, reason in enumerate(decision.reasons):
        yield {
            "transfer": sequence,
            "ordinal": ordinal,
            "code": reason.code,
            "clause": reason.clause,
            "sentence": reason.sentence,
            "next_step": reason.next_step,
        }


def _delivery_rows(sequence: int, decision: Decision, at: datetime) -> Iterator[dict[str, Any]]:
    if decision.state == "accepted":
        for team in decision.teams:
            yield {
                "transfer": sequence,
                "team": team,
                "delivered_at": at,
                "dealt_with_at": None,
                "dealt_with_by": None,
            }


def counts(session: Session) -> dict[str, int]:
    """How many transfers are in each state."""
    rows = session.exec(select(TransferRow.state, func.count()).group_by(TransferRow.state)).all()
    return {"landed": 0, "accepted": 0, "held": 0, "refused": 0} | dict(rows)


# What stands beside the reasons for a hold and asks nobody to do anything.
_NEED_NOBODY = frozenset(
    {
        "open:renewed-since",
        "open:vouched-since",
        "policy:embargo",
        "policy:items-outside",
        "policy:items-proposed",
    }
)
_NEED_A_KEY = frozenset({"open:key-expired", "key:not-approved"})


def _waits_for(decision: Decision) -> WaitsFor | None:
    if not isinstance(decision, Held):
        return None
    if decision.until is not None:
        return "date"
    codes = {reason.code for reason in decision.reasons} - _NEED_NOBODY
    if codes and codes <= _NEED_A_KEY:
        return "key"
    if codes == {"key:pending"}:
        return "approval"
    return "ratification" if codes == {"policy:agreement-not-ratified"} else "person"


def _sequence(row: TransferRow) -> int:
    if row.sequence is None:
        raise AssertionError("the row has not been flushed")
    return row.sequence


def _row(session: Session, reference: str) -> TransferRow:
    kept: TransferRow | None = session.info.get(_ROWS, {}).get(reference)
    if kept is not None and kept in session:
        return kept
    row = session.exec(select(TransferRow).where(TransferRow.reference == reference)).first()
    if row is None:
        raise NotFoundError(f"there is no transfer {reference}")
    return row


def _transfers(session: Session, rows: Sequence[TransferRow]) -> list[Transfer]:
    sequences = [_sequence(row) for row in rows]
    reasons: dict[int, list[Reason]] = {sequence: [] for sequence in sequences}
    teams: dict[int, list[str]] = {sequence: [] for sequence in sequences}
    for start in range(0, len(sequences), _AT_ONCE):
        some = sequences[start : start + _AT_ONCE]
        for found in session.exec(
            select(ReasonRow).where(col(ReasonRow.transfer).in_(some)).order_by(col(ReasonRow.ordinal))
        ):
            reasons[found.transfer].append(
                Reason(
                    code=found.code, clause=found.clause, sentence=found.sentence, next_step=found.next_step
                )
            )
        for delivery in session.exec(
            select(DeliveryRow).where(col(DeliveryRow.transfer).in_(some)).order_by(col(DeliveryRow.team))
        ):
            teams[delivery.transfer].append(delivery.team)
    return [
        _transfer(row, tuple(reasons[sequence]), tuple(teams[sequence]))
        for row, sequence in zip(rows, sequences, strict=True)
    ]


def _transfer(row: TransferRow, reasons: tuple[Reason, ...], teams: tuple[str, ...]) -> Transfer:
    signature = None
    if row.signer is not None and row.signing_key is not None and row.signed_at is not None:
        signature = Signature(certificate=row.signer, signing_key=row.signing_key, created_at=row.signed_at)
    return Transfer(
        sequence=_sequence(row),
        upload=_upload(row),
        state=cast("State", row.state),
        flow=row.flow,
        data_type=row.data_type,
        period=row.period,
        extension=row.extension or "bin",
        content_size=row.content_size,
        content_sha256=row.content_sha256,
        signature=signature,
        opened_by=row.opened_by,
        engine=row.engine,
        content=CONTENT.validate_json(row.content) if row.content else None,
        decided_at=row.decided_at,
        held_until=row.held_until,
        waits_for=cast("WaitsFor | None", row.waits_for),
        teams=teams,
        reasons=reasons,
    )


def _upload(row: TransferRow) -> Upload:
    return Upload(
        reference=row.reference,
        provider=row.provider,
        name=row.name,
        folder=cast("Folder", row.folder),
        size=row.size,
        sha256=row.sha256,
        started_at=row.started_at,
        landed_at=row.landed_at,
        ssh_key=row.ssh_key,
        client=row.client,
        withheld=row.withheld,
        looks_like=cast("LooksLike", row.looks_like),
    )
