"""Which data items each team's view holds: a table typed by hand, and every file that we can make."""

import csv
import io
import random
from dataclasses import replace

import pytest

from gateway.model import OTHER_RECORDS, Classified
from gateway.policy.items import basis_for, teams_for
from gateway.samples import make, school, variants
from tests.content import core_data
from tests.views.appendix_a import COLUMNS, NEVER, NOT_OF_ACADEMIES, VIEWS, columns_of, items_of
from tests.views.making import CATALOGUE, found, recognised, view_for, view_of

_VALUES = {"Date of Birth": "2015-02-03", "Gender": "F", "NCY": "5"}


def a_file_of_everything() -> bytes:
    head = [*COLUMNS.values(), *NEVER]
    row = [_VALUES.get(name, "1") for name in head]
    text = io.StringIO(newline="")
    csv.writer(text).writerows([head, row, row])
    return text.getvalue().encode()


def shown(data_type: str, team: str, sender: str) -> set[str]:
    basis = basis_for(team, data_type, CATALOGUE, sender)  # type: ignore[arg-type]
    data, _ = view_of(a_file_of_everything(), basis)
    return set(next(csv.reader(io.StringIO(data.decode()))))


def test_the_table_says_every_team_of_every_data_type():
    listed = {
        (entry.id, team)
        for flow in CATALOGUE.flows.flow
        for entry in flow.data_type
        for team in entry.teams
        if CATALOGUE.team(team).pupil_level  # type: ignore[union-attr]
    }
    assert listed == set(VIEWS)
    assert set(COLUMNS) == set(CATALOGUE.appendix_a)


@pytest.mark.parametrize(("data_type", "team"), VIEWS)
@pytest.mark.parametrize("sender", ["school", "academy"])
def test_a_view_holds_what_appendix_a_gives_the_team_and_nothing_else(data_type: str, team: str, sender: str):
    barred = NOT_OF_ACADEMIES.get(team, set()) if sender == "academy" else set()
    assert shown(data_type, team, sender) == columns_of(data_type, team) - barred


def test_a_team_without_a_right_is_shown_nothing():
    assert shown("student-core", "information-governance", "school") == set()


@pytest.mark.parametrize("data_type", sorted({name for name, _ in variants()}))
def test_of_every_file_that_we_can_make_nothing_is_shown_beyond_and_nothing_lost(data_type: str):
    for made, variant in variants():
        if made == data_type:
            rng = random.Random(7)
            check(make(made, variant, rng=rng, school=school(rng, 1), pupils=3), f"{made} {variant}")


def check(data: bytes, name: str) -> None:
    what = recognised(data)
    flow = CATALOGUE.flow_of(what.data_type)
    assert flow is not None
    for team in teams_for(what, CATALOGUE, flow, "school"):
        if (what.data_type, team) not in VIEWS:
            continue
        data_of_team, left_out = view_for(team, data)
        carried = {item for item in what.other_items if item in flow.of(what.data_type).carries}
        expected = (set(what.items) & items_of(what.data_type, team)) | carried
        again = found(data_of_team)
        assert isinstance(again, Classified), (name, team, again)
        assert {*again.items, *again.other_items} == expected, (name, team)
        assert (again.data_type, again.pupils) == (what.data_type, what.pupils), (name, team)
        assert set(what.items) - expected == {item for item in left_out if item in what.items}, (name, team)


def test_a_team_that_is_there_for_some_children_sees_no_other_record() -> None:
    data = core_data(1, 6)
    basis = basis_for("central-data-team", "student-core", CATALOGUE, "school")
    whole, _ = view_of(data, basis)
    girls = ("Pupil: Gender", ("f", "Female"))
    some, left_out = view_of(data, replace(basis, where=girls))
    assert OTHER_RECORDS in left_out
    assert 0 < some.count(b"<Sex>F</Sex>") == whole.count(b"<Sex>F</Sex>")
    assert 0 == some.count(b"<Sex>M</Sex>") < whole.count(b"<Sex>M</Sex>")
    nobody, _ = view_of(data, replace(basis, where=("Pupil: Gender", ("X",))))
    assert b"<UPN>" in whole
    assert b"<UPN>" not in nobody
