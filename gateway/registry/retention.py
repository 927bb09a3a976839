"""Find the parts of transfers still stored, delete their rows, and record the deletions and certificates."""

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from itertools import chain
from typing import cast

from sqlalchemy import ColumnElement, and_, delete, or_, update
from sqlmodel import Session, col, select

from gateway.log.leaf import rfc3339
from gateway.model import State
from gateway.receipts.text import visible
from gateway.registry import holds, markers, tables
from gateway.registry.receipts import DISCREPANCY_NOTICE, UNSIGNED, proved_by
from gateway.registry.tables import DeclarationRow, DeletionRow, DeliveryRow, ReceiptRow, TransferRow
from gateway.registry.tables.row import drop, existing, first, only, rows, store, values
from gateway.registry.transfers import is_stored, row_of
from gateway.registry.vouched_rows import vouch_for
from gateway.reports.retention import UNOPENED, Due, Retained, Retention, What, plan

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


def plan_at(session: Session, rules: Retention, moment: datetime) -> tuple[list[Due], list[Due]]:
    """Return two lists: deletions due at a moment, and deletions that a hold or a restriction prevents."""
    accepted, refused = (moment - rules.shortest(state) for state in ("accepted", "refused"))
    made = col(ReceiptRow.created_at) <= moment - rules.shortest_of_notices()
    decided = decided_before(session, accepted=accepted, refused=refused)
    return plan(rules, chain(decided, _kept_notices(session, made)), moment)


def decided_before(session: Session, *, accepted: datetime, refused: datetime) -> Iterator[Retained]:
    """Yield the transfers accepted by the time `accepted` or refused by the time `refused`, as facts for
    retention.
    """
    state, at = col(TransferRow.state), col(TransferRow.decided_at)
    decided = or_(and_(state == "accepted", at <= accepted), and_(state == "refused", at <= refused))
    sequence = -1
    query = select(TransferRow).where(decided).order_by(col(TransferRow.sequence)).limit(_PAGE)
    while some := session.exec(query.where(col(TransferRow.sequence) > sequence)).all():
        yield from _kept(session, some)
        sequence = cast("int", some[-1].sequence)
        session.expunge_all()


def unopened_between(session: Session, begin: datetime, end: datetime) -> list[Retained]:
    """Return at most 500 files refused from `begin` to `end` that nobody has opened and that are still
    stored.
    """
    other = select(tables.ReasonRow.transfer).where(
        tables.ReasonRow.transfer == TransferRow.sequence, col(tables.ReasonRow.code).not_in(UNOPENED)
    )
    decided, opened = col(TransferRow.decided_at).between(begin, end), col(TransferRow.withheld).is_(False)
    which = decided, opened, is_stored(), ~other.exists()
    found = rows(session, TransferRow, "sequence", where=which, limit=_PAGE, state="refused")
    return list(_kept(session, found))


def kept(session: Session, references: Collection[str]) -> list[Retained]:
    """Return the facts that retention needs about transfers, notices and declarations, given by reference."""
    found = rows(session, TransferRow, reference=references)
    made = col(ReceiptRow.reference).in_(references)
    return [*_kept(session, found), *_kept_notices(session, made)]


def undecided(session: Session) -> Sequence[str]:
    """Return references of all transfers without a final decision."""
    return values(session, TransferRow.reference, "sequence", state=("landed", "held"))


def rows_of(session: Session, reference: str) -> tuple[TransferRow | None, Sequence[ReceiptRow]]:
    """Return a transfer's row (None for a notice or declaration) and the receipts of a reference."""
    receipts = rows(session, ReceiptRow, reference=reference)
    return first(session, TransferRow, reference=reference), receipts


def record_deletion(session: Session, due: Due, files: Sequence[str], at: datetime) -> None:
    """Delete the rows of the part named in `due`. Record the deletion, and the paths `files` still to be
    removed.
    """
    _, receipts = rows_of(session, due.reference)
    gone = DeletionRow(**asdict(due), deleted_at=at, files="\n".join(files))
    session.add(gone)
    match due.what:
        case "sealed":
            row = row_of(session, due.reference)
            gone.sha256, gone.size = row.sha256, row.size
            # Its copies for providers go, and it leaves every mailbox.
            drop(session, *rows(session, tables.CopyRow, transfer=row.sequence))
            for delivery in rows(session, DeliveryRow, transfer=row.sequence):
                if delivery.dealt_with_at is None:
                    delivery.dealt_with_at, delivery.dealt_with_by = at, BY_RETENTION
        case "receipts" | "notices":
            _forget_receipts(session, receipts)
        case "declarations":
            _forget_receipts(session, receipts)
            # Delete the declarer; method, kind of data, times and state stay, as in the log.
            (made,) = rows(session, DeclarationRow, reference=due.reference)
            made.declared_by, made.circumstances = "", ""
            _forget_people(session, due.reference, "actor", "note", "salt")
        case "index":
            _forget_index(session, due.reference)
        case "people":
            _forget_people(session, due.reference, "actor", "note", "salt")
    session.flush()


def overwrite_deleted_rows(session: Session) -> None:
    """Make SQLite overwrite with zeros every row deleted from now on in this session."""
    if session.get_bind().dialect.name == "sqlite":
        session.connection().exec_driver_sql("PRAGMA secure_delete = ON")


def files_to_remove(session: Session) -> Mapping[tuple[str, str], list[str]]:
    """Return the paths of files recorded as deleted, but perhaps still on disk, by reference and part."""
    found = rows(session, DeletionRow, where=[DeletionRow.files != ""])
    return {(row.reference, row.what): row.files.split("\n") for row in found}


def uncertified(session: Session) -> Sequence[DeletionRow]:
    """Return the completed deletions that no certificate covers."""
    return rows(session, DeletionRow, "reference", "what", certificate=None, files="")


def deletion_certificate(
    rows: Sequence[DeletionRow], *, organisation: str, policy_sha256: str, at: datetime
) -> str:
    """Return the text of a certificate of deletions, to be clearsigned: it names files by reference only.
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


def certify(session: Session, rows: Sequence[DeletionRow], text: str, at: datetime) -> None:
    """Store a signed certificate about deletions."""
    certificate = tables.DeletionCertificateRow(made_at=at, text=text)
    store(session, certificate)
    for row in rows:
        row.certificate = certificate.number


def certificate(session: Session, number: int | None) -> str:
    """Return the signed certificate of deletion `number`, or (None) the latest. NotFoundError without one."""
    found = first(session, tables.DeletionCertificateRow, "-number", **only(number=number))
    return existing(found, "there is no such certificate of deletion").text


def deleted(session: Session, what: What) -> set[str]:
    """Return the references of transfers whose part `what`, such as "sealed", was deleted."""
    return set(values(session, DeletionRow.reference, what=what))


def with_sealed_file(session: Session) -> set[str]:
    """Return references of transfers with a sealed file still stored."""
    return set(values(session, TransferRow.reference, where=[is_stored()], withheld=False))


def _kept(session: Session, rows: Sequence[TransferRow]) -> Iterator[Retained]:
    references = [row.reference for row in rows]
    on_hold = holds.on_hold(session, references)
    # Restricted data is stored, and nothing else: deleting it would be use of it (UK GDPR, Article 18(2)).
    restricted = markers.restricted(session, [cast("int", row.sequence) for row in rows])
    gone: dict[str, set[What]] = {row.reference: {"sealed"} if row.withheld else set() for row in rows}
    query = select(DeletionRow.reference, DeletionRow.what).where(col(DeletionRow.reference).in_(references))
    for reference, what in session.exec(query):
        gone[reference].add(cast("What", what))
    codes: defaultdict[int | None, set[str]] = defaultdict(set)
    why = tables.ReasonRow
    of_them = col(why.transfer).in_([row.sequence for row in rows])
    for sequence, code in session.exec(select(why.transfer, why.code).where(of_them)):
        codes[sequence].add(code)
    for row in rows:
        yield Retained(
            reference=row.reference,
            state=cast("State", row.state),
            data_type=row.data_type,
            at=row.decided_at,
            unopened=bool(codes[row.sequence]) and codes[row.sequence] <= UNOPENED,
            kept_back=row.reference in on_hold or row.sequence in restricted,
            deleted=frozenset(gone[row.reference]),
        )


def _kept_notices(session: Session, wanted: ColumnElement[bool]) -> list[Retained]:
    """Return facts for retention about notices and declarations. `wanted`: the SQL condition for their
    receipts.
    """
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
                kept_back=reference in on_hold,
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
                data_type=kinds[0] if len(kinds := row.data_types.split()) == 1 else None,
                kept_back=row.reference in on_hold,
            )
            for row in declared
        ),
    ]


def _forget_receipts(session: Session, receipts: Sequence[ReceiptRow]) -> None:
    for receipt in receipts:
        # The receipt vouched for the head that it states: now the log has to. A notice states none.
        head = None
        if receipt.seal == UNSIGNED:
            _, head = proved_by(session, receipt) or (None, None)
        elif receipt.json_text:
            head = json.loads(receipt.json_text)["checkpoint"]
        if head is not None:
            vouch_for(session, session.get_one(tables.CheckpointRow, int(head.split("\n")[1])))
        session.delete(receipt)


def _forget_index(session: Session, reference: str) -> None:
    """Erase a transfer's names, contents, reasons and pupils; size, times, state and kind of data stay.
    The digest of the uploaded bytes stays too, if the upload was sealed.
    """
    row = row_of(session, reference)
    row.name, row.client, row.content, row.content_sha256 = "", "", None, None
    if row.withheld:  # The file came unsealed, so this is the digest of its content.
        row.sha256 = ""
    drop(session, *rows(session, tables.ReasonRow, transfer=row.sequence))
    for delivery in rows(session, DeliveryRow, transfer=row.sequence):
        delivery.dealt_with_by = None
    for index in (tables.PupilRow, tables.PersonsOfTransferRow, tables.StagedRollRow):
        session.execute(delete(index).where(col(index.transfer) == row.sequence))
    _forget_people(session, reference, "actor", "note")


def _forget_people(session: Session, reference: str, *columns: str) -> None:
    """Erase `columns` of a file's log entries. Delete notices about the file, because they name readers.
    If the column of salts is erased, no commitment in the log leads to a person any more.
    """
    drop(session, *rows(session, tables.AuthorityNoticeRow, reference=reference))
    of_it = update(tables.EventRow).where(col(tables.EventRow.subject) == reference)
    session.execute(of_it.values(dict.fromkeys(columns)))
