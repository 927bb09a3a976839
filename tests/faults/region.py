"""Several hosts and all that they stand on, to be broken at random: `make cluster`.

PostgreSQL with a standby that has confirmed each commit, SeaweedFS with three volume servers of which two
have each file, HAProxy, and three hosts, each with intake and a processor. A school uploads through the
balancer meanwhile.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import pwd
import random
import shutil
import signal
import subprocess
import tempfile
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
from tests.faults.services import Service
from tests.ports import free_ports
from tests.registry.cluster import Cluster
from tests.site import Site
from tests.store.servers import IDENTITY, KEY, SECRET, program
from tests.waiting import until

NAMES = ("one", "two", "three")
_HAPROXY = """
defaults
    mode tcp
    timeout connect 5s
    timeout client 20m
    timeout server 20m
listen gateway
    bind 127.0.0.1:{front}
"""
_SERVER = "    server {name} 127.0.0.1:{port} send-proxy-v2 check check-send-proxy inter 500ms\n"


class Pair(Cluster):
    """A server and its standby, which takes its place when `fail_over` is called."""

    _standby = ""
    is_over = False

    def start(self) -> None:
        confirmed = "*" if self._standby and not self.is_over else ""
        options = (
            f"-c listen_addresses='' -k {self.folder} -c fsync=off -c synchronous_standby_names='{confirmed}'"
        )
        self._run("pg_ctl", "-D", str(self._data), "-w", "-l", f"{self.folder}/log", "-o", options, "start")

    def add_standby(self) -> None:
        """Make a standby of all that there is by now; from then on each commit waits for it."""
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write("local replication admin peer map=admin\n")
        self.restart()
        self._standby = tempfile.mkdtemp(prefix="pg-standby-")
        os.chown(self._standby, pwd.getpwnam(self._user).pw_uid, -1)
        Path(self._standby).chmod(0o755)
        source = ("-h", str(self.folder), "-U", "admin")
        self._run(
            "pg_basebackup",
            *source,
            "-D",
            f"{self._standby}/data",
            "-R",
            "-X",
            "stream",
            "--no-sync",
            "--checkpoint=fast",
        )
        options = f"-c listen_addresses='' -k {self._standby} -c fsync=off"
        self._run(
            *("pg_ctl", "-D", f"{self._standby}/data", "-w", "-l", f"{self._standby}/log"),
            *("-o", options, "start"),
        )
        self.restart()

    def restart(self) -> None:
        if not self.is_over:
            self.stop()
            self.start()
            return
        self._run("pg_ctl", "-D", f"{self._standby}/data", "-w", "-m", "immediate", "restart")

    def fail_over(self) -> None:
        """The server is lost for good; the standby goes on."""
        self.stop()
        self._run("pg_ctl", "-D", f"{self._standby}/data", "-w", "promote")
        self.is_over = True

    def url(self, name: str) -> str:
        """Whichever of the two takes writes."""
        hosts = f"{self.folder},{self._standby}"
        return f"postgresql+psycopg://gateway@/{name}?host={hosts}&target_session_attrs=read-write"

    def remove(self) -> None:
        for data in (self._data, Path(self._standby) / "data"):
            with contextlib.suppress(AssertionError):
                self._run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(self.folder)
        shutil.rmtree(self._standby, ignore_errors=True)


class Weed:
    """SeaweedFS: a master, three volume servers, a filer with S3. Two servers have each file."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ports = free_ports(14)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
        self.credentials = folder / "credentials"
        self.credentials.touch(mode=0o600)
        self.credentials.write_text(f'access_key_id = "{KEY}"\nsecret_access_key = "{SECRET}"\n')
        self.endpoint = f"http://127.0.0.1:{self._ports[12]}"
        for name in ("master", *map(str, range(3)), "filer", "s3"):
            (folder / name).mkdir()
            self.start(name)

    def start(self, name: str) -> None:
        master, ports = f"127.0.0.1:{self._ports[0]}.{self._ports[1]}", self._ports
        common = ("-ip=127.0.0.1", "-ip.bind=127.0.0.1")
        if name == "master":
            words = [
                *("master", f"-mdir={self.folder / name}", f"-port={ports[0]}", f"-port.grpc={ports[1]}"),
                *("-defaultReplication=001", "-volumeSizeLimitMB=64", "-telemetry=false", *common),
            ]
        elif name == "filer":
            words = [
                *("filer", f"-master={master}", f"-port={ports[8]}", f"-port.grpc={ports[9]}", *common),
                f"-defaultStoreDir={self.folder / name}",
            ]
        elif name == "s3":
            words = [
                *("s3", f"-filer=127.0.0.1:{ports[8]}.{ports[9]}", "-ip.bind=127.0.0.1", "-iam=false"),
                *(f"-port={ports[12]}", f"-port.grpc={ports[13]}", f"-config={self.folder / 's3.json'}"),
                *("-port.iceberg=0", "-port.lance=0"),
            ]
        else:
            place = 2 + 2 * int(name)
            words = [
                *("volume", f"-dir={self.folder / name}", f"-master={master}", "-max=8", *common),
                *(f"-port={ports[place]}", f"-port.grpc={ports[place + 1]}"),
            ]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [program("weed"), *words], cwd=self.folder / name, stdout=log, stderr=log
            )

    def kill(self, name: str) -> None:
        self._running[name].kill()
        self._running[name].wait()

    def remove(self) -> None:
        for name in self._running:
            self.kill(name)


class Host:
    """One host: a home, intake and a processor, each to be killed and stopped by itself."""

    def __init__(self, root: Path) -> None:
        self.site = Site.__new__(Site)
        self.site.root, self.site.home = root, root / "home"
        self.services = [Service(self.site, "intake"), Service(self.site, "processor")]

    def begin(self) -> None:
        """The processor first: intake reads what it has brought out."""
        for service in reversed(self.services):
            service.start()

    def start(self) -> None:
        for service in self.services:
            if service.process is None or service.process.poll() is not None:
                service.launch()

    def signal(self, number: signal.Signals) -> None:
        for service in self.services:
            if service.running.poll() is None:
                service.running.send_signal(number)

    def shown(self) -> dict[str, bytes]:
        """What schools find at its door."""
        root = self.site.home / "published" / "providers"
        return {str(path.relative_to(root)): path.read_bytes() for path in root.glob("*/receipts/[!.]*")}


class Region:
    """All of it. `told`: the names of files whose upload was acknowledged."""

    def __init__(self, root: Path) -> None:
        self.root, self.told = root, list[str]()
        self._numbers = itertools.count(1)
        self._ends = contextlib.ExitStack()
        try:
            self.database = Pair()
            self._ends.callback(self.database.remove)
            self.weed = Weed(_made(root / "weed"))
            self._ends.callback(self.weed.remove)
            self.hosts: list[Host] = []
            self._ends.callback(self._kill_all)
            self._make_hosts()
            self._balance()
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
        named["ssh"] = {"balancers": ["127.0.0.1/32"]}
        named["host"] = {"name": "one"}
        settings.write_text(tomlkit.dumps(named).replace("rescan_seconds = 5.0", "rescan_seconds = 1.0"))
        self.hosts.append(Host(first.home.parent))
        self.hosts[0].begin()
        for name in NAMES[1:]:
            self.hosts.append(self._join(first, name))
            self.hosts[-1].begin()

    def _join(self, first: Site, name: str) -> Host:
        host, file = Host(_made(self.root / name)), self.root / f"{name}.sealed"
        code = first.gateway("hosts", "add", name, str(file)).split()[-1]
        done = invoke(host.site.home, "hosts", "join", str(file), given=f"{code}\n")
        assert done.exit_code == 0, done.stderr
        return host

    def _stores(self) -> bool:
        import obstore  # noqa: PLC0415

        from gateway.home.store_settings import StoreSettings  # noqa: PLC0415
        from gateway.store.client import client_of  # noqa: PLC0415

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

    def _balance(self) -> None:
        (self.port,) = free_ports(1)
        servers = (
            _SERVER.format(name=name, port=host.services[0].port)
            for name, host in zip(NAMES, self.hosts, strict=True)
        )
        settings = self.root / "haproxy.cfg"
        settings.write_text(_HAPROXY.format(front=self.port) + "".join(servers))
        balancer = subprocess.Popen(["haproxy", "-db", "-f", str(settings)], stderr=subprocess.DEVNULL)
        self._ends.callback(balancer.wait)
        self._ends.callback(balancer.kill)

    def upload(self) -> bool:
        """One fresh file through the balancer; whether the client was told that all went well."""
        number = next(self._numbers)
        name, content = f"f{number:05}.xml.pgp", core_data(number, pupils=3)
        try:
            self.oak.put(("127.0.0.1", self.port), f"/in/{name}", self.oak.seal(content, self.certificate))
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

    def faults(self, chance: random.Random) -> dict[str, tuple[int, Callable[[], None]]]:
        """What can happen, how often beside others, and how."""
        return {
            "a service killed": (6, lambda: chance.choice(chance.choice(self.hosts).services).kill()),
            "a host killed": (3, lambda: self._kill(chance.choice(self.hosts))),
            "a host stood still": (
                3,
                lambda: self._still(chance.choice(self.hosts), chance.choice((2, 5, 20))),
            ),
            "sessions of the database ended": (2, self._cut),
            "the database restarted": (1, self.database.restart),
            "a volume server gone": (2, lambda: self._volume(str(chance.randrange(3)))),
        }

    def _kill(self, host: Host) -> None:
        for service in host.services:
            if service.process is not None:
                service.kill()

    def _still(self, host: Host, seconds: float) -> None:
        host.signal(signal.SIGSTOP)
        time.sleep(seconds)
        host.signal(signal.SIGCONT)

    def _cut(self) -> None:
        if not self.database.is_over:
            self.database.break_connections()

    def _volume(self, name: str) -> None:
        self.weed.kill(name)
        time.sleep(3)
        self.weed.start(name)

    def _kill_all(self) -> None:
        for host in self.hosts:
            self._kill(host)

    def close(self) -> None:
        """End all of it."""
        self._ends.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
