"""A backup taken while everything runs becomes a home that holds in every part."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shutil
import sqlite3
import stat
import subprocess
import sys
import threading
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest

from gateway.errors import ConfigurationError, Fault, GatewayError
from gateway.home import Home
from gateway.homes import backup
from gateway.store.of_home import store_of
from tests.commands import invoke
from tests.content import core_data
from tests.site import Party, Site
from tests.waiting import until
from tests.workshop import Desk


@dataclass
class Backed:
    site: Site
    oak: Party
    folder: Path
    restored: Site
    head: Path


@pytest.fixture(scope="module")
def backed(tmp_path_factory: pytest.TempPathFactory) -> Backed:
    """A gateway that was backed up in the middle of its work, and a home made from the backup."""
    root = tmp_path_factory.mktemp("backed")
    site = Site(root, workers=1)
    oak, elm = site.provider("oak"), site.provider("elm", ratified=False)
    folder, head = root / "copies" / "first", root / "head"
    with site.running() as services:
        oak.put(services.intake, "first.xml.pgp", oak.seal(core_data(1), site.certificate))
        elm.put(services.intake, "held.xml.pgp", elm.seal(core_data(2), site.certificate))
        oak.put(services.intake, "plain.csv", b"UPN,Surname\n")
        site.await_decided(3)
        head.write_text(site.gateway("log", "head"))
        done = threading.Event()
        busy = threading.Thread(target=_keep_busy, args=(site, oak, services.intake, done))
        busy.start()
        try:
            site.gateway("backup", str(folder))
        finally:
            done.set()
            busy.join()
    return Backed(site, oak, folder, _restored(folder, root / "new"), head)


def _keep_busy(site: Site, oak: Party, place: tuple[str, int], done: threading.Event) -> None:
    for number in range(10, 30):
        if done.wait(0.1):
            return
        oak.put(place, f"busy {number}.xml.pgp", oak.seal(core_data(number, pupils=2), site.certificate))


def _restored(folder: Path, home: Path, *options: str) -> Site:
    made = Site.__new__(Site)
    made.root, made.home = home.parent, home
    made.gateway("restore", str(folder), *options)
    return made


def test_what_was_decided_is_there_and_fits(backed: Backed) -> None:
    states = {t["name"]: t["state"] for t in backed.restored.transfers()}
    assert (
        states.items()
        >= {
            "first.xml.pgp": "accepted",
            "held.xml.pgp": "held",
            "plain.csv": "refused",
        }.items()
    )
    log = backed.restored.json("log", "verify", "--sealed", "--checkpoint", str(backed.head))
    assert log["fits"], log
    assert not [c for c in backed.restored.json("doctor", "--deep") if c["severity"] == "fault"]


def test_a_receipt_of_each_kind_verifies(backed: Backed, tmp_path: Path) -> None:
    key = tmp_path / "gateway.asc"
    key.write_text(backed.site.certificate)
    for provider, name in (("oak", "first.xml.pgp"), ("elm", "held.xml.pgp"), ("oak", "plain.csv")):
        receipts = [p for p in backed.restored.receipts(provider).iterdir() if p.name.startswith(name)]
        assert {path.suffix for path in receipts} >= {".txt", ".json"}
        files = [str(path) for path in receipts if path.suffix in {".txt", ".json"}]
        backed.restored.gateway("receipts", "verify", *files, "--gateway-key", str(key))


def test_the_restored_gateway_works(backed: Backed) -> None:
    before = len(backed.restored.transfers())
    with backed.restored.running() as services:
        sealed = backed.oak.seal(core_data(99), backed.site.certificate)
        backed.oak.put(services.intake, "after.xml.pgp", sealed)
        until(lambda: len(backed.restored.transfers()) > before, "the file")
        until(lambda: all(t["state"] != "landed" for t in backed.restored.transfers()), "every decision")
    assert {t["name"]: t["state"] for t in backed.restored.transfers()}["after.xml.pgp"] == "accepted"
    assert backed.restored.json("log", "verify")["fits"]


def test_nobody_else_may_read_a_backup(backed: Backed) -> None:
    for path in (backed.folder, *backed.folder.rglob("*")):
        if path.is_dir():
            assert stat.S_IMODE(path.stat().st_mode) == 0o700, path
    assert (backed.folder / "keys/log.pem").stat().st_mode & 0o077 == 0
    assert (backed.folder / "registry.db").stat().st_mode & 0o077 == 0


def test_a_restored_home_is_open_to_the_same_users(backed: Backed) -> None:
    """Services of other users must be able to read the policies, and nobody else the secrets."""

    def modes(home: Path) -> dict[str, int]:
        parts = (
            path for part in ("keys", "policies", "policies-in-force") for path in (home / part).rglob("*")
        )
        return {str(path.relative_to(home)): stat.S_IMODE(path.stat().st_mode) for path in parts}

    before, after = modes(backed.site.home), modes(backed.restored.home)
    assert {path: mode for path, mode in after.items() if before.get(path) != mode} == {}


def test_a_backup_of_the_night_is_restored_for_all_services(backed: Backed, tmp_path: Path) -> None:
    """The unit's umask leaves every file of a backup to its owner; shared folders are there before."""
    before = os.umask(0o077)
    try:
        backup.back_up(Home(backed.site.home), tmp_path / "copy", datetime.now(UTC))
    finally:
        os.umask(before)
    home = tmp_path / "home"
    for name in ("", "keys", "keys/openpgp", "keys/statements", "keys/succession", "sealed"):
        (home / name).mkdir()
        (home / name).chmod(0o2770 if name == "" else 0o2750)
    _restored(tmp_path / "copy", home)
    modes = {
        part: {stat.S_IMODE(path.stat().st_mode) for path in (home / part).rglob("*") if path.is_file()}
        for part in ("sealed", "policies", "policies-in-force")
    }
    assert modes == {"sealed": {0o640}, "policies": {0o644}, "policies-in-force": {0o644}}
    keys = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home / "keys").rglob("*.*")}
    assert keys.pop("mailboxes_host_key.pub") == 0o644
    assert set(keys.values()) == {0o640}
    assert stat.S_IMODE((home / "registry.db").stat().st_mode) == 0o660


def test_neither_overwrites(backed: Backed) -> None:
    assert "never overwrites" in backed.site.refused("backup", str(backed.folder))
    assert "never overwritten" in backed.restored.refused("restore", str(backed.folder))


def test_an_interrupted_backup_is_refused(backed: Backed, tmp_path: Path) -> None:
    cut = tmp_path / "cut"
    shutil.copytree(backed.folder, cut)
    (cut / "backup.json").unlink()
    with pytest.raises(GatewayError, match="not a whole backup"):
        backup.restore(cut, Home(tmp_path / "home"))
    assert not (tmp_path / "home").exists()


def test_an_altered_registry_is_refused(backed: Backed, tmp_path: Path) -> None:
    altered = tmp_path / "altered"
    shutil.copytree(backed.folder, altered)
    with sqlite3.connect(altered / "registry.db") as database:
        database.execute("UPDATE transfer SET state = 'accepted'")
    with pytest.raises(GatewayError, match=r"registry\.db is not what was backed up"):
        backup.restore(altered, Home(tmp_path / "home"))


@pytest.mark.parametrize("place", ["sealed", "keys", "policies"])
@pytest.mark.parametrize("harm", ["missing", "changed", "added"])
def test_a_backup_that_was_altered_is_refused(backed: Backed, tmp_path: Path, place: str, harm: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backed.folder, copy)
    path = max((path for path in (copy / place).rglob("*") if path.is_file()), key=lambda p: p.stat().st_size)
    if harm == "missing":
        path.unlink()
    elif harm == "added":
        path = path.with_name("more")
        path.write_bytes(b"")
    else:
        path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(GatewayError) as refused:
        backup.restore(copy, Home(tmp_path / "home"))
    assert f"{path} is not what was backed up" in str(refused.value)
    assert not (tmp_path / "home").exists()


def test_only_files_are_counted_of_which_there_is_something(backed: Backed) -> None:
    sizes = [path.stat().st_size for path in (backed.folder / "sealed").iterdir()]
    assert 0 in sizes
    assert backup.read_manifest(backed.folder).sealed_files == sum(size > 0 for size in sizes)


def test_settings_may_be_a_link_and_nothing_is_left_where_it_fails(backed: Backed, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(backed.restored.home, home, ignore=shutil.ignore_patterns("inside"))  # A socket.
    (home / "gateway.toml").rename(tmp_path / "elsewhere.toml")
    (home / "gateway.toml").symlink_to(tmp_path / "elsewhere.toml")
    backup.back_up(Home(home), tmp_path / "copy", datetime.now(UTC))
    assert (tmp_path / "copy" / "gateway.toml").read_bytes() == (tmp_path / "elsewhere.toml").read_bytes()
    (home / "policies" / "flows.toml").rename(tmp_path / "flows.toml")
    (home / "policies" / "flows.toml").symlink_to(tmp_path / "flows.toml")
    with pytest.raises(GatewayError, match=r"policies/flows\.toml is a symbolic link"):
        backup.back_up(Home(home), tmp_path / "other", datetime.now(UTC))
    assert not (tmp_path / "other").exists()


def test_where_the_disk_is_full_nothing_is_left(backed: Backed, tmp_path: Path) -> None:
    """No file may grow beyond 64 KiB, as where the disk is full; the registry is larger."""
    home, copy = Home(backed.restored.home), Home(tmp_path / "home")
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    try:
        with pytest.raises(Fault, match=r"the registry cannot be copied: .*\. Its disk is full or broken"):
            backup.back_up(home, tmp_path / "copy", datetime.now(UTC))
        with pytest.raises(Fault, match="the home cannot be written: File too large"):
            backup.restore(backed.folder, copy)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    assert list(tmp_path.iterdir()) == []
    backup.restore(backed.folder, copy)


def test_what_was_interrupted_goes_once_there_is_a_newer_one(backed: Backed, tmp_path: Path) -> None:
    home, at = Home(backed.restored.home), datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    cut, busy, whole, newer = [backup.dated_folder(tmp_path, at.replace(hour=hour)) for hour in range(4)]
    for place in (cut, busy, whole, newer):
        backup.back_up(home, place, at)
    for place in (cut, busy, newer):
        (place / "backup.json").unlink()
    with backup.at_work(busy):
        assert backup.prune(tmp_path, 2) == [cut]
    assert backup.prune(tmp_path, 2) == [busy]
    assert sorted(tmp_path.iterdir()) == [whole, newer]


@pytest.mark.parametrize("harm", ["missing", "changed"])
def test_a_sealed_file_that_is_lost_or_changed_is_found(backed: Backed, tmp_path: Path, harm: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(backed.folder, copy)
    sealed = max((copy / "sealed").iterdir(), key=lambda path: path.stat().st_size)
    if harm == "missing":
        sealed.unlink()
    else:
        data = bytearray(sealed.read_bytes())
        data[-1] ^= 1
        sealed.write_bytes(data)
    home = _restored(copy, tmp_path / "home", "--damaged")
    done = home.stage.gateway("doctor", "--deep", "--json")
    assert done.returncode == 1
    said = [c["what"] for c in json.loads(done.stdout) if c["severity"] == "fault"]
    assert said
    assert all(sealed.stem in what for what in said), said


def test_dated_backups_share_sealed_files_and_old_ones_go(backed: Backed, tmp_path: Path) -> None:
    home, at = Home(backed.restored.home), datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    places = []
    for hour in range(4):
        place = backup.dated_folder(tmp_path, at.replace(hour=hour))
        earlier = backup.whole_backups(tmp_path)
        backup.back_up(home, place, at, earlier=earlier[-1] if earlier else None)
        places.append(place)
    with closing(sqlite3.connect(home.registry)) as registry:
        withheld = registry.execute("SELECT reference FROM transfer WHERE withheld").fetchall()
    copied = {f"{reference}.sealed" for (reference,) in withheld}
    inodes = [
        {p.name: p.stat().st_ino for p in (place / "sealed").iterdir() if p.name not in copied}
        for place in places
    ]
    assert inodes[0] == inodes[3]
    assert inodes[0]
    (tmp_path / "2026-11-25T010000Z").mkdir()
    assert backup.prune(tmp_path, 2) == places[:2]
    assert backup.whole_backups(tmp_path) == places[2:]
    backup.restore(places[3], Home(tmp_path / "home"))
    assert backup.read_manifest(places[3]).files.items() >= {
        (f"sealed/{p.name}", hashlib.sha256(p.read_bytes()).hexdigest())
        for p in (places[3] / "sealed").iterdir()
    }


def test_a_file_that_retention_deleted_is_not_in_the_next_backup_and_a_lost_one_is(
    backed: Backed, tmp_path: Path
) -> None:
    shutil.copytree(backed.restored.home, tmp_path / "home", ignore=shutil.ignore_patterns("inside"))
    home, at = Home(tmp_path / "home"), datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
    first, second = tmp_path / "first", tmp_path / "second"
    backup.back_up(home, first, at)
    stored = store_of(home)
    gone, withheld, lost = sorted(stored.references())[:3]
    stored.remove([gone, withheld, lost])
    with closing(sqlite3.connect(home.registry)) as registry, registry:  # As retention puts it on record.
        registry.execute(
            "INSERT INTO deletion (reference, what, rule, since, deleted_at, files)"
            " VALUES (?, 'sealed', 'x', '2026-11-01', '2026-11-23', '')",
            (gone,),
        )
        registry.execute("UPDATE transfer SET withheld = (reference = ?)", (withheld,))
    backup.back_up(home, second, at, earlier=first)
    kept = {path.name for path in (first / "sealed").iterdir()}
    assert {path.name for path in (second / "sealed").iterdir()} == kept - {
        f"{one}.sealed" for one in (gone, withheld)
    }
    assert f"sealed/{gone}.sealed" not in backup.read_manifest(second).files


def test_a_backup_made_by_a_clock_that_went_back_is_kept(
    backed: Backed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for year in (2026, 2027, 1970):
        monkeypatch.setattr("gateway.cli.backup.now", lambda: datetime(year, 1, 1, tzinfo=UTC))  # noqa: B023
        backed.restored.gateway("backup", str(tmp_path), "--dated", "--keep", "2")
        made.append(tmp_path / f"{year}-01-01T000000Z")
    assert backup.whole_backups(tmp_path) == [made[2], made[1]]
    monkeypatch.setattr("gateway.cli.backup.now", lambda: datetime(2028, 1, 1, tzinfo=UTC))
    backed.restored.gateway("backup", str(tmp_path), "--dated", "--keep", "1")
    assert backup.whole_backups(tmp_path) == [tmp_path / "2028-01-01T000000Z"]


def test_a_backup_made_by_a_clock_that_ran_ahead_goes_when_its_turn_comes(
    backed: Backed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [datetime(2026, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)]
    days += [datetime(2026, 1, day, tzinfo=UTC) for day in (2, 3, 4)]
    for day in days:
        monkeypatch.setattr("gateway.cli.backup.now", lambda: day)  # noqa: B023
        backed.restored.gateway("backup", str(tmp_path), "--dated", "--keep", "3")
    assert [path.name[:10] for path in sorted(tmp_path.iterdir())] == [
        "2026-01-02",
        "2026-01-03",
        "2026-01-04",
    ]


def test_a_backup_cut_off_while_the_clock_ran_ahead_goes_unless_it_is_still_made(
    backed: Backed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut_off, in_progress = (tmp_path / f"{year}-01-01T000000Z" for year in (2031, 2032))
    for folder in (cut_off, in_progress):
        folder.mkdir()
        (folder / "keys").mkdir()
    monkeypatch.setattr("gateway.cli.backup.now", lambda: datetime(2026, 1, 2, tzinfo=UTC))
    with backup.at_work(in_progress):
        backed.restored.gateway("backup", str(tmp_path), "--dated", "--keep", "3")
    assert sorted(tmp_path.iterdir()) == [tmp_path / "2026-01-02T000000Z", in_progress]


def test_postgresql_is_left_to_its_own_means(backed: Backed, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(backed.restored.home, home, ignore=shutil.ignore_patterns("inside"))  # A socket.
    settings = home / "gateway.toml"
    settings.write_text('database = "postgresql+psycopg://x"\n' + settings.read_text())
    with pytest.raises(ConfigurationError, match="PostgreSQL"):
        backup.back_up(Home(home), tmp_path / "copy", datetime.now(UTC))
    assert not (tmp_path / "copy").exists()


def test_killed_in_the_middle_it_is_no_backup(backed: Backed, tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from datetime import UTC, datetime\n"
        "from gateway.homes import backup; from gateway.home import Home\n"
        "backup.fsync_tree = lambda folder: os._exit(9)\n"
        "backup.back_up(Home(Path(sys.argv[1])), Path(sys.argv[2]), datetime.now(UTC))\n"
    )
    place = tmp_path / "copy"
    done = subprocess.run(
        [sys.executable, "-c", code, str(backed.restored.home), str(place)], check=False, cwd=Path.cwd()
    )
    assert done.returncode == 9
    assert (place / "registry.db").exists()
    with pytest.raises(GatewayError, match="not a whole backup"):
        backup.read_manifest(place)


def test_where_the_restored_home_cannot_be_published_what_is_left_is_said(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> NoReturn:
        raise Fault("published/ cannot be written")

    desk.gateway("backup", str(desk.root / "copy"))
    monkeypatch.setattr("gateway.cli.backup.open_processor", fails)
    result = invoke(desk.root / "new", "restore", str(desk.root / "copy"))
    assert result.exit_code != 0
    said = (
        "the home is restored, but not ready: published/ cannot be written. Then go on with: gateway process"
    )
    assert said in " ".join(result.stderr.split())
    assert Home(desk.root / "new").registry.exists()
