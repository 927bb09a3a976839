"""A disk that fails: the client hears of it, nothing is half handed over, and it works again after."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

import gateway.intake.box
import gateway.intake.upload
import gateway.zones.spool
from gateway.home import Home
from tests.intake.running import SEALED, Running, in_own_process, run, sealed
from tests.waiting import eventually


def put(client: paramiko.SFTPClient, path: str, content: bytes) -> int:
    """Upload; the status of the close, which paramiko itself keeps quiet about."""
    file = client.open(path, "wb")
    file.write(content)
    try:
        client._request(4, file.handle)
    except OSError as error:
        return error.errno or -1
    finally:
        file._closed = True
    return 0


def fail_in(monkeypatch: pytest.MonkeyPatch, module: object, name: str, number: int = errno.ENOSPC) -> None:
    def failing(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), "/srv/secret")

    monkeypatch.setattr(module, name, failing)


HAND_OVER: list[Callable[[pytest.MonkeyPatch], None]] = [
    lambda patch: fail_in(patch, gateway.zones.spool, "_append_durably"),
    lambda patch: fail_in(patch, gateway.zones.spool, "record_at_end"),
    lambda patch: fail_in(patch, gateway.zones.spool, "fsync_folder", errno.EIO),
]


@pytest.mark.parametrize("fault", HAND_OVER)
def test_a_failed_hand_over_is_told_and_the_upload_kept(
    intake: Running, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    content = sealed(100_000)
    with intake.paramiko() as client:
        with monkeypatch.context() as patch:
            fault(patch)
            assert put(client, "/in/x", content) != 0
        assert intake.landed() == []
        assert list(intake.home.spool.landed.iterdir()) == []
        assert client.stat("/in/x").st_size == len(content) - 1
        assert intake.partial()[0].stat().st_size == len(content) - 1
        with client.open("/in/x", "ab") as file:
            file.write(content[-1:])
    assert intake.content(intake.only()) == content


@pytest.mark.parametrize("fault", HAND_OVER)
def test_a_failed_hand_over_by_rename_can_be_repeated(
    intake: Running, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    content = sealed(100_000)
    with intake.paramiko() as client:
        assert put(client, "/in/x.part", content) == 0
        with monkeypatch.context() as patch:
            fault(patch)
            with pytest.raises(OSError, match=r"no room|internal error"):
                client.rename("/in/x.part", "/in/x")
        assert intake.landed() == []
        client.rename("/in/x.part", "/in/x")
    assert intake.content(intake.only()) == content


@pytest.mark.parametrize("content", [b"", b"Surname,Forename\n" * 1000])
def test_a_failed_hand_over_of_what_has_no_content_leaves_nothing(
    intake: Running, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    with intake.paramiko() as client:
        with monkeypatch.context() as patch:
            HAND_OVER[0](patch)
            assert put(client, "/in/x", content) != 0
        assert client.listdir("/in") == []
        assert put(client, "/in/x", content) == 0
    assert intake.only().size == len(content)


@pytest.mark.parametrize(
    "fault",
    [
        lambda patch: fail_in(patch, gateway.intake.box, "reserve_reference"),
        lambda patch: fail_in(patch, gateway.intake.upload, "store"),
    ],
)
def test_what_was_in_memory_and_cannot_be_written_down_is_gone_and_told(
    intake: Running, monkeypatch: pytest.MonkeyPatch, fault: Callable[[pytest.MonkeyPatch], None]
) -> None:
    content = sealed(100_000)
    with intake.paramiko() as client:
        with monkeypatch.context() as patch:
            fault(patch)
            assert put(client, "/in/x", content) != 0
        assert client.listdir("/in") == []
        assert intake.partial() == []
        assert list(intake.home.spool.landed.iterdir()) == []
        assert put(client, "/in/x", content) == 0
    assert intake.content(intake.only()) == content


def test_a_small_upload_has_no_files_of_its_own(intake: Running) -> None:
    content = sealed(100_000)
    with intake.paramiko() as client, client.open("/in/x", "wb") as file:
        file.write(content)
        assert client.stat("/in/x").st_size == len(content)
        assert intake.partial() == []
    assert intake.content(intake.only()) == content


def test_a_small_upload_that_is_cut_off_is_kept_on_the_disk(intake: Running) -> None:
    content = sealed(100_000)
    with intake.transport() as transport:
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        held = client.open("/in/x", "wb")
        held.write(content[:60_000])
        held.flush()
        client.stat("/in")
    eventually(lambda: [path.stat().st_size for path in intake.partial()] == [60_000])
    intake.stop()
    intake.start()
    with intake.paramiko() as client, client.open("/in/x", "ab") as file:
        file.write(content[60_000:])
    assert intake.content(intake.only()) == content


def test_after_a_failed_fsync_nothing_is_trusted(intake: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with intake.paramiko() as client:
        with monkeypatch.context() as patch:
            fail_in(patch, os, "fsync", errno.EIO)
            assert put(client, "/in/x", sealed(1_000)) != 0
        assert client.listdir("/in") == []
        assert intake.partial() == []
        assert put(client, "/in/x", sealed(1_000)) == 0
    assert intake.only().size == 1_000


def test_a_reference_in_use_is_not_used_again(intake: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    references = iter(["260101-avon-00000", "260101-avon-00000", "260101-avon-00001"])
    monkeypatch.setattr(gateway.zones.spool, "new_reference", lambda *_: next(references))
    with intake.paramiko() as client:
        put(client, "/in/x", sealed(100))
        put(client, "/in/y", sealed(100))
    assert [upload.reference for upload in intake.landed()] == ["260101-avon-00000", "260101-avon-00001"]
    assert [upload.name for upload in intake.landed()] == ["x", "y"]


def test_a_reference_that_a_crash_left_half_used_is_not_used(
    intake: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    references = iter(["260101-avon-00000", "260101-avon-00001"])
    monkeypatch.setattr(gateway.zones.spool, "new_reference", lambda *_: next(references))
    left = intake.home.spool.half("260101-avon-00000")
    left.write_bytes(b"half")
    with intake.paramiko() as client:
        put(client, "/in/x", sealed(100))
    assert intake.only().reference == "260101-avon-00001"
    assert left.read_bytes() == b"half"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MB."""
    point = tmp_path / "small"
    point.mkdir()
    run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", point)
    yield point
    run("umount", point)


@pytest.mark.root
@pytest.mark.needs("mount")
def test_a_full_disk(tmp_path: Path, small_disk: Path) -> None:
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.provider("avon")
    running.home.spool.root.symlink_to(small_disk)
    running.start()
    try:
        with running.paramiko() as client:
            with pytest.raises(OSError, match="no room"):
                put(client, "/in/large", sealed(8_000_000))
            assert running.landed() == []
            client.remove("/in/large")
            assert put(client, "/in/small", sealed(1_000_000)) == 0
        assert [upload.size for upload in running.landed()] == [1_000_000]
    finally:
        running.stop()


@pytest.mark.root
@pytest.mark.needs("mount")
def test_a_disk_that_fills_up_between_write_and_close(tmp_path: Path, small_disk: Path) -> None:
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.provider("avon")
    running.home.spool.root.symlink_to(small_disk)
    running.start()
    filler = small_disk / "filler"
    content = sealed(1_000_000)
    try:
        with running.paramiko() as client:
            file = client.open("/in/x", "wb")
            file.write(content)
            filler.write_bytes(bytes(small_disk_free(small_disk)))
            with pytest.raises(OSError, match="no room"):
                client._request(4, file.handle)
            file._closed = True
            assert running.landed() == []
            filler.unlink()
            assert put(client, "/in/x", content) == 0
        assert running.content(running.only()) == content
    finally:
        running.stop()


def small_disk_free(folder: Path) -> int:
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize


def test_killed_while_receiving_then_resumed(tmp_path: Path) -> None:
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.provider("avon")
    content = sealed(8_000_000)
    with in_own_process(running.home) as (process, running.port), running.transport() as transport:
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        held = client.open("/in/x", "wb")
        held.write(content[:6_000_000])
        held.flush()
        client.stat("/in")
        process.kill()
        process.wait()
        transport.sock.close()
    assert running.landed() == []
    running.port = 0
    running.start()
    try:
        with running.paramiko() as client:
            received = client.stat("/in/x").st_size
            assert received is not None
            assert 0 < received <= 6_000_000
            with client.open("/in/x", "ab") as file:
                file.write(content[received:])
        assert running.content(running.only()) == content
    finally:
        running.stop()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_stops_the_service_cleanly(tmp_path: Path, name: str) -> None:
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.provider("avon")
    with in_own_process(running.home) as (process, running.port), running.paramiko() as client:
        held = client.open("/in/x", "wb")
        held.write(SEALED)
        held.flush()
        client.stat("/in")
        process.send_signal(getattr(subprocess.signal, name))
        assert process.wait(60) == 0
    eventually(lambda: [path.read_bytes() for path in running.partial()] == [SEALED])


def test_it_says_what_keeps_it_from_starting(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    for prepare, message in (
        (lambda: None, "intake.json"),
        (lambda: home.published.intake_settings.write_text('{"listen": {"port": -1}}'), "listen.port"),
    ):
        home.published.root.mkdir(parents=True, exist_ok=True)
        prepare()
        with pytest.raises(AssertionError, match=message), in_own_process(home):
            pass
