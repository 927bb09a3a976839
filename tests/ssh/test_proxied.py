"""Behind a balancer, penalties and logins see the client: by HAProxy, and by what others might say."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import paramiko
import pytest

from gateway.home import CLAIMED, Home
from gateway.home.settings import IntakeLimits, Ssh
from gateway.ssh.server import read_proxy_header
from gateway.zones.penalty_files import PenaltyFiles, of_intake, of_mailboxes
from tests.ending import ending
from tests.intake.running import Running
from tests.mailboxes.mailroom import Mailroom
from tests.observe.test_observe import get
from tests.ports import free_port
from tests.waiting import until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def header(command: int = 0x21, family: int = 0x11, said: bytes | None = None) -> bytes:
    if said is None:
        said = (
            socket.inet_aton("198.51.100.7") + socket.inet_aton("192.0.2.1") + struct.pack("!HH", 40000, 22)
        )
    return SIGNATURE + struct.pack("!BBH", command, family, len(said)) + said


V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + bytes(16) + struct.pack("!HH", 40000, 22)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (header() + b"SSH-2.0-x", (("198.51.100.7", 40000), b"SSH-2.0-x")),
        (header(family=0x21, said=V6), (("2001:db8::7", 40000), b"")),
        (
            header(family=0x21, said=V6 + b"\x04\0\x01x") + b"more",
            (("2001:db8::7", 40000), b"more"),
        ),  # more fields
        (header(command=0x20, family=0, said=b"") + b"x", (None, b"x")),
        (header(command=0x20), (None, b"")),
    ],
    ids=["IPv4", "IPv6", "with more fields", "a look without an address", "a look with one"],
)
def test_what_a_balancer_says_is_read(data: bytes, expected: object) -> None:
    assert read_proxy_header(data) == expected
    whole = len(data) - len(expected[1])  # type: ignore[index, arg-type]
    for length in range(whole):
        assert read_proxy_header(data[:length]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"SSH-2.0-OpenSSH_10.0\r\n",
        b"PROXY TCP4 198.51.100.7 192.0.2.1 40000 22\r\n",  # version 1
        header(command=0x11),
        header(command=0x22),
        header(family=0x12),  # UDP
        header(family=0x31, said=bytes(216)),  # a Unix socket
        header(said=b"short"),
        SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 65_535),
    ],
    ids=[
        "SSH",
        "version 1",
        "another version",
        "another command",
        "UDP",
        "a Unix socket",
        "too short",
        "too long",
    ],
)
def test_anything_else_is_no_introduction(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"signature|command|family"):
        read_proxy_header(data)


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Starts an intake that trusts these balancers."""
    started: list[Running] = []

    def start(*balancers: str, **limits: object) -> Running:
        home = Home(tmp_path / "home")
        made = Running(home, IntakeLimits(free_bytes=0, **limits), ssh=Ssh(balancers=balancers))  # type: ignore[arg-type]
        made.publish()
        made.start()
        started.append(made)
        return made

    yield start
    for one in started:
        one.stop()


def said(port: int, *parts: bytes) -> bytes:
    """What the service says first to somebody who says this, in parts."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as line:
        for part in parts:
            line.sendall(part)
            time.sleep(0.02)
        try:
            return line.recv(100)
        except ConnectionResetError:
            return b""


def test_only_a_balancer_is_heard_and_it_must_speak(intake: Callable[..., Running]) -> None:
    behind = intake("127.0.0.0/8")
    assert said(behind.port, header()).startswith(b"SSH-2.0-gateway")
    assert said(behind.port, header()[:5], header()[5:20], header()[20:]).startswith(b"SSH-2.0-gateway")
    assert said(behind.port, b"SSH-2.0-client\r\n") == b""
    direct = intake("192.0.2.1/32")
    assert said(direct.port, b"SSH-2.0-client\r\n").startswith(b"SSH-2.0-gateway")
    # Whoever is no balancer and speaks like one has said something that is no SSH.
    assert b"SSH-2.0-gateway" in said(direct.port, header())


# Behind HAProxy.

_HAPROXY = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 30s
    timeout server 30s
listen gateway
    bind 127.0.0.1:{front}
    server one 127.0.0.1:{behind} send-proxy-v2 check check-send-proxy inter 50ms
"""


@contextmanager
def haproxy(folder: Path, behind: int) -> Iterator[int]:
    """A balancer in front of a port, which it looks at twenty times a second; the port that it has itself."""
    front, settings = free_port(), folder / "haproxy.cfg"
    settings.write_text(_HAPROXY.format(front=front, behind=behind))
    with ending(subprocess.Popen(["haproxy", "-db", "-f", str(settings)], stderr=subprocess.DEVNULL)):
        until(lambda: _answers(front), "HAProxy")
        yield front


def _answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as line:
            return line.recv(10).startswith(b"SSH-2.0")
    except OSError:
        return False


@contextmanager
def client(port: int, source: str, name: str, key: paramiko.PKey) -> Iterator[paramiko.Transport]:
    """A client at the address `source`."""
    line = socket.create_connection(("127.0.0.1", port), timeout=60, source_address=(source, 0))
    transport = paramiko.Transport(line)
    try:
        transport.connect(username=name, pkey=key)
        yield transport
    finally:
        transport.close()


def guess(port: int, source: str) -> None:
    """Somebody at `source` tries a key that nobody has."""
    with pytest.raises(paramiko.SSHException), client(port, source, "avon", paramiko.ECDSAKey.generate()):
        pass


def check_sees_clients(port: int, files: PenaltyFiles, name: str, key: Path) -> None:
    """Who guesses has to wait; who logs in through the same balancer does not, nor does the balancer."""
    for _ in range(2):
        guess(port, "127.0.0.5")
    until(lambda: files.read_listed().until, "somebody to have to wait")
    assert set(files.read_listed().until) == {"127.0.0.5"}
    with client(port, "127.0.0.6", name, paramiko.Ed25519Key.from_private_key_file(str(key))) as transport:
        assert transport.is_authenticated()
    assert set(files.read_listed().until) == {"127.0.0.5"}


@pytest.mark.needs("haproxy")
def test_penalties_of_intake_see_the_client_behind_haproxy(
    intake: Callable[..., Running], tmp_path: Path
) -> None:
    running = intake("127.0.0.1/32", penalty_login_failed=300.0)
    key = running.provider("avon")
    with haproxy(tmp_path, running.port) as port:
        check_sees_clients(port, of_intake(running.home.spool, running.home.published), "avon", key)


def test_balancers_that_are_named_while_it_runs_are_heard(intake: Callable[..., Running]) -> None:
    behind = intake()
    assert b"SSH-2.0-gateway" in said(behind.port, header())
    behind.ssh = Ssh(balancers=("127.0.0.1/32",))
    behind.publish()
    until(lambda: said(behind.port, b"SSH-2.0-client\r\n") == b"", "the new settings")
    assert said(behind.port, header()).startswith(b"SSH-2.0-gateway")


def test_a_balancer_is_told_where_no_upload_is_taken_or_claimed(
    intake: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = socket.create_server(("127.0.0.1", 0))
    monkeypatch.setattr("gateway.observe.systemd.handed_over", lambda _name: [place])
    running = intake()
    claimed = running.home.published.root / CLAIMED

    def health() -> tuple[int, str]:
        return get(place.getsockname()[1], "/healthz")

    assert health() == (503, "processor-claims-nothing\n")
    claimed.touch()
    assert health() == (200, "ok\n")
    for room, answer in ((2**60, (503, "disk-nearly-full:spool\n")), (0, (200, "ok\n"))):
        running.limits = IntakeLimits(free_bytes=room)
        running.publish()
        assert health() == answer
    long_ago = time.time() - 30
    os.utime(claimed, (long_ago, long_ago))
    assert health() == (503, "processor-claims-nothing\n")


@pytest.mark.needs("haproxy")
def test_penalties_of_the_mailboxes_see_the_client_behind_haproxy(tmp_path: Path) -> None:
    room = Mailroom(tmp_path)
    room.staff("jane", "central-data-team")
    limits, settings = room.home.policies / "limits.toml", room.home.settings
    limits.write_text(limits.read_text().replace("penalty_least = 120\n", ""))  # Two failures are enough.
    settings.write_text(settings.read_text() + '\n[ssh]\nbalancers = ["127.0.0.1/32"]\n')
    with room.open(), haproxy(tmp_path, room.port) as port:
        check_sees_clients(port, of_mailboxes(room.home), "jane", tmp_path / "jane.key")
