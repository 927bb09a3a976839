"""Before anything is confirmed, the page says what it is about and what was given."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from jinja2 import Template

from gateway.acts.fields import every_act
from gateway.console.pages import in_words
from gateway.console.site import templates
from gateway.mailboxes.console_api.carrying_out import act_shown
from gateway.zones.console_api import Given
from tests.classify.made import as_csv, core_rows
from tests.console.served import OTHER, TEAM, Served
from tests.content import core_data

CONFIRMED = [
    command for command, act in every_act().items() if act.in_console and not act.reads and act.asks_passkey
]


def _value(field: dict[str, Any]) -> Given:
    if field["kind"] == "yes-no":
        return True
    value = field["choices"][0] if field["choices"] else f"given-{field['name']}"
    return (value, f"{value}-too") if field["several"] else value


@pytest.fixture(scope="module")
def confirm() -> Template:
    """The page, read once."""
    return templates("UTC").get_template("confirm.html")


@pytest.mark.parametrize("command", CONFIRMED)
def test_the_page_that_confirms_an_act_shows_each_value_given(confirm: Template, command: str) -> None:
    act = act_shown(command)
    fields = [
        one | {"known": [{"id": f"given-{one['name']}", "name": f"Name of {one['name']}"}]}
        if one["names"]
        else one
        for one in act["fields"]
    ]
    given = {field["name"]: _value(field) for field in fields}
    page = confirm.render(
        me=None, organisation="O", token="t", here="/work", place="/", said="", what=act["title"], effect="",
        fields=(), options="", again="x", back="/work", given=in_words(act | {"fields": fields}, given),
    )  # fmt: skip
    text = html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]))
    for field in fields:
        value = given[field["name"]]
        if field["kind"] in {"file", "yes-no"}:
            assert re.split(r"[:;.,(]", field["about"])[0][1:] in text, field
            continue
        for one in value if isinstance(value, tuple) else (value,):
            assert str(one) in text, (field, text)
        if field["names"]:
            assert f"Name of {field['name']}" in text


@pytest.mark.long
def test_a_second_person_reads_who_proposed_a_release_and_why(served: Served) -> None:
    held, jane = served.room.hold(core_data(7)), served.jane
    served.room.staff("lee", TEAM)
    served.console.grant("lee", "triage")
    jane.get(f"/held/{held}")
    fields = {"reference": held, "as_": "student-core", "why": "The school rang.", "override": "yes"}
    assert jane.act("/work/held/release", **fields) == 200, jane.text
    for answer in ("confirm", "decline"):
        lee = served.enters("lee")
        lee.get(f"/held/{held}")
        assert lee.post(f"/work/held/{answer}", reference=held, why="I asked, too.") == 200, lee.text
        assert "jane proposed to release it as" in lee.text, lee.text
        for words in (held, "The school rang.", "I asked, too.", '<b>A</b> & "Sons"', "Central Data Team"):
            assert words in lee.text, lee.text


def test_a_mistake_in_a_form_of_a_held_file_is_told_there_with_what_was_typed(served: Served) -> None:
    held, jane = served.room.hold(b"mistaken"), served.jane
    page = {"reference": held, "back": f"/held/{held}"}
    jane.get(f"/held/{held}")
    assert jane.post("/work/held/release", **page, as_="school-census", team=TEAM, why="") == 403
    for told in (
        '<a href="#release-why">Enter why.</a>', 'id="release-why-error"',
        '<option value="school-census" selected>',
        f'value="{TEAM}" checked', '<details name="decide" open>', f'name="back" value="/held/{held}"',
    ):  # fmt: skip
        assert told in jane.page, (told, jane.page)
    assert jane.post("/work/held/assign", **page, to="nobody here", text="I rang them.") == 403
    for told in ("There is a problem", "nobody here", ">I rang them.</", '<details name="decide" open>'):
        assert told in jane.page, (told, jane.page)
    assert jane.act("/work/held/return", **page, advice="Send it again.") == 200, jane.text
    assert jane.post("/work/held/refuse", **page, why="Once more.") == 403, "it is held no more"
    assert 'action="/work/held/refuse"' in jane.page


def test_a_statement_about_a_heading_that_was_refused_is_still_about_that_heading(served: Served) -> None:
    head, *rows = core_rows(12)
    content = as_csv([[*head, "Before It", "How Taken Here"], *([*row, "x", "WLK"] for row in rows)])
    held, jane = served.room.hold_as_read(content.encode()), served.jane
    page = {"reference": held, "back": f"/held/{held}"}
    jane.get(f"/held/{held}")
    said = {"heading": "How Taken Here", "item": "travel-mode"}
    assert jane.post("/work/headings/say", **page, **said, why="") == 403
    for told in (
        '<a href="#heading-why">Enter why.</a>', 'id="heading-heading"', '<option value="Before It">',
        '<option value="How Taken Here" selected>', '<option value="travel-mode" selected>',
    ):  # fmt: skip
        assert told in jane.page, (told, jane.page)


def test_what_may_not_be_given_back_is_proposed_and_allowed_on_the_page_of_the_file(served: Served) -> None:
    gone, jane = served.room.deliver(b"taken back", TEAM), served.jane
    jane.get("/me")
    assert jane.act(f"/recall/{gone}", why="It is another's.") == 200
    for name in ("gwen", "noor"):
        served.room.staff(name, TEAM)
        served.console.grant(name, "triage")
    gwen, noor = served.enters("gwen"), served.enters("noor")
    page = {"reference": gone, "back": f"/held/{gone}", "team": OTHER, "why": "They rang."}
    gwen.get(f"/held/{gone}")
    assert "<details><summary>Give it to other teams" in gwen.page
    assert gwen.post("/work/transfers/redeliver", **page) == 403
    assert "It can be proposed to a second person instead" in gwen.text
    for told in (
        "<details open><summary>Give it to other teams", 'id="recalled-override" name="override"',
        f'id="recalled-team-{OTHER}" name="team" value="{OTHER}" checked', ">They rang.</",
    ):  # fmt: skip
        assert told in gwen.page, (told, gwen.page)
    assert gwen.act("/work/transfers/redeliver", **page, override="yes") == 200, gwen.text
    gwen.get(f"/held/{gone}")
    assert "gwen proposes to give it to Early Years, against the agreement: “They rang.”" in gwen.text
    assert "/work/transfers/confirm" not in gwen.page, "somebody else allows it"
    noor.get(f"/held/{gone}")
    assert "Allow what is proposed" in noor.text
    assert "Withdraw it for good" not in noor.text
    confirmed = {"reference": gone, "back": f"/held/{gone}", "why": "I asked, too."}
    assert noor.post("/work/transfers/confirm", **confirmed) == 403  # As from a page of before the proposal.
    noor.get(f"/held/{gone}")
    assert 'formaction="/work/transfers/confirm" name="delivery" value="yes"' in noor.page
    assert noor.act("/work/transfers/confirm", **confirmed, delivery="yes") == 200, noor.text
    assert served.kinds(gone)[-1] == "redelivered"


def test_whoever_says_no_while_confirming_goes_back(served: Served) -> None:
    held = served.room.hold(b"cancelled")
    served.jane.get(f"/held/{held}")
    said = {"reference": held, "advice": "Send the census again.", "back": f"/held/{held}"}
    assert served.jane.post("/work/held/return", **said) == 200
    assert "Send the census again." in served.jane.text
    assert f'<a href="/held/{held}">Cancel</a>' in served.jane.page
