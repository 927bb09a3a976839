"""Schools that upload without pause while keys change under them, and services that may be killed."""

from __future__ import annotations

import contextlib
import io
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import paramiko
import pysequoia

from tests import warm
from tests.commands import Commands
from tests.content import core_data
from tests.ports import free_ports
from tests.site import Party
from tests.waiting import until

PATIENCE_SECONDS = 200
_WHILE_KEYS_CHANGE_SECONDS = 12
_LAST_PART = 5
_MOST_KILLS = 12


def ended(child: subprocess.Popen[str]) -> None:
    """Wait for the end of a service, and close what it was read from."""
    child.wait(60)
    assert child.stdout is not None
    child.stdout.close()


class Services:
    """The services of a home, each a process of its own, on ports that stay."""

    def __init__(self, site: Commands) -> None:
        self._site = site
        self.intake, self.mailboxes = (("127.0.0.1", port) for port in free_ports(2))
        self._commands = {
            "intake": ("serve", "intake", "--port", str(self.intake[1])),
            "processor": ("process",),
            "mailboxes": ("serve", "mailboxes", "--port", str(self.mailboxes[1])),
        }
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._log = (site.root / "services.log").open("a")

    def __enter__(self) -> Self:
        for name in self._commands:
            self.start(name)
        return self

    def __exit__(self, *_: object) -> None:
        for child in self._running.values():
            child.terminate()
        for child in self._running.values():
            ended(child)
        self._log.close()

    def start(self, name: str) -> None:
        command = [sys.executable, "-m", "gateway", *self._commands[name], "--home", str(self._site.home)]
        child = warm.Popen(command, stdout=subprocess.PIPE, stderr=self._log, text=True)
        assert child.stdout is not None
        assert child.stdout.readline().startswith("ready"), name
        self._running[name] = child

    def kill(self, name: str) -> None:
        """kill -9, and a fresh start."""
        self._running[name].kill()
        ended(self._running[name])
        self.start(name)


@dataclass
class Sent:
    """One content that was put, and what has to become of it."""

    school: str
    name: str
    right: bool
    sealed: bytes
    puts: int = 0


class Uploader(threading.Thread):
    """A school's computer: seals and puts one small file after another.

    It takes its time while keys change, and keeps its last files for after that.
    """

    def __init__(
        self,
        party: Party,
        place: tuple[str, int],
        seeds: range,
        wrong: Callable[[int], Party | None],
        changed: threading.Event,
    ) -> None:
        super().__init__(name=f"{party.name}-{seeds.start}")
        self.party = party
        self._place, self._seeds, self._wrong, self._changed = place, seeds, wrong, changed
        self._pause = _WHILE_KEYS_CHANGE_SECONDS / len(seeds)
        self._certificate = ""
        self._attempts = 0
        self.sent: list[Sent] = []
        self.failure: BaseException | None = None

    def run(self) -> None:
        waiting = [(seed, core_data(seed=seed, pupils=1)) for seed in self._seeds]
        deadline = time.monotonic() + PATIENCE_SECONDS
        try:
            while waiting:
                assert time.monotonic() < deadline, f"{self.name} has {len(waiting)} files left"
                with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
                    self._put_some(waiting)
        except BaseException as error:  # noqa: BLE001 - told by the test
            self.failure = error

    def _put_some(self, waiting: list[tuple[int, bytes]]) -> None:
        """Put files on one connection; those that were acknowledged are no longer `waiting`."""
        party = self.party
        with party.sftp(self._place) as session:
            session.get_channel().settimeout(60)
            while waiting and self.party is party:
                seed, content = waiting[0]
                if seed % 10 == 0 or not self._certificate:
                    taken = io.BytesIO()
                    session.getfo("/keys/gateway.asc", taken)
                    self._certificate = taken.getvalue().decode()
                signer = self._wrong(seed) or party
                name = f"core-{seed}.pgp"
                record = next((one for one in self.sent if one.name == name), None)
                if record is None:
                    sealed = signer.seal(content, self._certificate)
                    record = Sent(party.name, name, right=self._wrong(seed) is None, sealed=sealed)
                    self.sent.append(record)
                self._attempts += 1
                with session.open(f"/in/{name}.{self._attempts}", "wb") as file:
                    file.set_pipelined(True)
                    file.write(record.sealed)
                record.puts += 1
                waiting.pop(0)
                patient = len(waiting) < len(self._seeds) // _LAST_PART
                self._changed.wait(PATIENCE_SECONDS if patient else self._pause)


@contextlib.contextmanager
def uploading(uploaders: list[Uploader]) -> Iterator[None]:
    """Meanwhile, all of them; at the end none has failed."""
    for uploader in uploaders:
        uploader.start()
    try:
        yield
    finally:
        for uploader in uploaders:
            uploader.join(PATIENCE_SECONDS)
    assert [u.failure for u in uploaders if u.failure] == []


def put_so_far(uploaders: list[Uploader]) -> int:
    return sum(len(uploader.sent) for uploader in uploaders)


def when_put(uploaders: list[Uploader], number: int) -> None:
    """Wait until so many files were put."""
    until(lambda: put_so_far(uploaders) >= number, f"{number} files to be put", PATIENCE_SECONDS)


def drop_key(party: Party, place: tuple[str, int], material: bytes, name: str) -> None:
    """Put a new key into /keys, signed with the party's present one; again where that is cut off."""
    signed = pysequoia.sign(party.openpgp.signer(), material, mode=pysequoia.SignatureMode.CLEAR)

    def put() -> bool:
        try:
            party.put(place, f"/keys/{name}", signed)
        except (OSError, EOFError, paramiko.SSHException):
            return False
        return True

    until(put, f"{name} to be put", PATIENCE_SECONDS)


def host_key(party: Party, place: tuple[str, int]) -> bytes:
    """The host key that intake shows to somebody who logs in; who does not would soon have to wait."""
    time.sleep(0.5)
    with party.sftp(place) as session:
        return session.get_channel().get_transport().get_remote_server_key().asbytes()


def killing(services: Services, stop: threading.Event, seed: int) -> threading.Thread:
    """Kills one service or another at random moments, for as long as `stop` is not set.

    That is five or six times on most machines. On one that is so busy that a processor is killed before its
    children have started, it comes to an end all the same.
    """
    chance = random.Random(seed)

    def run() -> None:
        for _ in range(_MOST_KILLS):
            if stop.wait(chance.uniform(0.5, 2.5)):
                return
            services.kill(chance.choice(("intake", "processor", "mailboxes")))

    return threading.Thread(target=run, name="killer")


def rotate_with_kills(site: Commands, log: Path, seed: int, kills: int) -> None:
    """`gateway keys gateway rotate`, killed at random moments so many times, then let be."""
    chance = random.Random(seed)
    command = [sys.executable, "-m", "gateway", "keys", "gateway", "rotate", "--home", str(site.home)]
    with log.open("a") as errors:
        for _ in range(kills):
            child = warm.Popen(command, stdout=errors, stderr=errors)
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(chance.uniform(0.3, 2.0))
            child.kill()
            child.wait()
    site.gateway("keys", "gateway", "rotate")
