"""What somebody types wrongly into a derived form is told in place, before the passkey, and stays there."""

from __future__ import annotations

import html
import re

import pytest

from gateway.acts.fields import every_act
from tests.console.served import TEAM, Served
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
        if name != "file":
            assert html.escape(value) in mary.page.replace("&#39;", "&#x27;"), (name, mary.text)
    assert not LINES.search(_words(mary.page)), mary.text
    assert served.room.log_size() == size


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


@pytest.mark.parametrize("place", ["-1", "1" * 19, "9" * 30, "9" * 5000, "one"])
def test_a_place_that_no_row_has_is_the_first_page_and_no_fault_of_the_gateway(
    served: Served, place: str
) -> None:
    for path in (f"/schools/{PROVIDER}", "/evidence", f"/mailboxes/{TEAM}"):
        assert served.jane.get(f"{path}?before={place}") == 200, path
    assert served.jane.post("/work/transfers/list", after=place) == 200
