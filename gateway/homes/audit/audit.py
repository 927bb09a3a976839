"""Audit a whole registry against its log; each check comes after those on which it depends."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from operator import attrgetter
from typing import Any

from sqlalchemy import or_
from sqlmodel import Session, SQLModel, col, func, select

from gateway.errors import ConfigurationError
from gateway.homes.audit.tree import AuditPortions, Faults, Inconsistency, check_tree, key_at, paged
from gateway.log.checkpoint import VerifierKey
from gateway.log.leaf import commitment
from gateway.openpgp.sealer import SignatureInvalid, verify_clearsigned
from gateway.receipts.text import statement_in
from gateway.registry import keys, log, retention, vouched_rows
from gateway.registry.receipts import UNSIGNED, proved_by
from gateway.registry.tables import CheckpointRow, EventRow, ReceiptRow, TransferRow
from gateway.verify.verify_receipts import KeyInTime, Unproved, canonical, check_receipt

_RULINGS = ("decided", "released", "refused", "withdrawn", "redelivered")
_RECEIPTED = ("landed", *_RULINGS)
_SIGNED_WITHIN = timedelta(hours=1)
_HEX = re.compile(r"[0-9a-f]{128}")


def receipt_faults(
    rows: Sequence[ReceiptRow], log_keys: Sequence[KeyInTime], certificates: Sequence[bytes]
) -> Faults:
    """Return the faults of receipts, by the number of the receipt, in the order of checking.
    None among the faults marks the point at which the caller has to compare the receipt with the log. A
    receipt without faults is left out.
    """
    found = ((row.sequence or 0, [*_faults_of(row, log_keys, certificates)]) for row in rows)
    return {number: faults for number, faults in found if faults != [None]}


def _faults_of(
    row: ReceiptRow, log_keys: Sequence[KeyInTime], certificates: Sequence[bytes]
) -> Iterator[str | None]:
    if row.seal == UNSIGNED:  # The log vouches for what it states, and whoever publishes it signs it.
        yield None
        return
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
    if "rows" not in json.loads(json.loads(row.json_text)["leaf"])["fields"]:
        is_as_made = row.seal is None  # By an earlier version.
    else:
        seal = bytes.fromhex(row.seal) if row.seal and _HEX.fullmatch(row.seal) else b""
        is_as_made = any(
            VerifierKey.read(one.key).verify(
                seal, vouched_rows.sealed_content(vouched_rows.content_of(row), number)
            )
            for one in log_keys
            for number in (row.sequence, None)
        )
    if not is_as_made:
        yield "it is not the row that was made"
    yield None
    stated = tuple(checked.receipt[name] for name in ("reference", "provider", "stage"))
    if stated != (row.reference, row.provider, row.stage) or row.reference not in text:
        yield "its columns are not what it states"


def check_transfers(session: Session) -> Iterator[Inconsistency]:
    """Yield every transfer that is missing in the registry or in the log.
    Yield also each transfer whose state differs from the state according to its log entries.
    """
    folded: dict[str, str] = {}
    for _, kind, subject, _, fields in events_of(session, _RECEIPTED):
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
    """Yield each log entry that does not commit to the file's name and digest in the registry."""
    query = select(TransferRow.reference, TransferRow.name, TransferRow.content_sha256)
    known = {reference: (name, content) for reference, name, content in session.exec(query).all()}
    for number, kind, subject, salt, fields in events_of(session, _RECEIPTED):
        name, content = known.get(subject, (None, None))
        # Retention may have deleted a name and kept its salt.
        if not name or salt is None:
            continue
        if fields.get("name_commitment") != commitment(name, salt):
            yield Inconsistency(f"event {number}", "its salt does not open the name that it commits to")
        committed = fields.get("content_commitment")  # Entries of earlier versions have none.
        if content and committed and kind != "landed" and committed != commitment(content, salt):
            yield Inconsistency(f"event {number}", "its salt does not open the content it commits to")


def events_of(
    session: Session, kinds: Sequence[str]
) -> Iterator[tuple[int, str, str, bytes | None, dict[str, Any]]]:
    """Yield number, kind, subject, salt and fields of each log entry whose kind is in `kinds`.
    The salt is None if deleted or not needed. Entries with unreadable leaves are left out: `check_tree`
    reports them.
    """
    query = select(EventRow).where(col(EventRow.kind).in_(kinds)).order_by(col(EventRow.number))
    for row in session.exec(query.execution_options(yield_per=1000)):
        with suppress(ConfigurationError):
            yield row.number, row.kind, row.subject, row.salt, row.fields


def check_rows(session: Session, expected: dict[vouched_rows.Row, str]) -> Iterator[Inconsistency]:
    """Yield every row changed, added or removed without a log entry, except rows of signed heads.
    `expected`: the digest of each row according to the log, from `last_known`. Rows found in the registry are
    taken out of `expected`; the signed heads and the missing rows remain.
    """
    for table in recorded_classes():
        if table is not CheckpointRow:
            yield from _check_table(session, table, expected)
    yield from _missing(key for key in expected if key[0] != CheckpointRow.__tablename__)


def _check_table(
    session: Session, table: type[SQLModel], expected: dict[vouched_rows.Row, str]
) -> Iterator[Inconsistency]:
    order = list(table.__table__.primary_key.columns)  # type: ignore[attr-defined] # SQLModel's
    for row in paged(session, table, order):
        known = expected.pop(vouched_rows.identity(row), None)
        if known is None:
            yield Inconsistency(_named(vouched_rows.identity(row)), "the log knows of no such row")
        elif known != _stated(row) and known != vouched_rows.digest(row):
            yield Inconsistency(_named(vouched_rows.identity(row)), "it is not as the log has it")


def _missing(keys: Iterable[vouched_rows.Row]) -> Iterator[Inconsistency]:
    for key in sorted(keys):
        yield Inconsistency(_named(key), "the row is missing")


def _stated(row: SQLModel) -> str | None:
    """Return the digest that the log should record for the contents of a receipt.
    Return None if `row` is a notice, or is no receipt.
    """
    if not isinstance(row, ReceiptRow):
        return None
    try:
        statement = row.text if row.seal == UNSIGNED else statement_in(row.text)
        spelled = canonical(json.loads(row.json_text)["receipt"])
    except (ValueError, TypeError, KeyError):  # A notice, which has no proof.
        return None
    return vouched_rows.stated_digest(vouched_rows.content_of(row), statement, spelled)


def _entry_of(session: Session, row: ReceiptRow) -> int:
    """Return the number of the log entry about a receipt; -1 for an unsigned receipt that has no entry."""
    if row.seal == UNSIGNED:
        return (proved_by(session, row, _stated(row) or "") or (-1,))[0]
    index: int = json.loads(row.json_text)["index"]
    return index


def _carried_heads(
    session: Session, expected: dict[vouched_rows.Row, str]
) -> Iterator[tuple[vouched_rows.Row, str]]:
    """Yield row and digest of each signed head that a receipt contains and `expected` lacks."""
    told = [
        (json.dumps({"checkpoint": found[1]}), row.created_at)
        for row in session.exec(select(ReceiptRow).where(ReceiptRow.seal == UNSIGNED))
        if (found := proved_by(session, row, _stated(row) or ""))
    ]
    query = select(ReceiptRow.json_text, ReceiptRow.created_at).execution_options(yield_per=1000)
    for text, at in chain(told, session.exec(query)):
        try:
            head = json.loads(text)["checkpoint"]
            size = int(head.split("\n")[1])
        except (ValueError, TypeError, KeyError, IndexError, AttributeError):
            continue  # A notice, or a case for the check of receipts.
        key = str(CheckpointRow.__tablename__), json.dumps([size])
        if key not in expected:
            yield key, vouched_rows.digest(CheckpointRow(size=size, text=head, created_at=at))


def last_known(session: Session) -> dict[vouched_rows.Row, str]:
    """Return the digest of each row as last recorded in the log."""
    known: dict[vouched_rows.Row, str] = {}
    vouches = or_(col(EventRow.kind) == "recorded", col(EventRow.rows).is_not(None))
    query = select(EventRow.rows, EventRow.note).where(vouches).order_by(col(EventRow.number))
    for rows, note in session.exec(query):
        for row, content in vouched_rows.read_changes(rows or note or "[]"):
            if content is None:
                known.pop(row, None)
            else:
                known[row] = content
    return known


def recorded_classes() -> list[type[SQLModel]]:
    """Return the classes of the tables whose rows the log records, in order of name."""
    names = set(vouched_rows.recorded_tables())
    found = [mapper.class_ for mapper in SQLModel._sa_registry.mappers]  # noqa: SLF001 - it has no other list
    return sorted(
        (one for one in found if one.__tablename__ in names), key=lambda one: str(one.__tablename__)
    )


def certificates_of(session: Session) -> list[str]:
    """Return the gateway's OpenPGP certificates, present and former, as on record."""
    return [key.material for key in keys.list_keys(session, "gateway") if key.kind == "openpgp"]


def _named(row: vouched_rows.Row) -> str:
    table, key = row
    return f"{table} {' '.join(str(part) for part in json.loads(key))}"


def audit(session: Session, vkey: str, portions: AuditPortions | None = None) -> Iterator[Inconsistency]:
    """Yield every inconsistency: in the log, then in the rows, then in transfers and receipts.
    `vkey`: the log's verifier key. `portions`: how many processes check, and which portions were faultless
    before; by default this process checks everything. If somebody replaced the whole registry by an older
    copy, the audit does not notice; a later checkpoint kept elsewhere shows the replacement (`gateway log
    verify --checkpoint FILE`).
    """
    portions = portions or AuditPortions()
    log_keys = log.keys_in_time(session, vkey)
    if log_keys[-1].key != vkey:
        yield Inconsistency("log", "it names another key as its own than keys/ holds")
    yield from check_tree(session, log_keys, portions)
    expected = last_known(session)
    yield from check_rows(session, expected)
    yield from check_transfers(session)
    yield from check_names(session)
    # Every receipt that is not genuine, is missing, or has no event.
    # The number and subject of every event that requires a receipt.
    deleted = retention.deleted(session, "receipts") | retention.deleted(session, "declarations")
    owed = {
        number: subject
        for number, _, subject, _, fields in events_of(session, (*_RECEIPTED, "declared"))
        if "receipt" in fields and subject not in deleted
    }
    trusted = tuple(log_keys), tuple(one.encode() for one in certificates_of(session))
    rows = paged(session, ReceiptRow, [col(ReceiptRow.sequence)])
    newest = session.exec(select(func.max(ReceiptRow.created_at))).one()
    for portion, faults in portions.checked(receipt_faults, rows, attrgetter("sequence"), lambda _: trusted):
        for row in portion:
            where = f"receipt {row.sequence} of {row.reference}"
            if row.seal == UNSIGNED and row.created_at < newest - _SIGNED_WITHIN:
                yield Inconsistency(where, "it was never signed")
            for fault in faults.get(row.sequence or 0, (None,)):
                if fault is not None:
                    yield Inconsistency(where, fault)
                elif row.json_text and owed.pop(_entry_of(session, row), None) is None:
                    yield Inconsistency(where, "the log asks for no such receipt, or has it twice")
    for number, reference in sorted(owed.items()):
        yield Inconsistency(f"receipt of {reference}", f"the one that event {number} asks for is missing")
    expected.update(_carried_heads(session, expected))
    yield from _check_table(session, CheckpointRow, expected)
    yield from _missing(key for key in expected if key[0] == CheckpointRow.__tablename__)


def rows_to_look_at(session: Session) -> int:
    """Return the number of rows that an audit reads; a row that is read twice counts twice."""
    tables: list[type[SQLModel]] = [EventRow, *recorded_classes(), TransferRow, ReceiptRow]
    return sum(session.exec(select(func.count()).select_from(table)).one() for table in tables)


def summary(inconsistencies: Sequence[Inconsistency], leaves: int) -> str:
    """Return the audit's outcome in one sentence: the first inconsistency, or how much was checked."""
    if inconsistencies:
        return f"{inconsistencies[0].where}: {inconsistencies[0].what}"
    return f"everything fits: {leaves} entries of the log, every row, every receipt"
