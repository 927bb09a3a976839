"""Several hosts on one PostgreSQL and one S3 store, each with a home and a processor of its own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.registry.database import Registry
from tests.clock import Clock
from tests.store.servers import Server
from tests.workshop import Workshop


def shared_home(root: Path, weed: Server, url: str) -> Workshop:
    """A gateway on both, the first of several hosts. Its clock is the true one."""
    desk = Workshop(root, clock=Clock(behind=timedelta()))
    place = weed.settings(root.name)
    desk.gateway(
        *("move", "--database-url", url, "--store", str(place.url), "--endpoint", str(place.endpoint)),
        *("--credentials", str(place.credentials_file)),
    )
    desk._set("rescan_seconds = 5.0", "rescan_seconds = 0.5")
    desk.home.settings.write_text(desk.home.settings.read_text() + '\n[host]\nname = "one"\n')
    desk.registry.close()
    desk.registry = Registry(load_settings(desk.home).database_url(desk.home))
    return desk


def another_host(first: Workshop, root: Path, name: str) -> Workshop:
    """A host beside the first one: it has the same keys, policies and settings, and nothing else."""
    there = Home(root / "home")
    for part in ("keys", "policies", "policies-in-force"):
        shutil.copytree(first.home.root / part, there.root / part)
    there.settings.write_text(first.home.settings.read_text().replace('name = "one"', f'name = "{name}"'))
    for folder in (there.root / "sealed", there.spool.landed, there.published.log, there.mailboxes):
        folder.mkdir(parents=True, mode=0o700)
    host = object.__new__(Workshop)
    host.root, host.home, host.clock = root, there, first.clock
    host._open()
    return host


@contextmanager
def at_work(*hosts: Workshop) -> Iterator[None]:
    """Meanwhile the processor of each host works."""
    with ExitStack() as stack:
        for host in hosts:
            stack.enter_context(host)
        yield
