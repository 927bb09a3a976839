"""The whole audit, in the order in which one thing rests on another."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col

from gateway.audit.misfit import Misfit, paged
from gateway.audit.receipts import check_receipts, check_transfers
from gateway.audit.rows import check_rows
from gateway.audit.tree import check_tree
from gateway.home import Home
from gateway.registry.tables import TransferRow


@dataclass(frozen=True, slots=True)
class Anchors:
    """What the audit believes: the verifier keys of the log, and the gateway's OpenPGP certificates."""

    vkeys: tuple[str, ...]
    certificates: tuple[bytes, ...]


def audit(session: Session, anchors: Anchors) -> Iterator[Misfit]:
    """Everything that does not fit: the log, then the rows, then transfers and receipts.

    What this cannot find: the whole registry replaced by an older copy of itself. That is found
    against any later checkpoint kept elsewhere (`gateway log verify --checkpoint FILE`).
    """
    yield from check_tree(session, anchors.vkeys)
    yield from check_rows(session)
    yield from check_transfers(session)
    yield from check_receipts(session, anchors.vkeys, anchors.certificates)


def check_sealed(session: Session, home: Home) -> Iterator[Misfit]:
    """Every sealed file that is missing or is not what landed. Reads all of them."""
    for row in paged(session, TransferRow, [col(TransferRow.sequence)]):
        if row.withheld:
            continue
        try:
            with home.sealed(row.reference).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError:
            yield Misfit(f"sealed {row.reference}", "the file is missing")
            continue
        if digest != row.sha256:
            yield Misfit(f"sealed {row.reference}", "the file is not the one that landed")


def summary(misfits: Sequence[Misfit], leaves: int) -> str:
    """The outcome in one sentence."""
    if misfits:
        return f"{misfits[0].where}: {misfits[0].what}"
    return f"everything fits: {leaves} entries of the log, every row, every receipt"
