"""Ways to reach a parent are no guardians: they are told as contact details, and reach no team."""

from __future__ import annotations

from functools import cache

import pytest

from gateway.classify import Rules, load_rules
from tests.classify.conftest import POLICIES

WHOSE = (
    "Contact 1",
    "Contact 2",
    "Parent 1",
    "Parent/Carer 2",
    "Guardian 1",
    "Mother",
    "Father",
    "Emergency",
)
WAYS = {
    "phone": (
        "Mobile",
        "Mobile Number",
        "Tel",
        "Tel No",
        "Phone",
        "Telephone",
        "Home Tel",
        "Work Tel",
        "Home Phone",
    ),
    "email": ("Email", "E-mail", "Email Address", "E-Mail Addr", "Home Email"),
}


@cache
def rules_of(agreement: str) -> Rules:
    return load_rules(POLICIES / agreement)


@pytest.mark.parametrize("agreement", ["somerset", "cwm-alarch"])
@pytest.mark.parametrize("key", WAYS)
def test_a_way_to_reach_a_contact_is_no_guardian(key: str, agreement: str) -> None:
    heads = [f"{whose} {way}" for whose in WHOSE for way in WAYS[key]]
    told = {head: rules_of(agreement).column_field(head) for head in heads}
    assert told == dict.fromkeys(heads, key)
    assert rules_of(agreement).fields[key].label not in {i.label for i in rules_of(agreement).items.values()}


@pytest.mark.parametrize("agreement", ["somerset", "cwm-alarch"])
def test_a_head_that_says_no_more_than_contact_is_not_taken_for_a_name(agreement: str) -> None:
    rules = rules_of(agreement)
    assert {rules.column_field(head) for head in ("Contact 1", "Contact 2", "Contact 3")} == {None}
    assert rules.column_field("Contact 1 Name") == "guardians"
