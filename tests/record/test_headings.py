"""What the authority says of a heading: two people for an item, one for something else."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from gateway.access import AccessRight
from gateway.acts import headings
from gateway.errors import Refusal
from gateway.homes.demo.parties import Party
from gateway.record import drops, dual_control
from gateway.zones.headings import read, written
from tests.classify.made import as_csv, core_rows
from tests.clock import THIS_YEAR
from tests.costs import statements
from tests.workshop import Desk

HEADING = "How Taken Here"
Says = Callable[..., str]


def content(heading: str = HEADING, value: str = "WLK", road: str = "High") -> bytes:
    head, *rows = core_rows(12)
    rows[0][head.index("Address")] = f"4 {road} Road"
    return as_csv([[*head, heading], *([*row, value] for row in rows)]).encode()


@pytest.fixture
def says(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> Says:
    def say(name: str, reference: str, heading: str, item: str, code: int = 0) -> str:
        monkeypatch.setenv("GATEWAY_ADMIN", name)
        asked = (
            "headings",
            "say",
            reference,
            "--heading",
            heading,
            "--item",
            item,
            "--why",
            "the office rang",
        )
        return " ".join(desk.gateway(*asked, code=code).split())

    return say


def held(desk: Desk, sent: bytes = content(), party: Party | None = None) -> str:
    reference = desk.send(party or desk.provider("oak"), sent)
    desk.process()
    assert desk.state(reference) == "held"
    return reference


def listed(desk: Desk) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(desk.gateway("headings", "list", "--json"))
    return rows


def test_a_statement_is_of_a_hundred_headings_at_most() -> None:
    stated = [(f"Heading {number}", "") for number in range(101)]
    assert read(written(stated[:100]).encode()) == tuple(stated[:100])
    with pytest.raises(Refusal):
        read(written(stated).encode())


def test_two_people_say_what_a_heading_is_and_it_counts_for_later_files(desk: Desk, says: Says) -> None:
    oak = desk.provider("oak")
    reference = held(desk, party=oak)
    assert "waits for a second person" in says("ann", reference, HEADING, "travel-mode")
    assert "waits for a second person" in says("ann", reference, HEADING, "travel-mode")
    assert listed(desk) == []
    assert "waits for a second person" in says("bob", reference, HEADING, "sex")
    assert listed(desk) == []
    assert "in later files of oak" in says("bob", reference, "how taken HERE", "travel-mode")
    (row,) = listed(desk)
    assert (row["provider"], row["heading"], row["item"]) == ("oak", HEADING, "travel-mode")
    assert row["said_by"].startswith("bob")
    assert row["reference"] == f"{reference}: the office rang"
    assert "nothing is asked about" in says("ann", reference, HEADING, "sex", code=1)
    desk.ratify_all("oak")
    later = desk.send(oak, content(road="Low"))
    desk.process()
    assert "policy:unlisted-left-out" not in desk.codes(later)
    desk.gateway("headings", "revoke", HEADING, "--provider", "oak", "--why", "it is a bus")
    assert listed(desk) == []


def test_what_waits_for_a_second_person_is_asked_for_in_one_statement(desk: Desk, says: Says) -> None:
    reference, rights = held(desk), {headings.SAY: AccessRight.DECIDE}
    for item in ("travel-mode", "sex", "something-else-again"):
        says("ann", reference, HEADING, item, code=item.startswith("something"))
    with desk.registry.read() as session, statements() as asked:
        waiting = headings.waiting(session, "oak", desk.now)
        assert [*dual_control.proposals(session, rights, desk.now + timedelta(days=8))] == []
    assert [(one["heading"], one["item"]) for one in waiting] == [(HEADING, "travel-mode"), (HEADING, "sex")]
    assert sum("FROM event" in one for one in asked) == 2
    says("bob", reference, HEADING, "travel-mode")
    with desk.registry.read() as session:
        assert [one["item"] for one in headings.waiting(session, "oak", desk.now)] == ["sex"]


def test_one_person_says_that_a_heading_is_something_else(desk: Desk, says: Says) -> None:
    reference = held(desk)
    assert "something-else in later files" in says("ann", reference, HEADING, "something-else")
    (row,) = listed(desk)
    assert (row["item"], row["said_by"].startswith("ann")) == ("something else", True)
    assert b"How" not in b"".join(event.leaf for event in desk.events("oak"))


@pytest.mark.parametrize(
    ("heading", "item", "told"),
    [
        (HEADING, "upn", "upn is none of: something-else, address"),
        (HEADING, "surname", "surname is none of"),
        (HEADING, "safeguarding", "safeguarding is none of"),
        ("Gender", "travel-mode", "nothing is asked about Gender"),
        ("Elsewhere", "something-else", "nothing is asked about Elsewhere"),
    ],
)
def test_nothing_else_can_be_said(desk: Desk, says: Says, heading: str, item: str, told: str) -> None:
    assert told in says("ann", held(desk), heading, item, code=1)


def test_nothing_is_said_of_a_sensitive_heading_nor_of_a_file_that_is_not_held(
    desk: Desk, says: Says
) -> None:
    reference = held(desk, content("Social Worker", "Ann Brown"))
    assert "nothing is asked about" in says("ann", reference, "Social Worker", "travel-mode", code=1)
    party = desk.provider("elm", years=THIS_YEAR)
    taken = desk.send(party, content())
    desk.process()
    assert "is not held" in says("ann", taken, HEADING, "travel-mode", code=1)


def test_a_provider_explains_no_more_headings_than_can_be_read_with_each_file(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drops, "MOST_HEADINGS", 3)
    oak = desk.provider("oak")

    def say(*names: str) -> list[str]:
        text = written([(name, "travel-mode") for name in names]).encode()
        sent = desk.sent(oak, oak.seal(text, desk.certificate), "keys", "headings.pgp")
        return [reason.code for reason in sent.reasons]

    assert say("How Taken", "How Home") == ["key:headings-taken"]
    assert say("How Home", "On What Wheels", "In What Car") == ["key:headings-refused"]
    assert say("How home", "On What Wheels") == ["key:headings-taken"]
    assert {row["heading"] for row in listed(desk)} == {"How Taken", "How home", "On What Wheels"}
