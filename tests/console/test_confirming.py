"""Before anything is confirmed, the page says what it is about and what was given."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from jinja2 import Template

from gateway.acts.fields import every_act
from gateway.console.pages import in_words
from gateway.console.site import templates
from gateway.mailboxes.console_api.carrying_out import act_shown
from gateway.record.dual_control import TwoPersonAct, agreed, reject
from gateway.zones.console_api import Given
from tests.classify.made import as_csv, core_rows
from tests.console.served import OTHER, TEAM, Served
from tests.console.visitor import Visitor
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
    jane.get(f"/held/{gone}")
    assert "You took it back: somebody else decides" in jane.text
    assert 'action="/work/transfers/redeliver"' not in jane.page, "she would be refused"
    said = {"reference": gone, "why": "I did."}
    assert jane.post("/work/transfers/redeliver", **said) == 403
    assert f"jane withdrew {gone}: somebody else must decide, by name" in jane.text
    assert "share an account" not in jane.text
    gwen, noor = served.has_role("gwen", "triage"), served.has_role("noor", "triage")
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
    assert gwen.post("/work/transfers/redeliver", **page, override="yes") == 200, gwen.text
    assert "Student core data, it goes to Early Years. The agreement speaks against it" in gwen.text
    assert gwen.act("/work/transfers/redeliver", **page, override="yes") == 200, gwen.text
    gwen.get(f"/held/{gone}")
    assert "gwen proposes to give it to Early Years, against the agreement: “They rang.”" in gwen.text
    assert "/work/transfers/confirm" not in gwen.page, "somebody else allows it"
    assert "/work/transfers/redeliver" not in gwen.page, "one proposal at a time"
    for who, page in ((jane, f"/held/{gone}"), (noor, f"/held/{gone}"), (gwen, "")):
        who.get("/")
        asked = f'<a href="{page}">Say yes or no to giving {gone} to teams, as proposed by gwen</a>'
        assert (asked in who.page) is bool(page)
    jane.get(f"/held/{gone}")
    assert "Allow what is proposed" in jane.text
    noor.get(f"/held/{gone}")
    assert "Allow what is proposed" in noor.text
    assert "Withdraw it for good" not in noor.text
    confirmed = {"reference": gone, "back": f"/held/{gone}", "why": "I asked, too."}
    assert noor.post("/work/transfers/confirm", **confirmed) == 403  # As from a page of before the proposal.
    noor.get(f"/held/{gone}")
    assert 'formaction="/work/transfers/confirm" name="delivery" value="yes"' in noor.page
    assert noor.act("/work/transfers/confirm", **confirmed, delivery="yes") == 200, noor.text
    assert served.kinds(gone)[-1] == "redelivered"


def test_what_is_done_with_a_file_is_offered_as_it_stands_and_a_proposal_finds_its_second_person(
    served: Served,
) -> None:
    there, mary = served.room.deliver(b"for another team, too", TEAM), served.mary
    gwen = served.has_role("gita", "triage")
    show, says = f"/work/transfers/show?reference={there}", "Say yes or no to giving"

    def offered(who: Visitor, page: str = show) -> set[str]:
        who.get(page)
        done = who.page.partition("What can be done")[2].partition("</ul>")[0]
        return set(re.findall(r'action="/work/transfers/([a-z]+)"', done))

    assert offered(gwen) == {"withdraw", "redeliver"}
    given = {"reference": there, "team": OTHER, "why": "They asked."}
    assert gwen.act("/work/transfers/redeliver", **given, override="yes") == 200, gwen.text
    assert offered(mary) == {"withdraw", "redeliver", "confirm", "decline"}
    mary.get("/")
    assert f'<a href="{show}">{says} {there} to teams, as proposed by gita</a>' in mary.page
    assert mary.act("/work/transfers/decline", reference=there, why="No.") == 200, mary.text
    mary.get("/")
    assert f"{says} {there}" not in mary.text
    assert offered(mary) == {"withdraw", "redeliver"}
    assert offered(mary, f"/work/transfers/show?reference={served.room.hold(b'not passed on')}") == set()


def test_whoever_does_not_decide_on_a_held_file_is_told_who_does(served: Served) -> None:
    plain, few = served.room.hold(b"whose"), served.room.hold_as_sensitive(b"whose, of few")
    for held, people in ((plain, ("jane", "mary")), (few, ("mary",))):
        served.dora.get(f"/held/{held}")
        names = served.dora.text.partition("Who may decide on it: ")[2].partition(".")[0].split(", ")
        assert {*people} <= {*names}
        assert ("jane" in names) is ("jane" in people)


@pytest.fixture
def olga(served: Served) -> Visitor:
    """A second administrator, for as long as a test asks for one."""
    olga = served.has_role("olga", "triage")
    served.console.grant("olga", "administrator")
    return olga


@pytest.mark.parametrize(
    ("path", "given", "said"),
    [
        ("roles/grant", {"name": "sam", "role": "administrator"}, "Give sam the role administrator"),
        ("staff/invite", {"name": "dora"}, "Invite dora"),
        ("programs/add", {"name": "case-files", "act": "mailbox list"}, "Give the program case-files a"),
        ("hooks/add", {"name": "case-work", "address": "https://cases.example.gov.uk/x"}, "Add the web hook"),
    ],
)
def test_what_somebody_else_proposed_is_on_the_first_page_of_a_second_person(
    served: Served, olga: Visitor, path: str, given: dict[str, str], said: str
) -> None:
    mary = served.mary
    more = {"why": "a reason"} if path != "staff/invite" else {}
    more |= {"event": "file.accepted"} if path == "hooks/add" else {}
    mary.get(f"/work/{path}")
    assert mary.act(f"/work/{path}", **given, **more) == 200, mary.text
    for who in (mary, olga):
        who.get("/")
        task = who.page.partition(f'action="/work/{path}"')[2].partition("</form>")[0]
        assert (f"{said}" in task and "as proposed by mary" in task) is (who is olga)
    kept = {name: value for name, value in given.items() if name in {"name", "role", "team"}}
    assert all(f'name="{name}" value="{value}"' in task for name, value in kept.items()), task
    assert olga.post(f"/work/{path}", ask="form", back="/", **kept) == 200
    assert olga.act(f"/work/{path}", **given, **more) == 200, olga.text
    assert "waits for a second person" not in olga.text
    olga.get("/")
    assert (
        "as proposed by mary" not in olga.page.partition(f'action="/work/{path}"')[2].partition("</form>")[0]
    )


def test_a_change_of_the_gateways_own_keys_waits_on_the_first_page_of_a_second_person(
    served: Served, olga: Visitor
) -> None:
    act, said = (
        TwoPersonAct("rotate-compromised", "gateway-keys"),
        "agree to a new key of the gateway for one",
    )
    with served.room.registry.write() as session:
        assert not agreed(session, act, by="mary", why=None, at=datetime.now(UTC))
    for who in (served.mary, olga, served.jane):
        who.get("/")
        assert (said in who.page) is (who is olga), who.text
    assert " 0 days: " not in olga.text
    olga.get("/language/cy")
    olga.get("/")
    assert "allwedd newydd i&#39;r porth yn lle un" in olga.page, olga.text
    olga.get("/language/en")
    with served.room.registry.write() as session:
        reject(session, act, by="olga", at=datetime.now(UTC))
    olga.get("/")
    assert said not in olga.page


def test_a_heading_that_somebody_explained_waits_on_the_first_page_of_a_second_person(served: Served) -> None:
    head, *rows = core_rows(12)
    content = as_csv([[*head, "Come: How"], *([*row, "WLK"] for row in rows)])
    held = served.room.hold_as_read(content.encode())
    jane, gwen = served.jane, served.has_role("gwen", "triage")
    say = {"reference": held, "heading": "Come: How", "item": "travel-mode", "why": "They said so."}
    task = f'<a href="/held/{held}">Say what a heading of {held} means, as proposed by jane</a>'
    jane.get(f"/held/{held}")
    assert jane.act("/work/headings/say", **say) == 200, jane.text
    for who in (jane, gwen, served.sam):
        who.get("/")
        assert (task in who.page) is (who is gwen), who.text
    gwen.get(f"/held/{held}")
    assert gwen.act("/work/headings/say", **say) == 200, gwen.text
    gwen.get("/")
    assert task not in gwen.page
    assert gwen.act("/work/held/return", reference=held, advice="Send it again.") == 200, gwen.text


@pytest.mark.parametrize(
    ("act", "path", "kept"),
    [
        (f"put-in-teams sam {TEAM},{OTHER}", "staff/set", {"name": "sam", "team": OTHER}),
        (f"put-in-teams ria {TEAM}", "staff/add", {"name": "ria", "team": TEAM}),
        ("restore-key sam SHA256:k", "keys/restore", {"id": "sam", "fingerprint": "SHA256:k"}),
        ("grant-auditor sam sams", "roles/grant", {"name": "sam", "role": "auditor", "account": "sams"}),
        ("take-auditor sam", "roles/take", {"name": "sam", "role": "auditor"}),
    ],
)  # fmt: skip
def test_the_form_of_a_task_has_what_the_first_person_gave(
    served: Served, olga: Visitor, act: str, path: str, kept: dict[str, str]
) -> None:
    what, _, about = act.partition(" ")
    with served.room.registry.write() as session:
        agreed(session, TwoPersonAct(what, "staff", about), by="mary", why="so", at=datetime.now(UTC))
    olga.get("/")
    task = olga.page.partition(f'action="/work/{path}"')[2].partition("</form>")[0]
    assert all(f'name="{name}" value="{value}"' in task for name, value in kept.items()), task


def test_whoever_says_no_while_confirming_goes_back(served: Served) -> None:
    held = served.room.hold(b"cancelled")
    served.jane.get(f"/held/{held}")
    said = {"reference": held, "advice": "Send the census again.", "back": f"/held/{held}"}
    assert served.jane.post("/work/held/return", **said) == 200
    assert "Send the census again." in served.jane.text
    assert f'<a href="/held/{held}">Cancel</a>' in served.jane.page
