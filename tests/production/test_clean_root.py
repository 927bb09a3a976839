"""A newcomer with a clean Debian 13 follows docs/operations.md, word by word, to running services.

`make install-check`; left out of `make test`, since it fetches a Debian and takes some minutes. Every command
of the page is typed as it is written there. Those in ONLY_IGNORED ask for a systemd that runs: their form is
checked by systemctl itself, and what they would do to our services is done by as_systemd.py.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from tests.gateway_site import until
from tests.production.clean_root import Root, clean_root
from tests.production.guide import REPOSITORY, Command, commands

pytestmark = [
    pytest.mark.install,
    pytest.mark.root,
    pytest.mark.timeout(1200),
    pytest.mark.needs("mmdebstrap", "nsenter", "unshare", "ip"),
]
PAGE = "operations.md"
HOME = "/var/lib/gateway"
FETCHES = ("apt-get", "/opt/gateway/bin/pip")
# systemctl says of these that there is no systemd to do them.
ONLY_IGNORED = {"daemon-reload", "edit", "start", "restart", "stop"}
WANTED = ["gateway-processor.service", "gateway-intake.service", "gateway-mailboxes.service"]


@dataclass
class Newcomer:
    """Who follows the guide, and with whom they exchange files."""

    root: Root
    far: subprocess.Popen[str] | None = None
    ignored: set[str] = field(default_factory=set)
    typed: list[str] = field(default_factory=list)

    def follow(self, command: Command) -> None:
        """Type a command of the guide as it is written."""
        self.typed.append(command.text)
        if command.text.startswith("systemctl "):
            self._systemctl(command.text)
        else:
            self.root.type(command.text, network=command.text.startswith(FETCHES))

    def _systemctl(self, text: str) -> None:
        """systemctl for what it can do here; what is left of it is done to our services."""
        verb, *names = [word for word in shlex.split(text)[1:] if not word.startswith("--")]
        said = self.root.type(text.replace(" --now", ""))
        if found := re.search(r"ignoring command '(\S+)'", said):
            self.ignored.add(found[1])
        names = [name if "." in name else f"{name}.service" for name in names]
        services = WANTED if "gateway.target" in names else [name for name in names if name in WANTED]
        for service in services:
            if service in self.root.services:
                self.root.stop(service)
            if verb != "stop":
                self.root.start(service)

    def admin(self, *words: str) -> str:
        """As the guide tells administrators to run commands."""
        return self.root.type(f"sudo -u gateway gateway {shlex.join(words)} --home {HOME}")

    def ask(self, line: str) -> None:
        """Have somebody on the far side do something."""
        assert self.far is not None
        assert self.far.stdin is not None
        assert self.far.stdout is not None
        self.far.stdin.write(line + "\n")
        self.far.stdin.flush()
        assert self.far.stdout.readline() == "done\n", line

    def enrol(self) -> None:
        """A school and a member of staff, whose keys lie in /tmp."""
        self.far = self.root.talk("/opt/gateway/bin/python", "-m", "tests.production.newcomer")
        keys = ("--ssh-key", "/tmp/oak/ssh.pub", "--openpgp-key", "/tmp/oak/openpgp.asc")
        self.admin("providers", "add", "oak", "--name", "Oak", "--kind", "school", *keys)
        self.admin("agreement", "ratify", "oak", "--signatory", "The Head")
        self.admin("staff", "add", "jane", "--team", "central-data-team", "--ssh-key", "/tmp/jane/ssh.pub")

    def states(self) -> dict[str, str]:
        shown = self.admin("transfers", "list", "--json")
        return {one["name"]: one["state"] for one in json.loads(shown)}

    def await_accepted(self, name: str) -> None:
        until(lambda: self.states().get(name) == "accepted", name, seconds=60)


@pytest.fixture(scope="module")
def newcomer() -> Iterator[Newcomer]:
    with clean_root() as root:
        yield Newcomer(root)


def under(title: str) -> list[Command]:
    found = [command for command in commands(PAGE) if command.title == title]
    assert found, title
    return found


def test_services_run(newcomer: Newcomer) -> None:
    for command in under("Installing"):
        newcomer.follow(command)
    assert [unit for unit in WANTED if unit in newcomer.root.services] == WANTED
    newcomer.enrol()
    newcomer.ask("put first.xml.gpg 1")
    newcomer.await_accepted("first.xml.gpg")
    newcomer.ask("collect 1")


def test_units_that_end_by_themselves(newcomer: Newcomer) -> None:
    for unit in ("gateway-doctor.service", "gateway-checkpoint.service", "gateway-retention.service"):
        newcomer.root.once(unit)


def test_each_change_of_ones_own_is_a_unit_that_systemd_takes(newcomer: Newcomer) -> None:
    for command in under("Your own changes"):
        newcomer.follow(command)
    text = (REPOSITORY / "docs" / PAGE).read_text()
    rows = re.findall(r"^\| [^|]+ \| (`gateway-[^|]+) \| (`[^|]+`) \|$", text, re.MULTILINE)
    assert len(rows) == 4
    for units, lines in rows:
        names = [
            name if name.startswith("gateway") else f"gateway{name}" for name in re.findall(r"`(.+?)`", units)
        ]
        for name in names:
            unit = name if "." in name else f"{name}.service"
            section = "Socket" if unit.endswith(".socket") else "Service"
            said = "\n".join([f"[{section}]", *re.findall(r"`(.+?)`", lines)])
            newcomer.root.type(f"""
                mkdir /etc/systemd/system/{unit}.d
                printf '%s\\n' {shlex.quote(said)} > /etc/systemd/system/{unit}.d/override.conf
                systemd-analyze verify /usr/local/lib/systemd/system/{unit}
                rm -r /etc/systemd/system/{unit}.d""")


def test_an_address_is_let_in_again(newcomer: Newcomer) -> None:
    newcomer.root.type("true")
    subprocess.run(
        [
            "nsenter",
            f"--target={newcomer.root.holder.pid}",
            "--net",
            "ip",
            "address",
            "add",
            "192.0.2.7/32",
            "dev",
            "lo",
        ],
        check=True,
    )
    newcomer.ask("knock 192.0.2.7")
    assert "192.0.2.7" in newcomer.admin("penalties", "list")
    for command in under("Addresses that have to wait"):
        newcomer.follow(command)


def test_a_backup_is_restored(newcomer: Newcomer) -> None:
    newcomer.root.type("install -d -o gateway -g gateway -m 0700 /mnt/elsewhere")
    head = newcomer.root.once("gateway-checkpoint.service")
    (newcomer.root.folder / "mnt/elsewhere/head-from-the-journal").write_text(head)
    for command in under("Backup and restore"):
        newcomer.follow(command)
        if "gateway-backup.timer" in command.text:
            newcomer.root.once("gateway-backup.service")
            assert len(list((newcomer.root.folder / "var/backups/gateway").iterdir())) == 1
    assert newcomer.states() == {"first.xml.gpg": "accepted"}
    newcomer.ask("put second.xml.gpg 2")
    newcomer.await_accepted("second.xml.gpg")


def test_an_upgrade_keeps_what_waits(newcomer: Newcomer) -> None:
    newcomer.root.stop("gateway-processor.service")
    newcomer.ask("put third.xml.gpg 3")
    assert "third.xml.gpg" not in newcomer.states()
    for command in under("Upgrading, and going back"):
        newcomer.follow(command)
    newcomer.await_accepted("third.xml.gpg")
    newcomer.ask("collect 3")


def test_every_command_of_the_page_was_typed(newcomer: Newcomer) -> None:
    """Runs last. What systemd would have had to be there for is said, and is no more than this."""
    assert newcomer.typed == [c.text for c in commands(PAGE) if c.title != "PostgreSQL"]
    assert newcomer.ignored == ONLY_IGNORED
    for log in newcomer.root.folder.parent.glob("*.log"):
        assert "Traceback" not in log.read_text(), log
