"""Growth by processes and hosts: files a second, measured for a few and simulated for more.

    python -m tests.bench.hosts [--files N] [--measured 1 2 4]

Each process takes tasks of 16 landed files of as many schools, sleeps 8 ms for each (which stands for their
examination), and decides them in one transaction in PostgreSQL (fsync on). The simulation plays the same with
what one process was seen to need: its own time and that of the server share this machine's cores, or cores of
their own; the time in which it holds the log is held by one at a time.
"""

from __future__ import annotations

import argparse
import heapq
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path

from gateway.home import Home
from gateway.passage import Examination, conclude
from gateway.processor.service import open_registrar
from gateway.record.landing import land
from tests.bench.writers_place import Bench, Durable, Places, now

TASK, EXAMINATION_SECONDS = 16, 0.008


@dataclass(frozen=True, slots=True)
class Needs:
    """What a task needs, in seconds: of a committer's core, of the server's core, and of the log's place."""

    own: float
    server: float
    log: float


def simulated(needs: Needs, processes: int, tasks: int, *, own_cores: float, server_cores: int) -> float:
    """Files a second. Each process examines, then works at its core, then at the server, last with the log.

    Cores and the log serve whoever came first; no process begins a task before the one before is durable.
    `own_cores`: how many the committers share.
    """
    free = {"own": [0.0] * max(1, round(own_cores)), "server": [0.0] * server_cores, "log": [0.0]}
    stages = (("own", needs.own), ("server", max(0.0, needs.server)), ("log", needs.log))
    events = [(TASK * EXAMINATION_SECONDS, number, 0) for number in range(processes)]
    heapq.heapify(events)
    done, end = 0, 0.0
    while done < tasks:
        at, process, stage = heapq.heappop(events)
        if stage == len(stages):
            done, end = done + 1, at
            heapq.heappush(events, (at + TASK * EXAMINATION_SECONDS, process, 0))
            continue
        name, seconds = stages[stage]
        began = max(at, heapq.heappop(free[name]))
        heapq.heappush(free[name], began + seconds)
        heapq.heappush(events, (began + seconds, process, stage + 1))
    return done * TASK / end


def _work(home: Path, tasks: Sequence[Sequence[Examination]], begin: Barrier) -> None:
    with open_registrar(Home(home), now) as registrar:
        begin.wait()
        for task in tasks:
            time.sleep(len(task) * EXAMINATION_SECONDS)
            conclude(registrar, task)


def measured(bench: Bench, processes: int, tasks: Sequence[Sequence[Examination]]) -> float:
    """Files a second, by so many processes."""
    context = multiprocessing.get_context("spawn")
    begin = context.Barrier(processes + 1)
    shares = [tasks[number::processes] for number in range(processes)]
    workers = [context.Process(target=_work, args=(bench.site.home, share, begin)) for share in shares]
    for one in workers:
        one.start()
    begin.wait()
    begun = time.perf_counter()
    for one in workers:
        one.join()
    taken = time.perf_counter() - begun
    assert [one.exitcode for one in workers] == [0] * processes
    return sum(map(len, tasks)) / taken


def landed(bench: Bench, files: int) -> list[Sequence[Examination]]:
    """Files that are landed, as they are once examined: one task after another."""
    found = []
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        for _ in range(0, files, TASK):
            uploads, examinations = bench.files(TASK)
            land(registrar, uploads)
            found.append(examinations)
    return found


def needs_of(bench: Bench, tasks: Sequence[Sequence[Examination]]) -> Needs:
    """What one process needs for a task, alone at work."""
    own, server, held = [], [], []
    with open_registrar(Home(bench.site.home), now) as registrar:
        places = Places(registrar)
        places.watch()
        for task in tasks:
            places.clear()
            began, spent = time.perf_counter(), time.process_time()
            conclude(registrar, task)
            mine = time.process_time() - spent
            own.append(mine)
            server.append(max(0.0, time.perf_counter() - began - mine - places.log))
            held.append(places.log)
    return Needs(*(statistics.median(one) for one in (own, server, held)))


def main() -> None:
    """Print the measured points and the simulated ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--files", type=int, default=640)
    parser.add_argument("--measured", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--schools", type=int, default=4 * TASK)
    asked = parser.parse_args()
    cluster = Durable()
    cores = os.cpu_count() or 1
    try:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder), cluster.database("hosts"), schools=asked.schools)
            needs = needs_of(bench, landed(bench, 16 * TASK)[8:])
            print(
                f"a task of {TASK} files needs, in ms: {needs.own * 1000:.0f} of a committer,"
                f" {needs.server * 1000:.0f} of the server, {needs.log * 1000:.0f} with the log"
            )
            print("processes  measured files/s  times one")
            found: dict[int, float] = {}
            for processes in asked.measured:
                found[processes] = measured(bench, processes, landed(bench, asked.files))
                one = found[processes] / found[asked.measured[0]]
                print(f"{processes:>9}  {found[processes]:>16.0f}  {one:>9.2f}", flush=True)
    finally:
        cluster.remove()
    print(f"hosts  simulated: this machine's {cores} cores for all / a core each, and 2 / 8 of the server's")
    for hosts in (1, 2, 3, 4, 6, 8, 12, 16):
        here = simulated(needs, hosts, 50 * hosts, own_cores=cores / 2, server_cores=max(1, cores // 2))
        more = [simulated(needs, hosts, 50 * hosts, own_cores=hosts, server_cores=n) for n in (2, 8)]
        print(f"{hosts:>5}  {here:>5.0f}  {more[0]:>5.0f}  {more[1]:>5.0f}")


if __name__ == "__main__":
    main()
