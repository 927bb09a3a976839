"""Which algorithms are offered to whom."""

from __future__ import annotations

import socket
from pathlib import Path

import asyncssh
import paramiko
import pytest
from pydantic import ValidationError

from gateway.home import Home
from gateway.home.settings import AlsoOffer, DoorLimits, Ssh
from gateway.ssh.connection import (
    QUANTUM_SAFE,
    admits,
    gets_quantum_safe_only,
    knows_quantum_safe,
    offered_also,
)
from gateway.ssh.server import Offer
from tests.intake.running import Running, run

CURVE = b"curve25519-sha256"
STRICT = b"kex-strict-c-v00@openssh.com"
OLD = "diffie-hellman-group14-sha256"
NIST = "ecdh-sha2-nistp256"


@pytest.mark.parametrize(
    ("version", "more"),
    [
        (b"SSH-2.0-OpenSSH_9.9p1", True),
        (b"SSH-2.0-OpenSSH_10.0p2 Debian-7", True),
        (b"SSH-2.0-OpenSSH_9.8", False),
        (b"SSH-2.0-OpenSSH_for_Windows_9.5", False),
        (b"SSH-2.0-libssh2_1.11.0", False),
    ],
)
def test_who_knows_the_quantum_safe_exchange(version: bytes, more: bool) -> None:
    assert knows_quantum_safe(version) is more


@pytest.mark.parametrize(
    ("theirs", "only"),
    [
        ([QUANTUM_SAFE, CURVE, STRICT], True),
        ([CURVE, STRICT], False),
        ([CURVE, b"ecdh-sha2-nistp256"], True),
        ([], True),
    ],
)
def test_who_is_offered_the_quantum_safe_exchange_only(theirs: list[bytes], only: bool) -> None:
    assert gets_quantum_safe_only(theirs) is only


OFFERED = [
    AlsoOffer(algorithms=(OLD,), networks=("192.0.2.0/24", "2001:db8::/32")),
    AlsoOffer(algorithms=("ecdh-sha2-nistp256", OLD), provider="oak"),
]


@pytest.mark.parametrize(
    ("address", "to"),
    [
        ("192.0.2.7", {OLD, "ecdh-sha2-nistp256"}),
        ("::ffff:192.0.2.7", {OLD, "ecdh-sha2-nistp256"}),
        ("198.51.100.1", {"ecdh-sha2-nistp256", OLD}),
    ],
)
def test_what_an_address_is_offered_besides(address: str, to: set[str]) -> None:
    assert {name.decode() for name in offered_also(OFFERED, address)} == to


@pytest.mark.parametrize(
    ("address", "provider", "used", "admitted"),
    [
        ("192.0.2.7", "elm", OLD, True),
        ("2001:db8::7", "elm", OLD, True),
        ("198.51.100.1", "elm", OLD, False),
        ("198.51.100.1", "oak", OLD, True),
        ("192.0.2.7", "elm", "ecdh-sha2-nistp256", False),
        ("192.0.2.7", "oak", "ecdh-sha2-nistp256", True),
        ("local", "elm", OLD, False),
    ],
)
def test_who_may_log_in_with_what_is_weak(address: str, provider: str, used: str, admitted: bool) -> None:
    assert admits(OFFERED, address, provider, used.encode()) is admitted


@pytest.mark.parametrize(
    "offer",
    [
        {"algorithms": [OLD]},
        {"algorithms": [], "provider": "oak"},
        {"algorithms": ["diffie-hellman-group1-sha1"], "provider": "oak"},
        {"algorithms": [OLD], "networks": ["192.0.2.0/33"]},
    ],
)
def test_an_offer_for_nobody_of_nothing_or_of_what_is_broken_is_a_mistake(offer: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AlsoOffer.model_validate(offer)


# At the door of a running intake.


@pytest.fixture
def lenient(tmp_path: Path):
    running = Running(Home(tmp_path / "home"))
    running.ssh = Ssh(also_offer=(AlsoOffer(algorithms=(NIST,), provider="avon"),))
    running.publish()
    running.start()
    yield running
    running.stop()


def log_in_with(running: Running, exchange: str, provider: str) -> None:
    transport = paramiko.Transport(("127.0.0.1", running.port))
    try:
        transport.get_security_options().kex = (exchange,)
        key = paramiko.Ed25519Key.from_private_key_file(str(running.provider(provider)))
        transport.connect(username=provider, pkey=key)
    finally:
        transport.close()


def test_an_old_library_gets_in_for_the_provider_that_it_is_allowed_for(lenient: Running) -> None:
    log_in_with(lenient, NIST, "avon")
    with pytest.raises(paramiko.AuthenticationException):
        log_in_with(lenient, NIST, "bath")
    log_in_with(lenient, "curve25519-sha256@libssh.org", "bath")


RSA = "rsa-sha2-512"


def host_key_of(running: Running, provider: str) -> str:
    """The host key that an old library is shown, which knows RSA only."""
    transport = paramiko.Transport(("127.0.0.1", running.port))
    try:
        transport.get_security_options().key_types = (RSA,)
        key = paramiko.Ed25519Key.from_private_key_file(str(running.provider(provider)))
        transport.connect(username=provider, pkey=key)
        return transport.get_remote_server_key().get_name()
    finally:
        transport.close()


def test_an_old_library_is_shown_a_host_key_of_rsa_where_it_is_allowed(tmp_path: Path) -> None:
    running = Running(Home(tmp_path / "home"))
    running.ssh = Ssh(also_offer=(AlsoOffer(algorithms=(RSA,), provider="avon"),))
    running.publish()
    running.start()
    try:
        assert host_key_of(running, "avon") == "ssh-rsa"
        with pytest.raises(paramiko.AuthenticationException):
            host_key_of(running, "bath")
        with running.transport() as transport:
            assert transport.get_remote_server_key().get_name() == "ssh-ed25519"
    finally:
        running.stop()


def test_by_default_nobody_is_shown_a_host_key_of_rsa(intake: Running) -> None:
    with pytest.raises(paramiko.SSHException):
        host_key_of(intake, "avon")
    assert not list(intake.home.spool.host.glob("*rsa*"))


def test_by_default_an_old_library_finds_nothing_in_common(intake: Running) -> None:
    with pytest.raises(paramiko.SSHException):
        log_in_with(intake, NIST, "avon")


@pytest.mark.needs("sftp")
@pytest.mark.parametrize(
    ("exchanges", "used"),
    [
        ("curve25519-sha256", "curve25519-sha256"),
        ("curve25519-sha256,ecdh-sha2-nistp256", "curve25519-sha256"),
        ("curve25519-sha256,mlkem768x25519-sha256", "mlkem768x25519-sha256"),
    ],
)
def test_a_new_openssh_gets_what_its_configuration_asks_for(
    intake: Running, exchanges: str, used: str
) -> None:
    done = run(
        "sftp", "-v", "-b", "-", "-P", str(intake.port), "-i", intake.provider("avon"),
        "-oStrictHostKeyChecking=no", "-oUserKnownHostsFile=/dev/null", f"-oKexAlgorithms={exchanges}",
        "avon@127.0.0.1", input="ls\n",
    )  # fmt: skip
    assert f"kex: algorithm: {used}" in done.stdout


def test_who_says_to_be_a_new_openssh_and_waits_is_offered_what_one_is_offered(intake: Running) -> None:
    with socket.create_connection(("127.0.0.1", intake.port), 60) as line:
        line.settimeout(60)
        line.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")
        heard = b""
        while b"mlkem" not in heard:
            more = line.recv(4096)
            assert more, heard
            heard += more
    assert CURVE not in heard


def test_a_host_key_that_becomes_unreadable_leaves_the_one_in_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("gateway.ssh.server._LOOK_SECONDS", 0.0)
    offer = Offer(tmp_path / "key", DoorLimits(), asyncssh.SSHServer)
    before = offer.options()
    (tmp_path / "key.next").write_text("no key")
    assert offer.options() is before
    assert "host-key-not-readable ConfigurationError" in caplog.text
    (tmp_path / "key.next").unlink()
    assert offer.options() is before
