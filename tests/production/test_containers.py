"""A whole gateway in containers: up, a receipt, a service killed, the image of the next version, down.

`make containers-check` builds the image first, without asking any registry.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.homes.demo.parties import Party
from tests.content import core_data
from tests.production.guide import REPOSITORY
from tests.production.later import later_package
from tests.waiting import until

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(1800),
    pytest.mark.needs("buildah", "podman", "podman-compose", "nsenter", "unshare"),
]
INTAKE = ("127.0.0.1", 2222)
SERVICES = ("intake", "processor", "mailboxes", "console", "web", "courier")
SECRETS = ("relay-password", "hand-on-key", "hook-key")
_SETTINGS = """
[web]
origin = "http://localhost:2225"
[letters]
relay = "relay.invalid"
sender = "gateway@anyshire.invalid"
"""
# Where the machine's control groups are of two kinds at once, crun starts nothing.
_SPACE = """set -e
if [ "$(stat --file-system --format=%T /sys/fs/cgroup)" != cgroup2fs ]; then
    umount --recursive /sys/fs/cgroup
    mount -t cgroup2 none /sys/fs/cgroup
fi
echo ready
exec cat
"""
_STORAGE = """[storage]
driver = "overlay"
graphroot = "{0}/store"
runroot = "{0}/run"
"""
_LATER = """FROM localhost/gateway:latest
USER root
RUN --mount=type=bind,target=/mnt dpkg --install /mnt/later.deb
USER gateway
"""
_CONTAINERS = """[containers]
cgroups = "disabled"
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
cgroup_manager = "cgroupfs"
"""


@dataclass
class Engine:
    """podman and its like, with a store of their own, in a mount namespace of their own."""

    folder: Path
    holder: int

    def run(self, *words: str, code: int = 0) -> str:
        variables = {
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "GATEWAY_PASSPHRASE_FILE": str(self.folder / "passphrase"),
            "PODMAN_IGNORE_CGROUPSV1_WARNING": "1",
        }
        done = subprocess.run(
            ["nsenter", f"--target={self.holder}", "--mount", f"--wdns={self.folder}", *words],
            env={**os.environ, **variables}, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == code, (words, done.stdout[-3000:], done.stderr[-3000:])
        return done.stdout if code == 0 else done.stderr

    def compose(self, *words: str) -> str:
        profiles = ("--profile", "web", "--profile", "courier") if words[0] in {"up", "down"} else ()
        return self.run("podman-compose", "--in-pod=false", "--file", "compose.yml", *profiles, *words)

    def admin(self, *words: str, volume: str = "") -> str:
        more = ["--volume", volume] if volume else []
        return self.compose("--profile", "admin", "run", "--rm", "-T", *more, "admin", *words)

    def upgraded(self, package: Path) -> None:
        """Make the image of a later package, with the tag `next`."""
        (self.folder / "Later").write_text(_LATER)
        limits = [f"--ulimit={kind}={most}:{most}" for kind, most in _limits().items()]
        made = ("--quiet", "--isolation=chroot", "--network=host", "--tag=localhost/gateway:next")
        self.run("buildah", "build", *made, *limits, "--file=Later", str(package.parent))

    def processes(self, service: str) -> list[Path]:
        """The folder in /proc of each process of a service."""
        first = self.run("podman", "inspect", "--format={{.State.Pid}}", f"gateway_{service}_1").strip()
        space = (Path("/proc") / first / "ns/pid").readlink()
        found = []
        for one in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if (one / "ns/pid").readlink() == space:
                    found.append(one)
        return found

    def is_up(self, service: str) -> bool:
        state = self.run("podman", "inspect", "--format={{.State.Status}}", f"gateway_{service}_1").strip()
        return state == "running"


def _limits() -> dict[str, int]:
    import resource  # noqa: PLC0415 - what this machine allows, no image may ask for more of

    kinds = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}
    return {name: resource.getrlimit(kind)[1] for name, kind in kinds.items()}


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("containers")
    (folder / "storage.conf").write_text(_STORAGE.format(folder))
    most = _limits()
    (folder / "containers.conf").write_text(_CONTAINERS.format(files=most["nofile"], processes=most["nproc"]))
    (folder / "passphrase").write_text("a passphrase of the test\n")
    shutil.copy(REPOSITORY / "packaging/oci/compose.yml", folder)
    (image,) = (REPOSITORY / "build/image").glob("gateway-image-*.tar")
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", _SPACE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "ready\n"
        made = Engine(folder, holder.pid)
        try:
            made.run("podman", "load", "--quiet", "--input", str(image))
            yield made
        finally:
            made.run("podman", "rm", "--all", "--force", "--time=1")
            made.run("podman", "system", "reset", "--force")
            holder.stdin.close()


def enrol(engine: Engine, oak: Party) -> None:
    keys = engine.folder / "oak"
    keys.mkdir()
    shutil.copy(oak.ssh_public, keys / "ssh.pub")
    shutil.copy(oak.certificate, keys / "openpgp.asc")
    given = ("--ssh-key", "/oak/ssh.pub", "--openpgp-key", "/oak/openpgp.asc")
    engine.admin(
        "providers", "add", "oak", "--name", "Oak", "--kind", "school", *given, volume=f"{keys}:/oak:ro"
    )
    waiting = [key["fingerprint"] for key in json.loads(engine.admin("keys", "list", "oak", "--json"))]
    engine.admin("keys", "confirm", "oak", *waiting)
    engine.admin("agreement", "ratify", "oak", "--signatory", "The Head")


def await_receipt(oak: Party, name: str) -> None:
    def told() -> bool:
        with oak.sftp(INTAKE) as session:
            found = [one for one in session.listdir("/receipts") if one.startswith(name) and ".json" in one]
        return bool(found) and b"accepted" in oak.get(INTAKE, f"/receipts/{found[0]}")

    until(told, f"the receipt of {name}", seconds=120)


def send(oak: Party, name: str, seed: int) -> None:
    oak.put(INTAKE, name, oak.seal(core_data(seed, 5), oak.get(INTAKE, "/keys/gateway.asc").decode()))


def answers(oak: Party) -> bool:
    try:
        return bool(oak.get(INTAKE, "/keys/gateway.asc"))
    except Exception:  # noqa: BLE001 - whatever it is: it does not answer yet
        return False


@pytest.fixture(scope="module")
def oak(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Party:
    """A school that is enrolled, of a gateway that is up."""
    engine.admin("init", "--organisation", "Anyshire", "--log-origin", "test.invalid/log", "--passphrase")
    oak = Party("oak", tmp_path_factory.mktemp("oak") / "kit")
    enrol(engine, oak)
    (engine.folder / "courier").mkdir()
    for secret in SECRETS:
        (engine.folder / "courier" / secret).touch()
    home = ("--network=none", "--volume=gateway_home:/var/lib/gateway", "--entrypoint=sh")
    more = f"echo '{_SETTINGS}' >> /var/lib/gateway/gateway.toml"
    engine.run("podman", "run", "--rm", *home, "localhost/gateway:latest", "-c", more)
    engine.compose("up", "--detach")
    for service in SERVICES:
        until(lambda each=service: engine.is_up(each), service, seconds=90)
    until(lambda: answers(oak), "intake", seconds=120)
    return oak


def test_a_school_outside_gets_its_receipt(engine: Engine, oak: Party) -> None:
    send(oak, "first.xml.gpg", 1)
    await_receipt(oak, "first.xml.gpg")


@pytest.mark.usefixtures("oak")
def test_no_process_of_any_container_is_root_or_may_become_it(engine: Engine) -> None:
    for service in SERVICES:
        processes = engine.processes(service)
        assert processes, service
        for one in processes:
            told = dict(
                line.split(":", 1) for line in (one / "status").read_text().splitlines() if ":" in line
            )
            assert "0" not in (told["Uid"] + told["Gid"]).split(), (service, one)
            assert {told[f"Cap{kind}"].strip() for kind in ("Prm", "Eff", "Bnd")} == {"0" * 16}, service
            assert told["NoNewPrivs"].strip() == "1", service


@pytest.mark.usefixtures("oak")
def test_no_root_file_system_is_written_to_even_by_root(engine: Engine) -> None:
    for service in SERVICES:
        for place in ("/usr/bin/x", "/etc/x", "/x", "/usr/lib/gateway/x"):
            words = ["podman", "exec", "--user=root", f"gateway_{service}_1", "touch", place]
            assert "Read-only file system" in engine.run(*words, code=1), (service, place)
        engine.run("podman", "exec", f"gateway_{service}_1", "touch", "/tmp/x")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_is_killed_comes_back(engine: Engine, oak: Party, service: str) -> None:
    for one in engine.processes(service):
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(one.name), signal.SIGKILL)
    name = f"{service}.xml.gpg"
    until(lambda: engine.is_up(service) and answers(oak), service, seconds=120)
    send(oak, name, 10 + SERVICES.index(service))
    await_receipt(oak, name)


def test_the_image_of_the_next_version_takes_over(engine: Engine, oak: Party) -> None:
    (built,) = (REPOSITORY / "build/image").glob("gateway_*.deb")
    (engine.folder / "package").mkdir()
    engine.upgraded(later_package(built, engine.folder / "package"))
    (engine.folder / ".env").write_text("GATEWAY_VERSION=next\n")
    engine.compose("up", "--detach", "--force-recreate")
    until(lambda: answers(oak), "intake of the next version", seconds=120)
    send(oak, "next.xml.gpg", 3)
    await_receipt(oak, "next.xml.gpg")
    used = engine.run("podman", "ps", "--format={{.Image}}").split()
    assert used == ["localhost/gateway:next"] * len(SERVICES)
    assert "nothing needs doing" in engine.admin("upgrade")


@pytest.mark.usefixtures("oak")
def test_down_leaves_the_files_and_nothing_that_runs(engine: Engine) -> None:
    engine.compose("down")
    assert engine.run("podman", "ps", "--all", "--quiet").split() == []
    states = {one["name"]: one["state"] for one in json.loads(engine.admin("transfers", "list", "--json"))}
    assert states["first.xml.gpg"] == states["next.xml.gpg"] == "accepted"
