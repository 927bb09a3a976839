"""Through the console API a team has its own files, on record first, and nobody has another team's."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest
from sqlmodel import select

from gateway.access import EVERYTHING, Sight
from gateway.mailboxes.console_api.context import ConsoleContext
from gateway.mailboxes.console_api.files import findings_seen
from gateway.mailboxes.mailbox_access import MailboxAccess, Person
from gateway.mailboxes.names import MailboxPlace
from gateway.model import Finding, Provider
from gateway.registry import providers
from gateway.registry.database import Registry
from gateway.registry.tables import TransferRow
from tests.classify.made import Child
from tests.console.office import OTHER, TEAM, Office
from tests.console.soft_key import SoftKey
from tests.console.through_the_api import HERE, ORIGIN
from tests.content import core_data
from tests.mailboxes.mailroom import MARKER, PROVIDER, UNREAD
from tests.registry.test_deliveries import ACCEPTED, NOW, put

RESULTS = ("code:unknown", "assessment result"), ("results:lacking", "phonics")


def test_a_file_is_given_as_its_team_may_have_it_and_on_record_first(office: Office) -> None:
    content = core_data(3)
    reference = office.room.accept(content)
    told = office.said("jane", "file", team=TEAM, reference=reference)
    assert told["pupils"] == 10
    assert told["opened"] == []
    assert office.room.events(reference) == []
    given = office.ask("jane", "collect", team=TEAM, reference=reference)
    assert (given.status_code, given.content) == (200, content)
    assert given.headers["x-gateway-name"].endswith(f"{reference}.xml")
    assert [(e.kind, e.actor) for e in office.room.events(reference)][-1] == ("collected", "jane")
    (opened,) = office.said("jane", "file", team=TEAM, reference=reference)["opened"]
    assert opened["by"] == "jane"


def test_a_file_is_given_to_the_consoles_own_page_alone(office: Office) -> None:
    asked = {"team": TEAM, "reference": office.room.accept(core_data(3)), "session": office.sessions["jane"]}
    assert office.console.ask("collect", **asked, origin="https://evil.example").status_code == 403
    assert office.console.ask("collect", **asked).status_code == 200


def test_another_teams_files_are_not_there(office: Office) -> None:
    reference = office.room.deliver(MARKER, TEAM)
    before = office.room.log_size()
    for team in (TEAM, OTHER, "held", "no-such-team", "../held", ""):
        for kind in ("file", "collect"):
            response = office.ask("sam", kind, team=team, reference=reference)
            assert response.status_code in {403, 404}, (team, response.text)
            assert MARKER not in response.content
        asked = {"team": team, "references": [reference]}
        dealt = office.ask("sam", "carry-out", act="mailbox deal-with", fields=asked)
        assert dealt.status_code in {403, 404}
    assert office.ask("sam", "mailbox", team=TEAM).status_code == 403
    assert office.room.log_size() == before


def test_what_a_colleague_of_another_team_has_open_is_given_by_ones_own_team(office: Office) -> None:
    content = MARKER * 200_000
    reference = office.room.deliver(content, TEAM, OTHER)
    fields = {"team": TEAM, "reference": reference}
    asked = {"origin": ORIGIN, "address": HERE, "session": office.sessions["jane"], "fields": fields}
    with office.console.client.stream("POST", "/collect", json=asked) as hers:
        pieces = hers.iter_raw(10)
        assert next(pieces)
        given = office.ask("sam", "collect", team=OTHER, reference=reference)
    assert (given.status_code, given.content) == (200, content)


def test_a_team_that_has_counts_alone_is_told_nothing_of_records(office: Office) -> None:
    office.room.staff("planner", "school-place-planning")
    session = office.console.enrolled("planner", SoftKey())
    content = core_data(5)
    asked = {
        "team": "school-place-planning",
        "reference": office.room.deliver(content, "school-place-planning"),
    }
    told = office.console.said("file", session=session, **asked)
    assert (told["pupils"], told["findings_told"], told["items"]) == (None, False, [])
    given = office.console.ask("collect", session=session, **asked)
    assert given.status_code == 200, given.text
    assert given.content != content
    assert b"UPN" not in given.content


def test_no_team_is_told_of_faults_in_an_item_that_it_may_not_have(office: Office) -> None:
    header = "UPN,Surname,Forename,Date of Birth,Gender,NCY,Registration Group,SEN Need,Ethnicity"
    rows = (
        f"{Child(number).upn},{name},2015-02-0{number},F,5,5A,{need},WBRI"
        for number, (name, need) in enumerate(
            (("Ash,Bo", "ASD"), ("Elm,Cy", "QQQQ"), ("Oak,Di", "ASD"), ("Yew,Ed", "ASD")), 1
        )
    )
    reference = office.room.accept("\r\n".join([header, *rows, ""]).encode())
    office.room.staff("pat", "sen", "admissions-and-entitlements")
    session = office.console.enrolled("pat", SoftKey())
    told = {
        team: [one["sentence"] for one in office.console.said("file", session=session, **of_it)["findings"]]
        for team in ("sen", "admissions-and-entitlements")
        for of_it in ({"team": team, "reference": reference},)
    }
    assert any("SEN Need" in one for one in told["sen"])
    assert not any("SEN Need" in one for one in told["admissions-and-entitlements"])


def test_faults_in_results_are_for_those_who_have_all_results() -> None:
    content = replace(
        UNREAD,
        findings=tuple(
            Finding(code=code, severity="query", count=4, about=about, item="Attainment")
            for code, about in RESULTS
        ),
    )
    assert len(findings_seen(content)) == len(findings_seen(content, {"Results of the eye test"})) == 2
    assert findings_seen(content, {"Attainment"}) == ()


def test_faults_in_results_stored_without_an_item_are_for_those_who_have_all_results() -> None:
    results = [Finding(code=code, severity="query", count=4, about=about) for code, about in RESULTS]
    content = replace(UNREAD, findings=tuple(results))
    assert len(findings_seen(content)) == len(findings_seen(content, {"Sex"})) == 2
    assert findings_seen(content, {"Results of key stage assessments"}) == ()


def test_of_several_files_none_is_dealt_with_where_a_colleague_removes_one_meanwhile(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = [office.room.deliver(f"{number}".encode(), TEAM) for number in range(2)]
    place = MailboxAccess.place

    def removed_once_found(
        self: MailboxAccess, person: Person, folder: str, reference: str, *, removed: bool = False
    ) -> MailboxPlace:
        found = place(self, person, folder, reference, removed=removed)
        if reference == sent[1]:
            self.deal_with(person, found)
        return found

    monkeypatch.setattr(MailboxAccess, "place", removed_once_found)
    fields = {"team": TEAM, "references": sent}
    assert office.ask("jane", "carry-out", act="mailbox deal-with", fields=fields).status_code != 200
    listed = [file["reference"] for file in office.said("jane", "mailbox", team=TEAM)["files"]]
    assert sent[0] in listed
    assert sent[1] not in listed


def test_files_are_dealt_with_and_put_back_by_name(office: Office) -> None:
    reference = office.room.deliver(b"x", TEAM)
    fields = {"team": TEAM, "references": [reference]}
    office.said("jane", "carry-out", act="mailbox deal-with", fields=fields)
    listed = office.said("jane", "mailbox", team=TEAM)["files"]
    assert reference not in [file["reference"] for file in listed]
    removed = office.said("jane", "mailbox", team=TEAM, removed=True)["files"]
    assert reference in [file["reference"] for file in removed]
    assert office.ask("jane", "file", team=TEAM, reference=reference).status_code == 403
    assert office.ask("jane", "file", team=TEAM, reference=reference, removed=True).status_code == 200
    assert office.said("jane", "mailbox", team=TEAM)["asked"] == {
        "new": False, "removed": False, "provider": None, "data_type": None, "period": None,
    }  # fmt: skip
    office.said("jane", "carry-out", act="mailbox deal-with", fields=fields | {"undo": True})
    events = [(event.kind, event.actor) for event in office.room.events(reference)]
    assert events[-2:] == [("dealt-with", "jane"), ("restored", "jane")]


def test_a_mailbox_is_filtered_and_turned_over(office: Office) -> None:
    sent = [office.room.deliver(b"x", OTHER) for _ in range(52)]
    first = office.said("sam", "mailbox", team=OTHER)
    assert len(first["files"]) == 50
    second = office.said("sam", "mailbox", team=OTHER, before=first["next"])
    found = [file["reference"] for file in (*first["files"], *second["files"])]
    assert found[:52] == sent[::-1]
    assert office.said("sam", "mailbox", team=OTHER, provider="school-b")["files"] == []
    assert office.said("sam", "mailbox", team=OTHER, new=True)["files"][0]["new"] is True


def test_who_opened_what_is_told_to_those_who_may_look(office: Office) -> None:
    reference = office.room.deliver(b"z", TEAM)
    office.ask("jane", "collect", team=TEAM, reference=reference)
    seen = office.said("kim", "openings")
    assert (seen["openings"][0]["by"], seen["openings"][0]["reference"]) == ("jane", reference)
    assert seen["heads"][0]["size"] > 0
    assert office.said("kim", "receipt", text="no receipt")["genuine"] is False
    assert office.ask("sam", "receipt", text="no receipt").status_code == 403


def test_openings_of_a_file_that_few_may_know_of_are_told_to_them_alone(office: Office) -> None:
    known, few = (office.room.deliver(content, TEAM) for content in (b"k", b"f"))
    for reference in (known, few):
        office.ask("jane", "collect", team=TEAM, reference=reference)
    with office.room.registry.write() as session:
        session.exec(select(TransferRow).where(TransferRow.reference == few)).one().few = True
    for who, may in (("jane", {known}), ("kim", {known, few})):
        told = office.said(who, "openings")["openings"]
        assert {known, few}.intersection(one["reference"] for one in told) == may


def test_a_schools_page_tells_when_a_file_came_to_those_alone_who_may_know_of_it(office: Office) -> None:
    few, at = office.room.deliver(b"latest", TEAM), NOW + timedelta(minutes=7)
    with office.room.registry.write() as session:
        row = session.exec(select(TransferRow).where(TransferRow.reference == few)).one()
        row.few, row.landed_at, row.flow, row.data_type = True, at, "phonics", "phonics"
    ways = [office.said(who, "school", provider=PROVIDER)["cells"] for who in ("jane", "kim")]
    came = [{cell["data_type"]: cell.pop("last") for cell in cells}["phonics"] for cells in ways]
    assert came == [None, f"{at:%Y-%m-%dT%H:%M:%SZ}"]
    assert ways[0] == ways[1]


def test_within_a_sight_no_file_outside_it_is_read(tmp_path: Path) -> None:
    registry = Registry(f"sqlite:///{tmp_path}/registry.db")
    registry.migrate()
    with registry.write() as session:
        providers.add_provider(session, Provider(id="school-a", name="School A", kind="school"), NOW)
    put(registry, 1, ACCEPTED)
    mailboxes = MailboxAccess(registry, Mock(), Mock(), "test.invalid/log", lambda: NOW)
    console = ConsoleContext(
        home=Mock(), settings=Mock(), mailboxes=mailboxes, challenges=Mock(), penalties=Mock(), limits=Mock(),
        openid=None,
    )  # fmt: skip
    found = []
    for sight in (EVERYTHING, Sight(ordinary=False)):
        with console.within(sight).mailboxes.registry.read() as session:
            found.append(len(session.exec(select(TransferRow)).all()))
    registry.close()
    assert found == [1, 0]
