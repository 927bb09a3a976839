"""Lists that the education welfare team collects: children on no roll, and movers; nobody else sees them."""

import csv
import io
import json
import random
from datetime import UTC, datetime

import pytest

from gateway.model import Provider, RollEntry
from gateway.registry import log, providers, rolls, staff, transfers
from gateway.samples import make, school
from tests.mailboxes.mailroom import NOW, PROVIDER, Mailroom

TEAM = "education-welfare"
GONE, MOVED = b"g" * 16, b"m" * 16
ROOT = f"/lists/{TEAM}"


@pytest.fixture(scope="module")
def reference(mailroom: Mailroom) -> str:
    """A file of a school whose two pupils have left; one of them is on the roll of another."""
    mailroom.staff("lists-reader", TEAM)
    mailroom.staff("lists-other", "sen")
    rng = random.Random(8)
    content = make("student-core", "ctf-full", rng=rng, school=school(rng, 1), pupils=2)
    reference = mailroom.accept(content)
    last = [datetime(datetime.now(UTC).year - ago, 6, 30, 23, 10, tzinfo=UTC) for ago in (0, 1)]
    at = max(one for one in last if one < datetime.now(UTC))
    with mailroom.registry.write() as session:
        providers.add_provider(session, Provider(id="elm", name="Elm", kind="school"), NOW)
        transfer = transfers.get(session, reference).sequence
        left = [RollEntry(pupil=one, on_roll=False, record=n) for n, one in enumerate((GONE, MOVED), 1)]
        now = [RollEntry(pupil=MOVED, on_roll=True, record=7)]
        rolls.enter(session, [rolls.Roll(provider=PROVIDER, at=at, transfer=transfer, entries=left)])
        rolls.enter(session, [rolls.Roll(provider="elm", at=at, transfer=transfer, entries=now)])
    return reference


def read(mailroom: Mailroom, name: str) -> list[dict[str, str]]:
    with mailroom.sftp("lists-reader") as sftp, sftp.open(f"{ROOT}/{name}") as file:
        return list(csv.DictReader(io.StringIO(file.read().decode(), newline="")))


def questions(mailroom: Mailroom) -> list[str]:
    with mailroom.registry.read() as session:
        found = [event for event in log.events(session, "pupils") if event.kind == "pupils-asked"]
    return [json.loads(event.leaf)["fields"]["what"] for event in found if event.actor == "lists-reader"]


def test_the_team_collects_who_is_on_no_roll_and_who_moved(mailroom: Mailroom, reference: str):
    with mailroom.sftp("lists-reader") as sftp:
        assert "lists" in sftp.listdir("/")
        assert sftp.listdir("/lists") == [TEAM]
        assert sftp.listdir(ROOT) == ["children-on-no-roll.csv", "movers.csv"]
    before = len(questions(mailroom))
    (gone,), (moved,) = read(mailroom, "children-on-no-roll.csv"), read(mailroom, "movers.csv")
    assert (gone["School"], gone["Reference"], gone["Record"], gone["Now at"]) == (
        PROVIDER,
        reference,
        "1",
        "",
    )
    assert (moved["Record"], moved["Now at"]) == ("2", "elm")
    assert gone["Left"].endswith("-07-01"), "ten past midnight by the clocks of the authority"
    assert questions(mailroom)[before:] == ["missing", "movers"]


def test_other_teams_and_other_names_find_nothing_and_nothing_can_be_put_there(
    mailroom: Mailroom, reference: str
):
    with mailroom.sftp("lists-other") as sftp:
        assert "lists" not in sftp.listdir("/")
        for path in ("/lists", ROOT, f"{ROOT}/movers.csv"):
            with pytest.raises(FileNotFoundError):
                sftp.stat(path)
        with pytest.raises(FileNotFoundError):
            sftp.open(f"{ROOT}/movers.csv")
    with mailroom.sftp("lists-reader") as sftp:
        for path in (
            f"{ROOT}/others.csv",
            f"{ROOT}/movers.csv/x",
            "/lists/sen",
            f"{ROOT}/movers.csv.about.txt",
        ):
            with pytest.raises(FileNotFoundError):
                sftp.stat(path)
        with pytest.raises(OSError, match="Nothing can be put here"):
            sftp.open(f"{ROOT}/movers.csv", "w")
        with pytest.raises(OSError, match="such file"):
            sftp.remove(f"{ROOT}/movers.csv")


def test_a_file_for_few_people_is_named_to_the_team_only_if_the_team_has_it(
    mailroom: Mailroom, reference: str, team: str
):
    for having, pupil in ((team, b"s" * 16), (TEAM, b"w" * 16)):
        other = mailroom.deliver(b"x", having)
        with mailroom.registry.write() as session:
            row = transfers.row_of(session, other)
            row.few, at = True, datetime.now(UTC)
            left = [RollEntry(pupil=pupil, on_roll=False, record=9)]
            rolls.enter(session, [rolls.Roll(PROVIDER, at, transfers.sequence_of(row), left)])
    found = read(mailroom, "children-on-no-roll.csv")
    said = {(one["Reference"], one["Record"]) for one in found}
    assert said == {("", ""), (other, "9"), (reference, "1")}


def test_a_person_who_left_the_team_reads_no_further(mailroom: Mailroom, reference: str):
    mailroom.staff("lists-mover", TEAM, "sen")
    with mailroom.sftp("lists-mover") as sftp, sftp.open(f"{ROOT}/movers.csv", bufsize=0) as file:
        assert file.read(4)
        with mailroom.registry.write() as session:
            staff.set_teams(session, "lists-mover", ["sen"])
        with pytest.raises(OSError, match="such file"):
            file.read(4)


def test_a_person_who_was_removed_reads_no_further(mailroom: Mailroom, reference: str):
    mailroom.staff("lists-leaver", TEAM)
    with mailroom.sftp("lists-leaver") as sftp:
        file = sftp.open(f"{ROOT}/movers.csv")  # Never closed: there may be no connection by then.
        assert file.read(4)
        mailroom.remove_staff("lists-leaver")
        with pytest.raises((OSError, EOFError)):
            file.read(4)
