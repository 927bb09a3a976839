"""What a file costs in things that can be counted, and are the same on every machine.

    python -m tests.bench.counts [--write]

Statements and commits of the registry, leaves of the log, files that our code makes, fsyncs that it asks for,
and calls of functions in Python and C while small files are classified. counts.json holds what they are;
`--write` writes it anew, to be committed with the reason. test_counts.py fails where one has grown by more
than a tenth. The parent's CPU a file, and what files cost that pass together, are written beside them, to be
read and not judged: they differ from machine to machine. What commands import is counted in
tests/cli/test_nouns.py.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

from asyncssh import FXF_CREAT, FXF_TRUNC
from sqlalchemy import Engine, event

from gateway.classify import classify, load_rules
from gateway.classify.tally import judge_on
from gateway.home import Home, Spool
from gateway.home.settings import ClassifyLimits, IntakeLimits
from gateway.intake.box import Box
from gateway.intake.disk import Landed
from gateway.passage import conclude
from gateway.processor.service import open_processor, open_registrar
from gateway.record.rulings import land
from gateway.ssh.serving import LoggedIn
from tests.bench.bench_classify import POLICIES, TODAY
from tests.bench.bench_record import content, examined, now, upload
from tests.bench.parties import Landing, sealed
from tests.bench.small_files import FILES
from tests.bench.writers_place import Bench
from tests.costs import calls
from tests.site import Site

COUNTS = Path(__file__).with_name("counts.json")
MORE = 1.1
CPU = "ms of CPU"
_SEVERAL = "pass, "  # How many rounds and batches there are depends on how quick the children are.
_COUNTED = ("statements", "commits", "leaves", "files", "fsyncs")
_PUPILS = 45
_TOGETHER, _SCHOOLS, _WARM = 32, 12, 2


def measured(*, several: bool = False) -> dict[str, float]:
    """Every count, by what it is of; with `several`, also what is not judged of files that pass together."""
    with tempfile.TemporaryDirectory(prefix="counts-") as folder:
        return {
            **_classifying(),
            **_recording(Path(folder)),
            **_of_many_schools(Path(folder) / "schools"),
            **_passing(Path(folder) / "passing", (_WARM, 0, 1, *([_TOGETHER] if several else []))),
            **_uploading(Path(folder) / "spool"),
        }


def grown(before: dict[str, float], after: dict[str, float]) -> list[str]:
    """What has grown by more than a tenth, or is not counted in `before`, in words."""
    told = []
    for name, count in after.items():
        if name.endswith(CPU) or name.startswith(_SEVERAL):
            continue
        if name not in before:
            told.append(f"{name} is new: {count:g}")
        elif count > before[name] * MORE:
            told.append(f"{name} was {before[name]:g} and is {count:g}")
    gone = [name for name in before.keys() - after.keys() if not name.startswith(_SEVERAL)]
    return told + [f"{name} is no longer counted" for name in gone]


def _classifying() -> dict[str, float]:
    rules, found = load_rules(POLICIES), {}
    for name, make in FILES.items():
        data = make(_PUPILS)

        def once(data: bytes = data) -> None:
            classify(io.BytesIO(data), "x", ClassifyLimits(), rules, today=TODAY, on_pupils=lambda *_: None)

        once()  # What is made at first use is made.
        judge_on.cache_clear()  # As if its values were others.
        found[f"classify {name}: calls"] = float(calls(once)[1])
    return found


_MADE: list[Counter[str]] = []


def _on_audit(name: str, given: tuple[object, ...]) -> None:
    """Count a file that is made, which Python tells whoever audits it, and cannot stop telling."""
    if _MADE and name == "open" and isinstance(given[2], int) and given[2] & os.O_CREAT:
        for seen in _MADE:
            seen["files"] += 1


sys.addaudithook(_on_audit)


@contextmanager
def _counted() -> Iterator[Counter[str]]:
    """What there is within of each of _COUNTED, and the CPU of this process."""
    seen: Counter[str] = Counter()

    def statement(*given: object) -> None:
        seen["statements"] += 1
        _, _, text, parameters, _, many = given
        if str(text).startswith("INSERT INTO event "):
            seen["leaves"] += len(parameters) if many else str(text).count("), (") + 1  # type: ignore[arg-type]

    def commit(_connection: object) -> None:
        seen["commits"] += 1

    def syncing(call: Callable[[int], None]) -> Callable[[int], None]:
        def synced(descriptor: int) -> None:
            seen["fsyncs"] += 1
            call(descriptor)

        return synced

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "commit", commit)
    begun = time.process_time()
    _MADE.append(seen)
    try:
        with mock.patch("os.fsync", syncing(os.fsync)), mock.patch("os.fdatasync", syncing(os.fdatasync)):
            yield seen
    finally:
        _MADE.remove(seen)
        seen[CPU] = round(1000 * (time.process_time() - begun))
        event.remove(Engine, "before_cursor_execute", statement)
        event.remove(Engine, "commit", commit)


def _recording(folder: Path) -> dict[str, float]:
    """Deciding, and landing where that takes long: one file alone, and many in one batch, for each."""
    site, found = Site(folder), {}
    site.provider("oak")
    core = content(folder)
    with open_registrar(Home(site.home), now) as registrar:

        def step(name: str, work: Callable[[Sequence[int]], object], numbers: Sequence[int]) -> None:
            with _counted() as seen:
                work(numbers)
            found.update(_each(name, seen, len(numbers)))

        def landing(numbers: Sequence[int]) -> object:
            return land(registrar, [upload(number) for number in numbers])

        def deciding(numbers: Sequence[int]) -> object:
            files = [(examined(number, core), upload(number)) for number in numbers]
            return conclude(registrar, [replace(one, upload=landed) for one, landed in files])

        landing([0]), deciding([1])  # What is made at first use is made.
        for first, together in ((2, 1), (4, _TOGETHER)):
            step("land where it takes long", landing, range(first, first + together))
            step("decide", deciding, range(1_000 + first, 1_000 + first + together))
    return found


def _each(name: str, seen: Counter[str], files: int) -> dict[str, float]:
    each = "one alone" if files == 1 else f"each of {files}"
    return {f"{name}, {each}: {what}": round(seen[what] / files, 3) for what in (*_COUNTED, CPU)}


def _passing(folder: Path, sizes: Sequence[int]) -> dict[str, float]:
    """The whole way inside, from the spool to the receipts that are out: one file alone, and many at once."""
    site, found = Site(folder), {}
    party = site.provider("oak")
    landing = Landing(site, party)
    first, idle = 0, Counter[str]()
    for files in sizes:  # At first, what is made at first use is made.
        for number, data in enumerate(sealed(site, party, range(first, first + files)), start=first):
            landing.prepare(f"f{number}.pgp", data)
        first += files
        landing.land()
        with open_processor(Home(site.home), now) as processor, _counted() as seen:
            processor.drain()
        if files == 0:
            idle = seen  # What a run takes that has nothing to do.
        elif files != _WARM:
            seen.subtract(idle)
            found.update(_each("pass", seen, files))
    return found


def _of_many_schools(folder: Path) -> dict[str, float]:
    """Deciding one file of each of some schools in one batch: what each asks is asked for all of them."""
    folder.mkdir()
    bench = Bench(folder, None, schools=_SCHOOLS)
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        for _ in range(3):  # What is made at first use is made; what came before gives way.
            uploads, examinations = bench.files(_SCHOOLS)
            pairs = zip(examinations, uploads, strict=True)
            with _counted() as seen:
                conclude(registrar, [replace(one, upload=landed) for one, landed in pairs])
    return {f"decide, of each of {_SCHOOLS} schools: statements": round(seen["statements"] / _SCHOOLS, 3)}


def _uploading(folder: Path) -> dict[str, float]:
    """What intake syncs of one small file, from its first byte to the answer to its close."""
    spool = Spool(folder)
    spool.landed.mkdir(parents=True)
    spool.recent.mkdir()
    limits, by = IntakeLimits(free_bytes=0), LoggedIn("oak", "SHA256:" + "A" * 43, "")

    async def put(name: str, final: str | None = None) -> None:
        box = Box("oak", spool, limits, Landed(spool.landed), now)
        await box.load()
        receiving = await box.receive("in", name, FXF_CREAT | FXF_TRUNC)
        await receiving.write(0, bytes.fromhex("c15e03" + 8 * "00" + "12") + bytes(100_000))
        await box.close(receiving, by)
        if final is not None:
            await box.rename("in", name, final, by)

    found = {}
    for what, names in (("upload", ("x",)), ("upload and rename", ("x.part", "x"))):
        with _counted() as seen:
            asyncio.run(put(*names))
        found[f"{what}: fsyncs"] = float(seen["fsyncs"])
    return found


def main() -> None:
    """Compare, or write."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.counts")
    parser.add_argument("--write", action="store_true", help="take what is counted now for what it is to be")
    found = measured(several=True)
    if parser.parse_args().write:
        COUNTS.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    before = json.loads(COUNTS.read_text("utf-8"))
    for name, count in found.items():
        print(f"{name:45} {count:10g}  was {before.get(name, float('nan')):g}")
    if told := grown(before, found):
        raise SystemExit("\n".join(told))


if __name__ == "__main__":
    main()
