"""A task is found by a word of it, without a script; the most used stand first."""

from __future__ import annotations

import re

from tests.console.served import TEAM, Served


def test_no_page_has_two_elements_of_one_id(served: Served) -> None:
    """A label would name the wrong field."""
    mailbox = f"/mailboxes/{TEAM}?removed=yes"
    for path in ("/", "/work", "/me", "/work/held/list", "/work/transfers/list", mailbox):
        assert served.jane.get(path) == 200
        ids = re.findall(r'\sid="([^"]+)"', served.jane.page)
        assert len(ids) == len(set(ids)), path
    assert "<title>Central Data Team: Dealt with" in served.jane.page


def test_tasks_are_found_by_their_words(served: Served) -> None:
    assert served.mary.get("/work?find=LETTER+back") == 200
    found = re.findall(r'<a href="/work/([^"]+)"', served.mary.page.partition("<main")[2])
    assert found == ["letters/bounced"]
    assert "1 of your tasks has “LETTER back” in its words" in served.mary.text
    assert served.mary.get("/work?find=%3Cb%3Enothing") == 200
    assert "0 of your tasks have “<b>nothing” in their words" in served.mary.text
    assert "<b>nothing" not in served.mary.page


def test_the_most_used_stand_first_and_what_is_done_beside_what_is_looked_up(served: Served) -> None:
    assert served.mary.get("/work") == 200
    text = served.mary.text.partition("Find a task")[2]
    places = [
        text.index(words) for words in ("Most used", "Enrol a provider", "Do (Schools)", "Look up (Schools)")
    ]
    assert places == sorted(places)


def test_a_form_says_what_may_be_left_out_and_asks_for_the_rest_first(served: Served) -> None:
    assert served.mary.get("/work/staff/add") == 200
    labels = re.findall(
        r"<label for=\"[a-z_-]+\">([^<]+)</label>",
        served.mary.page.partition('id="asked"')[2].partition("</form>")[0],
    )
    optional = [label.endswith("(optional)") for label in labels if not label.startswith("Or paste")]
    assert optional == sorted(optional)
    assert len(set(optional)) == 2
