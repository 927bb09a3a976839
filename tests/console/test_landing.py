"""After an act, one lands on the page of what it was about, which says what was done."""

from __future__ import annotations

import re

from gateway.acts.fields import every_act
from gateway.acts.listing import ListingAct
from tests.console.served import TEAM, Served
from tests.console.visitor import Visitor
from tests.mailboxes.mailroom import PROVIDER


def _said(visitor: Visitor) -> str:
    found = re.search(
        r'<div class="banner" role="alert" tabindex="-1" autofocus>(.*?)</div>', visitor.page, re.DOTALL
    )
    assert found, visitor.text
    return " ".join(re.sub(r"<[^>]+>", " ", found[1]).split())


def test_a_decision_on_a_held_file_leads_to_the_file(served: Served) -> None:
    held, jane = served.room.hold(b"to be returned"), served.jane
    jane.get(f"/held/{held}")
    assert jane.act("/work/held/return", reference=held, advice="Again.") == 200, jane.text
    assert _said(jane) == f"{held} is returned"
    assert f"/work/transfers/show?reference={held}" in str(jane.client.get(f"/held/{held}").url)
    assert "banner" not in jane.client.get(f"/work/transfers/show?reference={held}").text


def test_a_note_leads_back_to_the_held_file(served: Served) -> None:
    held, jane = served.room.hold(b"to be noted"), served.jane
    jane.get("/work/held/note")
    assert jane.post("/work/held/note", reference=held, text="The school rang.") == 200
    assert held in _said(jane)
    assert "The school rang." in jane.text
    assert "Send it back with advice" in jane.text


def test_an_act_on_a_school_leads_to_the_school(served: Served) -> None:
    mary = served.mary
    mary.get("/work/agreement/ratify")
    assert mary.act("/work/agreement/ratify", provider=PROVIDER, signatory="H. Jones") == 200
    assert "ratified" in _said(mary)
    assert 'id="due"' in mary.page


def test_an_act_on_a_person_leads_to_the_person_whose_name_is_in_no_address(served: Served) -> None:
    served.room.staff("tess", "early-years")
    mary = served.mary
    mary.get("/work/staff/set")
    shows = {"back": "/work/staff/show"}
    for team, name, back in ((TEAM, "Central Data Team", {}), ("early-years", "Early Years", shows)):
        assert mary.act("/work/staff/set", name="tess", team=team, why="moved", **back) == 200
        assert _said(mary) == f"tess belongs to {name} now"
        assert "<h1>Show one person" in mary.page
        assert name in mary.text.partition("Show one person")[2]
        assert 'action="/work/staff/show"' in mary.page


def test_an_act_on_no_thing_of_a_page_leads_to_the_list_of_its_kind(served: Served) -> None:
    dora = served.dora
    for verb in ("place", "lift"):
        dora.get(f"/work/legal-holds/{verb}")
        assert dora.act(f"/work/legal-holds/{verb}", provider=PROVIDER, why="a court") == 200, dora.text
        assert _said(dora)
        assert "<h1>List the legal holds in force" in dora.page


def test_the_sentence_of_an_act_is_said_once_and_stands_in_no_address(served: Served) -> None:
    held, jane = served.room.hold(b"said once"), served.jane
    jane.get(f"/held/{held}")
    answer = jane.client.post(
        "/work/held/note", data={"token": jane.hidden("token"), "reference": held, "text": "<i>x</i>"},
        follow_redirects=False,
    )  # fmt: skip
    assert (answer.status_code, answer.headers["location"]) == (303, f"/held/{held}")
    cookie = answer.headers["set-cookie"]
    assert "httponly" in cookie.lower()
    assert "samesite=strict" in cookie.lower()
    jane.get(f"/held/{held}")
    assert _said(jane)
    jane.get(f"/held/{held}")
    assert 'class="banner"' not in jane.page


def test_what_stands_beside_each_row_of_a_list_is_named_by_a_column() -> None:
    for command, act in every_act().items():
        if issubclass(act, ListingAct):
            named = {act.named_by or one.partition(":")[2].split(",")[0] for one in act.beside}
            assert named <= set(act.columns), command
