"""Coming in through the console API, and how long one stays: invitations, passkeys, sessions."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from gateway.home.settings import DoorLimits
from gateway.mailboxes.console_api.challenges import EACH, SECONDS, ChallengeOverError, Challenges
from gateway.policy.dates import spoken
from gateway.registry import keys, logins, staff
from gateway.registry.tables import StaffRow
from gateway.ssh.door import LONGEST_PAUSE, Penalties
from tests.clock import Clock
from tests.console.office import OTHER, TEAM, Office
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import HERE, ORIGIN, console_api_of
from tests.mailboxes.mailroom import Mailroom


def test_an_invitation_works_once_and_for_a_while(office: Office) -> None:
    console, key, browser = office.console, SoftKey(), secrets.token_urlsafe(32)
    office.room.staff("new", TEAM)
    code = console.invite("new")
    told = console.said("begin-enrolment", browser=browser, code=code)
    made = key.made(told["options"], ORIGIN)
    assert console.said("enrol", browser=browser, code=code, attestation=made)["name"] == "new"
    assert console.ask("enrol", browser=browser, code=code, attestation=made).status_code == 403
    assert console.ask("begin-enrolment", browser=browser, code=code).status_code == 403
    late = console.invite("new", hours=-1)
    assert console.ask("begin-enrolment", browser=browser, code=late).status_code == 403
    with office.room.registry.read() as session:
        (kept,) = logins.passkeys_of(session, "new", office.clock())
        saw_the_link = keys.list_keys(session, "staff", "new")[-1].added_by
        assert saw_the_link == "whoever enrolled new"
    events = office.room.events(kept.fingerprint)
    assert [(event.kind, event.actor, event.note) for event in events] == [
        ("key-added", "new", "invited by whoever enrolled new")
    ]


def test_a_replayed_assertion_is_not_taken(office: Office) -> None:
    browser = secrets.token_urlsafe(32)
    signed = office.keys["jane"].signed(office.console.to_log_in(browser), ORIGIN)
    assert office.console.ask("log-in", browser=browser, assertion=signed).status_code == 200
    assert office.console.ask("log-in", browser=browser, assertion=signed).status_code == 403
    office.console.to_log_in(browser)  # Also not for the next challenge of the same browser.
    assert office.console.ask("log-in", browser=browser, assertion=signed).status_code == 403


def test_what_was_signed_for_one_browser_logs_no_other_in(office: Office) -> None:
    mine, theirs = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    office.console.to_log_in(theirs)
    signed = office.keys["jane"].signed(office.console.to_log_in(mine), ORIGIN)
    assert office.console.ask("log-in", browser=theirs, assertion=signed).status_code == 403


@pytest.mark.parametrize(
    "how",
    [
        lambda key, options: key.signed(options, "http://localhost.example:2224"),
        lambda key, options: key.signed(options, ORIGIN, party="https://evil.example"),
        lambda key, options: SoftKey().signed(options, ORIGIN),
        lambda key, options: key.signed(options.replace('"challenge": "', '"challenge": "AA'), ORIGIN),
        lambda key, options: "{}",
        lambda key, options: "no JSON",
        lambda key, options: '{"id": 3, "response": []}',
    ],
    ids=["another origin", "another party", "unknown key", "another challenge", "empty", "text", "senseless"],
)
def test_what_is_not_signed_for_this_logs_nobody_in(office: Office, how) -> None:
    browser = secrets.token_urlsafe(32)
    assertion = how(office.keys["jane"], office.console.to_log_in(browser))
    response = office.console.ask("log-in", browser=browser, assertion=assertion, address="127.0.0.1")
    assert response.status_code == 403, response.text


def test_a_passkey_that_did_not_look_who_uses_it_is_not_enough(office: Office) -> None:
    browser, key = secrets.token_urlsafe(32), SoftKey(verified=False)
    office.room.staff("careless", TEAM)
    code = office.console.invite("careless")
    options = office.console.said("begin-enrolment", browser=browser, code=code)["options"]
    made = key.made(options, ORIGIN)
    assert office.console.ask("enrol", browser=browser, code=code, attestation=made).status_code == 403


def test_a_strange_address_of_the_pages_is_not_taken(office: Office) -> None:
    for origin in ("https://evil.example", "http://localhost", "http://localhost:1@evil.example", ""):
        assert office.console.ask("begin-login", browser="b", origin=origin).status_code == 403


@pytest.mark.long
def test_whoever_guesses_shuts_nobody_out_who_shares_the_address(office: Office) -> None:
    """Wrong codes and strange passkeys are answered ever later; what is right passes at once."""
    browser = secrets.token_urlsafe(32)
    waiting = office.console.to_log_in(browser)

    def guess(number: int) -> int:
        return office.console.ask("begin-enrolment", browser="b", code=f"guess-{number}").status_code

    with ThreadPoolExecutor(12) as many:
        assert set(many.map(guess, range(12))) == {403}
    code = office.console.invite("jane")
    assert office.console.ask("begin-enrolment", browser=browser, code=code).status_code == 200
    signed = office.keys["jane"].signed(waiting, ORIGIN)
    assert office.console.ask("log-in", browser=browser, assertion=signed).status_code == 200
    assert office.console.logged_in(office.keys["jane"])


def test_many_who_begin_to_log_in_take_no_colleagues_challenge(office: Office) -> None:
    """A challenge is of a browser: an office has one address."""
    browser = secrets.token_urlsafe(32)
    waiting = office.console.to_log_in(browser)
    for _ in range(40):
        office.console.to_log_in(secrets.token_urlsafe(32))
    signed = office.keys["jane"].signed(waiting, ORIGIN)
    assert office.console.ask("log-in", browser=browser, assertion=signed).status_code == 200


def test_a_person_who_asks_for_many_challenges_loses_their_own_alone() -> None:
    now = [0.0]
    challenges = Challenges(lambda: now[0])
    first = challenges.give("jane", "an act")
    for number in range(EACH + 1):
        challenges.give("sam", f"act {number}")
    with pytest.raises(ChallengeOverError):
        challenges.take("sam", "act 0")
    assert challenges.take("jane", "an act") == first
    challenges.give("jane", "an act")
    now[0] += SECONDS + 1
    with pytest.raises(ChallengeOverError):
        challenges.take("jane", "an act")
    challenges.give("kim", "an act")
    assert len(challenges) == 1  # What is over is forgotten.


def test_answers_to_guesses_come_ever_later() -> None:
    now = [0.0]
    penalties = Penalties(DoorLimits(), lambda: now[0])
    pauses = []
    for _ in range(40):
        penalties.add("192.0.2.1", DoorLimits().penalty_login_failed)
        pauses.append(penalties.pause("192.0.2.1"))
    assert pauses[:5] == [0.0] * 5  # Whoever mistypes does not wait.
    assert pauses == sorted(pauses)
    assert pauses[-1] == penalties.pause("192.0.2.1") == LONGEST_PAUSE
    assert penalties.pause("192.0.2.2") == 0.0
    now[0] += DoorLimits().penalty_most
    assert penalties.pause("192.0.2.1") == 0.0


def test_a_session_has_a_secret_that_nobody_chose_before(office: Office) -> None:
    browser = secrets.token_urlsafe(32)
    signed = office.keys["sam"].signed(office.console.to_log_in(browser), ORIGIN)
    begun = office.console.said("log-in", browser=browser, assertion=signed)
    assert begun["session"] != browser
    assert office.console.ask("me", session=browser).status_code == 401
    again = office.keys["sam"].signed(office.console.to_log_in(browser), ORIGIN)
    office.console.said("log-in", browser=browser, session=begun["session"], assertion=again)
    assert office.console.ask("me", session=begun["session"]).status_code == 401, "it was replaced"


def test_a_session_ends_when_somebody_logs_out_or_ends_it_from_elsewhere(office: Office) -> None:
    one, two = office.console.logged_in(office.keys["sam"]), office.console.logged_in(office.keys["sam"])
    assert office.console.ask("log-out", session=one).status_code == 200
    assert office.console.ask("today", session=one).status_code == 401
    office.console.said("log-out", session=office.sessions["sam"], others=True)
    assert office.console.ask("today", session=two).status_code == 401
    assert office.ask("sam", "today").status_code == 200


def test_first_steps_are_for_each_person_who_has_not_read_them_yet(office: Office) -> None:
    """A later person of the same name has read nothing yet; nobody is kept from reading them once more."""
    room = office.room
    room.staff("new-here", OTHER)
    session = office.console.enrolled("new-here", SoftKey())
    assert office.console.said("today", session=session)["first_steps"]
    for _ in range(2):
        assert office.console.ask("leave-first-steps", session=session).status_code == 200
        assert not office.console.said("today", session=session)["first_steps"]
    assert office.said("sam", "today")["first_steps"]
    with room.registry.write() as registry:
        staff.remove_staff(registry, "new-here", office.clock())
        staff.add_staff(registry, "new-here", [OTHER], office.clock())
        assert not registry.get_one(StaffRow, "new-here").knows_pages


def test_a_session_is_of_one_address(office: Office) -> None:
    assert office.ask("jane", "today", address="192.0.2.11").status_code == 401
    assert office.ask("jane", "today", address=HERE).status_code == 200


def test_a_session_ends_by_itself(tmp_path) -> None:
    room, clock = Mailroom(tmp_path), Clock()
    clock.set(datetime.now(UTC))
    room.staff("jane", TEAM)
    with console_api_of(room, clock) as console:
        key = SoftKey()
        idle = console.enrolled("jane", key)
        clock.set(clock() + timedelta(minutes=59))
        assert console.ask("today", session=idle).status_code == 200
        clock.set(clock() + timedelta(minutes=61))
        assert console.ask("today", session=idle).status_code == 401
        left = console.logged_in(key)
        for _ in range(3):
            assert console.ask("today", session=left, unattended=True).status_code == 200
            clock.set(clock() + timedelta(minutes=20, seconds=1))
        assert console.ask("today", session=left, unattended=True).status_code == 401
        busy, began = console.logged_in(key), clock()
        while clock() < began + timedelta(hours=9, minutes=50):
            assert console.ask("today", session=busy).status_code == 200
            clock.set(clock() + timedelta(minutes=30))
        assert console.ask("today", session=busy).status_code == 401


def test_whoever_is_removed_or_whose_passkey_is_revoked_gets_no_further_answer(office: Office) -> None:
    office.room.staff("gone", TEAM)
    office.room.staff("robbed", TEAM)
    gone, robbed = office.console.enrolled("gone", SoftKey()), office.console.enrolled("robbed", SoftKey())
    office.room.remove_staff("gone")
    with office.room.registry.write() as session:
        (kept,) = keys.keys_in_force(session, "staff", "robbed", "passkey", office.clock())
        keys.end_key(session, kept, "revoked", at=office.clock(), by="test")
    assert office.console.ask("today", session=gone).status_code == 401
    assert office.console.ask("today", session=robbed).status_code == 401


def test_a_passkey_that_nobody_confirmed_reads_and_does_nothing_else(office: Office) -> None:
    """A console that was captured while somebody was invited has one of its own: it decides nothing."""
    console, key, held = office.console, SoftKey(), office.room.hold(b"unconfirmed")
    office.room.staff("lou", OTHER)
    console.grant("lou", "triage")
    session, delivered = console.unconfirmed("lou", key), office.room.deliver(b"lou", OTHER)
    assert console.ask("mailbox", session=session, team=OTHER).status_code == 200
    act = {"act": "held refuse", "fields": {"reference": held, "why": "spite"}}
    assert console.ask("held-file", session=session, reference=held).status_code == 403
    for kind, parts in (
        ("carry-out", act),
        ("carry-out", {"act": "mailbox deal-with", "fields": {"team": OTHER, "references": [delivered]}}),
        ("carry-out", {"act": "recall", "fields": {"reference": delivered, "why": "spite"}}),
    ):
        declined = console.ask(kind, session=session, **parts)
        assert (declined.status_code, "not confirmed" in declined.text) == (403, True), declined.text
    with office.room.registry.read() as opened:
        (mine,) = logins.passkeys_of(opened, "lou", office.clock())
    told = " ".join(one["said"] for one in console.said("me", session=session)["news"])
    assert mine.fingerprint[:16] in told.replace(" ", "")
    assert "ring an administrator, another than whoever invited you if there is one" in told
    console.confirm("lou")
    assert console.ask("held-file", session=session, reference=held).status_code == 200
    assert console.signed(session, key, **act).status_code == 200


def test_a_passkey_that_nobody_confirmed_sees_no_held_file_by_its_team(office: Office) -> None:
    """A team that triages sees held files, and with them those that only few may know of."""
    console, held = office.console, office.room.hold(b"for who triages")
    office.room.staff("tia", TEAM)
    session = console.unconfirmed("tia", SoftKey())
    asked = {
        "held-file": {"reference": held},
        "collect": {"team": "held", "reference": held},
        "ask": {"act": "held list", "fields": {}},
    }
    for kind, parts in asked.items():
        declined = console.ask(kind, session=session, **parts)
        assert declined.status_code == 403, kind
        assert kind == "collect" or "not confirmed" in declined.text
    assert not console.said("today", session=session)["held"]
    assert console.ask("mailbox", session=session, team=TEAM).status_code == 200
    console.confirm("tia")
    assert {
        kind: console.ask(kind, session=session, **asked[kind]).status_code for kind in asked
    } == dict.fromkeys(asked, 200)
    assert console.said("today", session=session)["held"]


def test_a_person_hears_of_each_key_that_somebody_adds_for_them(office: Office) -> None:
    with office.room.registry.write() as session:
        keys.add_key(
            session, "staff", "sam", "ssh", fingerprint="SHA256:planted", material="ssh-ed25519 AAAA",
            at=office.clock(), by="adma", state="pending",
        )  # fmt: skip
    (asking,) = (one for one in office.said("sam", "today")["news"] if one["act"])
    told = asking["said"]
    assert f"SSH key SHA256:planted was added for you on {spoken(office.clock().date())}" in told
    assert "waits to be confirmed" in told
