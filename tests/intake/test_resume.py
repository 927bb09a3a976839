"""Cut-off uploads: resumed, taken over, begun anew, expired."""

from __future__ import annotations

import asyncio
import os
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import asyncssh
import paramiko
import pytest
from paramiko.sftp import CMD_CLOSE, CMD_OPEN, SFTP_FLAG_CREATE, SFTP_FLAG_WRITE

from gateway.home import Published, Spool
from gateway.home.settings import IntakeLimits
from gateway.intake.server import Intake
from gateway.intake.upload import Label, load_unfinished, sweep_unfinished
from tests.intake.running import SEALED, Running
from tests.waiting import eventually

CONTENT = SEALED + bytes(range(256)) * 8000
HALF = len(CONTENT) // 2


@contextmanager
def cut_off(intake: Running, name: str = "x.gpg", content: bytes = CONTENT[:HALF]):
    """An upload whose connection still lives, as far as the service knows."""
    with intake.paramiko() as client:
        held = client.open(f"/in/{name}", "wb")
        held.write(content)
        held.flush()
        client.stat("/in")
        yield held


def leave_half(intake: Running, name: str = "x.gpg") -> None:
    with cut_off(intake, name):
        pass
    eventually(lambda: [path.stat().st_size for path in intake.partial()] == [HALF])


@pytest.mark.parametrize("mode", ["ab", "r+b"])
@pytest.mark.parametrize("restart", [False, True])
def test_resume(intake: Running, mode: str, restart: bool) -> None:
    leave_half(intake)
    if restart:
        intake.stop()
        intake.start()
    with intake.paramiko() as client:
        assert client.stat("/in/x.gpg").st_size == HALF
        with client.open("/in/x.gpg", mode) as file:
            file.seek(HALF)
            file.write(CONTENT[HALF:])
    assert intake.content(intake.only()) == CONTENT
    assert intake.only().size == len(CONTENT)
    assert intake.partial() == []


def test_a_new_connection_takes_over_from_one_that_hangs(intake: Running) -> None:
    with cut_off(intake) as hanging:
        with intake.paramiko() as client, client.open("/in/x.gpg", "ab") as file:
            file.write(CONTENT[HALF:])
        with pytest.raises(OSError, match="taken over"):
            _go_on(hanging)
    assert intake.content(intake.only()) == CONTENT


def _go_on(file: paramiko.SFTPFile) -> None:
    file.write(b"more")
    file.flush()
    file.close()


def test_beginning_anew_drops_what_was_cut_off(intake: Running) -> None:
    leave_half(intake)
    with intake.paramiko() as client, client.open("/in/x.gpg", "wb") as file:
        file.write(SEALED + b"another")
    assert intake.content(intake.only()) == SEALED + b"another"
    assert intake.partial() == []


def test_two_at_once_under_one_name_both_land(intake: Running) -> None:
    with cut_off(intake) as first:
        with intake.paramiko() as client, client.open("/in/x.gpg", "wb") as file:
            file.write(SEALED + b"second")
        first.close()
    assert sorted(intake.content(upload) for upload in intake.landed()) == sorted(
        [SEALED + b"second", CONTENT[:HALF]]
    )


def test_the_older_of_two_under_one_name_leaves_nothing_when_cut_off(intake: Running) -> None:
    with cut_off(intake), intake.paramiko() as client:
        newer = client.open("/in/x.gpg", "wb")
        newer.write(SEALED + b"newer")
        newer.flush()
        client.stat("/in")
    eventually(lambda: len(intake.partial()) == 1)


def test_a_longer_file_under_a_handed_over_name_cannot_be_continued(intake: Running) -> None:
    with intake.paramiko() as client:
        client.open("/in/x.gpg", "wb").close()
        with pytest.raises(PermissionError):
            client.open("/in/x.gpg", "r+b")


def test_what_is_resumed_is_listed_with_its_size(intake: Running) -> None:
    leave_half(intake)
    with intake.paramiko() as client:
        (entry,) = client.listdir_attr("/in")
    assert (entry.filename, entry.st_size) == ("x.gpg", HALF)


def test_expired_uploads_go(tmp_path) -> None:
    now = datetime.now(UTC)
    for name, hours in (("old", 30), ("fresh", 1), ("busy", 30)):
        for suffix in ("data", "json"):
            path = tmp_path / f"{name}.{suffix}"
            path.touch()
            age = 30 if suffix == "json" else hours  # A label is written once, at the beginning.
            then = (now - timedelta(hours=age)).timestamp()
            os.utime(path, (then, then))
    in_use = frozenset({tmp_path / "busy.data", tmp_path / "busy.json"})
    assert sweep_unfinished(tmp_path, now, timedelta(hours=24), in_use) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "busy.data",
        "busy.json",
        "fresh.data",
        "fresh.json",
    ]


def test_an_upload_that_was_resumed_lately_is_not_swept_away(tmp_path) -> None:
    """Its data is old, as a client that resumed it wrote nothing more."""
    spool = Spool(tmp_path)
    data = spool.partial("avon") / "d.data"
    for folder in (spool.landed, spool.recent, data.parent):
        folder.mkdir(parents=True)
    label = Label(folder="in", name="d", started_at=datetime.now(UTC) - timedelta(hours=25))
    data.write_bytes(b"1234")
    data.with_suffix(".json").write_text(label.model_dump_json())
    for path in data.parent.iterdir():
        os.utime(path, (label.started_at.timestamp(), label.started_at.timestamp()))

    async def work() -> None:
        intake = Intake(spool, Published(tmp_path), IntakeLimits(free_bytes=0))
        box = intake.box("avon")
        await box.load()
        await box.cut_off(await box.receive("in", "d", asyncssh.FXF_WRITE))
        await intake.sweep()

    asyncio.run(work())
    assert data.read_bytes() == b"1234"


def test_a_shelf_with_odd_files_loads(tmp_path) -> None:
    (tmp_path / "a.data").write_bytes(b"x")
    (tmp_path / "b.data").write_bytes(b"x")
    (tmp_path / "b.json").write_text("not json")
    (tmp_path / "c.json").write_text('{"folder":"in","name":"c","started_at":"2026-01-01T00:00:00Z"}')
    (tmp_path / "d.data").write_bytes(b"1234")
    (tmp_path / "d.json").write_text('{"folder":"in","name":"d","started_at":"2026-01-01T00:00:00Z"}')
    (upload,) = load_unfinished(tmp_path)
    assert (upload.label.name, upload.label.whole, upload.size, upload.busy) == ("d", False, 4, False)


def test_a_shelf_that_is_missing_is_made(tmp_path) -> None:
    shelf = tmp_path / "partial" / "avon"
    assert load_unfinished(shelf) == []
    assert shelf.is_dir()


def test_the_rest_of_what_was_handed_over_is_not_taken_for_a_file(intake: Running) -> None:
    """OpenSSH's sftp closes its file when a person interrupts it; `reput` then sends the rest."""
    with intake.paramiko() as client:
        with client.open("/in/x.gpg", "wb") as file:
            file.write(CONTENT[:HALF])
        with pytest.raises(PermissionError, match="upload it from its start"):
            client.open("/in/x.gpg", "ab")
        assert [len(intake.content(one)) for one in intake.landed()] == [HALF]
        with client.open("/in/x.gpg", "wb") as file:
            file.write(CONTENT)
    assert sorted(len(intake.content(one)) for one in intake.landed()) == [HALF, len(CONTENT)]


def test_going_on_with_a_whole_file_hands_over_nothing(intake: Running) -> None:
    """As `put -c` of lftp does: it opens without emptying, and has nothing left to send."""
    with intake.paramiko() as client:
        with client.open("/in/x.gpg", "wb") as file:
            file.write(CONTENT)
        going_on = client._request(
            CMD_OPEN, b"/in/x.gpg", SFTP_FLAG_WRITE | SFTP_FLAG_CREATE, paramiko.SFTPAttributes()
        )
        client._request(CMD_CLOSE, going_on[1].get_binary())
    assert intake.content(intake.only()) == CONTENT
    assert intake.partial() == []
