"""What somebody types wrongly into a derived form is told in place, before the passkey, and stays there."""

from __future__ import annotations

import html
import re

import pytest
from typer.testing import CliRunner

from gateway.acts.fields import every_act, fields_of, headings_of
from gateway.acts.listing import ListingAct
from gateway.cli.app import app
from tests.console.served import TEAM, Served
from tests.console.visitor import Visitor
from tests.mailboxes.mailroom import PROVIDER

WRONG = [
    ("providers/add", {"id": "Two words", "name": "Two Words", "kind": "school"}, "id"),
    ("providers/add", {"id": "larch", "name": "Larch", "kind": "castle"}, "kind"),
    ("providers/set", {"id": "nobody", "dfe_number": "9994001"}, "id"),
    ("providers/set", {"id": PROVIDER, "urn": "12"}, "urn"),
    ("providers/close", {"provider": PROVIDER, "why": "it closed", "on": "2026-02-30"}, "on"),
    ("agreement/ratify", {"provider": PROVIDER, "signatory": "The Head", "on": "2999-01-01"}, "on"),
    ("agreement/notice", {"provider": PROVIDER, "notice": "no-such-notice"}, "notice"),
    ("keys/add", {"id": PROVIDER, "file": "ssh-ed25519 AAAA"}, "file"),
    ("staff/add", {"name": "new person!", "team": "early-years"}, "name"),
    ("staff/add", {"name": "new", "team": "no-such-team"}, "team"),
    ("roles/grant", {"name": "nobody-here", "role": "triage", "why": "helps"}, "name"),
    (
        "flows/expect",
        {"identifier": PROVIDER, "data_type": "no-such-kind", "expected": "no", "why": "x"},
        "data_type",
    ),
    ("flows/nil", {"identifier": PROVIDER, "data_type": "attendance", "on": "soon", "why": "x"}, "on"),
    ("letters/chase", {"provider": "nobody"}, "provider"),
    ("letters/bounced", {"number": "1" * 25, "why": "x"}, "number"),
    ("discrepancies/resolve", {"number": "1" * 25, "why": "x"}, "number"),
    ("discrepancies/resolve", {"number": str(2**31), "why": "x"}, "number"),
]


NOUNS = "|".join(sorted({command.partition(" ")[0] for command in every_act()}))
LINES = re.compile(rf"--[a-z]+|\bgateway (?:{NOUNS})\b")


def _words(page: str) -> str:
    return html.unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2]))


@pytest.mark.parametrize(
    ("path", "typed", "field"), WRONG, ids=[f"{path} {field}" for path, _, field in WRONG]
)
def test_a_wrong_input_is_told_in_the_form_before_the_passkey(
    served: Served, path: str, typed: dict[str, str], field: str
) -> None:
    mary, size = served.mary, served.room.log_size()
    assert mary.get(f"/work/{path}") == 200
    names = set(re.findall(r'name="([a-z_]+)"', mary.page))
    assert names >= set(typed), (names, typed)
    assert mary.post(f"/work/{path}", **typed) in {400, 403, 404}, mary.text
    assert "There is a problem" in mary.text
    assert "Confirm with your passkey" not in mary.text
    assert f'id="{field}-error"' in mary.page, mary.text[:600]
    for name, value in typed.items():
        if name not in {"file", "kind"}:  # A page keeps no file, and radio buttons offer what they have.
            assert html.escape(value) in mary.page.replace("&#39;", "&#x27;"), (name, mary.text)
    assert not LINES.search(_words(mary.page)), mary.text
    assert served.room.log_size() == size


@pytest.mark.long
def test_no_form_of_a_task_speaks_of_options_or_command_lines(served: Served) -> None:
    seen = 0
    for command, act in every_act().items():
        noun, _, verb = command.rpartition(" ")
        path = f"/work/{noun.replace(' ', '.')}/{verb}"
        if not act.in_console or act.streams or act.reads:
            continue
        for visitor in (served.mary, served.dora):
            if visitor.get(path) == 200:
                seen += 1
                assert not LINES.search(_words(visitor.page)), (path, LINES.findall(_words(visitor.page)))
    assert seen > 50


LIBRARYS = re.compile(
    r"Field required|Input should|valid (?:string|integer|date)|unable to parse|String should"
)
SAYS = re.compile(r"Error: ?(?:Enter|Choose) ")
TYPED = frozenset({"number", "day", "moment"})
OF_POLICIES = frozenset({"sort", "data", "method", "kind"})
"""Fields whose values a form offers: it keeps no other."""
OFFERED = [name for name, act in every_act().items() if act.in_console and not act.streams]


def _form_of(served: Served, command: str) -> tuple[Visitor, str]:
    """Somebody who may do an act, at its form; and where the form is."""
    noun, _, verb = command.rpartition(" ")
    path = f"/work/{noun.replace(' ', '.')}/{verb}"
    everybody = (served.mary, served.dora, served.jane)
    return next(one for one in everybody if one.get(path) == 200 or f'action="{path}"' in one.page), path


def _said_at(visitor: Visitor, field: str) -> str:
    found = re.search(rf'id="{field}-error">(.*?)</p>', visitor.page, re.DOTALL)
    assert found, (field, visitor.text)
    return html.unescape(re.sub(r"<[^>]+>", "", found[1]))


@pytest.mark.parametrize("command", OFFERED)
def test_a_form_says_in_a_sentence_what_is_missing_or_wrong_and_links_to_it(
    served: Served, command: str
) -> None:
    visitor, path = _form_of(served, command)
    fields = fields_of(every_act()[command])
    required = {one.name for one in fields if one.required}
    if required:
        assert visitor.post(path) == 403
        for name in required:
            assert SAYS.match(_said_at(visitor, name)), _said_at(visitor, name)
            assert f'<a href="#{name}">' in visitor.page
            assert f'id="{name}"' in visitor.page
        assert not LIBRARYS.search(visitor.text)
    typed = {one.name for one in fields if one.kind in TYPED}
    kept = {
        one.name for one in fields if one.kind == "text" and not one.names and not one.several
    } - OF_POLICIES
    if typed:
        given = dict.fromkeys(typed, "no such thing") | dict.fromkeys(kept, "as it was typed")
        assert visitor.post(path, **given) == 403
        for name in typed:
            assert _said_at(visitor, name)
        assert visitor.page.count("no such thing") >= len(typed)
        assert visitor.page.count("as it was typed") >= len(kept)
        assert not LIBRARYS.search(visitor.text)


def test_every_mistake_of_a_form_is_told_at_once_in_the_order_of_its_fields(served: Served) -> None:
    mary = served.mary
    mary.get("/work/providers/add")
    assert mary.post("/work/providers/add", kind="school") == 403
    summary = mary.page.partition('class="error-summary"')[2].partition("</div>")[0]
    assert re.findall(r'href="#(\w+)">([^<]+)', summary) == [
        ("name", "Enter the name of the provider."),
        ("id", "Enter the short name of it."),
    ]
    assert 'id="kind" name="kind" value="school" checked' in mary.page


def test_a_form_in_welsh_says_in_welsh_what_is_missing(served: Served) -> None:
    mary = served.mary
    mary.get("/language/cy")
    mary.get("/work/providers/add")
    mary.post("/work/providers/add", kind="school")
    assert "Rhowch enw'r darparwr." in mary.text
    mary.client.cookies.delete("language")


def test_what_one_choice_alone_asks_for_stands_under_it(served: Served) -> None:
    mary = served.mary
    assert mary.get("/work/declarations/add") == 200
    parts = re.split(r'name="method" value="([a-z0-9-]+)"', mary.page.partition("</fieldset>\n</section>")[0])
    under = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert "return-address" in under["post"]
    assert "secure-email" in under["email"]
    assert "return-address" not in under["email"]
    given = {"provider": PROVIDER, "data": "student-core", "method": "post", "safeguard": "return-address"}
    assert mary.post("/work/declarations/add", **given, dry_run="yes") == 200
    assert 'name="safeguard" value="return-address" checked' in mary.page


def test_groups_are_the_same_in_form_command_and_api(served: Served) -> None:
    act = every_act()["breach record"]
    headings = [*dict.fromkeys(headings_of(act).values())]
    assert [one.name for one in fields_of(act)] == [name for one in act.field_groups for name in one.fields]
    served.mary.get("/work/breach/record")
    places = [served.mary.page.index(f">{heading}") for heading in headings]
    assert places == sorted(places)
    shown = CliRunner().invoke(app, ["breach", "record", "--help"], env={"COLUMNS": "200"}).output
    places = [shown.index(f"─ {heading} ─") for heading in headings]
    assert places == sorted(places)


@pytest.mark.parametrize("command", OFFERED)
def test_a_form_of_many_fields_has_groups(command: str) -> None:
    act = every_act()[command]
    assert act.field_groups or issubclass(act, ListingAct) or len(act.model_fields) <= 6


@pytest.mark.parametrize("place", ["-1", "2147483648", "1" * 19, "9" * 30, "9" * 5000, "one"])
def test_a_place_that_no_row_has_is_the_first_page_and_no_fault_of_the_gateway(
    served: Served, place: str
) -> None:
    for path in (f"/schools/{PROVIDER}", "/evidence", f"/mailboxes/{TEAM}"):
        assert served.jane.get(f"{path}?before={place}") == 200, path
    for path in ("/work/transfers/list", "/work/letters/list"):
        assert served.jane.post(path, after=place) == 200
        assert "not there any more: this is the first one" in served.jane.text


def test_what_makes_no_sense_in_an_address_is_as_if_it_was_not_there(served: Served) -> None:
    served.keeper().changed()
    for path, shown in (
        *((f"/agreement/policies?days={days}", 'name="days"') for days in ("many", "0", "9" * 5000)),
        *((f"/schools?page={page}&late={page}", "Sons") for page in ("-1", "one")),
        (f"/mailboxes/{TEAM}?new=perhaps&removed=perhaps", "Central Data Team"),
    ):
        visitor = served.jane if path.startswith("/mailboxes") else served.mary
        assert visitor.get(path) == 200, path
        assert shown in visitor.page, (path, visitor.text)
