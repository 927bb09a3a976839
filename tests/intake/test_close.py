"""A close is a completion only when the client sent it; everything else is a cut."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import Awaitable, Callable

import asyncssh
import paramiko
import pytest
from asyncssh.sftp import SFTPServerHandler

from gateway.intake.server import Requests
from gateway.intake.tree import ProviderTree
from gateway.ssh.answers import guarded
from tests.intake.running import SEALED, Running
from tests.waiting import eventually

CONTENT = SEALED + bytes(range(256)) * 1000


def _sever(transport: paramiko.Transport) -> None:
    transport.sock.close()


def _disconnect(transport: paramiko.Transport) -> None:
    transport.close()


def _half_close(transport: paramiko.Transport) -> None:
    transport.sock.shutdown(1)


@pytest.mark.parametrize("end", [_sever, _disconnect, _half_close])
@pytest.mark.parametrize("name", ["x.gpg", "x.gpg.filepart"])
def test_a_broken_connection_hands_nothing_over(
    intake: Running, end: Callable[[paramiko.Transport], None], name: str
) -> None:
    with intake.transport() as transport:
        client = paramiko.SFTPClient.from_transport(transport)
        assert client is not None
        held = client.open(f"/in/{name}", "wb")
        held.write(CONTENT)
        held.flush()
        client.stat("/in")
        end(transport)
    eventually(lambda: [path.read_bytes() for path in intake.partial()] == [CONTENT])
    with intake.paramiko() as client:
        assert client.stat(f"/in/{name}").st_size == len(CONTENT)
    assert intake.landed() == []


@pytest.mark.parametrize("end", ["eof", "close", "abort"])
def test_an_ended_session_hands_nothing_over(intake: Running, end: str) -> None:
    async def upload() -> None:
        async with asyncssh.connect(
            "127.0.0.1",
            intake.port,
            username="avon",
            client_keys=[str(intake.provider("avon"))],
            known_hosts=None,
            config=None,
        ) as connection:
            client = await connection.start_sftp_client()
            file = await client.open("/in/x.gpg", "wb")
            await file.write(CONTENT)
            channel = client._handler._writer.channel
            {"eof": channel.write_eof, "close": channel.close, "abort": connection.abort}[end]()
            await asyncio.sleep(0.2)

    asyncio.run(upload())
    eventually(lambda: [path.read_bytes() for path in intake.partial()] == [CONTENT])
    assert intake.landed() == []


def test_stopping_the_service_hands_nothing_over_and_keeps_what_came(intake: Running) -> None:
    with intake.paramiko() as client:
        held = client.open("/in/x.gpg", "wb")
        held.write(CONTENT)
        held.flush()
        client.stat("/in")
        intake.stop()
    assert intake.landed() == []
    assert [path.read_bytes() for path in intake.partial()] == [CONTENT]
    intake.start()
    with intake.paramiko() as client, client.open("/in/x.gpg", "ab") as file:
        file.write(b"the end")
    assert intake.content(intake.only()) == CONTENT + b"the end"


def test_a_packet_that_makes_no_sense_cuts_the_upload_off(intake: Running) -> None:
    with intake.paramiko() as client:
        held = client.open("/in/x.gpg", "wb")
        held.write(CONTENT)
        held.flush()
        client.stat("/in")
        client.sock.send(b"\xff\xff\xff\xff\x00")
        eventually(lambda: [path.read_bytes() for path in intake.partial()] == [CONTENT])
    assert intake.landed() == []


def test_asyncssh_still_ends_sessions_as_we_know_it() -> None:
    """What the distinction rests on. If one of these fails, read asyncssh's sftp.py again."""
    close = inspect.getsource(SFTPServerHandler._process_close)
    assert "self._file_handles.pop(handle, None)" in close
    assert "self._server.close(file_obj)" in close
    cleanup = inspect.getsource(SFTPServerHandler._cleanup)
    assert "self._server.close(file_obj)" in cleanup
    assert "_process_close" not in cleanup
    assert "self._packet_handlers.get(" in inspect.getsource(SFTPServerHandler._process_packet)


def test_every_request_is_answered_behind_the_boundary() -> None:
    assert Requests._packet_handlers
    for kind, handler in Requests._packet_handlers.items():
        assert handler.__code__ is guarded(handler).__code__, kind


def test_a_clean_up_close_is_never_a_clients_close(monkeypatch: pytest.MonkeyPatch, intake: Running) -> None:
    """Watch each kind arrive at its own method of the tree."""
    seen: list[str] = []
    noticed = threading.Event()

    def watched(name: str) -> Callable[[ProviderTree, object], Awaitable[object]]:
        original = getattr(ProviderTree, name)

        async def called(self: ProviderTree, file: object) -> object:
            seen.append(name)
            try:
                return await original(self, file)
            finally:
                noticed.set()

        return called

    for name in ("complete", "close"):
        monkeypatch.setattr(ProviderTree, name, watched(name))
    with intake.paramiko() as client:
        client.open("/in/a", "wb").close()
        assert noticed.wait(60)
        noticed.clear()
        held = client.open("/in/b", "wb")
        client.stat("/in")
        client.sock.get_transport().sock.close()
        assert noticed.wait(60)
        del held
    assert seen == ["complete", "close"]
    assert [upload.name for upload in intake.landed()] == ["a"]
