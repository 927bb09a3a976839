"""A flow of one's own, from the headings of a sample: written, whole, and recognised."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.classify.load import load_rules
from gateway.cli.policy_draft import doubts, kind_of
from gateway.errors import GatewayError
from gateway.policy.catalogue import load_catalogue, load_unchecked
from gateway.policy.new_flow import NewFlow, check_new
from gateway.record.policy_check import check
from tests.commands import invoke
from tests.policies import POLICIES, confirm, shipped

SAMPLE = """UPN,Surname,Forename,Swim Level,Pool,Badge Day,Remark of Coach
X999000000001,Jones,Nia,3,North,2026-06-01,
X999000000002,Evans,Gwen,2,South,2026-06-12,good
"""
ASKED = (
    "--id", "swimming", "--title", "Swimming", "--clause", "3.4", "--words", "Swimming levels, each June.",
    "--senders", "school,academy", "--recipients", "local-authority", "--teams", "central-data-team",
)  # fmt: skip


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "swimming.csv").write_text(SAMPLE)
    folder = Path(shutil.copytree(POLICIES, tmp_path / "own"))
    text = folder / "agreement.txt"
    text.write_text(f"{text.read_text()}\n\n3.4. Swimming levels, each June.\n")
    return folder


def written(own: Path, *more: str, code: int = 0) -> str:
    result = invoke(
        None, "policy", "new", "flow", str(own.parent / "swimming.csv"), *ASKED, *more, "--policies", str(own)
    )
    assert result.exit_code == code, result.output
    return result.output


def test_it_is_whole_once_it_is_confirmed_and_files_of_it_are_recognised(own: Path) -> None:
    text = (own / "agreement.txt").read_text()
    told = written(
        own, "--timescale", "annually", "--due", "06-01..06-30", "--optional", "Pool,Remark of Coach"
    )
    assert "swimming is written: 4 items of its own" in told
    assert (own / "agreement.txt").read_text() == text
    assert {fault.message.split(" ")[0] for fault in check(own)} <= {"nobody", "the"}
    confirm(own)
    assert check(own) == []
    flow = load_catalogue(own).flow("swimming")
    assert flow is not None
    assert flow.of("swimming").teams == ("central-data-team",)
    result = invoke(None, "classify", "--policies", str(own), "--json", str(own.parent / "swimming.csv"))
    (found,) = json.loads(result.stdout)
    assert (found["data_type"], found["pupils"]) == ("swimming", 2)
    assert {"Swimming: Swim Level", "Swimming: Pool"} <= set(found["items"])
    items = (own / "items.toml").read_text()
    assert 'columns = ["Badge Day"]\nvalues = "date"' in items
    assert 'columns = ["Swim Level"]\nvalues = "number"' in items
    assert 'columns = ["Pool"]\nvalues = "label"' in items
    (own.parent / "swimming.csv").write_text("\n".join(
        ",".join(line.split(",")[:4] + line.split(",")[5:6]) for line in SAMPLE.splitlines()
    ))  # fmt: skip
    result = invoke(None, "classify", "--policies", str(own), "--json", str(own.parent / "swimming.csv"))
    assert json.loads(result.stdout)[0]["data_type"] == "swimming"
    assert (own / "flows.toml").read_text().startswith((POLICIES / "flows.toml").read_text()[:200])


def test_what_cannot_be_written_is_said_and_changes_nothing(own: Path) -> None:
    before = {path.name: path.read_text() for path in own.glob("*.toml")}
    assert "say when it is due" in written(own, "--timescale", "annually", code=1)
    assert "already" in written(own, "--id", "attendance", code=1)
    assert "agreement.txt has no clause 3.5" in written(own, "--clause", "3.5", code=1)
    assert "perhaps Pool" in written(own, "--optional", "Pol", code=1)
    every = "Swim Level,Pool,Badge Day,Remark of Coach"
    assert "nothing tells these files apart" in written(own, "--optional", every, code=1)
    (own.parent / "swimming.csv").write_text("UPN,Surname\n")
    assert "nothing tells these files apart" in written(own, code=1)
    (own.parent / "swimming.csv").write_bytes(b"\xff\xfe\x00")
    assert "no UTF-8 text" in written(own, code=1)
    assert {path.name: path.read_text() for path in own.glob("*.toml")} == before


def test_a_team_without_a_right_gets_one_and_one_that_works_with_counts_gets_none(own: Path) -> None:
    rights = own / "rights.toml"
    before, _, after = rights.read_text().partition('[[right]]\nteam = "admissions-and-entitlements"')
    rights.write_text(f"{before}{after[after.index('[[right]]') :]}")
    told = ("--teams", "central-data-team,admissions-and-entitlements,school-place-planning")
    written(own, *told)
    catalogue = load_unchecked(own)
    assert catalogue.may_have("admissions-and-entitlements", "Swimming: Pool")
    assert not catalogue.may_have("school-place-planning", "Swimming: Pool")


def test_what_a_team_would_not_be_shown_and_values_that_a_known_heading_may_not_have_are_told(
    own: Path,
) -> None:
    (own.parent / "swimming.csv").write_text(SAMPLE.replace("Pool", "Mode of Travel"))
    told = " ".join(written(own, "--teams", "exclusions").split())
    assert "exclusions: is not shown Pupil: Mode of Travel; see its right in rights.toml" in told
    assert "Mode of Travel: is read as Pupil: Mode of Travel, which may not have some of its values" in told
    assert f"gateway policy confirm --policies {own}, gateway policy propose {own}" in told


def test_elements_of_a_sample_in_xml_are_headings(own: Path) -> None:
    child = "<Child><Surname>Echo</Surname><Pool>North</Pool><Badge><Day>2026-06-01</Day></Badge></Child>"
    sample = own.parent / "swimming.xml"
    sample.write_text(f"<Message><Header><Collection>SWIM</Collection></Header>{child}</Message>")
    told = invoke(None, "policy", "new", "flow", str(sample), *ASKED, "--policies", str(own))
    assert "2 items of its own" in told.output
    items = (own / "items.toml").read_text()
    assert 'elements = ["Child/Pool"]' in items
    assert 'elements = ["Badge/Day"]\nvalues = "date"' in items
    assert 'SWIM = "swimming"' in (own / "data_types.toml").read_text()
    sample.write_text("<Message><Child>")
    told = invoke(None, "policy", "new", "flow", str(sample), *ASKED, "--id", "x", "--policies", str(own))
    assert "save it as XML without a mistake" in told.stderr


FLOW = NewFlow(
    id="swimming", title="Swimming", clause="3.3", words="Swimming levels.", senders=("school", "academy"),
    recipients=("local-authority",), teams=("central-data-team",), basis="supporting", timescale="weekly",
    about="pupils", headings=("Pool",), known={},
)  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"teams": ("central-data-tean",)}, "perhaps central-data-team"),
        ({"senders": ("school", "acadamy")}, "perhaps academy"),
        ({"recipients": ("local-authorities",)}, "perhaps local-authority"),
        ({"basis": "statutary"}, "one of statutory, supporting; perhaps statutory"),
        ({"about": "staff"}, "one of pupils"),
        ({"timescale": "weakly"}, "perhaps weekly"),
        ({"id": "Swimming lessons"}, "small letters"),
        ({"clause": "§ 3"}, "write its number as"),
    ],
)
def test_what_the_policies_do_not_know_is_named_with_what_they_do(wrong: dict[str, Any], said: str) -> None:
    check_new(FLOW, shipped())
    with pytest.raises(GatewayError, match=said):
        check_new(replace(FLOW, **wrong), shipped())


KINDS = {
    "12.5,£7,40%": {"values": "number"},
    "09:30,14:00": {"values": "time"},
    "Y,N,y": {"values": "flag"},
    "B1,B2,SEMH": {"values": "identifier", "identifier": "short"},
    "PL-00123,R2/14": {"values": "identifier", "identifier": "reference"},
    "2026-06-01,01/09/2025": {"values": "date"},
    "Active,Autumn 2": {"values": "label"},
    "She said so; see the other form?,Active": {},
    ",": {},
}


@pytest.mark.parametrize("texts", KINDS)
def test_values_are_of_the_narrowest_kind_that_the_sample_has(texts: str) -> None:
    assert kind_of(texts.split(","), load_rules(POLICIES)) == KINDS[texts]


def test_the_lists_that_hold_the_codes_of_a_sample_are_named() -> None:
    rules = load_rules(POLICIES)
    (said,) = doubts("Need", ["SEMH", "MSI", ""], rules)
    assert "sen-need" in said
    assert list(doubts("Need", ["SEMH", "B1"], rules)) == list(doubts("Need", ["SEMH"], rules)) == []


def test_parties_and_teams_are_given_by_name_too_and_free_words_are_told(own: Path) -> None:
    said = "She said so; see the other form?"
    (own.parent / "swimming.csv").write_text(SAMPLE.replace("good", said))
    told = written(own, "--senders", "Maintained School, academy", "--teams", "CENTRAL DATA TEAM")
    assert "Remark of Coach: its values in the sample are of no one kind" in " ".join(told.split())
    assert said not in told
    flow = load_unchecked(own).flow("swimming")
    assert flow is not None
    assert flow.senders == ("school", "academy")
    assert flow.of("swimming").teams == ("central-data-team",)
