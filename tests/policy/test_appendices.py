"""Appendix A and Appendix B, typed from the document, against the policies: row by row, both ways."""

from itertools import groupby

from gateway.policy.catalogue import Catalogue
from tests.policy.conftest import POLICIES
from tests.policy.tables import table

AGREEMENT = (POLICIES / "agreement.txt").read_text("utf-8")


def test_every_oracle_row_of_appendix_b_is_a_line_of_the_agreement() -> None:
    lines = AGREEMENT.splitlines()
    for row in table("appendix_b"):
        assert "\t".join(row.values()) in lines


def test_appendix_b_equals_flows_both_ways(catalogue: Catalogue) -> None:
    ours = [
        {
            "row": flow.clause.removeprefix("12."),
            "description": flow.document.description,
            "purpose": flow.document.purpose,
            "from": flow.document.sender,
            "to": flow.document.recipient,
            "statutory_support": flow.document.statutory_support,
            "timescales": flow.document.timescales,
            "mechanism": flow.document.mechanism,
        }
        for flow in catalogue.flows.flow
    ]
    assert ours == table("appendix_b")


def test_what_the_gateway_makes_of_each_row(catalogue: Catalogue) -> None:
    ours = [
        {
            "flow": flow.id,
            "row": flow.clause.removeprefix("12."),
            "senders": " ".join(flow.senders),
            "on_behalf": " ".join(flow.on_behalf),
            "recipients": " ".join(flow.recipients),
            "basis": " ".join(flow.basis),
            "contents": flow.contents,
            "embargo": "yes" if flow.embargo else "no",
        }
        for flow in catalogue.flows.flow
    ]
    assert ours == table("flows")


def test_every_data_type_is_in_its_flow_with_its_timescale_and_teams(catalogue: Catalogue) -> None:
    ours = [
        {
            "data_type": entry.id,
            "flow": flow.id,
            "timescale": entry.timescale,
            "electronic": entry.electronic or "",
            "teams": " ".join(entry.teams),
            "unratified": flow.unratified(entry.id).partition("-until ")[0],
        }
        for flow in catalogue.flows.flow
        for entry in flow.data_type
    ]
    assert ours == table("data_types")


def test_appendix_a_equals_rights_both_ways(catalogue: Catalogue) -> None:
    ours = [{"group": group.label, "item": item} for group in catalogue.rights.group for item in group.items]
    assert ours == table("appendix_a")


def test_every_oracle_item_of_appendix_a_is_in_the_agreement() -> None:
    for group, rows in groupby(table("appendix_a"), key=lambda row: row["group"]):
        typed = " ".join([f"<u>{group}</u>", *(row["item"] for row in rows)])
        assert sum(line.startswith(typed + "\t") for line in AGREEMENT.splitlines()) == 1, group


def test_the_reasons_of_appendix_a_are_its_own_words_and_name_the_same_teams(catalogue: Catalogue) -> None:
    ours = [
        (group.label, each.team or "", each.text) for group in catalogue.rights.group for each in group.reason
    ]
    typed = [(row["group"], row["team"]) for row in table("appendix_a_reasons")]
    assert [(group, team) for group, team, _ in ours] == typed
    for (_, _, text), row in zip(ours, table("appendix_a_reasons"), strict=True):
        heading = f"<u>{row['named']}</u> - " if row["named"] else "<p>"
        assert heading + text in AGREEMENT


def test_the_names_of_teams_are_those_of_appendix_a(catalogue: Catalogue) -> None:
    for row in table("appendix_a_reasons"):
        if row["team"]:
            team = catalogue.team(row["team"])
            assert team is not None
            assert team.name == row["named"]


def test_rights_of_each_team_to_each_item_cell_by_cell(catalogue: Catalogue) -> None:
    rows = table("rights")
    assert [row["item"] for row in rows] == list(catalogue.appendix_a)
    teams = tuple(name for name in rows[0] if name != "item")
    assert set(teams) == {team.id for team in catalogue.teams.team}
    for row in rows:
        ours = {team: _right(catalogue, team, row["item"]) for team in teams}
        assert ours == {team: row[team] for team in teams}, row["item"]


def _right(catalogue: Catalogue, team: str, item: str) -> str:
    """As rights.tsv writes it: y, -, or the one kind of sender from which the team may have the item."""
    kinds = [kind for kind in ("school", "academy") if catalogue.may_have(team, item, kind)]
    assert catalogue.may_have(team, item) is (len(kinds) == 2)
    return {0: "-", 1: kinds[0] if kinds else "", 2: "y"}[len(kinds)]


def test_the_teams_that_the_agreement_does_not_name_are_marked_as_local(catalogue: Catalogue) -> None:
    named = {row["team"] for row in table("appendix_a_reasons") if row["team"]}
    assert "Central Data Team: coredatateam@somerset.gov.uk" in AGREEMENT
    assert "Information Governance: InformationGovernance@somerset.gov.uk" in AGREEMENT
    local = {team.id for team in catalogue.teams.team if team.local}
    assert local == {team.id for team in catalogue.teams.team} - named - {
        "central-data-team",
        "information-governance",
    }


def test_only_the_items_of_appendix_a_can_be_had(catalogue: Catalogue) -> None:
    assert not catalogue.may_have("central-data-team", "Pupil: Shoe size")
    assert not catalogue.may_have("nobody", "Pupil: UPN")
