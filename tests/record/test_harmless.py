"""Columns that nobody lists: from a sealed upload to the hold, to an administrator's list, and on."""

from __future__ import annotations

import json

import pytest

from tests.clock import THIS_YEAR
from tests.corpus.unlisted import FILES
from tests.workshop import Desk

YEARS = THIS_YEAR


@pytest.fixture(autouse=True)
def columns_wait(desk: Desk) -> None:
    """An authority for which files with unlisted columns wait, instead of being taken without them."""
    flows = desk.home.policies / "flows.toml"
    text, there = flows.read_text("utf-8"), 'clause = "12.1"\n'
    assert there in text
    flows.write_text(text.replace(there, f'{there}unlisted = "hold"\n', 1), "utf-8")


def send(desk: Desk, provider: str, file: str) -> str:
    reference = desk.send(desk.provider(provider, years=YEARS), FILES[file](), f"{file}.pgp")
    desk.process()
    return reference


def test_what_waited_goes_on_once_its_column_is_listed_for_its_sender(desk: Desk) -> None:
    oak, ash = send(desk, "oak", "locker.csv"), send(desk, "ash", "locker.csv")
    assert desk.codes(oak) == desk.codes(ash) == ["policy:unlisted-items"]
    shown = json.loads(desk.gateway("transfers", "show", oak, "--json"))
    assert shown["unlisted"] == ["column 11 (Locker Number): codes, filled 12 times"]
    desk.gateway("policy", "harmless", "add", "locker number", "--provider", "oak", "--why", "a cupboard")
    assert (desk.state(oak), desk.state(ash)) == ("accepted", "held")
    assert [each["header"] for each in json.loads(desk.gateway("policy", "harmless", "list", "--json"))] == [
        "locker number"
    ]
    (event,) = [event for event in desk.events("oak") if event.kind == "column-listed"]
    assert event.note == "locker number: a cupboard"
    assert b"locker" not in event.leaf


def test_a_column_is_listed_for_everyone_and_taken_off_again(desk: Desk) -> None:
    first = send(desk, "oak", "locker.csv")
    desk.gateway("policy", "harmless", "add", "Locker Number", "--why", "a cupboard")
    assert desk.state(first) == "accepted"
    assert "listed as harmless already" in desk.gateway(
        "policy", "harmless", "add", "LOCKER-NUMBER", "--why", "again", code=1
    )
    desk.gateway("policy", "harmless", "remove", "Locker number", "--why", "it was a room after all")
    second = send(desk, "elm", "locker.csv")
    assert (desk.state(first), desk.state(second)) == ("accepted", "held")
    assert "no such column" in desk.gateway("policy", "harmless", "remove", "Locker", "--why", "x", code=1)


def test_nothing_sensitive_becomes_harmless_and_no_column_without_a_name(desk: Desk) -> None:
    sent = send(desk, "oak", "allergy-camel-case.csv")
    desk.gateway("policy", "harmless", "add", "FoodAllergyDetail", "--why", "the kitchen asks")
    assert desk.codes(sent) == ["policy:sensitive", "policy:sensitive-heading"]
    assert "without a name" in desk.gateway("policy", "harmless", "add", " -- ", "--why", "x", code=1)


def test_a_child_that_heads_a_column_is_named_to_nobody_but_those_who_look(desk: Desk) -> None:
    sent = send(desk, "oak", "headed-with-a-child.csv")
    assert desk.codes(sent) == ["policy:unlisted-items"]
    receipts = [receipt.read_text() for receipt in desk.receipts("oak", f"*{sent}.*")]
    assert any("column 11" in " ".join(text.split()) for text in receipts)
    assert not any("quillfeather" in text.casefold() for text in receipts)
    assert not any(b"uillfeather" in event.leaf for event in desk.events(sent))
    assert "Tamsin Quillfeather" in desk.gateway("transfers", "show", sent)


def test_a_sensitive_upload_waits_where_few_people_see_it(desk: Desk) -> None:
    sent = send(desk, "oak", "nhs-number.csv")
    assert desk.state(sent) == "held"
    assert set(desk.codes(sent)) == {
        "policy:sensitive", "policy:sensitive-heading", "policy:items-proposed-held"
    }  # fmt: skip
