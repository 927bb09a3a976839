"""Several hosts and all that they stand on, to be broken at random: `make cluster`.

PostgreSQL with a standby that has confirmed each commit, SeaweedFS with three volume servers of which two
have each file, HAProxy, and three hosts, each with intake and a processor. A school uploads through the
balancer meanwhile.
"""

from __future__ import annotations

import contextlib
import itertools
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import tomlkit

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.registry.database import Registry
from tests.commands import invoke
from tests.content import core_data
from tests.faults.engines import Balancer, Network, Pair, Relay, Weed
from tests.faults.services import Service
from tests.looking import contents
from tests.site import Site
from tests.waiting import until

NAMES = ("one", "two", "three")
METRICS_PORT, HEALTH_PORT = 9464, 9465
CLOCKS = ("-60s", "+0s", "+60s")
"""By how much those of hosts may be wrong: apart by two minutes at most."""


class Host:
    """One host: a home, intake and a processor, each to be killed and stopped by itself."""

    def __init__(self, root: Path, name: str, network: Network) -> None:
        self.site, self.name, self.clock = Site.__new__(Site), name, CLOCKS[1]
        self.site.root, self.site.home = root, root / "home"
        self.inside = network.inside(name)
        self._address = network.address(name)
        self.services = [
            Service(self.site, one, host=network.address(name)) for one in ("intake", "processor")
        ]

    @property
    def metrics(self) -> str:
        """Where its processor answers; its intake does at HEALTH_PORT."""
        return f"{self._address}:{METRICS_PORT}"

    def _inside(self, service: Service) -> tuple[str, ...]:
        if service.name != "intake":
            return self.inside
        return (*self.inside, sys.executable, "-c", _HANDED_OVER, self._address, str(HEALTH_PORT))

    def begin(self) -> None:
        """The processor first: intake reads what it has brought out."""
        for service in reversed(self.services):
            service.start(self._inside(service))

    def open_door(self) -> None:
        """Intake alone: what it reads was brought out before."""
        self.services[0].start(self._inside(self.services[0]))

    def start(self) -> None:
        for service in self.services:
            if service.process is None or service.process.poll() is not None:
                service.launch(self._inside(service), _wrong_by(self.clock))

    def kill(self) -> None:
        for service in self.services:
            if service.process is not None and service.process.poll() is None:
                service.kill()

    def signal(self, number: signal.Signals) -> None:
        for service in self.services:
            if service.running.poll() is None:
                service.running.send_signal(number)

    def shown(self) -> dict[str, bytes]:
        """What schools find at its door, who looked there."""
        root = self.site.home / "published" / "providers"
        found = contents(root.glob("*/receipts/[!.]*"))
        return {str(path.relative_to(root)): content for path, content in found}


class Region:
    """All of it. `told`: the names of files whose upload was acknowledged."""

    def __init__(self, root: Path) -> None:
        self.root, self.told = root, list[str]()
        self._numbers = itertools.count(1)
        self._ends = contextlib.ExitStack()
        try:
            self.network = Network(NAMES)
            self._ends.callback(self.network.remove)
            self.database = Pair(self.network)
            self._ends.callback(self.database.remove)
            self.weed = Weed(_made(root / "weed"), self.network.here)
            self._ends.callback(self.weed.remove)
            for name in NAMES:
                port, inside = self.weed.port, self.network.inside(name)
                at, there = f"127.0.0.1:{port}", f"{self.network.here}:{port}"
                self._ends.callback(Relay(root / f"{name}.cfg", at, there, inside).end)
            self.hosts: list[Host] = []
            self._ends.callback(self._kill_all)
            self._make_hosts()
            doors = {host.name: host.services[0].place for host in self.hosts}
            self.balancer = Balancer(root / "haproxy", doors, health=HEALTH_PORT)
            self._ends.callback(self.balancer.kill)
        except BaseException:
            self.close()
            raise

    def _make_hosts(self) -> None:
        first = Site(_made(self.root / "one"), workers=1)
        self.oak = first.provider("oak")
        self.certificate = first.certificate
        self.database.database("region")
        self.database.add_standby()
        until(self._stores, "the store", seconds=60)
        first.gateway(
            *("move", "--database-url", self.database.url("region"), "--store", "s3://gateway/region"),
            *("--endpoint", self.weed.endpoint, "--credentials", str(self.weed.credentials)),
        )
        settings = first.home / "gateway.toml"
        named = tomlkit.parse(settings.read_text())
        named["ssh"] = {"balancers": [self.network.all]}
        named["host"] = {"name": "one"}
        named["metrics"] = {"host": "0.0.0.0", "port": METRICS_PORT}  # Within the host's own namespace.
        settings.write_text(tomlkit.dumps(named).replace("rescan_seconds = 5.0", "rescan_seconds = 1.0"))
        self.hosts.append(Host(first.home.parent, "one", self.network))
        self.hosts[0].begin()
        for name in NAMES[1:]:
            self.hosts.append(self._join(first, name))
            self.hosts[-1].begin()

    def _join(self, first: Site, name: str) -> Host:
        host, file = Host(_made(self.root / name), name, self.network), self.root / f"{name}.sealed"
        code = first.gateway("hosts", "add", name, str(file)).split()[-1]
        done = invoke(host.site.home, "hosts", "join", str(file), given=f"{code}\n")
        assert done.exit_code == 0, done.stderr
        return host

    def _stores(self) -> bool:
        import obstore  # noqa: PLC0415

        from gateway.home.store_settings import StoreSettings  # noqa: PLC0415
        from gateway.store.objects import client_of  # noqa: PLC0415

        place = StoreSettings(
            url="s3://gateway/first",
            endpoint=self.weed.endpoint,
            credentials_file=self.weed.credentials,
            seconds=5,
        )
        try:
            obstore.put(client_of(place), "made", b"a file")
        except Exception:  # noqa: BLE001 - whatever it is, it does not answer yet
            return False
        return True

    def upload(self) -> bool:
        """One fresh file through the balancer; whether the client was told that all went well."""
        number = next(self._numbers)
        name, content = f"f{number:05}.xml.pgp", core_data(number, pupils=3)
        try:
            sealed = self.oak.seal(content, self.certificate)
            self.oak.put(("127.0.0.1", self.balancer.port), f"/in/{name}", sealed)
        except (OSError, EOFError, paramiko.SSHException):
            return False
        self.told.append(name)
        return True

    @contextlib.contextmanager
    def uploading(self, pause: float) -> Iterator[None]:
        """Meanwhile a school uploads, one file after another."""
        over = threading.Event()

        def work() -> None:
            while not over.wait(pause):
                self.upload()

        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield
        finally:
            over.set()
            worker.join()

    @contextlib.contextmanager
    def aside(self, host: Host) -> Iterator[tuple[str, int]]:
        """A way to the door of this host alone, asked for its health by nobody."""
        way = Balancer(self.root / f"to-{host.name}", {host.name: host.services[0].place})
        try:
            until(way.answers, "the way to one host")
            yield "127.0.0.1", way.port
        finally:
            way.kill()

    def look(self) -> bool:
        """The school looks for its receipts at each host, which brings them out for nobody else."""
        for host in self.hosts:
            try:
                with self.aside(host) as place, self.oak.sftp(place) as session:
                    session.listdir("/receipts")
            except (OSError, EOFError, paramiko.SSHException):
                return False
        return True

    @contextlib.contextmanager
    def registry(self) -> Iterator[Registry]:
        home = Home(self.hosts[0].site.home)
        registry = Registry(load_settings(home).database_url(home))
        try:
            yield registry
        finally:
            registry.close()

    def heal(self) -> None:
        """Whatever was killed runs again, as systemd would have it."""
        for host in self.hosts:
            host.start()

    def faults(self, chance: random.Random, longest: float) -> dict[str, tuple[int, Callable[[], None]]]:
        """What can happen, how often beside others, and how; what lasts, lasts so many seconds at most."""
        host = chance.choice(self.hosts)
        lasts = chance.choice([one for one in (3, 10, 45) if one <= longest])
        return {
            "a service killed": (6, chance.choice(host.services).kill),
            "a host killed": (3, host.kill),
            "a host stood still": (3, lambda: self._still(host, lasts)),
            "a host cut off": (3, lambda: self._cut_off(host, lasts)),
            "a host's clock set": (2, lambda: self._set_clock(host, chance.choice(CLOCKS))),
            "sessions of the database ended": (2, self._cut),
            "the database restarted": (1, self.database.restart),
            "a process of the database killed": (2, lambda: self.database.kill_a_session(chance)),
            "a volume server gone": (2, lambda: self._store_part(str(chance.randrange(3)))),
            "the filer killed": (1, lambda: self._store_part("filer")),
            "the store's master killed": (1, lambda: self._store_part("master")),
            "the store's door killed": (1, lambda: self._store_part("s3")),
            "HAProxy killed": (1, self._unbalanced),
        }

    def _still(self, host: Host, seconds: float) -> None:
        host.signal(signal.SIGSTOP)
        time.sleep(seconds)
        host.signal(signal.SIGCONT)

    def _cut(self) -> None:
        if not self.database.is_over:
            self.database.break_connections()

    def _store_part(self, name: str) -> None:
        self.weed.kill(name)
        time.sleep(3)
        self.weed.start(name)

    def _unbalanced(self) -> None:
        self.balancer.kill()
        time.sleep(2)
        self.balancer.start()

    def _cut_off(self, host: Host, seconds: float) -> None:
        self.network.cut(host.name)
        time.sleep(seconds)
        self.network.mend(host.name)

    def _set_clock(self, host: Host, wrong: str) -> None:
        """It is started anew, as a machine is whose clock was wrong at boot."""
        host.kill()
        host.clock = wrong

    def set_clocks_right(self) -> None:
        """After it nothing is signed in the future."""
        for host in self.hosts:
            if host.clock != CLOCKS[1]:
                self._set_clock(host, CLOCKS[1])

    def _kill_all(self) -> None:
        for host in self.hosts:
            host.kill()

    def close(self) -> None:
        """End all of it."""
        self._ends.close()


# As systemd hands over the socket of intake's metrics.
_HANDED_OVER = """
import os, socket, sys
listening = socket.create_server((sys.argv[1], int(sys.argv[2])))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="1", LISTEN_FDNAMES="metrics")
os.execv(sys.argv[3], sys.argv[3:])
"""


def _wrong_by(offset: str) -> dict[str, str]:
    """The environment of a service whose clock is wrong; timeouts are not its matter."""
    if offset == CLOCKS[1]:
        return {}
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": offset, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
