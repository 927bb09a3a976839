"""What `transfers show` says of one transfer."""

from __future__ import annotations

import json
import re

from sqlmodel import select

from gateway.registry.tables import DeliveryRow, TransferRow
from tests.clock import THIS_YEAR
from tests.content import school_history
from tests.whole import collect, jane
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


def test_what_became_of_a_file_comes_first_team_by_team(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    accepted, held = desk.send(oak, school_history(1)), desk.send(oak, b"a poem\n")
    desk.process()
    collect(desk, jane(desk), "central-data-team", accepted)
    teams = desk.transfer(accepted).teams
    said = desk.gateway("transfers", "show", accepted).splitlines()
    assert re.fullmatch(
        r"The oak sent \S+ on \d+ \w+ \d{4} at [\d:]+ (GMT|BST)\. It is accepted .*, as .*\.", said[0]
    )
    told = dict(line.split(": ") for line in said[1 : 1 + len(teams)])
    assert told.pop("Central Data Team").startswith("first collected by jane on ")
    assert [*told.values()] == ["not collected yet."] * (len(teams) - 1)
    waiting = desk.gateway("transfers", "show", held).splitlines()
    assert waiting[0].endswith("It is held: waits for a person or a date.")


def test_who_signed_a_file_is_shown_unless_nobody_did(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sealed, bare = desk.send(oak, school_history(1)), desk.land(oak, b"a poem\n")
    desk.process()
    shown, other = (json.loads(desk.gateway("transfers", "show", one, "--json")) for one in (sealed, bare))
    signed = desk.transfer(sealed).signature
    assert signed is not None
    told = (signed.certificate, signed.signing_key, f"{signed.created_at:%Y-%m-%dT%H:%M:%SZ}")
    assert tuple(shown[name] for name in ("signer", "signing_key", "signed_at")) == told
    assert [other[name] for name in ("signer", "signing_key", "signed_at", "pupils")] == [None] * 4


def test_the_order_is_told_by_the_numbers_of_the_logs_entries(desk: Desk) -> None:
    sent = desk.send(desk.provider("oak"), b"a poem\n")
    desk.process()
    numbers = [event.number for event in desk.events(sent)]
    shown = desk.gateway("transfers", "show", sent)
    assert re.findall(r"^ *(\d+) +\d{4}-", shown, re.MULTILINE) == [str(one) for one in numbers]
    assert "Of two entries the lower came first, whatever the clocks said." in " ".join(shown.split())


def test_files_of_former_years_are_found_by_what_only_their_policies_knew(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.send(oak, school_history())
    desk.process()
    with desk.registry.write() as session:
        (one,) = session.exec(select(TransferRow)).all()
        one.data_type = "ks2-old"
        session.exec(select(DeliveryRow)).first().team = "old-team"  # type: ignore[union-attr]
        reference = one.reference
    for option in (("--data-type", "ks2-old"), ("--team", "old-team")):
        listed = json.loads(desk.gateway("transfers", "list", *option, "--json"))
        assert [row["reference"] for row in listed] == [reference]
    assert "there is no team older" in desk.gateway("transfers", "list", "--team", "older", code=1)


def test_listings_of_files_have_the_names_that_their_json_has(desk: Desk) -> None:
    desk.send(desk.provider("oak"), b"a poem\n")
    desk.process()
    for noun in ("transfers", "held"):
        shown = desk.gateway(noun, "list").splitlines()[0]
        headings = {heading.replace(" ", "_") for heading in re.split(r" {2,}", shown)}
        assert headings <= set(json.loads(desk.gateway(noun, "list", "--json"))[0])
        assert {"reference", "data_type", "landed_at"} <= headings
