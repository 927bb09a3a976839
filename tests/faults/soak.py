"""`make soak`: eight clients, services and clients killed at random, for ten minutes; nothing lost or double.

Memory and open files of the services are taken while nothing is killed, before and after, and must be flat.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import paramiko

from tests.faults.invariant import settled
from tests.faults.services import memory_kib, open_files, until
from tests.faults.test_kills import strike
from tests.faults.yard import Yard, put, yard

CLIENTS = 8
UPLOADS_A_SECOND = 20  # By all of them together, about: ten thousand in ten minutes, and some more.
MOST_AT_ONCE = 12
WARM_FILES = 200
FLAT = 1.10
A_FEW = 4
BACKLOG_SECONDS = 1800


@dataclass
class Tally:
    """What the clients and the killer did."""

    uploads: int = 0
    cut_off: int = 0
    kills: int = 0
    seconds: list[float] = field(default_factory=list)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)  # It tells every connection that a kill cuts.
    # On a real disk, where fsync takes its time.
    with tempfile.TemporaryDirectory(prefix="gateway-soak-", dir="/var/tmp") as folder:
        made = yard(Path(folder), uploads_per_day=1_000_000)
        try:
            return soak(made, arguments.seconds, random.Random(arguments.seed))
        finally:
            made.stop()


def soak(yard: Yard, seconds: float, rng: random.Random) -> int:
    tally = Tally()
    for service in yard.services:
        service.start()
    quiet_work(yard)
    before = measured(yard)
    stormy_work(yard, tally, seconds, rng)
    print(f"{tally.uploads} uploads told, {tally.cut_off} cut off, {tally.kills} kills in {seconds:.0f} s")
    left, began = yard.undecided(), time.monotonic()
    until(lambda: not yard.undecided(), "what the storm left to be decided", BACKLOG_SECONDS)
    print(f"{left} were decided after that, in {time.monotonic() - began:.0f} s", flush=True)
    # Whoever was killed has begun anew: what is compared is the same work done by processes as old, before
    # the storm, after it, and once more.
    for service in yard.services:
        service.stop()
        service.start()
    quiet_work(yard)
    first = measured(yard)
    for _ in range(3):
        quiet_work(yard)
    last = measured(yard)
    outcome = settled(yard)
    print(f"{outcome}")
    for name in before:
        print(f"{name}: KiB, files: fresh {before[name]}, after the storm {first[name]}, then {last[name]}")
    return 0 if flat(before, last) and flat(first, last) else 1


def quiet_work(yard: Yard) -> None:
    names = yard.send_fresh(WARM_FILES)
    yard.await_decided(*names, seconds=300)


def measured(yard: Yard) -> dict[str, tuple[int, int]]:
    """Resident KiB and open files by service."""
    return {
        service.name: (memory_kib(service.running.pid), open_files(service.running.pid))
        for service in yard.services
    }


def flat(first: dict[str, tuple[int, int]], last: dict[str, tuple[int, int]]) -> bool:
    return all(
        last[name][0] <= first[name][0] * FLAT and last[name][1] <= first[name][1] + A_FEW for name in first
    )


def stormy_work(yard: Yard, tally: Tally, seconds: float, rng: random.Random) -> None:
    stop = threading.Event()
    clients = [
        threading.Thread(target=client, args=(yard, stop, tally, random.Random(rng.random())))
        for _ in range(CLIENTS)
    ]
    for one in clients:
        one.start()
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(rng.uniform(0.5, 4))
        strike(rng, yard)
        tally.kills += 1
    stop.set()
    for service in yard.services:
        if service.running.poll() is not None:
            service.start()
    for one in clients:
        one.join(120)


def client(yard: Yard, stop: threading.Event, tally: Tally, rng: random.Random) -> None:
    """Sends each file until it is told that it landed; now and then it is gone in the middle of one."""
    while not stop.is_set():
        name, data = yard.fresh()
        while not stop.is_set() and not send(yard, name, data, tally, rng):
            time.sleep(0.2)
        stop.wait(rng.uniform(0, CLIENTS * MOST_AT_ONCE / UPLOADS_A_SECOND))


def send(yard: Yard, name: str, data: bytes, tally: Tally, rng: random.Random) -> bool:
    try:
        with yard.session() as session:
            if rng.random() < 0.1:
                cut_off(session, name, data)
                tally.cut_off += 1
                return False
            # Several in one session, as a client that has a folder full does.
            put(session, f"/in/{name}", data)
            yard.told.add(name)
            tally.uploads += 1
            for _ in range(rng.randrange(MOST_AT_ONCE)):
                further, more = yard.fresh()
                put(session, f"/in/{further}", more)
                yard.told.add(further)
                tally.uploads += 1
    except (OSError, EOFError, paramiko.SSHException):
        return name in yard.told
    return True


def cut_off(session: paramiko.SFTPClient, name: str, data: bytes) -> None:
    """Half a file, and the connection is gone."""
    file = session.open(f"/in/{name}", "wb")
    file.write(data[: len(data) // 2])
    file.flush()
    file._closed = True
    channel = session.get_channel()
    assert channel is not None
    channel.get_transport().sock.close()


if __name__ == "__main__":
    sys.exit(main())
