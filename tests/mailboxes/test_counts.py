"""Place planning is given counts of a roll, whatever lies in its mailbox, and never a record (2.4.2)."""

import csv
import hashlib
import io
import random

import pytest

from gateway.log.leaf import commitment
from gateway.registry import rolls, transfers
from gateway.samples import make, school
from tests.mailboxes.mailroom import NOW, Mailroom

TEAM = "school-place-planning"


@pytest.fixture(scope="module")
def staffed(mailroom: Mailroom) -> Mailroom:
    mailroom.staff("planner", TEAM)
    return mailroom


def roll(pupils: int = 60) -> bytes:
    rng = random.Random(4)
    return make("student-core", "csv-core", rng=rng, school=school(rng, 1), pupils=pupils)


def given(mailroom: Mailroom, content: bytes) -> str:
    reference = mailroom.accept(content)
    with mailroom.registry.write() as session:
        rolls.deliver_counts(session, [(transfers.get(session, reference).sequence, TEAM)], NOW)
    return f"/{TEAM}/2026-11-24_school-a_student-core-counts_2026-W47_{reference}.csv"


def read(mailroom: Mailroom, path: str) -> bytes:
    with mailroom.sftp("planner") as sftp, sftp.open(path) as file:
        return file.read()


def test_a_planner_reads_counts_that_are_the_same_at_every_reading(staffed: Mailroom):
    content = roll()
    path = given(staffed, content)
    data = read(staffed, path)
    assert data == read(staffed, path)
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    assert {row["School"] for row in rows} == {"school-a"}
    assert {row["Period"] for row in rows} == {"2026-27-autumn"}
    on_roll = [int(row["Pupils"]) for row in rows if row["Table"] == "on roll by year group"]
    assert all(figure % 5 == 0 for figure in on_roll)
    assert 30 <= sum(on_roll) <= 90
    reference = path[-len("261124-school-a-XXXXX.csv") : -len(".csv")]
    event = staffed.events(reference)[-1]
    assert b'"left_out":"every-record-of-a-pupil"' in event.leaf
    assert commitment(hashlib.sha256(data).hexdigest(), event.salt or "").encode() in event.leaf
    for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig"))):
        assert not any(value.encode() in data for value in (row["UPN"], row["Surname"]))


def test_beside_counts_it_is_told_how_they_are_made(staffed: Mailroom):
    about = read(staffed, f"{given(staffed, roll())}.about.txt").decode()
    assert "no record of a pupil (2.4.2)" in about
    assert "fewer than 5" in about


@pytest.mark.parametrize("as_sent", [True, False])
def test_whatever_is_put_into_the_mailbox_of_planners_they_are_never_shown_a_record(
    staffed: Mailroom, as_sent: bool
):
    content = roll(12)
    reference = staffed.deliver(content, TEAM) if as_sent else staffed.accept(content)
    if not as_sent:
        with staffed.registry.write() as session:
            rolls.deliver_counts(session, [(transfers.get(session, reference).sequence, TEAM)], NOW)
    with staffed.sftp("planner") as sftp:
        for name in sftp.listdir(f"/{TEAM}"):
            if reference not in name:
                continue
            try:
                data = sftp.open(f"/{TEAM}/{name}").read()
            except OSError:
                continue
            assert b"GWSAMPLE" not in data
            assert b"UPN" not in data
