"""What it costs to put files on record: each with its receipts, log entries and a share of a signed head.

    python -m tests.bench.bench_record [--files N]

Prints milliseconds of processor time a file for landing and for deciding, in the batches that the
processor makes.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from gateway.classify import classify, load_rules
from gateway.examiner.protocol import FileOpened
from gateway.home import Home
from gateway.home.settings import ClassifyLimits
from gateway.model import Classified, Opened, Signature, Upload
from gateway.passage import Examination, conclude
from gateway.processor.service import open_registrar
from gateway.record.registrar import Registrar
from gateway.record.rulings import land
from gateway.samples import make, school
from tests.site import Site

BATCH = 64


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def content(folder: Path) -> Classified:
    """What a common transfer file is found to be."""
    path, rng = folder / "core.xml", random.Random(1)
    path.write_bytes(make("student-core", "ctf-full", rng=rng, school=school(rng, 1), pupils=30))
    rules = load_rules(Path(__file__).parents[2] / "policies")
    with path.open("rb") as file:
        found = classify(file, path.name, ClassifyLimits(), rules, today=now().date())
    assert isinstance(found, Classified)
    return found


def upload(number: int) -> Upload:
    """One that landed a moment ago."""
    return Upload(
        reference=f"261124-oak-{number:05}",
        provider="oak",
        name=f"core {number}.xml.pgp",
        folder="in",
        size=5000 + number,
        sha256=f"{number:064x}",
        started_at=now(),
        landed_at=now(),
        ssh_key="SHA256:" + "a" * 43,
    )


def examined(number: int, found: Classified) -> Examination:
    """The same, opened and recognised."""
    signature = Signature(certificate="c3" * 20, signing_key="d4" * 20, created_at=now())
    opened = Opened(content=-1, size=4000, sha256=f"{number:064x}", signature=signature, engine="embedded")
    return Examination(FileOpened(reference=f"261124-oak-{number:05}", opened=opened, content=found))


def batches(files: int) -> Iterator[Sequence[int]]:
    """Numbers in the batches that the processor makes."""
    for start in range(0, files, BATCH):
        yield range(start, min(files, start + BATCH))


def measured(files: int, step: Callable[[Sequence[int]], object]) -> float:
    """Milliseconds of processor time a file."""
    start = time.process_time()
    for batch in batches(files):
        step(batch)
    return (time.process_time() - start) * 1000 / files


def costs(registrar: Registrar, files: int, found: Classified) -> tuple[float, float]:
    """Milliseconds a file, of landing and of deciding."""
    landing = measured(files, lambda batch: land(registrar, [upload(n) for n in batch]))
    deciding = measured(files, lambda batch: conclude(registrar, [examined(n, found) for n in batch]))
    return landing, deciding


def main() -> None:
    """Print one line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=200)
    files = parser.parse_args().files
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        site.provider("oak")
        found = content(Path(folder))
        with open_registrar(Home(site.home), now) as registrar:
            landing, deciding = costs(registrar, files, found)
        print(f"record {files} files  land {landing:.2f} ms a file  decide {deciding:.2f} ms a file")


if __name__ == "__main__":
    main()
