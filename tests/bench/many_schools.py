"""Twenty thousand schools, 150 authorities, a million files in two hours: measured where one machine can.

    python -m tests.bench.many_schools [--schools 130 20000] [--files 256] [--at-rest 60]

Fills the registry of one gateway (SQLite) with so many schools, each with the keys and the ratification of a
real one under other names, and prints what that costs: seconds of processor time and MiB of commands, each a
process of its own, and milliseconds of processor time a file of deciding in transactions of 64, also where
the register changed before each. Then the arithmetic of a million files in two hours from what a file was
measured to need (docs/cluster.md); what is arithmetic is called so. With --at-rest only what one gateway on
PostgreSQL takes while nothing is sent: seconds to start, MiB, processor time and connections of its services.
"""

from __future__ import annotations

import argparse
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from gateway.home import Home
from gateway.passage import conclude
from gateway.processor.service import open_registrar
from gateway.record.rulings import land
from gateway.registry.vouched_rows import REGISTER_CHANGED
from tests.bench.writers_place import Bench, Durable, now

COMMANDS = (
    ("providers", "list", "--json"),
    ("status", "--json"),
    ("flows", "status", "--json"),
    ("transfers", "list", "--limit", "50", "--json"),
    ("doctor", "--json"),
    ("process", "--once"),
)
AUTHORITIES, SCHOOLS, FILES, HOURS = 150, 20_000, 1_000_000, 2
CONNECTIONS_A_HOST = 20
OWN_MS, SERVER_MS, LOG_MS, EXAMINED_MS = 5.4, 1.6, 0.3, 25.0
"""Of a file: with its committer, the server and the log (tests.bench.hosts, 16 a transaction), and in the
children where each file is of another school, half of them CSV and half CTF (docs/performance).
"""

# The kernel's own figure begins with what the parent had.
_TOLD = """
import atexit, pathlib, runpy, sys
atexit.register(lambda: sys.stderr.write(pathlib.Path("/proc/self/status").read_text()))
sys.argv[0] = "gateway"
runpy.run_module("gateway", run_name="__main__", alter_sys=True)
"""


def fill(registry: Path, schools: int) -> None:
    """Enrol copies of the first school until there are so many."""
    with closing(sqlite3.connect(registry)) as db:
        db.execute("PRAGMA foreign_keys = off")
        (known,) = db.execute("SELECT count(*) FROM provider").fetchone()
        changes = {
            "provider": {"id": "'copy' || n", "dfe_number": "NULL", "name": "'Copy ' || n"},
            "key": {
                "id": "NULL",
                "owner": "'copy' || n",
                "fingerprint": "substr(fingerprint, 1, length(fingerprint) - 6) || printf('%06d', n)",
            },
            "ratification": {"provider": "'copy' || n"},
        }
        owned = {"provider": "id", "key": "owner", "ratification": "provider"}
        for table, changed in changes.items():
            columns = [name for _, name, *_ in db.execute(f"PRAGMA table_info({table})")]
            told = ", ".join(changed.get(name, name) for name in columns)
            db.execute(
                "WITH RECURSIVE c(n) AS (SELECT ? UNION ALL SELECT n + 1 FROM c WHERE n < ?)"
                f" INSERT INTO {table} ({', '.join(columns)}) SELECT {told} FROM {table}, c"
                f" WHERE {table}.{owned[table]} = 'school1'",
                (known + 1, schools),
            )
        db.execute("UPDATE register_version SET number = number + 1")
        db.commit()


def run(home: Path, words: tuple[str, ...]) -> tuple[float, float, float]:
    """Seconds, seconds of processor time, and MiB of a command."""
    began = time.perf_counter()
    started = subprocess.Popen(
        [sys.executable, "-c", _TOLD, *words, "--home", str(home)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert started.stderr is not None
    highest = started.stderr.read().rpartition(b"VmHWM:")[2].split()
    _, _, used = os.wait4(started.pid, 0)
    return time.perf_counter() - began, used.ru_utime + used.ru_stime, int(highest[0]) / 1024


def deciding(bench: Bench, files: int, *, register_changes: bool) -> float:
    """Milliseconds of processor time a file."""
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        spent, done = 0.0, 0
        while done < files + 64:
            uploads, examinations = bench.files(64)
            land(registrar, uploads)
            if register_changes:
                with registrar.registry.write() as session:
                    session.info[REGISTER_CHANGED] = {}
            began = time.process_time()
            conclude(registrar, examinations)
            spent += time.process_time() - began if done else 0.0  # The first time all is loaded.
            done += 64
        return spent * 1000 / files


def family(pid: int) -> list[int]:
    """A process and all that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
    return [pid, *(one for child in children for one in family(int(child)))]


def memory(pid: int) -> float:
    """MiB of a process, what it shares with others counted by halves."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def used(pid: int) -> float:
    """Seconds of processor time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def at_rest(seconds: float) -> None:
    """Print what one gateway takes while nothing is sent, and 150 of them."""
    cluster = Durable()
    try:
        with tempfile.TemporaryDirectory(prefix="schools-") as folder:
            bench = Bench(Path(folder), cluster.database("one"))
            began = time.perf_counter()
            with bench.site.running() as running:
                started = time.perf_counter() - began
                time.sleep(seconds)  # The first round of pages is over.
                all_of_them = family(running.supervisor.pid)
                before, server = sum(map(used, all_of_them)), cluster.processor_seconds()
                time.sleep(seconds)
                own = (sum(map(used, all_of_them)) - before) / seconds
                served = (cluster.processor_seconds() - server) / seconds
                taken = sum(map(memory, all_of_them))
                connections = int(cluster.sql("select count(*) from pg_stat_activity where datname = 'one'"))
    finally:
        cluster.remove()
    print(
        f"one gateway at rest: up after {started:.1f} s, {taken:.0f} MiB in {len(all_of_them)} processes,"
        f" {own * 1000:.1f} ms a second of its own and {served * 1000:.1f} of the server,"
        f" {connections} connections; load {os.getloadavg()[0]:.1f}"
    )
    print(
        f"arithmetic: {AUTHORITIES} of them {taken * AUTHORITIES / 1024:.0f} GiB,"
        f" {own * AUTHORITIES:.1f} cores, and {served * AUTHORITIES:.1f} of the databases"
    )


def arithmetic() -> None:
    """Print what a million files in two hours need, by what one file does."""
    rate = FILES / HOURS / 3600
    each, hosts = rate / AUTHORITIES, CONNECTIONS_A_HOST * AUTHORITIES
    print(
        f"arithmetic: {FILES:,} files in {HOURS} hours are {rate:.0f} a second, {each:.2f} for each of"
        f" {AUTHORITIES} authorities of {SCHOOLS // AUTHORITIES} schools"
    )
    print(f"  cores that examine and decide: {rate * (OWN_MS + EXAMINED_MS) / 1000:.1f}")
    print(f"  cores of the databases: {rate * SERVER_MS / 1000:.1f}")
    print(f"  one log for all is held {rate * LOG_MS / 10:.0f} % of the time")
    print(f"  connections: {hosts:,} with one host for each authority, {3 * hosts:,} with three")


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--schools", type=int, nargs="+", default=[SCHOOLS // AUTHORITIES, SCHOOLS])
    parser.add_argument("--files", type=int, default=256)
    parser.add_argument("--at-rest", type=float, metavar="SECONDS")
    asked = parser.parse_args()
    if asked.at_rest is not None:
        at_rest(asked.at_rest)
        return
    with tempfile.TemporaryDirectory(prefix="schools-") as folder:
        bench = Bench(Path(folder), None)
        home = bench.site.home
        for schools in asked.schools:
            fill(home / "registry.db", schools)
            print(f"{schools:,} schools", flush=True)
            for words in COMMANDS:
                taken, own, memory = run(home, words)
                print(
                    f"  {' '.join(words):<38} {taken:6.1f} s  {own:6.1f} s own  {memory:5.0f} MiB", flush=True
                )
            for changes in (False, True):
                cost = deciding(bench, asked.files, register_changes=changes)
                told = "  deciding, the register changed before each 64" if changes else "  deciding"
                print(f"{told:<48} {cost:6.1f} ms a file", flush=True)
    arithmetic()


if __name__ == "__main__":
    main()
