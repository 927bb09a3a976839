"""A client whose network goes away in the middle of an upload: its place is freed, its upload is kept."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import IPv4Address
from pathlib import Path

import pytest

from gateway.home import Home
from tests.intake.running import SEALED, Running, run
from tests.waiting import eventually

# A network of their own for client and service, joined by two ends of one cable. It is of those for tests of
# devices (RFC 2544), and another one in each process, for several may run this at once.
NETWORK = IPv4Address("198.18.0.0") + 4 * (os.getpid() % 2**15)
SERVER, CLIENT = str(NETWORK + 1), str(NETWORK + 2)

UPLOAD = """
import sys, time
import paramiko
transport = paramiko.Transport((sys.argv[1], int(sys.argv[2])))
transport.connect(username="avon", pkey=paramiko.Ed25519Key(filename=sys.argv[3]))
client = paramiko.SFTPClient.from_transport(transport)
file = client.open("/in/x", "wb")
file.write(bytes.fromhex(sys.argv[4]) * 1000)
file.flush()
client.stat("/in")
print("half way", flush=True)
time.sleep(600)
"""


@pytest.fixture
def cable() -> Iterator[str]:
    """The name of a network namespace that reaches this one."""
    name = f"gw{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "link", "add", f"{name}a", "type", "veth", "peer", "name", f"{name}b", "netns", name)
        run("ip", "addr", "add", f"{SERVER}/30", "dev", f"{name}a")
        run("ip", "link", "set", f"{name}a", "up")
        run("ip", "-n", name, "addr", "add", f"{CLIENT}/30", "dev", f"{name}b")
        run("ip", "-n", name, "link", "set", f"{name}b", "up")
        yield name
    finally:
        run("ip", "netns", "delete", name, check=False)
        run("ip", "link", "delete", f"{name}a", check=False)


@pytest.mark.root
@pytest.mark.needs("ip")
def test_a_connection_that_went_silent_is_closed_and_its_upload_kept(tmp_path: Path, cable: str) -> None:
    running = Running(Home(tmp_path / "home"))
    running.limits = running.limits.model_copy(update={"keepalive_seconds": 1.0, "connections": 2})
    running.host = SERVER
    running.publish()
    key = running.provider("avon")
    running.start()
    client = subprocess.Popen(
        ["ip", "netns", "exec", cable, sys.executable, "-c", UPLOAD,
         SERVER, str(running.port), str(key), SEALED.hex()],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert client.stdout is not None
        assert client.stdout.readline() == "half way\n"
        run("ip", "-n", cable, "link", "set", f"{cable}b", "down")
        eventually(lambda: bool(running.partial()) and running.partial()[0].stat().st_size > 0)
        assert running.landed() == []
        assert running.partial()[0].stat().st_size == 1000 * len(SEALED)
    finally:
        client.kill()
        with client:
            client.wait()
        running.stop()
