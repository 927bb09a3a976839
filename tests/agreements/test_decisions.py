"""What every agreement that ships promises of its decisions, whatever its flows and bodies are called."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.model import Accepted, Held, Provider, Refused
from gateway.policy.catalogue import Catalogue
from gateway.policy.decide import decide
from gateway.policy.edits import UNKNOWN, edits, effect_of, settings
from gateway.policy.schools import copies_for
from gateway.record.policy_check import check
from tests.agreements.specimens import NUMBER, classified

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def sender(kind: str, *, ratified: bool = True) -> Provider:
    return Provider(id=kind, name=kind, kind=kind, dfe_number=NUMBER, ratified=ratified)


def test_it_holds_together_and_differs_from_nothing(folder: Path) -> None:
    assert check(folder) == []
    assert edits(folder, folder) == []
    for path in folder.glob("*.toml"):
        for place in settings(path.read_text("utf-8")):
            assert effect_of(path.name, place) is not UNKNOWN, (path.name, place)


def test_what_it_lists_is_accepted_from_its_senders_and_refused_from_all_others(catalogue: Catalogue) -> None:
    for flow in catalogue.flows.flow:
        for entry in flow.data_type:
            file = classified(catalogue, flow, entry.id)
            for kind in catalogue.bodies.kinds():
                decision = decide(file, catalogue, sender(kind), NOON)
                where = (flow.id, entry.id, kind, decision.reasons)
                if kind in flow.for_a_person:
                    assert isinstance(decision, Held), where
                elif kind in (*flow.senders, *flow.on_behalf):
                    assert isinstance(decision, Accepted), where
                    assert set(decision.teams) <= set(entry.teams), where
                else:
                    assert isinstance(decision, Refused), where
                assert all(reason.clause in catalogue.agreement.clauses for reason in decision.reasons), where


def test_files_of_a_party_that_has_not_signed_wait_unless_the_flow_says_otherwise(
    catalogue: Catalogue,
) -> None:
    for flow in catalogue.flows.flow:
        for entry in flow.data_type:
            file = classified(catalogue, flow, entry.id)
            for kind in flow.senders:
                decision = decide(file, catalogue, sender(kind, ratified=False), NOON)
                waits = catalogue.bodies.of(kind).ratifies and flow.unratified(entry.id) == "hold"
                codes = {reason.code for reason in decision.reasons}
                assert ("policy:agreement-not-ratified" in codes) is waits, (flow.id, kind)


def test_nobody_gets_an_item_without_a_right_to_it(catalogue: Catalogue) -> None:
    for flow in catalogue.flows.flow:
        for entry in flow.data_type:
            for item in catalogue.appendix_a:
                file = classified(catalogue, flow, entry.id, items=(item,))
                decision = decide(file, catalogue, sender(flow.senders[0]), NOON)
                if flow.contents == "appendix-a" and entry.about:
                    for team in decision.teams:
                        assert catalogue.may_have(team, item, flow.senders[0]), (flow.id, team, item)


def test_data_of_people_whom_a_flow_is_not_about_waits(catalogue: Catalogue) -> None:
    for flow in catalogue.flows.flow:
        for entry in flow.data_type:
            strange = [item for item, group in catalogue.appendix_a.items() if group.of not in entry.about]
            for item in strange:
                file = classified(catalogue, flow, entry.id)
                decision = decide(
                    replace(file, items=(*file.items, item)), catalogue, sender(flow.senders[0]), NOON
                )
                assert isinstance(decision, Held)
                assert "policy:persons-without-rule" in {reason.code for reason in decision.reasons}


def test_records_of_people_need_rights_whoever_they_are(catalogue: Catalogue) -> None:
    """Also where no pupil is counted, as in a file about staff."""
    for flow in catalogue.flows.flow:
        for entry in flow.data_type:
            if not entry.about or entry.about == ("pupils",):
                continue
            others = [item for item, group in catalogue.appendix_a.items() if group.of == "pupils"]
            file = replace(classified(catalogue, flow, entry.id, items=(others[0],)), pupils=0)
            decision = decide(file, catalogue, sender(flow.senders[0]), NOON)
            assert isinstance(decision, Held)
            assert all(catalogue.may_have(team, others[0]) for team in decision.teams)


def test_copies_go_to_bodies_that_the_flow_names_and_may_have_all_of_it(catalogue: Catalogue) -> None:
    for flow in catalogue.flows.flow:
        bodies = [body for name in flow.recipients if (body := catalogue.bodies.find(name)) and body.kinds]
        for entry in flow.data_type:
            file = classified(catalogue, flow, entry.id)
            decision = decide(file, catalogue, sender(flow.senders[0]), NOON)
            assert isinstance(decision, Accepted)
            everybody = [sender(kind) for kind in catalogue.bodies.kinds()]
            got = {one.provider.kind for one in copies_for(decision, file, catalogue, everybody)}
            named = {kind for body in bodies for kind in body.kinds}
            assert got <= named
            about_anyone = {kind for body in bodies if body.about == "anyone" for kind in body.kinds}
            foreign = next((i for i in catalogue.appendix_a if not catalogue.may_have("nobody", i)), "")
            barred = replace(file, items=(*file.items, foreign), other_items=("Photograph",))
            kept = {one.provider.kind for one in copies_for(decision, barred, catalogue, everybody)}
            assert not kept & about_anyone


def test_results_wait_for_their_day(catalogue: Catalogue) -> None:
    july = datetime(2027, 7, 1, 12, tzinfo=UTC)
    for flow in (flow for flow in catalogue.flows.flow if flow.embargo):
        for entry in flow.data_type:
            file = classified(catalogue, flow, entry.id)
            decision = decide(file, catalogue, sender(flow.senders[0]), july)
            assert isinstance(decision, Held)
            assert decision.until is not None
            assert decision.until.month == 8


@pytest.mark.parametrize("method", ["pigeon"])
def test_no_other_way_is_open(catalogue: Catalogue, method: str) -> None:
    for flow in catalogue.flows.flow:
        file = classified(catalogue, flow, flow.data_type[0].id)
        assert isinstance(decide(file, catalogue, sender(flow.senders[0]), NOON, method=method), Refused)
