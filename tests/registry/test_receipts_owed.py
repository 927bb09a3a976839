"""Where many write at once a receipt is owed with what it tells of, and made once, whoever dies meanwhile."""

from __future__ import annotations

import json
import multiprocessing
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlmodel import Session, select

from gateway.errors import Fault
from gateway.home import Home, Published
from gateway.homes.audit.rows import check_rows
from gateway.model import Upload
from gateway.passage import Examination, conclude
from gateway.processor.service import open_registrar
from gateway.publish.projection import publish_receipts
from gateway.receipts.receipt import digest_in
from gateway.record import receipts_owed
from gateway.record.landing import land
from gateway.record.registrar import Registrar
from gateway.record.withdrawals import withdraw
from gateway.registry import receipts
from gateway.registry.tables import EventRow, ReceiptOwedRow, ReceiptRow
from gateway.verify.verify_receipts import check_receipt
from gateway.zones.failpoints import VARIABLE
from tests.bench.writers_place import Bench, now

pytestmark = [pytest.mark.needs("pg_ctlcluster"), pytest.mark.xdist_group("postgresql")]
FILES = 5


@pytest.fixture
def registrar(bench: Bench) -> Iterator[Registrar]:
    """Nothing is owed at first."""
    with open_registrar(Home(bench.site.home), now) as made:
        bench.open(made)
        made.publish()
        yield made


def owed(session: Session) -> int:
    return len(session.exec(select(ReceiptOwedRow.digest)).all())


def stages(registrar: Registrar, uploads: Sequence[Upload]) -> Counter[str]:
    """How many receipts of each stage there are of these files; each is genuine."""
    references = {one.reference for one in uploads}
    with registrar.registry.read() as session:
        found = [row for row in session.exec(select(ReceiptRow)) if row.reference in references]
    for row in found:
        assert check_receipt(row.json_text).receipt["reference"] == row.reference
    assert len({(row.reference, row.stage) for row in found}) == len(found)
    return Counter(row.stage for row in found)


def work(home: Path, uploads: Sequence[Upload], examinations: Sequence[Examination]) -> None:
    """As a host does that may die of it."""
    with open_registrar(Home(home), now) as registrar:
        land(registrar, uploads)
        registrar.publish()
        conclude(registrar, examinations)


@pytest.mark.parametrize(
    "step", ["land.committed", "commit.committed", "receipts.given", "receipts.committed"]
)
def test_a_host_that_dies_before_it_has_made_receipts_leaves_them_to_the_next_who_looks(
    bench: Bench, registrar: Registrar, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, examinations = bench.files(FILES)
    monkeypatch.setenv(VARIABLE, step)
    host = multiprocessing.get_context("spawn").Process(
        target=work, args=(bench.site.home, uploads, examinations)
    )
    host.start()
    host.join(60)
    assert host.exitcode == -signal.SIGKILL
    with registrar.registry.read() as session:
        assert owed(session) == (0 if step == "receipts.committed" else FILES)
    assert "everything fits" in bench.site.gateway("log", "verify")
    registrar.publish()
    decided = FILES if step == "commit.committed" else 0
    assert stages(registrar, uploads) == Counter(landed=FILES, decided=decided)
    with registrar.registry.read() as session:
        assert owed(session) == 0
    assert "everything fits" in bench.site.gateway("log", "verify")
    conclude(registrar, examinations)  # As it is examined again.
    assert stages(registrar, uploads) == Counter(landed=FILES, decided=FILES)


def test_all_doors_show_the_same_receipts(bench: Bench, registrar: Registrar, tmp_path: Path) -> None:
    uploads, examinations = bench.files(FILES)
    land(registrar, uploads)
    registrar.publish()
    conclude(registrar, examinations)
    other = Published(tmp_path / "published")
    publish_receipts(registrar.registry, other)
    for upload in uploads:
        here, there = (
            {path.name: path.read_bytes() for path in where.glob(f"*{upload.reference}*")}
            for where in (bench.site.receipts(upload.provider), other.provider(upload.provider) / "receipts")
        )
        assert len(here) == 3
        assert here == there
        shown = json.loads(next(text for name, text in here.items() if name.endswith(".json")))
        assert shown["receipt"]["reference"] == upload.reference


def test_of_many_who_look_at_once_one_makes_each(
    bench: Bench, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, examinations = bench.files(70)  # More than are made in one transaction.
    with monkeypatch.context() as left:
        left.setattr(receipts_owed, "give", unable)
        land(registrar, uploads)
        conclude(registrar, examinations)  # What is committed stays so, whatever becomes of the receipts.
    assert stages(registrar, uploads) == Counter()
    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(registrar.publish) for _ in range(8)]:
            done.result(60)
    assert stages(registrar, uploads) == Counter(landed=70, decided=70)
    assert "everything fits" in bench.site.gateway("log", "verify")


def unable(*_: object) -> None:
    raise Fault("the database did not answer")


def decide_before_receipts_are_made(
    monkeypatch: pytest.MonkeyPatch, registrar: Registrar, examinations: Sequence[Examination]
) -> None:
    """While one begins to make what is owed, for the first time, another decides on these files."""
    made = receipts_owed._give
    meanwhile: list[object] = []

    def interrupted(*given: object) -> None:
        if not meanwhile:
            meanwhile.append(None)
            with ThreadPoolExecutor(1) as pool:
                pool.submit(conclude, registrar, examinations).result(30)
        call: Callable[..., None] = made
        call(*given)

    monkeypatch.setattr(receipts_owed, "_give", interrupted)


def test_what_is_owed_keeps_nobody_from_the_log(
    bench: Bench, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While one makes receipts, another decides."""
    first, examined = bench.files(1)
    second, others = bench.files(1)
    land(registrar, [*first, *second])
    registrar.publish()
    decide_before_receipts_are_made(monkeypatch, registrar, others)
    conclude(registrar, examined)
    registrar.publish()
    assert stages(registrar, [*first, *second]) == Counter(landed=2, decided=2)


def test_what_was_told_last_stands_at_the_door_whatever_was_still_owed(
    bench: Bench, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host dies, and before another one has looked a person acts, whose receipt is made at once."""
    uploads, examinations = bench.files(1)
    (sent,) = uploads
    with monkeypatch.context() as left:
        left.setattr(receipts_owed, "give", unable)
        land(registrar, uploads)
        conclude(registrar, examinations)
        withdraw(registrar, sent.reference, by="jane", why="the wrong authority")
    registrar.publish()
    (shown,) = bench.site.receipts(sent.provider).glob(f"*{sent.reference}.txt")
    assert "taken out of every mailbox" in " ".join(shown.read_text().split())
    with registrar.registry.read() as session:
        latest = receipts.latest(session, sent.reference)
        assert owed(session) == 0
    assert latest is not None
    assert latest.text == shown.read_text()
    assert "everything fits" in bench.site.gateway("log", "verify")


def test_a_receipt_of_landing_that_is_made_late_is_not_the_one_in_force(
    bench: Bench, registrar: Registrar, monkeypatch: pytest.MonkeyPatch
) -> None:
    uploads, examinations = bench.files(1)
    land(registrar, uploads)
    decide_before_receipts_are_made(monkeypatch, registrar, examinations)
    registrar.publish()
    assert stages(registrar, uploads) == Counter(landed=1, decided=1)
    with registrar.registry.read() as session:
        latest = receipts.latest(session, uploads[0].reference)
    assert latest is not None
    assert latest.stage == "decided"


def test_a_receipt_that_was_owed_is_vouched_for_once_it_is_made(bench: Bench, registrar: Registrar) -> None:
    """The log heard of it once, and nobody may change a column, double it or take it out."""
    uploads, examinations = bench.files(1)
    land(registrar, uploads)
    registrar.publish()
    conclude(registrar, examinations)
    with registrar.registry.read() as session:
        records = session.exec(select(EventRow.rows)).all()
        (row,) = [
            one
            for one in session.exec(select(ReceiptRow).where(ReceiptRow.reference == uploads[0].reference))
            if one.stage == "decided"
        ]
    digest = digest_in(row.json_text)
    assert sum(digest in (record or "") for record in records) == 1
    for spoilt in (
        "update receipt set created_at = created_at + interval '1 day' where sequence = {}",
        "update receipt set name = 'other.pgp' where sequence = {}",
        "update receipt set text = replace(text, 'core', 'case') where sequence = {}",
        "delete from receipt where sequence = {}",
    ):
        with registrar.registry.moving() as connection:
            connection.exec_driver_sql("create table kept as select * from receipt")
            connection.exec_driver_sql(spoilt.format(row.sequence))
        with registrar.registry.read() as session:
            found = [one.where.split()[0] for one in check_rows(session)]
        assert found, spoilt
        assert set(found) <= {"receipt", "receipt_owed"}
        with registrar.registry.moving() as connection:
            connection.exec_driver_sql("delete from receipt")
            connection.exec_driver_sql("insert into receipt select * from kept")
            connection.exec_driver_sql("drop table kept")
    assert "everything fits" in bench.site.gateway("log", "verify")
