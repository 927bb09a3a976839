"""A whole gateway in containers: built, up, a receipt, a service killed, another image, down.

`make containers-check` builds the package first. The base image is made by mmdebstrap: no registry is asked.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from gateway.homes.demo.parties import Party
from tests.content import core_data
from tests.production.guide import REPOSITORY
from tests.waiting import until

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(1800),
    pytest.mark.needs("mmdebstrap", "buildah", "podman", "podman-compose", "nsenter", "unshare"),
]
INTAKE = ("127.0.0.1", 2222)
SERVICES = ("intake", "processor", "mailboxes", "console")
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
        return done.stdout

    def compose(self, *words: str) -> str:
        return self.run("podman-compose", "--in-pod=false", "--file", "compose.yml", *words)

    def admin(self, *words: str, volume: str = "") -> str:
        more = ["--volume", volume] if volume else []
        return self.compose("--profile", "admin", "run", "--rm", "-T", *more, "admin", *words)

    def build(self, service: str, tag: str) -> None:
        limits = [f"--ulimit={kind}={most}:{most}" for kind, most in _limits().items()]
        sources = [f"--volume=/etc/{name}:/etc/{name}:ro" for name in ("apt/apt.conf.d", "ssl/certs")]
        base, out = "--build-arg=BASE=localhost/debian:trixie", f"--tag=localhost/gateway-{service}:{tag}"
        made = ("--quiet", "--layers", "--isolation=chroot", "--network=host", *limits, *sources)
        self.run(
            "buildah", "build", *made, base, out, f"--target={service}", "--file=Containerfile", "package"
        )

    def is_up(self, service: str) -> bool:
        state = "{{.State.Status}} {{.Config.User}} {{.HostConfig.ReadonlyRootfs}}"
        wanted = "gateway" if service == "processor" else f"gateway-{service}"
        shown = self.run("podman", "inspect", "--format", state, f"gateway_{service}_1").strip()
        return shown == f"running {wanted} true"


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
    for name in ("Containerfile", "compose.yml"):
        shutil.copy(REPOSITORY / "packaging/oci" / name, folder)
    (built,) = (REPOSITORY / "build/deb").glob("gateway_*.deb")
    (folder / "package").mkdir()
    shutil.copy(built, folder / "package")
    with subprocess.Popen(
        ["unshare", "--mount", "sh", "-c", _SPACE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == "ready\n"
        made = Engine(folder, holder.pid)
        try:
            base = ["--quiet", "--variant=minbase", "--include=ca-certificates,python3", "trixie"]
            made.run("mmdebstrap", *base, "base.tar")
            made.run("podman", "import", "--quiet", "base.tar", "localhost/debian:trixie")
            (folder / "base.tar").unlink()
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


def test_up_a_receipt_a_kill_another_image_and_down(engine: Engine, tmp_path: Path) -> None:
    for service in (*SERVICES, "admin"):
        engine.build(service, "latest")
    engine.admin("init", "--organisation", "Anyshire", "--log-origin", "test.invalid/log", "--passphrase")
    oak = Party("oak", tmp_path / "oak")
    enrol(engine, oak)
    engine.compose("up", "--detach")
    for service in SERVICES:
        until(lambda each=service: engine.is_up(each), service, seconds=90)
    until(lambda: answers(oak), "intake", seconds=120)
    send(oak, "first.xml.gpg", 1)
    await_receipt(oak, "first.xml.gpg")

    engine.run("podman", "kill", "--signal=KILL", "gateway_processor_1")
    send(oak, "second.xml.gpg", 2)
    engine.run("podman", "start", "gateway_processor_1")
    await_receipt(oak, "second.xml.gpg")

    for service in SERVICES:
        engine.run(
            "podman", "tag", f"localhost/gateway-{service}:latest", f"localhost/gateway-{service}:next"
        )
    (engine.folder / ".env").write_text("GATEWAY_VERSION=next\n")
    engine.compose("up", "--detach", "--force-recreate")
    until(lambda: answers(oak), "intake of the next version", seconds=120)
    send(oak, "third.xml.gpg", 3)
    await_receipt(oak, "third.xml.gpg")
    engine.compose("down")
    assert engine.run("podman", "ps", "--quiet").split() == []
