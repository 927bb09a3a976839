"""What a host hands on is put down in its own places alone, and only where it is whole."""

from __future__ import annotations

import io
import os
import resource
import stat
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.cli import hosts
from gateway.errors import ConfigurationError, GatewayError
from gateway.home import Home
from gateway.home.settings import HostSettings, load_settings
from gateway.homes import new_host
from gateway.homes.new_host import new_code, packed, unpacked
from gateway.keys import rotation
from gateway.openpgp.sealer import lock, unlock
from gateway.secrets import secret_files
from tests.commands import invoke
from tests.workshop import Desk

SETTINGS = b'[host]\nname = "two"\n'
SHARED = """
organisation = "Somerset County Council"
database = "postgresql+psycopg://gateway@/gateway"
[store]
url = "s3://bucket/folder"
credentials_file = "/etc/gateway/s3"
[host]
name = "one"
"""


def handed_on(code: str, files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return lock(content.getvalue(), code)


@pytest.mark.parametrize(
    "files",
    [
        {"gateway.toml": SETTINGS, "sealed/x": b"x"},
        {"gateway.toml": SETTINGS, "spool/landed/x.json": b"x"},
        {"gateway.toml": SETTINGS, "registry.db": b"x"},
        {"gateway.toml": SETTINGS, "keys/../../x": b"x"},
        {"gateway.toml": SETTINGS, "/tmp/x": b"x"},
        {"keys/x": b"x"},
        {},
    ],
)
def test_what_no_host_hands_on_is_not_put_down(tmp_path: Path, files: dict[str, bytes]) -> None:
    code, home = new_code(), tmp_path / "home"
    with pytest.raises(GatewayError, match="not what a host hands on"):
        unpacked(handed_on(code, files), Home(home), code)
    assert not home.exists()


def test_a_host_whose_file_cannot_be_written_is_not_put_on_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "two"
    file.write_bytes(b"of somebody else")
    monkeypatch.setattr(hosts, "packed", lambda *_: b"sealed")
    monkeypatch.setattr(hosts, "registrar_of", lambda _: pytest.fail("put on record"))
    done = invoke(tmp_path / "home", "hosts", "add", "two", str(file))
    assert done.exit_code == 1
    assert "is there already" in done.stderr
    assert file.read_bytes() == b"of somebody else"


@pytest.mark.parametrize("full", [False, True])
def test_a_file_whose_host_cannot_be_put_on_record_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    monkeypatch.setattr(hosts, "packed", lambda *_: b"sealed")
    most, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    if full:  # No file may grow.
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        done = invoke(tmp_path / "no-home", "hosts", "add", "two", str(tmp_path / "two"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
    assert done.exit_code == 1
    assert not (tmp_path / "two").exists()


@pytest.mark.parametrize(("name", "said"), [("one", "one is this host"), ("Two!", "a host: name")])
def test_a_name_that_cannot_be_another_host_s_is_refused(tmp_path: Path, name: str, said: str) -> None:
    home = Home(tmp_path)
    home.settings.write_text(SHARED, "utf-8")
    with pytest.raises(ConfigurationError, match=said):
        packed(home, name, new_code())


@pytest.fixture
def first(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Home:
    """The home of a host that shares the work, with a host key; its registry is in a file."""
    url = load_settings(desk.home).database_url(desk.home)
    shares = SimpleNamespace(host=HostSettings(name="one"), database_url=lambda _: url)
    with desk.home.settings.open("a") as settings:
        settings.write('\n[host]\nname = "one"\n')
    monkeypatch.setattr(new_host, "load_settings", lambda _: shares)
    desk.home.spool.host.mkdir(parents=True, exist_ok=True)
    (desk.home.spool.host / "ssh_host_ed25519_key").write_bytes(b"in use")
    return desk.home


def names_in(home: Home) -> set[str]:
    code = new_code()
    with tarfile.open(fileobj=io.BytesIO(unlock(packed(home, "two", code), code))) as archive:
        return set(archive.getnames())


def test_what_no_other_host_is_to_have_is_not_handed_on(first: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    vkey = secret_files.make_key_set(first, "test.invalid/log", [])
    half = first.log_key(secret_files.key_set_of(vkey))
    first.pupil_key(secret_files.key_set_of(vkey)).unlink()
    former = first.spool.host / "ssh_host_ed25519_key.old"
    former.write_bytes(b"of before")
    before = names_in(first)
    assert "keys/signing" in before
    assert {str(path.relative_to(first.root)) for path in (half, former)}.isdisjoint(before)
    other = "F" * 40
    (first.keys / "succession").mkdir(exist_ok=True)
    for folder in secret_files.FOLDERS:
        (first.keys / folder / f"{other}.asc").write_text("old-key: lost\n")
    assert {f"keys/{folder}/{other}.asc" for folder in secret_files.FOLDERS} <= names_in(first)
    monkeypatch.setattr(secret_files, "successors", lambda *_: [other])
    assert names_in(first) == before


def test_a_host_that_joined_can_make_the_next_key_of_the_gateway(first: Home, tmp_path: Path) -> None:
    there, code, now = Home(tmp_path / "there"), new_code(), datetime.now(UTC)
    unpacked(packed(first, "two", code), there, code)
    (key,) = secret_files.secret_keys(there)
    vkey = secret_files.make_key_set(there, "test.invalid/log", [])
    made = rotation.make_gateway_key(there, "Somerset", vkey, now, None, follows=key.read_bytes())
    assert secret_files.succession_file(there, made.fingerprint).is_file()
    assert [there.keys.stat().st_mode & 0o077, key.parent.stat().st_mode & 0o077] == [0, 0]


@pytest.mark.root
def test_what_root_puts_down_belongs_to_whoever_owns_the_folder(first: Home, tmp_path: Path) -> None:
    """As systemd-tmpfiles makes the folders: it gives nobody a file of root's in a folder of theirs."""
    there, code, inside, outside = Home(tmp_path / "there"), new_code(), 65_531, 65_532
    for folder, owner in ((there.keys, inside), (there.policies, inside), (there.spool.host, outside)):
        folder.mkdir(parents=True)
        os.chown(folder, owner, owner)
    unpacked(packed(first, "two", code), there, code)
    found = [there.keys / "signing", *there.policies.rglob("*")]
    assert {path.stat().st_uid for path in found} == {inside}
    assert {path.stat().st_uid for path in there.spool.host.iterdir()} == {outside}
    assert [stat.S_IMODE(path.stat().st_mode) for path in found if path.is_dir()] == [0o755]


def test_a_host_takes_over_a_new_list_of_host_keys_only_with_the_host_key(
    first: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_first = new_host.load_settings
    there, key = Home(tmp_path / "there"), Path("spool/host/ssh_host_ed25519_key")

    def handed() -> None:
        code = new_code()
        unpacked(packed(first, "two", code), there, code)

    def listed() -> bytes:
        return (there.keys / "hosts.asc").read_bytes()

    (first.keys / "hosts.asc").write_bytes(b"the first list")
    handed()
    theirs = SimpleNamespace(host=HostSettings(name="two"), database=None)
    monkeypatch.setattr(new_host, "load_settings", lambda home: theirs if home == there else of_first(home))
    (first.keys / "hosts.asc").write_bytes(b"the second list")
    handed()
    assert listed() == b"the second list"
    (first.root / key).write_bytes(b"switched")
    (first.keys / "hosts.asc").write_bytes(b"the third list")
    with pytest.raises(GatewayError, match="another SSH host key"):
        handed()
    assert listed() == b"the second list"
    (there.root / key).write_bytes(b"switched")
    handed()
    assert listed() == b"the third list"
