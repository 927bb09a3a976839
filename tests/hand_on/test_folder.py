"""What a team may have is handed on to a system of its authority, and nothing else is."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import tomllib
from contextlib import ExitStack, closing

from gateway.acts.handon import make
from gateway.policy.small_schemas import HandOnsFile
from gateway.registry import hand_ons
from gateway.registry.tables import HandOnBatchRow, HandOnFileRow
from tests.clock import THIS_YEAR
from tests.costs import statements
from tests.hand_on.nights import CONTENT, NIGHTLY, TEAM, declare, manifest, place, rows, values
from tests.workshop import Desk


def test_three_files_are_made_of_one_in_the_columns_that_the_policies_say(desk: Desk, sent: str) -> None:
    pupils, contacts, addresses = (rows(place(desk), what) for what in ("pupils", "contacts", "addresses"))
    assert [one["UPN"] for one in pupils] == values(CONTENT, "UPN")
    assert [one["DateOfBirth"] for one in pupils] == values(CONTENT, "DOB")
    assert {one["School"] for one in pupils} == {"9994001"}
    assert list(pupils[0]) == ["School", "UPN", "LegalSurname", "LegalForename", "DateOfBirth", "YearGroup"]
    assert [one["Relationship"] for one in contacts] == values(CONTENT, "Relationship")
    assert {one["UPN"] for one in contacts} <= set(values(CONTENT, "UPN"))
    assert [one["Postcode"] for one in addresses] == values(CONTENT, "PostCode")


def test_the_manifest_is_signed_and_tells_each_file(desk: Desk, sent: str) -> None:
    told = manifest(place(desk), desk.certificate)
    assert (told["hand_on"], told["batch"], told["team"]) == ("casework", "casework-000001", TEAM)
    assert [one["reference"] for one in told["files"]] == [sent] * 3
    for one in told["files"]:
        data = (place(desk) / one["name"]).read_bytes()
        assert (one["sha256"], one["size"]) == (hashlib.sha256(data).hexdigest(), len(data))
        assert one["rows"] == len(data.splitlines()) - 1


def test_it_is_on_record_as_a_collection_of_the_team(desk: Desk, sent: str) -> None:
    assert TEAM in desk.teams_given(sent)
    (event,) = [one for one in desk.events(sent) if one.kind == "collected"]
    fields = json.loads(event.leaf)["fields"]
    assert event.actor == "hand-on casework"
    assert (fields["team"], fields["hand_on"]) == (TEAM, "casework")
    assert "hand-on casework" in desk.gateway("transfers", "show", sent)
    assert "hand-on casework" in desk.gateway("transfers", "withdraw", sent, "--why", "sent in error")


def test_a_file_is_handed_on_once(desk: Desk, sent: str) -> None:
    desk.process()
    desk.process()
    assert not place(desk, 2).exists()
    assert desk.kinds(sent).count("collected") == 1


def test_a_host_that_leads_anew_makes_what_the_system_did_not_acknowledge(desk: Desk, sent: str) -> None:
    before = {path.name: path.read_bytes() for path in place(desk).glob("*.csv")}
    shutil.rmtree(desk.home.hand_on)  # At this host there was none of it.
    desk.process()
    assert {path.name: path.read_bytes() for path in place(desk).glob("*.csv")} == before
    assert desk.kinds(sent).count("collected") == 1


def test_a_kill_after_the_record_and_before_the_folder_doubles_nothing(desk: Desk, sent: str) -> None:
    before = {path.name: path.read_bytes() for path in place(desk).glob("*.csv")}
    with desk.registry.write() as session:
        batch = hand_ons.find(session, "casework", 1)
        batch.sent_at = None
        session.add(batch)
    for path in place(desk).iterdir():
        path.unlink()
    place(desk).rmdir()
    desk.process()
    assert {path.name: path.read_bytes() for path in place(desk).glob("*.csv")} == before
    assert desk.kinds(sent).count("collected") == 1


def test_nothing_is_handed_on_that_no_policy_declares(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    desk.send(oak, CONTENT)
    desk.process()
    assert not desk.home.hand_on.exists()


def test_what_is_declared_no_more_is_taken_away(desk: Desk, sent: str) -> None:
    declare(desk, "")
    desk.process()
    assert list(desk.home.hand_on.iterdir()) == []


def test_a_column_outside_the_teams_view_is_a_fault_of_the_policies(desk: Desk) -> None:
    text = NIGHTLY.replace(
        'from = "upn" },\n    { name = "LegalS', 'from = "sen-need" },\n    { name = "LegalS'
    )
    assert text != NIGHTLY
    (desk.home.policies / "hand_ons.toml").write_text(text)
    said = desk.gateway("policy", "check", str(desk.home.policies), code=1)
    assert "hand_ons.toml" in said
    assert "no view of education-welfare shows sen-need" in said


def test_what_the_view_lacks_is_empty_and_told_whatever_the_columns_ask_for(desk: Desk) -> None:
    """As where rights were taken back since: the file itself holds them all."""
    text = NIGHTLY.replace('from = "upn"', 'from = "sen-need"').replace(
        '"Postcode", "PostCode"', '"SENtype", "SENstatus"'
    )
    (asked,) = HandOnsFile.model_validate(tomllib.loads(text)).hand_on
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    reference = desk.send(oak, CONTENT)
    desk.process()
    assert values(CONTENT, "SENtype")
    with desk.registrar() as registrar, ExitStack() as until:
        examiners = until.enter_context(closing(desk.children.lent(desk.home)))
        made = make(registrar, examiners.mine(), asked, reference, until)
        for file in made.files:
            cells = re.split(rb"[,\r\n]+", os.pread(file.descriptor, file.laid.size, 0))
            assert not {value.encode() for value in values(CONTENT, "SENtype")}.intersection(cells)
        assert [file.empty for file in made.files] == [("UPN",), ("UPN",), ("UPN", "Postcode")]


def test_the_list_takes_as_many_statements_however_many_batches_there_are(desk: Desk, sent: str) -> None:
    with statements() as few:
        (first,) = json.loads(desk.gateway("handon", "list", "--json"))
    assert (first["files"], first["references"]) == (1, [sent])
    with desk.registry.write() as session:
        for number in range(2, 40):
            batch = HandOnBatchRow(
                hand_on="casework", number=number, team=TEAM, target="x", owed_at=desk.now, made_at=desk.now
            )
            session.add(batch)
            session.flush()
            session.add(HandOnFileRow(batch=batch.id or 0, reference=sent, handed_at=desk.now))
    with statements() as many:
        assert len(json.loads(desk.gateway("handon", "list", "--json"))) == 39
    assert len(many) <= len(few) + 2
