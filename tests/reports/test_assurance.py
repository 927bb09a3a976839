"""The assurance pack: filled from the policies of each shipped agreement; each proof it names exists."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.home.settings import Settings, read_toml
from gateway.policy.catalogue import load_unchecked
from gateway.reports.assurance import WORDS, Assured, assurance_report
from gateway.reports.breach import TO_FILL
from gateway.reports.document import ReportTable, as_text
from gateway.reports.retention import Retention
from tests.hand_on.nights import DECLARED

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


def made(policies: Path, **facts: object) -> Assured:
    known: dict[str, object] = {
        "settings": Settings(organisation="Anyshire County Council", telephone="01823 000000"),
        "made_at": NOW, "in_force_since": NOW,
        "providers": {"school": (3, 2)}, "transfers": {("attendance", "accepted"): 7, ("", "held"): 1},
        "people": {"triage": 2}, "members": {"central-data-team": 4},
    }  # fmt: skip
    retention = read_toml(policies / "retention.toml", Retention)
    return Assured(catalogue=load_unchecked(policies), retention=retention, **{**known, **facts})  # type: ignore[arg-type]


@pytest.mark.parametrize("agreement", ["", "somerset", "cwm-alarch"])
def test_each_kind_of_data_and_each_recipient_of_an_agreement_is_in_the_record(agreement: str) -> None:
    home = made(ROOT / "policies" / agreement)
    tables = [
        block
        for section in assurance_report(home).sections
        for block in section.blocks
        if isinstance(block, ReportTable)
    ]
    first = {name: {row[0] for table in tables if table.headings[0] == name for row in table.rows}
             for name in ("Kind of data", "Recipient", "Data items")}  # fmt: skip
    catalogue = home.catalogue
    kinds = {
        entry.name or flow.document.description for flow in catalogue.flows.flow for entry in flow.data_type
    }
    assert first["Kind of data"] == kinds
    assert first["Recipient"] == {team.name for team in catalogue.teams.team}
    assert {group.label for group in catalogue.rights.group} <= first["Data items"]
    text = " ".join(as_text(assurance_report(home)).split())
    for said in (catalogue.agreement.title, catalogue.digest, "1 December 2026", "Article 30"):
        assert said in text, said


def test_it_counts_what_the_registry_has() -> None:
    text = " ".join(as_text(assurance_report(made(ROOT / "policies"))).split())
    for said in ("Maintained school 3 2", "attendance 7 0 0", "not recognised 0 1 0",
                 "Central Data Team 4", "2 with the role triage", "sealed 400 days",
                 "nobody can open How long 1 day ", "opens 2027-07-01"):  # fmt: skip
        assert said in text, said


def test_what_is_handed_on_and_every_connected_system_is_in_the_record(tmp_path: Path) -> None:
    policies = tmp_path / "policies"
    shutil.copytree(ROOT / "policies", policies)
    (policies / "hand_ons.toml").write_text(DECLARED)
    systems = (("store", "", "s3://files"), ("hand-on", "casework", "casework.example.gov.uk"))
    document = assurance_report(made(policies, systems=systems))
    (record,) = [
        section
        for section in document.sections
        if section.title.startswith("Record of processing: data subj")
    ]
    kinds, handed, *_, connected = [one for one in record.blocks if isinstance(one, ReportTable)]
    (core,) = [row for row in kinds.rows if "the system casework" in row[4]]
    assert core[0] == handed.rows[0][2]
    assert handed.rows[0][:2] == ("casework", "Education Welfare Service")
    assert "LegalSurname; LegalForename; DateOfBirth" in handed.rows[0][3]
    assert [row[:3] for row in connected.rows] == [
        ("sealed files", "s3://files", "each file as its sender sealed it to the gateway's key"),
        ("the hand-on casework", "casework.example.gov.uk", "records of pupils, in the clear"),
    ]


def test_each_place_to_sign_and_each_risk_waits_for_a_person() -> None:
    document = assurance_report(made(ROOT / "policies", version="0.3.0"))
    tables = [
        block for section in document.sections for block in section.blocks if isinstance(block, ReportTable)
    ]
    signed = [row for table in tables if table.headings[-1] == "Date and signature" for row in table.rows]
    assert {row[1:] for row in signed} == {(TO_FILL,) * 3}
    assert "Senior information risk owner" in {row[0] for row in signed}
    (risks,) = [table for table in tables if table.headings[0] == "Risk"]
    assert {row[-1] for row in risks.rows} == {TO_FILL}
    assert {row[5].partition(":")[0] for row in risks.rows} <= {"low", "medium", "high"}
    assert "Version of the gateway 0.3.0" in " ".join(as_text(document).split())


@pytest.mark.parametrize("shown", sorted({path for risk in WORDS["risk"] for path in risk["shown"]}))
def test_each_measure_is_shown_by_something_that_exists(shown: str) -> None:
    assert (ROOT / shown).exists()
