"""Who is on the far side in the clean root: a school, a member of staff, and a stranger, told by lines.

`put NAME SEED [PUPILS]`, `scribble NAME WORD`, `receipt NAME`, `collect SEED`, `reach ADDRESS`,
`come SECONDS`, `knock ADDRESS PORT`, `console ORIGIN CERTIFICATE CODE`; each is answered by `done` or by
what went wrong.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from functools import partial
from pathlib import Path

import asyncssh
import paramiko

from gateway.homes.demo.parties import Party
from gateway.samples import MARKER
from tests.console.by_https import visitor_by_https
from tests.content import core_data
from tests.waiting import until

INTAKE, MAILBOXES = ("127.0.0.1", 2222), ("127.0.0.1", 2223)
FAILURES = 8
TEAM = "/central-data-team"


def put(oak: Party, name: str, seed: str, pupils: str = "10") -> None:
    certificate = oak.get(INTAKE, "/keys/gateway.asc").decode()
    oak.put(INTAKE, name, oak.seal(core_data(int(seed), int(pupils)), certificate))


def scribble(oak: Party, name: str, word: str) -> None:
    """Send what nobody can recognise, and so is held."""
    certificate = oak.get(INTAKE, "/keys/gateway.asc").decode()
    oak.put(INTAKE, name, oak.seal(f"Dear all, about {MARKER}: {word}.\n".encode(), certificate))


def receipt(oak: Party, name: str) -> None:
    """Wait for the receipt of a file that was accepted: it comes out behind the decision."""
    until(lambda: '"accepted"' in _receipt(oak, name), "the receipt")


def _receipt(oak: Party, name: str) -> str:
    with oak.sftp(INTAKE) as session:
        found = [one for one in session.listdir("/receipts") if one.startswith(name) and ".json" in one]
    return oak.get(INTAKE, f"/receipts/{found[0]}").decode().replace("\\", "") if found else ""


def collect(jane: Party, seed: str) -> None:
    with jane.sftp(MAILBOXES) as session:
        latest = session.listdir(TEAM)[0]
    assert jane.get(MAILBOXES, f"{TEAM}/{latest}") == core_data(int(seed)), latest


def reach(address: str) -> None:
    """Be greeted by the mailboxes, coming from an address."""
    with socket.create_connection(MAILBOXES, timeout=10, source_address=(address, 0)) as connection:
        assert connection.recv(100).startswith(b"SSH-2.0-gateway")


def come(oak: Party, seconds: str) -> None:
    """Log in again and again for so long."""
    end = time.monotonic() + float(seconds)
    while time.monotonic() < end:
        # One that is open may be cut off; none may be refused.
        cut_off = (EOFError, paramiko.SSHException, ConnectionResetError)
        with contextlib.suppress(*cut_off), oak.sftp(INTAKE) as session:
            session.listdir("/keys")


def knock(address: str, port: str) -> None:
    """Fail to log in from an address until it has to wait."""
    secret = Path("/tmp/stranger")
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(secret)
    key = paramiko.Ed25519Key(filename=str(secret))
    for _ in range(FAILURES):
        with (
            contextlib.suppress(paramiko.SSHException, EOFError, OSError),
            socket.create_connection(("127.0.0.1", int(port)), source_address=(address, 0)) as connection,
            paramiko.Transport(connection) as transport,
        ):
            transport.connect(username="oak", pkey=key)
    time.sleep(5)  # Until the service has put it on its list.


def console(origin: str, certificate: str, code: str) -> None:
    """Take an invitation by HTTPS, make a passkey, and look at a mailbox."""
    visitor = visitor_by_https(origin, Path(certificate))
    answer = visitor.client.get("/login")
    assert answer.headers["strict-transport-security"].startswith("max-age="), answer.headers
    assert answer.headers["set-cookie"].startswith("__Host-attempt="), answer.headers
    visitor.enter(code)
    assert visitor.get(f"/mailboxes{TEAM}") == 200, visitor.text
    assert "Log out" in visitor.text, visitor.text
    visitor.client.close()


def main() -> None:
    oak, jane = (Party(name, Path("/tmp") / name) for name in ("oak", "jane"))
    print("ready", flush=True)
    can = {
        "put": partial(put, oak),
        "scribble": partial(scribble, oak),
        "receipt": partial(receipt, oak),
        "collect": partial(collect, jane),
        "reach": reach,
        "come": partial(come, oak),
        "knock": knock,
        "console": console,
    }
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            can[verb](*words)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to show it
            print(f"{type(error).__name__}: {error}", flush=True)
        else:
            print("done", flush=True)


if __name__ == "__main__":
    main()
