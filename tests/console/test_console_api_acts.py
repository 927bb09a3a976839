"""Held files through the console API, and acts of weight: who may, and what the passkey signed for."""

from __future__ import annotations

import socket
import subprocess
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from starlette.routing import Match

from gateway.access import EVERYTHING, Role
from gateway.console import pages, server
from gateway.errors import GatewayError
from gateway.mailboxes.console_api.today import WaitingTask
from gateway.model import Provider, Released
from gateway.record import policy_proposals
from gateway.registry import (
    hand_ons,
    keys,
    log,
    logins,
    markers,
    providers,
    recalls,
    roles,
    transfer_lists,
    transfers,
)
from gateway.registry.log import Entry
from gateway.registry.tables import HandOnBatchRow
from tests import policies
from tests.console import on_trial
from tests.console.office import OTHER, TEAM, Office
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import ORIGIN

MOMENT = datetime(2026, 11, 29, 9, 0, tzinfo=UTC)


def act(command: str, **fields: str) -> dict[str, object]:
    return {"act": command, "fields": fields}


def refused(office: Office, who: str, reference: str, why: str) -> int:
    asked = act("held refuse", reference=reference, why=why)
    return int(office.ask(who, "carry-out", **asked).status_code)


def test_held_files_are_for_those_who_triage_and_the_sensitive_ones_for_fewer(office: Office) -> None:
    held, sensitive = office.room.hold(b"h"), office.room.hold_as_sensitive(b"s")
    asked = {"act": "held list", "fields": {}, "limit": 50}
    seen = {who: office.ask(who, "ask", **asked) for who in ("jane", "sam", "kim")}
    assert seen["sam"].status_code == 403
    tables = {who: seen[who].json()["said"]["tables"][0] for who in ("jane", "kim")}
    listed = {who: [row[0] for row in table["rows"]] for who, table in tables.items()}
    assert held in listed["jane"]
    assert sensitive not in listed["jane"]
    assert {held, sensitive} <= set(listed["kim"])
    assert office.ask("jane", "held-file", reference=sensitive).status_code == 403
    assert office.ask("kim", "held-file", reference=sensitive).json()["said"]["decides"] is False
    assert refused(office, "jane", sensitive, "no") == 404


def test_an_act_of_weight_is_done_once_the_passkey_signed_for_it(office: Office) -> None:
    reference, jane = office.room.hold(b"w"), office.keys["jane"]
    asked = act("held refuse", reference=reference, why="wrong file")
    before = office.room.log_size()
    assert office.ask("jane", "carry-out", **asked).status_code == 409
    assert office.room.log_size() == before
    done = office.console.signed(office.sessions["jane"], jane, **asked)
    assert done.status_code == 200, done.text
    assert [(e.kind, e.actor, e.note) for e in office.room.events(reference)][-1] == (
        "refused", "jane", "wrong file",
    )  # fmt: skip


def test_what_does_more_than_change_the_registry_fails_on_trial(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as connection:
        for work in (
            lambda: (tmp_path / "file").write_text("x"),
            (tmp_path / "folder").mkdir,
            lambda: subprocess.run(["true"], check=True),
            lambda: connection.connect(server.getsockname()),
        ):
            with on_trial.watched("some act"), pytest.raises(on_trial.ChangedOnTrialError, match="some act"):
                work()
    assert list(tmp_path.iterdir()) == []
    with on_trial.watched("some act"):
        Path(__file__).read_bytes()


def test_what_was_signed_for_one_act_serves_no_other(office: Office) -> None:
    one, two = office.room.hold(b"1"), office.room.hold(b"2")
    session, jane = office.sessions["jane"], office.keys["jane"]
    asked = act("held refuse", reference=one, why="it is wrong")
    elsewhere = office.console.ask("carry-out", session=session, **asked, origin="https://evil.example")
    assert elsewhere.status_code == 403
    options = office.console.ask("carry-out", session=session, **asked).json()["options"]
    assertion = jane.signed(options, ORIGIN)
    for parts in (
        act("held refuse", reference=two, why="it is wrong"),
        act("held refuse", reference=one, why="another reason"),
        act("held release", reference=one, why="it is wrong"),
    ):
        response = office.console.ask("carry-out", session=session, **parts, assertion=assertion)
        assert response.status_code == 403, response.text
    with office.room.registry.read() as read:
        assert {transfers.get(read, each).state for each in (one, two)} == {"held"}
    assert office.console.ask("carry-out", session=session, **asked, assertion=assertion).status_code == 200
    again = office.console.ask("carry-out", session=session, **asked, assertion=assertion)
    assert again.status_code == 403


def test_a_child_is_protected_for_nobody_who_left_before_the_signature_came(office: Office) -> None:
    key = SoftKey()
    for name in ("dot", "lia"):
        office.room.staff(name, TEAM)
    office.console.grant("dot", "data-protection")
    session = office.console.enrolled("dot", key)
    child = {"surname": "Alder", "forename": "Ann", "born": "2015-03-01"}
    asked = {"act": "pupils protect", "fields": {**child, "person": ("lia",), "why": "a court order"}}
    options = office.console.ask("carry-out", session=session, **asked).json()["options"]
    office.room.remove_staff("lia")
    signed = office.console.ask("carry-out", session=session, **asked, assertion=key.signed(options, ORIGIN))
    assert signed.status_code == 404, signed.text
    with office.room.registry.read() as read:
        assert [one for one in markers.list_markers(read) if "lia" in one.people] == []


def test_another_persons_passkey_signs_for_nobody_else(office: Office) -> None:
    reference = office.room.hold(b"o")
    asked = act("held refuse", reference=reference, why="no")
    response = office.console.signed(office.sessions["jane"], office.keys["kim"], **asked)
    assert response.status_code == 403


def test_who_has_no_role_decides_nothing(office: Office) -> None:
    reference = office.room.hold(b"n")
    for who in ("sam", "kim"):
        assert refused(office, who, reference, "no") == 403
    assert office.ask("sam", "openings").status_code == 403


def test_a_recall_is_asked_for_by_the_team_and_done_by_those_who_may(office: Office) -> None:
    reference = office.room.deliver(b"r", OTHER)
    asked = act("recall", reference=reference, why="not for us")
    done = office.console.signed(office.sessions["sam"], office.keys["sam"], **asked)
    assert "asked for" in done.json()["said"]["sentence"]
    today = office.said("jane", "today")
    (open_one,) = [one for one in today["recalls"] if one["reference"] == reference]
    assert (open_one["by"], open_one["why"]) == ("sam", "not for us")
    (needed,) = [one for one in today["needs"] if one["of"] == reference]
    assert (needed["page"], needed["since"], needed["days"]) == ("recall", open_one["at"], 0)
    assert "sam asks" in needed["said"]
    assert office.console.signed(office.sessions["jane"], office.keys["jane"], **asked).status_code == 200
    listed = office.said("sam", "mailbox", team=OTHER)["files"]
    assert reference not in [file["reference"] for file in listed]
    assert reference not in [one["reference"] for one in office.said("jane", "today")["recalls"]]
    end = {"reference": reference, "why": "I looked at it, too"}
    again, for_good = act("transfers redeliver", **end), act("transfers confirm", **end)
    told = office.ask("jane", "carry-out", **for_good)
    assert told.status_code == 403  # She took it back herself, which is said before the passkey is asked for.
    lee = SoftKey()
    office.room.staff("lee", TEAM)
    office.console.grant("lee", "triage")
    session = office.console.enrolled("lee", lee)
    (needed,) = [
        one for one in office.console.said("today", session=session)["needs"] if one["of"] == reference
    ]
    assert (needed["page"], "jane took it out" in needed["said"]) == ("held-file", True)
    assert ("held-file", reference) not in needs(office, "jane")
    against = office.console.ask("carry-out", session=session, **again)
    assert "not ratified" in against.json()["sentence"]
    assert office.console.signed(session, lee, **for_good).status_code == 200
    done = [(event.kind, event.actor) for event in office.room.events(reference)]
    assert done[-1] == ("withdrawn", "lee")
    other = office.room.deliver(b"r", TEAM)
    assert office.ask("sam", "carry-out", **act("recall", reference=other, why="spite")).status_code == 403


def test_a_recall_is_asked_for_of_what_was_dealt_with_and_again_once_it_was_answered(office: Office) -> None:
    reference = office.room.deliver(b"r", OTHER)
    sam, asked = office.keys["sam"], act("recall", reference=reference, why="not for us")
    dealt = {"act": "mailbox deal-with", "fields": {"team": OTHER, "references": [reference]}}
    assert office.ask("sam", "carry-out", **dealt).status_code == 200
    done = office.console.signed(office.sessions["sam"], sam, **asked)
    assert "asked for" in done.json()["said"]["sentence"]
    assert "already" in office.ask("sam", "carry-out", **asked).json()["sentence"]
    assert office.console.signed(office.sessions["jane"], office.keys["jane"], **asked).status_code == 200
    with office.room.registry.write() as session:
        given = Released(
            flow="student-core", data_type="student-core", teams=(OTHER,),
            reasons=(policies.why("person:redelivered"),),
        )  # fmt: skip
        transfers.record_decisions(session, [(reference, given)], datetime.now(UTC))
    again = office.console.signed(office.sessions["sam"], sam, **asked)
    assert "asked for" in again.json()["said"]["sentence"]
    assert reference in [one["reference"] for one in office.said("jane", "today")["recalls"]]


def test_of_two_schools_of_one_name_none_is_taken_for_the_other(office: Office) -> None:
    named = {"twin-a": "St Mary's", "twin-b": "St Mary's", "twin-c": "twin-a"}
    with office.room.registry.write() as session:
        for one, name in named.items():
            providers.add_provider(session, Provider(id=one, name=name, kind="school"), MOMENT)

    shown = [
        office.ask("kim", "ask", act="providers show", fields={"id": one}) for one in ("st mary's", "Twin-A")
    ]
    assert "twin-a, twin-b" in shown[0].json()["fields"]["id"]
    assert "St Mary's" in shown[1].text


def test_a_reason_is_one_line_of_text(office: Office) -> None:
    reference = office.room.hold(b"l")
    for why in ("", " ", "x" * 401, "a\x00b"):
        assert refused(office, "jane", reference, why) == 403


def appoints(office: Office, name: str, role: Role) -> None:
    """Gives a role to somebody who may have it by another test."""
    with suppress(GatewayError):
        office.console.grant(name, role)


def needs(office: Office, who: str) -> list[tuple[str, str]]:
    return [(one["page"], one["of"]) for one in office.said(who, "today")["needs"]]


def test_the_first_page_tells_each_person_what_waits_for_them_alone(office: Office) -> None:
    before = office.room.hold(b"needs")
    told = {one["page"]: one for one in office.said("jane", "today")["needs"]}
    assert told["held"]["said"].startswith("Decide on ")
    assert told["held"]["since"] is not None
    assert not {"school", "policies", "notices"} & told.keys()  # these are for other roles
    assert [page for page, _ in needs(office, "kim") if page != "schools"] == []
    assert needs(office, "sam") == []
    sensitive = office.room.hold_as_sensitive(b"needs few")
    count = told["held"]["said"]
    assert {one["page"]: one for one in office.said("jane", "today")["needs"]}["held"]["said"] == count
    assert before != sensitive


def test_a_key_that_one_person_revoked_waits_for_another_and_for_no_telephone_call(office: Office) -> None:
    appoints(office, "kim", Role.ADMINISTRATOR)
    with office.room.registry.write() as session:
        providers.add_provider(session, Provider(id="thorn", name="Thorn School", kind="school"), MOMENT)
        key = keys.add_key(
            session, "provider", "thorn", "ssh", fingerprint="SHA256:" + "s" * 43, material="none",
            algorithm="ssh-ed25519", at=MOMENT, by="ann",
        )  # fmt: skip
        keys.suspend_key(session, key)
        log.append(session, [Entry(kind="key-suspended", subject=key.fingerprint, actor="ann")], MOMENT)
    told = [one["said"] for one in office.said("kim", "today")["needs"] if one["of"] == "thorn"]
    assert told == ["Revoke a key of Thorn School, as ann did, or confirm it"]
    (shown,) = office.said("kim", "school", provider="thorn")["keys"]
    assert (shown["state"], shown["suspended_by"]) == ("suspended", "ann")


@pytest.mark.parametrize("kind", ["passkey", "openid"])
def test_who_works_in_the_console_alone_is_given_a_role_once_their_passkey_or_account_is_confirmed(
    office: Office, kind: str
) -> None:
    """They had to have an SSH key, for which the console has no use."""
    name = f"una-{kind}"
    office.room.staff(name, TEAM)
    with office.room.registry.write() as session:
        for one in keys.list_keys(session, "staff", name):
            keys.end_key(session, one, "retired", at=MOMENT, by="kim")
    if kind == "passkey":
        office.console.unconfirmed(name, SoftKey())
    else:
        with office.room.registry.write() as session:
            logins.bind_openid(session, name, "https://accounts.example", "17", by="kim", at=MOMENT)

    def proved(*, in_console: bool) -> bool:
        with office.room.registry.read() as session:
            now = office.clock()
            return roles.can_prove_themselves(session, name, now, in_console=in_console)

    assert not proved(in_console=True)
    office.console.confirm(name)
    assert proved(in_console=True)
    assert not proved(in_console=False)


def test_a_batch_that_no_system_acknowledged_needs_an_administrator(office: Office) -> None:
    appoints(office, "kim", Role.ADMINISTRATOR)
    with office.room.registry.write() as session:
        session.add(
            HandOnBatchRow(
                hand_on="casework", number=1, team=TEAM, target="t", owed_at=MOMENT, made_at=MOMENT,
                sent_at=MOMENT, due_at=MOMENT - timedelta(days=1),
            )
        )  # fmt: skip
        log.record_changes(session, MOMENT)
    assert ("hand-ons", "") in needs(office, "kim")
    assert ("hand-ons", "") not in needs(office, "sam")
    with office.room.registry.write() as session:
        hand_ons.acknowledge(hand_ons.find(session, "casework", 1), by="kim", at=MOMENT)
        log.record_changes(session, MOMENT)
    assert ("hand-ons", "") not in needs(office, "kim")


def test_a_file_is_given_with_a_note_and_told_to_whom_it_was_given(office: Office) -> None:
    given, taken = office.room.hold(b"given"), office.room.hold(b"taken")
    office.room.staff("dee", TEAM)
    office.console.grant("dee", "triage")
    office.sessions["dee"] = office.console.enrolled("dee", SoftKey())
    assert "mine" not in dict(needs(office, "dee"))
    assign = act("held assign", reference=given, to="dee", text="Rang them.")
    assert office.ask("jane", "carry-out", **assign).status_code == 200
    assert office.ask("dee", "carry-out", **act("held assign", reference=taken)).status_code == 200
    told = {one["page"]: one for one in office.said("dee", "today")["needs"]}
    assert told["mine"]["said"] == "1 held file was given to you"
    assert told["mine"]["since"] is not None
    assert "mine" not in dict(needs(office, "jane"))
    mine = office.said("dee", "ask", act="held list", fields={"mine": True}, limit=50)["tables"][0]["rows"]
    assert {row[0] for row in mine} == {given, taken}
    steps = [(one.kind, one.note) for one in office.room.events(given)]
    assert steps[-2:] == [("noted", "Rang them."), ("assigned", "dee")]


def test_a_file_is_given_to_nobody_who_may_not_know_of_it(office: Office) -> None:
    appoints(office, "kim", Role.ADMINISTRATOR)
    sensitive, plain = office.room.hold_as_sensitive(b"given few"), office.room.hold(b"given")
    for reference, status in ((sensitive, 403), (plain, 200)):
        asked = office.ask("kim", "carry-out", **act("held assign", reference=reference, to="jane"))
        assert asked.status_code == status, asked.text
    assert [event.kind for event in office.room.events(sensitive)] == []


def test_a_leavers_held_files_are_named_and_are_for_anybody_then(office: Office) -> None:
    reference = office.room.hold(b"leaver")
    office.room.staff("leo", TEAM)
    with office.room.registry.write() as session:
        given = Entry(kind="assigned", subject=reference, fields={}, actor="jane", note="leo")
        log.append(session, [given], MOMENT)
    appoints(office, "kim", Role.ADMINISTRATOR)
    remove = act("staff remove", name="leo")
    asked = office.ask("kim", "carry-out", **remove)
    assert asked.status_code == 409
    assert f"Nobody decides any more on: {reference}." in asked.text
    done = office.console.signed(office.sessions["kim"], office.keys["kim"], **remove)
    assert "leo is removed; 1 held file of theirs" in done.text
    last = office.room.events(reference)[-1]
    assert (last.kind, last.actor, last.note) == ("assigned", "kim", None)
    with office.room.registry.read() as session:
        assert reference not in transfer_lists.owners_of_held_files(session, EVERYTHING)


def test_the_first_page_counts_held_files_as_the_tabs_of_their_list_do(office: Office) -> None:
    office.room.hold(b"counted")
    office.room.hold(b"key", "key:pending")  # Whoever triages cannot decide on it.
    said = office.said("jane", "today")
    for one in said["held"]:
        fields = {"where": [f"waits_for={one['id']}"], "sort": "landed_at"}
        (table,) = office.said("jane", "ask", act="held list", fields=fields, limit=50)["tables"]
        assert table["total"] == one["count"] > 0, one
    (person, of_keys) = [
        one["count"] for one in said["held"] if one["id"] in {"a person", "an administrator"}
    ]
    assert of_keys == 1
    (task,) = [one["said"] for one in said["needs"] if one["page"] == "held"]
    assert task == f"Decide on {person} held file{'s' if person > 1 else ''}"


def test_a_release_that_is_proposed_needs_somebody_else(office: Office) -> None:
    reference = office.room.hold(b"second")
    with office.room.registry.write() as session:
        fields = {"data_type": "student-core", "teams": TEAM, "reasons": "policy:sensitive"}
        entry = Entry(kind="release-proposed", subject=reference, fields=fields, actor="ann", note="why")
        log.append(session, [entry], MOMENT)
    assert ("held-file", reference) in needs(office, "jane")
    assert ("held-file", reference) not in needs(office, "sam")
    for actor in ("jane", "jane (as ops)"):  # The log names her so, where an agent proved her.
        with office.room.registry.write() as session:
            mine = Entry(kind="release-proposed", subject=reference, fields=fields, actor=actor, note="why")
            log.append(session, [mine], MOMENT)
        assert ("held-file", reference) not in needs(office, "jane"), actor


def propose(office: Office, reference: str, teams: str, by: str) -> None:
    codes = "policy:agreement-not-ratified,policy:no-basis"
    fields = {"data_type": "student-core", "teams": teams, "reasons": codes}
    with office.room.registry.write() as session:
        entry = Entry(kind="release-proposed", subject=reference, fields=fields, actor=by, note="why")
        log.append(session, [entry], datetime.now(UTC))


def test_a_signature_confirms_what_was_shown_and_nothing_that_took_its_place(office: Office) -> None:
    reference = office.room.hold(b"shown")
    office.room.staff("ann", TEAM)
    office.console.grant("ann", "triage")
    propose(office, reference, TEAM, "ann")
    asked = act("held confirm", reference=reference, why="I looked at it")
    shown = office.ask("jane", "carry-out", **asked)
    assert shown.status_code == 409, shown.text
    propose(office, reference, f"{TEAM},{OTHER}", "ann")
    assertion = office.keys["jane"].signed(shown.json()["options"], ORIGIN)
    refused = office.ask("jane", "carry-out", **asked, assertion=assertion)
    assert refused.status_code == 403
    assert "no longer what you were shown" in refused.json()["sentence"]
    with office.room.registry.read() as session:
        assert transfers.get(session, reference).state == "held"
    assert office.console.signed(office.sessions["jane"], office.keys["jane"], **asked).status_code == 200
    with office.room.registry.read() as session:
        assert set(transfers.get(session, reference).teams) == {TEAM, OTHER}


def test_each_task_of_the_first_page_leads_to_a_page_that_there_is() -> None:
    assert pages._WHERE.keys() == set(get_args(get_type_hints(WaitingTask)["page"]))
    for page, path in pages._WHERE.items():
        scope = {"type": "http", "method": "GET", "path": path.partition("?")[0] + "x" * path.endswith("/")}
        found = any(route.matches(scope)[0] is Match.FULL for route in server._ROUTES)
        assert found or path.startswith("#"), page


def test_keys_a_notice_and_policies_need_those_whose_they_are(office: Office) -> None:
    appoints(office, "kim", Role.ADMINISTRATOR)
    appoints(office, "jane", Role.DATA_PROTECTION)
    now = MOMENT
    with office.room.registry.write() as session:
        recalls.leave_notice(session, "r", "a file was withdrawn", "text", now)
        policy_proposals.propose(session, "0" * 64, now, by="ann", why=None, at=now)
        school = providers.list_providers(session)[0].id
        keys.add_key(
            session,
            "provider",
            school,
            "ssh",
            fingerprint="SHA256:x",
            material="x",
            at=now,
            by="ann",
            state="pending",
        )
    assert {("school", school), ("policies", "")} <= set(needs(office, "kim"))
    assert ("notices", "") in needs(office, "jane")
    with office.room.registry.write() as session:
        for one in recalls.notices(session):
            recalls.read_notice(session, one.number, by="jane", at=now)
    assert ("notices", "") not in needs(office, "jane")


def test_staff_are_enrolled_invited_given_a_role_and_removed_in_the_console(office: Office) -> None:
    appoints(office, "kim", Role.ADMINISTRATOR)

    def does(command: str, **fields: object) -> dict[str, str]:
        asked = {"act": command, "fields": fields}
        done = office.console.signed(office.sessions["kim"], office.keys["kim"], **asked)
        assert done.status_code == 200, done.text
        said: dict[str, str] = done.json()["said"]
        return said

    assert office.ask("jane", "carry-out", **act("staff remove", name="sam")).status_code == 403
    does("staff add", name="noor", team=[OTHER], why="new")  # no key: she enters by the console alone
    does("staff set", name="noor", team=[TEAM, OTHER])
    invited = does("staff invite", name="noor")
    assert "/invitation#" in invited["document"]
    assert "“Put new keys in force”" in invited["sentence"]
    listed = office.said("kim", "ask", act="staff list", fields={})["tables"][0]["rows"]
    assert ["noor", "Central Data Team, Early Years"] in [row[:2] for row in listed]
    does("staff remove", name="noor", why="left")
    listed = office.said("kim", "ask", act="staff list", fields={})["tables"][0]["rows"]
    assert "noor" not in [row[0] for row in listed]
