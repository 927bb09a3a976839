"""Which files are fit to be counted for teams without access to records (clause 2.4.2)."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.model import Accepted, Decision, Held, NamedSchool, Provider, Released
from gateway.policy.catalogue import Catalogue
from gateway.policy.items import counts_teams
from tests.policy.tables import classified, provider

ITEMS = ("Pupil: Gender", "Pupil: NCY", "Pupil: UPN")
GIVEN: dict[str, Any] = {"flow": "core", "teams": ("central-data-team",), "reasons": ()}
ACCEPTED, RELEASED = Accepted(**GIVEN), Released(**GIVEN)
TWO_SCHOOLS = (NamedSchool(records=20, urn="120001"), NamedSchool(records=10, urn="120002"))


def counted(
    catalogue: Catalogue,
    data_type: str = "student-core",
    decision: Decision = ACCEPTED,
    sender: Provider | None = None,
    **content: Any,
) -> tuple[str, ...]:
    file = classified(data_type, **{"items": ITEMS, "schools": TWO_SCHOOLS[:1], **content})
    return counts_teams(file, file.data_type, decision, sender or provider(), catalogue)


@pytest.mark.parametrize(
    "given",
    [{}, {"decision": RELEASED}, {"schools": ()}, {"pupils": 1}],
    ids=["accepted", "released", "no school named", "one pupil"],
)
def test_place_planning_gets_counts_of_pupils_of_one_school_on_roll(
    catalogue: Catalogue, given: dict[str, Any]
) -> None:
    assert counted(catalogue, **given) == ("school-place-planning",)


@pytest.mark.parametrize(
    "given",
    [
        {"pupils": 0},
        {"pupils": None},
        {"schools": TWO_SCHOOLS},
        {"items": ("Pupil: NCY",)},
        {"items": ("Pupil: Gender",)},
        {"data_type": "no-such-type"},
        {"decision": Held(**GIVEN)},
        {"decision": Released(**GIVEN, on_roll=False)},
        {"sender": provider(schools=("120002",))},
    ],
    ids=[
        "no pupil", "pupils unknown", "two schools", "no sex", "no year group", "of no known type", "held",
        "not on roll", "of a sender for several schools",
    ],
)  # fmt: skip
def test_a_file_that_is_unfit_for_it_is_not_counted(catalogue: Catalogue, given: dict[str, Any]) -> None:
    assert counted(catalogue, **given) == ()
