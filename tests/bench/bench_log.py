"""Appending to the log and proving from it: what a million entries cost beside a thousand.

    python -m tests.bench.bench_log [--large N] [--rounds N]

Prints the p50 in milliseconds of an append (a whole transaction, with its signed head) and of an
inclusion proof, of a small and of a large log measured in turns, and their ratio.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from gateway.homes.audit.tree import Frontier
from gateway.log import tree
from gateway.log.checkpoint import LogKey
from gateway.log.leaf import Event, leaf
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.registry.log import Entry
from tests.bench.measure import Line, Setting, line

SMALL = 1_000
AT = datetime(2026, 11, 24, tzinfo=UTC)
ORIGIN = "bench.invalid/log"
WARM_UP = 20
Pair = tuple[list[float], list[float]]
# A leaf of the usual length; only its place differs, so that a million are made in seconds.
FIELDS: dict[str, str | int] = {
    "provider": "oak",
    "folder": "in",
    "sha256": "a" * 64,
    "size": 5000,
    "receipt": "b" * 64,
    "text": "c" * 64,
}
TEMPLATE = leaf(Event(sequence=0, at=AT, kind="landed", subject="261124-oak-00000", fields=FIELDS)).decode()


def leaves(size: int) -> Iterator[bytes]:
    """Leaves of events, made by hand for speed."""
    before, _, after = TEMPLATE.partition('"sequence":0')
    for number in range(size):
        yield f'{before}"sequence":{number}{after}'.encode()


def filled(path: Path, size: int) -> Registry:
    """A registry with a log of `size` entries, written past the gateway."""
    registry = Registry(f"sqlite:///{path}")
    registry.migrate()
    frontier = Frontier()
    with closing(sqlite3.connect(path)) as db:
        db.execute("pragma synchronous = off")
        events = "insert into event (number, at, kind, subject, leaf) values (?, ?, 'landed', ?, ?)"
        nodes = "insert into log_node (level, position, hash) values (?, ?, ?)"
        moment = AT.strftime("%Y-%m-%d %H:%M:%S.%f")
        made: list[tuple[int, str, str, bytes]] = []
        for number, data in enumerate(leaves(size)):
            tree.append(frontier, number, data)
            made.append((number, moment, f"261124-oak-{number:05}", data))
            if len(made) == 10_000 or number == size - 1:
                db.executemany(events, made)
                db.executemany(nodes, frontier.fresh)
                made.clear()
                frontier.fresh.clear()
        db.commit()
    return registry


def append_one(registry: Registry, key: LogKey) -> None:
    """One event and the head that vouches for it, durable."""
    with registry.write() as session:
        log.append(session, [Entry(kind="landed", subject="261124-oak-0000A", fields=FIELDS)], AT)
        log.sign_head(session, key, ORIGIN, AT)


def prove_one(registry: Registry, rng: random.Random) -> None:
    """The inclusion proof of any entry against the whole log."""
    with registry.read() as session:
        size = log.size(session)
        log.inclusion_proofs(session, [rng.randrange(size)], size)


def timed(step: Callable[[], None]) -> float:
    """Milliseconds."""
    start = time.perf_counter()
    step()
    return (time.perf_counter() - start) * 1000


def in_turns(small: Callable[[], None], large: Callable[[], None], rounds: int) -> Pair:
    """What two steps took in turns, so that whatever else the machine does slows both."""
    for _ in range(WARM_UP):
        small()
        large()
    taken = [(timed(small), timed(large)) for _ in range(rounds)]
    return [one for one, _ in taken], [one for _, one in taken]


def run(setting: Setting) -> Iterator[Line]:
    """The lines of the table on the log."""
    large = 30_000 if setting.quick else 1_000_000
    folder = setting.scratch / "log"
    folder.mkdir()
    for name, (few, many) in measured(folder, large, 60 if setting.quick else 300).items():
        what, peer = f"{name} p50, {large:,} entries", f"with {SMALL:,}"
        yield line("log", what, "ms", many, peer, few, better="less", target=1.5)


def measured(folder: Path, large: int, rounds: int) -> dict[str, Pair]:
    """What each operation took, in milliseconds, on the small and on the large log."""
    logs = [filled(folder / f"{size}.db", size) for size in (SMALL, large)]
    key, rng = LogKey.load(LogKey.generate()), random.Random(1)
    try:
        few, many = logs
        return {
            "append": in_turns(lambda: append_one(few, key), lambda: append_one(many, key), rounds),
            "proof": in_turns(lambda: prove_one(few, rng), lambda: prove_one(many, rng), rounds),
        }
    finally:
        for registry in logs:
            registry.close()


def main() -> None:
    """Print one line for each operation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--large", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=300)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        found = measured(Path(folder), args.large, args.rounds)
        seconds = time.perf_counter() - start
        print(f"log of {args.large} entries, {args.rounds} rounds, {seconds:.0f} s in all")
        for name, pair in found.items():
            small, large = map(statistics.median, pair)
            print(f"{name:8} p50 {small:6.2f} ms at {SMALL}  {large:6.2f} ms  ratio {large / small:4.2f}")


if __name__ == "__main__":
    main()
