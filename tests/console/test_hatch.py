"""Whoever captures the console can do what those logged in may do, and no more.

The console is hostile here: it asks the inside over the real socket, whatever it likes.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from gateway.mailboxes.hatch.ways import OF_PERSONS
from gateway.registry import console_sessions, keys, passkeys, transfers
from gateway.zones.hatch.questions import (
    AskFile,
    AskHeld,
    AskHeldFile,
    AskMailbox,
    AskMe,
    AskOpenings,
    AskToday,
    BeginEnrolment,
    BeginLogin,
    Collect,
    DealWith,
    EndRecall,
    Enrol,
    LogIn,
    LogOut,
    RecallFile,
    RefuseFile,
    ReleaseFile,
    VerifyReceipt,
)
from tests.clock import Clock
from tests.console.soft_key import SoftKey
from tests.console.through_the_hatch import HERE, ORIGIN, Console, hatch_of
from tests.content import core_data
from tests.mailboxes.mailroom import MARKER, Mailroom

TEAM, OTHER = "central-data-team", "early-years"


class Office:
    """One room for all tests of this file: jane triages, sam is of another team, kim only looks."""

    def __init__(self, room: Mailroom, console: Console, clock: Clock) -> None:
        self.room, self.console, self.clock = room, console, clock
        self.keys = {name: SoftKey() for name in ("jane", "sam", "kim")}
        for name, teams in (("jane", (TEAM,)), ("sam", (OTHER,)), ("kim", ())):
            room.staff(name, *teams)
        console.grant("jane", "triage")
        console.grant("kim", "auditor")
        self.sessions = {name: console.enrolled(name, key) for name, key in self.keys.items()}

    def ask(self, who, kind, **parts):
        return self.console.ask(kind, session=self.sessions[who], **parts)

    def said(self, who, kind, **parts):
        return self.console.said(kind, session=self.sessions[who], **parts)


@pytest.fixture(scope="module")
def office(tmp_path_factory) -> Iterator[Office]:
    room, clock = Mailroom(tmp_path_factory.mktemp("office")), Clock()
    with hatch_of(room, clock) as console:
        yield Office(room, console, clock)


def test_a_question_without_end_is_not_listened_to(office: Office) -> None:
    endless = (b"x" * 65_536 for _ in range(200))
    assert office.console.client.post(AskMe.path(), content=endless).status_code == 413
    assert office.ask("jane", AskMe).status_code == 200


# Nobody is logged in.


@pytest.mark.parametrize("kind", sorted(OF_PERSONS, key=lambda kind: kind.__name__), ids=lambda k: k.__name__)
@pytest.mark.parametrize("session", ["", "x", "0" * 64])
def test_nobody_gets_anything(office: Office, kind, session) -> None:
    asked = {"team": TEAM, "reference": "261124-school-a-AAAAA", "references": []}
    asked |= {"why": "w", "advice": "a", "text": "t", "provider": "school-a", "again": True}
    asked |= {"name": "n", "kind": "school", "key": "k", "read_out": "f", "role": "r", "signatory": "s"}
    asked |= {"number": 1, "digest": "d", "given": "g", "state": "s"}
    parts = {name: value for name, value in asked.items() if name in kind.model_fields}
    response = office.console.ask(kind, session=session, **parts)
    assert response.status_code == 401, response.text
    assert "said" not in response.json()


def test_what_the_registry_keeps_of_a_session_opens_nothing(office: Office) -> None:
    with office.room.registry.read() as session:
        rows = console_sessions.of_person(session, "jane", office.clock())
    for row in rows:
        assert office.console.ask(AskMe, session=row.number).status_code == 401
    assert all(office.sessions["jane"] not in str(row) for row in rows)


def test_a_question_that_nobody_foresaw_is_not_answered(office: Office) -> None:
    assert office.console.client.post("/registry", json={}).status_code == 404
    assert office.console.client.get("/ask-today").status_code == 405
    assert office.ask("jane", AskToday, further="x").status_code == 400


# Coming in.


def test_an_invitation_works_once_and_for_a_while(office: Office) -> None:
    console, key, browser = office.console, SoftKey(), secrets.token_urlsafe(32)
    office.room.staff("new", TEAM)
    code = console.invite("new")
    told = console.said(BeginEnrolment, browser=browser, code=code)
    made = key.made(told["options"], ORIGIN)
    assert console.said(Enrol, browser=browser, code=code, attestation=made)["name"] == "new"
    assert console.ask(Enrol, browser=browser, code=code, attestation=made).status_code == 403
    assert console.ask(BeginEnrolment, browser=browser, code=code).status_code == 403
    late = console.invite("new", hours=-1)
    assert console.ask(BeginEnrolment, browser=browser, code=late).status_code == 403
    with office.room.registry.read() as session:
        (kept,) = passkeys.of_person(session, "new", office.clock())
    events = office.room.events(kept.fingerprint)
    assert [(event.kind, event.actor) for event in events] == [("key-added", "new")]


def test_a_replayed_assertion_is_not_taken(office: Office) -> None:
    browser = secrets.token_urlsafe(32)
    signed = office.keys["jane"].signed(office.console.to_log_in(browser), ORIGIN)
    assert office.console.ask(LogIn, browser=browser, assertion=signed).status_code == 200
    assert office.console.ask(LogIn, browser=browser, assertion=signed).status_code == 403
    office.console.to_log_in(browser)  # Also not for the next challenge of the same browser.
    assert office.console.ask(LogIn, browser=browser, assertion=signed).status_code == 403


def test_what_was_signed_for_one_browser_logs_no_other_in(office: Office) -> None:
    mine, theirs = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    office.console.to_log_in(theirs)
    signed = office.keys["jane"].signed(office.console.to_log_in(mine), ORIGIN)
    assert office.console.ask(LogIn, browser=theirs, assertion=signed).status_code == 403


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
    response = office.console.ask(LogIn, browser=browser, assertion=assertion, address="127.0.0.1")
    assert response.status_code == 403, response.text


def test_a_passkey_that_did_not_look_who_uses_it_is_not_enough(office: Office) -> None:
    browser, key = secrets.token_urlsafe(32), SoftKey(verified=False)
    office.room.staff("careless", TEAM)
    code = office.console.invite("careless")
    options = office.console.said(BeginEnrolment, browser=browser, code=code)["options"]
    made = key.made(options, ORIGIN)
    assert office.console.ask(Enrol, browser=browser, code=code, attestation=made).status_code == 403


def test_a_strange_address_of_the_pages_is_not_taken(office: Office) -> None:
    for origin in ("https://evil.example", "http://localhost", "http://localhost:1@evil.example", ""):
        assert office.console.ask(BeginLogin, browser="b", origin=origin).status_code == 403


def test_whoever_guesses_has_to_wait(office: Office) -> None:
    statuses = [
        office.console.ask(BeginEnrolment, browser="b", code=f"guess-{n}", address="198.51.100.9").status_code
        for n in range(12)
    ]
    assert statuses[0] == 403
    assert statuses[-1] == 429
    assert office.console.ask(BeginLogin, browser="b", address="198.51.100.10").status_code == 200


# Sessions.


def test_a_session_has_a_secret_that_nobody_chose_before(office: Office) -> None:
    browser = secrets.token_urlsafe(32)
    signed = office.keys["sam"].signed(office.console.to_log_in(browser), ORIGIN)
    begun = office.console.said(LogIn, browser=browser, assertion=signed)
    assert begun["session"] != browser
    assert office.console.ask(AskMe, session=browser).status_code == 401


def test_a_session_ends_when_somebody_logs_out_or_ends_it_from_elsewhere(office: Office) -> None:
    one, two = office.console.logged_in(office.keys["sam"]), office.console.logged_in(office.keys["sam"])
    assert office.console.ask(LogOut, session=one).status_code == 200
    assert office.console.ask(AskToday, session=one).status_code == 401
    office.console.said(LogOut, session=office.sessions["sam"], others=True)
    assert office.console.ask(AskToday, session=two).status_code == 401
    assert office.ask("sam", AskToday).status_code == 200


def test_a_session_is_of_one_address(office: Office) -> None:
    assert office.ask("jane", AskToday, address="192.0.2.11").status_code == 401
    assert office.ask("jane", AskToday, address=HERE).status_code == 200


def test_a_session_ends_by_itself(tmp_path) -> None:
    room, clock = Mailroom(tmp_path), Clock()
    clock.set(datetime.now(UTC))
    room.staff("jane", TEAM)
    with hatch_of(room, clock) as console:
        key = SoftKey()
        idle = console.enrolled("jane", key)
        clock.set(clock() + timedelta(minutes=59))
        assert console.ask(AskToday, session=idle).status_code == 200
        clock.set(clock() + timedelta(minutes=61))
        assert console.ask(AskToday, session=idle).status_code == 401
        busy, began = console.logged_in(key), clock()
        while clock() < began + timedelta(hours=9, minutes=50):
            assert console.ask(AskToday, session=busy).status_code == 200
            clock.set(clock() + timedelta(minutes=30))
        assert console.ask(AskToday, session=busy).status_code == 401


def test_whoever_is_removed_or_whose_passkey_is_revoked_gets_no_further_answer(office: Office) -> None:
    office.room.staff("gone", TEAM)
    office.room.staff("robbed", TEAM)
    gone, robbed = office.console.enrolled("gone", SoftKey()), office.console.enrolled("robbed", SoftKey())
    office.room.remove_staff("gone")
    with office.room.registry.write() as session:
        (kept,) = passkeys.of_person(session, "robbed", office.clock())
        keys.end_key(
            session, "staff", "robbed", kept.fingerprint, state="revoked", at=office.clock(), by="test"
        )
    assert office.console.ask(AskToday, session=gone).status_code == 401
    assert office.console.ask(AskToday, session=robbed).status_code == 401


# Files.


def test_a_file_is_given_as_its_team_may_have_it_and_on_record_first(office: Office) -> None:
    content = core_data(3)
    reference = office.room.accept(content)
    told = office.said("jane", AskFile, team=TEAM, reference=reference)
    assert told["pupils"] == 10
    assert told["opened"] == []
    assert office.room.events(reference) == []
    given = office.ask("jane", Collect, team=TEAM, reference=reference)
    assert (given.status_code, given.content) == (200, content)
    assert given.headers["x-gateway-name"].endswith(f"{reference}.xml")
    assert [(e.kind, e.actor) for e in office.room.events(reference)][-1] == ("collected", "jane")
    (opened,) = office.said("jane", AskFile, team=TEAM, reference=reference)["opened"]
    assert opened["by"] == "jane"


def test_another_teams_files_are_not_there(office: Office) -> None:
    reference = office.room.deliver(MARKER, TEAM)
    before = office.room.log_size()
    for team in (TEAM, OTHER, "held", "no-such-team", "../held", ""):
        for kind in (AskFile, Collect):
            response = office.ask("sam", kind, team=team, reference=reference)
            assert response.status_code in {403, 404}, (team, response.text)
            assert MARKER not in response.content
        asked = {"team": team, "references": [reference]}
        assert office.ask("sam", DealWith, **asked).status_code in {403, 404}
    assert office.ask("sam", AskMailbox, team=TEAM).status_code == 403
    assert office.room.log_size() == before


def test_a_team_that_has_counts_alone_is_told_nothing_of_records(office: Office) -> None:
    office.room.staff("planner", "school-place-planning")
    session = office.console.enrolled("planner", SoftKey())
    content = core_data(5)
    asked = {
        "team": "school-place-planning",
        "reference": office.room.deliver(content, "school-place-planning"),
    }
    told = office.console.said(AskFile, session=session, **asked)
    assert (told["pupils"], told["findings_told"], told["items"]) == (None, False, [])
    given = office.console.ask(Collect, session=session, **asked)
    assert given.status_code == 200, given.text
    assert given.content != content
    assert b"UPN" not in given.content


def test_files_are_dealt_with_and_put_back_by_name(office: Office) -> None:
    reference = office.room.deliver(b"x", TEAM)
    office.said("jane", DealWith, team=TEAM, references=[reference])
    listed = office.said("jane", AskMailbox, team=TEAM)["files"]
    assert reference not in [file["reference"] for file in listed]
    removed = office.said("jane", AskMailbox, team=TEAM, removed=True)["files"]
    assert reference in [file["reference"] for file in removed]
    office.said("jane", DealWith, team=TEAM, references=[reference], undo=True)
    events = [(event.kind, event.actor) for event in office.room.events(reference)]
    assert events[-2:] == [("dealt-with", "jane"), ("restored", "jane")]


def test_a_mailbox_is_filtered_and_turned_over(office: Office) -> None:
    sent = [office.room.deliver(b"x", OTHER) for _ in range(52)]
    first = office.said("sam", AskMailbox, team=OTHER)
    assert len(first["files"]) == 50
    second = office.said("sam", AskMailbox, team=OTHER, before=first["next"])
    found = [file["reference"] for file in (*first["files"], *second["files"])]
    assert found[:52] == sent[::-1]
    assert office.said("sam", AskMailbox, team=OTHER, provider="school-b")["files"] == []
    assert office.said("sam", AskMailbox, team=OTHER, new=True)["files"][0]["new"] is True


# Held files, and acts of weight.


def test_held_files_are_for_those_who_triage_and_the_sensitive_ones_for_fewer(office: Office) -> None:
    held, sensitive = office.room.hold(b"h"), office.room.hold_as_sensitive(b"s")
    seen = {who: office.ask(who, AskHeld) for who in ("jane", "sam", "kim")}
    assert seen["sam"].status_code == 403
    listed = {who: [f["reference"] for f in seen[who].json()["said"]["files"]] for who in ("jane", "kim")}
    assert held in listed["jane"]
    assert sensitive not in listed["jane"]
    assert {held, sensitive} <= set(listed["kim"])
    assert office.ask("jane", AskHeldFile, reference=sensitive).status_code == 403
    assert office.ask("kim", AskHeldFile, reference=sensitive).json()["said"]["decides"] is False
    assert office.ask("jane", RefuseFile, reference=sensitive, why="no").status_code == 403


def test_an_act_of_weight_is_done_once_the_passkey_signed_for_it(office: Office) -> None:
    reference, jane = office.room.hold(b"w"), office.keys["jane"]
    before = office.room.log_size()
    assert office.ask("jane", RefuseFile, reference=reference, why="wrong file").status_code == 409
    assert office.room.log_size() == before
    done = office.console.signed(
        RefuseFile, office.sessions["jane"], jane, reference=reference, why="wrong file"
    )
    assert done.status_code == 200, done.text
    assert [(e.kind, e.actor, e.note) for e in office.room.events(reference)][-1] == (
        "refused", "jane", "wrong file",
    )  # fmt: skip


def test_what_was_signed_for_one_act_serves_no_other(office: Office) -> None:
    one, two = office.room.hold(b"1"), office.room.hold(b"2")
    session, jane = office.sessions["jane"], office.keys["jane"]
    asked = {"reference": one, "why": "it is wrong"}
    elsewhere = office.console.ask(RefuseFile, session=session, **asked, origin="https://evil.example")
    assert elsewhere.status_code == 403
    options = office.console.ask(RefuseFile, session=session, **asked).json()["options"]
    assertion = jane.signed(options, ORIGIN)
    for kind, parts in (
        (RefuseFile, {"reference": two, "why": "it is wrong"}),
        (RefuseFile, {"reference": one, "why": "another reason"}),
        (ReleaseFile, {"reference": one, "why": "it is wrong"}),
    ):
        response = office.console.ask(kind, session=session, **parts, assertion=assertion)
        assert response.status_code == 403, response.text
    with office.room.registry.read() as read:
        assert {transfers.get(read, each).state for each in (one, two)} == {"held"}
    assert office.console.ask(RefuseFile, session=session, **asked, assertion=assertion).status_code == 200
    again = office.console.ask(RefuseFile, session=session, **asked, assertion=assertion)
    assert again.status_code == 403


def test_another_persons_passkey_signs_for_nobody_else(office: Office) -> None:
    reference = office.room.hold(b"o")
    response = office.console.signed(
        RefuseFile, office.sessions["jane"], office.keys["kim"], reference=reference, why="no"
    )
    assert response.status_code == 403


def test_who_has_no_role_decides_nothing(office: Office) -> None:
    reference = office.room.hold(b"n")
    for who in ("sam", "kim"):
        assert office.ask(who, RefuseFile, reference=reference, why="no").status_code == 403
    assert office.ask("sam", AskOpenings).status_code == 403


def test_a_recall_is_asked_for_by_the_team_and_done_by_those_who_may(office: Office) -> None:
    reference = office.room.deliver(b"r", OTHER)
    asked = {"reference": reference, "why": "not for us"}
    done = office.console.signed(RecallFile, office.sessions["sam"], office.keys["sam"], **asked)
    assert "asked for" in done.json()["said"]["sentence"]
    assert reference in office.said("jane", AskToday)["recalls"]
    assert (
        office.console.signed(RecallFile, office.sessions["jane"], office.keys["jane"], **asked).status_code
        == 200
    )
    listed = office.said("sam", AskMailbox, team=OTHER)["files"]
    assert reference not in [file["reference"] for file in listed]
    assert reference not in office.said("jane", AskToday)["recalls"]
    end = {"reference": reference, "why": "I looked at it, too"}
    assert office.ask("jane", EndRecall, **end, again=False).status_code == 403  # She took it back herself.
    lee = SoftKey()
    office.room.staff("lee", TEAM)
    office.console.grant("lee", "triage")
    session = office.console.enrolled("lee", lee)
    against = office.console.signed(EndRecall, session, lee, **end, again=True)
    assert "not ratified" in against.json()["sentence"]
    assert office.console.signed(EndRecall, session, lee, **end, again=False).status_code == 200
    done = [(event.kind, event.actor) for event in office.room.events(reference)]
    assert done[-1] == ("withdrawn", "lee")
    other = office.room.deliver(b"r", TEAM)
    assert office.ask("sam", RecallFile, reference=other, why="spite").status_code == 403


def test_a_reason_is_one_line_of_text(office: Office) -> None:
    reference = office.room.hold(b"l")
    for why in ("", " ", "x" * 401, "a\x00b"):
        assert office.ask("jane", RefuseFile, reference=reference, why=why).status_code == 403


def test_who_opened_what_is_told_to_those_who_may_look(office: Office) -> None:
    reference = office.room.deliver(b"z", TEAM)
    office.ask("jane", Collect, team=TEAM, reference=reference)
    seen = office.said("kim", AskOpenings)
    assert (seen["openings"][0]["by"], seen["openings"][0]["reference"]) == ("jane", reference)
    assert seen["heads"][0]["size"] > 0
    assert office.said("kim", VerifyReceipt, text="no receipt")["genuine"] is False
    assert office.ask("sam", VerifyReceipt, text="no receipt").status_code == 403
