"""docs/staff.md, word by word: what it types into a client does what it says."""

import random
import re
import subprocess
from pathlib import Path

import pytest

from gateway.samples import make, school
from tests.mailboxes.mailroom import PROVIDER, Mailroom

GUIDE = Path(__file__).parents[2] / "docs" / "staff.md"
NAME = re.compile(r"2026-11-24_oak_attendance_2026-W47_261124-oak-7K2MX\.csv")


@pytest.mark.needs("sftp")
def test_every_line_that_is_typed_works_as_written(mailroom: Mailroom, tmp_path: Path) -> None:
    mailroom.staff("jane", "education-welfare")
    rng = random.Random(4)
    reference = mailroom.accept(make("attendance", "csv-sessions", rng=rng, school=school(rng, 1), pupils=3))
    text = GUIDE.read_text("utf-8")
    name = f"2026-11-24_{PROVIDER}_attendance_2026-W47_{reference}.csv"
    typed = [NAME.sub(name, line) for line in re.findall(r"^sftp> (.+)$", text, re.MULTILINE)]
    assert [line.split()[0] for line in typed] == ["ls", "get", "rm", "rename"]
    assert NAME.search(text.partition("sftp> ls")[2].splitlines()[1])  # What the guide says that ls shows.
    done = subprocess.run(
        ["sftp", "-F", mailroom.ssh_config("jane"), "-b", "-", "mailboxes"],
        cwd=tmp_path, input="\n".join([*typed, "ls /education-welfare", ""]), capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(name) >= 2  # In the listing, and back again in the team's folder at the end.
    assert (tmp_path / name).read_bytes().startswith(b"UPN")
    kinds = [event.kind for event in mailroom.events(reference)]
    assert kinds == ["collected", "dealt-with", "restored"]


def test_every_folder_that_the_guide_names_is_there(mailroom: Mailroom) -> None:
    mailroom.staff("joan", "education-welfare", "central-data-team")
    folders = re.findall(r"^\| `(/[^`]+)`", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert len(folders) == 4
    with mailroom.sftp("joan") as sftp:
        for folder in folders:
            place = folder.replace("TEAM", "education-welfare").replace("oak", PROVIDER)
            sftp.listdir(place)
