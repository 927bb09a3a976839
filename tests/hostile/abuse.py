"""A good client beside an attack: what it waits for, and what the attack costs the service."""

from __future__ import annotations

import contextlib
import json
import resource
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.hostile.attacks import PATIENCE
from tests.intake.running import Running, in_own_process, sealed

REPOSITORY = Path(__file__).parents[2]
_PAGE = resource.getpagesize()


@dataclass
class Service:
    """An intake in a process of its own."""

    running: Running
    process: subprocess.Popen
    key: Path
    log: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Take down what it logs."""
        assert self.process.stderr is not None
        self.log.extend(self.process.stderr)

    def resident(self) -> int:
        """Its memory, in bytes."""
        return int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]) * _PAGE

    def open_files(self) -> int:
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))

    def uploads(self, number: int) -> list[float]:
        """Seconds that each of `number` small uploads takes on a session of the good client's."""
        content = sealed(8_000)
        waits = []
        with self.running.paramiko("avon") as client:
            for place in range(number):
                begin = time.perf_counter()
                with client.open(f"/in/{place}", "wb") as file:
                    file.set_pipelined(True)
                    file.write(content)
                waits.append(time.perf_counter() - begin)
        return waits

    def logins(self, number: int) -> list[float]:
        """Seconds that each of `number` logins of the good client takes."""
        waits = []
        for _ in range(number):
            begin = time.perf_counter()
            with self.running.paramiko("avon") as client:
                client.stat("/in")
            waits.append(time.perf_counter() - begin)
        return waits

    @contextlib.contextmanager
    def attacked(self, name: str, seconds: float, aim: tuple[str, int]) -> Iterator[Counter[str]]:
        """While the attack goes on, at least until it saw its aim; what it saw is in the value afterwards.

        It goes on for as long as the caller has something to do meanwhile, but `seconds` at most.
        """
        seen: Counter[str] = Counter()
        where = [str(self.running.port), str(self.key), str(seconds)]
        attacker = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.attacks", name, *where, aim[0], str(aim[1])],
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
        )
        try:
            assert attacker.stdout is not None
            assert attacker.stdout.readline() == "begun\n"
            time.sleep(0.7)
            yield seen
            attacker.terminate()
            out, _ = attacker.communicate(timeout=seconds + PATIENCE + 30)
            seen.update(json.loads(out))
        finally:
            if attacker.poll() is None:
                attacker.kill()
            attacker.wait()


def p99(waits: list[float]) -> float:
    return statistics.quantiles(waits, n=100, method="inclusive")[98]


@contextlib.contextmanager
def service(running: Running) -> Iterator[Service]:
    key = running.provider("bath")
    with in_own_process(running.home) as (process, running.port):
        made = Service(running, process, key)
        threading.Thread(target=made.listen, daemon=True).start()
        made.uploads(30)
        yield made


def names_of_one_file(receipts: Path, number: int) -> None:
    """So many receipts, to be listed: names of one file, as each file of its own would cost a millisecond."""
    names = [receipts / f"core {one}.xml.261124-bath-{one:05}.accepted.txt" for one in range(number)]
    names[0].touch()
    for name in names[1:]:
        name.hardlink_to(names[0])
