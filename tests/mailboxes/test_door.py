"""The door of the mailboxes is that of intake: every login is logged, and whoever fails too often waits."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from contextlib import ExitStack
from datetime import UTC, datetime

import asyncssh
import paramiko
import pytest

from gateway.home.settings import MailboxLimits
from gateway.zones.penalty_files import Lifted, of_mailboxes
from tests.mailboxes.mailroom import Mailroom
from tests.waiting import eventually

LIFTED_SECONDS = 60  # What makes somebody wait here is not paid off so soon.


def connect(mailroom: Mailroom, source: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", mailroom.port), 60, source_address=(source, 0))


def fail_to_log_in(mailroom: Mailroom, person: str, source: str) -> None:
    transport = paramiko.Transport(connect(mailroom, source))
    with pytest.raises((paramiko.SSHException, EOFError, OSError)):
        transport.connect(username=person, pkey=paramiko.ECDSAKey.generate())
    transport.close()


def waits(mailroom: Mailroom, source: str) -> bool:
    """Whether a connection from there is not greeted before its time, or not at all.

    Who has to wait is never greeted sooner, however busy the machine is.
    """
    begin = time.monotonic()
    with connect(mailroom, source) as connection:
        try:
            greeted = b"SSH-2.0" in connection.recv(100)
        except (ConnectionResetError, TimeoutError):
            return True
        return not greeted or time.monotonic() - begin >= MailboxLimits().penalty_pace


def test_every_login_is_logged_with_its_key(
    mailroom: Mailroom, person: str, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, "gateway")
    with mailroom.sftp(person):
        pass
    key = asyncssh.read_private_key(mailroom.root / f"{person}.key").get_fingerprint()
    assert f"login kind=staff key={key}" in caplog.messages
    assert person not in caplog.text


def test_failed_logins_are_logged_make_their_address_wait_and_can_be_lifted(
    mailroom: Mailroom, person: str, caplog: pytest.LogCaptureFixture
):
    files = of_mailboxes(mailroom.home)
    for _ in range(7):
        fail_to_log_in(mailroom, person, "127.0.0.2")
    eventually(lambda: waits(mailroom, "127.0.0.2"))
    assert "offence code=login-failed address=127.0.0.2 suppressed=0" in caplog.messages
    eventually(lambda: not waits(mailroom, "127.0.0.3"))
    eventually(lambda: "127.0.0.2" in files.read_listed().until)
    files.lifted.write_text(Lifted().with_one("127.0.0.2", datetime.now(UTC)).model_dump_json())
    eventually(lambda: not waits(mailroom, "127.0.0.2"), LIFTED_SECONDS)
    eventually(lambda: files.read_listed().until == {}, LIFTED_SECONDS)


def test_a_source_has_only_so_many_connections_before_anybody_logs_in(
    mailroom: Mailroom, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("gateway.ssh.door._GRACE_SECONDS", 3600)  # None gives way, however slow the test is.
    with ExitStack() as stack:
        there = [stack.enter_context(connect(mailroom, "127.0.0.4")) for _ in range(41)]
        assert [greeted(connection) for connection in there] == [True] * 40 + [False]
        assert "offence code=too-many-connections address=127.0.0.4 suppressed=0" in caplog.messages
        assert greeted(stack.enter_context(connect(mailroom, "127.0.0.5")))


def greeted(connection: socket.socket) -> bool:
    try:
        return connection.recv(7) == b"SSH-2.0"
    except ConnectionResetError:
        return False


def test_a_person_has_only_so_many_connections(mailroom: Mailroom, person: str):
    async def log_in() -> int:
        key = asyncssh.read_private_key(mailroom.root / f"{person}.key")
        kept = []
        for _ in range(20):
            try:
                connection = await asyncssh.connect(
                    "127.0.0.1", mailroom.port, username=person, client_keys=[key],
                    known_hosts=None, config=[], agent_path=None,
                )  # fmt: skip
                await connection.start_sftp_client()
                kept.append(connection)
            except (asyncssh.Error, OSError):
                break
        for connection in kept:
            connection.close()
        return len(kept)

    assert asyncio.run(log_in()) == 16
