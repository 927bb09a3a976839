"""The assurance pack: filled from the policies of each shipped agreement; each proof it names exists."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.home.settings import read_toml
from gateway.policy.catalogue import load_unchecked
from gateway.reports.assurance import WORDS, Assured, assurance_report
from gateway.reports.document import ReportTable, as_text
from gateway.reports.retention import Retention

ROOT = Path(__file__).parents[2]
NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)


def made(policies: Path, **facts: object) -> Assured:
    known: dict[str, object] = {
        "organisation": "Anyshire County Council", "made_at": NOW, "in_force_since": NOW,
        "store": "on the disk of this machine", "database": "in SQLite", "telephone": "01823 000000",
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
                 "opens 2027-07-01"):  # fmt: skip
        assert said in text, said


@pytest.mark.parametrize("shown", sorted({path for risk in WORDS["risk"] for path in risk["shown"]}))
def test_each_measure_is_shown_by_something_that_exists(shown: str) -> None:
    assert (ROOT / shown).exists()
