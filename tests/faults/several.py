"""What several hosts promise besides the storm: each once, at three hosts in namespaces of their own.

A dead host is told by status, metric and balancer within 30 seconds, and its spool taken over; policies are
proposed at one host and approved at another; what lets somebody in at one door does at all; a host whose
clock is ten minutes wrong records nothing.
"""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable

import paramiko
import pytest
from sqlmodel import select

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.homes.demo.parties import Party
from gateway.mailboxes.console_api.challenges import ChallengeOverError, SharedChallenges
from gateway.registry.database import Registry
from gateway.registry.hosts import SILENT_SECONDS
from gateway.registry.tables import TransferRow
from tests.commands import invoke
from tests.content import core_data
from tests.faults.region import Host, Region
from tests.waiting import until

NOTICED_SECONDS = 30


def acts(region: Region) -> None:
    """All of it, one after another, with a line printed for each."""
    for act in (_a_host_dies, _policies, _doors, _a_wrong_clock):
        began = time.monotonic()
        said = act(region)
        print(f"{time.monotonic() - began:6.0f} s  {said}", flush=True)


def _a_host_dies(region: Region) -> str:
    one, two, _ = region.hosts
    two.services[1].kill()
    died = time.monotonic()
    names = [_put(region, two, number) for number in range(3)]  # Its intake goes on for a while.

    def told_by(what: str, asks: Callable[[], bool]) -> str:
        until(asks, f"the dead host to be told by {what}", seconds=NOTICED_SECONDS - _since(died))
        return f"{what} after {_since(died):.0f} s"

    told = (
        told_by("balancer", lambda: "two" in region.balancer.down()),
        told_by("status", lambda: "host-silent:two" in _wrong(one)),
        told_by("metric", lambda: _silent(one, "two") > SILENT_SECONDS),
    )
    two.kill()
    words = ("take-over", "two", str(two.site.home / "spool"), "--why", "its disk is here")
    done = _done(one, "hosts", *words)
    assert "3 uploads of two are in the spool of this host" in done, done
    _decided_once(region, names)
    two.start()
    until(lambda: "host-silent:two" not in _wrong(one), "the host to be back", seconds=60)
    return f"a dead host: told by {', '.join(told)}; its 3 uploads taken over, each decided once"


def _policies(region: Region) -> str:
    one, _, three = region.hosts
    teams = one.site.home / "policies" / "teams.toml"
    teams.write_text(teams.read_text() + "\n# Proposed at the first host.\n")
    with pytest.MonkeyPatch.context() as person:
        person.setenv("GATEWAY_ADMIN", "ada")
        digest = _done(one, "policy", "propose").split("proposed: ")[1].split()[0]
        until(Home(three.site.home).version(digest).is_dir, "the proposal at the third host", seconds=60)
        person.setenv("GATEWAY_ADMIN", "grace")
        assert f"in force: {digest}" in _done(three, "policy", "approve", "--yes")
    homes = [*map(_home, region.hosts)]
    until(lambda: {one.policies_in_force.name for one in homes} == {digest}, "the policies", seconds=60)
    return "policies proposed at one host and approved at another: in force at all three"


def _doors(region: Region) -> str:
    one, two, three = region.hosts
    elm = one.site.provider("elm")
    until(lambda: _lets_in(region, two, elm) and _lets_in(region, three, elm), "the logins", seconds=60)
    registries = [Registry(load_settings(home).database_url(home)) for home in map(_home, (two, three))]
    try:
        given, taken = (SharedChallenges(registry) for registry in registries)
        challenge = given.give("browser", "login")
        assert taken.take("browser", "login") == challenge
        with pytest.raises(ChallengeOverError):
            given.take("browser", "login")
    finally:
        for registry in registries:
            registry.close()
    return "a provider enrolled at one host logs in at the others; a console's challenge is taken once"


def _a_wrong_clock(region: Region) -> str:
    one, _, three = region.hosts
    three.kill()
    three.clock = "+600s"
    three.start()
    until(lambda: "host-clock-wrong:three" in _wrong(one), "the clock to be told", seconds=60)
    until(lambda: _lets_in(region, three, region.oak), "its door", seconds=60)
    name = _put(region, three, 9)
    time.sleep(10)
    assert _states(region).get(name) is None, "a host with a wrong clock put a file on record"
    three.kill()
    three.clock = "+0s"
    three.start()
    _decided_once(region, [name])
    until(lambda: not _wrong(one), "all to be well", seconds=60)
    return "a clock ten minutes off: told, nothing recorded, its upload decided once the clock was right"


def _put(region: Region, host: Host, number: int) -> str:
    """Upload at this host's own door, and acknowledge the name."""
    name = f"{host.name}-{number}-{time.monotonic_ns()}.xml.pgp"
    sealed = region.oak.seal(core_data(7000 + number, pupils=3), region.certificate)
    with region.aside(host) as place:
        region.oak.put(place, f"/in/{name}", sealed)
    region.told.append(name)
    return name


def _lets_in(region: Region, host: Host, party: Party) -> bool:
    try:
        with region.aside(host) as place, party.sftp(place) as session:
            return "receipts" in session.listdir("/")
    except (OSError, EOFError, paramiko.SSHException):
        return False


def _home(host: Host) -> Home:
    return Home(host.site.home)


def _since(moment: float) -> float:
    return time.monotonic() - moment


def _done(host: Host, *words: str) -> str:
    done = invoke(host.site.home, *words)
    assert done.exit_code == 0, done.stdout + done.stderr
    return str(done.stdout)


def _wrong(host: Host) -> list[str]:
    found = json.loads(invoke(host.site.home, "status", "--json").stdout)["wrong"]
    return [one for one in found if one.startswith("host-")]


def _silent(host: Host, name: str) -> float:
    """Seconds for which another host is silent, as this one's metrics have it."""
    with urllib.request.urlopen(f"http://{host.metrics}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    mark = f'gateway_host_silent_seconds{{host="{name}"}} '
    return next((float(line.removeprefix(mark)) for line in lines if line.startswith(mark)), 0.0)


def _states(region: Region) -> dict[str, str]:
    with region.registry() as registry, registry.read() as session:
        return dict(session.exec(select(TransferRow.name, TransferRow.state)).all())


def _decided_once(region: Region, names: list[str]) -> None:
    until(
        lambda: all(_states(region).get(name, "landed") != "landed" for name in names),
        "the decisions",
        seconds=120,
    )
