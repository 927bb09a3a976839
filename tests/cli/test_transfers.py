"""What `transfers show` says of one transfer."""

from __future__ import annotations

import json
import re

from tests.clock import THIS_YEAR
from tests.content import school_history
from tests.workshop import Desk


def test_each_delivery_is_shown_with_its_team(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sent = desk.send(oak, school_history(1))
    desk.process()
    teams = desk.transfer(sent).teams
    assert len(teams) > 1
    events = desk.gateway("transfers", "show", sent).rpartition("at ")[2].splitlines()
    delivered = [line for line in events if "delivered" in line]
    assert [[team for team in teams if team in line] for line in delivered] == [[team] for team in teams]


def test_the_order_is_told_by_the_numbers_of_the_logs_entries(desk: Desk) -> None:
    sent = desk.send(desk.provider("oak"), b"a poem\n")
    desk.process()
    numbers = [event.number for event in desk.events(sent)]
    shown = desk.gateway("transfers", "show", sent)
    assert re.findall(r"^ *(\d+) +\d{4}-", shown, re.MULTILINE) == [str(one) for one in numbers]
    assert "Of two entries the lower came first, whatever the clocks said." in " ".join(shown.split())


def test_listings_of_files_have_the_names_that_their_json_has(desk: Desk) -> None:
    desk.send(desk.provider("oak"), b"a poem\n")
    desk.process()
    for noun in ("transfers", "held"):
        shown = desk.gateway(noun, "list").splitlines()[0]
        headings = {heading.replace(" ", "_") for heading in re.split(r" {2,}", shown)}
        assert headings <= set(json.loads(desk.gateway(noun, "list", "--json"))[0])
        assert {"reference", "data_type", "landed_at"} <= headings
