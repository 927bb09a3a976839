"""What one provider's worst costs another: from close to receipt, quiet and during each attack.

    python -m tests.attacks.neighbours [ATTACK]... [--files NUMBER]

prints a table. The services are `gateway run` as it is shipped, in processes of their own. Attackers are
clients of the provider bath, at the lowest priority, so that what is measured is what they cost the services,
not what they take from the other client on the same machine. "One file" is the time of one of the attack's.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import paramiko

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.homes.demo.parties import Running
from gateway.registry import transfers
from gateway.registry.database import Registry
from tests.content import core_data
from tests.hostile.attacks import ATTACKS
from tests.site import Party, Site
from tests.waiting import until

REPOSITORY = Path(__file__).parents[2]
PATIENCE = 240
_PAUSE = 0.004
_SESSIONS = 4
_GONE = (OSError, EOFError, paramiko.SSHException)
_LONGEST = "3600"


@cache
def a_bomb() -> bytes:
    """An archive of 1 GB of nothing."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("x.csv", "w") as member:
        for _ in range(1_000):
            member.write(bytes(1_000_000))
    return packed.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "a heap of small files": lambda: core_data(9, pupils=10),
    "files of 3,000 pupils": lambda: core_data(9, pupils=3_000),
    "archives that swell to 1 GB": a_bomb,
    "noise that no key opens": lambda: b"",
}
"""Attacks with files, one after another on four sessions, by what is sealed in each."""


@dataclass
class Street:
    """A gateway, and the two who use it."""

    site: Site
    services: Running
    oak: Party
    bath: Party
    registry: Registry
    _number: int = field(default=0)

    @classmethod
    @contextmanager
    def opened(cls, root: Path) -> Iterator[Street]:
        """Both enrolled, and the services running."""
        site = Site(root)
        oak, bath = site.provider("oak"), site.provider("bath")
        registry = Registry(load_settings(Home(site.home)).database_url(Home(site.home)))
        try:
            with site.running() as services:
                street = cls(site, services, oak, bath, registry)
                street.waits(5)
                yield street
        finally:
            registry.close()

    def waits(self, number: int) -> list[float]:
        """Seconds from close to receipt of so many of oak's files, one after another."""
        found = []
        with self.oak.sftp(self.services.intake) as session:
            for _ in range(number):
                self._number += 1
                sealed = self.oak.seal(core_data(self._number), self.site.certificate)
                found.append(self._wait(session, self.oak, f"file {self._number}.xml.pgp", sealed))
        return found

    def one_file(self, attack: str) -> float:
        """Seconds from close to receipt of one of the attack's files, with nobody else there."""
        if attack not in FILES:
            return 0.0
        with self.bath.sftp(self.services.intake) as session:
            return self._wait(session, self.bath, f"one {time.time_ns()}.pgp", self.sealed(attack))

    def sealed(self, attack: str) -> bytes:
        """A file of the attack's."""
        content = FILES[attack]()
        if not content:
            return b"\xc1\x5e\x03" + bytes(8) + os.urandom(20_000)
        return self.bath.seal(content, self.site.certificate)

    def _wait(self, session: paramiko.SFTPClient, party: Party, name: str, data: bytes) -> float:
        with session.open(f"/in/{name}", "wb") as file:
            file.set_pipelined(True)
            file.write(data)
        closed = time.perf_counter()
        receipts = self.site.home / "published/providers" / party.name / "receipts"
        while not any(receipts.glob(f"{name}.*.txt")):
            assert time.perf_counter() - closed < PATIENCE, "no receipt"
            time.sleep(_PAUSE)
        return time.perf_counter() - closed

    @contextmanager
    def attacked(self, attack: str) -> Iterator[None]:
        """While the attack goes on, from when it is felt; afterwards, until nothing of it is left."""
        where, key = str(self.services.intake[1]), str(self.bath.ssh_key)
        if attack in FILES:
            kept = self.site.home.parent / "attack"
            kept.write_bytes(self.sealed(attack))
            command = ["tests.attacks.neighbours", "--attacker", where, key, str(kept)]
        else:
            command = ["tests.hostile.attacks", attack, where, key, _LONGEST, "tries", "0"]
        attacker = subprocess.Popen(
            [sys.executable, "-m", *command], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY
        )
        try:
            assert attacker.stdout is not None
            assert attacker.stdout.readline() == "begun\n"
            yield
            assert attacker.poll() is None, "the attack ended early"
        finally:
            attacker.kill()
            attacker.wait()
            until(self._is_quiet, "the end of the attack", PATIENCE)

    def _is_quiet(self) -> bool:
        if any((self.site.home / "spool/landed").glob("*.landed")):
            return False
        with self.registry.read() as session:
            return not transfers.landed(session)


def send_on_and_on(port: int, key: str, content: bytes) -> None:
    """The attacker's own process: the same file under ever new names, on some sessions at once."""
    os.nice(19)

    def one(number: int) -> None:
        while True:
            with suppress(*_GONE), paramiko.SSHClient() as client:
                client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
                client.connect(
                    "127.0.0.1", port, "bath", key_filename=key, allow_agent=False, look_for_keys=False
                )
                session = client.open_sftp()
                for name in range(10**9):
                    with session.open(f"/in/{number} {name} {time.time_ns()}.pgp", "wb") as file:
                        file.set_pipelined(True)
                        file.write(content)
                    if name == 0 and number == 0:
                        print("begun", flush=True)
            time.sleep(0.1)

    threads = [threading.Thread(target=one, args=(number,)) for number in range(_SESSIONS)]
    for thread in threads:
        thread.start()


def p99(waits: list[float]) -> float:
    """Of a hundred or fewer, nearly the worst."""
    return statistics.quantiles(waits, n=100, method="inclusive")[98]


@dataclass(frozen=True)
class Cost:
    """What one attack cost oak, in seconds."""

    attack: str
    quiet: list[float]
    during: list[float]
    one_file: float

    @property
    def is_bounded(self) -> bool:
        """Within three times the quiet value, and the time of one file."""
        return p99(self.during) <= 3 * p99(self.quiet) + max(self.one_file, statistics.median(self.quiet))

    def row(self) -> str:
        """A row of the table, in milliseconds."""
        parts = (statistics.median(self.quiet), p99(self.quiet), statistics.median(self.during),
                 p99(self.during), self.one_file)  # fmt: skip
        shown = " | ".join(f"{part * 1e3:,.0f}" for part in parts)
        return f"| {self.attack.replace('_', ' ')} | {shown} | {'yes' if self.is_bounded else 'NO'} |"


def cost(street: Street, attack: str, number: int) -> Cost:
    """Measure one attack: quiet before it, then during it."""
    one_file = street.one_file(attack)
    quiet = street.waits(number)
    with street.attacked(attack):
        during = street.waits(number)
    return Cost(attack, quiet, during, one_file)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.attacks.neighbours")
    parser.add_argument(
        "attacks", nargs="*", metavar="ATTACK", help=f"{', '.join([*FILES, *ATTACKS])}; or all"
    )
    parser.add_argument("--files", type=int, default=100, help="how many files oak sends each time")
    options = parser.parse_args()
    print("| attack by bath | quiet p50 | quiet p99 | p50 during | p99 during | one file | bounded |")
    print("|---|---|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as root, Street.opened(Path(root)) as street:
        for attack in options.attacks or [*FILES, *ATTACKS]:
            print(cost(street, attack, options.files).row(), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--attacker"]:
        send_on_and_on(int(sys.argv[2]), sys.argv[3], Path(sys.argv[4]).read_bytes())
    else:
        main()
