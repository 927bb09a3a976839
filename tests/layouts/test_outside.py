"""What the law asks for, written from outside, passes on its day, to exactly the teams whose duty it is."""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest

from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from gateway.model import Accepted, Classified, Provider
from gateway.policy.catalogue import Catalogue, load_catalogue
from gateway.policy.decide import decide
from gateway.policy.items import basis_for
from tests.layouts.outside import OUTSIDE, Outside
from tests.views.making import view_of

# What may be told beside that a file is taken: items that Appendix A lists for other kinds of file, or not at
# all, and a version that the pack of its day calls old.
TOLD = {
    "policy:allowed", "policy:items-elsewhere", "policy:items-outside", "classify:version-old",
    "policy:return-optional",
}  # fmt: skip


@pytest.fixture(scope="module")
def judged(switched_on: Path) -> Callable:
    rules, catalogue = load_rules(switched_on), load_catalogue(switched_on)

    def judge(content: bytes, day: str, kind: str = "school"):
        now = datetime.combine(date.fromisoformat(day), time(9), UTC)
        number = "9996900" if kind == "school" else None
        sender = Provider(id="oak", name="Oak", kind=kind, dfe_number=number, urn="990000", ratified=True)
        what = classify(io.BytesIO(content), "x", ClassifyLimits(), rules, today=now.date())
        return what, decide(what, catalogue, sender, now), catalogue

    return judge


@pytest.mark.parametrize("one", OUTSIDE, ids=lambda one: one.name)
def test_a_statutory_file_from_outside_passes_to_exactly_its_teams(one: Outside, judged: Callable):
    what, decision, catalogue = judged(one.content, one.day, one.sender)
    assert isinstance(what, Classified), what
    assert what.data_type == one.data_type
    assert isinstance(decision, Accepted), decision.reasons
    assert set(decision.teams) == one.teams
    assert [(each.code, each.about) for each in what.findings] == []
    assert [each.header for each in what.unlisted] == []
    assert {reason.code for reason in decision.reasons} <= TOLD
    for element, team in one.only:
        assert {each for each in decision.teams if sees(each, element, one, what, catalogue)} == {team}


def sees(team: str, element: str, one: Outside, what: Classified, catalogue: Catalogue) -> bool:
    basis = basis_for(team, one.data_type, catalogue, "school", what.unlisted, form=what.format)
    return element.encode() in view_of(one.content, basis)[0]
