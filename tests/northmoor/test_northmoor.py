"""An agreement that the project does not know, of four pages, is brought without code, and works.

`agreement.md` is its text, and `policies/` what a person writes for it; all else comes from commands. Its
receipts are read here by their sentences alone, beside the text.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pysequoia
import pytest

from gateway.homes.demo.parties import Party
from gateway.record.policy_check import check
from gateway.registry import keys, staff
from tests.commands import invoke
from tests.content import core_data
from tests.ending import serving
from tests.workshop import Desk, login_of

pytestmark = pytest.mark.long

HERE = Path(__file__).parent
CHECKS = """Surname,Forename,Date of Birth,Check Date,Areas Of Development
Echo,Nia,2024-03-02,2026-11-03,Expected
Delta,Owen,2024-05-09,2026-11-04,Emerging
"""
PLACES = "Counted In,Places Offered,Places Vacant\n2026-10,30,4\n"
ATTENDANCE = """UPN,Surname,Forename,Looked After,Date,Session,Mark
G999200019000,Sampleton,Bravo,No,08/06/2026,AM,M
B999200023000,Fauxley,Kilo,Yes,08/06/2026,AM,/
"""
RESULTS = """Centre Number,Candidate Number,UPN,UCI,Surname,Forename,Qualification,Series,Subject,QAN,Grade
99002,1001,X999400114000,990020260000B,Fauxley,Oscar,GCSE,6G26,History,60183286,5
99002,1001,X999400114000,990020260000B,Fauxley,Oscar,GCSE,6G26,English Language,60142923,6
"""
MESSAGE = """<?xml version="1.0" encoding="utf-8"?>
<Message>
<Header><CollectionDetails><Collection>{collection}</Collection><Year>2026</Year>
<ReferenceDate>2026-01-15</ReferenceDate></CollectionDetails><Source><SourceLevel>L</SourceLevel>
<LEA>999</LEA><Estab>{estab}</Estab></Source></Header>
<{group}><{record}><Surname>Echo</Surname><Forename>Nia</Forename><{born}>2022-05-04</{born}>{more}</{record}></{group}>
</Message>
"""
EARLY_YEARS = MESSAGE.format(
    collection="EYC", estab="", group="Children", record="Child", born="DOB",
    more="<HoursFunded>15</HoursFunded><HoursAttended>12</HoursAttended>",
)  # fmt: skip
PLACEMENTS = MESSAGE.format(
    collection="AP", estab="1100", group="Pupils", record="Pupil", born="DOB",
    more="<PlacementKind>Hospital</PlacementKind><HoursPlaced>20</HoursPlaced>",
)  # fmt: skip
FLOWS = {
    "two-year-checks": (
        "checks.csv", CHECKS, "--title", "Two-year checks", "--clause", "B.2", "--words",
        "Two-year checks, in the last week of each term.", "--senders", "nursery", "--recipients",
        "council,health-trust", "--teams", "early-years", "--timescale", "last-week",
    ),
    "early-years-census": (
        "eyc.xml", EARLY_YEARS, "--title", "Early years census", "--clause", "B.3", "--words",
        "Early years census, each January.", "--senders", "nursery", "--recipients", "council",
        "--teams", "early-years", "--timescale", "termly",
    ),
    "ap-census": (
        "ap.xml", PLACEMENTS, "--title", "Alternative provision census", "--clause", "B.4", "--words",
        "Alternative provision census, each January.", "--senders", "alternative-provider",
        "--recipients", "council", "--teams", "inclusion", "--timescale", "annually", "--due", "01-01..01-31",
    ),
    "places": (
        "places.csv", PLACES, "--title", "Counts of places", "--clause", "B.5", "--words",
        "Counts of places, each month.", "--senders", "school", "--recipients", "council", "--teams",
        "place-planning", "--timescale", "monthly", "--about", "nobody",
    ),
}  # fmt: skip


def said(*words: str, code: int = 0) -> str:
    result = invoke(None, "policy", *words)
    assert result.exit_code == code, result.output
    return result.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The policies, as somebody makes them by docs/your-own-agreement.md."""
    root = tmp_path_factory.mktemp("northmoor")
    made = root / "northmoor"
    said("new", "agreement", str(made), "--text", str(HERE / "agreement.md"), "--title", "Northmoor Council")
    for path in (HERE / "policies").iterdir():
        shutil.copy(path, made)
    items = made / "items.toml"
    items.write_text(items.read_text().replace('"Looked-after status"', '"Pupil: Looked After"', 1))
    said("check", "--mend", str(made), code=1)
    for name, (file, sample, *options) in FLOWS.items():
        (root / file).write_text(sample)
        said(
            "new",
            "flow",
            str(root / file),
            "--id",
            name,
            "--basis",
            "task",
            *options,
            "--policies",
            str(made),
        )
    left = said("check", "--mend", str(made), code=1).splitlines()
    assert [line for line in left[:-1] if "nobody has confirmed" not in line] == []
    said("confirm", "--policies", str(made), "--yes")
    assert check(made) == []
    return made


TEAMS = ("data-office", "virtual-school", "early-years", "inclusion", "place-planning", "standards")


@dataclass
class Council:
    """Northmoor's gateway, with somebody in each team."""

    desk: Desk
    staff: dict[str, Party]

    def seen(self, reference: str) -> dict[str, str]:
        """What the teams are shown of a file, by team; texts about it left out."""
        shown = {}
        with serving(self.desk.home.root, "mailboxes") as mailboxes:
            for team, person in self.staff.items():
                with person.sftp(mailboxes) as session:
                    for name in session.listdir(f"/{team}"):
                        if reference in name and not name.endswith(".about.txt"):
                            shown[team] = session.open(f"/{team}/{name}").read().decode()
        return shown

    def sent(self, sender: Party, content: str, name: str) -> str:
        """Seal, send and decide it; its reference."""
        reference = self.desk.send(sender, content.encode(), f"{name}.pgp")
        self.desk.process()
        return reference

    def read_out(self, reference: str) -> str:
        return " ".join(self.desk.receipt(reference).split())


@pytest.fixture(scope="module")
def council(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Council]:
    desk = Desk(tmp_path_factory.mktemp("desk"), policies=folder, organisation="Northmoor Council")
    people = {team: Party(team, desk.root / "staff" / team) for team in TEAMS}
    with desk.registry.write() as session:
        for team, person in people.items():
            staff.add_staff(session, team, (team,), desk.now)
            keys.add_key(
                session, "staff", team, "ssh", fingerprint=login_of(person), at=desk.now, by="test",
                material=person.ssh_public.read_text("ascii").strip(),
            )  # fmt: skip
    yield Council(desk, people)
    desk.close()


def signed(desk: Desk, name: str, kind: str, number: str | None, *roles: str) -> Party:
    """A party that each of its signatories has signed for."""
    made = desk.provider(name, kind, dfe_number=number)
    for role in roles:
        told = desk.gateway("agreement", "ratify", name, "--signatory", f"The {role}", "--role", role)
    assert "has ratified" in told
    return made


@pytest.fixture(scope="module")
def school(council: Council) -> Party:
    return signed(council.desk, "oak", "school", "9992000", "head")


@pytest.fixture(scope="module")
def nursery(council: Council) -> Party:
    return signed(council.desk, "daisy", "nursery", "EY123456", "owner", "manager")


def test_what_the_agreement_does_not_list_is_known_and_refused(council: Council, school: Party) -> None:
    core = council.sent(school, core_data(1, 2).decode(), "core.xml")
    assert council.desk.codes(core) == ["policy:no-flow"]
    assert "1.1" in council.read_out(core)
    assert council.seen(core) == {}


def test_attendance_is_for_the_data_office_and_of_looked_after_children_for_the_virtual_school(
    council: Council, school: Party
) -> None:
    sent = council.sent(school, ATTENDANCE, "attendance.csv")
    seen = council.seen(sent)
    assert seen.keys() == {"data-office", "virtual-school"}
    assert ("Sampleton" in seen["data-office"], "Fauxley" in seen["data-office"]) == (True, True)
    assert ("Sampleton" in seen["virtual-school"], "Fauxley" in seen["virtual-school"]) == (False, True)
    told = council.read_out(sent)
    assert "It was passed to: Data office, Virtual school." in told, told


def test_two_year_checks_go_to_the_early_years_team_and_to_the_health_trust(
    council: Council, nursery: Party
) -> None:
    trust = signed(council.desk, "trust", "health-trust", None, "guardian")
    sent = council.sent(nursery, CHECKS, "checks.csv")
    assert "Delta" in council.seen(sent)["early-years"]
    told = council.read_out(sent)
    assert (
        "Two-year checks, from nursery to Northmoor Council, The health trust. (agreement clause B.2" in told
    )
    assert "The health trust gets a copy of what it may have of this file." in told
    council.desk.process()
    (copy,) = (council.desk.home.published.provider("trust") / "out").iterdir()
    gateway = pysequoia.Cert.from_bytes(council.desk.certificate.encode())
    opened = pysequoia.decrypt(
        bytes=copy.read_bytes(), decryptor=trust.openpgp.decryptor(), store=lambda _: [gateway]
    )
    assert opened.bytes == CHECKS.encode()


def test_the_early_years_census_is_known_by_its_collection(council: Council, nursery: Party) -> None:
    sent = council.sent(nursery, EARLY_YEARS, "eyc.xml")
    assert "HoursFunded" in council.seen(sent)["early-years"]
    assert "Early years census" in council.read_out(sent)


def test_the_census_of_alternative_provision_goes_to_inclusion(council: Council) -> None:
    bridge = signed(council.desk, "bridge", "alternative-provider", "9991100", "head")
    sent = council.sent(bridge, PLACEMENTS, "ap.xml")
    council.read_out(sent)
    assert "Hospital" in council.seen(sent)["inclusion"]


def test_counts_of_places_go_to_those_who_never_see_a_record(council: Council, school: Party) -> None:
    sent = council.sent(school, PLACES, "places.csv")
    council.read_out(sent)
    assert "30" in council.seen(sent)["place-planning"]


def test_results_wait_for_the_later_of_two_moments(council: Council, folder: Path) -> None:
    secondary = signed(council.desk, "elm", "school", "9994000", "head")
    sent = council.sent(secondary, RESULTS, "results.csv")
    council.read_out(sent)
    assert "60183286" in council.seen(sent)["standards"]
    plain = folder.parent / "results.csv"
    plain.write_text(RESULTS)
    for day, word in (("2026-09-07T11:59", "held"), ("2026-09-07T12:01", "accepted")):
        told = council.desk.gateway("policy", "test", str(plain), "--as", "elm", "--on", day)
        assert word in told, (day, told)
