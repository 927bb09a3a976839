"""A passage with the registry in SQLite and in PostgreSQL, one after the other.

    python -m tests.bench.databases [--quick] [PART]...

The parts are `receipt` and `burst`. The server of PostgreSQL is made for it, on the same machine and disk; it
waits for the disk at each commit, as SQLite does.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench import passage
from tests.bench.__main__ import print_table
from tests.bench.measure import Line, Setting
from tests.bench.writers_place import Durable

PARTS: dict[str, Callable[[Setting], Iterator[Line]]] = {"receipt": passage.receipt, "burst": passage.burst}
_SECONDS = 60.0


def measured(part: str, database: str, *, quick: bool) -> list[Line]:
    """The lines of a part, with the registry in that database."""
    cluster = Durable() if database == "PostgreSQL" else None
    try:
        with tempfile.TemporaryDirectory(prefix="databases-") as folder:
            url = None if cluster is None else cluster.database("bench")
            return list(PARTS[part](Setting(Path(folder), quick, time.monotonic() + _SECONDS, url)))
    finally:
        if cluster is not None:
            cluster.remove()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.databases")
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; all where none is named"
    )
    parser.add_argument("--quick", action="store_true", help="smaller sizes")
    asked = parser.parse_args()
    for part in asked.parts or PARTS:
        for database in ("SQLite", "PostgreSQL"):
            print(database)
            print_table(measured(part, database, quick=asked.quick))


if __name__ == "__main__":
    main()
