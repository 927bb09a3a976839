"""Stored parts of transfers, records of deletions, and certificates of deletion."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import cast

from sqlalchemy import ColumnElement, and_, delete, or_, update
from sqlmodel import Session, col, select

from gateway.log.leaf import rfc3339
from gateway.model import State
from gateway.receipts.text import visible
from gateway.registry import holds
from gateway.registry.receipts import DISCREPANCY_NOTICE, UNSIGNED, proved_by
from gateway.registry.tables import (
    AuthorityNoticeRow,
    CheckpointRow,
    CopyRow,
    DeclarationRow,
    DeletionCertificateRow,
    DeletionRow,
    DeliveryRow,
    EventRow,
    PersonsOfTransferRow,
    PupilRow,
    ReasonRow,
    ReceiptRow,
    StagedRollRow,
    TransferRow,
)
from gateway.registry.tables.row import existing
from gateway.registry.transfers import row_of
from gateway.registry.vouched_rows import vouch_for
from gateway.reports.retention import UNOPENED, Due, Plan, Retained, Retention, What, plan

# Never a person's name: names of staff have no spaces.
BY_RETENTION = "gateway retention"
_PAGE = 500


_WORDS: Mapping[str, str] = {
    "sealed": "the file as it was sent",
    "receipts": "the receipts held here",
    "index": "what the registry said of the file",
    "people": "the means to tie log entries to a person or a file name",
    "notices": "a notice to a provider",
    "declarations": "the receipt of a declaration, and who made it",
}


def plan_at(session: Session, rules: Retention, moment: datetime) -> Plan:
    """Return the plan of all deletions due at `moment`, and of those on hold."""
    accepted, refused = (moment - rules.shortest(state) for state in ("accepted", "refused"))
    made = col(ReceiptRow.created_at) <= moment - rules.shortest_of_notices()
    rows = decided_before(session, accepted=accepted, refused=refused)
    return plan(rules, chain(rows, _kept_notices(session, made)), moment)


def decided_before(session: Session, *, accepted: datetime, refused: datetime) -> Iterator[Retained]:
    """Yield transfers accepted by one moment or refused by the other, with facts for planning retention."""
    state, at = col(TransferRow.state), col(TransferRow.decided_at)
    decided = or_(and_(state == "accepted", at <= accepted), and_(state == "refused", at <= refused))
    sequence = -1
    while True:
        rows = session.exec(
            select(TransferRow)
            .where(decided, col(TransferRow.sequence) > sequence)
            .order_by(col(TransferRow.sequence))
            .limit(_PAGE)
        ).all()
        if not rows:
            return
        yield from _kept(session, rows)
        sequence = cast("int", rows[-1].sequence)
        session.expunge_all()


def unopened_between(session: Session, begin: datetime, end: datetime) -> list[Retained]:
    """Return at most a page of stored files refused without opening, decided between two moments."""
    gone = select(DeletionRow.reference).where(DeletionRow.what == "sealed")
    other = select(ReasonRow.transfer).where(
        ReasonRow.transfer == TransferRow.sequence, col(ReasonRow.code).not_in(UNOPENED)
    )
    rows = session.exec(
        select(TransferRow)
        .where(
            TransferRow.state == "refused",
            col(TransferRow.decided_at).between(begin, end),
            col(TransferRow.withheld).is_(False),
            col(TransferRow.reference).not_in(gone),
            ~other.exists(),
        )
        .order_by(col(TransferRow.sequence))
        .limit(_PAGE)
    ).all()
    return list(_kept(session, rows))


def kept(session: Session, references: Collection[str]) -> list[Retained]:
    """Return transfers, notices and declarations by reference, with the facts for planning retention."""
    rows = session.exec(select(TransferRow).where(col(TransferRow.reference).in_(references))).all()
    made = col(ReceiptRow.reference).in_(references)
    return [*_kept(session, rows), *_kept_notices(session, made)]


def undecided(session: Session) -> Sequence[str]:
    """Return references of all transfers without a final decision."""
    query = select(TransferRow.reference).where(col(TransferRow.state).in_(("landed", "held")))
    return session.exec(query.order_by(col(TransferRow.sequence))).all()


def holding(session: Session, reference: str) -> tuple[TransferRow | None, Sequence[ReceiptRow]]:
    """Return the row of a transfer, None for a notice or declaration, and the receipts still stored."""
    row = session.exec(select(TransferRow).where(TransferRow.reference == reference)).first()
    return row, session.exec(select(ReceiptRow).where(ReceiptRow.reference == reference)).all()


def record_deletion(session: Session, due: Due, files: Sequence[str], at: datetime) -> None:
    """Delete the rows of one part of a transfer; record the deletion, and the `files` still to be removed."""
    row, receipts = holding(session, due.reference)
    sealed = row if due.what == "sealed" else None
    session.add(
        DeletionRow(
            reference=due.reference,
            what=due.what,
            data_type=due.data_type,
            rule=due.rule,
            since=due.since,
            deleted_at=at,
            sha256=sealed.sha256 if sealed else None,
            size=sealed.size if sealed else None,
            files="\n".join(files),
        )
    )
    match due.what:
        case "sealed":
            _forget_file(session, due.reference, at)
        case "receipts" | "notices":
            _forget_receipts(session, receipts)
        case "declarations":
            _forget_receipts(session, receipts)
            # Delete the declarer; method, kind of data, times and state stay, as in the log.
            made = session.exec(select(DeclarationRow).where(DeclarationRow.reference == due.reference)).one()
            made.declared_by, made.circumstances = "", ""
            _forget_people(session, due.reference)
        case "index":
            _forget_index(session, due.reference)
        case "people":
            _forget_people(session, due.reference)
    session.flush()


def overwrite_what_goes(session: Session) -> None:
    """Let SQLite overwrite with zeros all rows deleted from now on in this session."""
    if session.get_bind().dialect.name == "sqlite":
        session.connection().exec_driver_sql("PRAGMA secure_delete = ON")


def files_to_remove(session: Session) -> Mapping[tuple[str, str], list[str]]:
    """Return by reference and part the paths of files whose deletion is on record, perhaps still on disk."""
    rows = session.exec(select(DeletionRow).where(DeletionRow.files != "")).all()
    return {(row.reference, row.what): row.files.split("\n") for row in rows}


def files_are_gone(session: Session, removed: Collection[tuple[str, str]]) -> None:
    """Record the files of deletions, each named by reference and part, as off the disk."""
    for reference, what in removed:
        session.get_one(DeletionRow, (reference, what)).files = ""
    session.flush()


def uncertified(session: Session) -> Sequence[DeletionRow]:
    """Return the completed deletions that no certificate covers."""
    query = select(DeletionRow).where(col(DeletionRow.certificate).is_(None), DeletionRow.files == "")
    return session.exec(query.order_by(col(DeletionRow.reference), col(DeletionRow.what))).all()


def deletion_certificate(
    rows: Sequence[DeletionRow], *, organisation: str, policy_sha256: str, at: datetime
) -> str:
    """Return a certificate of deletions with reasons, to be clearsigned. Names references and digests only.

    ValueError for no deletions: an empty certificate would certify nothing.
    """
    if not rows:
        raise ValueError("nothing was deleted")
    lines = [
        f"Certificate of deletion, {visible(organisation)}",
        "",
        f"Made       {rfc3339(at)}",
        "Policy     policies/retention.toml with the SHA-256",
        f"           {policy_sha256[:32]}",
        f"           {policy_sha256[32:]}",
        f"Deletions  {len(rows)}",
        "",
        "The following was deleted because its time of keeping was over and no",
        "legal hold was on it. Each deletion is an entry of the gateway's log.",
        "Receipts given out earlier can still be verified against the log.",
        "",
    ]
    for one in sorted(rows, key=lambda row: (row.reference, row.what)):
        lines += [
            one.reference,
            f"  What     {_WORDS[one.what]}",
            f"  Rule     {one.rule}, due since {rfc3339(one.since)}",
            f"  Deleted  {rfc3339(one.deleted_at)}",
        ]
        if one.sha256 is not None:
            lines += [f"  SHA-256  {one.sha256[:32]}", f"           {one.sha256[32:]}"]
        lines += [f"  Size     {one.size} bytes", ""] if one.size is not None else [""]
    return "\n".join(lines)


def certify(session: Session, rows: Sequence[DeletionRow], text: str, at: datetime) -> int:
    """Store a signed certificate about deletions; return its number."""
    certificate = DeletionCertificateRow(made_at=at, text=text)
    session.add(certificate)
    session.flush()
    for row in rows:
        row.certificate = certificate.number
    session.flush()
    return cast("int", certificate.number)


def certificate(session: Session, number: int | None) -> str:
    """Return the signed certificate of deletion of a number, or the latest. NotFoundError without one."""
    query = select(DeletionCertificateRow.text).order_by(col(DeletionCertificateRow.number).desc())
    if number is not None:
        query = query.where(DeletionCertificateRow.number == number)
    return existing(session.exec(query.limit(1)).first(), "there is no such certificate of deletion")


def deleted(session: Session, what: What) -> set[str]:
    """Return the references of transfers with the part `what`, such as the sealed file, deleted."""
    return set(session.exec(select(DeletionRow.reference).where(DeletionRow.what == what)).all())


def with_sealed_file(session: Session) -> set[str]:
    """Return references of transfers with a sealed file still stored."""
    stored = session.exec(select(TransferRow.reference).where(col(TransferRow.withheld).is_(False)))
    return set(stored.all()) - deleted(session, "sealed")


def _kept(session: Session, rows: Sequence[TransferRow]) -> Iterator[Retained]:
    references = [row.reference for row in rows]
    on_hold = holds.on_hold(session, references)
    gone: dict[str, set[What]] = {row.reference: {"sealed"} if row.withheld else set() for row in rows}
    query = select(DeletionRow.reference, DeletionRow.what).where(col(DeletionRow.reference).in_(references))
    for reference, what in session.exec(query):
        gone[reference].add(cast("What", what))
    sequences = {cast("int", row.sequence): row.reference for row in rows}
    codes: dict[str, set[str]] = {row.reference: set() for row in rows}
    query_codes = select(ReasonRow.transfer, ReasonRow.code).where(col(ReasonRow.transfer).in_(sequences))
    for sequence, code in session.exec(query_codes):
        codes[sequences[sequence]].add(code)
    for row in rows:
        yield Retained(
            reference=row.reference,
            state=cast("State", row.state),
            data_type=row.data_type,
            at=row.decided_at,
            unopened=bool(codes[row.reference]) and codes[row.reference] <= UNOPENED,
            legal_hold=row.reference in on_hold,
            deleted=frozenset(gone[row.reference]),
        )


def _kept_notices(session: Session, wanted: ColumnElement[bool]) -> list[Retained]:
    """Return the notices, and the receipts of declarations, still stored: neither belongs to a file."""
    columns = (ReceiptRow.reference, ReceiptRow.name, ReceiptRow.created_at)
    # Only notices, for people alone, have no JSON.
    notices = session.exec(select(*columns).where(wanted, ReceiptRow.json_text == "")).all()
    of_it = col(ReceiptRow.reference) == col(DeclarationRow.reference)
    declared = session.exec(select(DeclarationRow).join(ReceiptRow, of_it).where(wanted)).all()
    references = [*(reference for reference, _, _ in notices), *(row.reference for row in declared)]
    on_hold = holds.on_hold(session, references) if references else set()
    return [
        *(
            Retained(
                reference=reference,
                what="notices",
                state="discrepancies" if name == DISCREPANCY_NOTICE else "keys",
                at=made_at,
                legal_hold=reference in on_hold,
            )
            for reference, name, made_at in notices
        ),
        *(
            Retained(
                reference=row.reference,
                what="declarations",
                # A held declaration is never decided again: people make another.
                state="accepted" if row.state == "accepted" else "refused",
                at=row.declared_at,
                data_type=only[0] if len(only := row.data_types.split()) == 1 else None,
                legal_hold=row.reference in on_hold,
            )
            for row in declared
        ),
    ]


def _forget_file(session: Session, reference: str, at: datetime) -> None:
    """Delete a file's copies for providers, and take the file out of every mailbox."""
    row = row_of(session, reference)
    for copy in session.exec(select(CopyRow).where(CopyRow.transfer == row.sequence)).all():
        session.delete(copy)
    waiting = select(DeliveryRow).where(
        DeliveryRow.transfer == row.sequence, col(DeliveryRow.dealt_with_at).is_(None)
    )
    for delivery in session.exec(waiting).all():
        delivery.dealt_with_at, delivery.dealt_with_by = at, BY_RETENTION


def _forget_receipts(session: Session, receipts: Sequence[ReceiptRow]) -> None:
    for receipt in receipts:
        # The deleted receipt vouched for its head. A notice has none.
        head = None
        if receipt.seal == UNSIGNED:
            _, head = proved_by(session, receipt) or (None, None)
        elif receipt.json_text:
            head = json.loads(receipt.json_text)["checkpoint"]
        if head is not None:
            vouch_for(session, session.get_one(CheckpointRow, int(head.split("\n")[1])))
        session.delete(receipt)


def _forget_index(session: Session, reference: str) -> None:
    """Erase a transfer's names, contents and reasons; digest, sizes, times, state, flow and kind stay."""
    row = row_of(session, reference)
    row.name, row.client, row.content, row.content_sha256 = "", "", None, None
    if row.withheld:  # The digest of a file in the clear, and so of a content.
        row.sha256 = ""
    for reason in session.exec(select(ReasonRow).where(ReasonRow.transfer == row.sequence)).all():
        session.delete(reason)
    for delivery in session.exec(select(DeliveryRow).where(DeliveryRow.transfer == row.sequence)).all():
        delivery.dealt_with_by = None
    _forget_notices(session, reference)
    session.execute(delete(PupilRow).where(col(PupilRow.transfer) == row.sequence))
    session.execute(delete(PersonsOfTransferRow).where(col(PersonsOfTransferRow.transfer) == row.sequence))
    session.execute(delete(StagedRollRow).where(col(StagedRollRow.transfer) == row.sequence))
    session.execute(update(EventRow).where(col(EventRow.subject) == reference).values(actor=None, note=None))


def _forget_notices(session: Session, reference: str) -> None:
    """Delete the notices to data protection officers about a file, since they name readers."""
    for notice in session.exec(select(AuthorityNoticeRow).where(AuthorityNoticeRow.reference == reference)):
        session.delete(notice)


def _forget_people(session: Session, reference: str) -> None:
    """Erase names, notes and salts of a file's log entries: no commitment leads to a person any more."""
    _forget_notices(session, reference)
    session.execute(
        update(EventRow).where(col(EventRow.subject) == reference).values(actor=None, note=None, salt=None)
    )
