"""What every store promises: one suite for the folder and for S3."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.errors import ConfigurationError
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.home.store_settings import StoreSettings
from gateway.store import Kept
from gateway.store.objects import SMALL_BYTES, ObjectStore, client_of
from gateway.store.of_home import SealedFolder, Store, check_store, faults_of_store, store_of
from tests.store.servers import Server

ONE, TWO, THREE = "261126-oak-00001", "261126-oak-00002", "261126-elm-00003"
LARGE = SMALL_BYTES + 100_000


def put(store: Store, reference: str, content: bytes, most: int | None = None) -> Kept:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        kept = store.put(reference, file.fileno(), len(content) if most is None else most)
    store.settle()
    return kept


def read(store: Store, reference: str, most: int | None = None) -> bytes:
    with store.reading(reference, most) as descriptor:
        assert os.lseek(descriptor, 0, os.SEEK_CUR) == 0
        size = os.fstat(descriptor).st_size
        content = b""
        while part := os.read(descriptor, 1 << 20):
            content += part
        assert len(content) == size
        return content


def session(store: Store, reference: str) -> bytes | None:
    with store.reading_session(reference) as descriptor:
        return None if descriptor is None else os.read(descriptor, 1000)


@pytest.mark.parametrize("size", [0, 1, 100_000, SMALL_BYTES, SMALL_BYTES + 1, LARGE])
def test_what_was_put_is_what_is_read(store: Store, size: int) -> None:
    content = os.urandom(size)
    sha256 = hashlib.sha256(content).hexdigest()
    assert put(store, ONE, content) == Kept(size, sha256)
    assert read(store, ONE) == content
    assert store.digest(ONE) == sha256
    assert store.has(ONE)


def test_no_more_is_kept_than_is_asked_for(store: Store) -> None:
    assert put(store, ONE, b"0123456789", most=4).size == 4
    assert read(store, ONE) == b"0123"
    content = os.urandom(LARGE + 50_000)
    assert put(store, TWO, content, most=LARGE).size == LARGE
    assert read(store, TWO) == content[:LARGE]


@pytest.mark.parametrize("size", [100_000, LARGE])
def test_the_start_of_a_file_can_be_read(store: Store, size: int) -> None:
    content = os.urandom(size)
    put(store, ONE, content)
    assert read(store, ONE, 5_000)[:5_000] == content[:5_000]
    assert read(store, ONE, 2 * size) == content


def test_what_is_not_there_is_said_to_be_missing(store: Store) -> None:
    assert not store.has(ONE)
    assert session(store, ONE) is None
    with pytest.raises(FileNotFoundError):
        read(store, ONE)
    with pytest.raises(FileNotFoundError):
        store.digest(ONE)
    store.remove([ONE])


def test_a_session_key_is_kept_beside_its_file_and_may_be_replaced(store: Store) -> None:
    put(store, ONE, b"sealed")
    store.put_session(ONE, b"first")
    store.put_session(ONE, b"second")
    assert session(store, ONE) == b"second"
    assert list(store.sessions()) == [ONE]
    assert read(store, ONE) == b"sealed"


def test_files_are_listed_in_order_and_gone_when_they_are_removed(store: Store) -> None:
    put(store, TWO, os.urandom(LARGE))
    put(store, ONE, b"one")
    put(store, THREE, b"three")
    store.put_session(TWO, b"session")
    assert list(store.references()) == sorted([ONE, TWO, THREE])
    store.remove([TWO, THREE])
    assert list(store.references()) == [ONE]
    assert not list(store.sessions())
    assert session(store, TWO) is None
    with pytest.raises(FileNotFoundError):
        read(store, TWO)


@pytest.mark.parametrize("size", [1_000, LARGE])
def test_putting_the_same_again_changes_nothing(store: Store, size: int) -> None:
    content = os.urandom(size)
    assert put(store, ONE, content) == put(store, ONE, content)
    assert read(store, ONE) == content


def test_a_name_that_is_no_reference_is_never_looked_for(store: Store) -> None:
    for call in (
        store.has,
        store.digest,
        lambda name: store.put_session(name, b""),
        lambda name: store.remove([name]),
    ):
        with pytest.raises(ValueError, match="reference"):
            call("../keys/log.pem")


def test_free_room_is_told_where_it_is_known(store: Store) -> None:
    free = store.free()
    assert free is None if isinstance(store, ObjectStore) else free > 0


@pytest.fixture
def objects(s3: StoreSettings, tmp_path: Path) -> ObjectStore:
    return ObjectStore(client_of(s3), tmp_path)


@pytest.mark.parametrize("first", [100, LARGE])
@pytest.mark.parametrize("second", [200, LARGE + 1])
def test_no_other_file_takes_the_place_of_one_in_s3(objects: ObjectStore, first: int, second: int) -> None:
    content = os.urandom(first)
    put(objects, ONE, content)
    with pytest.raises(FileExistsError):
        put(objects, ONE, os.urandom(second))
    assert read(objects, ONE) == content
    objects.remove([ONE])
    assert not [path for path in objects._paths("") if ONE in path]


def test_a_large_file_is_whole_also_where_the_answer_to_the_last_request_was_lost(
    objects: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client repeats by itself what was answered by 504: then the index is there already, its own."""
    import obstore  # noqa: PLC0415 - to lose an answer

    once = obstore.put

    def put_twice(client: Any, path: str, *given: Any, **more: Any) -> Any:
        if path.startswith("large/"):
            once(client, path, *given, **more)
        return once(client, path, *given, **more)

    monkeypatch.setattr(obstore, "put", put_twice)
    content = os.urandom(LARGE)
    for _ in range(2):
        put(objects, ONE, content)
        assert read(objects, ONE) == content
        assert len(list(objects._paths(f"content/{ONE}/"))) == 1


def test_what_was_damaged_in_s3_is_not_read_as_what_was_put(objects: ObjectStore) -> None:
    put(objects, ONE, b"what was put")
    put(objects, TWO, os.urandom(LARGE))
    import obstore  # noqa: PLC0415 - to do what no store does

    note = {"sha256": hashlib.sha256(b"what was put").hexdigest()}
    obstore.put(objects.client, f"small/{ONE}", b"what was not", attributes=note)
    (path,) = objects._paths(f"content/{TWO}/")
    obstore.put(objects.client, path, os.urandom(LARGE))
    for reference in (ONE, TWO):
        with pytest.raises(OSError, match="not the one that was put"):
            read(objects, reference)
    assert objects.digest(ONE) == hashlib.sha256(b"what was not").hexdigest()


def test_what_was_put_before_and_damaged_since_takes_another_reference(objects: ObjectStore) -> None:
    """It would be tried for ever, and a large one would leave its content behind each time."""
    import obstore  # noqa: PLC0415 - to do what no store does

    small, large = b"what was put", os.urandom(LARGE)
    put(objects, ONE, small)
    put(objects, TWO, large)
    put(objects, THREE, large)
    note = {"sha256": hashlib.sha256(small).hexdigest()}
    obstore.put(objects.client, f"small/{ONE}", b"what was not", attributes=note)
    obstore.put(objects.client, f"large/{TWO}", b"what was not")
    (path,) = objects._paths(f"content/{THREE}/")
    obstore.put(objects.client, path, os.urandom(LARGE))
    for reference, content in ((ONE, small), (TWO, large), (THREE, large)):
        with pytest.raises(FileExistsError):
            put(objects, reference, content)
    assert [len(list(objects._paths(f"content/{each}/"))) for each in (TWO, THREE)] == [1, 1]
    objects._delete([path])
    with pytest.raises(FileExistsError):
        put(objects, THREE, large)


def test_a_large_file_is_never_whole_in_memory(objects: ObjectStore) -> None:
    with tempfile.TemporaryFile() as file:
        file.truncate(128 * 1024**2)
        Path("/proc/self/clear_refs").write_text("5")  # The highest mark of memory begins anew.
        before = memory("VmRSS")
        objects.put(ONE, file.fileno(), 128 * 1024**2)
        objects.digest(ONE)
        with objects.reading(ONE):
            pass
    assert memory("VmHWM") - before < 72 * 1024**2


def memory(name: str) -> int:
    """What /proc says of this process, in bytes."""
    (line,) = [
        one for one in Path("/proc/self/status").read_text().splitlines() if one.startswith(f"{name}:")
    ]
    return int(line.split()[1]) * 1024


def test_credentials_that_others_may_read_are_refused(s3: StoreSettings, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text('access_key_id = "a"\nsecret_access_key = "b"\n')
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="open to other users"):
        ObjectStore(client_of(s3.model_copy(update={"credentials_file": file})), tmp_path)
    file.chmod(0o600)
    wrong = ObjectStore(client_of(s3.model_copy(update={"credentials_file": file})), tmp_path)
    with pytest.raises(PermissionError):
        wrong.has(ONE)


def test_a_store_that_does_not_answer_is_an_error_in_time(s3: StoreSettings, tmp_path: Path) -> None:
    gone = ObjectStore(
        client_of(s3.model_copy(update={"endpoint": "http://127.0.0.1:1", "seconds": 1})), tmp_path
    )
    with pytest.raises(OSError, match="does not do it"):
        put(gone, ONE, b"content")


def test_seaweedfs_keeps_every_promise(objects: ObjectStore) -> None:
    assert list(objects.faults()) == []
    assert not list(objects._paths(""))


def test_the_folder_needs_no_proof(tmp_path: Path) -> None:
    assert list(faults_of_store(Home(tmp_path), Settings())) == []


def test_a_store_that_overwrites_silently_is_refused_and_told_why(
    rclone_server: Server, tmp_path: Path
) -> None:
    home, settings = Home(tmp_path), Settings(store=rclone_server.settings("test"))
    with pytest.raises(ConfigurationError, match=r"it overwrites an object .*and says nothing"):
        check_store(home, settings)
    first = next(faults_of_store(home, settings))
    assert "If-None-Match" in first


def test_who_has_no_such_store_loads_nothing_of_it() -> None:
    names = (
        "gateway.processor.service",
        "gateway.mailboxes.server",
        "gateway.homes.backup",
        "gateway.cli.app",
    )
    asked = f"import sys, {', '.join(names)}; sys.exit('obstore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", asked], check=False).returncode == 0


def test_where_its_packages_are_missing_the_settings_are_told_of(
    s3: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "obstore"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, "gateway.store.objects", raising=False)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'gateway\[cluster\]'"):
        store_of(Home(tmp_path / "new"), Settings(store=s3))


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"url": "https://bucket/folder"}, "s3://BUCKET"),
        ({"url": "s3://bucket/../other"}, "s3://BUCKET"),
        ({"endpoint": "http://s3.example.gov.uk"}, "https://"),
        ({"endpoint": "https://s3.example.gov.uk/path"}, "https://HOST"),
        ({"endpoint": "https://me:secret@s3.example.gov.uk"}, "https://HOST"),  # pragma: allowlist secret
        ({"credentials_file": None}, "credentials_file"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(changed: dict[str, object], why: str) -> None:
    right = {
        "url": "s3://bucket/folder",
        "endpoint": "https://s3.example.gov.uk",
        "credentials_file": "/etc/s3",
    }
    StoreSettings.model_validate(right)
    with pytest.raises(ValidationError, match=why):
        StoreSettings.model_validate({**right, **changed})


LARGE_FILE = 70 * 1024**2


def test_a_large_file_that_changes_while_it_is_copied_is_what_was_hashed(tmp_path: Path) -> None:
    """A captured intake may write to it all the while: what is stored is what counts, and is opened."""
    store, copied = SealedFolder(tmp_path), threading.Event()
    with tempfile.TemporaryFile() as file:
        file.truncate(LARGE_FILE)

        def change() -> None:
            while not copied.is_set():
                os.pwrite(file.fileno(), os.urandom(5), secrets.randbelow(LARGE_FILE))

        with ThreadPoolExecutor(1) as intake:
            intake.submit(change)
            kept = store.put(ONE, file.fileno(), LARGE_FILE)
            copied.set()
    assert kept == Kept(LARGE_FILE, store.digest(ONE))
    assert store.path(ONE).stat().st_size == LARGE_FILE


def test_no_large_file_is_stored_that_the_disk_did_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error of writing back is told once: whoever syncs first hears of it."""

    def fails(_: int) -> None:
        raise OSError(errno.EIO, "an error of the disk")

    monkeypatch.setattr(os, "fdatasync", fails)
    store = SealedFolder(tmp_path)
    with tempfile.TemporaryFile() as file:
        file.truncate(LARGE_FILE)
        with pytest.raises(OSError, match="an error of the disk"):
            store.put(ONE, file.fileno(), LARGE_FILE)
    assert list(tmp_path.iterdir()) == []
