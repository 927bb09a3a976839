"""One home with one school in it, its services apart, and what its client was told."""

from __future__ import annotations

import contextlib
import copy
import itertools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import paramiko
from sqlmodel import col, func, select

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.registry.database import Registry
from gateway.registry.tables import TransferRow
from gateway.zones.spool import waiting
from tests.content import core_data
from tests.faults.services import REPOSITORY, Service, until
from tests.policies import enact
from tests.site import Party, Site

FXP_CLOSE = 4


@dataclass
class Yard:
    """`told` are the names of uploads whose client was told, by the answer to its CLOSE, that they landed."""

    site: Site
    oak: Party
    jane: Party
    told: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.intake = Service(self.site, "intake")
        self.processor = Service(self.site, "processor")
        self.mailboxes = Service(self.site, "mailboxes")

    def copied(self, folder: Path) -> Yard:
        """The same home and people in another place; nothing may be running here."""
        shutil.copytree(self.site.root, folder, dirs_exist_ok=True)
        site = copy.copy(self.site)
        site.root, site.home = folder, folder / "home"
        return Yard(site, self.oak, self.jane)

    @property
    def home(self) -> Home:
        return Home(self.site.home)

    @property
    def services(self) -> tuple[Service, Service, Service]:
        return self.intake, self.processor, self.mailboxes

    def stop(self) -> None:
        for service in self.services:
            service.stop()

    close = stop

    @contextlib.contextmanager
    def up(self, *services: Service) -> Iterator[None]:
        """These services running meanwhile; all of them where none is named."""
        with contextlib.ExitStack() as stack:
            for service in services or self.services:
                stack.enter_context(service.up())
            yield

    # Uploads.

    def fresh(self, *, pupils: int = 2) -> tuple[str, bytes]:
        """The name and the sealed octets of a file that was never sent."""
        with self._lock:
            number = next(self._numbers)
            content = core_data(number, pupils=pupils)
            return f"core {number:05}.xml.pgp", self.oak.seal(content, self.site.certificate)

    def send(self, name: str, data: bytes) -> bool:
        """Upload; whether the client was told that it landed."""
        try:
            with self.session() as client:
                put(client, f"/in/{name}", data)
        except (OSError, EOFError, paramiko.SSHException):
            self.refused.add(name)
            return False
        self.told.add(name)
        return True

    def send_until_told(self, name: str, data: bytes) -> None:
        until(lambda: self.send(name, data), f"{name} to be taken")

    def send_fresh(self, number: int) -> list[str]:
        """Upload so many new files, in one session; all must be taken. Their names."""
        files = [self.fresh() for _ in range(number)]
        with self.session() as client:
            for name, data in files:
                put(client, f"/in/{name}", data)
                self.told.add(name)
        return [name for name, _ in files]

    @contextlib.contextmanager
    def session(self) -> Iterator[paramiko.SFTPClient]:
        transport = paramiko.Transport(self.intake.place)
        transport.banner_timeout = transport.auth_timeout = 20
        try:
            key = paramiko.Ed25519Key.from_private_key_file(str(self.oak.ssh_key))
            transport.connect(username="oak", pkey=key)
            client = paramiko.SFTPClient.from_transport(transport)
            assert client is not None
            client.get_channel().settimeout(60)
            yield client
        finally:
            transport.close()

    # What became of them.

    def states(self, *names: str) -> list[str]:
        """The states of the transfers of these names."""
        with self.registry() as registry, registry.read() as session:
            query = select(TransferRow.state).where(col(TransferRow.name).in_(names))
            return list(session.exec(query.order_by(col(TransferRow.sequence))).all())

    def decided(self) -> int:
        with self.registry() as registry, registry.read() as session:
            query = select(func.count()).select_from(TransferRow).where(TransferRow.state != "landed")
            return session.exec(query).one()

    def undecided(self) -> int:
        """How many uploads wait, in the spool or inside."""
        with self.registry() as registry, registry.read() as session:
            inside = session.exec(
                select(func.count()).select_from(TransferRow).where(TransferRow.state == "landed")
            ).one()
        return inside + sum(1 for _ in waiting(self.home.spool))

    def await_decided(self, *names: str, seconds: float = 60) -> None:
        until(
            lambda: len([s for s in self.states(*names) if s != "landed"]) >= len(names),
            f"{len(names)} decisions",
            seconds,
        )

    @contextlib.contextmanager
    def registry(self) -> Iterator[Registry]:
        registry = Registry(load_settings(self.home).database_url(self.home))
        try:
            yield registry
        finally:
            registry.close()

    def gateway_as(self, *words: str, environment: Mapping[str, str]) -> str:
        """What `gateway WORDS` printed in this environment."""
        return subprocess.run(
            [sys.executable, "-m", "gateway", *words, "--home", str(self.site.home)],
            cwd=REPOSITORY, env={**os.environ, **environment}, capture_output=True, text=True, check=True,
        ).stdout  # fmt: skip

    # Its settings.

    def set(self, **settings: object) -> None:
        """Change keys of gateway.toml and limits.toml, wherever they stand, and have them count."""
        limits = (self.home.policies / "limits.toml").read_text()
        for path in (self.home.settings, self.home.policies / "limits.toml"):
            text = path.read_text()
            for key, value in settings.items():
                shown = f'"{value}"' if isinstance(value, str) else value
                text = re.sub(rf"(?m)^(# )?{key} = .*$", f"{key} = {shown}", text)
            path.write_text(text)
        if (self.home.policies / "limits.toml").read_text() != limits:
            enact(self.home.root)


def put(client: paramiko.SFTPClient, path: str, data: bytes) -> None:
    """Upload, and hear the answer to the CLOSE, which paramiko itself keeps quiet about."""
    file = client.open(path, "wb")
    file.set_pipelined(False)
    try:
        file.write(data)
        file.flush()
        client._request(FXP_CLOSE, file.handle)
    finally:
        file._closed = True


def yard(folder: Path, **settings: object) -> Yard:
    """A fresh one. It looks again four times a second."""
    site = Site(folder)
    made = Yard(site, site.provider("oak"), site.staff("jane", "central-data-team"))
    made.set(rescan_seconds=0.25, free_bytes=0, reserve_bytes=0, **settings)
    site.gateway("process", "--once")  # It brings the settings out to intake.
    return made
