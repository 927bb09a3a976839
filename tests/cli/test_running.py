"""`gateway run`: an edited setting counts from the next start on, and status finds what runs."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from tests.ending import ending
from tests.ports import free_ports
from tests.site import Site

pytestmark = pytest.mark.long


def test_intake_starts_with_what_is_set_now_and_not_with_what_was(site: Site) -> None:
    settings = site.home / "gateway.toml"
    intake, mailboxes, console = free_ports(3)
    text = settings.read_text().replace('host = "0.0.0.0"', 'host = "127.0.0.1"')
    text = text.replace("port = 2222", f"port = {intake}").replace("port = 2223", f"port = {mailboxes}")
    text = text.replace("port = 2224", f"port = {console}")
    settings.write_text(text)
    published = site.home / "published" / "intake.json"
    former = json.loads(published.read_text())
    former["limits"]["of_an_older_version"] = 1  # Intake refuses to start with this.
    published.write_text(json.dumps(former))
    said = _ready_in_spite_of_a_slow_processor(site)
    assert said == (
        f"ready intake 127.0.0.1:{intake} mailboxes 127.0.0.1:{mailboxes} console http://localhost:{console}\n"
    )


def test_status_finds_services_where_they_run(site: Site) -> None:
    with site.running():
        assert _services(site) == {"intake": True, "processor": True, "mailboxes": True}
    assert _services(site) == {"intake": False, "processor": False, "mailboxes": False}
    assert "intake was looked for on port 2222 of 0.0.0.0" in site.result("status").stdout


def test_the_web_door_is_told_of_where_it_is_set(site: Site) -> None:
    settings, (port,) = site.home / "gateway.toml", free_ports(1)
    settings.write_text(f'{settings.read_text()}\n[web]\nport = {port}\norigin = "http://localhost:{port}"\n')
    free = (f"--{name}-port=0" for name in ("intake", "mailboxes", "console"))
    with site.log.open("a") as log:
        command = [sys.executable, "-m", "gateway", "run", "--home", str(site.home), *free]
        supervisor = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
    with ending(supervisor):
        assert supervisor.stdout is not None
        assert supervisor.stdout.readline().endswith(f" web http://localhost:{port}\n")
        assert _services(site)["web"] is True
        assert "  web up" in site.result("status").stdout
    assert _services(site)["web"] is False
    assert f"web was looked for on port {port} of 127.0.0.1" in site.result("status").stdout
    assert "service-down:web" in site.result("status", "--json").stdout


def test_a_certificate_that_is_missing_is_named(site: Site) -> None:
    settings = site.home / "gateway.toml"
    before = settings.read_text()
    settings.write_text(before.replace("port = 2224", 'port = 2224\ncertificate = "/nowhere/console.pem"'))
    free = (f"--{name}-port=0" for name in ("intake", "mailboxes", "console"))
    command = [sys.executable, "-m", "gateway", "run", "--home", str(site.home), *free]
    told = subprocess.run(command, check=False, capture_output=True, text=True).stderr
    settings.write_text(before)
    assert "/nowhere/console.pem: No such file or directory; see certificate and certificate_key" in told


def test_a_courier_runs_where_a_relay_is_named(site: Site) -> None:
    """It is one service more, which is ready before `run` says so and goes with the others."""
    settings = site.home / "gateway.toml"
    before = settings.read_text()
    settings.write_text(
        f'{before}\n[letters]\nrelay = "127.0.0.1"\nport = {free_ports(1)[0]}\ntls = "none"\n'
    )
    with site.running() as running:
        services = _children(running.supervisor.pid)
    settings.write_text(before)
    with site.running() as running:
        assert len(_children(running.supervisor.pid)) == len(services) - 1


def test_a_killed_gateway_is_not_looked_for_where_it_was(site: Site) -> None:
    with site.running() as running:
        before = site.result("status").stdout
        children = _children(running.supervisor.pid)
        for process in (running.supervisor.pid, *children):
            os.kill(process, signal.SIGKILL)
        running.supervisor.wait(60)
    assert "DOWN" not in before
    assert "intake was looked for on port 2222 of 0.0.0.0" in site.result("status").stdout


def _services(site: Site) -> dict[str, bool]:
    found: dict[str, bool] = json.loads(site.result("status", "--json").stdout)["services"]
    return found


def _children(process: int) -> list[int]:
    with open(f"/proc/{process}/task/{process}/children") as file:  # noqa: PTH123
        return [int(child) for child in file.read().split()]


def _ready_in_spite_of_a_slow_processor(site: Site) -> str:
    """What `gateway run` says when it is ready, where the processor finds the registry locked at first: for
    as long as another service takes to start.
    """
    with (
        site.log.open("a") as log,
        closing(sqlite3.connect(site.home / "registry.db", isolation_level=None)) as lock,
    ):
        lock.execute("BEGIN IMMEDIATE")
        supervisor = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--home", str(site.home)],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        with ending(supervisor):
            service = ("serve", "mailboxes", "--port=0", "--home", str(site.home))
            command = [sys.executable, "-m", "gateway", *service]
            with ending(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)) as other:
                assert other.stdout is not None
                assert other.stdout.readline().startswith("ready ")
            lock.execute("ROLLBACK")
            assert supervisor.stdout is not None
            return supervisor.stdout.readline()
