"""Which files hold a child, what markers hide and what holds keep: the same on every database."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from sqlmodel import select

from gateway.errors import NotFoundError
from gateway.model import Classified, Opened, Provider, Released, Signature, Upload
from gateway.registry import deliveries, holds, markers, persons, providers, receipts, retention, transfers
from gateway.registry.database import Registry
from gateway.registry.tables import PupilRow, ReceiptRow
from gateway.registry.tables.row import store
from gateway.registry.vouched_rows import insert_rows
from tests.registry.cluster import Cluster

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
_NUMBERS = count(1)
CHILD, OTHER, NOBODY = bytes([0]) * 16, bytes(range(16)), b"\xff" * 16


pytestmark = pytest.mark.xdist_group("postgresql")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("pg_ctlcluster"))])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/registry.db"
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        url = cluster.database(f"persons_{next(_NUMBERS)}")
    made = Registry(url)
    made.migrate()
    with made.write() as session:
        for name in ("oak", "elm"):
            providers.add_provider(session, Provider(id=name, name=name, kind="school"), NOW)
    yield made
    made.close()


def put(registry: Registry, number: int, provider: str, *known: bytes) -> str:
    """An accepted file of a provider, in which these persons are."""
    reference = f"261124-{provider}-{number:05}"
    upload = Upload(
        reference=reference, provider=provider, name="x", folder="in", size=9, sha256="1" * 64,
        started_at=NOW, landed_at=NOW, ssh_key="k",
    )  # fmt: skip
    signature = Signature(certificate="a" * 40, signing_key="a" * 40, created_at=NOW)
    what = Opened(content=-1, size=1, sha256=f"{number:064}", signature=signature, engine="sop")
    kind = Classified(data_type="school-census", level="certain", evidence=(), format="xml", extension="xml")
    with registry.write() as session:
        transfers.land(session, upload)
        transfers.record_content(session, reference, what, kind, rules="")
        sequence = transfers.get(session, reference).sequence
        persons.note(session, {sequence: b"".join(known)})
        decision = Released(flow="school-census", teams=("sen",), reasons=())
        transfers.record_decisions(session, [(reference, decision)], NOW)
    return reference


def test_the_index_answers_alike(registry: Registry) -> None:
    both, one = put(registry, 1, "oak", CHILD, OTHER), put(registry, 2, "elm", CHILD)
    put(registry, 3, "elm")

    def found(*wanted: bytes) -> list[str]:
        with registry.read() as session:
            sequences = persons.transfers_with(session, wanted)
            names = transfers.references(session, sequences)
            return [names[sequence] for sequence in sequences]

    assert found(CHILD) == [both, one]
    assert found(OTHER) == [both]
    assert found(NOBODY) == found() == []
    assert found(CHILD, OTHER, NOBODY) == [both, one]
    with registry.write() as session:  # Looked at again: what was known before is forgotten.
        persons.note(session, {transfers.get(session, both).sequence: OTHER})
    assert found(CHILD) == [one]
    with registry.read() as session:
        assert persons.unindexed(session) == []


def test_a_marker_hides_files_from_all_but_the_named(registry: Registry) -> None:
    first, free = put(registry, 1, "oak", CHILD, OTHER), put(registry, 2, "oak", OTHER)
    with registry.write() as session:
        known = persons.transfers_with(session, [CHILD])
        number = markers.place(
            session, "named", [CHILD], people=["jane"], transfers=known, by="sam", why="x", at=NOW
        )
    later = put(registry, 3, "oak", CHILD)

    def seen(person: str | None) -> list[str]:
        with registry.read() as session:
            return [one.reference for one in deliveries.page(session, "sen", person=person, limit=9)]

    assert seen("jane") == [later, free, first]
    assert seen("sam") == seen(None) == [free]
    with registry.write() as session:
        markers.lift(session, number, by="sam", why="x", at=NOW)
    assert seen(None) == [later, free, first]


def test_markers_that_others_link_are_of_one_child(registry: Registry) -> None:
    upns, names = (b"u" * 16, b"v" * 16), (b"n" * 16, b"m" * 16)
    of_child = [(upns[0], names[0]), (upns[1], names[0]), (upns[1], names[1])]
    with registry.write() as session:
        first, second, third, _ = (
            markers.place(session, "restricted", known, people=(), transfers=(), by="sam", why="x", at=NOW)
            for known in (*of_child, (CHILD,))
        )
        found = []
        for number in (first, second, third):
            markers.lift(session, number, by="sam", why="x", at=NOW)
            found.append(markers.lifted_with(session, number))
    assert found == [set(), set(), {first, second, third}]


def test_holds_on_a_child_and_on_a_provider_keep_their_files(registry: Registry) -> None:
    names = [put(registry, 1, "oak", CHILD), put(registry, 2, "oak", OTHER), put(registry, 3, "elm", OTHER)]
    with registry.write() as session:
        holds.place(session, persons=CHILD, by="sam", why="x", at=NOW)
        holds.place(session, provider="elm", by="sam", why="x", at=NOW)
        assert holds.on_hold(session, names) == {names[0], names[2]}
        holds.lift(session, persons=CHILD, by="sam", why="x", at=NOW)
        assert holds.on_hold(session, names) == {names[2]}


def test_a_notice_is_kept_by_a_hold_on_it(registry: Registry) -> None:
    with registry.write() as session:
        for reference in ("261124-oak-00001", "261124-oak-00002"):
            notice = {"provider": "oak", "name": receipts.DISCREPANCY_NOTICE, "json_text": ""}
            store(session, ReceiptRow(**notice, reference=reference, text="text", created_at=NOW))
        holds.place(session, reference="261124-oak-00001", by="sam", why="x", at=NOW)
        kept = retention.kept(session, ["261124-oak-00001", "261124-oak-00002"])
    assert {one.reference: one.kept_back for one in kept} == {
        "261124-oak-00001": True, "261124-oak-00002": False,
    }  # fmt: skip


def test_there_is_no_hold_on_a_provider_that_nobody_knows(registry: Registry) -> None:
    with registry.write() as session, pytest.raises(NotFoundError):
        holds.place(session, provider="ash", by="sam", why="x", at=NOW)


def test_rows_with_a_naive_time_are_refused_by_each_database(registry: Registry) -> None:
    put(registry, 1, "oak")
    said = {"provider": "oak", "on_roll": True, "transfer": 1, "record": 1}
    naive, aware = datetime(2026, 11, 24), NOW  # noqa: DTZ001 - that is what is refused
    for times in ((naive,), (naive, naive), (aware, naive)):
        rows = [said | {"pupil": bytes([number]) * 16, "at": at} for number, at in enumerate(times)]
        with pytest.raises(Exception, match="naive"), registry.write() as session:
            insert_rows(session, PupilRow, rows)
    with registry.read() as session:
        assert session.exec(select(PupilRow)).all() == []
