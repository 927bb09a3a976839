"""Ways to reach a parent are no guardians: they are told as contact details, and reach no team."""

from __future__ import annotations

from functools import cache

import pytest

from gateway.classify import Rules, load_rules
from tests.classify.conftest import POLICIES
from tests.classify.stories import STORIES
from tests.classify.test_stories import ALSO_NAMES

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


@pytest.mark.parametrize("host", ["home", "oak.sch.uk"])
def test_an_email_address_with_a_remark_is_none(host: str) -> None:
    check = rules_of("somerset").check("contact-of-school")
    assert check is not None
    told = set(STORIES) - ALSO_NAMES
    written = [f"{story.replace(' ', '.')}@{host}" for story in told]
    written += ["we.all.saw.him.cry@oak.uk", "kicks_staff@oak.uk", "office@kicks-staff.uk", "a b@oak.uk"]
    assert [one for one in written if check(one) is None] == []


@pytest.mark.parametrize(
    "contact",
    [
        *("office@oak.sch.uk", "HeadTeacher@St-Marys.somerset.sch.uk", "contact@oak.uk", "a.o'hara@x.co.uk"),
        *("contactus@oak.uk", "contact-us@oak.uk", "Contact.Us@oak.uk", "head_teacher@oak.uk"),
        *("01632 960123", "+44 (0)1632 960123 ext 12", "jo_2@example.org"),
    ],
)
def test_a_telephone_number_or_email_address_of_an_office_is_one(contact: str) -> None:
    check = rules_of("somerset").check("contact-of-school")
    assert check is not None
    assert check(contact) is None
