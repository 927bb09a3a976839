"""Audit of receipts and transfers against the log: one genuine receipt each, and the state after all
events.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from sqlmodel import Session, col, select

from gateway.homes.audit.inconsistency import Inconsistency, paged
from gateway.homes.audit.portions import AuditPortions, Faults
from gateway.homes.audit.tree import key_at
from gateway.log.checkpoint import VerifierKey
from gateway.log.leaf import commitment
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.registry import retention
from gateway.registry.tables import EventRow, ReceiptRow, TransferRow
from gateway.registry.vouched_rows import content_of, sealed_content
from gateway.verify.verify_receipts import KeyInTime, Unproved, check_receipt

_RULINGS = ("decided", "released", "refused", "withdrawn", "redelivered")
_RECEIPTED = ("landed", *_RULINGS)
_HEX = re.compile(r"[0-9a-f]{128}")


def check_receipts(
    session: Session, log_keys: Sequence[KeyInTime], certificates: Sequence[bytes], portions: AuditPortions
) -> Iterator[Inconsistency]:
    """Yield every receipt that is not genuine, is missing, or has no event."""
    # The number and subject of every event that requires a receipt.
    deleted = retention.deleted(session, "receipts") | retention.deleted(session, "declarations")
    owed = {
        number: subject
        for number, _, subject, _, fields in _events(session, (*_RECEIPTED, "declared"))
        if "receipt" in fields and subject not in deleted
    }
    keys = tuple(log_keys), tuple(certificates)
    rows = paged(session, ReceiptRow, [col(ReceiptRow.sequence)])
    for portion, faults in portions.checked(receipt_faults, rows, _number, lambda _: keys):
        for row in portion:
            where = f"receipt {row.sequence} of {row.reference}"
            for fault in faults.get(_number(row), (None,)):
                if fault is not None:
                    yield Inconsistency(where, fault)
                elif row.json_text and owed.pop(json.loads(row.json_text)["index"], None) is None:
                    yield Inconsistency(where, "the log asks for no such receipt, or has it twice")
    for number, reference in sorted(owed.items()):
        yield Inconsistency(f"receipt of {reference}", f"the one that event {number} asks for is missing")


def receipt_faults(
    rows: Sequence[ReceiptRow], log_keys: Sequence[KeyInTime], certificates: Sequence[bytes]
) -> Faults:
    """Return the faults of receipts by number; None stands where the log is to be asked for the receipt."""
    found = ((_number(row), [*_faults_of(row, log_keys, certificates)]) for row in rows)
    return {number: faults for number, faults in found if faults != [None]}


def _faults_of(
    row: ReceiptRow, log_keys: Sequence[KeyInTime], certificates: Sequence[bytes]
) -> Iterator[str | None]:
    try:
        text, _ = verify_clearsigned(row.text, certificates)
        checked = check_receipt(row.json_text) if row.json_text else None
    except (Unproved, SignatureInvalid) as error:
        yield str(error)
        return
    if checked is None:  # A notice has no entry in the log.
        yield None
        return
    if checked.log_key != key_at(log_keys, checked.head.size):
        yield "it is signed by another key than the log's"
    if not _is_as_it_was_made(row, log_keys):
        yield "it is not the row that was made"
    yield None
    stated = tuple(checked.receipt[name] for name in ("reference", "provider", "stage"))
    if stated != (row.reference, row.provider, row.stage) or row.reference not in text:
        yield "its columns are not what it states"


def _number(row: ReceiptRow) -> int:
    return row.sequence or 0


def _is_as_it_was_made(row: ReceiptRow, log_keys: Sequence[KeyInTime]) -> bool:
    """Check the row's seal where the log covers only the statement. Earlier versions had no seal."""
    if "rows" not in json.loads(json.loads(row.json_text)["leaf"])["fields"]:
        return row.seal is None
    seal = bytes.fromhex(row.seal) if row.seal and _HEX.fullmatch(row.seal) else b""
    return any(
        VerifierKey.read(one.key).verify(seal, sealed_content(content_of(row), number))
        for one in log_keys
        for number in (row.sequence, None)
    )


def check_transfers(session: Session) -> Iterator[Inconsistency]:
    """Yield every transfer whose state differs from the state its events lead to."""
    folded: dict[str, str] = {}
    for _, kind, subject, _, fields in _events(session, _RECEIPTED):
        if kind == "landed":
            folded.setdefault(subject, "landed")
        # The first entry on a file decided within a moment names its folder.
        elif subject in folded or (kind == "decided" and "folder" in fields):
            folded[subject] = str(fields.get("state"))
    for row in paged(session, TransferRow, [col(TransferRow.sequence)]):
        where = f"transfer {row.reference}"
        state = folded.pop(row.reference, None)
        if state is None:
            yield Inconsistency(where, "the log does not know that it landed")
        elif state != row.state:
            yield Inconsistency(where, f"it is {row.state}, but its events lead to {state}")
    for reference in sorted(folded):
        yield Inconsistency(f"transfer {reference}", "the log knows it, but it is missing")


def check_names(session: Session) -> Iterator[Inconsistency]:
    """Yield every event whose commitment does not match the file's name or content and the salt."""
    query = select(TransferRow.reference, TransferRow.name, TransferRow.content_sha256)
    known = {reference: (name, content) for reference, name, content in session.exec(query).all()}
    for number, kind, subject, salt, fields in _events(session, _RECEIPTED):
        name, content = known.get(subject, (None, None))
        # Retention may have deleted a name and kept its salt.
        if not name or salt is None:
            continue
        if fields.get("name_commitment") != commitment(name, salt):
            yield Inconsistency(f"event {number}", "its salt does not open the name that it commits to")
        committed = fields.get("content_commitment")  # Entries of earlier versions have none.
        if content and committed and kind != "landed" and committed != commitment(content, salt):
            yield Inconsistency(f"event {number}", "its salt does not open the content it commits to")


def _events(
    session: Session, kinds: Sequence[str]
) -> Iterator[tuple[int, str, str, bytes | None, dict[str, Any]]]:
    """Yield number, kind, subject, salt and fields of events.

    The check of the tree reports unreadable leaves.
    """
    query = select(EventRow).where(col(EventRow.kind).in_(kinds)).order_by(col(EventRow.number))
    for row in session.exec(query.execution_options(yield_per=1000)):
        with suppress(ValueError, TypeError, KeyError):
            yield row.number, row.kind, row.subject, row.salt, dict(json.loads(row.leaf)["fields"])
