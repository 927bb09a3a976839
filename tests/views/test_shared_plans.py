"""Views of one basis share the templates of records, and a view tells the same whoever was read before."""

from copy import copy

import pytest

from gateway.classify import load_rules
from gateway.model import Basis
from gateway.samples import make
from tests.views import making
from tests.views.making import CATALOGUE, POLICIES, view_for, view_of

FILES = {
    "school-census": make("school-census", "xml-autumn", pupils=20),
    "student-core": make("student-core", "ctf-full", pupils=20),
}
TEAMS = ("central-data-team", "education-welfare", "sen")


def without_plans():
    """A copy, since tests share the rules that they load."""
    rules = copy(load_rules(POLICIES))
    vars(rules).pop("_plans", None)
    return rules


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch):
    """Rules that no view was made by."""
    rules = without_plans()
    monkeypatch.setattr(making, "RULES", rules)
    return rules


@pytest.mark.parametrize("data_type", FILES)
def test_a_view_is_the_same_with_the_plans_of_another_file(data_type, fresh, monkeypatch):
    data = FILES[data_type]
    alone = [view_for(team, data) for team in TEAMS]
    again = [view_for(team, data) for team in TEAMS]
    assert again == alone
    other = make(data_type, "xml-spring" if data_type == "school-census" else "ctf-full", pupils=5)
    monkeypatch.setattr(making, "RULES", without_plans())
    for team in TEAMS:
        view_for(team, other)
    assert [view_for(team, data) for team in TEAMS] == alone


def test_what_is_left_out_by_a_shared_plan_is_told_in_each_view(fresh):
    basis = Basis(data_type="student-core", items=("Pupil: UPN", "Pupil: Surname"))
    first, second = (view_of(FILES["student-core"], basis) for _ in range(2))
    assert "Pupil: Forename" in first[1]
    assert second == first
    (plans,) = fresh._plans.values()
    assert plans


def test_no_plan_with_a_name_that_no_policy_knows_outlasts_its_view(fresh):
    odd = FILES["student-core"].replace(b"<UPN>", b"<JaneSmith>1</JaneSmith><UPN>", 1)
    basis = Basis(data_type="student-core", items=CATALOGUE.identifying)
    view_of(odd, basis)
    kept = [form for plans in fresh._plans.values() for form in plans]
    assert kept
    assert not [form for form in kept if "JaneSmith" in form]
    spaced = FILES["student-core"].replace(b"<CTfile>", b'<CTfile xmlns="urn:x">')
    view_of(spaced, basis)
    assert not [form for plans in fresh._plans.values() for form in plans if "urn:x" in form]


def test_a_file_with_findings_of_its_own_shares_no_plan(fresh):
    told = making.recognised(
        FILES["school-census"].replace(b"</PupilStatus>", b"<Locker>7</Locker></PupilStatus>")
    ).unlisted
    assert told
    view_of(FILES["school-census"], Basis(data_type="school-census", items=("Pupil: UPN",), told=told))
    assert not any(fresh._plans.values())
