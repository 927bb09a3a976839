"""What must hold after every fault, whatever it was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session, col, select

from gateway.home.settings import load_settings
from gateway.homes.audit.audit import audit
from gateway.homes.audit.files import check_sealed
from gateway.registry.receipts import KEY_NOTICE
from gateway.registry.tables import EventRow, ReceiptRow, TransferRow
from gateway.secrets.signing import Signing
from gateway.zones.spool import read_handed_over, waiting
from tests.faults.yard import Yard
from tests.looking import in_the_clear


@dataclass(frozen=True)
class Outcome:
    """How many transfers there are, by state. `lost`: uploads whose client was told that they landed."""

    landed: int
    accepted: int
    held: int
    refused: int
    in_progress: int
    lost: int


def settled(yard: Yard, *, log: bool = True, again: Collection[str] = ()) -> Outcome:
    """Stop the services, let everything that waits be processed, and check that nothing is amiss.

    Every transfer is decided, once (those named in `again`: held first, twice); nothing is lost, double or in
    the clear; log and receipts fit (left out without `log`, for a caller that has looked by itself).
    """
    yard.stop()
    yard.site.gateway("process", "--once")
    outcome = check(yard, log=log, again=again)
    assert outcome.in_progress == 0, outcome
    return outcome


def check(yard: Yard, *, log: bool = True, again: Collection[str] = ()) -> Outcome:
    """The invariant, whether or not everything is decided."""
    with yard.registry() as registry, registry.read() as session:
        outcome = _counted(session, yard)
        _check_decided_once(session, yard, again)
        if log:
            _check_log(session, yard)
    _check_folders(yard)
    assert in_the_clear(yard.site.root) == []
    assert outcome.lost == 0, outcome
    return outcome


def _counted(session: Session, yard: Yard) -> Outcome:
    rows = session.exec(select(TransferRow)).all()
    states = Counter(row.state for row in rows)
    assert set(states) <= {"landed", "accepted", "held", "refused"}
    there = {row.name for row in rows} | _waiting(yard)
    # A client that was not told sends again. Then one copy counts and the others are told to be replays.
    counting = Counter(row.name for row in rows if row.state != "refused")
    assert all(number == 1 for number in counting.values()), counting.most_common(3)
    return Outcome(
        landed=len(rows),
        accepted=states["accepted"],
        held=states["held"],
        refused=states["refused"],
        in_progress=states["landed"],
        lost=len(yard.told - there),
    )


def _waiting(yard: Yard) -> set[str]:
    return {read_handed_over(yard.home.spool, reference)[0].name for reference in waiting(yard.home.spool)}


def _check_decided_once(session: Session, yard: Yard, again: Collection[str]) -> None:
    """One decision and receipt for each decided transfer (two for `again`), published as it is on record."""
    transfers = session.exec(select(TransferRow)).all()
    decided = {row.reference: 1 + (row.name in again) for row in transfers if row.state != "landed"}
    events = Counter(row.subject for row in session.exec(select(EventRow)).all() if row.kind == "decided")
    issued = _receipts_of_files(session, {row.reference for row in transfers})
    receipts = Counter(row.reference for row in issued if row.stage == "decided")
    assert events == receipts == Counter(decided), (events - receipts, receipts - events)
    published: dict[str, list[Path]] = {}
    for path in yard.site.receipts("oak").iterdir():
        published.setdefault(".".join(path.name.rsplit(".", 2)[1:]), []).append(path)
    for row in {row.reference: row for row in issued if row.stage == "decided"}.values():
        for kind, text in (("txt", row.text), ("json", row.json_text)):
            (file,) = published[f"{row.reference}.{kind}"]
            assert file.read_text("utf-8") == text, file


def _receipts_of_files(session: Session, references: set[str]) -> list[ReceiptRow]:
    """All but the notices of keys, which are for people alone: these bear no reference of a file."""
    rows = session.exec(select(ReceiptRow).order_by(col(ReceiptRow.sequence))).all()
    notices = [row for row in rows if row.name == KEY_NOTICE and row.reference not in references]
    assert all(row.json_text == "" for row in notices)
    return [row for row in rows if row not in notices]


def _check_log(session: Session, yard: Yard) -> None:
    signing = Signing.load(yard.home, load_settings(yard.home))
    found = [*audit(session, signing.vkey), *check_sealed(session, yard.home)]
    assert found == [], found


def _check_folders(yard: Yard) -> None:
    """What is stored is what is on record, and nothing is left behind half done."""
    sealed = list((yard.home.root / "sealed").iterdir())
    assert [path for path in sealed if path.suffix not in {".sealed", ".session"}] == []
    assert list(yard.home.spool.landed.glob("*.landed")) == []
