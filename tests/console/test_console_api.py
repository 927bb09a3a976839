"""Whoever captures the console can do what those logged in may do, and no more.

The console is hostile here, and in the files beside this one whose names begin alike: it asks the inside over
the real socket, whatever it likes.
"""

from __future__ import annotations

import pytest

from gateway.access import LACKING, AccessRight
from gateway.acts.fields import every_act
from gateway.mailboxes.console_api.api import OF_PERSONS
from gateway.mailboxes.console_api.carrying_out import OF_BUTTONS
from gateway.registry import console_sessions
from gateway.zones.console_api.act_questions import AskAct, AskActs, CarryOutAct
from gateway.zones.console_api.questions import AskPage
from tests.console.office import TEAM, Office


def test_a_question_without_end_is_not_listened_to(office: Office) -> None:
    endless = (b"x" * 65_536 for _ in range(200))
    assert office.console.client.post(AskPage.path(), content=endless).status_code == 413
    assert office.ask("jane", "me").status_code == 200


@pytest.mark.parametrize("kind", sorted(OF_PERSONS, key=lambda kind: kind.__name__), ids=lambda k: k.__name__)
@pytest.mark.parametrize("session", ["", "x", "0" * 64])
def test_nobody_gets_anything(office: Office, kind, session) -> None:
    asked = {"team": TEAM, "reference": "261124-school-a-AAAAA", "references": []}
    asked |= {"why": "w", "advice": "a", "text": "t", "provider": "school-a", "again": True}
    asked |= {"name": "n", "kind": "school", "key": "k", "read_out": "f", "role": "r", "signatory": "s"}
    asked |= {"act": "discrepancies list", "fields": {}, "page": "today"}
    asked |= {"number": 1, "digest": "d", "given": "g", "state": "s", "file": "f", "content": "c"}
    parts = {name: value for name, value in asked.items() if name in kind.model_fields}
    response = office.console.ask(kind, session=session, **parts)
    assert response.status_code == 401, response.text
    assert "said" not in response.json()


@pytest.mark.parametrize("command", sorted(every_act()))
@pytest.mark.parametrize("who", ["jane", "sam", "kim"])
def test_an_act_is_told_to_and_carried_out_for_those_with_one_of_its_roles(
    office: Office, who: str, command: str
) -> None:
    act = every_act()[command]
    read = {AccessRight.HELD, AccessRight.LOOK}
    may = {"jane": read | {AccessRight.DECIDE, AccessRight.RECALL}, "sam": set(), "kim": read}[who]
    allowed = act.in_console and act.right in {*may, AccessRight.PERSON}
    told = {one["command"] for one in office.said(who, AskActs)["acts"]}
    assert (command in told) == allowed
    kind = AskAct if act.reads else CarryOutAct
    answer = office.ask(who, kind, act=command, fields={"none": "of its fields"})
    said = answer.json().get("sentence", "")
    carried_out = allowed or command in OF_BUTTONS
    assert (said in LACKING.values() or answer.status_code == 404) == (not carried_out), answer.text


def test_what_the_registry_keeps_of_a_session_opens_nothing(office: Office) -> None:
    with office.room.registry.read() as session:
        rows = console_sessions.of_person(session, "jane", office.clock())
    for row in rows:
        assert office.console.ask("me", session=row.number).status_code == 401
    assert all(office.sessions["jane"] not in str(row) for row in rows)


def test_a_question_that_nobody_foresaw_is_not_answered(office: Office) -> None:
    assert office.console.client.post("/registry", json={}).status_code == 404
    assert office.console.client.get("/ask-page").status_code == 405
    assert office.ask("jane", AskPage, page="today", fields={}, further="x").status_code == 400
