"""A file's whole way through services that are confined as their units confine them."""

from __future__ import annotations

import json
import os
import socket
import stat
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.homes.demo.parties import Party
from tests.content import core_data
from tests.production.confined import CONFINE, REPOSITORY, Machine, Unit, listen, machine
from tests.waiting import until

pytestmark = [
    pytest.mark.long,
    pytest.mark.root,
    pytest.mark.timeout(240),
    pytest.mark.needs(
        "systemd-sysusers", "systemd-tmpfiles", "systemd-analyze", "setpriv", "unshare", "enosys"
    ),
]


class Production:
    """A machine with a school and a member of staff, whose services may be started and stopped."""

    def __init__(self, made: Machine) -> None:
        self.machine = made
        self.sockets = {name: listen() for name in ("intake", "mailboxes", "console", "metrics")}
        self.units: dict[str, Unit] = {}
        made.gateway(
            "init", "--organisation", "Anyshire", "--home", str(made.home), "--log-origin", "test.invalid/log"
        )
        made.tmpfiles()
        self.oak, self.jane = (Party(name, made.root / "parties" / name) for name in ("oak", "jane"))
        made.gateway(
            "providers", "add", "oak", "--name", "Oak", "--kind", "school",
            "--ssh-key", str(self.oak.ssh_public), "--openpgp-key", str(self.oak.certificate),
        )  # fmt: skip
        waiting = [key["fingerprint"] for key in json.loads(made.gateway("keys", "list", "oak", "--json"))]
        made.gateway("keys", "confirm", "oak", *waiting)
        made.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
        made.gateway(
            "staff", "add", "jane", "--team", "central-data-team", "--ssh-key", str(self.jane.ssh_public)
        )
        self.certificate = made.gateway("keys", "gateway", "export")

    def place(self, name: str) -> tuple[str, int]:
        return "127.0.0.1", self.sockets[name].getsockname()[1]

    def unit(self, name: str):
        user, words = {
            "intake": ("gateway-intake", ["serve", "intake"]),
            "processor": ("gateway", ["process"]),
            "mailboxes": ("gateway-mailboxes", ["serve", "mailboxes"]),
            "console": ("gateway-console", ["serve", "console"]),
        }[name]
        own = "metrics" if name == "processor" else name
        return self.machine.unit(name, user, words, [(own, self.sockets[own])])

    def receipts(self) -> list[dict]:
        folder = self.machine.home / "published/providers/oak/receipts"
        return [json.loads(path.read_text()) for path in folder.glob("*.json")]


@pytest.fixture(scope="module")
def production() -> Iterator[Production]:
    with machine() as made:
        at_work = Production(made)
        yield at_work
        for one in at_work.sockets.values():
            one.close()


def test_a_file_goes_all_the_way(production: Production) -> None:
    content = core_data(5)
    with production.unit("intake"), production.unit("processor") as processor, production.unit("mailboxes"):
        production.oak.put(
            production.place("intake"), "core.xml.pgp", production.oak.seal(content, production.certificate)
        )
        until(production.receipts, "a receipt")
        with production.jane.sftp(production.place("mailboxes")) as session:
            (name,) = session.listdir("/central-data-team")
        assert production.jane.get(production.place("mailboxes"), f"/central-data-team/{name}") == content
        with production.jane.sftp(production.place("mailboxes")) as session:
            session.remove(f"/central-data-team/{name}")
            assert session.listdir("/central-data-team") == []
        processor.await_told("WATCHDOG=1")
    logs = "".join(path.read_text() for path in production.machine.root.glob("*.log"))
    assert "Traceback" not in logs, logs
    assert "PermissionError" not in logs, logs


def test_the_console_asks_through_the_api(production: Production) -> None:
    with production.unit("mailboxes"), production.unit("console") as console:
        origin = f"http://localhost:{production.place('console')[1]}"
        with urllib.request.urlopen(f"{origin}/login", timeout=60) as page:
            assert "Log in with a passkey" in page.read().decode()
        console.await_told("WATCHDOG=1")
        assert console.stop() == 0


def test_a_client_that_connects_during_a_restart_notices_nothing(production: Production) -> None:
    with production.unit("intake") as intake:
        intake.await_told("WATCHDOG=1")
        assert intake.stop() == 0
        assert "STOPPING=1" in intake.told
    waiting = socket.create_connection(production.place("intake"))
    waiting.settimeout(60)
    with production.unit("intake"), waiting:
        assert waiting.recv(100).startswith(b"SSH-2.0-gateway")


def test_the_courier_can_write_its_notes(production: Production) -> None:
    roots = [production.machine.home / folder for folder in ("hand-on", "hooks")]
    lay_out = f"""{CONFINE}
sys.path.insert(0, {str(REPOSITORY)!r})
os.umask(0o027)
from pathlib import Path
from gateway.processor.handing_on import lay_out_folders
for root in sys.argv[1:]:
    for name in ("one", "other"):
        lay_out_folders(Path(root), {{"cases": {{"name": name}}}}, "side.toml")
"""
    write = """import sys
for root in sys.argv[1:]:
    open(f"{root}/cases/done/note", "w").write(open(f"{root}/cases/side.toml").read())
"""
    for _ in range(2):
        done = _as(production.machine, "gateway", lay_out, *map(str, roots))
        assert done.returncode == 0, done.stderr
        done = _as(production.machine, "gateway-courier", write, *map(str, roots))
        assert done.returncode == 0, done.stderr
        for root in roots:
            (root / "cases/done").chmod(0o2750)  # As an earlier version left it.


def test_who_may_read_and_write_what(production: Production) -> None:
    home = production.machine.home
    (home / "sealed" / "probe").write_text("x")
    (home / "sealed" / "probe").chmod(0o640)
    os.chown(home / "sealed" / "probe", *production.machine.users["gateway"][:2])
    secret = next((home / "keys/openpgp").glob("*.asc"))
    receipt = next((home / "published/providers/oak/receipts").glob("*.txt"))
    table = {
        # What gateway, gateway-mailboxes, gateway-intake and gateway-console may do with it.
        home / "keys": ("rw", "r", "", ""),
        secret: ("rw", "r", "", ""),
        home / "keys/log.pem": ("rw", "r", "", ""),
        home / "keys/mailboxes_host_key": ("rw", "r", "", ""),
        home / "sealed": ("rw", "r", "", ""),
        home / "sealed/probe": ("rw", "r", "", ""),
        home / "registry.db": ("rw", "rw", "", ""),
        home / "gateway.toml": ("rw", "r", "", ""),
        home / "policies": ("rw", "r", "r", "r"),
        home / "published": ("rw", "", "r", ""),
        home / "published/intake.json": ("rw", "", "r", ""),
        home / "published/providers/oak": ("rw", "", "r", ""),
        home / "published/providers/oak/authorized_keys": ("rw", "", "r", ""),
        receipt: ("rw", "", "r", ""),
        home / "console": ("", "rw", "", "r"),
        home / "spool": ("r", "", "rw", ""),
        home / "spool/landed": ("rw", "", "rw", ""),
        home / "spool/partial": ("r", "", "rw", ""),
        home / "spool/host/ssh_host_ed25519_key": ("", "", "rw", ""),
    }
    may = {
        user: _access(production.machine, user, list(table))
        for user in ("gateway", "gateway-mailboxes", "gateway-intake", "gateway-console")
    }
    for path, expected in table.items():
        found = tuple(may[user][str(path)] for user in may)
        assert found == expected, (
            path,
            found,
            oct(path.stat().st_mode),
            path.owner() if False else path.stat().st_uid,
        )
    for path in home.rglob("*"):
        if not path.is_relative_to(home / "published") and path.suffix != ".pub":
            assert not path.stat().st_mode & stat.S_IWOTH, path


def test_no_service_can_put_another_folder_in_place_of_one(production: Production) -> None:
    home = production.machine.home
    for user in ("gateway-mailboxes", "gateway-intake", "gateway-console"):
        code = f"import os; os.rename({str(home / 'keys')!r}, {str(home / 'stolen')!r})"
        done = _as(production.machine, user, code)
        assert "PermissionError" in done.stderr, (user, done.stderr)
        assert (home / "keys").is_dir()


def test_another_boot_changes_nothing(production: Production) -> None:
    def seen() -> dict[str, tuple[int, int, int]]:
        return {
            str(path): (status.st_mode, status.st_uid, status.st_gid)
            for path in production.machine.home.rglob("*")
            if (status := path.lstat())
        }

    production.machine.tmpfiles()
    before = seen()
    production.machine.tmpfiles()
    assert seen() == before


def _as(made: Machine, user: str, code: str, *words: str) -> subprocess.CompletedProcess[str]:
    number, group, others = made.users[user]
    groups = f"--groups={','.join(map(str, others))}" if others else "--clear-groups"
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", made.setup + '\nexec "$@"', "sh",
         "setpriv", f"--reuid={number}", f"--regid={group}", groups, "--no-new-privs",
         sys.executable, "-c", code, *words],
        capture_output=True, text=True, timeout=60, check=False, cwd="/",
    )  # fmt: skip


def _access(made: Machine, user: str, paths: list[Path]) -> dict[str, str]:
    code = (
        "import json, os\n"
        f"paths = {[str(path) for path in paths]!r}\n"
        "ways = (('r', os.R_OK), ('w', os.W_OK))\n"
        "print(json.dumps({p: ''.join(c for c, way in ways if os.access(p, way)) for p in paths}))"
    )
    done = _as(made, user, code)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
