"""What a person said, and what a file was first held for, is still told when it has long been decided."""

from __future__ import annotations

import json

from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.workshop import Desk


def test_why_a_file_was_first_held_and_why_it_was_released_stays(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.gateway("providers", "suspend", "oak", "--why", "an incident")
    sent = desk.send(oak, core_data())
    desk.process()
    assert desk.state(sent) == "held"
    desk.gateway("providers", "resume", "oak", "--why", "it is over")
    desk.gateway("held", "release", sent.lower(), "--why", "checked by telephone")
    for command in (("policy", "explain"), ("transfers", "show"), ("report", "transfer")):
        said = desk.gateway(*command, sent)
        assert "checked by telephone" in said
        assert "policy:suspended" in said
    history = json.loads(desk.gateway("policy", "explain", sent, "--json"))["history"]
    assert history[-1]["why"] == "checked by telephone"
    shown = desk.gateway("providers", "show", "oak")
    assert "an incident" in shown
    assert "it is over" in shown


def test_what_was_said_of_flows_and_keys_is_listed(desk: Desk) -> None:
    desk.provider("oak")
    desk.gateway("flows", "expect", "oak", "ks1", "no", "--why", "a junior school")
    desk.gateway("flows", "nil", "oak", "exclusions", "--why", "there were none")
    said = desk.gateway("flows", "exceptions")
    assert "a junior school" in said
    assert "there were none" in said
    assert [one["what"] for one in json.loads(desk.gateway("flows", "exceptions", "--json"))] == [
        "nil",
        "not-expected",
    ]
    (key, *_) = json.loads(desk.gateway("keys", "list", "oak", "--json"))
    desk.gateway("keys", "revoke", "oak", key["fingerprint"], "--why", "laptop stolen")
    assert "revoked: laptop stolen" in desk.gateway("keys", "list", "oak")
