"""Who gets in, and how often one may try."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import asyncssh
import paramiko
import pytest

from gateway.home import Home
from gateway.intake.server import _NOBODYS_KEYS, holds_key
from gateway.ssh.serving import Session
from tests.intake.running import SEALED, Running
from tests.waiting import eventually


def attempt(intake: Running, username: str, key: paramiko.PKey) -> None:
    transport = paramiko.Transport(("127.0.0.1", intake.port))
    try:
        transport.connect(username=username, pkey=key)
    finally:
        transport.close()


def key_of(path: Path) -> paramiko.PKey:
    return paramiko.Ed25519Key.from_private_key_file(str(path))


def test_another_providers_key_is_refused(intake: Running) -> None:
    other = key_of(intake.provider("bath"))
    with pytest.raises(paramiko.AuthenticationException):
        attempt(intake, "avon", other)


@pytest.mark.parametrize(
    "username",
    [
        "none",
        "",
        "../avon",
        "avon/",
        "AVON",
        "avon/../bath",
        ".",
        "..",
        "-",
        "x" * 1023,
        "%s",
        "a;b",
        "\u202eavon",
    ],
)
def test_a_name_that_is_no_provider_is_refused(intake: Running, username: str) -> None:
    with pytest.raises(paramiko.SSHException):
        attempt(intake, username, key_of(intake.provider("avon")))


def test_a_name_with_a_nul_and_one_of_1025_characters_are_refused(intake: Running) -> None:
    for username in ("a\0", "x" * 1025):
        with pytest.raises((paramiko.SSHException, EOFError)):
            attempt(intake, username, key_of(intake.provider("avon")))


def test_a_suspended_provider_is_refused(intake: Running) -> None:
    keys = intake.home.published.provider("avon") / "authorized_keys"
    held = keys.read_text()
    keys.unlink()
    with pytest.raises(paramiko.AuthenticationException):
        attempt(intake, "avon", key_of(intake.provider("avon")))
    keys.write_text(held)
    attempt(intake, "avon", key_of(intake.provider("avon")))


@pytest.mark.parametrize("other", ["# a comment", "not a key at all", "ssh-ed25519 AAAA", "\xff"])
def test_a_line_that_is_no_key_locks_nobody_out(intake: Running, other: str) -> None:
    keys = intake.home.published.provider("avon") / "authorized_keys"
    keys.write_text(other + "\n\n" + keys.read_text())
    attempt(intake, "avon", key_of(intake.provider("avon")))


def public_key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519").convert_to_public()


def test_a_broken_file_of_keys_lets_nobody_in(tmp_path: Path) -> None:
    published = Home(tmp_path).published
    folder = published.provider("avon")
    folder.mkdir(parents=True)
    key = public_key()
    for content in (b"", b"\xff\xfe", b"nothing here"):
        (folder / "authorized_keys").write_bytes(content)
        assert not holds_key(published, "avon", key, "127.0.0.1")
    (folder / "authorized_keys").write_bytes(b"\xff\xfe\n" + key.export_public_key())
    assert holds_key(published, "avon", key, "127.0.0.1")


def test_nobodys_key_opens_nothing(tmp_path: Path) -> None:
    key = asyncssh.import_public_key(_NOBODYS_KEYS)
    assert not holds_key(Home(tmp_path).published, "none", key, "127.0.0.1")
    assert not holds_key(Home(tmp_path).published, "../x", key, "127.0.0.1")


def test_a_key_may_be_bound_to_addresses(tmp_path: Path) -> None:
    published = Home(tmp_path).published
    folder = published.provider("avon")
    folder.mkdir(parents=True)
    key = public_key()
    (folder / "authorized_keys").write_text('from="192.0.2.0/24" ' + key.export_public_key().decode())
    assert holds_key(published, "avon", key, "192.0.2.7")
    assert not holds_key(published, "avon", key, "198.51.100.1")


def test_known_and_unknown_names_take_the_same_steps(tmp_path: Path) -> None:
    """The same functions of asyncssh in the same order, and so the same time on a quiet machine."""
    published = Home(tmp_path).published
    folder = published.provider("avon")
    folder.mkdir(parents=True)
    held, other = public_key(), public_key()
    (folder / "authorized_keys").write_bytes(held.export_public_key())

    def steps(username: str) -> list[str]:
        seen: list[str] = []

        def note(frame: FrameType, event: str, _given: object) -> None:
            if event == "call" and frame.f_globals["__name__"].startswith("asyncssh."):
                seen.append(frame.f_code.co_qualname)

        before = sys.getprofile()
        sys.setprofile(note)
        try:
            assert not holds_key(published, username, other, "127.0.0.1")
        finally:
            sys.setprofile(before)
        return seen

    known = steps("avon")
    assert {"import_public_key", "SSHAuthorizedKeys.validate"} <= set(known)
    assert steps("bath") == known
    assert steps("../avon") == known


@pytest.mark.parametrize(
    "log_in",
    [
        lambda transport: transport.auth_password("avon", "secret", fallback=False),
        lambda transport: transport.auth_interactive("avon", lambda *_: []),
        lambda transport: transport.auth_none("avon"),
    ],
)
def test_keys_are_the_only_way(intake: Running, log_in: Callable[[paramiko.Transport], object]) -> None:
    transport = paramiko.Transport(("127.0.0.1", intake.port))
    transport.start_client()
    try:
        with pytest.raises(paramiko.BadAuthenticationType) as caught:
            log_in(transport)
        assert caught.value.allowed_types == ["publickey"]
    finally:
        transport.close()


@pytest.mark.parametrize(("wrong", "lets_in"), [(0, True), (6, True), (7, False), (30, False)])
def test_only_so_many_keys_may_be_tried(intake: Running, wrong: int, lets_in: bool) -> None:
    async def log_in() -> str:
        keys = [asyncssh.generate_private_key("ssh-ed25519") for _ in range(wrong)]
        try:
            async with asyncssh.connect(
                "127.0.0.1",
                intake.port,
                username="avon",
                client_keys=[*keys, str(intake.provider("avon"))],
                known_hosts=None,
                config=None,
                agent_path=None,
            ):
                return "in"
        except asyncssh.DisconnectError as error:
            return error.reason

    assert asyncio.run(log_in()) == ("in" if lets_in else "Too many attempts to log in")


def test_the_user_name_may_not_change_on_the_way(intake: Running) -> None:
    intake.provider("bath")
    transport = paramiko.Transport(("127.0.0.1", intake.port))
    transport.start_client()
    try:
        with pytest.raises(paramiko.AuthenticationException):
            transport.auth_publickey("bath", paramiko.ECDSAKey.generate())
        with pytest.raises((paramiko.SSHException, EOFError)):
            transport.auth_publickey("avon", key_of(intake.provider("avon")))
    finally:
        transport.close()


def test_a_silent_connection_ends(tmp_path: Path) -> None:
    running = Running(Home(tmp_path / "home"))
    running.limits = running.limits.model_copy(update={"login_seconds": 0.5})
    running.publish()
    running.start()
    try:
        with socket.create_connection(("127.0.0.1", running.port)) as silent:
            silent.settimeout(60)
            assert silent.recv(100).startswith(b"SSH-2.0-gateway\r\n")
            assert silent.recv(100) == b""
    finally:
        running.stop()


def test_channel_messages_before_login_end_the_connection(intake: Running) -> None:
    transport = paramiko.Transport(("127.0.0.1", intake.port))
    transport.start_client()
    try:
        with pytest.raises((paramiko.SSHException, EOFError)):
            transport.open_session(timeout=60)
        eventually(lambda: not transport.is_active())
    finally:
        transport.close()


def test_what_is_logged_names_no_one_but_providers(intake: Running, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "gateway")
    with pytest.raises(paramiko.SSHException):
        attempt(intake, "jane.doe", key_of(intake.provider("avon")))
    with intake.paramiko() as client, client.open("/in/Jane Doe.csv.gpg", "wb") as file:
        file.write(SEALED)
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert "login provider=avon" in text
    assert f"landed reference={intake.only().reference}" in text
    assert "ane" not in text


def test_an_environment_is_not_kept(intake: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    started = Session.session_started

    def watched(self: Session) -> None:
        seen.append(self._chan.get_environment())
        started(self)

    monkeypatch.setattr(Session, "session_started", watched)

    async def log_in() -> None:
        async with asyncssh.connect(
            "127.0.0.1",
            intake.port,
            username="avon",
            client_keys=[str(intake.provider("avon"))],
            known_hosts=None,
            config=None,
        ) as connection:
            client = await connection.start_sftp_client(env={"A": "x" * 10_000, "LANG": "C"})
            assert "in" in await client.listdir("/")

    asyncio.run(log_in())
    assert seen == [{}]


@pytest.mark.parametrize("command", ["scp -t /in", "scp -f /keys/gateway.asc"])
def test_who_starts_scp_is_told_to_use_sftp(intake: Running, command: str) -> None:
    """And that it failed, in its own protocol: curl would take silence for success."""

    async def told() -> tuple[object, object, int | None]:
        async with asyncssh.connect(
            "127.0.0.1",
            intake.port,
            username="avon",
            client_keys=[str(intake.provider("avon"))],
            known_hosts=None,
            config=None,
        ) as connection:
            done = await connection.run(command)
            return done.stdout, done.stderr, done.exit_status

    out, error, status = asyncio.run(told())
    assert out == "\x02\n"
    assert "by SFTP only" in str(error)
    assert status == 1
    assert intake.landed() == []


def test_nothing_but_sftp_can_be_started(intake: Running) -> None:
    async def attempts() -> list[str]:
        refused = []
        async with asyncssh.connect(
            "127.0.0.1",
            intake.port,
            username="avon",
            client_keys=[str(intake.provider("avon"))],
            known_hosts=None,
            config=None,
        ) as connection:
            for name, start in {
                "exec": lambda: connection.create_process("id"),
                "shell": connection.create_process,
                "pty": lambda: connection.create_process(term_type="xterm"),
                "subsystem": lambda: connection.create_process(subsystem="netconf"),
                "direct": lambda: connection.open_connection("127.0.0.1", intake.port),
                "unix": lambda: connection.open_unix_connection("/run/x"),
                "forward": lambda: connection.forward_remote_port("", 0, "127.0.0.1", 1),
                "tun": lambda: connection.create_tun(object),
            }.items():
                try:
                    await start()
                except (asyncssh.Error, asyncssh.ChannelListenError, OSError):
                    refused.append(name)
            await connection.start_sftp_client()
        return refused

    assert asyncio.run(attempts()) == [
        "exec",
        "shell",
        "pty",
        "subsystem",
        "direct",
        "unix",
        "forward",
        "tun",
    ]
