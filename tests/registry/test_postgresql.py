"""A gateway whose registry is a PostgreSQL database, by a real server."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from gateway.access import EVERYTHING
from gateway.cli.identity import real_account
from gateway.errors import ConfigurationError, Fault
from gateway.home import Home
from gateway.home.settings import Settings, load_settings
from gateway.homes import create
from gateway.registry import log, transfer_lists, transfers
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from gateway.registry.tables import ProviderRow, TransferRow
from gateway.registry.transfer_lists import TransfersWanted
from tests.content import core_data
from tests.homes.test_upgrade import unpacked, upgrade
from tests.registry.cluster import Cluster
from tests.site import Party, Site
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.needs("pg_ctlcluster"), pytest.mark.xdist_group("postgresql")]
NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def site(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A gateway founded on PostgreSQL by the command line; the tests of this module share it."""
    root = tmp_path_factory.mktemp("site")
    return Site(root, "--database-url", cluster.database("whole"))


@pytest.fixture(scope="module")
def oak(site: Site) -> Party:
    return site.provider("oak")


@pytest.fixture(scope="module")
def taken(site: Site, oak: Party) -> str:
    """The reference of a file that was taken, whichever tests have run."""
    with site.running() as services:
        oak.put(services.intake, "taken.xml.pgp", oak.seal(core_data(1), site.certificate))
        return until(lambda: accepted(site, "taken.xml.pgp"), "its decision")


def accepted(site: Site, name: str) -> str:
    """The reference of a file that was taken; nothing where there is none yet of that name."""
    return next((str(t["reference"]) for t in site.transfers("--state", "accepted") if t["name"] == name), "")


def receipts_of(site: Site, sent: list[dict[str, Any]]) -> list[Path]:
    """Those of these transfers, once all of them are out."""
    found = [path for one in sent for path in site.receipts("oak").glob(f"*{one['reference']}.json")]
    return found if len(found) == len(sent) else []


@pytest.fixture
def registry(site: Site) -> Iterator[Registry]:
    made = Registry(load_settings(Home(site.home)).database_url(Home(site.home)))
    yield made
    made.close()


def test_the_whole_way_of_a_file(site: Site, oak: Party) -> None:
    jane = site.staff("jane", "central-data-team")
    content, before = core_data(), len(site.transfers())
    with site.running() as services:
        oak.put(services.intake, "core.xml.pgp", oak.seal(content, site.certificate))
        oak.put(services.intake, "cut off.pgp", oak.seal(content, site.certificate)[:-20])
        # Each is on record with its decision: whichever was decided first comes first.
        sent = site.await_decided(before + 2)[before:]
        whole, refused = sorted(sent, key=lambda each: each["name"])
        assert (whole["state"], whole["flow"]) == ("accepted", "student-core"), whole
        assert (refused["state"], refused["reasons"][0]["code"]) == ("refused", "open:damaged")
        with jane.sftp(services.mailboxes) as session:
            (name,) = (
                name for name in session.listdir("/central-data-team") if str(whole["reference"]) in name
            )
            assert session.open(f"/central-data-team/{name}").read() == content
            session.remove(f"/central-data-team/{name}")
        receipts = until(lambda: receipts_of(site, sent), "their receipts")
    assert not (site.home / "registry.db").exists()
    gateway_key = site.root / "gateway.asc"
    gateway_key.write_text(site.certificate)
    shown = site.gateway("receipts", "verify", *map(str, receipts), "--gateway-key", str(gateway_key))
    assert "genuine" in shown
    events = [event["kind"] for event in site.json("transfers", "show", whole["reference"])["events"]]
    assert next(one for one in events if one != "landed") == "decided"
    assert "collected" in events


def test_every_listing_and_check_works(site: Site, taken: str) -> None:
    assert taken in site.gateway("transfers", "list")
    site.gateway("doctor", "--deep")
    site.gateway("held", "list")
    site.gateway("keys", "list")
    flows = site.json("flows", "status", "--provider", "oak")
    assert {one["flow"] for one in flows} >= {"student-core", "school-census"}
    planned = site.json("retention", "plan", "--on", "2040-01-01")["due"]
    assert {one["what"] for one in planned} >= {"sealed", "receipts"}
    assert "PostgreSQL" in site.refused("backup", str(site.root / "backup"))


def test_a_search_folds_letters_of_every_language(registry: Registry, taken: str) -> None:
    with registry.on_trial() as tried, tried.write() as session:
        transfers.row_of(session, taken).name = "Élodie.csv"
        session.flush()
        for words, found in (("élodie", 1), ("ÉLODIE.CSV", 1), ("elodie", 0)):
            wanted = TransfersWanted(search=words, sight=EVERYTHING)
            assert transfer_lists.count(session, wanted) == found, words


def test_commands_write_while_the_processor_works(site: Site, oak: Party, registry: Registry) -> None:
    """One writer after the other: nobody fails, nothing is lost, the log has no gap."""
    before = counted(registry)["accepted"]
    with site.running() as services:
        with oak.sftp(services.intake) as session:
            for number in range(12):
                sealed = oak.seal(core_data(100 + number), site.certificate)
                session.open(f"core-{number}.xml.pgp", "wb").write(sealed)
        for number in range(3):
            site.staff(f"person-{number}", "central-data-team")
        until(lambda: counted(registry)["accepted"] == before + 12, "twelve decisions")
    site.gateway("retention", "run")
    site.gateway("log", "verify")


def test_writers_take_turns(registry: Registry) -> None:
    """What one adds to the log is behind what the other added, never in its place."""
    failures: list[BaseException] = []

    def write_ten() -> None:
        try:
            for _ in range(10):
                write(registry)
        except BaseException as error:  # noqa: BLE001 - shown below
            failures.append(error)

    with registry.read() as session:
        before = log.size(session)
    writers = [threading.Thread(target=write_ten) for _ in range(4)]
    for one in writers:
        one.start()
    for one in writers:
        one.join(60)
    assert failures == []
    with registry.read() as session:
        assert log.size(session) == before + 80


def test_what_is_read_is_of_one_moment(registry: Registry) -> None:
    with registry.read() as reading:
        before = log.size(reading)
        write(registry)
        assert log.size(reading) == before
    with registry.read() as reading:
        assert log.size(reading) == before + 2


def test_files_larger_than_2_gib_have_their_size(cluster: Cluster) -> None:
    registry = Registry(cluster.database("large"))
    registry.migrate()
    size = 3 * 1024**3
    with registry.write() as session:
        session.add(ProviderRow(id="oak", name="The oak", kind="school", added_at=NOW))
        session.flush()
        session.add(
            TransferRow(
                reference="261124-oak-LARGE", provider="oak", name="x", folder="in", state="refused",
                size=size, sha256="1" * 64, started_at=NOW, landed_at=NOW, ssh_key="k", client="",
                content_size=size,
            )
        )  # fmt: skip
    with registry.read() as session:
        assert transfers.get(session, "261124-oak-LARGE").content_size == size
    registry.close()


def test_broken_connections_are_made_anew(
    site: Site, oak: Party, cluster: Cluster, registry: Registry
) -> None:
    with registry.read() as session:
        log.size(session)
    assert cluster.break_connections() >= 1
    write(registry)
    # In the midst of a transaction it is a fault, and nothing of it stays.
    with registry.read() as session:
        before = log.size(session)
    with pytest.raises(Fault):
        write(registry, cluster.break_connections)
    with registry.read() as session:
        assert log.size(session) == before


def test_files_wait_while_the_server_is_down(
    site: Site, oak: Party, cluster: Cluster, registry: Registry
) -> None:
    before = counted(registry)["accepted"]
    with site.running() as services:
        cluster.stop()
        try:
            oak.put(services.intake, "late.xml.pgp", oak.seal(core_data(7), site.certificate))
            assert "did not answer" in site.refused("transfers", "list")
        finally:
            cluster.start()
        until(lambda: counted(registry)["accepted"] == before + 1, "a decision")


def test_a_row_changed_behind_the_back_is_found(site: Site, taken: str, cluster: Cluster) -> None:
    change = "update transfer set state = '{}' where reference = '{}' returning sequence"
    sequence = cluster.sql(change.format("held", taken), database="whole").strip()
    try:
        assert f"transfer {sequence}" in site.refused("log", "verify")
    finally:
        cluster.sql(change.format("accepted", taken), database="whole")
    site.gateway("log", "verify")


def test_a_password_comes_from_its_file(cluster: Cluster, tmp_path: Path) -> None:
    passfile = tmp_path / "pgpass"
    passfile.write_text("*:*:*:keeper:correct horse\n")
    passfile.chmod(0o600)
    url = f"{cluster.database('kept', 'keeper')}&passfile={passfile}"
    Site(tmp_path, "--database-url", url)
    assert "provider" in cluster.sql("select tablename from pg_tables", database="kept")


def test_policies_are_upgraded_by_a_proven_administrator_alone(cluster: Cluster, tmp_path: Path) -> None:
    site = Site(tmp_path, "--database-url", cluster.database("upgraded"))
    site.staff("ann", "central-data-team")
    site.gateway("roles", "grant", "ann", "administrator", "--account", real_account(), "--why", "runs it")
    home = Home(site.home)
    earlier = unpacked("2026-11-28", tmp_path / "earlier").policies_in_force
    shutil.rmtree(home.policies_in_force)
    shutil.copytree(earlier, home.policies_in_force)
    assert "nothing was changed; next: gateway upgrade --apply" in upgrade(home, by="ann").stdout
    assert "ben is not proved to be at the keyboard" in upgrade(home, by="ben").stderr


def test_no_password_is_taken_on_the_command_line(tmp_path: Path) -> None:
    said = init(tmp_path / "home", "postgresql+psycopg://g:secret@/x")
    assert "no password may stand in it" in said
    assert "secret" not in said
    assert not (tmp_path / "home").exists()
    with pytest.raises(ValueError, match="no password"):
        Settings(database="postgresql+psycopg:///x?password=secret")


def test_a_database_that_is_in_use_is_refused(site: Site, tmp_path: Path) -> None:
    url = load_settings(Home(site.home)).database
    assert url is not None
    assert "holds tables already" in init(tmp_path / "home", url)
    assert not (tmp_path / "home").exists()


def test_a_database_that_does_not_answer_leaves_no_home(cluster: Cluster, tmp_path: Path) -> None:
    said = init(tmp_path / "home", f"postgresql+psycopg://gateway@/nowhere?host={cluster.folder}")
    assert "did not answer" in said
    assert not (tmp_path / "home").exists()


def test_an_init_that_fails_can_be_run_again(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(log_origin="test.invalid/log", database=cluster.database("again"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(create, "publish_all", full)
        with pytest.raises(OSError, match="No space"):
            create.create_home(Home(tmp_path / "home"), settings, NOW)
    assert not (tmp_path / "home").exists()
    create.create_home(Home(tmp_path / "home"), settings, NOW)
    with closing(Registry(settings.database or "")) as registry:
        with pytest.raises(ConfigurationError, match="tables already"), registry.founding():
            pass
        with registry.read() as session:
            assert [one.kind for one in log.events(session, "log")].count("log-started") == 1


def test_a_database_in_another_encoding_is_refused(cluster: Cluster) -> None:
    registry = Registry(cluster.database("ascii", encoding="SQL_ASCII"))
    with pytest.raises(ConfigurationError, match="UTF8"):
        registry.check_unused()
    registry.close()


def counted(registry: Registry) -> dict[str, int]:
    """How many transfers are in each state."""
    with registry.read() as session:
        return transfers.counts(session)


def write(registry: Registry, meanwhile: Callable[[], object] = lambda: None) -> None:
    """Add two entries to the log, and do something between them."""
    entry = Entry(kind="recorded", subject="registry", note="[]")
    with registry.write() as session:
        log.append(session, [entry], NOW)
        meanwhile()
        log.append(session, [entry], NOW)


def init(home: Path, url: str) -> str:
    """The one line with which `gateway init` refuses."""
    done = subprocess.run(
        [
            sys.executable, "-m", "gateway", "init", "--organisation", "Anyshire",
            "--home", str(home), "--database-url", url,
        ],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    return line
