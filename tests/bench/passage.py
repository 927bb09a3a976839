"""The passage of a file: from a closed upload to its receipt, one by one, at once, and a thousand together.

The limit is the cryptography alone: `sqop decrypt` of the same files, as many at a time as there are
cores, each with its signature verified. The peers are `diy.sh`, as many write it, and `competent.py`, which
does the same with one process a file and one connection to its database.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

import asyncssh
from watchdog.events import FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.secrets import secret_files
from tests.bench.measure import Costs, Line, Setting, family, in_turns, line, percentile, seconds, until
from tests.bench.parties import CIPHER, Landing, of_school, processor, sealed
from tests.site import Site

_DIY = Path(__file__).with_name("diy.sh")
_COMPETENT = Path(__file__).with_name("competent.py")
_SCHOOLS = 50
_SESSIONS = 4  # As many as one connection may carry.
_PATIENCE = 240


def receipt(setting: Setting) -> Iterator[Line]:
    """How long a receipt takes, one by one and at once."""
    site = _site(setting)
    parties = [site.provider("oak"), site.provider("ash")]
    each = 30 if setting.quick else 60
    party = parties[0]
    sample = sealed(site, party, [1_000_000])[0]
    bare = Bare(setting.scratch / "bare", site, [party])
    alone = [bare.one(sample) for _ in range(20)]
    number = 0
    folders = [site.receipts(one.name) for one in parties]
    with site.running() as running, Receipts(folders) as receipts:

        def passed(count: int, together: int) -> list[float]:
            nonlocal number
            used = parties[: 1 + (together > 1)]
            files: dict[str, dict[str, bytes]] = {one.name: {} for one in used}
            for one in used:
                for data in sealed(site, one, range(number, number + count // len(used))):
                    files[one.name][f"f{number}.pgp"] = data
                    number += 1
            return asyncio.run(_pass(running.intake, used, files, receipts, together))

        passed(8, 4)  # What is made at first use is made.
        for together in (1, 10, 50):
            count = max(each, together * 3)
            taken, costs = [], Costs(running.supervisor.pid)
            for _ in setting.rounds(3):
                with costs.of(count):
                    taken.append(passed(count, together))
                alone += [bare.one(sample) for _ in range(10)]  # Now too: the machine may be busier.
            what = f"closed upload to receipt, {together} at once"
            for name, part in (("p50", 0.5), ("p99", 0.99)):
                target = {(1, "p50"): 3.0}.get((together, name))
                found = [1000 * percentile(one, part) for one in taken]
                yield line("receipt", f"{what}, {name}", "ms", found, "one sqop decrypt",
                           [1000 * value for value in alone], better="less",
                           target=target, note=f"{count} files", cpu=("file", costs.rounds, []))  # fmt: skip


def _site(setting: Setting) -> Site:
    site = Site(setting.scratch / "passage")
    if setting.database_url is not None:
        site.gateway("move", "--database-url", setting.database_url)
    return site


class Receipts(FileSystemEventHandler):
    """When each receipt came out, by the name of its file."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self.seen: dict[str, float] = {}
        self._observer = Observer()

    def __enter__(self) -> Self:
        for folder in self._folders:
            self._observer.schedule(self, str(folder), event_filter=[FileMovedEvent])
        self._observer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._observer.stop()
        self._observer.join()

    def on_moved(self, event: FileSystemEvent) -> None:
        """The receipt for machines is the second of the two."""
        if isinstance(event, FileMovedEvent) and str(event.dest_path).endswith(".json"):
            name = Path(str(event.dest_path)).name.rsplit(".", 2)[0]
            self.seen.setdefault(name, time.perf_counter())


async def _pass(
    place: tuple[str, int],
    parties: Sequence[Party],
    files: dict[str, dict[str, bytes]],
    receipts: Receipts,
    together: int,
) -> list[float]:
    """Upload each party's files, `together` at a time in all; the seconds from each close to its receipt."""
    taken: list[float] = []

    async def go(client: asyncssh.SFTPClient, waiting: dict[str, bytes]) -> None:
        while waiting:
            name, data = waiting.popitem()
            async with client.open(f"in/{name}", "wb") as file:
                await file.write(data)
            closed = time.perf_counter()
            while name not in receipts.seen:  # noqa: ASYNC110 - another thread sees them
                await asyncio.sleep(0.001)
            taken.append(max(0.0, receipts.seen[name] - closed))

    work, connections = [], []
    for party in parties:
        share = together // len(parties)
        for first in range(0, share, _SESSIONS):
            connection = await asyncssh.connect(
                *place, username=party.name, client_keys=[str(party.ssh_key)], known_hosts=None,
                encryption_algs=CIPHER, config=None, agent_path=None,
            )  # fmt: skip
            connections.append(connection)
            work += [
                go(await connection.start_sftp_client(), files[party.name])
                for _ in range(min(_SESSIONS, share - first))
            ]
    await asyncio.wait_for(asyncio.gather(*work), _PATIENCE)
    for connection in connections:
        connection.close()
        await connection.wait_closed()
    return taken


def burst(setting: Setting) -> Iterator[Line]:
    """All files are there before; what is measured begins when they land and ends with the last receipt.

    Once of one school, whose files are of the same pupils, and once of fifty, each file of pupils of its own.
    """
    count = 200 if setting.quick else 1000
    for schools in (1, _SCHOOLS):
        folder = setting.scratch / f"of-{schools}"
        folder.mkdir()
        yield from _burst(replace(setting, scratch=folder), schools, count)


def _burst(setting: Setting, schools: int, count: int) -> Iterator[Line]:
    site = _site(setting)
    parties = [site.provider(f"s{number}") for number in range(schools)]
    landings = [Landing(site, party) for party in parties]
    bare = Bare(setting.scratch / "bare", site, parties)
    made = 10_000_000

    def fresh() -> list[tuple[int, bytes]]:
        """Files by the number of their school, of one school after the other."""
        nonlocal made
        made += count
        return [
            (n % schools, sealed(site, parties[n % schools], [made + n], of_school(n % schools))[0])
            for n in range(count)
        ]

    competent = (sys.executable, _COMPETENT)
    with (
        processor(site) as process,
        script(setting.scratch / "diy", site, parties, _DIY) as clumsy,
        script(setting.scratch / "competent", site, parties, *competent) as able,
    ):
        _ours(landings, fresh()[:16], site, parties)  # The children are started by the first files.
        costs = [Costs(process.pid), Costs(), Costs(*clumsy.pids), Costs(*able.pids)]

        def paused(cost: Costs, work: Callable[[Sequence[tuple[int, bytes]]], float]) -> float:
            """What works on nothing now rests, so that its rescans cost the others nothing."""
            files = fresh()
            process.send_signal(signal.SIGSTOP)
            try:
                with cost.of(count):
                    return count / work(files)
            finally:
                process.send_signal(signal.SIGCONT)

        def ours() -> float:
            files = fresh()
            with costs[0].of(count):
                return count / _ours(landings, files, site, parties)

        rates = in_turns(
            setting.rounds(3),
            ours,
            lambda: paused(costs[1], bare.all),
            lambda: paused(costs[2], clumsy.all),
            lambda: paused(costs[3], able.all),
        )
    what = f"burst of {count} files of {schools} school{'s' if schools > 1 else ''}"
    peers = (f"sqop decrypt on {os.cpu_count()} cores", "do-it-yourself script", "competent script")
    for number, (peer, target) in enumerate(zip(peers, (0.65, 3.0, 1.5), strict=True), start=1):
        cpu = ("file", costs[0].rounds, costs[number].rounds)
        yield line("burst", what, "files/s", rates[0], peer, rates[number], better="more", target=target,
                   cpu=cpu)  # fmt: skip


def _ours(
    landings: Sequence[Landing], files: Sequence[tuple[int, bytes]], site: Site, parties: Sequence[Party]
) -> float:
    last = []
    for number, (school, data) in enumerate(files):
        reference = landings[school].prepare(f"b{number}.pgp", data)
        last.append(site.receipts(parties[school].name) / f"b{number}.pgp.{reference}.json")
    begun = time.perf_counter()
    for landing in landings:
        landing.land()
    until(lambda: all(path.exists() for path in reversed(last)), _PATIENCE, 0.05)
    taken = time.perf_counter() - begun
    for path in last:
        if '"state":"accepted"' not in path.read_text("utf-8").replace(" ", ""):
            raise RuntimeError(f"{path.name}: the file was not accepted, and a bench is of accepted ones")
    return taken


class Bare:
    """`sqop decrypt` with the signature verified, and nothing else."""

    def __init__(self, folder: Path, site: Site, parties: Sequence[Party]) -> None:
        self._folder = folder
        self._folder.mkdir(exist_ok=True)
        self._secret = folder / "secret.pgp"
        home = Home(site.home)
        self._secret.write_bytes(secret_files.openpgp_secret(home, secret_files.signing_fingerprint(home)))
        for number, party in enumerate(parties):
            shutil.copy(party.certificate, folder / f"{number}.asc")

    def one(self, data: bytes) -> float:
        """The seconds one file takes. RuntimeError where it is not opened or not verified."""
        (self._folder / "0-one").write_bytes(data)
        return self._timed(["0-one"], 1)

    def all(self, files: Sequence[tuple[int, bytes]]) -> float:
        """The seconds these files take, on all cores."""
        return self._timed(_laid(files, self._folder), os.cpu_count() or 1)

    def _timed(self, names: Sequence[str], together: int) -> float:
        for old in self._folder.glob("*.verified"):
            old.unlink()
        decrypt = (
            'for f; do sqop decrypt --verify-with "${f%%-*}.asc" --verifications-out "$f.verified" '
            'secret.pgp <"$f" >/dev/null || exit 255; done'
        )
        work = ["xargs", "-P", str(together), "-n", "20", "sh", "-c", decrypt, "sh"]
        taken = seconds(
            lambda: subprocess.run(work, input="\n".join(names), text=True, cwd=self._folder, check=True)
        )
        verified = [self._folder / f"{name}.verified" for name in names]
        if not all(path.exists() and path.stat().st_size for path in verified):
            raise RuntimeError("sqop decrypt did not verify every file")
        return taken


def _laid(files: Sequence[tuple[int, bytes]], folder: Path) -> list[str]:
    """Files in a folder, each under a name that begins with the number of its school; their names."""
    names = [f"{school}-{number}.pgp" for number, (school, _) in enumerate(files)]
    for name, (_, data) in zip(names, files, strict=True):
        (folder / name).write_bytes(data)
    return names


class Script:
    """A script at work in `root`, and the processes that it is made of."""

    def __init__(self, root: Path, pids: Sequence[int]) -> None:
        self._root = root
        self.pids = pids

    def all(self, files: Sequence[tuple[int, bytes]]) -> float:
        """The seconds from these files' arrival to the last receipt."""
        aside, receipts = self._root / "aside", self._root / "receipts"
        for folder in (aside, receipts, self._root / "done", self._root / "teams"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        subprocess.run(["sqlite3", self._root / "transfers.db", "DELETE FROM transfer"], check=True)
        names = _laid(files, aside)
        begun = time.perf_counter()
        for name in names:
            (aside / name).rename(self._root / "in" / name)
        last = [receipts / f"{name}.txt" for name in names]
        until(lambda: all(path.exists() for path in reversed(last)), _PATIENCE, 0.05)
        return time.perf_counter() - begun


def _watches(pid: int) -> bool:
    """Does one of these processes watch a folder? inotifywait says nothing when it begins to."""
    try:
        return any(
            "inotify wd" in told.read_text("ascii")
            for process in family(pid)
            for told in (process / "fdinfo").iterdir()
        )
    except (FileNotFoundError, ProcessLookupError):
        return False  # One of them changed while it was looked at.


@contextmanager
def script(root: Path, site: Site, parties: Sequence[Party], *command: str | Path) -> Iterator[Script]:
    """`command` watching `root`, with the gateway's own key and an agent that runs already."""
    for name in ("in", "refused", "done", "teams", "receipts", "signers", "gnupg"):
        (root / name).mkdir(parents=True)
    (root / "gnupg").chmod(0o700)
    home = Home(site.home)
    environment = {**os.environ, "GNUPGHOME": str(root / "gnupg")}

    def gpg(*arguments: str, data: bytes = b"") -> None:
        subprocess.run(["gpg", "--batch", "--quiet", *arguments], input=data, env=environment, check=True)

    gpg("--import", data=secret_files.openpgp_secret(home, secret_files.signing_fingerprint(home)))
    for number, party in enumerate(parties):
        gpg("--import", data=party.certificate.read_bytes())
        signer = str(party.openpgp.extract_certificate().fingerprint).upper()
        (root / "signers" / str(number)).write_text(signer)
    process = subprocess.Popen(
        [*command, root], env=environment, start_new_session=True, stdin=subprocess.DEVNULL
    )
    try:
        until(lambda: _watches(process.pid), 60)
        first = sealed(site, parties[0], range(9_000_000, 9_000_010))
        Script(root, []).all([(0, data) for data in first])
        asked = subprocess.run(
            ["gpg-connect-agent", "getinfo pid", "/bye"], env=environment, capture_output=True, text=True,
            check=True,
        )  # fmt: skip
        yield Script(root, [process.pid, int(asked.stdout.split()[1])])
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
