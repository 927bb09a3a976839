"""Growth by processes and hosts: files a second, measured for a few and simulated for more.

    python -m tests.bench.hosts [--files N] [--measured 1 2 4]

Each process takes tasks of 16 landed files of as many schools, sleeps 8 ms for each (which stands for their
examination), and decides them in one transaction in PostgreSQL (fsync on). The simulation plays the same
with what one process was seen to need: its own time and that of the server share this machine's cores, or
cores of their own; the time in which it holds the log is held by one at a time. Each host has a door, at
which it shows all receipts; so that what more processes decide can be seen beside that, they are measured
with one door, too.

A control shows what the machine itself gives: as many processes sleep as long, and count as long as one was
seen to work, with no database, no lock and nothing shared. No design does better on these processors.
"""

from __future__ import annotations

import argparse
import gc
import heapq
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.queues import SimpleQueue
from multiprocessing.sharedctypes import Synchronized
from multiprocessing.synchronize import Barrier
from pathlib import Path

from gateway.home import Home
from gateway.passage import Examination, conclude
from gateway.processor.service import open_registrar
from gateway.record.rulings import land
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


@dataclass(frozen=True, slots=True)
class Measured:
    """Files a second, and seconds a file of processor time: of all processes, and of the server."""

    rate: float
    own: float
    server: float


def _work(
    home: Path,
    tasks: Sequence[Sequence[Examination]],
    next_one: Synchronized[int],
    begin: Barrier,
    spent: SimpleQueue[float],
    *,
    has_door: bool,
) -> None:
    with open_registrar(Home(home), now) as opened:
        registrar = replace(opened, brings_out=has_door)
        gc.freeze()  # As the processor does.
        begin.wait()
        before = time.process_time()
        for task in _mine(tasks, next_one):
            time.sleep(len(task) * EXAMINATION_SECONDS)
            conclude(registrar, task)
        if has_door:
            registrar.publish()
        spent.put(time.process_time() - before)


def _mine(
    tasks: Sequence[Sequence[Examination]], next_one: Synchronized[int]
) -> Iterator[Sequence[Examination]]:
    """One task after another, as long as no other process has taken it: as from a queue."""
    while True:
        with next_one.get_lock():
            number, next_one.value = next_one.value, next_one.value + 1
        if number >= len(tasks):
            return
        yield tasks[number]


def measured(
    bench: Bench, cluster: Durable, processes: int, tasks: Sequence[Sequence[Examination]], *, doors: int
) -> Measured:
    """What so many processes do, and what it takes. The first of them bring all receipts out, one a door."""
    context = multiprocessing.get_context("spawn")
    begin, spent = context.Barrier(processes + 1), context.SimpleQueue()
    next_one = context.Value("i", 0)
    workers = [
        context.Process(
            target=_work,
            args=(bench.site.home, tasks, next_one, begin, spent),
            kwargs={"has_door": number < doors},
        )
        for number in range(processes)
    ]
    for one in workers:
        one.start()
    begin.wait()
    begun, before = time.perf_counter(), cluster.processor_seconds()
    own = sum(spent.get() for _ in workers)
    taken, server = time.perf_counter() - begun, cluster.processor_seconds() - before
    for one in workers:
        one.join()
    assert [one.exitcode for one in workers] == [0] * processes
    files = sum(map(len, tasks))
    return Measured(files / taken, own / files, server / files)


def _counted(turns: int) -> None:
    for _ in range(turns):
        pass


def _control(turns: int, tasks: int, next_one: Synchronized[int], begin: Barrier) -> None:
    begin.wait()
    for _ in _mine([()] * tasks, next_one):
        time.sleep(TASK * EXAMINATION_SECONDS)
        _counted(turns)


def control(processes: int, seconds: float, tasks: int) -> float:
    """Files a second of processes that sleep, and work so long for each task, without anything in common."""
    before = time.process_time()
    _counted(1_000_000)
    turns = round(1_000_000 * seconds / (time.process_time() - before))
    context = multiprocessing.get_context("spawn")
    begin, next_one = context.Barrier(processes + 1), context.Value("i", 0)
    workers = [
        context.Process(target=_control, args=(turns, tasks, next_one, begin)) for _ in range(processes)
    ]
    for one in workers:
        one.start()
    begin.wait()
    begun = time.perf_counter()
    for one in workers:
        one.join()
    assert [one.exitcode for one in workers] == [0] * processes
    return tasks * TASK / (time.perf_counter() - begun)


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
            print("processes  doors  measured files/s  times one  own ms a file  server's  of the processors")
            first, one_needs = 0.0, 0.0
            # One door is shown by one process; hosts show one each, with all receipts.
            for processes, doors in sorted({(n, d) for n in asked.measured for d in (1, n)}):
                found = measured(bench, cluster, processes, landed(bench, asked.files), doors=doors)
                first, one_needs = first or found.rate, one_needs or TASK * (found.own + found.server)
                used = (found.own + found.server) * found.rate / cores
                print(
                    f"{processes:>9}  {doors:>5}  {found.rate:>16.0f}  {found.rate / first:>9.2f}"
                    f"  {found.own * 1000:>13.1f}  {found.server * 1000:>8.1f}  {used:>16.0%}",
                    flush=True,
                )
            alone = 0.0
            for processes in asked.measured:
                rate = control(processes, one_needs, asked.files // TASK)
                alone = alone or rate
                print(f"{processes:>9}  control  {rate:>14.0f}  {rate / alone:>9.2f}", flush=True)
    finally:
        cluster.remove()
    print(f"hosts  simulated: this machine's {cores} cores for all / a core each, and 2 / 8 of the server's")
    for hosts in (1, 2, 3, 4, 6, 8, 12, 16):
        here = simulated(needs, hosts, 50 * hosts, own_cores=cores / 2, server_cores=max(1, cores // 2))
        more = [simulated(needs, hosts, 50 * hosts, own_cores=hosts, server_cores=n) for n in (2, 8)]
        print(f"{hosts:>5}  {here:>5.0f}  {more[0]:>5.0f}  {more[1]:>5.0f}")


if __name__ == "__main__":
    main()
