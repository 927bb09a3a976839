"""PostgreSQL and the bucket are restored together: the registry of one moment, the bucket of a later one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import obstore
import pytest

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.processor.service import open_processor
from gateway.registry import register
from gateway.registry.database import Registry
from gateway.store.objects import client_of
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.content import core_data
from tests.processor.test_follow import suspend
from tests.production.later import change_tables
from tests.production.test_upgrade import THIS, Version
from tests.registry.cluster import Cluster
from tests.store.servers import Server
from tests.store.several import another_host, at_work, shared_home
from tests.waiting import until
from tests.workshop import Workshop

pytestmark = [pytest.mark.long, pytest.mark.needs("pg_ctlcluster")]


def test_a_dump_and_a_later_copy_of_the_bucket_make_the_gateway_again(
    cluster: Cluster, weed: Server, tmp_path: Path
) -> None:
    one = shared_home(tmp_path / "first", weed, cluster.database("lost"))
    oak = one.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    dump = cluster.folder / "dump.sql"
    with at_work(one):
        before = one.send(oak, core_data(1))
        until(lambda: one.state(before) == "accepted", "the decision")
        cluster._run("pg_dump", "-h", str(cluster.folder), "-U", "admin", "-f", str(dump), "lost")
        later = one.send(oak, core_data(2))  # In the copy of the bucket, and not in the dump.
        until(lambda: one.state(later) == "accepted", "the decision")
    bucket = client_of(load_settings(one.home).store.model_copy(update={"url": "s3://gateway"}))
    for page in obstore.list(bucket, "first"):
        for found in page:
            obstore.copy(bucket, found["path"], "again" + found["path"].removeprefix("first"))
    cluster.database("found")
    cluster._run(
        "psql", "-h", str(cluster.folder), "-U", "admin", "-d", "found", "-Xq",
        "-v", "ON_ERROR_STOP=1", "-f", str(dump),
    )  # fmt: skip
    again = another_host(one, tmp_path / "second", "one")
    text = again.home.settings.read_text()
    again.home.settings.write_text(
        text.replace("@/lost?", "@/found?").replace("s3://gateway/first", "s3://gateway/again")
    )
    again.close()
    for made in ("sealed", "spool", "published", "mailboxes"):  # No copy has them.
        shutil.rmtree(again.home.root / made, ignore_errors=True)
    assert "restore it from a backup" not in invoke(again.home.root, "doctor").stdout
    invoke(again.home.root, "doctor", "--mend")
    again._open()
    again.home.spool.asked.mkdir(exist_ok=True)
    (again.home.spool.asked / "oak.asked").touch()  # The school looks at this door.
    with open_processor(again.home, again.clock, examiners=again.children.lent) as processor:
        assert processor.drain() == 0
    assert (again.state(before), again.state(later)) == ("accepted", "")
    assert list((again.home.published.provider("oak") / "receipts").glob(f"*{before}*"))
    doctor = json.loads(invoke(again.home.root, "doctor", "--deep", "--json").stdout)
    faults = [one["what"] for one in doctor if one["severity"] == "fault"]
    lost = f"sealed {later}: no transfer has this file"
    assert [what for what in faults if "host one says nothing" not in what] == [lost]
    again.close()
    one.close()


def test_a_host_at_work_sees_that_the_registry_is_back_though_its_log_is_as_long_again(
    cluster: Cluster, weed: Server, tmp_path: Path
) -> None:
    """As with a standby that lacks the last moments: another host writes before this one looks."""
    one = shared_home(tmp_path / "of-standby", weed, cluster.database("back"))
    oak, _ = one.provider("oak", years=THIS_YEAR), one.provider("elm")
    two = another_host(one, tmp_path / "two", "two")
    two.home.spool.asked.mkdir()
    (two.home.spool.asked / "oak.asked").touch()
    shown, elm = two.home.published.provider("oak"), two.home.published.provider("elm")
    one.sent(oak, b"first")
    with open_processor(two.home, two.clock, examiners=two.children.lent) as processor:
        assert processor.drain() == 0
        cluster.copy("standby", of="back")
        gone = [one.sent(oak, data).upload.reference for data in (b"a", b"b", b"c")]
        assert processor.drain() == 0
        assert all(list((shown / "receipts").glob(f"*{each}*")) for each in gone)
        one.registry.close()
        cluster.sql("drop database back with (force)", "alter database standby rename to back")
        for _ in range(9):  # Its log is longer than it was, and it has fewer receipts.
            suspend(one, "elm")
        sent = [one.sent(oak, b"d").upload.reference]
        assert processor.drain() == 0
    assert (elm / "authorized_keys").read_text() == ""
    receipts = {path.name.split(".")[-2] for path in (shown / "receipts").glob("*.txt")}
    assert receipts.issuperset(sent)
    assert receipts.isdisjoint(gone)
    told = (shown / "receipts" / "events.jsonl").read_text()
    assert [each for each in sent if each not in told] == []
    assert [each for each in sent if each not in (shown / "pages" / "status.html").read_text()] == []
    two.close()
    one.close()


def test_a_service_at_work_reads_the_register_again_after_a_restore(cluster: Cluster, tmp_path: Path) -> None:
    """As mailboxes and console, which ask for it at each request, and do not follow the log."""
    desk = Workshop(tmp_path)
    desk.gateway("move", "--database-url", cluster.database("early"))
    desk.registry.close()
    desk.registry = Registry(load_settings(desk.home).database_url(desk.home))
    for name in ("oak", "elm"):
        desk.provider(name)
    cluster.copy("earlier", of="early")
    reader = Registry(load_settings(desk.home).database_url(desk.home))

    def suspended() -> list[str]:
        with reader.read() as session:
            return [one.id for one in register.of(session).enrolled() if one.suspended]

    suspend(desk, "oak")
    assert suspended() == ["oak"]
    desk.registry.close()
    cluster.sql("drop database early with (force)", "alter database earlier rename to early")
    suspend(desk, "elm")
    assert suspended() == ["elm"]
    reader.close()
    desk.close()


def test_an_upgrade_is_rehearsed_on_a_restored_copy_and_taken_back_by_the_dump(
    cluster: Cluster, tmp_path: Path
) -> None:
    desk, code = Workshop(tmp_path / "desk"), tmp_path / "newer"
    desk.gateway("move", "--database-url", cluster.database("running"))
    desk.close()
    for part in ("gateway", "policies", "systemd", "docs"):
        shutil.copytree(THIS / part, code / part)
    change_tables(code)
    old, new, tried = (
        Version(path, home)
        for path, home in ((THIS, desk.home.root), (code, desk.home.root), (code, tmp_path / "tried"))
    )
    for part in ("keys", "policies", "policies-in-force"):
        shutil.copytree(old.home / part, tried.home / part)
    text = desk.home.settings.read_text()
    Home(tried.home).settings.write_text(text.replace("@/running?", "@/tried?"))
    for copy in ("tried", "dump"):
        cluster.copy(copy, of="running")
    told = tried.done("upgrade", "--apply", "--backup", "dump")
    assert "rehearse on a restored copy of the database (docs/operations.md)" in told
    assert tried.json("log", "verify")["fits"]
    assert old.json("log", "verify")["fits"]  # It was a copy.
    new.done("upgrade", "--apply", "--backup", "dump")
    assert "a newer version" in old.refused("log", "verify")
    assert "by the database's backup (docs/operations.md)" in new.refused("upgrade", "--undo")
    cluster.sql("drop database running with (force)", "alter database dump rename to running")
    old.done("process", "--once")
    assert old.json("log", "verify")["fits"]
