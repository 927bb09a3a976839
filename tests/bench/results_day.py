"""Results day: what 1,500 held files that are decided again at once cost the schools that send meanwhile.

    python -m tests.bench.results_day [--hosts 1|3] [--held 1500] [--schools 50] [--a-second 4] [--rounds 3]

Prints seconds from a closed upload to its receipt at that door, quiet and while the held files are released;
then holds as many again, kills every process in the middle of their release, starts them, and counts what
each file was decided. The services are as shipped: on SQLite for one host; for three, which needs root, those
of `make cluster`: PostgreSQL with a standby, SeaweedFS, a network namespace each.
"""

from __future__ import annotations

import argparse
import itertools
import os
import random
import re
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import select

from gateway.classify import classify, load_rules
from gateway.examiner.protocol import FileOpened
from gateway.home import Home
from gateway.home.settings import ClassifyLimits, load_settings
from gateway.model import Classified, Opened, Signature, Upload
from gateway.passage import Examination, conclude
from gateway.processor.service import open_registrar
from gateway.record.rulings import land
from gateway.registry import keys
from gateway.registry.database import Registry
from gateway.registry.tables import EventRow, TransferRow
from tests.commands import invoke
from tests.content import core_data, gcse_results
from tests.faults.region import Region
from tests.faults.services import Service
from tests.site import Party, Site
from tests.waiting import until

EVE = datetime(2026, 8, 19, 9, tzinfo=UTC)
"""The day before results day, as the shipped calendar has it."""
_POLICIES = Path(__file__).parents[2] / "policies"
_PATIENCE = 300
Door = tuple[tuple[str, int], Path]
"""Where uploads go, and the home behind it."""


def hold(home: Path, schools: Sequence[Party], many: int, first: int) -> None:
    """Put so many files of results on record, held since the eve; their receipts are still to be shown."""
    path = home / "results.csv"
    path.write_bytes(gcse_results())
    with path.open("rb") as file:
        found = classify(file, path.name, ClassifyLimits(), load_rules(_POLICIES), today=EVE.date())
    assert isinstance(found, Classified)
    with open_registrar(Home(home), lambda: EVE) as registrar:
        with registrar.registry.read() as session:
            known: dict[tuple[str, str], str] = {
                (one.name, key.kind): key.fingerprint
                for one in schools
                for key in keys.list_keys(session, "provider", one.name)
            }
        quiet = replace(registrar, brings_out=False)
        turns = itertools.cycle(schools)
        for start in range(first, first + many, 64):
            numbers = range(start, min(start + 64, first + many))
            pairs = [_file(number, next(turns).name, known, found) for number in numbers]
            land(quiet, [one for one, _ in pairs])
            conclude(quiet, [other for _, other in pairs])


def show(homes: Iterable[Path]) -> None:
    """Bring the receipts out at each home, as on the eve."""
    for home in homes:
        with open_registrar(Home(home), lambda: EVE) as registrar:
            registrar.publish()


def _file(
    number: int, school: str, known: dict[tuple[str, str], str], found: Classified
) -> tuple[Upload, Examination]:
    digest = f"{number:064x}"
    upload = Upload(
        reference=f"260819-{school}-{number:05}", provider=school, name=f"results {number}.csv.pgp",
        folder="in", size=5000, sha256=digest, started_at=EVE, landed_at=EVE,
        ssh_key=known[school, "ssh"],
    )  # fmt: skip
    signer = known[school, "openpgp"]
    signature = Signature(certificate=signer, signing_key=signer, created_at=EVE - timedelta(seconds=number))
    opened = Opened(content=-1, size=4000, sha256=digest, signature=signature, engine="embedded")
    return upload, Examination(FileOpened(reference=upload.reference, opened=opened, content=found))


class Senders:
    """The schools, each at its door. `waits`: when each upload was closed, and its seconds to the receipt."""

    def __init__(self, certificate: str, a_second: float) -> None:
        self.certificate, self.a_second = certificate, a_second
        self.waits: list[tuple[float, float]] = []
        self._numbers = itertools.count(1)
        self._connecting = threading.Lock()

    @contextmanager
    def at_work(
        self, schools: Sequence[Party], doors: Sequence[Door], begin: Callable[[], None]
    ) -> Iterator[None]:
        """They send meanwhile, each at random moments. Once all are logged in, `begin` is called."""
        begun, over, self.waits = threading.Barrier(len(schools) + 1), threading.Event(), []
        threads = [
            threading.Thread(target=self._send, args=(one, door, len(schools), begun, over))
            for one, door in zip(schools, itertools.cycle(doors), strict=False)
        ]
        for thread in threads:
            thread.start()
        try:
            until(lambda: begun.n_waiting == len(schools), "the schools to log in", seconds=_PATIENCE)
            begin()
            begun.wait()
            yield
        finally:
            over.set()
            begun.abort()
            for thread in threads:
                thread.join()

    def _send(
        self, school: Party, door: Door, schools: int, begun: threading.Barrier, over: threading.Event
    ) -> None:
        place, home = door
        receipts, chance = home / "published/providers" / school.name / "receipts", random.Random(school.name)
        with ExitStack() as stays:
            with self._connecting:  # One by one: intake lets few wait to log in from one address.
                session = stays.enter_context(school.sftp(place))
            begun.wait()
            session.listdir("/receipts")  # Of several hosts, this one brings them out for it.
            while not over.wait(chance.expovariate(self.a_second / schools)):
                number = next(self._numbers)
                name = f"core {number}.xml.pgp"
                pupils = core_data(int(school.name.removeprefix("school")), pupils=5)
                sealed = school.seal(pupils + b"<!-- %d -->" % number, self.certificate)
                with session.open(f"/in/{name}", "wb") as file:
                    file.set_pipelined(True)
                    file.write(sealed)
                closed = time.perf_counter()
                until(lambda: any(receipts.glob(f"{name}.*.txt")), "a receipt", seconds=_PATIENCE)  # noqa: B023 - ended here
                self.waits.append((closed, time.perf_counter() - closed))


class OneHost:
    """Intake and the processor on SQLite."""

    def __init__(self, root: Path) -> None:
        self.site = Site(root)
        self.home, self.homes = self.site.home, [self.site.home]
        limits = self.home / "policies" / "limits.toml"  # All schools come from one address.
        limits.write_text(
            re.sub(r"(?m)^connections_per_address = 40$", "connections_per_address = 200", limits.read_text())
        )
        self._intake, self._processor = (Service(self.site, one) for one in ("intake", "processor"))

    @contextmanager
    def doors(self) -> Iterator[list[Door]]:
        """Intake at work; at the end all are killed."""
        self._intake.start()
        try:
            yield [(self._intake.place, self.home)]
        finally:
            self.kill()

    def begin(self) -> None:
        """Start what examines and decides."""
        self._processor.start()

    def kill(self) -> None:
        """Kill them all."""
        for one in (self._intake, self._processor):
            if one.process is not None and one.process.poll() is None:
                one.kill()

    def check(self) -> str:
        """Hold log and records against each other."""
        return self.site.gateway("log", "verify")

    def close(self) -> None:
        """End it."""
        self.kill()


class ThreeHosts:
    """The region of `make cluster`."""

    def __init__(self, root: Path) -> None:
        self.region = Region(root / "region")
        self.site = self.region.hosts[0].site
        self.site.certificate = self.region.certificate
        self.home, self.homes = self.site.home, [host.site.home for host in self.region.hosts]
        self.kill()

    @contextmanager
    def doors(self) -> Iterator[list[Door]]:
        """Intake of each at work; at the end all are killed."""
        with ExitStack() as ways:
            ways.callback(self.kill)
            for host in self.region.hosts:
                host.open_door()
            yield [
                (ways.enter_context(self.region.aside(host)), host.site.home) for host in self.region.hosts
            ]

    def begin(self) -> None:
        """Start what examines and decides, at each, together."""
        for host in self.region.hosts:
            host.services[1].launch(host.inside)
        for host in self.region.hosts:
            host.services[1].await_ready()

    def kill(self) -> None:
        """Kill them all."""
        for host in self.region.hosts:
            host.kill()

    def check(self) -> str:
        """Hold log and records against each other, as each host has them."""
        for host in self.region.hosts:
            done = invoke(host.site.home, "log", "verify")
            assert done.exit_code == 0, done.stdout + done.stderr
        return done.stdout

    def close(self) -> None:
        """End it."""
        self.region.close()


def left(home: Path) -> int:
    """How many are still held."""
    registry = Registry(load_settings(Home(home)).database_url(Home(home)))
    try:
        with registry.read() as session:
            return len(session.exec(select(TransferRow.sequence).where(TransferRow.state == "held")).all())
    finally:
        registry.close()


def decisions(home: Path) -> Counter[int]:
    """How often each file of results was decided: how many files, by that number."""
    registry = Registry(load_settings(Home(home)).database_url(Home(home)))
    try:
        with registry.read() as session:
            kinds = session.exec(select(EventRow.subject, EventRow.kind)).all()
    finally:
        registry.close()
    each = Counter(subject for subject, kind in kinds if kind == "decided" and subject.startswith("260819-"))
    return Counter(each.values())


def told(what: str, waits: Sequence[float]) -> float:
    """Print a line; the 99th percentile."""
    p50, p99 = statistics.median(waits), statistics.quantiles(waits, n=100, method="inclusive")[98]
    print(
        f"{what}: {len(waits)} files, seconds to the receipt: p50 {p50:.2f}, p99 {p99:.2f},"
        f" most {max(waits):.2f}; load {os.getloadavg()[0]:.1f}",
        flush=True,
    )
    return p99


def measure(place: OneHost | ThreeHosts, asked: argparse.Namespace) -> None:
    """Quiet and while held files are released, some rounds, and killed in the middle."""
    schools = [place.site.provider(f"school{number}") for number in range(asked.schools)]
    senders = Senders(place.site.certificate, asked.a_second)
    place.begin()  # Brings the schools' keys out to the doors.
    place.kill()
    ratios = []
    for number in range(asked.rounds):
        with place.doors() as doors, senders.at_work(schools, doors, place.begin):
            time.sleep(asked.seconds)
        quiet = told("quiet", [wait for _, wait in senders.waits])
        hold(place.home, schools, asked.held, 1 + number * asked.held)
        show(place.homes)
        with place.doors() as doors, senders.at_work(schools, doors, place.begin):
            began = time.perf_counter()
            until(lambda: not left(place.home), "the release", seconds=_PATIENCE)
            ended = time.perf_counter()
        print(f"{asked.held} held files released in {ended - began:.0f} s")
        ratios.append(told("meanwhile", [wait for closed, wait in senders.waits if closed < ended]) / quiet)
    print(f"p99 meanwhile, times quiet: {', '.join(f'{one:.2f}' for one in sorted(ratios))}", flush=True)
    hold(place.home, schools, asked.held, 1 + asked.rounds * asked.held)
    show(place.homes)
    place.begin()
    until(lambda: left(place.home) < asked.held * 2 // 3, "a part of the release", seconds=_PATIENCE)
    place.kill()
    rest = left(place.home)
    place.begin()
    until(lambda: not left(place.home), "the rest", seconds=_PATIENCE)
    place.kill()
    print(f"killed with {rest} still held; decided so often: {dict(decisions(place.home))}", flush=True)
    print(place.check().strip())


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--hosts", type=int, choices=(1, 3), default=1)
    parser.add_argument("--held", type=int, default=1500)
    parser.add_argument("--schools", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--a-second", type=float, default=4)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="results-", ignore_cleanup_errors=True) as folder,
        closing((OneHost if asked.hosts == 1 else ThreeHosts)(Path(folder))) as place,
    ):
        measure(place, asked)


if __name__ == "__main__":
    main()
