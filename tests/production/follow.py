"""Who follows docs/operations.md in the clean root, and with whom they exchange files."""

from __future__ import annotations

import json
import shlex
import subprocess
from dataclasses import dataclass, field

from tests.production.clean_root import Root
from tests.production.guide import Command, commands
from tests.waiting import until

PAGE = "operations.md"
HOME = "/var/lib/gateway"
SERVICES = ["gateway-processor.service", "gateway-intake.service", "gateway-mailboxes.service"]
FETCHES = ("apt-get", "/opt/gateway/bin/pip")


def under(title: str) -> list[Command]:
    """The commands of a section."""
    found = [command for command in commands(PAGE) if command.title == title]
    assert found, title
    return found


@dataclass
class Newcomer:
    """What has been typed, and the far side."""

    root: Root
    far: subprocess.Popen[str] | None = None
    typed: list[str] = field(default_factory=list)

    def follow(self, command: Command, **words: str) -> None:
        """Type a command of the guide as it is written, with `words` in place of its words in capitals."""
        self.typed.append(command.text)
        text = command.text
        for name, word in words.items():
            text = text.replace(name, word)
        self.root.type(text, network=text.startswith(FETCHES))

    def follow_in_vain(self, command: Command, said: str) -> None:
        """Type a command of the guide for which there is nothing to do here, and see it refused so."""
        self.typed.append(command.text)
        self.root.type(f"! {command.text} 2>/root/said && grep -q {shlex.quote(said)} /root/said")

    def admin(self, *words: str) -> str:
        """As the guide tells administrators to run commands."""
        return self.root.type(f"sudo -u gateway gateway {shlex.join(words)} --home {HOME}")

    def prepare(self, unit: str, *lines: str) -> None:
        """What will be written when somebody edits the unit."""
        section = "Socket" if unit.endswith(".socket") else "Service"
        (self.root.folder / "root/lines").write_text("\n".join([f"[{section}]", *lines, ""]))

    def edit(self, unit: str, *lines: str) -> None:
        """A drop-in of one's own."""
        self.prepare(unit, *lines)
        self.root.type(f"systemctl edit {unit}")

    def ask(self, line: str) -> None:
        """Have somebody on the far side do something."""
        self.begin(line)
        self.end(line)

    def begin(self, line: str) -> None:
        """Have somebody on the far side begin with something."""
        assert self.far is not None
        assert self.far.stdin is not None
        self.far.stdin.write(line + "\n")
        self.far.stdin.flush()

    def end(self, line: str) -> None:
        """Wait until they have done it."""
        assert self.far is not None
        assert self.far.stdout is not None
        said = self.far.stdout.readline()
        assert said == "done\n", (line, said, self.root.journal("-n", "30"))

    def enrol(self) -> None:
        """A school and a member of staff, whose keys lie in /tmp."""
        if self.far is None:
            self.far = self.root.talk("/opt/gateway/bin/python", "-m", "tests.production.newcomer")
        keys = ("--ssh-key", "/tmp/oak/ssh.pub", "--openpgp-key", "/tmp/oak/openpgp.asc")
        self.admin("providers", "add", "oak", "--name", "Oak", "--kind", "school", *keys)
        waiting = [key["fingerprint"] for key in json.loads(self.admin("keys", "list", "oak", "--json"))]
        self.admin("keys", "confirm", "oak", *waiting)
        self.admin("agreement", "ratify", "oak", "--signatory", "The Head")
        self.admin("staff", "add", "jane", "--team", "central-data-team", "--ssh-key", "/tmp/jane/ssh.pub")

    def states(self) -> dict[str, str]:
        """How each transfer stands, by the name of its file."""
        shown = self.admin("transfers", "list", "--json")
        return {one["name"]: one["state"] for one in json.loads(shown)}

    def exchange(self, name: str, seed: int) -> None:
        """A file goes all the way: uploaded, accepted, collected."""
        self.ask(f"put {name} {seed}")
        self.await_accepted(name)
        self.ask(f"receipt {name}")
        self.ask(f"collect {seed}")

    def await_accepted(self, name: str) -> None:
        """A file has been decided upon as it should."""
        until(lambda: self.states().get(name) == "accepted", name, seconds=60)

    def await_running(self, unit: str, restarts: int) -> None:
        """systemd has started a service again, so often."""
        wanted = ("active", str(restarts))
        until(
            lambda: (self.root.shown(unit, "ActiveState"), self.root.shown(unit, "NRestarts")) == wanted,
            f"{unit} {wanted}",
            seconds=90,
        )
