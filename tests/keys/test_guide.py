"""The guide for schools as it is written: what it says on replacing a key, with gpg and sftp alone."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.commands import Commands
from tests.content import core_data
from tests.end_to_end.rotating import Services
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.needs("gpg", "sftp", "ssh-keygen")]
GUIDE = Path(__file__).parents[2] / "docs" / "schools.md"
WHO = "office@oak.example"
LOGIN = "sftp -i oak -P 2222 oak@gateway.example.gov.uk"
MAKING_KEYS = (
    "ssh-keygen -t ed25519 -f oak",
    f'gpg --quick-generate-key "Oak Primary School <{WHO}>" default default 2y',
    f"gpg --armor --export {WHO} > oak.asc",
)
# What a person answers where GnuPG asks: revoke it, reason 2 (superseded), no more to say, yes.
ASKED, ANSWERS = "--no-batch --no-tty --command-fd 0", "y\n2\n\ny\n"


def commands_under(title: str) -> list[str]:
    """The commands of the guide's block under a heading, without comments."""
    text = re.split(rf"\n##+ {re.escape(title)}\n", GUIDE.read_text("utf-8"))[1]
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None, title
    return [line.partition("  #")[0].rstrip() for line in block[1].splitlines()]


@dataclass
class Office:
    """The school's computer: a folder, a GnuPG home, and a shell."""

    folder: Path
    port: int
    ssh_key: str = "oak"

    def shell(self, command: str, given: str = "") -> str:
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C.UTF-8"}
        environment["GNUPGHOME"] = str(self.folder / "g")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", command],
            input=given, env=environment, cwd=self.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout + done.stderr

    def follow(self, title: str, **keys: str) -> str:
        """Do what the guide says, with these fingerprints for its placeholders."""
        said, lines, named = "", commands_under(title), "NEW" in keys
        while lines:
            command = lines.pop(0)
            if "NEW" in command and not named:  # The one that the command before has made.
                keys["NEW"] = next(one for one in self.fingerprints() if one != keys["OLD"])
            for placeholder, fingerprint in keys.items():
                command = re.sub(rf"\b{placeholder}\b", fingerprint, command)
            if command.startswith("sftp "):
                typed = ""
                while lines and lines[0].startswith("sftp> "):
                    typed += lines.pop(0).removeprefix("sftp> ") + "\n"
                said += self.shell(self.here(command), typed)
            elif "--gen-revoke" in command:
                said += self.shell(command.replace("gpg ", f"gpg {ASKED} ", 1), ANSWERS)
            else:
                said += self.shell(self.here(command))
        return said

    def here(self, command: str) -> str:
        """The guide's command, for the gateway that is here, with what a person answers to ssh and sftp."""
        options = f"-i {self.ssh_key} -oStrictHostKeyChecking=accept-new -b -"
        command = command.replace("sftp -i oak -P 2222", f"sftp {options} -P {self.port}")
        return command.replace("gateway.example.gov.uk", "127.0.0.1").replace(
            "ssh-keygen ", "ssh-keygen -q -N '' "
        )

    def fingerprints(self) -> list[str]:
        lines = self.shell(f"gpg --with-colons --list-keys {WHO}").splitlines()
        return [lines[n + 1].split(":")[9] for n, line in enumerate(lines) if line.startswith("pub")]

    def subkey(self, key: str) -> str:
        lines = self.shell(f"gpg --with-colons --list-keys {key}").splitlines()
        return [line.split(":")[9] for line in lines if line.startswith("fpr")][1]

    def seal(self, seed: int, *options: str) -> str:
        """A data file, signed and encrypted as the guide says for each time; its name."""
        (self.folder / f"core-{seed}.xml").write_bytes(core_data(seed=seed, pupils=2))
        how = ("--sign", "--encrypt", "--recipient", "gateway", f"core-{seed}.xml")
        self.shell(shlex.join(["gpg", *options, *how]))
        return f"core-{seed}.xml.gpg"

    def put(self, name: str) -> None:
        self.shell(self.here(LOGIN), f"put {name}\n")

    def get(self, path: str) -> None:
        self.shell(self.here(LOGIN), f'get "{path}"\n')


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[tuple[Commands, Services]]:
    site = Commands(tmp_path)
    with Services(site) as services:
        yield site, services


@pytest.fixture
def office(gateway: tuple[Commands, Services], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """Oak, enrolled by the guide's first steps."""
    site, services = gateway
    folder = tmp_path_factory.mktemp("o")
    (folder / "g").mkdir(mode=0o700)
    (folder / "no-passphrase").write_text("")
    # What stands for the person: no passphrase, and yes to a second key of the same name.
    batch = ("batch", "yes", "pinentry-mode loopback", f"passphrase-file {folder / 'no-passphrase'}")
    (folder / "g" / "gpg.conf").write_text("\n".join(batch) + "\n")
    oak = Office(folder, services.intake[1])
    for command in MAKING_KEYS:
        assert f"`{command}`" in " ".join(GUIDE.read_text("utf-8").split())
        oak.shell(oak.here(command))
    site.gateway(
        "providers", "add", "oak", "--name", "Oak Primary School", "--kind", "school",
        "--ssh-key", str(folder / "oak.pub"), "--openpgp-key", str(folder / "oak.asc"),
    )  # fmt: skip
    site.confirm("oak")
    until((site.receipts("oak").parent / "authorized_keys").exists, "access")
    oak.follow("Once: the gateway's key", FINGERPRINT=gateways_key(site))
    yield oak
    subprocess.run(["gpgconf", "--homedir", str(folder / "g"), "--kill", "all"], check=False)


def gateways_key(site: Commands) -> str:
    """The fingerprint that the authority reads out."""
    return next(
        key["fingerprint"].upper() for key in site.json("keys", "gateway", "show") if key["state"] == "active"
    )


def outcome(site: Commands, name: str) -> tuple[str, str]:
    def decided() -> tuple[str, str] | None:
        found = [t for t in site.json("transfers", "list") if t["name"] == name and t["state"] != "landed"]
        return (found[-1]["state"], found[-1]["reasons"][0]["code"]) if found else None

    return until(decided, f"the outcome of {name}")


def lapse(office: Office, key: str) -> str:
    """Let the school's key and subkey expire, on record too; a file that was signed just before."""
    for more in ("", "'*'"):
        office.shell(f"gpg --quick-set-expire {key} seconds=4 {more}")
    office.shell(f"gpg --armor --export {key} > lapsing.asc")
    office.put("lapsing.asc /keys/")
    waiting = office.seal(6)
    until(lambda: "[expired" in office.shell(f"gpg --list-keys {key}"), "the expiry")
    return waiting


def test_a_school_changes_its_keys_by_the_guide_and_nobody_rings(
    gateway: tuple[Commands, Services], office: Office
) -> None:
    site, _ = gateway
    (old,) = office.fingerprints()
    office.follow("Once a year: the agreement")
    assert outcome(site, "agreement.txt.asc") == ("accepted", "agreement:ratified")
    (office.folder / "census.xml").write_bytes(core_data(seed=1, pupils=2))
    office.follow("Each time: sign, encrypt, upload")
    assert outcome(site, "census.xml.gpg")[0] == "accepted"

    # The recipes need no one at the authority but the person who approves.
    office.follow("Your key is about to expire", OLD=old)
    assert outcome(site, "renewed.asc") == ("accepted", "key:renewed")

    waiting = lapse(office, old)
    office.put(waiting)
    assert outcome(site, waiting) == ("held", "open:key-expired")
    office.follow("Your key has expired", OLD=old, SUBKEY=office.subkey(old))
    until(lambda: outcome(site, waiting)[0] == "accepted", "what waited")

    office.follow("A new OpenPGP key", OLD=old)
    new = next(one for one in office.fingerprints() if one != old)
    assert outcome(site, "new.asc.asc") == ("held", "key:pending")
    site.gateway("keys", "confirm", "oak", new)
    assert outcome(site, "new.asc.asc") == ("accepted", "key:in-force")
    office.put(office.seal(2, "--local-user", new))
    assert outcome(site, "core-2.xml.gpg")[0] == "accepted"

    office.follow("A new SSH key", OLD=old)
    assert outcome(site, "oak-new.pub.asc") == ("held", "key:pending")
    (pending,) = [key["fingerprint"] for key in site.json("keys", "list", "oak") if key["state"] == "pending"]
    site.gateway("keys", "confirm", "oak", pending)
    office.ssh_key = "oak-new"
    office.put(office.seal(3, "--local-user", new))
    assert outcome(site, "core-3.xml.gpg")[0] == "accepted"

    late = office.seal(4, "--local-user", old)
    office.follow("A key that you no longer need, or that may be in wrong hands", OLD=old)
    assert outcome(site, "revoked.asc") == ("accepted", "key:revocation-taken")
    office.put(late)
    assert outcome(site, late)[0] in {"held", "refused"}

    gateway_old = gateways_key(site)
    site.gateway("keys", "gateway", "rotate")
    said = office.follow("The gateway's key changes", OLD=gateway_old, NEW=gateways_key(site))
    assert "Good signature" in said
    office.put(office.seal(5, "--local-user", new))
    assert outcome(site, "core-5.xml.gpg")[0] == "accepted"
    last = next(t for t in site.json("transfers", "list") if t["name"] == "core-5.xml.gpg")
    assert "old key of the gateway" not in site.gateway("receipts", "show", last["reference"])
    old_ones = next(t for t in site.json("transfers", "list") if t["name"] == "census.xml.gpg")
    names = [path.name for path in site.receipts("oak").glob(f"*{old_ones['reference']}.txt")]
    office.get(f"/receipts/{names[0]}")
    office.shell(f"gpg --verify {shlex.quote(names[0])}")


def test_every_recipe_of_the_guide_is_tried() -> None:
    section = GUIDE.read_text("utf-8").partition("\n## Replacing your key\n")[2].partition("\n## ")[0]
    tried = re.findall(r'office\.follow\("(.*?)"', Path(__file__).read_text("utf-8"))
    recipes = re.findall(r"^### (.*)$", section, re.MULTILINE)
    assert recipes == [title for title in tried if not title.startswith(("Once", "Each time"))]
