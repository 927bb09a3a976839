"""What becomes of a batch is followed: acknowledged, late, sent again; or a file of it is taken back."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from gateway.acts.handon import make
from gateway.errors import Fault
from gateway.processor import handing_on, retention
from gateway.record.registrar import Registrar
from gateway.registry import hand_ons, log
from tests.clock import THIS_YEAR
from tests.hand_on.nights import CONTENT, NIGHTLY, TEAM, declare, manifest, place, rows, values
from tests.hand_on.nights import sent as send
from tests.sealed import sealed_file
from tests.workshop import Desk

pytestmark = pytest.mark.long


NOBODY = ("--surname", "Nobody", "--forename", "Ann", "--born", "2015-02-01")


def restrict(desk: Desk) -> str:
    """Restrict the first child of the file."""
    return mark(desk, "restrict")


def mark(desk: Desk, how: str, *options: str) -> str:
    """Mark the first child of the file."""
    upn, surname, forename, born = (
        values(CONTENT, name)[0] for name in ("UPN", "Surname", "Forename", "DOB")
    )
    who = ("--upn", upn, "--surname", surname, "--forename", forename, "--born", born)
    return desk.gateway("pupils", how, *who, *options, "--why", "accuracy is contested")


def handed(folder: Path) -> list[str]:
    return [one["UPN"] for one in rows(folder, "pupils")]


def listed(desk: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(desk.gateway("handon", "list", "--json"))
    return found


def test_a_batch_is_listed_with_its_files_and_the_columns_that_are_empty(desk: Desk, sent: str) -> None:
    (batch,) = listed(desk)
    assert (batch["state"], batch["files"], batch["team"]) == ("sent", 1, TEAM)
    assert batch["references"] == [sent]
    assert batch["rows"] == 2 * len(values(CONTENT, "UPN")) + len(values(CONTENT, "Relationship"))


def test_the_system_acknowledges_by_a_file_and_its_files_go(desk: Desk, sent: str) -> None:
    (place(desk).with_name("done") / "casework-000001.ack").touch()
    desk.process()
    assert listed(desk)[0]["acknowledged_by"] == "the system"
    assert [path.name for path in place(desk).parent.rglob("*")] == ["done"]


def test_whatever_is_put_among_the_notes_of_one_hand_on_the_others_go_on(desk: Desk, sent: str) -> None:
    declare(desk, NIGHTLY + NIGHTLY.replace('id = "casework"', 'id = "archive"').partition("\n")[2])
    desk.process()
    notes, archive = place(desk).with_name("done"), desk.home.hand_on / "archive"
    (archive / "done" / "archive-000001.ack").symlink_to("x" * 300)
    (notes / "casework-000001.ack").touch()
    desk.process()
    assert [one["state"] for one in listed(desk)] == ["acknowledged", "sent"]
    assert not place(desk).exists()
    shutil.rmtree(archive / "done")
    (archive / "done").symlink_to("done")
    desk.gateway("handon", "retry", "casework", "1", "--why", "lost over there")
    desk.process()
    (notes / "casework-000001.ack").touch()
    desk.process()
    assert not place(desk).exists()
    (told,) = [one["remark"] for one in listed(desk) if one["hand_on"] == "archive"]
    assert told.startswith("its notes cannot be read")


def test_a_link_among_the_notes_acknowledges_nothing(desk: Desk, sent: str, tmp_path: Path) -> None:
    (place(desk).with_name("done") / "casework-000001.ack").symlink_to(tmp_path)
    desk.process()
    assert listed(desk)[0]["state"] == "sent"
    assert place(desk).exists()


def test_a_person_acknowledges_in_its_stead(desk: Desk, sent: str) -> None:
    desk.gateway("handon", "acknowledge", "casework", "1", "--why", "they rang")
    assert listed(desk)[0]["state"] == "acknowledged"
    desk.process()
    assert not place(desk).exists()
    desk.gateway("handon", "acknowledge", "casework", "7", "--why", "none such", code=1)


def test_what_nobody_acknowledges_in_time_is_told(desk: Desk, sent: str) -> None:
    assert "hand-on-late" not in desk.gateway("status", "--json", code=1)
    with desk.registry.write() as session:
        batch = hand_ons.find(session, "casework", 1)
        batch.due_at = datetime.now(UTC) - timedelta(seconds=1)
        session.add(batch)
    assert "hand-on-late:casework-000001" in json.loads(desk.gateway("status", "--json", code=1))["wrong"]
    assert listed(desk)[0]["state"] == "late"
    desk.gateway("handon", "acknowledge", "casework", "1", "--why", "they rang")
    assert "hand-on-late" not in desk.gateway("status", "--json", code=1)


def test_a_batch_is_sent_again_when_the_system_lost_it(desk: Desk, sent: str) -> None:
    before = {path.name: path.read_bytes() for path in place(desk).glob("*.csv")}
    (place(desk).with_name("done") / "casework-000001.ack").touch()
    desk.process()
    desk.gateway("handon", "retry", "casework", "1", "--why", "lost over there")
    desk.process()
    assert {path.name: path.read_bytes() for path in place(desk).glob("*.csv")} == before
    assert listed(desk)[0]["state"] == "sent"
    assert desk.kinds(sent).count("collected") == 2


def test_a_file_that_is_taken_back_is_told_to_the_system_and_lies_here_no_more(desk: Desk, sent: str) -> None:
    restrict(desk)
    desk.process()
    assert handed(place(desk))
    desk.gateway("transfers", "withdraw", sent, "--why", "another school's pupils")
    desk.process()
    assert list(place(desk).glob("*.csv")) == []
    assert manifest(place(desk), desk.certificate)["left_out"][0]["reference"] == sent
    told = manifest(place(desk, 2), desk.certificate)
    assert told["recalled"] == [{"reference": sent, "batch": "casework-000001"}]
    assert told["files"] == []
    desk.process()
    assert not place(desk, 3).exists()
    assert listed(desk)[1]["recalled"] == 1


def test_who_takes_a_marker_off_is_told_which_batches_lack_the_record(desk: Desk, sent: str) -> None:
    restrict(desk)
    desk.gateway("pupils", "restrict", *NOBODY, "--why", "in no file")
    desk.clock.set(datetime.now(UTC))
    desk.process()
    assert "handon" not in desk.gateway("pupils", "unmark", "2", "--why", "settled")
    said = " ".join(desk.gateway("pupils", "unmark", "1", "--why", "settled").split())
    assert "made without the child's record: gateway handon retry casework 1" in said


def test_a_recall_stands_in_its_manifest_still_when_both_batches_are_sent_again(
    desk: Desk, sent: str
) -> None:
    desk.gateway("transfers", "withdraw", sent, "--why", "another school's pupils")
    desk.process()
    for number in ("1", "2"):
        desk.gateway("handon", "retry", "casework", number, "--why", "lost over there")
    desk.process()
    told = manifest(place(desk, 2), desk.certificate)
    assert told["recalled"] == [{"reference": sent, "batch": "casework-000001"}]


def test_a_file_taken_back_just_before_its_batch_is_sent_again_is_told(desk: Desk, sent: str) -> None:
    desk.gateway("transfers", "withdraw", sent, "--why", "another school's pupils")
    desk.gateway("handon", "retry", "casework", "1", "--why", "lost over there")
    desk.process()
    told = manifest(place(desk, 2), desk.certificate)
    assert told["recalled"] == [{"reference": sent, "batch": "casework-000001"}]


def test_batches_are_named_once_the_last_marker_of_a_child_is_off(desk: Desk, sent: str) -> None:
    def make_and_acknowledge() -> None:
        desk.clock.set(datetime.now(UTC))  # Commands take the true time.
        desk.process()
        desk.gateway("handon", "acknowledge", "casework", "1", "--why", "they rang")

    def told(number: int) -> bool:
        said = " ".join(desk.gateway("pupils", "unmark", str(number), "--why", "settled").split())
        return "gateway handon retry casework 1" in said

    key = desk.root / "ann.pub"
    key.write_bytes(asyncssh.generate_private_key("ssh-ed25519").export_public_key())
    desk.gateway("staff", "add", "ann", "--team", TEAM, "--ssh-key", str(key))
    restrict(desk)
    make_and_acknowledge()
    mark(desk, "protect", "--person", "ann")
    assert not told(1)
    assert told(2)  # Though the batch was made before that marker.
    desk.gateway("handon", "retry", "casework", "1", "--why", "settled")
    make_and_acknowledge()
    restrict(desk)
    assert not told(3)  # The batch was made with the record, between two markers.


def test_a_file_whose_time_is_over_is_not_told_as_taken_back(desk: Desk, sent: str) -> None:
    desk.pass_time(days=1000)
    with desk.registrar() as registrar:
        assert retention.run(registrar, desk.now, by="admin") is not None
    assert not sealed_file(desk.home, sent).exists()
    desk.process()
    assert [one["recalled"] for one in listed(desk)] == [0]


def test_a_file_that_is_given_back_is_handed_on_again(
    desk: Desk, sent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GATEWAY_ADMIN", "ann")
    desk.gateway("transfers", "withdraw", sent, "--why", "another school's pupils")
    desk.process()
    monkeypatch.setenv("GATEWAY_ADMIN", "ben")
    desk.gateway("transfers", "redeliver", sent, "--why", "it was right")
    desk.pass_time(minutes=5)  # Commands take the true time.
    desk.process()
    assert {one["reference"] for one in manifest(place(desk, 3), desk.certificate)["files"]} == {sent}


def test_a_file_that_is_taken_back_before_it_was_sent_is_not_sent(desk: Desk, sent: str) -> None:
    with desk.registry.write() as session:
        batch = hand_ons.find(session, "casework", 1)
        batch.sent_at = None
        session.add(batch)
    desk.gateway("transfers", "withdraw", sent, "--why", "another school's pupils")
    desk.process()
    assert list(place(desk).glob("*.csv")) == []
    assert manifest(place(desk), desk.certificate)["files"] == []


def test_a_file_that_was_left_out_is_not_told_as_taken_back(desk: Desk, sent: str) -> None:
    with desk.registry.write() as session:
        (file,) = hand_ons.files(session, hand_ons.find(session, "casework", 1))
        file.handed_at, file.why = None, "a marked child's record in it cannot be told apart"
        session.add(file)
    desk.gateway("transfers", "withdraw", sent, "--why", "another school's pupils")
    desk.process()
    assert [one["number"] for one in listed(desk)] == [1]


def test_at_night_means_that_files_wait_for_the_hour(desk: Desk) -> None:
    declare(desk, NIGHTLY.replace('at = "at-once"', 'at = "02:00"'))
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    reference = desk.send(oak, CONTENT)
    desk.process()
    desk.process()
    assert not place(desk).exists()
    desk.pass_time(days=1)
    desk.process()
    assert {one["reference"] for one in manifest(place(desk), desk.certificate)["files"]} == {reference}


def test_records_of_a_child_that_few_may_see_are_not_handed_on(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    desk.send(oak, CONTENT)
    desk.process()
    restrict(desk)
    declare(desk)
    desk.process()
    assert handed(place(desk)) == values(CONTENT, "UPN")[1:]


def test_a_batch_that_lies_here_is_made_anew_without_a_child_who_is_marked(desk: Desk, sent: str) -> None:
    assert handed(place(desk)) == values(CONTENT, "UPN")
    restrict(desk)
    desk.process()
    assert handed(place(desk)) == values(CONTENT, "UPN")[1:]
    assert listed(desk)[0]["state"] == "sent"


def test_a_child_who_is_marked_while_a_batch_is_made_is_not_in_it(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[str] = []

    def made_then_marked(*arguments: Any) -> Any:
        made = make(*arguments)
        if not marked:
            marked.append(restrict(desk))
        return made

    monkeypatch.setattr(handing_on, "make", made_then_marked)
    send(desk)
    assert marked
    assert handed(place(desk)) == values(CONTENT, "UPN")[1:]


def test_a_batch_made_while_other_policies_come_into_force_is_not_placed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system may take a batch as soon as it lies there."""
    fewer = NIGHTLY.replace('"LegalSurname"', '"Surname"')
    assert fewer != NIGHTLY
    in_force: list[str] = []

    def made_then_changed(*arguments: Any) -> Any:
        made = make(*arguments)
        if not in_force:
            declare(desk, fewer)
            in_force.append(fewer)
        return made

    monkeypatch.setattr(handing_on, "make", made_then_changed)
    declare(desk)
    reference = desk.send(desk.provider("oak", years=THIS_YEAR, dfe_number="9994001"), CONTENT)
    desk.process()  # Without a fault: this host has them from the next round on.
    assert in_force
    assert "Surname" in rows(place(desk), "pupils")[0]
    assert desk.kinds(reference).count("collected") == 1


def test_policies_that_come_into_force_within_a_round_are_no_fault(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    lay_out, fewer = handing_on.lay_out_folders, [NIGHTLY.replace('"LegalSurname"', '"Surname"')]

    def changed_then_laid_out(*arguments: Any) -> None:
        if fewer:
            declare(desk, fewer.pop())
        lay_out(*arguments)

    monkeypatch.setattr(handing_on, "lay_out_folders", changed_then_laid_out)
    send(desk)
    assert "Surname" in rows(place(desk), "pupils")[0]
    assert "lacks the policies" not in caplog.text


def test_a_host_without_the_policies_in_force_hands_nothing_on_and_says_so(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another host may put policies in force that this one does not have, or refuses to use."""
    made_by: list[str] = []

    def made_then_changed(registrar: Registrar, *rest: Any) -> Any:
        made = make(registrar, *rest)
        made_by.append(registrar.catalogue.digest)
        if len(made_by) == 1:
            entry = log.Entry(kind="policy-loaded", subject="policy", fields={"sha256": "0" * 64})
            with registrar.registry.write() as session:
                log.append(session, [entry], registrar.clock())
                registrar.sign_head(session, registrar.clock())
        assert len(made_by) < 4, "made again and again"
        return made

    monkeypatch.setattr(handing_on, "make", made_then_changed)
    with pytest.raises(Fault, match="nothing is handed on"):
        send(desk)
    assert len(made_by) == 1
    assert not place(desk).exists()


def test_a_file_is_tried_without_sending_and_without_a_value(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    reference = desk.send(oak, CONTENT)
    desk.process()
    declare(desk, NIGHTLY.replace("since = 2026-01-01", "since = 2999-01-01"))
    said = desk.gateway("handon", "try", "casework", reference, "--json")
    found = {(one["file"].partition("_")[0], one["column"]): one["filled"] for one in json.loads(said)}
    assert found["pupils", "UPN"] == found["addresses", "Postcode"] == 4
    assert found["contacts", "Surname"] == len(values(CONTENT, "Relationship"))
    assert not any(upn in said for upn in values(CONTENT, "UPN"))
    assert "collected" not in desk.kinds(reference)
    said = desk.gateway("handon", "try", "other", reference, code=1)
    assert "the policies declare no other that is in force" in said
