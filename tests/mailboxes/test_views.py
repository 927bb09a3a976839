"""What a team is shown of a file: its view of it, on record, and what is told of that."""

import csv
import hashlib
import io
import random
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.log.leaf import commitment
from gateway.mailboxes.showing import TeamView
from gateway.model import Finding
from gateway.policy.catalogue import load_catalogue
from gateway.registry.deliveries import Delivery
from gateway.samples import make, school
from tests.mailboxes.mailroom import NOW, PROVIDER, UNREAD, Mailroom

WHO = "UPN,Surname,Forename,Date of Birth,Gender,NCY,Registration Group"
TEAMS = ("central-data-team", "education-welfare", "sen")
CSV = "2026-11-24_school-a_student-core_2026-W47_{}.csv"


@pytest.fixture(scope="module")
def staffed(mailroom: Mailroom) -> Mailroom:
    for team in TEAMS:
        mailroom.staff(f"jo-{team}", team)
    return mailroom


@pytest.fixture(scope="module")
def reference(staffed: Mailroom) -> str:
    """A table with needs, an address, a telephone number and a column that nobody lists."""
    rng = random.Random(1)
    made = make("student-core", "csv-core", rng=rng, school=school(rng, 1), pupils=9).decode("utf-8-sig")
    given = list(csv.DictReader(io.StringIO(made)))
    wanted = [*WHO.split(","), "SEN Need", "Address"]
    rows = [[row.get(name, "ASD") for name in wanted] + ["01823 250000", "q7"] for row in given]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[*wanted, "Telephone", "Zzyzx"], *rows])
    return staffed.accept(text.getvalue().encode())


def read(mailroom: Mailroom, team: str, path: str) -> bytes:
    with mailroom.sftp(f"jo-{team}") as sftp, sftp.open(path) as file:
        return file.read()


def columns(data: bytes) -> list[str]:
    return next(csv.reader(io.StringIO(data.decode())))


@pytest.mark.parametrize(
    ("team", "shown"),
    [
        ("central-data-team", f"{WHO},SEN Need,Address"),
        ("education-welfare", f"{WHO},Address"),
        ("sen", f"{WHO},SEN Need"),
    ],
)
def test_each_team_is_shown_what_it_may_have(staffed: Mailroom, reference: str, team: str, shown: str):
    data = read(staffed, team, f"/{team}/{CSV.format(reference)}")
    assert ",".join(columns(data)) == shown
    assert len(list(csv.reader(io.StringIO(data.decode(), newline="")))) == 10
    assert data == read(staffed, team, f"/by-provider/{team}/{PROVIDER}/{CSV.format(reference)}")


def test_what_was_given_and_left_out_is_in_the_log(staffed: Mailroom, reference: str):
    data = read(staffed, "sen", f"/sen/{CSV.format(reference)}")
    event = staffed.events(reference)[-1]
    assert event.salt is not None
    assert commitment(hashlib.sha256(data).hexdigest(), event.salt).encode() in event.leaf
    assert b'"left_out":"pupil-address,telephone-number,what-no-rule-knows"' in event.leaf


@pytest.mark.parametrize("item", ["", "Results of key stage assessments"])
def test_beside_a_view_no_team_is_told_of_wrong_values_of_an_item_that_it_may_not_have(item: str):
    delivery = Delivery(1, "1", PROVIDER, None, "xml", 1, "", NOW, NOW, "sen", whole=False)
    wrong = Finding(
        code="code:unknown", severity="query", count=1, about="assessment result", expected="=", item=item
    )
    held = replace(UNREAD, findings=(wrong,))
    assert TeamView(delivery, held, ()).withheld == ("assessment result",)
    assert TeamView(delivery, held, ("Results of key stage assessments",)).withheld == ()


def test_beside_a_view_it_is_told_what_was_left_out_and_why(staffed: Mailroom, reference: str):
    path = f"/sen/{CSV.format(reference)}.about.txt"
    before = len(staffed.events(reference))
    text = read(staffed, "sen", path).decode()
    assert "- Pupil: Address (11.1)" in text
    assert "- Telephone number" in text
    assert "column 11" in text
    assert "Zzyzx" not in text
    assert len(staffed.events(reference)) == before
    with staffed.sftp("jo-sen") as sftp:
        assert sftp.stat(path).st_size == len(text.encode())
        with pytest.raises(OSError, match="only tells of the file beside it"):
            sftp.remove(path)


def test_the_size_of_a_view_is_told_once_it_is_known(staffed: Mailroom):
    reference = staffed.accept(_core(3))
    path = f"/sen/2026-11-24_school-a_student-core_2026-W47_{reference}.xml"
    with staffed.sftp("jo-sen") as sftp:
        assert sftp.stat(path).st_size is None
        with sftp.open(path) as file:
            size = file.stat().st_size
            assert size == len(file.read())
        assert sftp.stat(path).st_size == size


def test_the_size_of_a_view_is_told_no_more_once_other_policies_are_in_force(
    staffed: Mailroom, request: pytest.FixtureRequest
):
    home, path = staffed.home, f"/sen/{CSV.format(staffed.accept(_core(3)))}".replace(".csv", ".xml")
    version, current = home.version(load_catalogue(home.policies).digest), home.versions / "current"
    shutil.copytree(home.policies, version)
    with staffed.sftp("jo-sen") as sftp:
        sftp.open(path).close()
        assert sftp.stat(path).st_size is not None
        request.addfinalizer(current.unlink)
        current.write_text(version.name)
        assert sftp.stat(path).st_size is None
        sftp.open(path).close()
        assert sftp.stat(path).st_size is not None


def test_who_has_a_view_open_when_other_policies_come_into_force_reads_no_further(
    staffed: Mailroom, reference: str, request: pytest.FixtureRequest, tmp_path: Path
):
    home, path = staffed.home, f"/sen/{CSV.format(reference)}"
    shutil.copytree(home.policies, fewer := tmp_path / "fewer")
    others, sen, rights = (fewer / "rights.toml").read_text().partition('team = "sen"\ngroups')
    less = rights.replace("without = [", 'without = ["SEN: SEN Need", ', 1)
    (fewer / "rights.toml").write_text(others + sen + less)
    version, current = home.version(load_catalogue(fewer).digest), home.versions / "current"
    shutil.copytree(fewer, version)
    with staffed.sftp("jo-sen") as sftp, sftp.open(path, bufsize=0) as before:
        assert b"UPN" in before.read(10)
        request.addfinalizer(current.unlink)
        current.write_text(version.name)
        with pytest.raises(OSError, match="Other policies came into force"):
            before.read(10)
        with sftp.open(path) as after:
            assert ",".join(columns(after.read())) == WHO


@pytest.mark.needs("sftp")
def test_openssh_collects_a_view_whole(staffed: Mailroom, reference: str, tmp_path):
    name = CSV.format(reference)
    subprocess.run(
        ["sftp", "-q", "-F", str(staffed.ssh_config("jo-sen")), "-b", "-", "mailboxes"],
        input=f"get /by-type/sen/student-core/* {tmp_path}\n",
        text=True, check=True, timeout=60,
    )  # fmt: skip
    assert (tmp_path / name).read_bytes() == read(staffed, "sen", f"/sen/{name}")
    assert (tmp_path / f"{name}.about.txt").exists()


def test_the_shelves_show_the_same_files_by_what_they_are(staffed: Mailroom):
    reference = staffed.accept(_core(6))
    name = f"2026-11-24_school-a_student-core_2026-W47_{reference}.xml"
    with staffed.sftp("jo-sen") as sftp:
        assert sftp.listdir("/") == ["new", "by-type", "by-provider", "sen"]
        assert stat.S_ISDIR(sftp.stat("/new/sen").st_mode)
        assert sftp.listdir("/new") == sftp.listdir("/by-type") == ["sen"]
        assert sftp.listdir("/by-type/sen") == ["student-core"]
        assert sftp.listdir("/by-provider/sen") == [PROVIDER]
        for shelf in ("new/sen", "by-type/sen/student-core", f"by-provider/sen/{PROVIDER}"):
            assert name in sftp.listdir(f"/{shelf}")
        sftp.open(f"/new/sen/{name}").close()
        assert name not in sftp.listdir("/new/sen")
        sftp.open(f"/new/sen/{name}").close()  # Whoever began with the listing goes on.
        for missing in ("sen/ks2", f"sen/ks2/{name}", f"sen/{name}", "education-welfare"):
            with pytest.raises(FileNotFoundError):
                sftp.stat(f"/by-type/{missing}")
        for missing in ("by-provider/sen/elm", "new/sen/x", "new/held", f"new/{name}"):
            with pytest.raises(FileNotFoundError):
                sftp.stat(f"/{missing}")


def test_what_a_team_has_not_collected_is_new_to_it_whoever_else_has(staffed: Mailroom):
    reference = staffed.accept(_core(6))
    name = f"2026-11-24_school-a_student-core_2026-W47_{reference}.xml"
    read(staffed, "education-welfare", f"/new/education-welfare/{name}")
    with staffed.sftp("jo-sen") as sftp:
        assert name in sftp.listdir("/new/sen")


def _core(seed: int) -> bytes:
    rng = random.Random(seed)
    return make(
        "student-core", "csv-sen" if seed < 0 else "ctf-full", rng=rng, school=school(rng, 1), pupils=3
    )
