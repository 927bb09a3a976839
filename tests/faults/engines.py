"""What several hosts stand on: PostgreSQL with a standby, SeaweedFS of three servers, HAProxy, and cables."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path

from tests.ports import free_ports
from tests.registry.cluster import Cluster
from tests.store.servers import IDENTITY, KEY, SECRET, program


class Network:
    """A network namespace for each host, joined to this one by a cable that can be pulled out.

    `here` and `standby` are addresses of this side that every host reaches.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        """Lay the cables; needs root."""
        self._word, self._net = f"g{os.getpid()}", f"10.{random.randrange(64, 250)}"
        self.here, self.standby = f"{self._net}.0.1", f"{self._net}.0.2"
        self._numbers = {name: number for number, name in enumerate(names, start=1)}
        for address in (self.here, self.standby):
            _ip("address", "add", f"{address}/32", "dev", "lo")
        for number in self._numbers.values():
            space, cable = self._space(number), self._cable(number)
            _ip("netns", "add", space)
            _ip("link", "add", cable, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("address", "add", f"{self._net}.{number}.1/24", "dev", cable)
            _ip("link", "set", cable, "up")
            _ip("-n", space, "address", "add", f"{self._net}.{number}.2/24", "dev", "eth0")
            for device in ("lo", "eth0"):
                _ip("-n", space, "link", "set", device, "up")
            _ip("-n", space, "route", "add", "default", "via", f"{self._net}.{number}.1")

    @property
    def all(self) -> str:
        """Every address of it."""
        return f"{self._net}.0.0/16"

    def address(self, name: str) -> str:
        """Where a host is reached."""
        return f"{self._net}.{self._numbers[name]}.2"

    def inside(self, name: str) -> tuple[str, ...]:
        """What a program of a host is run with."""
        return ("ip", "netns", "exec", self._space(self._numbers[name]))

    def cut(self, name: str) -> None:
        """Nothing comes or goes; nobody is told."""
        _ip("link", "set", self._cable(self._numbers[name]), "down")

    def mend(self, name: str) -> None:
        """All goes on."""
        _ip("link", "set", self._cable(self._numbers[name]), "up")

    def remove(self) -> None:
        """Take away what was laid."""
        for number in self._numbers.values():
            _ip("link", "delete", self._cable(number))
            _ip("netns", "delete", self._space(number))
        for address in (self.here, self.standby):
            _ip("address", "delete", f"{address}/32", "dev", "lo")

    def _space(self, number: int) -> str:
        return f"{self._word}-{number}"

    def _cable(self, number: int) -> str:
        return f"{self._word}c{number}"


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Relay:
    """Passes connections on; `prefix` is what it is run with.

    A store without TLS must be on the same machine: each host has such a relay to the one.
    """

    def __init__(self, settings: Path, at: str, to: str, prefix: tuple[str, ...] = ()) -> None:
        """Start it."""
        settings.write_text(_RELAY.format(at=at, to=to))
        self._running = subprocess.Popen(
            [*prefix, "haproxy", "-db", "-f", str(settings)], stderr=subprocess.DEVNULL
        )

    def end(self) -> None:
        self._running.kill()
        self._running.wait()


class Balancer:
    """HAProxy before some doors, given with their names; `health`: the port at which each is asked."""

    def __init__(self, folder: Path, doors: dict[str, tuple[str, int]], *, health: int | None = None) -> None:
        """Start it."""
        (self.port,) = free_ports(1)
        folder.mkdir(exist_ok=True)
        self._settings, self._told = folder / "haproxy.cfg", folder / "stats"
        asked = "" if health is None else f" check port {health} inter 2s fall 2"
        servers = (
            f"    server {name} {host}:{port} send-proxy-v2{asked}\n" for name, (host, port) in doors.items()
        )
        asks = "" if health is None else "    option httpchk GET /healthz\n"
        text = _HAPROXY.format(front=self.port, told=self._told)
        self._settings.write_text(text + asks + "".join(servers))
        self._running: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._running = subprocess.Popen(
            ["haproxy", "-db", "-f", str(self._settings)], stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        if self._running is not None:
            self._running.kill()
            self._running.wait()

    def answers(self) -> bool:
        """Does it take connections by now?"""
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def down(self) -> list[str]:
        """The names of the doors that it sends nobody to."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.connect(str(self._told))
            asking.sendall(b"show stat\n")
            lines = asking.makefile().read().splitlines()
        return [line.split(",")[1] for line in lines if ",DOWN" in line]


_RELAY = """
listen relay
    mode tcp
    timeout connect 5s
    timeout client 1m
    timeout server 1m
    bind {at}
    server there {to}
"""
_HAPROXY = """
global
    stats socket {told}
defaults
    mode tcp
    timeout connect 5s
    timeout client 20m
    timeout server 20m
listen gateway
    bind 127.0.0.1:{front}
"""


class Pair(Cluster):
    """A server and its standby, which takes its place when `fail_over` is called."""

    _standby = ""
    is_over = False

    def __init__(self, network: Network) -> None:
        """Make it and start it, to be reached over the network."""
        self._network = network
        super().__init__()
        with (self._data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all gateway {network.all} trust\n")
        self.restart()

    def start(self) -> None:
        confirmed = "*" if self._standby and not self.is_over else ""
        options = (
            f"-c listen_addresses={self._network.here} -k {self.folder} -c fsync=off"
            f" -c synchronous_standby_names='{confirmed}'"
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
        options = f"-c listen_addresses={self._network.standby} -k {self._standby} -c fsync=off"
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

    def kill_a_session(self, chance: random.Random) -> None:
        """Kill a process that serves the gateway, if there is one: the server then ends all and recovers."""
        serving = [
            int(process.name)
            for process in Path("/proc").glob("[0-9]*")
            if _parent(process) == self._postmaster() and b" gateway " in _words(process)
        ]
        if serving:
            os.kill(chance.choice(serving), signal.SIGKILL)

    def _postmaster(self) -> int:
        data = Path(self._standby) / "data" if self.is_over else self._data
        return int((data / "postmaster.pid").read_text("ascii").split()[0])

    def fail_over(self) -> None:
        """The server is killed and lost for good; the standby goes on."""
        os.kill(self._postmaster(), signal.SIGKILL)
        self._run("pg_ctl", "-D", f"{self._standby}/data", "-w", "promote")
        self.is_over = True

    def url(self, name: str) -> str:
        """Whichever of the two takes writes."""
        hosts = f"{self._network.here},{self._network.standby}"
        return f"postgresql+psycopg://gateway@/{name}?host={hosts}&target_session_attrs=read-write"

    def remove(self) -> None:
        for data in (self._data, Path(self._standby) / "data"):
            with contextlib.suppress(AssertionError):
                self._run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self._standby, ignore_errors=True)


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text("ascii", "replace").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def _words(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


class Weed:
    """SeaweedFS: a master, three volume servers, a filer with S3. Two servers have each file."""

    def __init__(self, folder: Path, address: str) -> None:
        """Start it. It answers as S3 on this machine, and by a relay at this address."""
        self.folder = folder
        self._ports = free_ports(14)
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        (folder / "s3.json").write_text(json.dumps({"identities": [IDENTITY]}))
        self.credentials = folder / "credentials"
        self.credentials.touch(mode=0o600)
        self.credentials.write_text(f'access_key_id = "{KEY}"\nsecret_access_key = "{SECRET}"\n')
        self.endpoint = f"http://127.0.0.1:{self.port}"
        for name in ("master", *map(str, range(3)), "filer", "s3"):
            (folder / name).mkdir()
            self.start(name)
        self._relay = Relay(folder / "here.cfg", f"{address}:{self.port}", f"127.0.0.1:{self.port}")

    @property
    def port(self) -> int:
        """Where it answers as S3."""
        return self._ports[12]

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
        self._relay.end()
        for name in self._running:
            self.kill(name)
