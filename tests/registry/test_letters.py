"""What letters are about and what became of them, asked of a registry."""

from __future__ import annotations

from datetime import timedelta

from gateway.registry import letters
from gateway.registry.database import Registry
from gateway.registry.letters import Letter
from tests.costs import statements
from tests.registry.test_deliveries import ACCEPTED, NOW, put, registry

__all__ = ["registry"]
MINUTE = timedelta(minutes=1)


def test_the_files_of_a_day_are_those_from_its_beginning_to_before_its_end(registry: Registry) -> None:
    put(registry, 1, ACCEPTED)  # A minute after it landed.
    with registry.read() as session:
        assert letters.delivered_by_team(session, NOW + MINUTE, NOW + 2 * MINUTE) == {"sen": 1, "welfare": 1}
        assert letters.delivered_by_team(session, NOW, NOW + MINUTE) == {}


def test_a_letter_that_a_relay_took_is_on_record_as_sent(registry: Registry) -> None:
    owed = [Letter(event=f"{n}", recipient="a@oak.invalid", kind="", subject="", text="") for n in range(2)]
    with registry.write() as session:
        letters.owe(session, owed, "test.invalid/log", NOW)
        for refused in ("no such address", None):
            letters.note(session, 1, at=NOW, refused=refused)
        for refused in (None, "no such address"):
            letters.note(session, 2, at=NOW, refused=refused)
        told = [(one.sent_at, one.refused) for one in letters.listed(session)]
    assert told == [(NOW, None), (NOW, None)]


def test_a_list_of_letters_reads_no_texts(registry: Registry) -> None:
    with registry.write() as session:
        letters.owe(session, [Letter(event="e", recipient="a", kind="", subject="", text="t")], "x/log", NOW)
    with registry.read() as session, statements() as seen:
        told = [row.model_dump(exclude={"text"}) for row in letters.listed(session)]
        assert [one["event"] for one in told] == ["e"]
    assert not any("letter.text" in one for one in seen)


def test_letters_of_each_time_that_a_file_was_taken_back_have_an_event_of_their_own() -> None:
    found = letters.events_about_file("held", "provider", "oak-1", 2)
    assert found == ["held:provider:oak-1", "held:provider:1:oak-1", "held:provider:2:oak-1"]
