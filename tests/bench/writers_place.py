"""How long each file keeps other writers of the registry waiting, and how long those of its log.

    python -m tests.bench.writers_place [--files N] [--batches 1 8 64] [--profile FILE]

Lands and decides files of 45 pupils of four schools, in transactions of so many, in SQLite and in PostgreSQL
(fsync on). Prints, for each file, milliseconds: of wall time from where a transaction may write to where it
is durable, of wall time in which nobody else could append to the log, of that in which nobody else could
compare rolls, of this process's own time; and statements.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event
from sqlmodel import select

from gateway.classify import classify, load_rules
from gateway.examiner.persons import RollCollector, digested, packed
from gateway.examiner.protocol import FileOpened
from gateway.home import Home
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, Opened, Signature, Upload
from gateway.passage import Examination, conclude
from gateway.processor.service import open_registrar
from gateway.record.registrar import Registrar
from gateway.record.rulings import land
from gateway.registry import keys, locks
from gateway.registry.tables import TransferRow
from gateway.samples import make, school
from tests.registry.cluster import Cluster
from tests.site import Site

# Who has one of these keeps all others from the log.
_ALONE = {locks._WRITERS, locks.WriterLock.LOG.value}
_POLICIES = Path(__file__).parents[2] / "policies"


class Durable(Cluster):
    """A server that waits for its disk, as in production."""

    def start(self) -> None:
        log, options = f"{self.folder}/log", f"-c listen_addresses='' -k {self.folder}"
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", log, "-o", options, "start")

    def processor_seconds(self) -> float:
        """How much processor time all its processes have taken, also those that have ended."""
        server = int((self._data / "postmaster.pid").read_text("ascii").split()[0])
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                number, _, rest = path.read_text("ascii", "replace").partition(" ")
                fields = rest.rpartition(")")[2].split()
                if server in {int(number), int(fields[1])}:
                    ticks += sum(map(int, fields[11:15]))
        return ticks / os.sysconf("SC_CLK_TCK")


@dataclass(slots=True)
class Places:
    """What the transactions that write have cost since `clear`: seconds, and statements.

    `log` and `in_log` are of the time in which nobody else could append to the log, `receipts` of that in
    which nobody else could put receipts down, `rolls` and `in_rolls` of that in which nobody else could
    compare rolls.
    """

    registrar: Registrar
    place: float = 0.0
    log: float = 0.0
    receipts: float = 0.0
    rolls: float = 0.0
    statements: int = 0
    in_log: int = 0
    in_rolls: int = 0
    _began: float = 0.0
    _locked: float = 0.0
    _receipting: float = 0.0
    _comparing: float = 0.0

    def watch(self) -> None:
        """Count from now on what this registrar's transactions do."""
        engine = self.registrar.registry._engine
        commit = engine.dialect.do_commit
        event.listen(engine, "after_cursor_execute", self._executed)

        def committed(connection: Any) -> None:
            commit(connection)
            if self._began:
                done = time.perf_counter()
                self.place += done - self._began
                self.log += done - self._locked if self._locked else 0.0
                self.receipts += done - self._receipting if self._receipting else 0.0
                self.rolls += done - self._comparing if self._comparing else 0.0
                self._began = self._locked = self._receipting = self._comparing = 0.0

        engine.dialect.do_commit = committed  # type: ignore[method-assign]

    def _executed(
        self, connection: Connection, _cursor: object, statement: str, given: object, *_: object
    ) -> None:
        if not connection.get_execution_options().get("gateway_write"):
            return
        self.statements += 1
        self.in_log += bool(self._locked)
        self.in_rolls += bool(self._comparing)
        takes_lock = "pg_advisory_xact_lock" in statement
        if not (takes_lock or statement.startswith("BEGIN")):
            return
        at = time.perf_counter()
        self._began = self._began or at
        lock = next(iter(given.values())) if isinstance(given, dict) and "_shared" not in statement else None
        if lock in _ALONE or not takes_lock:
            self._locked = at
        elif lock == locks.WriterLock.RECEIPTS.value:
            self._receipting = at
        elif lock == locks.WriterLock.ROLLS.value:
            self._comparing = at

    def clear(self) -> None:
        """Count anew."""
        self.place = self.log = self.receipts = self.rolls = 0.0
        self.statements = self.in_log = self.in_rolls = 0


@dataclass(frozen=True, slots=True)
class Sample:
    """What a common transfer file of 45 pupils is found to be; from which school it is."""

    provider: str
    number: str
    found: Classified
    roll: bytes
    persons: bytes

    @classmethod
    def of(cls, folder: Path, number: int) -> Sample:
        """The file of one school."""
        path, rng = folder / f"core{number}.xml", random.Random(number)
        sender, taker = school(rng, number), RollCollector()
        path.write_bytes(make("student-core", "ctf-full", rng=rng, school=sender, pupils=45))
        with path.open("rb") as file:
            found = classify(
                file, path.name, ClassifyLimits(), load_rules(_POLICIES), today=now().date(), on_pupils=taker
            )
        assert isinstance(found, Classified)
        entries = list(digested(taker.pupils(), b"key"))
        return cls(
            f"school{number}",
            sender.la + sender.establishment,
            found,
            packed(entries),
            b"".join(entry.pupil for entry in entries),
        )


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


class Bench:
    """A gateway with a few schools, and files of theirs as they are once examined."""

    def __init__(self, folder: Path, url: str | None, schools: int = 4) -> None:
        """Make it, in SQLite where no URL is given."""
        self.site, self.samples = (
            Site(folder / "site"),
            [Sample.of(folder, number) for number in range(1, schools + 1)],
        )
        for sample in self.samples:
            self.site.provider(sample.provider, dfe_number=sample.number)
        if url is not None:
            self.site.gateway("move", "--database-url", url)
        self._numbers, self._turns = count(1), cycle(self.samples)
        self._keys: dict[tuple[str, str], str] = {}

    def open(self, registrar: Registrar) -> None:
        """Learn with which keys the schools sign and log in."""
        with registrar.registry.read() as session:
            for sample in self.samples:
                for key in keys.list_keys(session, "provider", sample.provider):
                    self._keys[sample.provider, key.kind] = key.fingerprint

    def files(self, many: int) -> tuple[list[Upload], list[Examination]]:
        """Fresh files, and what was found in them."""
        pairs = [self._file(sample) for sample in islice(self._turns, many)]
        return [one for one, _ in pairs], [other for _, other in pairs]

    def _file(self, sample: Sample) -> tuple[Upload, Examination]:
        number = next(self._numbers)
        upload = Upload(
            reference=f"261124-{sample.provider}-{number:05}",
            provider=sample.provider,
            name=f"core {number}.xml.pgp",
            folder="in",
            size=5000 + number,
            sha256=f"{number:064x}",
            started_at=now(),
            landed_at=now(),
            ssh_key=self._keys[sample.provider, "ssh"],
        )
        certificate = self._keys[sample.provider, "openpgp"]
        signature = Signature(
            certificate=certificate, signing_key=certificate, created_at=now() - timedelta(seconds=number)
        )
        opened = Opened(content=-1, size=4000, sha256=upload.sha256, signature=signature, engine="embedded")
        file = FileOpened(
            reference=upload.reference,
            opened=opened,
            content=sample.found,
            roll=sample.roll,
            persons=sample.persons,
        )
        return upload, Examination(file, beside_others=True)


def rows(
    bench: Bench, batches: Sequence[int], files: int, spent: cProfile.Profile | None
) -> Iterator[tuple[str, int, float, float, float, float, float]]:
    """Step, batch; milliseconds a file of place, log, rolls and own time; statements a file."""
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        places = Places(registrar)
        places.watch()
        _worked(registrar, bench, 8)
        for batch in batches:
            costs: dict[str, list[float]] = {"land": [0.0] * 5, "decide": [0.0] * 5}
            done = 0
            while done < files:
                for step, work in _worked_in_steps(registrar, bench, batch):
                    places.clear()
                    before = time.process_time()
                    if spent is not None and step == "decide":
                        spent.runcall(work)
                    else:
                        work()
                    own = time.process_time() - before
                    seconds = (places.place, places.log, places.rolls, own)
                    found = (*(one * 1000 for one in seconds), places.statements)
                    costs[step] = [a + b for a, b in zip(costs[step], found, strict=True)]
                done += batch
            for step, (place, log, rolls, own, statements) in costs.items():
                yield step, batch, place / done, log / done, rolls / done, own / done, statements / done
        with registrar.registry.read() as session:
            states = session.exec(select(TransferRow.state).distinct()).all()
        assert states == ["accepted"], states


def _worked_in_steps(
    registrar: Registrar, bench: Bench, batch: int
) -> Iterator[tuple[str, Callable[[], object]]]:
    uploads, examinations = bench.files(batch)
    yield "land", lambda: (land(registrar, uploads), registrar.publish())
    yield "decide", lambda: conclude(registrar, examinations)


def _worked(registrar: Registrar, bench: Bench, batch: int) -> None:
    for _, work in _worked_in_steps(registrar, bench, batch):
        work()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=192)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--databases", nargs="+", default=["SQLite", "PostgreSQL"])
    parser.add_argument("--profile", type=Path, help="where the profile of deciding goes")
    asked = parser.parse_args()
    spent = None if asked.profile is None else cProfile.Profile()
    print("database    step    batch  place ms  log ms  rolls ms  own ms  statements")
    for database in asked.databases:
        cluster = Durable() if database == "PostgreSQL" else None
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), None if cluster is None else cluster.database("places"))
            try:
                for step, batch, *costs in rows(bench, asked.batches, asked.files, spent):
                    shown = "  ".join(f"{cost:7.2f}" for cost in costs)
                    print(f"{database:<10}  {step:<6}  {batch:>5}  {shown}", flush=True)
            finally:
                if cluster is not None:
                    cluster.remove()
    if spent is not None:
        spent.dump_stats(asked.profile)


if __name__ == "__main__":
    main()
