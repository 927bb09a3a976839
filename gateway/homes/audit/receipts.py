"""Audit of receipts and transfers against the log: one genuine receipt each, and the state after all
events.
"""

import json
import re
from collections.abc import Iterator, Sequence

from sqlmodel import Session, col, select

from gateway.homes.audit.inconsistency import Inconsistency, paged
from gateway.homes.audit.tree import key_at, read_leaf
from gateway.log.checkpoint import VerifierKey
from gateway.log.leaf import Event, commitment
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.registry import retention
from gateway.registry.tables import EventRow, ReceiptRow, TransferRow
from gateway.registry.vouched_rows import content_of, sealed_content
from gateway.verify.verify_receipts import KeyInTime, Unproved, check_receipt

_RULINGS = ("decided", "released", "refused", "withdrawn", "redelivered")
_RECEIPTED = ("landed", *_RULINGS)
_HEX = re.compile(r"[0-9a-f]{128}")


def check_receipts(
    session: Session, log_keys: Sequence[KeyInTime], certificates: Sequence[bytes]
) -> Iterator[Inconsistency]:
    """Yield every receipt that is not genuine, is missing, or has no event."""
    # The number and subject of every event that requires a receipt.
    deleted = retention.deleted(session, "receipts") | retention.deleted(session, "declarations")
    owed = {
        event.sequence: event.subject
        for event in _events(session, (*_RECEIPTED, "declared"))
        if "receipt" in event.fields and event.subject not in deleted
    }
    for row in paged(session, ReceiptRow, [col(ReceiptRow.sequence)]):
        where = f"receipt {row.sequence} of {row.reference}"
        try:
            text, _ = verify_clearsigned(row.text, certificates)
            if not row.json_text:  # A notice has no entry in the log.
                continue
            checked = check_receipt(row.json_text)
        except (Unproved, SignatureInvalid) as error:
            yield Inconsistency(where, str(error))
            continue
        if checked.log_key != key_at(log_keys, checked.head.size):
            yield Inconsistency(where, "it is signed by another key than the log's")
        if not _is_as_it_was_made(row, log_keys):
            yield Inconsistency(where, "it is not the row that was made")
        if owed.pop(checked.index, None) is None:
            yield Inconsistency(where, "the log asks for no such receipt, or has it twice")
        stated = tuple(checked.receipt[name] for name in ("reference", "provider", "stage"))
        if stated != (row.reference, row.provider, row.stage) or row.reference not in text:
            yield Inconsistency(where, "its columns are not what it states")
    for number, reference in sorted(owed.items()):
        yield Inconsistency(f"receipt of {reference}", f"the one that event {number} asks for is missing")


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
    for event in _events(session, _RECEIPTED):
        if event.kind == "landed":
            folded.setdefault(event.subject, "landed")
        elif event.subject in folded or _arrives(event):
            folded[event.subject] = str(event.fields["state"])
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
    for row in paged(session, EventRow, [col(EventRow.number)]):
        name, content = known.get(row.subject, (None, None))
        # Retention may have deleted a name and kept its salt.
        if not name or row.salt is None or row.kind not in _RECEIPTED:
            continue
        try:
            fields = read_leaf(row).fields
        except ValueError:
            fields = {}
        if fields.get("name_commitment") != commitment(name, row.salt):
            yield Inconsistency(f"event {row.number}", "its salt does not open the name that it commits to")
        committed = fields.get("content_commitment")  # Entries of earlier versions have none.
        if content and committed and row.kind != "landed" and committed != commitment(content, row.salt):
            yield Inconsistency(f"event {row.number}", "its salt does not open the content it commits to")


def _arrives(event: Event) -> bool:
    """Return True for the first entry on a file decided within a moment."""
    return event.kind == "decided" and "folder" in event.fields


def _events(session: Session, kinds: Sequence[str]) -> Iterator[Event]:
    query = select(EventRow).where(col(EventRow.kind).in_(kinds)).order_by(col(EventRow.number))
    for row in session.exec(query):
        try:
            yield read_leaf(row)
        except ValueError:
            # The check of the tree reports unreadable leaves.
            continue
