"""No address of a page holds personal data: whatever names a person is sent in the body of a form."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from gateway.acts.act import ReadingAct, option
from gateway.acts.fields import every_act, fields_of
from tests.console.served import Served

NAMES_A_PERSON = {"upn", "surname", "forename", "born"}
# Each text that the form of a reading act may put into an address: none is of a person.
IN_ADDRESSES = {"provider", "reference", "id"}


def personal() -> Iterator[tuple[str, str]]:
    """Each act, with each of its fields that names a person."""
    for name, act in every_act().items():
        for field in fields_of(act):
            if field.personal:
                yield name, field.name


def test_whatever_names_a_person_is_declared_to() -> None:
    found = {(name, field.name) for name, act in every_act().items() for field in fields_of(act)}
    assert {(name, field) for name, field in found if field in NAMES_A_PERSON} == set(personal())


def test_what_a_reading_act_puts_into_an_address_is_of_no_person() -> None:
    texts = {
        (name, field.name)
        for name, act in every_act().items()
        for field in fields_of(act)
        if act.reads and act.in_console and field.kind in {"text", "file"}
    }
    assert {field for _, field in texts} <= IN_ADDRESSES, texts


def test_no_reading_act_can_be_declared_with_a_field_that_names_a_person() -> None:
    with pytest.raises(TypeError, match="one of its fields is personal"):

        class AskAboutChild(ReadingAct):
            upn: str = option("UPN of the child.", personal=True)


def test_no_page_takes_what_names_a_person_from_its_address(served: Served) -> None:
    asked = list(personal())
    assert asked
    for name, field in asked:
        noun, _, verb = name.rpartition(" ")
        path = f"/work/{noun.replace(' ', '.')}/{verb}"
        assert served.dora.get(path) == 200, name
        assert '<form method="get"' not in served.dora.page, name
        assert f'name="{field}"' in served.dora.page, name
        assert served.dora.get(f"{path}?{field}=Y999123420001") == 400, (name, field)
