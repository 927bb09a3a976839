"""The whole audit, each check after the checks it depends on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import Session, SQLModel, func, select

from gateway.homes.audit.inconsistency import Inconsistency
from gateway.homes.audit.portions import AuditPortions
from gateway.homes.audit.receipts import check_names, check_receipts, check_transfers
from gateway.homes.audit.rows import check_heads, check_rows, last_known, recorded_classes
from gateway.homes.audit.tree import check_tree
from gateway.registry import log
from gateway.registry.tables import EventRow, ReceiptRow, TransferRow


@dataclass(frozen=True, slots=True)
class Anchors:
    """Trust anchors of the audit: the log's key in use, and the gateway's OpenPGP certificates."""

    vkey: str
    certificates: tuple[bytes, ...]


def audit(
    session: Session, anchors: Anchors, portions: AuditPortions | None = None
) -> Iterator[Inconsistency]:
    """Yield every inconsistency: in the log, then the rows, then transfers and receipts.

    The audit cannot detect a registry replaced as a whole by an older copy. A later checkpoint kept
    elsewhere detects such a replacement (`gateway log verify --checkpoint FILE`). `portions` tells how many
    processes check, and what needs no second check; without it this process checks all.
    """
    portions = portions or AuditPortions()
    log_keys = log.keys_in_time(session, anchors.vkey)
    if log_keys[-1].key != anchors.vkey:
        yield Inconsistency("log", "it names another key as its own than keys/ holds")
    yield from check_tree(session, log_keys, portions)
    expected = last_known(session)
    yield from check_rows(session, expected)
    yield from check_transfers(session)
    yield from check_names(session)
    yield from check_receipts(session, log_keys, anchors.certificates, portions)
    yield from check_heads(session, expected)


def rows_to_look_at(session: Session) -> int:
    """Return the number of rows read by an audit, counting a row once for each reading."""
    counts = {table: _count(session, table) for table in recorded_classes()}
    transfers, receipts = counts[TransferRow], counts[ReceiptRow]
    return _count(session, EventRow) + sum(counts.values()) + transfers + receipts


def _count(session: Session, table: type[SQLModel]) -> int:
    return session.exec(select(func.count()).select_from(table)).one()


def summary(inconsistencies: Sequence[Inconsistency], leaves: int) -> str:
    """Return the outcome in one sentence."""
    if inconsistencies:
        return f"{inconsistencies[0].where}: {inconsistencies[0].what}"
    return f"everything fits: {leaves} entries of the log, every row, every receipt"
