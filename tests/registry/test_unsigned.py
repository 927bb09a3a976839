"""Where hosts write beside each other, receipts are signed after the transaction that they tell of."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import shutil
import signal
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import FrameType

import pgpy
import pytest
from pgpy.constants import EllipticCurveOID, KeyFlags, PubKeyAlgorithm
from sqlalchemy import func, text
from sqlmodel import col, select, update

from gateway.access import LookingTeams
from gateway.errors import Fault
from gateway.home import Home
from gateway.homes.audit.audit import audit
from gateway.homes.audit.tree import Inconsistency
from gateway.keys.rotation import rotate
from gateway.log.checkpoint import LogKey
from gateway.mailboxes.console_api.api import console_context
from gateway.mailboxes.console_api.context import Caller
from gateway.mailboxes.console_api.evidence import verify_receipt
from gateway.mailboxes.server import open_resources
from gateway.mailboxes.tree import Person
from gateway.openpgp.sealer import clearsign_each
from gateway.passage import Examination, conclude
from gateway.processor import retention
from gateway.processor.service import open_registrar
from gateway.publish.projection import UP_TO, publish_receipts
from gateway.record.registrar import Registrar
from gateway.record.rulings import land
from gateway.registry import receipts
from gateway.registry.log import keys_in_time
from gateway.registry.receipts import UNSIGNED, sign_owed
from gateway.registry.tables import ReceiptRow
from gateway.zones import failpoints
from tests.bench.writers_place import Bench, Places, now
from tests.registry.cluster import Cluster
from tests.waiting import until

pytestmark = [pytest.mark.needs("pg_ctlcluster"), pytest.mark.xdist_group("postgresql")]


# One process has loaded the modules, and forks each host.
_HOSTS = multiprocessing.get_context("forkserver")
_HOSTS.set_forkserver_preload(["psycopg", __name__])


def work(home: Path, examinations: Sequence[Examination], at: str) -> None:
    """Decide files, as the processor of a host that is killed then."""
    os.environ[failpoints.VARIABLE] = at
    importlib.reload(failpoints)
    gc.freeze()  # No search for garbage goes over what was loaded before.
    with open_registrar(Home(home), now) as registrar:
        conclude(registrar, examinations)


def left_unsigned(bench: Bench, files: int) -> list[str]:
    """The references of files whose host was killed right after it had decided them."""
    return [one.examined.reference for one in given_to_a_host_killed(bench, files, "commit.committed")]


def given_to_a_host_killed(bench: Bench, files: int, at: str) -> list[Examination]:
    """What was found in the files that a host was deciding when it was killed."""
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        uploads, examinations = bench.files(files)
        land(registrar, uploads)
    killed = _HOSTS.Process(target=work, args=(bench.site.home, examinations, at))
    killed.start()
    killed.join(60)
    assert killed.exitcode == -signal.SIGKILL
    return examinations


def decided(registrar: Registrar, references: Sequence[str]) -> list[ReceiptRow]:
    """The receipts of the decisions, in their order."""
    with registrar.registry.read() as session:
        of_these = col(ReceiptRow.reference).in_(references), ReceiptRow.stage == "decided"
        return list(session.exec(select(ReceiptRow).where(*of_these).order_by(col(ReceiptRow.sequence))))


@contextmanager
def signatures(places: Places, seen: Counter[tuple[str, bool]]) -> Iterator[None]:
    """Count what signs meanwhile, and whether it does so while nobody else could append to the log."""
    signing = {LogKey.sign.__code__: "log", clearsign_each.__code__: "text"}

    def pass_through(frame: FrameType, happened: str, _given: object) -> None:
        if happened == "call" and (what := signing.get(frame.f_code)):
            seen[what, bool(places._locked)] += 1

    sys.setprofile(pass_through)
    try:
        yield
    finally:
        sys.setprofile(None)


@pytest.mark.long
def test_while_others_wait_for_the_log_nothing_is_signed_but_its_head(bench: Bench) -> None:
    seen: Counter[tuple[str, bool]] = Counter()
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        uploads, examinations = bench.files(4)
        land(registrar, uploads)
        places = Places(registrar)
        places.watch()
        with signatures(places, seen):
            conclude(registrar, examinations)
    assert seen == {("log", True): 1, ("log", False): 8, ("text", False): 1}


@pytest.mark.long
def test_a_host_killed_before_it_signed_leaves_receipts_that_the_next_signs_once(
    bench: Bench, tmp_path: Path
) -> None:
    references = left_unsigned(bench, 4)
    assert "there is no receipt" in bench.site.refused("receipts", "show", references[0])
    assert "everything fits" in bench.site.gateway("log", "verify")
    other = tmp_path / "other"
    shutil.copytree(bench.site.home, other)
    homes = [Home(bench.site.home), Home(other)]
    with open_registrar(homes[0], now) as one, open_registrar(homes[1], now) as two:
        assert [row.seal for row in decided(one, references)] == [UNSIGNED] * 4
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(host.publish) for host in (one, two)]:
                done.result(60)
        rows = decided(one, references)
    assert sorted(row.reference for row in rows) == sorted(references)
    for row in rows:
        for home in homes:
            shown = sorted(home.published.root.glob(f"providers/*/receipts/*.{row.reference}.[jt]*"))
            assert [one.read_text() for one in shown] == [row.json_text, row.text]
        assert "genuine" in bench.site.gateway("receipts", "verify", *map(str, shown))
    assert "everything fits" in bench.site.gateway("log", "verify")


@pytest.mark.long
def test_a_host_killed_before_its_commit_leaves_no_receipt_and_another_decides_each_file_once(
    bench: Bench,
) -> None:
    examinations = given_to_a_host_killed(bench, 4, "commit.written")
    references = [one.examined.reference for one in examinations]
    with open_registrar(Home(bench.site.home), now) as registrar:
        assert decided(registrar, references) == []
        assert registrar.sign_owed() == []
        assert "everything fits" in bench.site.gateway("log", "verify")
        conclude(registrar, examinations)
        rows = decided(registrar, references)
    assert sorted(row.reference for row in rows) == sorted(references)
    assert UNSIGNED not in [row.seal for row in rows]
    assert "everything fits" in bench.site.gateway("log", "verify")


def shifted(row: ReceiptRow, _: ReceiptRow) -> dict[str, object]:
    return {"created_at": row.created_at + timedelta(seconds=1)}


@pytest.mark.long
@pytest.mark.parametrize(
    "forged",
    [
        lambda row, _: {"text": row.text.replace("ACCEPTED", "REFUSED")},
        lambda row, _: {"json_text": row.json_text.replace('"accepted"', '"refused"')},
        lambda *_: {"json_text": "{"},
        lambda *_: {"json_text": "{}"},
        lambda row, _: {"json_text": row.json_text.replace('"languages": ["en"', '"languages": ["xx"')},
        lambda *_: {"json_text": ""},
        lambda _, other: {"text": other.text, "json_text": other.json_text},
        lambda *_: {"name": "another.pgp"},
        lambda *_: {"stage": "landed"},
        shifted,
    ],
)
def test_what_the_log_does_not_prove_is_not_signed_and_keeps_back_no_other(
    bench: Bench,
    forged: Callable[[ReceiptRow, ReceiptRow], dict[str, object]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    references = left_unsigned(bench, 2)
    with open_registrar(Home(bench.site.home), now) as registrar:
        row, other = decided(registrar, references)
        changed = forged(row, other)
        true = {name: getattr(row, name) for name in changed}
        assert changed != true
        put(registrar, row, changed)
        registrar.publish()
        assert f"receipt {row.sequence} cannot be signed" in caplog.text
        of_both = select(ReceiptRow).where(col(ReceiptRow.sequence).in_([row.sequence, other.sequence]))
        with registrar.registry.read() as session:
            seals = {one.sequence: one.seal == UNSIGNED for one in session.exec(of_both)}
        assert seals == {row.sequence: True, other.sequence: False}
        shown = [one.name for one in Home(bench.site.home).published.root.glob("providers/*/receipts/*.txt")]
        assert [one for one in shown if other.reference in one]
        assert not [one for one in shown if row.reference in one]
        mend(registrar, row, true)
        assert UNSIGNED not in [each.seal for each in decided(registrar, references)]


SPOILT = [
    (
        'UPDATE event SET rows = replace(rows, \'"salt":"\', \'"salt":"0\')',
        'UPDATE event SET rows = replace(rows, \'"salt":"0\', \'"salt":"\')',
    ),
    ("UPDATE event SET rows = NULL, note = rows", "UPDATE event SET rows = note, note = NULL"),
    ("UPDATE event SET subject = '-' || subject", "UPDATE event SET subject = substr(subject, 2)"),
    (
        "UPDATE checkpoint SET text = replace(text, E'\n\n', E'0\n\n')",
        "UPDATE checkpoint SET text = replace(text, E'0\n\n', E'\n\n')",
    ),
    (
        f"UPDATE checkpoint SET text = replace(text, '/log{chr(10)}', '/log{chr(10)}{10**30}')",
        f"UPDATE checkpoint SET text = replace(text, '/log{chr(10)}{10**30}', '/log{chr(10)}')",
    ),
    ("UPDATE checkpoint SET size = -size", "UPDATE checkpoint SET size = -size"),
    (
        "UPDATE log_node SET hash = sha256(hash) || hash",
        "UPDATE log_node SET hash = substr(hash, 33)",
    ),
]


def test_no_receipt_is_signed_where_the_log_was_changed_behind_the_gateways_back(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    references = left_unsigned(bench, 1)
    with open_registrar(Home(bench.site.home), now) as registrar:
        (row,) = decided(registrar, references)
        for spoil, mend in SPOILT:
            caplog.clear()
            with registrar.registry.write() as session:
                session.connection().execute(text(spoil))
            assert registrar.sign_owed() == [row.sequence], spoil
            assert f"receipt {row.sequence} cannot be signed" in caplog.text
            with registrar.registry.write() as session:
                session.connection().execute(text(mend))
        assert registrar.sign_owed() == []
        assert UNSIGNED not in [one.seal for one in decided(registrar, references)]


@pytest.mark.long
def test_a_compromised_key_is_replaced_although_a_receipt_cannot_be_signed(
    cluster: Cluster, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, cluster.database("forged"), schools=1)
    references = left_unsigned(bench, 1)
    with open_registrar(Home(bench.site.home), now) as registrar:
        (row,) = decided(registrar, references)
        put(registrar, row, {"json_text": "{"})
    assert "the log has another key" in bench.site.gateway("keys", "gateway", "rotate", "--compromised")


def dated_tomorrow() -> bytes:
    """A key that cannot sign today, as of a host whose clock went back."""
    tomorrow = now() + timedelta(days=1)
    key = pgpy.PGPKey.new(PubKeyAlgorithm.EdDSA, EllipticCurveOID.Ed25519, created=tomorrow)
    key.add_uid(pgpy.PGPUID.new("tomorrow"), usage={KeyFlags.Sign, KeyFlags.Certify}, created=tomorrow)
    return str(key).encode()


def test_no_receipt_is_passed_over_because_the_key_cannot_sign_for_now(bench: Bench) -> None:
    references = left_unsigned(bench, 1)
    told = Home(bench.site.home).published.root / UP_TO
    with open_registrar(Home(bench.site.home), now) as registrar:
        before = told.read_text()
        clock_is_wrong = replace(registrar, signing=replace(registrar.signing, openpgp=dated_tomorrow()))
        with pytest.raises(Fault, match="cannot sign; is the clock right"):
            clock_is_wrong.publish()
        assert told.read_text() == before
        registrar.publish()
        assert int(told.read_text()) > int(before)
        assert UNSIGNED not in [one.seal for one in decided(registrar, references)]


def test_an_upload_stays_in_the_store_whatever_befalls_its_receipt(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def damaged(*_: object) -> object:
        raise ValueError("a row that cannot be read")

    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        uploads, _ = bench.files(1)
        monkeypatch.setattr(receipts, "sign", damaged)
        assert land(registrar, uploads) == {uploads[0].reference}
    assert "the receipts are on record and follow" in caplog.text


def test_the_audit_tells_of_a_receipt_that_nobody_ever_signed(bench: Bench) -> None:
    references = left_unsigned(bench, 1)
    with open_registrar(Home(bench.site.home), now) as registrar:
        (row,) = decided(registrar, references)
        with registrar.registry.read() as session:
            later = session.exec(select(func.max(ReceiptRow.created_at))).one() + timedelta(hours=2)
        put(registrar, row, {"created_at": later - timedelta(hours=5)})
        with registrar.registry.read() as session:
            found = list(audit(session, registrar.signing.vkey))
        assert Inconsistency(f"receipt {row.sequence} of {row.reference}", "it was never signed") in found
        mend(registrar, row, {"created_at": row.created_at})


def put(registrar: Registrar, row: ReceiptRow, values: Mapping[str, object]) -> None:
    """Write behind the gateway's back."""
    with registrar.registry.write() as session:
        change = update(ReceiptRow).where(col(ReceiptRow.sequence) == row.sequence).values(values)
        session.connection().execute(change)


def mend(registrar: Registrar, row: ReceiptRow, true: Mapping[str, object]) -> None:
    """Put a row right, then sign and publish as a start does: other tests use the same gateway."""
    put(registrar, row, true)
    assert registrar.sign_owed() == []
    publish_receipts(registrar.registry, registrar.home.published, redo=True)


def test_a_host_that_publishes_waits_for_those_that_another_is_signing(bench: Bench) -> None:
    references = left_unsigned(bench, 1)
    with open_registrar(Home(bench.site.home), now) as registrar, ThreadPoolExecutor(1) as pool:
        with registrar.registry.write_on(()) as session:
            sign_owed(session, registrar.signing)
            mine = col(ReceiptRow.reference).in_(references), ReceiptRow.stage == "decided"
            signed = session.exec(select(ReceiptRow.text).where(*mine)).all()
            waiting = pool.submit(registrar.publish)
            blocked = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            until(lambda: session.execute(blocked).scalar_one(), "the other to wait")
            assert not waiting.done()
        waiting.result(60)
        assert [row.text for row in decided(registrar, references)] == signed


@pytest.mark.long
def test_a_key_of_the_log_signs_what_it_owes_before_it_is_replaced(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def clock_is_wrong(*_: object) -> object:
        raise Fault("the gateway's OpenPGP key cannot sign; is the clock right?")

    bench = Bench(tmp_path, cluster.database("rotated"), schools=1)
    references = left_unsigned(bench, 1)
    with open_registrar(Home(bench.site.home), now) as registrar, monkeypatch.context() as patched:
        patched.setattr(receipts, "signed", clock_is_wrong)
        with pytest.raises(Fault, match="cannot sign"):
            rotate(registrar.home, registrar.registry, registrar.settings, at=now(), until=None, person="ann")
        with registrar.registry.read() as session:
            assert [one.key for one in keys_in_time(session, "")] == [""]
    bench.site.gateway("keys", "gateway", "rotate", "--compromised")
    with open_registrar(Home(bench.site.home), now) as registrar:
        (row,) = decided(registrar, references)
        registrar.publish()
    assert row.seal != UNSIGNED
    assert "everything fits" in bench.site.gateway("log", "verify")


def test_the_head_of_a_receipt_that_nobody_ever_signed_stays_vouched_for_once_the_receipt_is_deleted(
    cluster: Cluster, tmp_path: Path
) -> None:
    bench = Bench(tmp_path, cluster.database("deleted"), schools=1)
    references = left_unsigned(bench, 1)
    with open_registrar(Home(bench.site.home), now) as registrar:
        (row,) = decided(registrar, references)
        put(registrar, row, {"json_text": "{"})
        registrar.publish()
        assert retention.run(registrar, now() + timedelta(days=3000), by="ann") is not None
        assert decided(registrar, references) == []
    assert "everything fits" in bench.site.gateway("log", "verify")


def test_an_older_receipt_is_told_from_one_in_force_that_is_not_signed_yet(bench: Bench) -> None:
    (reference,) = left_unsigned(bench, 1)
    landed = ReceiptRow.reference == reference, ReceiptRow.stage == "landed"
    home = Home(bench.site.home)
    with open_resources(home, now) as resources:
        with resources.mailboxes.registry.read() as session:
            older = session.exec(select(ReceiptRow).where(*landed)).one()
        kim = Caller(
            person=Person("kim", ""),
            teams=(),
            roles=frozenset({"auditor"}),
            session="",
            looking=LookingTeams(),
        )
        told = verify_receipt(console_context(home, resources), kim, text=older.json_text)
    assert told["genuine"] is True
    assert told["newer"]["state"] == "accepted"
