"""The records of breaches: tried out, amended, listed, shown; by local time, of what has happened."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway.acts.breaches import RecordBreach
from gateway.registry import log
from gateway.registry.log import Entry
from tests.workshop import Desk

AWARE = "2026-07-01T10:00"  # Summer time: 09:00 UTC.


def record(desk: Desk, *options: str, code: int = 0) -> str:
    return " ".join(desk.gateway("breach", "record", *options, code=code).split())


def test_a_trial_is_not_on_record(copy: Desk) -> None:
    text = record(copy, "--aware-at", AWARE, "--person", "jane", "--dry-run")
    assert "Personal data breach 1" in text
    assert copy.events("breach") == []
    assert "no breach is on record" in copy.gateway("breach", "list")


def test_times_are_local_unless_they_name_a_zone(copy: Desk) -> None:
    text = record(copy, "--aware-at", AWARE, "--person", "jane", "--notified-at", "2026-07-02T10:00+00:00")
    assert "Became aware 1 July 2026 at 10:00:00 BST" in text
    assert "ICO notified 2 July 2026 at 11:00:00 BST" in text
    (listed,) = json.loads(copy.gateway("breach", "list", "--json"))
    assert (listed["aware_at"], listed["notify_by"]) == ("2026-07-01T09:00:00Z", "2026-07-04T09:00:00Z")


def test_the_hours_that_are_left_are_those_that_are_whole(copy: Desk) -> None:
    record(
        copy, "--aware-at", f"{datetime.now(UTC) - timedelta(minutes=80):%Y-%m-%dT%H:%MZ}", "--person", "jane"
    )
    (listed,) = json.loads(copy.gateway("breach", "list", "--json"))
    assert listed["hours_left"] == 70


def test_nothing_is_still_to_come(copy: Desk) -> None:
    later = f"{datetime.now(UTC) + timedelta(days=3):%Y-%m-%dT%H:%M}"
    given = {"--aware-at": AWARE, "--person": "jane"}
    for wrong, words in (
        ({"--aware-at": later}, "when you became aware is still to come"),
        ({"--notified-at": later}, "when you notified is still to come"),
        ({"--from": later}, "when it began is still to come"),
        ({"--to": later}, "when it ended is still to come"),
        ({"--from": "2026-07-03"}, "you became aware before it began"),
        ({"--from": "2026-06-02", "--to": "2026-06-01"}, "it ended before it began"),
        ({"--notified-at": "2026-06-01"}, "you notified before you became aware"),
    ):
        options = [word for pair in {**given, **wrong}.items() for word in pair]
        assert words in record(copy, *options, code=1)
    assert "--aware-at" in record(copy, "--person", "jane", code=1)
    assert copy.events("breach") == []


@pytest.mark.parametrize(("name", "most"), [("what", 4_000), ("contact", 400), ("governance", 400)])
def test_what_is_said_in_a_record_has_a_most_length(name: str, most: int) -> None:
    assert getattr(RecordBreach.model_validate({name: "x" * most}), name) == "x" * most
    with pytest.raises(ValidationError, match=f"at most {most} characters"):
        RecordBreach.model_validate({name: "x" * (most + 1)})


def test_a_record_is_amended_and_its_versions_stay(copy: Desk) -> None:
    record(copy, "--aware-at", AWARE, "--person", "jane", "--what", "A laptop.", "--measure", "Locked.")
    record(copy, "--amend", "1", "--what", "A laptop and a bag.", "--measure", "Police told.")
    shown = " ".join(copy.gateway("breach", "show", "1").split())
    for words in ("A laptop and a bag.", "* Locked.", "* Police told.", "Account concerned: jane"):
        assert words in shown
    (listed,) = json.loads(copy.gateway("breach", "list", "--json"))
    assert (listed["number"], listed["versions"]) == (1, 2)
    assert len(copy.events("breach")) == 2
    assert "there is no breach 7" in record(copy, "--amend", "7", code=1)
    assert "everything fits" in copy.gateway("log", "verify")


def test_the_summary_leaves_each_single_thing_to_the_annex(copy: Desk, tmp_path: Path) -> None:
    brief = copy.gateway("breach", "record", "--aware-at", AWARE, "--person", "jane")
    whole_of_it = copy.gateway("breach", "show", "1", "--annex")
    assert whole_of_it.startswith(brief.rstrip())
    assert "TRANSFERS CONCERNED" not in brief
    assert "TRANSFERS CONCERNED" in whole_of_it
    page = tmp_path / "breach.html"
    copy.gateway("breach", "show", "1", "--html", str(page))
    assert "Transfers concerned" in page.read_text()


def test_what_somebody_opened_under_an_account_of_several_people_is_theirs(copy: Desk) -> None:
    reference, *_ = (one["reference"] for one in json.loads(copy.gateway("transfers", "list", "--json")))
    copy.gateway("staff", "add", "lee", "--team", "sen")
    asked = ("--aware-at", AWARE, "--person", "lee", "--dry-run", "--annex")
    for actor, named in (("leeds (as shared)", False), ("lee (as shared)", True)):
        opened = Entry(kind="opened", subject=reference, fields={"provider": "oak"}, actor=actor)
        with copy.registry.write() as session:
            log.append(session, [opened], datetime(2026, 7, 1, 8, 0, tzinfo=UTC))
        assert (reference in record(copy, *asked)) == named, actor


def test_a_file_is_named_in_any_spelling(copy: Desk) -> None:
    reference, *_ = (one["reference"] for one in json.loads(copy.gateway("transfers", "list", "--json")))
    assert reference in record(copy, "--aware-at", AWARE, "--transfer", reference.lower(), "--annex")


def test_what_an_earlier_release_recorded_is_shown_still(copy: Desk) -> None:
    entry = Entry(
        kind="breach-recorded", subject="breach", fields={"number": 1}, actor="ann", note="A laptop.\n"
    )
    with copy.registry.write() as session:
        log.append(session, [entry], copy.now)
    assert "A laptop." in copy.gateway("breach", "show", "1")
    assert "an earlier release made breach 1" in record(copy, "--amend", "1", "--what", "x", code=1)
    assert record(copy, "--aware-at", AWARE, "--person", "jane").startswith("Personal data breach 2")
