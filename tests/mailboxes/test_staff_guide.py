"""Every sftp command of docs/staff.md, typed into OpenSSH's client as the page has it, in its order."""

import random
import re
import subprocess
from pathlib import Path

import pytest

from gateway.samples import make, school
from tests.mailboxes.mailroom import PROVIDER, Mailroom
from tests.production.guide import REPOSITORY

TEAM = "education-welfare"
NAMED = "2026-11-24_oak_attendance_2026-W47_261124-oak-7K2MX.csv"


def typed() -> list[str]:
    """The commands behind the prompt of sftp."""
    return re.findall(r"^sftp> (.*)$", (REPOSITORY / "docs" / "staff.md").read_text("utf-8"), re.MULTILINE)


@pytest.mark.needs("sftp")
def test_every_command_of_the_page_does_what_it_says(mailroom: Mailroom, tmp_path: Path) -> None:
    mailroom.staff("of-welfare", TEAM)
    rng = random.Random(1)
    content = make("attendance", "csv-weekly", rng=rng, school=school(rng, 1), pupils=4)
    reference = mailroom.accept(content)
    name = f"2026-11-24_{PROVIDER}_attendance_2026-W47_{reference}.csv"
    commands = typed()
    assert [command.split()[0] for command in commands] == ["ls", "get", "rm", "rename"]
    for command in commands:
        done = subprocess.run(
            ["sftp", "-q", "-F", str(mailroom.ssh_config("of-welfare")), "-b", "-", "mailboxes"],
            input=command.replace(NAMED, name) + "\n",
            cwd=tmp_path, text=True, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.returncode == 0, (command, done.stderr)
        if command.startswith("ls"):
            assert name in done.stdout
    assert b"UPN" in (tmp_path / name).read_bytes()
    kinds = [event.kind for event in mailroom.events(reference)]
    assert kinds[-3:] == ["collected", "dealt-with", "restored"]
