"""Flows that a law asks for: each goes to exactly its team once it is switched on, and waits until then."""

import io
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Accepted, Held, Provider
from gateway.policy.catalogue import load_catalogue
from gateway.policy.decide import decide
from gateway.policy.items import basis_for
from gateway.record.policy_check import check
from tests.classify import made
from tests.layouts.returns_of_law import FLOWS, RETURNS
from tests.policies import POLICIES
from tests.views.making import view_of

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
CHILDREN = made.children(3)
OAK = Provider(id="oak", name="Oak", kind="school", dfe_number="9991234", ratified=True)


def decided(content: bytes, policies: Path):
    rules, catalogue = load_rules(policies), load_catalogue(policies)
    what = classify(io.BytesIO(content), "x", ClassifyLimits(), rules, today=NOW.date())
    return what, decide(what, catalogue, OAK, NOW), catalogue


def test_the_policies_hold_together_with_every_flow_switched_on(switched_on: Path):
    assert check(switched_on) == []


@pytest.mark.parametrize("name", RETURNS)
def test_a_return_goes_to_exactly_its_teams_once_its_flow_is_switched_on(name: str, switched_on: Path):
    data_type, teams, content = RETURNS[name]
    what, decision, catalogue = decided(content, switched_on)
    assert what.data_type == data_type
    assert isinstance(decision, Accepted), decision.reasons
    assert set(decision.teams) == teams
    assert (what.unlisted, what.findings) == ((), ())
    assert [reason.code for reason in decision.reasons if "items" in reason.code] == []
    if content.startswith(b"<"):
        return
    for team in teams:  # What the return is about is in the view of each of them.
        basis = basis_for(team, data_type, catalogue, "school", what.unlisted, form=what.format)
        shown = view_of(content, basis)[0].splitlines()[0]
        assert shown == content.splitlines()[0]


@pytest.mark.parametrize("name", RETURNS)
def test_a_return_waits_and_is_told_why_until_its_flow_is_switched_on(name: str):
    data_type, _, content = RETURNS[name]
    what, decision, catalogue = decided(content, POLICIES)
    assert isinstance(decision, Held)
    assert decision.teams == ()
    told = [reason for reason in decision.reasons if reason.code == "classify:law-return"]
    assert len(told) == 1
    assert catalogue.wording.name(data_type) in told[0].sentence
    assert what.data_type == data_type
    # Nobody is told to take out of a return what the law asks for there.
    assert {reason.code for reason in decision.reasons} <= {"classify:law-return", "policy:awaited"}


@pytest.mark.parametrize(
    ("heading", "value"),
    [
        ("Continuous Absence", "15"), ("Days of Sickness", "15"), ("Ground for Deletion", "D"),
        ("Date of Deletion", "2026-10-01"), ("New Starter", "N"), ("Part-time Timetable", "N"),
        ("LA Notified", "Y"), ("Last Date of Attendance", "2026-11-06"),
        ("Date Parent Notified", "2026-11-06"),
    ],
)  # fmt: skip
def test_one_heading_of_a_return_makes_a_list_of_pupils_wait_and_no_core_data(
    heading: str, value: str, switched_on: Path
):
    rows = [
        ["UPN", "Surname", "Forename", "Date of Birth", "Year Group", heading],
        *([c.upn, c.surname, c.forename, c.born, "9", value] for c in CHILDREN),
    ]
    for policies in (POLICIES, switched_on):
        _, decision, _ = decided(made.as_csv(rows).encode(), policies)
        assert isinstance(decision, Held)
        assert "classify:law-return" in {reason.code for reason in decision.reasons}


def test_a_school_whose_return_says_more_than_the_law_asks_is_told_to_ring_before_it_sends_again():
    rows = [
        [
            "UPN",
            "Surname",
            "Forename",
            "Date of Birth",
            "Days of Sickness",
            "Expected Days",
            "Nature of Illness",
        ],
        *([c.upn, c.surname, c.forename, c.born, "15", "20", "Asthma"] for c in CHILDREN),
    ]
    _, decision, _ = decided(made.as_csv(rows).encode(), POLICIES)
    steps = {reason.code: reason.next_step for reason in decision.reasons}
    assert "classify:law-return" in steps
    assert "or a law asked you for it, ring" in steps["policy:sensitive"]


def test_every_flow_of_the_law_names_its_statute_clause_teams_timescale_and_how_long_it_is_kept():
    catalogue = load_catalogue(POLICIES)
    kept = (POLICIES / "retention.toml").read_text("utf-8")
    assert sorted(flow.id for flow in catalogue.flows.optional) == sorted(FLOWS)
    returned = {data_type for data_type, _, _ in RETURNS.values()}
    for flow in catalogue.flows.optional:
        assert flow.law
        assert flow.clause in catalogue.agreement.clauses
        assert flow.document.timescales
        for entry in flow.data_type:
            assert entry.teams
            assert entry.timescale == "on-event"
            assert f"\n{entry.id} = " in kept
            assert entry.id in returned


def test_no_flow_is_switched_on_that_is_not_there(tmp_path: Path):
    policies = shutil.copytree(POLICIES, tmp_path / "policies")
    flows = policies / "flows.toml"
    flows.write_text(
        flows.read_text("utf-8").replace("switched_on = []", 'switched_on = ["snow-days"]'), "utf-8"
    )
    assert "there is no optional flow snow-days" in " ".join(map(str, check(policies)))


def test_a_county_without_such_flows_holds_the_returns_as_well():
    _, decision, _ = decided(RETURNS["leavers.xml"][2], POLICIES / "cwm-alarch")
    assert isinstance(decision, Held)
    assert "classify:law-return" in {reason.code for reason in decision.reasons}
