"""Whoever captures the console can do what those logged in may do, and no more.

The console is hostile here, and in the files beside this one whose names begin alike: it asks the inside over
the real socket, whatever it likes.
"""

from __future__ import annotations

import pytest

from gateway.access import QUESTIONS, WITHOUT_RIGHT, AccessRight
from gateway.acts.fields import every_act
from gateway.mailboxes.console_api.api import WAYS, fields_of
from gateway.mailboxes.console_api.carrying_out import OF_BUTTONS
from gateway.registry import logins
from tests.console.office import TEAM, Office
from tests.console.through_the_api import HERE, ORIGIN


def test_a_question_without_end_is_not_listened_to(office: Office) -> None:
    endless = (b"x" * 65_536 for _ in range(200))
    assert office.console.client.post("/today", content=endless).status_code == 413
    assert office.ask("jane", "me").status_code == 200


@pytest.mark.parametrize("question", [one for one in WAYS if QUESTIONS[one] is not AccessRight.UNNAMED])
@pytest.mark.parametrize("session", ["", "x", "0" * 64])
def test_nobody_gets_anything(office: Office, question: str, session: str) -> None:
    asked = {"team": TEAM, "reference": "261124-school-a-AAAAA", "references": []}
    asked |= {"why": "w", "advice": "a", "text": "t", "provider": "school-a", "again": True}
    asked |= {"name": "n", "kind": "school", "key": "k", "read_out": "f", "role": "r", "signatory": "s"}
    asked |= {"act": "discrepancies list", "fields": {}}
    asked |= {"number": 1, "digest": "d", "given": "g", "state": "s", "file": "f", "content": "c"}
    fields = fields_of(WAYS[question].answer).model_fields
    parts = {name: value for name, value in asked.items() if name in fields}
    response = office.console.ask(question, session=session, **parts)
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
    told = {one["command"] for one in office.said(who, "acts")["acts"]}
    assert (command in told) == allowed
    kind = "ask" if act.reads else "carry-out"
    answer = office.ask(who, kind, act=command, fields={"none": "of its fields"})
    said = answer.json().get("sentence", "")
    carried_out = allowed or command in OF_BUTTONS
    assert (said in WITHOUT_RIGHT.values() or answer.status_code == 404) == (not carried_out), answer.text


def test_what_the_registry_keeps_of_a_session_opens_nothing(office: Office) -> None:
    with office.room.registry.read() as session:
        rows = logins.sessions_of(session, "jane", office.clock())
    for row in rows:
        assert office.console.ask("me", session=row.number).status_code == 401
    assert all(office.sessions["jane"] not in str(row) for row in rows)


def test_a_question_that_nobody_foresaw_is_not_answered(office: Office) -> None:
    assert office.console.client.post("/registry", json={}).status_code == 404
    assert office.console.client.get("/today").status_code == 405
    asked = {"origin": ORIGIN, "address": HERE, "session": office.sessions["jane"]}
    assert office.console.client.post("/today", json=asked).status_code == 200
    assert office.console.client.post("/today", json=asked | {"further": "x"}).status_code == 400
