"""A child whose data few people may see: its record alone is left out of what the others are shown."""

import csv
import io
import random

import pytest

from gateway.classify.views.walk import named_records
from gateway.examiner.persons import person_digests
from gateway.registry import markers, persons, transfers
from gateway.samples import make, school
from gateway.secrets import secret_files
from tests.classify.made import Child
from tests.mailboxes.mailroom import NOW, Mailroom
from tests.views.making import LIMITS, RULES

TEAM = "sen"
ASH, NOBODY = Child(1).upn, Child(9).upn
HEADER = "UPN,Surname,Forename,Date of Birth,Gender,NCY,Registration Group,SEN Need"
PUPILS = tuple(
    f"{Child(number).upn},{name},2015-02-0{number},F,5,5A,ASD"
    for number, name in enumerate(("Ash,Bo", "Elm,Cy", "Oak,Di", "Yew,Ed"), 1)
)


@pytest.fixture(scope="module")
def staffed(mailroom: Mailroom) -> Mailroom:
    for name in ("ann", "ben"):
        mailroom.staff(name, TEAM)
    return mailroom


def table(*pupils: str) -> bytes:
    return "\r\n".join([HEADER, *pupils, ""]).encode()


def digest(mailroom: Mailroom, who: str) -> frozenset[bytes]:
    return person_digests((who,), (), secret_files.pupil_key(mailroom.home))


def indexed(mailroom: Mailroom, content: bytes, who: str = ASH) -> str:
    """An accepted file of which the index knows that one child is in it."""
    reference = mailroom.accept(content)
    with mailroom.registry.write() as session:
        sequence = transfers.get(session, reference).sequence
        persons.note(session, {sequence: b"".join(digest(mailroom, who))})
    return reference


def mark(mailroom: Mailroom, kind: markers.Kind, *people: str, who: str = ASH) -> int:
    with mailroom.registry.write() as session:
        known = digest(mailroom, who)
        files = persons.transfers_with(session, known)
        return markers.place(
            session, kind, known, people=people, transfers=files, by="dpo", why="a request", at=NOW
        )


@pytest.fixture(autouse=True)
def _nobody_is_marked_afterwards(mailroom: Mailroom):
    yield
    with mailroom.registry.write() as session:
        for one in markers.list_markers(session):
            markers.lift(session, one.number, by="dpo", why="over", at=NOW)


def path(reference: str, extension: str = "csv") -> str:
    return f"/{TEAM}/2026-11-24_school-a_student-core_2026-W47_{reference}.{extension}"


def read(mailroom: Mailroom, person: str, where: str) -> bytes:
    with mailroom.sftp(person) as sftp, sftp.open(where) as file:
        return file.read()


def surnames(data: bytes) -> list[str]:
    return [row["Surname"] for row in csv.DictReader(io.StringIO(data.decode()))]


def test_others_see_the_file_without_the_record_and_named_people_with_it(staffed: Mailroom):
    reference = indexed(staffed, table(*PUPILS))
    mark(staffed, "named", "ann")
    assert surnames(read(staffed, "ann", path(reference))) == ["Ash", "Elm", "Oak", "Yew"]
    assert surnames(read(staffed, "ben", path(reference))) == ["Elm", "Oak", "Yew"]
    assert b'"left_out":"records-that-few-people-may-see"' in staffed.events(reference)[-1].leaf


def test_nobody_is_told_the_size_of_what_others_are_shown(staffed: Mailroom):
    reference = indexed(staffed, table(*PUPILS))
    mark(staffed, "named", "ann")
    sizes = {person: len(read(staffed, person, path(reference))) for person in ("ben", "ann")}
    for person, size in sizes.items():
        with staffed.sftp(person) as sftp:
            assert sftp.stat(path(reference)).st_size == size
            (listed,) = [
                one for one in sftp.listdir_attr(f"/{TEAM}") if one.filename.endswith(f"{reference}.csv")
            ]
            assert listed.st_size == size
    assert sizes["ben"] < sizes["ann"]


def test_a_restricted_child_is_left_out_for_everybody(staffed: Mailroom):
    reference = indexed(staffed, table(*PUPILS))
    mark(staffed, "restricted")
    for person in ("ann", "ben"):
        assert surnames(read(staffed, person, path(reference))) == ["Elm", "Oak", "Yew"]


def test_it_is_told_that_records_are_left_out_and_neither_whose_nor_how_many(staffed: Mailroom):
    reference = indexed(staffed, table(*PUPILS))
    mark(staffed, "named", "ann")
    about = read(staffed, "ben", f"{path(reference)}.about.txt").decode()
    assert "data protection has said that few people may see" in about
    assert not any(word in about for word in ("Ash", "record 1", "2015", "one record"))
    with staffed.sftp("ann") as sftp, pytest.raises(FileNotFoundError):
        sftp.stat(f"{path(reference)}.about.txt")


def test_who_has_the_file_open_when_a_child_is_marked_reads_no_further(staffed: Mailroom):
    reference = indexed(staffed, table(*PUPILS))
    with staffed.sftp("ben") as sftp, sftp.open(path(reference)) as file:
        assert file.read(10)
        mark(staffed, "named", "ann")
        with pytest.raises(OSError, match="taken back"):
            file.read(10)
    with staffed.sftp("ben") as sftp, sftp.open(path(reference)) as file:
        assert surnames(file.read()) == ["Elm", "Oak", "Yew"]


def test_a_file_in_which_the_record_cannot_be_told_apart_is_given_to_nobody_else(staffed: Mailroom):
    nameless = indexed(staffed, table(*PUPILS, ",,,,F,5,5A,ASD"))
    elsewhere = indexed(staffed, table(*PUPILS), who=NOBODY)
    mark(staffed, "named", "ann")
    mark(staffed, "restricted", who=NOBODY)
    for reference in (nameless, elsewhere):
        with staffed.sftp("ben") as sftp, pytest.raises(OSError, match="cannot be left out"):
            sftp.open(path(reference))
    assert len(surnames(read(staffed, "ann", path(nameless)))) == 5


@pytest.mark.parametrize(
    ("variant", "extension"), [("ctf-full", "xml"), ("xlsx-core", "xlsx"), ("ctf-full-zip", "zip")]
)
def test_in_each_format_the_record_is_gone_and_the_others_are_there(
    staffed: Mailroom, variant: str, extension: str
):
    rng = random.Random(2)
    content = make("student-core", variant, rng=rng, school=school(rng, 1), pupils=6)
    reference = staffed.accept(content)
    everybody = _named(staffed, content)
    with staffed.registry.write() as session:
        sequence = transfers.get(session, reference).sequence
        persons.note(session, {sequence: b"".join(sorted(everybody[2]))})
        markers.place(
            session, "restricted", everybody[2], people=(), transfers=[sequence], by="dpo", why="x", at=NOW
        )
    left = _named(staffed, read(staffed, "ben", path(reference, extension)))
    assert left == everybody[:2] + everybody[3:]


def _named(mailroom: Mailroom, content: bytes) -> list[frozenset[bytes]]:
    key = secret_files.pupil_key(mailroom.home)
    return [person_digests(*one, key) for one in named_records(io.BytesIO(content), RULES, LIMITS)]
