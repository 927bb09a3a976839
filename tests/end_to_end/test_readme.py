"""The README as it is written: its commands, pasted line by line into a terminal of each party."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.ending import ending
from tests.ports import free_port
from tests.waiting import until

pytestmark = [pytest.mark.long, pytest.mark.needs("gpg", "sftp", "ssh-keygen"), pytest.mark.timeout(300)]
README = Path(__file__).parents[2] / "README.md"
END = "that was all, with exit code"
MAY_EXIT_1 = "gateway doctor"


def blocks() -> list[list[str]]:
    """The commands of each block of the section, each on one line, without the comment behind it."""
    section = README.read_text("utf-8").partition("\n## Run it\n")[2].partition("\n## ")[0]
    found = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [re.sub(r" +# .*", "", re.sub(r"\\\n\s*", "", block)).splitlines() for block in found]


@dataclass
class Terminal:
    """A shell in the folder, with a person's answers: yes, this host; no passphrase; yes, this key."""

    folder: Path
    ports: dict[str, int]

    def __post_init__(self) -> None:
        answers = {"SSH_ASKPASS": str(self.folder / "yes"), "SSH_ASKPASS_REQUIRE": "force"}
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "LC_ALL": "C.UTF-8", **answers}
        self.process = subprocess.Popen(
            ["bash"], cwd=self.folder, env={**environment, "GNUPGHOME": str(self.folder / "g")},
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def begin(self, command: str) -> None:
        """Paste a line."""
        for written, real in self.ports.items():
            command = command.replace(f"-P {written}", f"-P {real}")
        command = command.replace("sftp -i", f"sftp -oUserKnownHostsFile={self.folder}/known_hosts -i")
        assert self.process.stdin is not None
        self.process.stdin.write(f"{{ {command}\n}} < /dev/null; echo {END} $?\n")
        self.process.stdin.flush()

    def read(self, last: str) -> str:
        """What is printed up to a line that begins with `last`, and that line."""
        assert self.process.stdout is not None
        said = ""
        for line in self.process.stdout:
            said += line
            if line.startswith(last):
                return said
        raise AssertionError(said)

    def type(self, command: str) -> tuple[int, str]:
        """Paste a line and wait; its exit code and what it printed."""
        self.begin(command)
        said = self.read(END)
        return int(said.split()[-1]), said

    def close(self) -> None:
        with ending(self.process):
            pass


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """What `make demo` leaves: a folder with a .venv. GnuPG asks nothing."""
    (tmp_path / ".venv").symlink_to(sys.prefix)
    (tmp_path / "g").mkdir(mode=0o700)
    (tmp_path / "no-passphrase").touch()
    (tmp_path / "yes").write_text("#!/bin/sh\necho yes\n")
    (tmp_path / "yes").chmod(0o755)
    answers = ("batch", "pinentry-mode loopback", f"passphrase-file {tmp_path}/no-passphrase")
    (tmp_path / "g" / "gpg.conf").write_text("\n".join((*answers, "trust-model always")) + "\n")
    yield tmp_path
    subprocess.run(["gpgconf", "--homedir", str(tmp_path / "g"), "--kill", "all"], check=False)


@pytest.fixture
def terminals(folder: Path) -> Iterator[tuple[Terminal, Terminal]]:
    ports = {"2222": free_port(), "2223": free_port(), "2224": free_port()}
    school, authority = Terminal(folder, ports), Terminal(folder, ports)
    yield school, authority
    for terminal in (school, authority):
        terminal.close()


def run(authority: Terminal) -> None:
    """`gateway run`, on ports that are free here."""
    settings = authority.folder / "gateway-home" / "gateway.toml"
    text = settings.read_text()
    for written, real in authority.ports.items():
        text, changed = re.subn(rf"(?m)^#? ?port = {written}", f"port = {real}", text)
        assert changed == 1
    settings.write_text(text)
    authority.begin("exec gateway run")
    authority.read(f"ready intake 0.0.0.0:{authority.ports['2222']}")


def test_the_readme_can_be_pasted_line_by_line(terminals: tuple[Terminal, Terminal]) -> None:
    school, authority = terminals
    before, enrolling, sending, after = blocks()
    for terminal, lines in ((school, before), (authority, enrolling), (school, sending)):
        for line in lines:
            if line == "gateway run":
                assert line == lines[-1]  # It keeps the terminal.
                run(terminal)
                continue
            code, said = terminal.type(line)
            assert code == 0 or line.startswith(MAY_EXIT_1), (line, said)
            assert "command not found" not in said
    fetched, *others = after
    until(lambda: school.type(f"{fetched} && ls core.xml.gpg.*.txt")[0] == 0, "the receipt")
    for line in others:
        code, said = school.type(line)
        assert code == 0, (line, said)
        assert "genuine" in said or "-oak-" in said, said
    assert list(school.folder.glob("*_oak_student-core_*.xml"))
