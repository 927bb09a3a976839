"""Requests that no ordinary client sends."""

from __future__ import annotations

import struct
import threading
import time
from pathlib import Path

import asyncssh
import paramiko
import pytest
from paramiko.message import Message
from paramiko.sftp import CMD_EXTENDED, CMD_EXTENDED_REPLY, CMD_NAME, CMD_STATUS

from gateway.intake.tree import ProviderTree
from gateway.ssh.answers import Declined, answer_for
from tests.intake.running import SEALED, Running
from tests.waiting import eventually

OK, FAILURE, BAD_MESSAGE, UNSUPPORTED = 0, 4, 5, 8


@pytest.fixture
def client(intake: Running):
    with intake.paramiko() as client:
        yield client


def ask(client: paramiko.SFTPClient, kind: int, *fields: bytes | int) -> tuple[int, Message]:
    """Send a raw request; the type of the answer and its content after the id."""
    client.request_number += 1
    message = Message()
    message.add_int(client.request_number)
    for value in fields:
        if isinstance(value, bytes):
            message.add_string(value)
        else:
            message.add_int64(value)
    client._send_packet(kind, message)
    answer, data = client._read_packet()
    reply = Message(data)
    assert reply.get_int() == client.request_number
    return answer, reply


def status(client: paramiko.SFTPClient, kind: int, *fields: bytes | int) -> int:
    answer, reply = ask(client, kind, *fields)
    assert answer == CMD_STATUS
    return reply.get_int()


@pytest.mark.parametrize(
    "name",
    [
        b"hardlink@openssh.com",
        b"copy-data",
        b"ranges@asyncssh.com",
        b"statvfs@openssh.com",
        b"fstatvfs@openssh.com",
        b"expand-path@openssh.com",
        b"home-directory",
        b"users-groups-by-id@openssh.com",
        b"check-file-handle",
        b"md5-hash",
        b"vendor-id",
        b"",
        b"\xff" * 200,
    ],
)
def test_other_extensions_are_unsupported(client: paramiko.SFTPClient, name: bytes) -> None:
    assert status(client, CMD_EXTENDED, name, b"/in", b"/in/x") == UNSUPPORTED


@pytest.mark.parametrize("kind", [0, 1, 2, 21, 22, 23, 101, 102, 199, 201, 255])
def test_other_requests_are_unsupported(client: paramiko.SFTPClient, kind: int) -> None:
    assert status(client, kind, b"x") == UNSUPPORTED


@pytest.mark.parametrize("kind", [*range(3, 21), CMD_EXTENDED])
@pytest.mark.parametrize(
    "body", [b"", b"\xff\xff\xff\xff", b"\0\0\0\1", struct.pack(">I", 4) + b"none" + b"\1" * 40]
)
def test_requests_that_make_no_sense_are_answered(
    client: paramiko.SFTPClient, kind: int, body: bytes
) -> None:
    client.request_number += 1
    packet = struct.pack(">I", client.request_number) + body
    client.sock.send(struct.pack(">IB", len(packet) + 1, kind) + packet)
    answer, _ = client._read_packet()
    assert answer in {CMD_STATUS, CMD_NAME}
    assert client.listdir("/in") == []


def test_limits_are_told(client: paramiko.SFTPClient) -> None:
    answer, reply = ask(client, CMD_EXTENDED, b"limits@openssh.com")
    assert answer == CMD_EXTENDED_REPLY
    packet, read, write, handles = (reply.get_int64() for _ in range(4))
    assert (read, write, handles) == (256 * 1024, 256 * 1024, 32)
    assert packet == write + 1024


def test_fsync_and_lsetstat_succeed(client: paramiko.SFTPClient) -> None:
    with client.open("/in/x", "wb") as file:
        file.write(SEALED)
        assert status(client, CMD_EXTENDED, b"fsync@openssh.com", file.handle) == OK
    client.request_number += 1
    assert status(client, CMD_EXTENDED, b"lsetstat@openssh.com", b"/in/x", b"") == OK


def test_reading_or_writing_the_wrong_way_is_denied(client: paramiko.SFTPClient) -> None:
    file = client.open("/keys/gateway.asc", "rb")
    assert status(client, 6, file.handle, 0, b"data") == 3
    upload = client.open("/in/x", "w+")
    upload.write(SEALED)
    upload.flush()
    assert ask(client, 5, upload.handle, 0)[0] == CMD_STATUS


def test_a_handle_cannot_be_used_after_its_close(client: paramiko.SFTPClient) -> None:
    file = client.open("/in/x", "wb")
    handle = file.handle
    file.close()
    assert status(client, 4, handle) == FAILURE
    assert status(client, 6, handle, 0, b"data") == FAILURE


def test_a_packet_that_is_too_long_ends_the_session(intake: Running, client: paramiko.SFTPClient) -> None:
    client.sock.send(struct.pack(">I", 2**31))
    eventually(lambda: client.get_channel().closed)
    with intake.paramiko() as other:
        assert other.listdir("/in") == []


def test_memory_stays_bounded_when_a_client_does_not_read_what_it_asks_for(intake: Running) -> None:
    path = intake.home.published.provider("avon") / "out" / "large"
    path.write_bytes(bytes(300_000))
    release = threading.Event()
    with intake.transport() as transport:
        channel = transport.open_session(window_size=2**31 - 1)
        channel.invoke_subsystem("sftp")
        held = paramiko.SFTPClient(channel).open("/out/large")  # paramiko closes what nobody holds.
        handle = held.handle
        table = {**transport._channel_handler_table, 94: lambda *_: release.wait()}
        transport._channel_handler_table = table  # From now on, nothing that arrives is read.
        before = _resident()
        body = struct.pack(">BII", 5, 7, len(handle)) + handle + struct.pack(">QI", 0, 262_144)
        for _ in range(2_000):
            channel.sendall(struct.pack(">I", len(body)) + body)
        time.sleep(1)
        assert _resident() - before < 50 * 1024 * 1024
        with intake.paramiko() as other:
            assert other.listdir("/out") == ["large"]
        transport.sock.close()
        release.set()


def _resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_no_method_of_asyncssh_reaches_the_disk() -> None:
    """What is left of asyncssh's SFTP server, which works on the real disk, is harmless or refuses."""
    inherited = {
        name
        for name in dir(asyncssh.SFTPServer)
        if not name.startswith("_") and getattr(ProviderTree, name) is getattr(asyncssh.SFTPServer, name)
    }
    assert inherited == {
        "channel",
        "connection",
        "convert_attrs",
        "env",
        "exit",
        "logger",
    }
    for name in ("link", "symlink", "readlink", "statvfs", "scandir", "open56", "map_path"):
        with pytest.raises(Declined):
            getattr(ProviderTree, name)(ProviderTree.__new__(ProviderTree), b"/etc/passwd", b"/etc/passwd")


def test_the_text_of_an_unexpected_error_stays_inside(
    intake: Running,
    client: paramiko.SFTPClient,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError("Jane Doe /srv/secret")

    monkeypatch.setattr(ProviderTree, "find", broken)
    with pytest.raises(OSError, match=r"^internal error$"):
        client.stat("/in/Jane")
    assert "ValueError at test_requests.py" in caplog.text
    assert "Jane" not in caplog.text
    assert "secret" not in caplog.text


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (OSError(28, "No space left on device", "/srv/x"), "no room"),
        (OSError(122, "Disk quota exceeded"), "no room"),
        (OSError(5, "Input/output error"), "internal error"),
        (PermissionError(13, "Permission denied", "/srv/x"), "internal error"),
        (RuntimeError("/srv/x"), "internal error"),
        (asyncssh.packet.PacketDecodeError("x"), "does not make sense"),
    ],
)
def test_answers(error: Exception, sentence: str) -> None:
    answer = answer_for(error, lambda code, detail: None)
    assert sentence in answer.sentence
    assert "/srv" not in answer.sentence
