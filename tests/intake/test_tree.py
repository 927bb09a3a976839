"""The tree as a client sees it: what is where, and what is refused."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable
from pathlib import Path

import paramiko
import pytest

from gateway.intake import tree
from tests.intake.running import SEALED, Running

FOLDERS = ["agreement", "in", "keys", "out", "receipts"]

Call = Callable[[paramiko.SFTPClient], object]


@pytest.fixture
def client(intake: Running):
    with intake.paramiko() as client:
        yield client


def put(client: paramiko.SFTPClient, path: str, content: bytes = SEALED) -> None:
    with client.open(path, "wb") as file:
        file.write(content)


def test_the_root_shows_the_folders(client: paramiko.SFTPClient) -> None:
    entries = client.listdir_attr("/")
    assert sorted(entry.filename for entry in entries if entry.filename not in {".", ".."}) == FOLDERS
    assert all(stat.S_ISDIR(entry.st_mode or 0) for entry in entries)


@pytest.mark.parametrize(
    ("path", "canonical"),
    [
        (".", "/"),
        ("", "/"),
        ("..", "/"),
        ("/in/../../etc/passwd", "/etc/passwd"),
        ("in//x/.", "/in/x"),
        ("/in/e\u0301", "/in/\u00e9"),
    ],
)
def test_realpath(client: paramiko.SFTPClient, path: str, canonical: str) -> None:
    assert client.normalize(path) == canonical


@pytest.mark.parametrize("folder", ["in", "keys", "agreement"])
def test_uploads_land_with_their_folder(intake: Running, client: paramiko.SFTPClient, folder: str) -> None:
    put(client, f"/{folder}/new.asc")
    assert intake.only().folder == folder
    assert client.stat(f"/{folder}/new.asc").st_size == len(SEALED)
    assert "new.asc" in client.listdir(f"/{folder}")


def test_an_upload_to_the_root_is_one_to_in(intake: Running, client: paramiko.SFTPClient) -> None:
    put(client, "/x.gpg")
    assert intake.only().folder == "in"
    assert client.stat("/in/x.gpg").st_size == client.stat("/x.gpg").st_size == len(SEALED)
    assert client.listdir("/in") == ["x.gpg"]
    assert "x.gpg" in client.listdir("/")


def test_a_name_is_one_name_in_whatever_unicode_form(intake: Running, client: paramiko.SFTPClient) -> None:
    put(client, "/in/e\u0301t\u00e9.gpg")
    assert client.stat("/in/\u00e9te\u0301.gpg").st_size == len(SEALED)
    assert intake.only().name == "\u00e9t\u00e9.gpg"


def test_what_is_common_can_be_read(client: paramiko.SFTPClient) -> None:
    assert client.open("/keys/gateway.asc").read() == b"the gateway's certificate\n"
    assert client.open("/agreement/agreement.txt").read() == b"the agreement's text\n"


def test_out_holds_the_files_of_this_provider_only(intake: Running, client: paramiko.SFTPClient) -> None:
    intake.provider("bath")
    (intake.home.published.provider("avon") / "out" / "a.gpg").write_bytes(b"for avon")
    (intake.home.published.provider("bath") / "out" / "b.gpg").write_bytes(b"for bath")
    assert client.listdir("/out") == ["a.gpg"]
    with pytest.raises(FileNotFoundError):
        client.open("/out/b.gpg")


def test_what_is_taken_back_is_read_no_further(intake: Running, client: paramiko.SFTPClient) -> None:
    copy = intake.home.published.provider("avon") / "out" / "a.gpg"
    copy.write_bytes(bytes(100_000))
    with client.open("/out/a.gpg", bufsize=0) as file:
        assert file.read(4) == bytes(4)
        copy.unlink()
        with pytest.raises(FileNotFoundError):
            file.read(4)
    receipt = intake.home.published.provider("avon") / "receipts" / "a.txt"
    receipt.write_bytes(bytes(100_000))
    with client.open("/receipts/a.txt", bufsize=0) as file:
        receipt.unlink()  # As by a newer one: it is the provider's own.
        assert file.read(4) == bytes(4)


def test_providers_do_not_see_each_other(intake: Running, client: paramiko.SFTPClient) -> None:
    put(client, "/in/secret-name.gpg")
    put(client, "/in/unfinished.gpg.part")
    intake.provider("bath")
    with intake.paramiko("bath") as other:
        assert other.listdir("/in") == []
        with pytest.raises(FileNotFoundError):
            other.stat("/in/secret-name.gpg")
        with pytest.raises(FileNotFoundError):
            other.remove("/in/unfinished.gpg.part")


def test_links_and_hidden_files_in_published_are_not_served(
    intake: Running, client: paramiko.SFTPClient
) -> None:
    out = intake.home.published.provider("avon") / "out"
    (out / "link").symlink_to("/etc/passwd")
    (out / "folder").mkdir()
    (out / ".a.gpg.1234").write_bytes(b"half a file")
    os.mkfifo(out / "pipe")
    assert client.listdir("/out") == []
    for name in ("link", "folder", ".a.gpg.1234", "pipe"):
        with pytest.raises(FileNotFoundError):
            client.stat(f"/out/{name}")
        with pytest.raises(FileNotFoundError):
            client.open(f"/out/{name}")


MISSING: list[Call] = [
    lambda c: c.stat("/in/none"),
    lambda c: c.lstat("/none/none"),
    lambda c: c.stat("/in/none/none"),
    lambda c: c.listdir("/none"),
    lambda c: c.listdir("/in/none"),
    lambda c: c.open("/receipts/none"),
    lambda c: c.open("/in/none"),
    lambda c: c.open("/in/none", "r+"),
    lambda c: c.stat("/in/" + 300 * "x"),
    lambda c: c.stat("/keys/" + 300 * "x"),
    lambda c: c.open("/out/" + 300 * "x"),
    lambda c: c.listdir("/receipts/" + 300 * "x"),
    lambda c: c.stat("/receipts/a/b"),
    lambda c: c.open("/in/" + 20 * "x/", "w"),
    lambda c: c.rmdir("/in/none"),
    lambda c: c.remove("/in/none"),
    lambda c: c.truncate("/in/none", 0),
    lambda c: c.rename("/in/none.part", "/in/none"),
    lambda c: c.open("/none/none", "w"),
    lambda c: c.mkdir("/in/none/new"),
]


@pytest.mark.parametrize("call", MISSING)
def test_missing_is_no_such_file(client: paramiko.SFTPClient, call: Call) -> None:
    with pytest.raises(FileNotFoundError):
        call(client)


DENIED: list[Call] = [
    lambda c: c.open("/in/landed"),
    lambda c: c.open("/in/x.part"),
    lambda c: c.open("/out/new", "w"),
    lambda c: c.open("/receipts/new", "w"),
    lambda c: c.open("/keys/gateway.asc", "w"),
    lambda c: c.open("/agreement/agreement.txt", "a"),
    lambda c: c.open("/in", "w"),
    lambda c: c.open("/", "w"),
    lambda c: c.open("/in"),
    lambda c: c.open("/in/" + 256 * "x", "w"),
    lambda c: c.truncate("/in/landed", 1),
    lambda c: c.truncate("/in/x.part", 1),
    lambda c: c.truncate("/keys/gateway.asc", 0),
    lambda c: c.open("/in/a\nb", "w"),
    lambda c: c.open("/in/a\0b", "w"),
    lambda c: c.open("/in/a\x7fb", "w"),
    lambda c: c.open("/in/a\u2028b", "w"),
    lambda c: c.open(b"/in/\xff\xfe", "w"),
    lambda c: c.open("/in/landed", "r+"),
    lambda c: c.remove("/keys/gateway.asc"),
    lambda c: c.remove("/in"),
    lambda c: c.rename("/in/landed", "/in/other"),
    lambda c: c.rename("/in/plain", "/in/other"),
    lambda c: c.rename("/in/x.part", "/keys/x"),
    lambda c: c.rename("/in/x.part", "/in/y.part"),
    lambda c: c.rename("/in/x.part", "/out/x"),
    lambda c: c.rename("/in/x.part", "/in/a\nb"),
    lambda c: c.rename("/keys/gateway.asc", "/keys/x"),
    lambda c: c.rename("/in", "/keys"),
    lambda c: c.mkdir("/keys/new"),
    lambda c: c.mkdir("/receipts/new"),
    lambda c: c.mkdir("/in/" + 256 * "x"),
    lambda c: c.rmdir("/in"),
    lambda c: c.symlink("/etc/passwd", "/in/link"),
    lambda c: c.readlink("/in/landed"),
]


@pytest.mark.parametrize("call", DENIED)
def test_the_rest_is_denied(intake: Running, client: paramiko.SFTPClient, call: Call) -> None:
    put(client, "/in/landed")
    put(client, "/in/x.part")
    unfinished = client.open("/in/plain", "w")
    with pytest.raises(PermissionError):
        call(client)
    assert sorted(client.listdir("/in")) == ["landed", "plain", "x.part"]
    assert len(intake.landed()) == 1
    unfinished.close()


@pytest.mark.parametrize("path", ["/in/landed", "/in/x.part", "/in", "/keys/gateway.asc", "/in/none"])
def test_setting_attributes_succeeds_and_changes_nothing(
    intake: Running, client: paramiko.SFTPClient, path: str
) -> None:
    put(client, "/in/landed")
    put(client, "/in/x.part")
    client.chmod(path, 0o4777)
    client.chown(path, 1, 1)
    with contextlib.suppress(OSError):
        client.truncate(path, 20 * 1024**3)
    client.utime(path, (1, 1))
    assert intake.content(intake.only()) == SEALED
    assert client.stat("/in/landed").st_size == client.stat("/in/x.part").st_size == len(SEALED)
    assert all(found.stat().st_size < 20 * 1024**2 for found in intake.home.root.rglob("*"))


@pytest.mark.parametrize("path", ["/in/landed", "/in/x.part"])
def test_a_listing_shows_the_time_that_a_client_set(client: paramiko.SFTPClient, path: str) -> None:
    put(client, path)
    client.utime(path, (1, 1_000_000_000))
    assert client.stat(path).st_mtime == client.listdir_attr("/in")[0].st_mtime == 1_000_000_000


def test_setting_attributes_of_an_open_file_changes_nothing(
    intake: Running, client: paramiko.SFTPClient
) -> None:
    with client.open("/in/x", "wb") as file:
        file.write(SEALED)
        file.chmod(0o4777)
        file.truncate(20 * 1024**3)
        file.utime((1, 1))
    assert intake.content(intake.only()) == SEALED
    mode = intake.home.spool.upload(intake.only().reference).stat().st_mode
    assert stat.S_IMODE(mode) == 0o640


def test_an_open_upload_can_be_cut(intake: Running, client: paramiko.SFTPClient) -> None:
    with client.open("/in/x", "wb") as file:
        file.write(SEALED + bytes(2_000_000))
        file.truncate(len(SEALED))
    assert intake.content(intake.only()) == SEALED


def test_an_unfinished_upload_can_be_removed(intake: Running, client: paramiko.SFTPClient) -> None:
    put(client, "/in/x.part")
    client.remove("/in/x.part")
    assert client.listdir("/in") == []
    assert intake.partial() == []


def test_a_large_folder_is_listed_whole(intake: Running, client: paramiko.SFTPClient) -> None:
    receipts = intake.home.published.provider("avon") / "receipts"
    names = {f"receipt {number}.txt" for number in range(700)}
    for name in names:
        (receipts / name).touch()
    assert set(client.listdir("/receipts")) == names


# Folders that clients make.


def test_what_was_handed_over_is_gone_for_whoever_deletes_it(
    intake: Running, client: paramiko.SFTPClient
) -> None:
    put(client, "/in/landed")
    with pytest.raises(FileNotFoundError, match="handed over already"):
        client.remove("/in/landed")
    assert len(intake.landed()) == 1


def test_a_file_in_a_folder_that_was_made_lands_under_its_own_name(
    intake: Running, client: paramiko.SFTPClient
) -> None:
    client.mkdir("/in/Autumn")
    client.mkdir("/in/Autumn/Year 4")
    put(client, "/in/Autumn/Year 4/pupils.gpg")
    assert (intake.only().folder, intake.only().name) == ("in", "pupils.gpg")
    assert client.listdir("/in") == ["Autumn"]
    assert client.listdir("/in/Autumn") == ["Year 4"]
    assert client.stat("/in/Autumn/Year 4/pupils.gpg").st_size == len(SEALED)
    assert stat.S_ISDIR(client.stat("/in/Autumn").st_mode or 0)


def test_two_files_of_one_name_in_two_folders_both_land(intake: Running, client: paramiko.SFTPClient) -> None:
    """Also where both are whole under a temporary name before either is renamed."""
    for folder in ("a", "b"):
        client.mkdir(f"/{folder}")
        put(client, f"/{folder}/x.gpg.part", SEALED + folder.encode())
    for folder in ("a", "b"):
        client.rename(f"/{folder}/x.gpg.part", f"/{folder}/x.gpg")
    assert sorted(intake.content(upload) for upload in intake.landed()) == [SEALED + b"a", SEALED + b"b"]
    with pytest.raises(PermissionError):
        client.rename("/a/x.gpg", "/b/y.gpg")


def test_an_upload_in_a_folder_that_was_made_is_resumed(intake: Running, client: paramiko.SFTPClient) -> None:
    client.mkdir("/in/a")
    put(client, "/in/a/x.gpg.part")
    with client.open("/in/a/x.gpg.part", "r+") as file:
        file.seek(len(SEALED))
        file.write(b"rest")
    client.rename("/in/a/x.gpg.part", "/in/a/x.gpg")
    assert intake.content(intake.only()) == SEALED + b"rest"


def test_folders_are_those_of_one_provider_and_shared_by_its_sessions(
    intake: Running, client: paramiko.SFTPClient
) -> None:
    client.mkdir("/in/mine")
    with intake.paramiko() as same:
        assert same.listdir("/in") == ["mine"]
        put(same, "/in/mine/x")
    intake.provider("bath")
    with intake.paramiko("bath") as other:
        assert other.listdir("/in") == []
        with pytest.raises(FileNotFoundError):
            put(other, "/in/mine/x")
    assert intake.only().provider == "avon"
    assert not any(path.name == "mine" for path in intake.home.root.rglob("*"))


def test_a_folder_can_be_removed_while_it_is_empty(intake: Running, client: paramiko.SFTPClient) -> None:
    client.mkdir("/in/a")
    with pytest.raises(OSError, match="already here"):
        client.mkdir("/in/a")
    put(client, "/in/a/x")
    with pytest.raises(OSError, match="There are files"):
        client.rmdir("/in/a")
    client.mkdir("/in/b")
    client.rmdir("/in/b")
    assert client.listdir("/in") == ["a"]
    with pytest.raises(FileNotFoundError):
        put(client, "/in/b/x")
    with pytest.raises(PermissionError):
        put(client, "/in/a")


def test_only_so_many_folders_are_made(client: paramiko.SFTPClient) -> None:
    for number in range(1_000):
        client.mkdir(f"/in/{number}")
    with pytest.raises(OSError, match="Too many folders"):
        client.mkdir("/in/one more")


def test_the_inside_is_asked_anew_for_receipts_until_they_are_there(tmp_path: Path) -> None:
    folder, mark = tmp_path / "receipts", tmp_path / "avon.asked"
    assert not tree._ask(folder, mark)
    mark.write_text("of the first look")
    assert not tree._ask(folder, mark)
    assert mark.read_text() == ""
    folder.mkdir()
    assert tree._ask(folder, mark)


def test_a_read_far_beyond_the_end_is_invalid_or_the_end(client: paramiko.SFTPClient) -> None:
    with client.open("/keys/gateway.asc") as file:
        for offset in (2**31, 2**62):
            with pytest.raises(EOFError):
                client._request(paramiko.sftp.CMD_READ, file.handle, paramiko.sftp.int64(offset), 10)
        for offset in (2**63, 2**64 - 1):
            with pytest.raises(OSError, match="does not make sense"):
                client._request(paramiko.sftp.CMD_READ, file.handle, paramiko.sftp.int64(offset), 10)
