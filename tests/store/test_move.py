"""A home with a row of every kind moves to PostgreSQL and S3, killed on its way, and nothing is lost."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.errors import Fault
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reopen
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.mailboxes.mailbox_access import Person
from gateway.processor import retention
from gateway.registry import keys, log
from gateway.registry.database import Registry
from gateway.registry.hosts import Ownership
from gateway.registry.log import Entry
from gateway.registry.retention import record_deletion
from gateway.registry.transfers import row_of
from gateway.reports.retention import Due
from gateway.store.objects import ObjectStore, client_of
from gateway.store.of_home import SealedFolder
from gateway.zones.failpoints import VARIABLE
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.content import core_data
from tests.forking import forked
from tests.registry.cluster import Cluster
from tests.store.servers import Server
from tests.whole import collect, whole
from tests.workshop import Workshop

pytestmark = [pytest.mark.long, pytest.mark.needs("pg_ctlcluster")]


def options(weed: Server, folder: str, url: str) -> tuple[str, ...]:
    place = weed.settings(folder)
    return (
        *("--database-url", url, "--store", str(place.url), "--endpoint", str(place.endpoint)),
        *("--credentials", str(place.credentials_file)),
    )


def killed(desk: Workshop, step: str, *arguments: str) -> None:
    """`gateway move` kills itself at a step."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "move", "--home", str(desk.home.root), *arguments],
        env={**os.environ, VARIABLE: step}, check=False, capture_output=True,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


def listed(desk: Workshop) -> object:
    return json.loads(desk.gateway("transfers", "list", "--json"))


def complaints(desk: Workshop) -> list[str]:
    return [
        one["what"]
        for one in json.loads(desk.gateway("doctor", "--deep", "--json"))
        if one["severity"] == "fault"
    ]


def test_a_move_that_is_killed_again_and_again(copy: Workshop, cluster: Cluster, weed: Server) -> None:
    before, faults = listed(copy), complaints(copy)
    settings, count = (
        copy.home.settings.read_text(),
        len(list(SealedFolder(copy.home.root / "sealed").references())),
    )
    asked = options(weed, "killed", cluster.database("killed"))
    for step in ("move.file:2", "move.rows"):
        killed(copy, step, *asked)
        assert copy.home.settings.read_text() == settings
        assert listed(copy) == before
    killed(copy, "move.closed", *asked)
    with pytest.raises(Fault, match="was moved"), copy.registry.write() as session:
        log.append(session, [Entry(kind="log-started", subject="log", fields={})], copy.now)
    assert "a move was cut off" in copy.gateway("doctor", code=1)
    assert f"moved {count} sealed files" in copy.gateway("move", *asked)
    after = load_settings(copy.home)
    assert (after.database, after.store) == (
        asked[1],
        weed.settings("killed").model_copy(update={"seconds": 30.0}),
    )
    assert "# whom to tell of a flaw" in copy.home.settings.read_text()  # What its owner wrote stays.
    assert listed(copy) == before
    assert complaints(copy) == faults
    assert "it is postgresql" in copy.gateway("move", *asked, code=1)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, weed: Server) -> Iterator[Workshop]:
    """A home that was moved."""
    desk = whole().copied(tmp_path_factory.mktemp("moved"))
    desk.gateway("move", *options(weed, "moved", cluster.database("moved")))
    desk.registry.close()
    desk.registry = Registry(load_settings(desk.home).database_url(desk.home))
    yield desk
    desk.close()


def test_the_moved_gateway_goes_on_where_it_was(moved: Workshop, weed: Server, tmp_path: Path) -> None:
    """Upload, decision, collecting: with PostgreSQL and S3."""
    # What is signed today cannot be received a hundred days later, and no key is used before it was made.
    moved.now = datetime.now(UTC).replace(microsecond=0)
    fir = moved.provider("fir", years=THIS_YEAR)
    sent = moved.send(fir, core_data())
    moved.process()
    assert moved.state(sent) == "accepted"
    with moved.registry.read() as session:
        (key,) = keys.list_keys(session, "staff", "jane")
    collect(moved, Person("jane", key.fingerprint), "central-data-team", sent)
    assert "collected" in moved.kinds(sent)
    with forked(), closing(Examiner(moved.home)) as examiner:
        content = hashlib.sha256(core_data()).hexdigest()
        descriptor, _ = examiner.reopen(Reopen(reference=sent, sha256=content))
    with os.fdopen(descriptor, "rb") as file:
        assert file.read() == core_data()
    assert not complaints(moved)


def test_another_host_takes_its_place(moved: Workshop, tmp_path: Path) -> None:
    """Of the former one there are the keys, the policies and the settings: published/ is made again."""
    there = Home(tmp_path / "home")
    for part in ("keys", "policies", "policies-in-force"):
        shutil.copytree(moved.home.root / part, there.root / part)
    shutil.copy(moved.home.settings, there.settings)
    for folder in (there.root / "sealed", there.spool.landed, there.published.log, there.mailboxes):
        folder.mkdir(parents=True, mode=0o700)
    with Ownership(moved.registry):
        assert "another host is at work" in invoke(there.root, "process", "--once").stderr
    done = invoke(there.root, "process", "--once")
    assert done.exit_code == 0, done.stderr
    doctor = json.loads(invoke(there.root, "doctor", "--deep", "--json").stdout)
    assert not [one for one in doctor if one["severity"] == "fault"]
    shown = sorted(
        path.relative_to(moved.home.published.root) for path in moved.home.published.root.rglob("*.txt")
    )
    assert {there.published.root / path for path in shown if "receipts" in path.parts} <= set(
        there.published.root.rglob("*.txt")
    )


def test_what_a_move_left_is_told_of_and_removed_once_it_is_found_elsewhere(
    moved: Workshop, weed: Server, tmp_path: Path
) -> None:
    told = [one["what"] for one in json.loads(moved.gateway("doctor", "--json"))]
    assert sum("a move left" in what for what in told) == 2
    folder = SealedFolder(moved.home.root / "sealed")
    references = list(folder.references())
    stranger = folder.path("261126-oak-00000")
    stranger.write_bytes(b"in no store")
    assert f"{stranger} is not in the store" in moved.gateway("move", "--remove-old", code=1)
    stranger.unlink()
    in_the_clear = moved.send(moved.provider("yew", years=THIS_YEAR), b"UPN,Surname\n", "plain.csv")
    moved.process()
    folder.path(in_the_clear).touch()  # As where it came before the move.
    due = Due(reference=in_the_clear, what="index", data_type=None, rule="index-refused", since=moved.now)
    with moved.registry.write() as session:
        row_of(session, in_the_clear).withheld = True
        record_deletion(session, due, [], moved.now)
    ObjectStore(client_of(weed.settings("moved")), tmp_path).remove([in_the_clear])
    assert "and the former registry" in moved.gateway("move", "--remove-old")
    assert not list(folder.references())
    assert not list(moved.home.root.glob("registry.db*"))
    assert not any("a move left" in one["what"] for one in json.loads(moved.gateway("doctor", "--json")))
    assert set(references) <= set(ObjectStore(client_of(weed.settings("moved")), tmp_path).references())


def test_a_move_changes_nothing_where_it_cannot_be_made(
    copy: Workshop, cluster: Cluster, weed: Server, rclone_server: Server
) -> None:
    before = copy.home.settings.read_text()
    used = cluster.database("used")
    made = Registry(used)
    made.migrate()
    with made.write() as session:
        log.append(session, [Entry(kind="log-started", subject="log", fields={})], copy.now)
    made.close()
    assert "holds another registry" in copy.gateway("move", "--database-url", used, code=1)
    overwriting = options(rclone_server, "any", "")[2:]
    assert "it overwrites an object" in copy.gateway("move", *overwriting, code=1)
    sealed = next(
        path for path in SealedFolder(copy.home.root / "sealed").root.iterdir() if path.stat().st_size
    )
    sealed.write_bytes(b"altered")
    spoiled = options(weed, "spoiled", "")[2:]
    assert "something does not fit" in copy.gateway("move", *spoiled, code=1)
    assert "name the database" in copy.gateway("move", code=1)
    assert copy.home.settings.read_text() == before


def test_what_is_due_goes_from_the_store(moved: Workshop, weed: Server, tmp_path: Path) -> None:
    store = ObjectStore(client_of(weed.settings("moved")), tmp_path)
    before = set(store.references())
    moved.pass_time(days=500)
    with moved.registrar() as registrar:
        assert retention.run(registrar, moved.now, by="admin") is not None
    assert before - set(store.references())
