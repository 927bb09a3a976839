"""What was passed on is taken back, goes again or elsewhere, or is opened whole: always on record."""

from __future__ import annotations

import json
import re
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlmodel import select

from gateway.access import EVERYTHING
from gateway.acts.act import ActContext
from gateway.acts.recalls import ConfirmRecall
from gateway.errors import GatewayError
from gateway.policy.catalogue import load_catalogue
from gateway.registry import deliveries, persons, retention, rolls
from gateway.registry.tables import PupilRow
from gateway.reports.retention import Due
from tests.clock import THIS_YEAR
from tests.content import census, core_data
from tests.faults.disks import disk_over
from tests.workshop import Desk


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def named(monkeypatch: pytest.MonkeyPatch):
    """Who is at the keyboard from now on."""
    return lambda person: monkeypatch.setenv("GATEWAY_ADMIN", person)


def accepted(desk: Desk, content: bytes = b"") -> str:
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), content or census())
    desk.process()
    assert desk.state(sent) == "accepted", desk.codes(sent)
    return sent


def mailbox(desk: Desk, team: str) -> list[str]:
    with desk.registry.read() as session:
        return [one.reference for one in deliveries.page(session, team, limit=10)]


def test_a_withdrawn_file_is_out_of_every_mailbox_at_once_and_two_people_end_it(desk: Desk, named) -> None:
    sent = accepted(desk)
    teams = desk.transfer(sent).teams
    assert all(mailbox(desk, team) == [sent] for team in teams)
    desk.gateway("transfers", "open", sent, "--why", "a question", "--to", str(desk.root / "whole"))
    named("jane")
    said = desk.gateway("transfers", "withdraw", sent, "--why", "sent to the wrong authority")
    assert "out of every mailbox" in said
    assert "who had opened it" in said
    assert not any(mailbox(desk, team) for team in teams)
    with desk.registry.read() as session:
        assert deliveries.held(session, EVERYTHING, desk.rules, limit=10) == []
    assert (desk.state(sent), desk.codes(sent)) == ("held", ["person:withdrawn"])
    assert "taken out of every mailbox" in desk.receipt(sent)
    assert "It had been opened once by then, for: data protection." in desk.receipt(sent)
    assert "withdrawn" in desk.gateway("held", "release", sent, "--why", "x", code=1)
    assert "somebody else" in desk.gateway("transfers", "confirm", sent, "--why", "x", code=1)
    named("sam")
    desk.gateway("transfers", "confirm", sent, "--why", "the school confirms it")
    assert (desk.state(sent), desk.codes(sent)) == ("refused", ["person:withdrawn-for-good"])
    assert "withdrawn for good" in desk.receipt(sent)
    for said in (desk.gateway("transfers", "show", sent), desk.gateway("report", "transfer", sent)):
        for why in ("sent to the wrong authority", "the school confirms it"):
            assert why in " ".join(said.split())
    desk.gateway("log", "verify")


def test_data_protection_is_told_who_had_opened_it(desk: Desk) -> None:
    sent = accepted(desk)
    desk.gateway("transfers", "open", sent, "--why", "a question", "--to", str(desk.root / "whole"))
    desk.gateway("transfers", "withdraw", sent, "--why", "not for us")
    (notice,) = json.loads(desk.gateway("notices", "list", "--json"))
    assert (notice["reference"], notice["read_at"]) == (sent, None)
    text = desk.gateway("notices", "show", str(notice["number"]))
    assert "BEGIN PGP SIGNED MESSAGE" in text
    opener = desk.events(sent)[-3]
    for part in ("TAKEN OUT", "not for us", "opened it"):
        assert part in " ".join(text.split())
    assert "file" not in json.dumps(notice).lower() or "data.xml" not in text
    assert [one["read_by"] for one in json.loads(desk.gateway("notices", "list", "--json"))] != [None]
    assert "notice-read" in desk.kinds(sent), opener


def test_a_withdrawn_file_takes_its_pupils_off_the_roll_and_brings_them_back(desk: Desk, named) -> None:
    sent = accepted(desk)
    with desk.registry.read() as session:
        before = {row.pupil for row in session.exec(select(PupilRow))}
    assert before
    named("jane")
    desk.gateway("transfers", "withdraw", sent, "--why", "wrong")
    with desk.registry.read() as session:
        assert not list(persons.on_rolls(session, before))
    assert "somebody else" in desk.gateway("transfers", "redeliver", sent, "--why", "x", code=1)
    named("sam")
    desk.gateway("transfers", "redeliver", sent, "--why", "it was right after all")
    assert (desk.state(sent), desk.codes(sent)) == ("accepted", ["person:redelivered"])
    assert "gave the file back to its teams" in " ".join(desk.receipt(sent).split())
    with desk.registry.read() as session:
        assert {row.pupil for row in session.exec(select(PupilRow))} == before
    assert mailbox(desk, "central-data-team") == [sent]
    desk.gateway("log", "verify")


def on_roll(desk: Desk) -> int:
    """Return how many pupils are on the roll of the school "oak"."""
    with desk.registry.read() as session:
        return rolls.count_on_rolls(session, ["oak"])["oak"]


@pytest.mark.parametrize("first", [core_data, census])
def test_who_is_in_a_file_that_is_withdrawn_is_on_the_roll_by_the_file_before(
    desk: Desk, named, first
) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.send(oak, first())
    desk.process()
    before = on_roll(desk)
    desk.pass_time(hours=1)
    wrong = desk.send(oak, core_data())
    desk.process()
    named("jane")
    desk.gateway("transfers", "withdraw", wrong, "--why", "the export of another year")
    desk.process()
    assert on_roll(desk) == before > 0
    desk.process()
    assert "everything fits" in desk.gateway("log", "verify")


@pytest.mark.parametrize("latest_first", [True, False])
@pytest.mark.parametrize("pupils", [10, 4])
def test_a_file_that_is_given_again_before_it_was_read_again_is_read_then(
    desk: Desk, named, latest_first: bool, pupils: int
) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    first = desk.send(oak, core_data())
    desk.process()
    desk.pass_time(hours=1)
    wrong = desk.send(oak, core_data(pupils=pupils))
    desk.process()
    named("jane")
    for each in (wrong, first) if latest_first else (first, wrong):
        desk.gateway("transfers", "withdraw", each, "--why", "the export of another year")
    named("sam")
    desk.gateway("transfers", "redeliver", first, "--why", "it was right after all")
    desk.process()
    assert on_roll(desk) == 10


@pytest.mark.parametrize(("later", "before"), [((), 10), ((core_data(seed=2, pupils=3),), 13)])
def test_who_is_not_in_a_complete_roll_that_is_withdrawn_has_not_left(
    desk: Desk, named, later: tuple[bytes, ...], before: int
) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.send(oak, core_data())
    desk.process()
    desk.pass_time(hours=1)
    wrong = desk.send(oak, census(seed=2, pupils=3))
    desk.process()
    for same_pupils in later:
        desk.pass_time(hours=1)
        desk.send(oak, same_pupils)
        desk.process()

    assert on_roll(desk) == 3
    named("jane")
    desk.gateway("transfers", "withdraw", wrong, "--why", "the export of one class")
    assert on_roll(desk) == before
    named("sam")
    desk.gateway("transfers", "redeliver", wrong, "--why", "it was right after all")
    assert on_roll(desk) == 3


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"nobody can tell what this is\n", "classify:unknown"),
        (census(seed=2, number=2), "policy:other-school"),
    ],
)
def test_a_file_that_entered_no_roll_is_no_complete_roll_by_any_way(
    desk: Desk, named, content: bytes, why: str
) -> None:
    """Neither given back after a withdrawal, nor when its school is opened again."""
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    desk.send(oak, core_data())
    desk.process()
    desk.pass_time(hours=1)
    no_roll = desk.send(oak, content, "notes.pgp")
    desk.process()
    assert desk.codes(no_roll)[0] == why

    named("jane")
    where = ("--team", "central-data-team")
    desk.gateway("held", "release", no_roll, "--as", "school-census", *where, "--why", "it is one")
    assert (desk.state(no_roll), on_roll(desk)) == ("accepted", 10)
    desk.gateway("transfers", "withdraw", no_roll, "--why", "it is another one")
    assert on_roll(desk) == 10
    named("sam")
    desk.gateway("transfers", "redeliver", no_roll, "--why", "it was right after all")
    assert (desk.state(no_roll), on_roll(desk)) == ("accepted", 10)
    desk.gateway("providers", "close", "oak", "--why", "closed")
    assert on_roll(desk) == 0
    desk.gateway("providers", "reopen", "oak", "--why", "it was another one")
    assert on_roll(desk) == 10
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994002", "--why", "it was the other one's")
    due = Due(reference=no_roll, what="index", data_type="school-census", rule="index", since=desk.now)
    for is_forgotten in (False, True):
        if is_forgotten:
            with desk.registry.write() as session:
                retention.record_deletion(session, due, (), desk.now)
        desk.gateway("providers", "close", "oak", "--why", "closed")
        desk.gateway("providers", "reopen", "oak", "--why", "it was another one")
        assert on_roll(desk) == 10


def test_a_complete_roll_given_again_is_one_though_its_school_has_another_number_since(
    desk: Desk, named
) -> None:
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    desk.send(oak, core_data())
    desk.process()
    desk.pass_time(hours=1)
    roll = desk.send(oak, census(seed=2, pupils=3))
    desk.process()

    assert (desk.state(roll), on_roll(desk)) == ("accepted", 3)
    named("jane")
    desk.gateway("transfers", "withdraw", roll, "--why", "the export of one class")
    named("sam")
    desk.gateway("transfers", "redeliver", roll, "--why", "it was right after all")
    academy = ("--kind", "academy", "--dfe-number", "9994009", "--why", "the order of September")
    desk.gateway("providers", "convert", "oak", *academy)
    desk.gateway("providers", "close", "oak", "--why", "closed")
    desk.gateway("providers", "reopen", "oak", "--why", "it was another one")
    assert on_roll(desk) == 3


def test_what_became_of_a_file_that_was_taken_back_is_that_a_second_person_decides(desk: Desk, named) -> None:
    sent = accepted(desk)
    named("jane")
    desk.gateway("transfers", "withdraw", sent, "--why", "the wrong team")
    shown = " ".join(desk.gateway("transfers", "show", sent).split())
    assert "It is held: taken back, and a second person decides, as School Census." in shown
    assert "It is held: taken back, and" in " ".join(desk.gateway("report", "transfer", sent).split())
    named("sam")
    desk.gateway("transfers", "confirm", sent, "--why", "indeed")
    for command in ("transfers", "show"), ("report", "transfer"):
        assert "It is withdrawn for good" in " ".join(desk.gateway(*command, sent).split())


def test_a_held_file_released_to_no_roll_is_none_though_it_was_of_its_school_when_held(
    desk: Desk, named
) -> None:
    """Its school had another number when it was released."""
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    desk.send(oak, core_data())
    desk.process()
    desk.pass_time(hours=1)
    old = re.sub(rb"(<ReferenceDate>|<Year>)\d{4}", rb"\g<1>2019", census(seed=2, pupils=3))
    held = desk.send(oak, old)
    desk.process()
    assert desk.codes(held)[0] == "policy:old-return"
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994009", "--why", "a new one")
    named("jane")
    desk.gateway("held", "release", held, "--team", "central-data-team", "--why", "it is one")
    assert desk.state(held) == "accepted"
    desk.gateway("providers", "close", "oak", "--why", "closed")
    desk.gateway("providers", "reopen", "oak", "--why", "it was another one")
    with desk.registry.read() as session:
        assert rolls.count_on_rolls(session, ["oak"]) == {"oak": 10}


def test_a_complete_roll_given_again_to_no_roll_is_none(desk: Desk, named) -> None:
    """Its school had another number when it was given again: what it took off stays taken off."""
    oak = desk.provider("oak", years=THIS_YEAR, dfe_number="9994001")
    desk.send(oak, core_data())
    desk.process()
    desk.pass_time(hours=1)
    roll = desk.send(oak, census(seed=2, pupils=3))
    desk.process()
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994009", "--why", "a new one")
    named("jane")
    desk.gateway("transfers", "withdraw", roll, "--why", "the export of one class")
    named("sam")
    desk.gateway("transfers", "redeliver", roll, "--why", "it was right after all")
    desk.gateway("providers", "close", "oak", "--why", "closed")
    desk.gateway("providers", "reopen", "oak", "--why", "it was another one")
    with desk.registry.read() as session:
        assert rolls.count_on_rolls(session, ["oak"]) == {"oak": 10}


def test_a_withdrawn_file_does_not_come_back_by_being_sent_again(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sealed = oak.seal(census(), desk.certificate)
    sent = desk.land(oak, sealed)
    desk.process()
    desk.gateway("transfers", "withdraw", sent, "--why", "wrong")
    again = desk.land(oak, sealed)
    desk.process()
    assert desk.codes(again) == ["open:replayed"]


def test_what_is_given_back_goes_to_the_teams_that_had_it_and_to_no_others(desk: Desk, named) -> None:
    sent, one = accepted(desk, core_data()), "central-data-team"
    every, names = desk.transfer(sent).teams, load_catalogue(desk.home.policies).wording.name
    assert {one} < {*every}
    for to, teams in (((), every), (("--team", one), (one,)), ((), (one,))):
        named("jane")
        desk.gateway("transfers", "withdraw", sent, "--why", "wrong")
        named("sam")
        said = " ".join(desk.gateway("transfers", "redeliver", sent, *to, "--why", "right").split())
        had = [each for each in desk.transfer(sent).teams if each != "school-place-planning"]
        assert had == [each for each in teams if each != "school-place-planning"]
        assert all(names(each) in said for each in desk.transfer(sent).teams), said


def test_a_team_that_has_dealt_with_a_file_gets_it_again(desk: Desk) -> None:
    sent = accepted(desk)
    receipts = desk.receipt(sent)
    with desk.registry.write() as session:
        found = deliveries.find_delivered(session, "central-data-team", sent)
        assert found is not None
        deliveries.deal_with(session, found, by="jane", at=desk.now)
    assert mailbox(desk, "central-data-team") == []
    desk.gateway("transfers", "redeliver", sent, "--team", "central-data-team", "--why", "once more")
    assert mailbox(desk, "central-data-team") == [sent]
    assert desk.receipt(sent) == receipts  # Nothing that its sender was told has changed.
    assert desk.kinds(sent)[-2:] == ["redelivered", "delivered"]
    desk.gateway("log", "verify")


def test_a_further_team_gets_it_where_the_agreement_allows_it_and_the_sender_is_told(
    desk: Desk, named
) -> None:
    sent = accepted(desk)
    (other,) = {"sen", "exclusions"}.intersection({"exclusions"}) - set(desk.transfer(sent).teams)
    said = desk.gateway("transfers", "redeliver", sent, "--team", other, "--why", "x", code=1)
    assert "speaks against" in said
    never = "school-place-planning"
    assert "whoever allows it" in desk.gateway(
        "transfers", "redeliver", sent, "--team", never, "--why", "x", "--override", code=1
    )
    named("jane")
    desk.gateway("transfers", "redeliver", sent, "--team", other, "--why", "a tribunal", "--override")
    assert mailbox(desk, other) == []
    assert "somebody else" in desk.gateway("transfers", "confirm", sent, "--why", "x", code=1)
    named("sam")
    desk.gateway("transfers", "confirm", sent, "--why", "read the order")
    assert mailbox(desk, other) == [sent]
    with desk.registry.read() as session:
        given = [deliveries.find_delivered(session, team, sent) for team in (other, "central-data-team")]
    assert [one.whole for one in given if one] == [True, False]  # Two decided that, of this team alone.
    assert "person:released-against-policy" in desk.codes(sent)
    notes = [one.note or "" for one in desk.events(sent) if one.kind == "redelivered"]
    assert [note.partition(" (proposed")[0] for note in notes] == ["read the order"]
    assert re.search(rf"Passed to [^:]*{other}", desk.receipt(sent), re.IGNORECASE)
    (notice,) = json.loads(desk.gateway("notices", "list", "--json"))
    assert "AGAINST" in notice["subject"]
    desk.gateway("log", "verify")


def test_a_team_is_given_its_view_again_where_the_agreement_speaks_against_the_sender_alone(
    desk: Desk, named
) -> None:
    sent = accepted(desk)
    desk.gateway("providers", "suspend", "oak", "--why", "a dispute")
    named("jane")
    desk.gateway("transfers", "redeliver", sent, "--why", "lost", "--override")
    named("sam")
    desk.gateway("transfers", "confirm", sent, "--why", "read it")
    with desk.registry.read() as session:
        given = [deliveries.find_delivered(session, team, sent) for team in desk.transfer(sent).teams]
    assert given
    assert not any(one is None or one.whole for one in given)


def test_what_a_stolen_key_signed_is_given_again_by_two_people_alone(desk: Desk, named) -> None:
    sent = accepted(desk)
    signer = desk.transfer(sent).signature
    assert signer is not None
    again = ("transfers", "redeliver", sent, "--why", "lost")
    named("jane")
    desk.gateway("keys", "revoke", "oak", signer.certificate, "--why", "laptop stolen")
    assert "has been revoked" in desk.gateway(*again, code=1)
    desk.gateway(*again, "--override")
    named("sam")
    desk.gateway("transfers", "confirm", sent, "--why", "the school made this file")
    (notice,) = json.loads(desk.gateway("notices", "list", "--json"))
    assert "AGAINST" in notice["subject"]


@pytest.mark.parametrize("code", ["open:key-revoked", "open:unknown-login"])
def test_what_two_people_gave_again_to_the_same_teams_says_what_spoke_against_it(
    desk: Desk, named, code: str
) -> None:
    sent = accepted(desk)
    signer, login = desk.transfer(sent).signature, desk.transfer(sent).upload.ssh_key
    assert signer is not None
    stolen = login if code == "open:unknown-login" else signer.certificate
    desk.gateway("keys", "revoke", "oak", stolen, "--why", "laptop stolen")
    teams = desk.teams_given(sent)
    named("jane")
    desk.gateway("transfers", "redeliver", sent, "--why", "a tribunal", code=1)
    desk.gateway("transfers", "redeliver", sent, "--why", "a tribunal", "--override")
    named("sam")
    desk.gateway("transfers", "confirm", sent, "--why", "the school made this file")
    assert desk.codes(sent)[-2:] == ["person:released-against-policy", code]
    assert code in desk.receipt(sent)
    assert desk.teams_given(sent) == teams
    assert "everything fits" in desk.gateway("log", "verify")


def test_a_sender_is_not_told_to_send_again_what_two_people_gave_to_a_further_team(desk: Desk, named) -> None:
    sent = accepted(desk)
    signer = desk.transfer(sent).signature
    assert signer is not None
    desk.gateway("keys", "revoke", "oak", signer.certificate, "--why", "laptop stolen")
    named("jane")
    desk.gateway("transfers", "redeliver", sent, "--team", "exclusions", "--why", "a tribunal", "--override")
    named("sam")
    desk.gateway("transfers", "confirm", sent, "--why", "the school made this file")
    told = " ".join(desk.receipt(sent).split())
    assert "open:key-revoked" in told
    assert "send the file again" not in told


def test_who_withdrew_a_file_confirms_its_delivery_that_another_person_proposed(desk: Desk, named) -> None:
    sent = accepted(desk)
    signer = desk.transfer(sent).signature
    assert signer is not None
    named("jane")
    desk.gateway("keys", "revoke", "oak", signer.certificate, "--why", "laptop stolen")
    desk.gateway("transfers", "withdraw", sent, "--why", "who sent this?")
    again = ("transfers", "redeliver", sent, "--why", "the school made this file", "--override")
    assert "somebody else must decide" in desk.gateway(*again, code=1)
    named("sam")
    (step,) = re.findall("second person: gateway (.+) --why …", desk.gateway(*again))
    assert step in desk.gateway(*again, code=1)
    confirm = (*step.split(), "--why", "so it says")
    assert "somebody else must confirm" in desk.gateway(*confirm, code=1)
    named("jane")
    desk.gateway(*confirm)
    assert desk.state(sent) == "accepted"


def test_what_was_signed_before_its_key_was_replaced_is_given_again(desk: Desk, named) -> None:
    sent = accepted(desk)
    signer = desk.transfer(sent).signature
    assert signer is not None
    desk.gateway("keys", "revoke", "oak", signer.certificate, "--superseded", "--why", "a new one")
    desk.gateway("transfers", "redeliver", sent, "--why", "lost")


def test_who_confirms_a_withdrawal_does_not_confirm_a_delivery_proposed_meanwhile(desk: Desk, named) -> None:
    sent = accepted(desk)
    confirm = ("transfers", "confirm", sent, "--why", "gone for good")
    named("jane")
    desk.gateway("transfers", "withdraw", sent, "--why", "wrong authority")
    assert "nobody has proposed" in desk.gateway(*confirm, "--delivery", code=1)
    named("sam")
    propose = ("transfers", "redeliver", sent, "--team", "exclusions", "--why", "a tribunal", "--override")
    desk.gateway(*propose)
    named("kim")
    said = " ".join(desk.gateway(*confirm, code=1).split())
    assert "proposed to deliver it: --delivery" in said
    assert mailbox(desk, "exclusions") == []
    desk.gateway("transfers", "decline", sent, "--why", "no tribunal")
    desk.gateway(*confirm)
    assert desk.codes(sent) == ["person:withdrawn-for-good"]
    named("sam")
    desk.gateway(*propose)
    named("kim")
    desk.gateway(*confirm)
    assert mailbox(desk, "exclusions") == [sent]


def test_a_delivery_against_more_than_was_proposed_is_proposed_anew(desk: Desk, named) -> None:
    sent = accepted(desk)
    propose = ("transfers", "redeliver", sent, "--team", "exclusions", "--why", "a tribunal", "--override")
    named("jane")
    desk.gateway(*propose)
    desk.gateway("providers", "suspend", "oak", "--why", "a dispute")
    named("sam")
    said = " ".join(desk.gateway("transfers", "confirm", sent, "--why", "read it", code=1).split())
    assert "more speaks against it than when jane" in said
    assert mailbox(desk, "exclusions") == []
    assert "before another is proposed" in " ".join(desk.gateway(*propose, code=1).split())
    desk.gateway("transfers", "decline", sent, "--why", "more speaks against it")
    named("jane")
    desk.gateway(*propose)
    named("sam")
    desk.gateway("transfers", "confirm", sent, "--why", "read it")
    assert mailbox(desk, "exclusions") == [sent]


def test_a_further_team_is_given_as_sent_what_nobody_recognised_and_no_marked_child_with_it(
    desk: Desk,
) -> None:
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), b"nothing that anybody knows\n")
    desk.process()
    first, further = "central-data-team", "sen"
    release = ("held", "release", sent, "--as", "student-core", "--team", first, "--why", "a list")
    desk.gateway(*release)
    desk.gateway("transfers", "redeliver", sent, "--team", further, "--why", "for them, too")
    with desk.registry.read() as session:
        given = [deliveries.find_delivered(session, team, sent) for team in (first, further)]
    assert [one and one.whole for one in given] == [True, True]


def test_a_second_person_says_no_to_a_further_team(desk: Desk, named) -> None:
    sent = accepted(desk)
    (other,) = {"exclusions"} - set(desk.transfer(sent).teams)
    assert "nobody has proposed" in desk.gateway("transfers", "decline", sent, "--why", "no", code=1)
    named("jane")
    desk.gateway("transfers", "redeliver", sent, "--team", other, "--why", "a tribunal", "--override")
    named("sam")
    said = desk.gateway("transfers", "decline", sent, "--why", "there is no tribunal")
    assert re.search("jane .*proposed it in vain", said)
    assert "not withdrawn" in desk.gateway("transfers", "confirm", sent, "--why", "x", code=1)
    context = ActContext(
        home=desk.home,
        person="sam",
        clock=lambda: desk.now,
        open_registry=lambda: nullcontext(desk.registry),
        open_registrar=desk.registrar,
        sight=lambda _: EVERYTHING,
    )
    with pytest.raises(GatewayError, match="nobody has proposed"):  # As before a signature.
        ConfirmRecall(reference=sent, why="x").effect(context)
    assert (mailbox(desk, other), mailbox(desk, "central-data-team")) == ([], [sent])
    declined = desk.events(sent)[-1]
    assert (declined.kind, declined.note) == ("redelivery-declined", "there is no tribunal")
    assert b"tribunal" not in declined.leaf
    assert "redelivery declined" in desk.gateway("report", "transfer", sent).lower()
    desk.gateway("log", "verify")


def test_the_whole_original_is_opened_on_record_and_for_its_owner_alone(desk: Desk, tmp_path: Path) -> None:
    content = core_data(seed=3)
    sent = accepted(desk, content)
    target = tmp_path / "out.xml"
    desk.gateway("transfers", "open", sent, "--why", "subject access", "--to", str(target))
    assert target.read_bytes() == content
    assert target.stat().st_mode & 0o777 == 0o600
    assert "not overwritten" in desk.gateway(
        "transfers", "open", sent, "--why", "x", "--to", str(target), code=1
    )
    assert desk.kinds(sent).count("opened") == 1
    assert desk.gateway("transfers", "open", sent, "--why", "printed") == content.decode()
    assert "Opened as a whole" in desk.gateway("report", "transfer", sent)


@pytest.mark.root
@pytest.mark.needs("mount")
def test_of_an_original_that_finds_no_room_nothing_stays(desk: Desk, tmp_path: Path) -> None:
    sent, small = accepted(desk, core_data(seed=3)), tmp_path / "small"
    small.mkdir()
    with disk_over(small) as disk:
        disk.fill()
        asked = ("transfers", "open", sent, "--why", "x", "--to", str(small / "out.xml"))
        assert f"{small / 'out.xml'}: No space left" in desk.gateway(*asked, code=1)
        assert [path.name for path in small.iterdir()] == [disk.filler.name]


def test_what_was_never_passed_on_is_neither_withdrawn_nor_delivered_again(desk: Desk) -> None:
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), b"nothing that anybody knows\n")
    desk.process()
    assert "held refuse" in desk.gateway("transfers", "withdraw", sent, "--why", "x", code=1)
    assert "never passed on" in desk.gateway("transfers", "redeliver", sent, "--why", "x", code=1)
    assert "not withdrawn" in desk.gateway("transfers", "confirm", sent, "--why", "x", code=1)


def test_a_corrected_file_names_the_one_that_it_replaces_and_none_is_lost(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    first, other = desk.send(oak, census(pupils=3)), desk.send(oak, core_data())
    desk.process()
    second = desk.send(oak, census(pupils=4))
    desk.process()
    shown = {one: json.loads(desk.gateway("transfers", "show", one, "--json")) for one in (first, second)}
    assert shown[first]["period"] == shown[second]["period"] is not None
    assert (shown[first]["replaces"], shown[first]["superseded_by"]) == (None, second)
    assert (shown[second]["replaces"], shown[second]["superseded_by"]) == (first, None)
    assert f"This file replaces {first}" in desk.receipt(second)
    (decided,) = (event for event in desk.events(second) if event.kind == "decided")
    assert f'"replaces":"{first}"'.encode() in decided.leaf
    assert set(mailbox(desk, "central-data-team")) == {first, other, second}
    desk.gateway("transfers", "withdraw", second, "--why", "the correction was wrong")
    assert json.loads(desk.gateway("transfers", "show", first, "--json"))["superseded_by"] is None
