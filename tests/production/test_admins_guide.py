"""Every command of docs/admins.md, as it is written there, in the order of the page.

What a reader puts in for themselves is put in here: fingerprints, references, dates that are to come. Beside
the commands, only what others do happens: schools upload, and somebody hands over a key. The services are
processes of their own; commands run in this one, their words divided as a shell divides them.
"""

from __future__ import annotations

import contextlib
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.homes.demo.parties import Party
from gateway.log.checkpoint import LogKey
from gateway.record.policies_in_force import note_beside, sign
from tests.classify import made
from tests.commands import invoke
from tests.content import core_data
from tests.ending import ending
from tests.layouts.test_installing import NEXT as NEXT_LAW
from tests.layouts.test_installing import PUBLISHER
from tests.ports import free_port
from tests.production.guide import commands
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]
REFERENCE = "261124-oak-7K2MX"
# These say by their exit code that somebody has something to do.
# Nobody has said what a heading means, so there is nothing to revoke.
MAY_EXIT_1 = (
    "gateway doctor",
    "gateway flows status",
    "gateway status",
    "gateway headings revoke",
    "gateway headings say",
)
SEPTEMBER = ("July: the coming year is opened", "1 September")  # For which the clock has to be put forward.
ON_ROLL = made.ctf([made.pupil(made.Child(1), made.CORE_INSIDE)]).encode()
POST = (
    "--method post --provider oak --data safeguarding --safeguard special-delivery"
    " --safeguard return-address --safeguard addressee-only"
)
SCHOOLS = """\
id,name,kind,dfe_number
beech,Beech School,school,9992301
cedar,Cedar School,school,9992302
larch,Larch School,school,9992303
mistyped,Mistyped School,school,9992304
"""


def fingerprint(party: Party) -> str:
    return str(party.openpgp.extract_certificate().fingerprint)


@dataclass
class Reader:
    """Somebody with a shell in a folder, and the schools they look after."""

    folder: Path
    services: subprocess.Popen[str] | None = None
    place: tuple[str, int] = ("", 0)
    oak: Party = field(init=False)
    others: dict[str, Party] = field(default_factory=dict)
    approved: str = ""
    proposed: str = ""
    person: str = "sam"
    heard: str = ""

    def __post_init__(self) -> None:
        self.oak, newer = (Party("oak", self.folder / "keys" / name) for name in ("oak", "oak-new"))
        jane = Party("jane", self.folder / "keys" / "jane")
        self.newer = fingerprint(newer)
        shutil.copy(self.oak.ssh_public, self.folder / "oak.pub")
        shutil.copy(self.oak.certificate, self.folder / "oak.asc")
        shutil.copy(newer.certificate, self.folder / "oak-new.asc")
        shutil.copy(jane.ssh_public, self.folder / "jane.pub")
        (self.folder / "core.xml").write_bytes(core_data(99))
        (self.folder / "schools.csv").write_text(SCHOOLS)

    def type(self, text: str, given: str = "", *, into: str = ".") -> str:
        """Type a command in a folder; what it printed."""
        if " > " in text:
            self.invite(*text.split(" > "))
            return ""
        name, *words = shlex.split(text, comments=True)
        assert name == "gateway", text
        with contextlib.chdir(self.folder / into):
            there = [
                found
                for word in words
                for found in (sorted(map(str, Path().glob(word))) if "*" in word else [word])
            ]
            done = invoke(
                None, *there, given=given, environment={"COLUMNS": "200", "GATEWAY_ADMIN": self.person}
            )
        allowed = {0, 1} if text.startswith(MAY_EXIT_1) else {0}
        assert done.exit_code in allowed, (text, done.exit_code, done.stdout, done.stderr)
        return str(done.stdout)

    def json(self, text: str) -> Any:
        return json.loads(self.type(f"{text} --json"))

    def has_pack(self) -> None:
        """Next year's law as its publisher signs it, whom the settings name."""
        pack, key = self.folder / "law-2027-28.toml", LogKey.load(LogKey.generate())
        if pack.exists():
            return
        pack.write_text(NEXT_LAW, "utf-8")
        note_beside(pack).write_text(sign(pack, PUBLISHER, key), "utf-8")
        settings = self.folder / "gateway-home" / "gateway.toml"
        named = f'\\g<0>law_publishers = ["{key.vkey(PUBLISHER)}"]\n'
        text, changed = re.subn(r"(?m)^\[log\].*\n", named, settings.read_text())
        assert changed == 1, text
        settings.write_text(text)

    def run(self) -> None:
        """`gateway run`, on ports that are free, as its settings say."""
        settings = self.folder / "gateway-home" / "gateway.toml"
        ports = (free_port() for _ in range(3))
        text, changed = re.subn(
            r"(?m)^#? ?port = \d+", lambda _: f"port = {next(ports)}", settings.read_text()
        )
        assert changed == 3, text
        settings.write_text(text)
        with (self.folder / "run.log").open("w") as log:
            self.services = subprocess.Popen(
                [Path(sys.executable).with_name("gateway"), "run"], cwd=self.folder, text=True,
                stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        assert self.services.stdout is not None
        words = self.services.stdout.readline().split()
        assert words[:1] == ["ready"], (self.folder / "run.log").read_text()
        host, _, port = words[2].rpartition(":")
        self.place = (host, int(port))

    # What others do meanwhile.

    def send(self, party: Party, name: str, content: bytes) -> str:
        """Upload a file; its reference once it is decided."""
        certificate = party.get(self.place, "/keys/gateway.asc").decode()
        party.put(self.place, name, party.seal(content, certificate))

        def decided() -> str:
            rows = self.json("gateway transfers list")
            found = [t for t in rows if t["name"] == Path(name).name and t["state"] != "landed"]
            return str(found[-1]["reference"]) if found else ""

        return until(decided, name)

    def _waiting(self, name: str) -> str:
        """The fingerprints of a provider's keys that wait for a telephone call."""
        listed = self.json(f"gateway keys list {name}")
        return " ".join(key["fingerprint"] for key in listed if key["state"] == "pending")

    def school(self, name: str, *, ratified: bool) -> Party:
        if name not in self.others:
            party = self.others[name] = Party(name, self.folder / "keys" / name)
            self.type(
                f"gateway providers add {name} --name {name} --kind school"
                f" --ssh-key {party.ssh_public} --openpgp-key {party.certificate}"
            )
            self.type(f"gateway keys confirm {name} {self._waiting(name)}")
            if ratified:
                self.type(f"gateway agreement ratify {name} --signatory 'A. Head'")
        return self.others[name]

    def invite(self, text: str, invitation: str) -> None:
        """Write the invitation as the shell would; the school opens it, and reads its words out."""
        (self.folder / "passphrase").write_text("wide river seven lamp\n")
        with contextlib.chdir(self.folder):
            asked = invoke(
                None, *shlex.split(text)[1:], environment={"COLUMNS": "200", "GATEWAY_ADMIN": "sam"}
            )
            assert asked.exit_code == 0, asked.stderr
            Path(invitation).write_text(asked.stdout)
            shown = invoke(
                None, "send", "setup", invitation, "--words", asked.stderr.splitlines()[1], "--owner",
                "Birch <office@birch.invalid>", environment={"COLUMNS": "200", "GATEWAY_KIT": "kit",
                "GATEWAY_KIT_PASSPHRASE_FILE": "passphrase"},
            )  # fmt: skip
        assert shown.exit_code == 0, shown.stderr
        self.heard = shown.stdout.splitlines()[-2].strip()

    # What a reader puts in.

    def filled(self, text: str) -> str:
        today = datetime.now(UTC).date()
        text = text.replace("2026-12-31", f"{today + timedelta(days=30)}")
        if not text.startswith("gateway report review"):  # Of a school year that is over.
            text = re.sub(r"--(on|to) 2026-\d\d-\d\d", rf"--\1 {today}", text)
        if "SSH-FPR OPENPGP-FPR" in text:
            text = text.replace("SSH-FPR OPENPGP-FPR", self._waiting("oak"))
        text = text.replace("WORD WORD WORD WORD WORD WORD", self.heard)
        if "FPR" in text:
            text = text.replace("FPR", self._fingerprint(text))
        if REFERENCE in text:
            text = text.replace(REFERENCE, self._reference(text))
        if text.startswith(("gateway discrepancies show", "gateway discrepancies resolve")):
            text = text.replace(" 7", f" {self._discrepancy()}")
        return text.replace("--dry-run …", f"--dry-run {POST}").replace("…", "as they asked")

    def _fingerprint(self, text: str) -> str:
        if " retire " in text or " restore " in text:
            return self.newer
        if " confirm " in text:
            dropped = Party("oak", self.folder / "keys" / "dropped")
            self.send(self.oak, "/keys/dropped.asc", dropped.certificate.read_bytes())
            self.approved = fingerprint(dropped)
            return f"{self.newer} {self.approved}"
        return self.approved

    def _reference(self, text: str) -> str:
        """A file that waits for what the command decides: for judgement, for its kind, for two persons."""
        number = len(self.json("gateway transfers list"))
        name, content = f"{number}.xml.pgp", core_data(1_000 + number)
        if text.startswith("gateway held confirm"):
            self.person = "kim"
            return self.proposed
        if text.startswith("gateway held decline"):
            reference = self.send(self.school("elm", ratified=False), name, content)
            self.type(f"gateway held release {reference} --why 'they rang' --override")
            return reference
        if "--override" in text:
            self.proposed = self.send(self.school("elm", ratified=False), name, content)
            return self.proposed
        if "--as " in text:
            return self.send(self.oak, f"{number}.txt.pgp", b"nothing that anybody knows\n")
        reference = self.send(self.oak, name, content)
        if text.startswith("gateway held"):
            shown = self.json(f"gateway transfers show {reference}")
            assert shown["state"] == "held", shown
        return reference

    def _discrepancy(self) -> int:
        if not (found := self.json("gateway discrepancies list")):
            for party in (self.school("ash", ratified=True), self.school("yew", ratified=True)):
                self.send(party, f"{party.name}.xml.pgp", ON_ROLL)
            found = until(lambda: self.json("gateway discrepancies list"), "a discrepancy")
        return int(found[0]["number"])


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    somebody = Reader(tmp_path)
    yield somebody
    if somebody.services is not None:
        with ending(somebody.services):
            pass


def test_every_command_does_what_the_page_says(reader: Reader) -> None:
    typed = []
    for command in commands("admins.md"):
        if command.title in SEPTEMBER:
            continue
        typed.append(command.text)
        if command.text == "gateway run":
            reader.run()
        elif command.text.startswith("gateway policy diff"):
            shutil.copytree(reader.folder / "gateway-home/policies", reader.folder / "old")
            reader.type(command.text.replace("old/", "../old/"), into="gateway-home")
        elif command.text.startswith(("gateway policy pack install", "gateway policy optional switch")):
            reader.has_pack()
            reader.type(command.text)
            reader.type("gateway policy confirm --yes")
        elif command.text.startswith("gateway policy simulate"):
            reader.type(command.text.replace("new/", str(reader.folder / "old")))
        elif command.text == "gateway policy propose":
            keys = reader.folder / "gateway-home/policies/keys.toml"
            keys.write_text(keys.read_text().replace("unused_days = 90", "unused_days = 60"))
            reader.type(command.text)
        elif command.text == "gateway policy approve":
            reader.person, first = "robin", reader.person
            reader.type(command.text, given="y\n")
            reader.person = first
        else:
            reader.type(reader.filled(command.text))
    assert len(typed) > 40
    assert reader.json("gateway log verify")["fits"]
