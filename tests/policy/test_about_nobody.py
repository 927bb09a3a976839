"""Counts of places are about nobody: a flow of one's own takes them to the team that works with counts."""

from __future__ import annotations

import shutil
from pathlib import Path

from gateway.record.policy_check import check
from tests.clock import THIS_YEAR
from tests.commands import invoke
from tests.policies import POLICIES, confirm
from tests.workshop import Desk

HEADINGS, ROWS = "Year of Entry,Places Offered,Places Vacant", "2026,30,4\n2027,30,9\n"


def own(root: Path) -> Path:
    folder, sample = Path(shutil.copytree(POLICIES, root / "own")), root / "places.csv"
    text = folder / "agreement.txt"
    text.write_text(f"{text.read_text()}\n\n3.4. Counts of places, on request.\n")
    sample.write_text(f"{HEADINGS}\n{ROWS}")
    result = invoke(
        None, "policy", "new", "flow", str(sample), "--id", "places", "--title", "Counts of places",
        "--clause", "3.4", "--words", "Counts of places.", "--senders", "school", "--recipients",
        "local-authority", "--teams", "school-place-planning", "--about", "nobody", "--policies", str(folder),
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    confirm(folder)
    return folder


def test_counts_of_places_reach_the_planners_and_records_of_children_never(tmp_path: Path) -> None:
    folder = own(tmp_path)
    assert check(folder) == []
    desk = Desk(tmp_path, policies=folder)
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9992000")
    sent = desk.send(oak, f"{HEADINGS}\n{ROWS}".encode(), "places.csv.pgp")
    named = desk.send(oak, f"UPN,Surname,{HEADINGS}\nX999000000001,Jones,2026,30,4\n".encode(), "b.csv.pgp")
    desk.process()
    assert (desk.state(sent), desk.transfer(sent).teams) == ("accepted", ("school-place-planning",))
    receipt = desk.receipt(sent)
    assert "It was recognised, by its content, as Counts of places." in receipt
    assert "Counts of places, from Maintained school to Local authority." in receipt
    assert "Judged by the headings of Counts of places" in receipt
    assert desk.state(named) == "held"
    assert "everything fits" in desk.gateway("log", "verify")
    desk.close()


def test_a_team_that_works_with_counts_has_no_right_to_records(tmp_path: Path) -> None:
    folder = own(tmp_path)
    rights = folder / "rights.toml"
    rights.write_text(rights.read_text().replace('of = "nobody"\n', ""))
    assert any("may have no data about single pupils" in fault.message for fault in check(folder))
