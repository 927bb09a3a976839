"""policy explain, test and diff: the same decisions, told before and after."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from gateway.policy.dates import first_year
from gateway.processor import claim
from tests.clock import THIS_YEAR
from tests.content import core_data, gcse_results
from tests.policies import confirm, enact
from tests.workshop import Desk


def tried(desk: Desk, file: Path, *options: str) -> dict[str, object]:
    found = json.loads(desk.gateway("policy", "test", str(file), "--json", *options))
    assert isinstance(found, dict)
    return found


def codes(found: dict[str, object]) -> list[str]:
    reasons = found["reasons"]
    assert isinstance(reasons, list)
    return [reason["code"] for reason in reasons]


def test_a_plain_file_is_tried_as_one_provider_and_as_another(desk: Desk, tmp_path: Path) -> None:
    desk.provider("oak", years=THIS_YEAR)
    desk.provider("elm")
    desk.provider("dfe", "dfe")
    file = tmp_path / "core.xml"
    file.write_bytes(core_data())
    assert tried(desk, file, "--as", "oak")["state"] == "accepted"
    assert codes(tried(desk, file, "--as", "elm"))[0] == "policy:agreement-not-ratified"
    assert codes(tried(desk, file, "--as", "dfe")) == ["policy:sender-not-in-flow"]
    assert tried(desk, file, "--as", "academy")["state"] == "accepted"
    lapsed = f"{first_year(*THIS_YEAR) + 1}-09-02"
    assert codes(tried(desk, file, "--as", "oak", "--on", lapsed))[0] == "policy:agreement-not-ratified"
    said = desk.gateway("policy", "test", str(file), "--as", "elm")
    assert "held until a person releases it, or what it waits for is settled" in said
    assert "clause 1.4: An education provider ratifies and signs the agreement each year" in said
    assert "there is no provider ash" in desk.gateway("policy", "test", str(file), "--as", "ash", code=1)


def test_results_are_tried_before_and_after_their_day(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "results.csv"
    file.write_bytes(gcse_results())
    before = tried(desk, file, "--as", "school", "--on", "2027-08-19T07:59")
    assert (before["state"], before["held_until"]) == ("held", "2027-08-19T07:00:00Z")
    assert tried(desk, file, "--as", "school", "--on", "2027-08-19T08:00")["state"] == "accepted"


def test_a_sealed_file_is_tried_by_its_sender(desk: Desk, tmp_path: Path) -> None:
    oak, elm = desk.provider("oak", years=THIS_YEAR), desk.provider("elm")
    file = tmp_path / "core.xml.pgp"
    file.write_bytes(oak.seal(core_data(), desk.certificate))
    assert tried(desk, file, "--as", "oak")["state"] == "accepted"
    assert codes(tried(desk, file, "--as", elm.name)) == ["open:wrong-signer"]


def test_trying_leaves_no_trace(desk: Desk, tmp_path: Path) -> None:
    desk.provider("oak", years=THIS_YEAR)
    file = tmp_path / "core.xml"
    file.write_bytes(core_data())
    before = {path: path.stat().st_mtime_ns for path in desk.home.root.rglob("*") if path.suffix != ".db-shm"}
    tried(desk, file, "--as", "oak")
    after = {path: path.stat().st_mtime_ns for path in desk.home.root.rglob("*") if path.suffix != ".db-shm"}
    assert {path.name for path, at in after.items() if before.get(path) != at} <= {"registry.db-wal", "home"}


@pytest.mark.long
def test_a_decision_is_explained_by_the_policies_of_its_day(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sent = desk.send(oak, core_data())
    desk.process()
    path = desk.home.policies / "agreement.toml"
    path.write_text(path.read_text().replace('"Appendix B, row 1: student core data."', '"Something else."'))
    confirm(desk.home.policies)
    enact(desk.home.root)
    desk.process()
    said = desk.gateway("policy", "explain", sent)
    assert "accepted under student-core, for: Admissions and Entitlements, Central Data Team" in said
    assert "clause 12.1: Appendix B, row 1: student core data." in said
    found = json.loads(desk.gateway("policy", "explain", sent, "--json"))
    assert (found["state"], found["teams"]) == ("accepted", list(desk.transfer(sent).teams))
    assert found["policies"] in said
    assert "no transfer" in desk.gateway("policy", "explain", "261124-oak-AAAAA", code=1)
    (version,) = [each for each in desk.home.versions.iterdir() if each.name == found["policies"]]
    version.rename(version.with_name("elsewhere"))
    said = " ".join(desk.gateway("policy", "explain", sent).split())
    assert "which are not kept here: the words are those of the policies in force" in said


def test_what_an_edit_changes(desk: Desk, tmp_path: Path) -> None:
    new = Path(shutil.copytree(desk.home.policies, tmp_path / "new"))
    assert "nothing differs" in desk.gateway("policy", "diff", str(desk.home.policies), str(new))
    flows = new / "flows.toml"
    there = '"exclusions", "education-welfare", '
    flows.write_text(flows.read_text().replace(there, '"exclusions", '))
    changes = json.loads(desk.gateway("policy", "diff", str(desk.home.policies), str(new), "--json"))
    none = dict.fromkeys(("file", "entry", "does"))
    assert changes[:-1] == [
        none
        | {"weight": "outcome", "provider_kind": kind, "data_type": "exclusions", "team": "education-welfare"}
        | {"before": "gets the file", "after": "gets nothing"}
        for kind in ("school", "academy")
    ]
    assert changes[-1]["weight"] == "changes"
    assert changes[-1]["entry"] == "flow.student-core.data_type.exclusions.teams"
    assert "Outcomes that change" in desk.gateway("policy", "diff", str(desk.home.policies), str(new))


def test_an_upload_that_is_not_decided_has_nothing_to_explain(desk: Desk) -> None:
    oak = desk.provider("oak")
    reference = desk.send(oak, core_data())
    with desk.registrar() as registrar:
        claim.claim_waiting(registrar)
    assert "not decided yet" in desk.gateway("policy", "explain", reference, code=1)


def test_other_policies_are_tried_on_the_files_that_came(desk: Desk, tmp_path: Path) -> None:
    oak, elm = desk.provider("oak", years=THIS_YEAR), desk.provider("elm")
    first, second = desk.send(oak, core_data()), desk.send(elm, core_data(1))
    desk.process()
    new = Path(shutil.copytree(desk.home.policies, tmp_path / "new"))
    told = json.loads(desk.gateway("policy", "simulate", str(new), "--days", "3660", "--json"))
    assert told == {"files": 2, "same": 2, "changes": []}
    flows = new / "flows.toml"
    text = flows.read_text()
    eased = text.replace('clause = "12.1"\n', 'clause = "12.1"\nratification = "accept"\n')
    flows.write_text(
        eased.replace('"central-data-team", "admissions-and-entitlements", ', '"central-data-team", ', 1)
    )
    told = json.loads(desk.gateway("policy", "simulate", str(new), "--days", "3660", "--json"))
    assert (told["files"], told["same"]) == (2, 0)
    by_file = {change["such_as"][0]: change for change in told["changes"]}
    before, after = by_file[first]["before"], by_file[first]["after"]
    assert after == before.replace("admissions-and-entitlements, ", "")
    assert after != before
    assert by_file[second]["before"].startswith("held: policy:agreement-not-ratified")
    assert by_file[second]["after"] == after
    assert "0 as before" in desk.gateway("policy", "simulate", str(new), "--days", "3660")
    assert desk.state(second) == "held"


def test_training_days_of_a_provider_that_nobody_enrolled_are_a_fault(desk: Desk) -> None:
    desk.provider("oak")
    calendar = desk.home.policies / "calendar.toml"
    days = "days = [2026-11-27]"
    given = "".join(f'\n[[inset]]\nprovider = "{name}"\n{days}\n' for name in ("oak", "oat"))
    calendar.write_text(f"{calendar.read_text()}{given}")
    (fault,) = json.loads(desk.gateway("policy", "check", "--json", code=1))
    assert (fault["file"], fault["key"]) == ("calendar.toml", "inset[1].provider")
    assert fault["message"] == "there is no provider oat; perhaps oak"


def test_a_copied_link_to_a_file_that_was_not_copied_is_told_with_what_to_do(
    desk: Desk, tmp_path: Path
) -> None:
    shipped = Path(__file__).parents[2] / "policies" / "cwm-alarch"
    copy = shutil.copytree(shipped, tmp_path / "deep" / "copy", symlinks=True)
    said = desk.gateway("policy", "check", str(copy), code=1)
    assert "sensitive.toml: a link to a file that is not there" in said
    assert "cp -rL" in said
