"""Whatever is changed behind the gateway's back, `log verify` finds it and says where."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.end_to_end.content import census, core_data
from tests.gateway_site import Site

# Columns that are not vouched for: how often a key was used.
USAGE = {("key", "uses"), ("key", "last_used_at")}
# Made from sealed files, and made again from them: not vouched for.
INDEXES = {"pupil", "full_roll", "staged_roll"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A home in which every table that a small authority fills has rows."""
    site = Site(tmp_path_factory.mktemp("whole"))
    oak, elm = site.provider("oak"), site.provider("elm", ratified=False)
    jane = site.staff("jane", "central-data-team")
    with site.running() as services:
        oak.put(services.intake, "core.xml.pgp", oak.seal(core_data(), site.certificate))
        oak.put(services.intake, "plain.xml", core_data())
        elm.put(services.intake, "census.xml.pgp", elm.seal(census(), site.certificate))
        site.await_decided(3)
        with jane.sftp(services.mailboxes) as session:
            (name,) = session.listdir("/central-data-team")
            session.open(f"/central-data-team/{name}").read()
            session.remove(f"/central-data-team/{name}")
    held = next(t for t in site.transfers() if t["state"] == "held")
    site.gateway("held", "refuse", held["reference"], "--why", "a test")
    return site


@pytest.fixture
def copy(whole: Site, tmp_path: Path) -> Site:
    """The same home, to be spoiled."""
    site = object.__new__(Site)
    site.__dict__.update(whole.__dict__)
    shutil.copytree(whole.home, tmp_path / "home")
    site.home = tmp_path / "home"
    site.stage = type(whole.stage)(site.home)
    return site


def verdict(site: Site) -> tuple[int, str]:
    result = site.stage.gateway("log", "verify")
    return result.returncode, result.stdout + result.stderr


def rows(site: Site) -> list[tuple[str, list[str], int]]:
    """Every table with its columns and number of rows."""
    with closing(sqlite3.connect(site.home / "registry.db")) as db:
        names = [n for (n,) in db.execute("select name from sqlite_master where type = 'table'")]
        return [
            (name, [column[1] for column in db.execute(f"pragma table_info({name})")], count)
            for name in names
            if name != "alembic_version"
            for (count,) in db.execute(f"select count(*) from {name}")
        ]


def spoil(site: Site, *statements: str) -> None:
    with closing(sqlite3.connect(site.home / "registry.db")) as db:
        db.execute("pragma foreign_keys = off")
        for statement in statements:
            db.execute(statement)
        db.commit()


def test_an_honest_home_fits(whole: Site) -> None:
    code, said = verdict(whole)
    assert code == 0, said
    assert "everything fits" in said


def test_every_column_of_every_row_is_vouched_for(whole: Site, tmp_path: Path) -> None:
    undetected = []
    for table, columns, count in rows(whole):
        if not count or table in INDEXES:
            continue
        for column in columns:
            if (table, column) in USAGE:
                continue
            found, changed = changed_value(whole, tmp_path, table, column)
            if changed and not found:
                undetected.append((table, column))
    assert undetected == []


def changed_value(whole: Site, tmp_path: Path, table: str, column: str) -> tuple[bool, bool]:
    """Whether a change of one value is found, and whether there was one to change."""
    from gateway.audit.audit import Anchors, audit  # noqa: PLC0415 - in this process, for speed
    from gateway.home import Home  # noqa: PLC0415
    from gateway.processing.signing import Signing  # noqa: PLC0415
    from gateway.registry.database import Registry  # noqa: PLC0415
    from gateway.settings import load_settings  # noqa: PLC0415

    home = Home(whole.home)
    signing = Signing.load(home, load_settings(home))
    copy = tmp_path / "copy.db"
    with closing(sqlite3.connect(whole.home / "registry.db")) as source, closing(sqlite3.connect(copy)) as db:
        source.backup(db)
        db.execute("pragma foreign_keys = off")
        row, value = db.execute(f"select rowid, {column} from {table} order by rowid desc limit 1").fetchone()
        other = spoiled(value)
        db.execute(f"update or ignore {table} set {column} = ? where rowid = ?", (other, row))
        now = db.execute(f"select {column} from {table} where rowid = ?", (row,)).fetchone()
        db.commit()
    registry = Registry(f"sqlite:///{copy}")
    try:
        with registry.read() as session:
            anchors = Anchors((signing.vkey,), (signing.certificate.encode(),))
            found = next(iter(audit(session, anchors)), None) is not None
    except (ValueError, TypeError):
        found = True  # what the database itself can no longer read is found, too
    finally:
        registry.close()
        copy.unlink()
    return found, now is None or now[0] != value


def spoiled(value: object) -> object:
    """Another value of the same shape."""
    if value is None:
        return "x"
    if isinstance(value, int):
        return value + 1
    if isinstance(value, bytes):
        return bytes([value[0] ^ 1]) + value[1:]
    text = str(value)
    if len(text) >= 10 and text[4:5] == "-" and text[:4].isdigit():
        return f"{int(text[:4]) - 1}{text[4:]}"
    return text[:-1] + ("0" if text[-1:] != "0" else "1")


@pytest.mark.parametrize("table", ["event", "checkpoint", "receipt", "transfer", "reason", "delivery", "key"])
def test_a_row_that_is_taken_out_is_missed(copy: Site, table: str) -> None:
    spoil(copy, f"delete from {table} where rowid = (select max(rowid) from {table} where rowid > 0)")
    code, said = verdict(copy)
    assert code == 1, said


@pytest.mark.parametrize(
    "statement",
    [
        (
            "insert into delivery (transfer, team, delivered_at)"
            " select sequence, 'early-years', landed_at from transfer limit 1"
        ),
        (
            "insert into receipt (reference, provider, name, stage, text, json_text, created_at)"
            " select reference, provider, name, stage, text, json_text, created_at from receipt limit 1"
        ),
        "insert into staff_team (staff, team) values ('jane', 'sen')",
        "insert into event select max(number) + 1, at, kind, subject, leaf, actor, note, salt from event",
    ],
    ids=["delivery", "receipt", "membership", "event"],
)
def test_a_row_that_is_slipped_in_is_noticed(copy: Site, statement: str) -> None:
    spoil(copy, statement)
    code, said = verdict(copy)
    assert code == 1, said


def test_events_that_change_places_are_noticed(copy: Site) -> None:
    spoil(
        copy,
        "update event set number = -1 where number = 2",
        "update event set number = 2 where number = 3",
        "update event set number = 3 where number = -1",
    )
    code, said = verdict(copy)
    assert code == 1
    assert "event 2" in said


def test_a_log_cut_back_to_yesterday_is_caught_by_a_head_kept_elsewhere(copy: Site, tmp_path: Path) -> None:
    yesterday = tmp_path / "yesterday.db"
    with (
        closing(sqlite3.connect(copy.home / "registry.db")) as db,
        closing(sqlite3.connect(yesterday)) as old,
    ):
        db.backup(old)
    copy.gateway("providers", "suspend", "oak")
    head = tmp_path / "head"
    head.write_text(copy.gateway("log", "head"))
    assert copy.stage.gateway("log", "verify", "--checkpoint", str(head)).returncode == 0
    for wal in copy.home.glob("registry.db-*"):
        wal.unlink()
    shutil.copy(yesterday, copy.home / "registry.db")
    assert verdict(copy)[0] == 0
    assert "it was cut" in copy.refused("log", "verify", "--checkpoint", str(head))
