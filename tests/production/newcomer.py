"""Who is on the far side in the clean root: a school, a member of staff, and a stranger, told by lines.

`put NAME SEED`, `collect SEED`, `knock ADDRESS`; each is answered by `done` or by what went wrong.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from pathlib import Path

import asyncssh
import paramiko

from gateway.demo.parties import Party
from tests.end_to_end.content import core_data

INTAKE, MAILBOXES = ("127.0.0.1", 2222), ("127.0.0.1", 2223)
FAILURES = 8
TEAM = "/central-data-team"


def put(oak: Party, name: str, seed: str) -> None:
    certificate = oak.get(INTAKE, "/keys/gateway.asc").decode()
    oak.put(INTAKE, name, oak.seal(core_data(int(seed)), certificate))


def collect(jane: Party, seed: str) -> None:
    with jane.sftp(MAILBOXES) as session:
        latest = session.listdir(TEAM)[0]
    assert jane.get(MAILBOXES, f"{TEAM}/{latest}") == core_data(int(seed)), latest


def knock(address: str) -> None:
    """Fail to log in from an address until it has to wait."""
    secret = Path("/tmp/stranger")
    asyncssh.generate_private_key("ssh-ed25519").write_private_key(secret)
    key = paramiko.Ed25519Key(filename=str(secret))
    for _ in range(FAILURES):
        with (
            contextlib.suppress(paramiko.SSHException, EOFError, OSError),
            socket.create_connection(INTAKE, source_address=(address, 0)) as connection,
            paramiko.Transport(connection) as transport,
        ):
            transport.connect(username="oak", pkey=key)
    time.sleep(5)  # Until intake has put it on its list.


def main() -> None:
    oak, jane = (Party(name, Path("/tmp") / name) for name in ("oak", "jane"))
    print("ready", flush=True)
    for line in sys.stdin:
        verb, *words = line.split()
        try:
            if verb == "put":
                put(oak, *words)
            elif verb == "collect":
                collect(jane, *words)
            else:
                knock(*words)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test is to show it
            print(f"{type(error).__name__}: {error}", flush=True)
        else:
            print("done", flush=True)


if __name__ == "__main__":
    main()
