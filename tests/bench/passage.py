"""The passage of a file: from a closed upload to its receipt, one by one, at once, and a thousand together.

The limit is the cryptography alone: `sqop decrypt` of the same files, as many at a time as there are
cores, each with its signature verified. The peer is `diy.sh`.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import asyncssh
from watchdog.events import FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from gateway.home import Home
from gateway.homes.demo.parties import Party
from gateway.secrets import secret_files
from tests.bench.measure import Line, Setting, in_turns, line, percentile, seconds, until
from tests.bench.parties import CIPHER, Landing, processor, sealed
from tests.site import Site

_DIY = Path(__file__).with_name("diy.sh")
_SESSIONS = 4  # As many as one connection may carry.
_PATIENCE = 240


def receipt(setting: Setting) -> Iterator[Line]:
    """How long a receipt takes, one by one and at once."""
    site = _site(setting)
    parties = [site.provider("oak"), site.provider("ash")]
    each = 30 if setting.quick else 60
    party = parties[0]
    sample = sealed(site, party, [1_000_000])[0]
    bare = Bare(setting.scratch / "bare", site, party)
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
            taken = passed(count, together)
            what = f"closed upload to receipt, {together} at once"
            alone += [bare.one(sample) for _ in range(10)]  # Now too: the machine may be busier.
            for name, part in (("p50", 0.5), ("p99", 0.99)):
                target = 5.0 if (together, name) == (1, "p50") else None
                yield line("receipt", f"{what}, {name}", "ms", [1000 * percentile(taken, part)],
                           "one sqop decrypt", [1000 * value for value in alone], better="less",
                           target=target, note=f"{count} files")  # fmt: skip


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
    """All files are there before; what is measured begins when they land and ends with the last receipt."""
    site = _site(setting)
    party = site.provider("oak")
    count = 200 if setting.quick else 1000
    bare = Bare(setting.scratch / "bare", site, party)
    landing = Landing(site, party)
    made = 10_000_000

    def fresh() -> list[bytes]:
        nonlocal made
        made += count
        return sealed(site, party, range(made, made + count))

    with processor(site) as process, diy(setting.scratch / "diy", site, party) as script:
        _ours(landing, fresh()[:16], site)  # The children are started by the first files.

        def paused(work: Callable[[Sequence[bytes]], float]) -> float:
            """What works on nothing now rests, so that its rescans cost the others nothing."""
            files = fresh()
            process.send_signal(signal.SIGSTOP)
            try:
                return len(files) / work(files)
            finally:
                process.send_signal(signal.SIGCONT)

        ours, limit, theirs = in_turns(
            setting.rounds(3),
            lambda: count / _ours(landing, fresh(), site),
            lambda: paused(bare.all),
            lambda: paused(script.all),
        )
    cores = os.cpu_count()
    yield line("burst", f"burst of {count} files", "files/s", ours, "do-it-yourself script", theirs,
               better="more", target=3.0)  # fmt: skip
    yield line("burst", f"burst of {count} files", "files/s", ours, f"sqop decrypt on {cores} cores", limit,
               better="more", target=0.6)  # fmt: skip


def _ours(landing: Landing, files: Sequence[bytes], site: Site) -> float:
    references = [landing.prepare(f"b{number}.pgp", data) for number, data in enumerate(files)]
    folder = site.receipts("oak")
    begun = time.perf_counter()
    landing.land()
    last = [folder / f"b{number}.pgp.{reference}.json" for number, reference in enumerate(references)]
    until(lambda: all(path.exists() for path in reversed(last)), _PATIENCE, 0.05)
    return time.perf_counter() - begun


class Bare:
    """`sqop decrypt` with the signature verified, and nothing else."""

    def __init__(self, folder: Path, site: Site, party: Party) -> None:
        self._folder = folder
        self._folder.mkdir(exist_ok=True)
        self._secret = folder / "secret.pgp"
        home = Home(site.home)
        self._secret.write_bytes(secret_files.openpgp_secret(home, secret_files.signing_fingerprint(home)))
        self._certificate = party.certificate

    def one(self, data: bytes) -> float:
        """The seconds one file takes. RuntimeError where it is not opened or not verified."""
        (self._folder / "one").write_bytes(data)
        return self._timed(["one"], 1)

    def all(self, files: Sequence[bytes]) -> float:
        """The seconds these files take, on all cores."""
        for number, data in enumerate(files):
            (self._folder / f"{number}.pgp").write_bytes(data)
        return self._timed([f"{number}.pgp" for number in range(len(files))], os.cpu_count() or 1)

    def _timed(self, names: Sequence[str], together: int) -> float:
        for old in self._folder.glob("*.verified"):
            old.unlink()
        decrypt = (
            'for f; do sqop decrypt --verify-with "$CERTIFICATE" --verifications-out "$f.verified" "$SECRET" '
            '<"$f" >/dev/null || exit 255; done'
        )
        work = ["xargs", "-P", str(together), "-n", "20", "sh", "-c", decrypt, "sh"]
        environment = {
            **os.environ, "CERTIFICATE": str(self._certificate), "SECRET": str(self._secret),
        }  # fmt: skip
        taken = seconds(
            lambda: subprocess.run(
                work, input="\n".join(names), text=True, cwd=self._folder, env=environment, check=True
            )
        )
        verified = [self._folder / f"{name}.verified" for name in names]
        if not all(path.exists() and path.stat().st_size for path in verified):
            raise RuntimeError("sqop decrypt did not verify every file")
        return taken


class Script:
    """The do-it-yourself pipeline at work in `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def all(self, files: Sequence[bytes]) -> float:
        """The seconds from these files' arrival to the last receipt."""
        aside, receipts = self._root / "aside", self._root / "receipts"
        for folder in (aside, receipts, self._root / "done", self._root / "teams"):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        with (self._root / "transfers.db").open("rb"):
            subprocess.run(["sqlite3", self._root / "transfers.db", "DELETE FROM transfer"], check=True)
        for number, data in enumerate(files):
            (aside / f"{number}.pgp").write_bytes(data)
        begun = time.perf_counter()
        for number in range(len(files)):
            (aside / f"{number}.pgp").rename(self._root / "in" / f"{number}.pgp")
        last = [receipts / f"{number}.pgp.txt" for number in range(len(files))]
        until(lambda: all(path.exists() for path in reversed(last)), _PATIENCE, 0.05)
        return time.perf_counter() - begun


@contextmanager
def diy(root: Path, site: Site, party: Party) -> Iterator[Script]:
    """`diy.sh` watching, with the gateway's own key and an agent that runs already."""
    for name in ("in", "refused", "done", "teams", "receipts", "gnupg"):
        (root / name).mkdir(parents=True)
    (root / "gnupg").chmod(0o700)
    home = Home(site.home)
    environment = {**os.environ, "GNUPGHOME": str(root / "gnupg")}

    def gpg(*arguments: str, data: bytes = b"") -> None:
        subprocess.run(["gpg", "--batch", "--quiet", *arguments], input=data, env=environment, check=True)

    gpg("--import", data=secret_files.openpgp_secret(home, secret_files.signing_fingerprint(home)))
    gpg("--import", data=party.certificate.read_bytes())
    signer = str(party.openpgp.extract_certificate().fingerprint).upper()
    process = subprocess.Popen(
        [_DIY, root, signer], env=environment, start_new_session=True, stdin=subprocess.DEVNULL
    )
    try:
        until((root / "transfers.db").exists, 20)
        time.sleep(0.5)  # inotifywait says nothing when it begins to watch.
        script = Script(root)
        script.all(sealed(site, party, range(9_000_000, 9_000_010)))
        yield script
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
        subprocess.run(["gpgconf", "--kill", "all"], env=environment, check=False)
