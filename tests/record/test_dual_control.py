"""Releasing: a named person, a reason, and not alone whoever enrolled the key that a file waits for."""

from __future__ import annotations

import os
import pwd

import pytest
from sqlmodel import select

from gateway.cli.console import who
from gateway.errors import GatewayError
from gateway.record.dual_control import TwoPersonAct, agreed, are_named_two, gave_alone
from gateway.registry import givings
from gateway.registry.tables import AccountRow, KeyRow, RoleRow, StaffRow
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.workshop import Desk

ACCOUNT = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)


def held_for_its_key(desk: Desk, enrolled_by: str | None) -> str:
    """A file signed with a key that was given up before it was decided; `enrolled_by` enrolled that key."""
    oak = desk.provider("oak", years=THIS_YEAR)
    fingerprint = oak.openpgp.extract_certificate().fingerprint
    with desk.registry.write() as session:
        row = session.exec(select(KeyRow).where(KeyRow.fingerprint == fingerprint)).one()
        row.added_by = f"{enrolled_by} (as {ACCOUNT})" if enrolled_by else ACCOUNT
        session.add(row)
    sent = desk.send(oak, core_data())
    desk.gateway("keys", "retire", "oak", fingerprint)
    desk.catch_up()
    desk.pass_time(seconds=2)
    desk.process()
    assert desk.codes(sent) == ["open:key-superseded"]
    return sent


def test_who_enrolled_the_key_cannot_release_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = held_for_its_key(desk, "jane")
    monkeypatch.setenv("GATEWAY_ADMIN", "jane")
    said = desk.gateway("held", "release", sent, "--why", "the school rang", code=1)
    assert f"which jane (as {ACCOUNT}) enrolled: somebody else must release it" in said
    assert desk.state(sent) == "held"
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    desk.gateway("held", "release", sent, "--why", "checked by telephone")
    assert desk.state(sent) == "accepted"
    (event,) = [event for event in desk.events(sent) if event.kind == "released"]
    assert (event.actor, event.note) == (f"sam (as {ACCOUNT})", "checked by telephone")


def test_one_account_without_names_is_one_person(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    sent = held_for_its_key(desk, None)
    assert "somebody else" in desk.gateway("held", "release", sent, "--why", "hurry", code=1)
    monkeypatch.setenv("GATEWAY_ADMIN", "sam")
    assert "somebody else" in desk.gateway("held", "release", sent, "--why", "hurry", code=1)
    monkeypatch.setenv("SUDO_USER", "sam")
    desk.gateway("held", "release", sent, "--why", "checked by telephone")
    assert desk.state(sent) == "accepted"


def test_what_is_held_for_another_reason_needs_one_person_and_a_reason(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sent = desk.send(oak, b"nothing that anybody knows\n")
    desk.process()
    assert "needs a reason" in desk.gateway("held", "release", sent, "--why", " ", code=2)
    assert "--why" in desk.gateway("held", "release", sent, code=2)
    desk.gateway("held", "release", sent, "--as", "phonics", "--why", "it is the phonics check")
    assert desk.state(sent) == "accepted"


@pytest.mark.parametrize(
    ("one", "other", "two"),
    [
        ("jane", "jane", False),
        ("jane", "sam", True),
        ("jane (as root)", "sam (as root)", True),
        ("jane (as root)", "jane (as gateway)", False),
        ("jane (as root)", "root", False),
        ("jane (as root)", "jane", False),
        ("jane (as root)", "sam", True),
        ("root", "sam (as root)", False),
    ],
)
def test_two_names_are_two_people_only_where_that_is_certain(*, one: str, other: str, two: bool) -> None:
    assert are_named_two(one, other) is two
    assert are_named_two(other, one) is two


@pytest.mark.parametrize(
    ("gave", "asks", "alone"),
    [
        ("jane", "jane", True),
        ("jane", "kim", False),  # Whose account is called jane.
        ("root", "kim", False),
        ("desk", "kim", True),
        ("kim (as desk)", "kim", True),
        ("jane (as desk)", "kim", False),
    ],
)
def test_who_is_called_as_the_account_of_another_is_not_that_other(
    desk: Desk, gave: str, asks: str, alone: bool
) -> None:
    with desk.registry.write() as session:
        session.add_all(StaffRow(name=name, added_at=desk.now) for name in ("jane", "kim", "sam"))
        session.flush()
        session.add_all(AccountRow(account=name, staff="kim") for name in ("jane", "desk"))
        session.add(RoleRow(staff="sam", role="triage"))
        givings.note(session, "sam", "role", "triage", by=gave, at=desk.now)
        assert gave_alone(session, "sam", "triage", asks, desk.now) is alone
        assert not gave_alone(session, "sam", "administrator", asks, desk.now)


def test_a_name_is_taken_from_the_system_and_not_from_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "somebody")
    monkeypatch.setenv("USER", "somebody")
    assert who() == ACCOUNT
    monkeypatch.setenv("GATEWAY_ADMIN", "jane\nroot")
    with pytest.raises(GatewayError, match="GATEWAY_ADMIN"):
        who()


def test_what_was_proposed_for_somebody_who_left_counts_for_nobody_else_of_that_name(desk: Desk) -> None:
    act = TwoPersonAct("put-in-teams", "staff", "jane information-governance")
    desk.gateway("staff", "add", "jane", "--team", "sen")
    with desk.registry.write() as session:
        assert not agreed(session, act, by="ann", why="w", at=desk.now, always=True)
    desk.gateway("staff", "remove", "jane", "--why", "has left")
    desk.gateway("staff", "add", "jane", "--team", "sen")
    with desk.registry.write() as session:
        assert not agreed(session, act, by="ben", why="another jane", at=desk.now, always=True)
        assert agreed(session, act, by="ann", why="she, too", at=desk.now, always=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [("notes = surname: how taken = reason", "notes = surname"), ("jane:  root", "jane")],
)
def test_what_was_proposed_of_one_thing_counts_for_no_other_with_which_its_name_begins(
    desk: Desk, first: str, second: str
) -> None:
    one, other = (TwoPersonAct("say-heading", "oak", about) for about in (first, second))
    with desk.registry.write() as session:
        assert not agreed(session, one, by="ann", why="w", at=desk.now, always=True)
        assert not agreed(session, other, by="ben", why="w", at=desk.now, always=True)
        assert agreed(session, one, by="ben", why="w", at=desk.now, always=True)
