"""One child: which files hold it, who had them, what is left; markers and holds; questions are logged."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import select

from gateway.examiner.parent import Examiner
from gateway.model import RollEntry
from gateway.processor.retention import run as delete_due
from gateway.registry import (
    deliveries,
    hand_ons,
    holds,
    log,
    markers,
    persons,
    retention,
    rolls,
    transfers,
)
from gateway.registry.log import Entry
from gateway.registry.tables import PersonsOfTransferRow
from gateway.reports.retention import load_retention
from tests.classify import made
from tests.clock import THIS_YEAR
from tests.whole import collect, jane
from tests.workshop import Desk

YEARS = THIS_YEAR
ON_ROLL, LEFT = made.CORE_INSIDE, made.CORE_INSIDE + made.HISTORY


@pytest.fixture(autouse=True)
def nobody_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GATEWAY_ADMIN", "SUDO_USER"):
        monkeypatch.delenv(name, raising=False)


def core(*pupils: str) -> bytes:
    return made.ctf(pupils).encode()


def child(number: int = 1, inside: str = ON_ROLL) -> str:
    return made.pupil(made.Child(number), inside)


def find(desk: Desk, *options: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(desk.gateway("pupils", "find", *options, "--json"))
    return found


def apart(desk: Desk, person: str | None = None) -> set[str]:
    """The files of which somebody is shown no record of a marked child."""
    with desk.registry.read() as session:
        found = deliveries.page(session, "central-data-team", person=person, limit=10)
        kept = markers.kept_apart(session, [one.sequence for one in found], person)
        return {one.reference for one in found if one.sequence in kept}


def test_a_child_is_found_in_every_file_whatever_became_of_it(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    first, other = desk.send(oak, core(child(1), child(2))), desk.send(elm, core(child(2)))
    held = desk.send(elm, f"UPN,Locker\n{made.Child(1).upn},blue\n".encode(), "lockers.csv.pgp")
    desk.process()
    assert (desk.state(first), desk.state(held)) == ("accepted", "held")
    desk.gateway("transfers", "open", first, "--why", "a question", "--to", str(desk.root / "x"))
    found = {one["reference"]: one for one in find(desk, "--upn", made.Child(1).upn, "--why", "request 12")}
    assert found.keys() == {first, held}
    assert found[first]["left"] == "the sealed file"
    assert [one["team"] for one in found[first]["openings"]] == [None]
    said = desk.gateway("pupils", "find", "--upn", made.Child(2).upn.lower())
    assert other in said
    assert f"on the roll of elm: {other} record 1" in said
    assert "no file holds" in desk.gateway("pupils", "find", "--upn", made.Child(3).upn)
    questions = [one for one in desk.events("pupils") if one.kind == "pupils-asked"]
    assert [json.loads(one.leaf)["fields"]["count"] for one in questions] == [2, 2, 0]
    assert questions[0].note == "request 12"
    assert not any(made.Child(1).upn.encode() in (one.leaf + (one.note or "").encode()) for one in questions)
    desk.gateway("log", "verify")


def test_a_question_that_names_nobody_is_refused_and_repeats_nothing(desk: Desk) -> None:
    for options in ((), ("--upn", "X999000000001"), ("--surname", "Smith", "--forename", "Ann")):
        said = desk.gateway("pupils", "find", *options, code=1)
        assert "Smith" not in said
        assert "X999" not in said
    assert desk.events("pupils") == []


def test_a_child_without_a_number_is_found_by_name_and_date_of_birth(desk: Desk) -> None:
    rows = "Surname,Forename,DOB,Ethnicity\nO'Néill,Zoë Ann,01/02/2015,WBRI\nSmith,Bo,03/04/2014,WBRI\n"
    sent = desk.send(desk.provider("oak", years=YEARS), rows.encode(), "core.csv.pgp")
    desk.process()
    asked = ("--surname", "ONeill", "--forename", "Zoe", "--born", "2015-02-01")
    assert [one["reference"] for one in find(desk, *asked)] == [sent]
    assert find(desk, *asked[:-1], "2015-02-02") == []


def test_the_report_for_a_subject_access_request(desk: Desk) -> None:
    sent = desk.send(desk.provider("oak", years=YEARS), core(child(1)))
    desk.process()
    desk.gateway("transfers", "open", sent, "--why", "a question", "--to", str(desk.root / "x"))
    upn = made.Child(1).upn
    find(desk, "--upn", upn, "--why", "request 12")
    desk.gateway("pupils", "restrict", *made.Child(1).asked, "--why", "accuracy is contested")
    said = " ".join(desk.gateway("pupils", "report", "--upn", upn).split())
    lasting = ", or longer if the authority must keep it, and as long as the child's data is restricted"
    for part in (sent, "Student Core Data", "The oak", "kept until", "data protection", lasting):
        assert part in said or part == "Student Core Data"
    assert "Supports Statutory Duties" in said
    assert "request 12" in said
    assert upn not in said
    html = desk.root / "report.html"
    desk.gateway("pupils", "report", "--upn", upn, "--names", "--html", str(html))
    assert sent in html.read_text()
    desk.gateway("legal-holds", "place", "--upn", upn, "--why", "claim 14")
    both = ", and on legal hold, and as long as the child's data is restricted"
    assert both in " ".join(desk.gateway("pupils", "report", "--upn", upn).split())
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    assert "restricted" not in desk.gateway("pupils", "report", "--upn", upn)


def test_what_was_done_with_a_child_is_of_the_day_by_the_clocks_of_the_authority(desk: Desk) -> None:
    sent = desk.send(desk.provider("oak", years=YEARS), core(child(1)))
    desk.process()
    desk.now = datetime(desk.now.year + 1, 6, 30, 23, 10, tzinfo=UTC)  # Ten minutes into July, in summer.
    collect(desk, jane(desk), "central-data-team", sent)
    with desk.registry.write() as session:
        known = markers.split(session.exec(select(PersonsOfTransferRow)).one().persons)
        none = dict[str, tuple[()]](people=(), transfers=())
        markers.place(session, "restricted", known, **none, by="admin", why="contested", at=desk.now)
    day = f"{desk.now.year}-07-01"
    (found,) = find(desk, "--upn", made.Child(1).upn)
    assert found["opened_by"] == [f"jane {day}"]
    said = " ".join(desk.gateway("pupils", "report", "--upn", made.Child(1).upn).split())
    assert f"marker 1 since {day}" in said


def test_the_report_tells_every_item_and_every_team_that_can_collect_a_file_though_another_has(
    desk: Desk,
) -> None:
    inside = f"{ON_ROLL}<Email>nobody@example.org</Email>"
    sent = desk.send(desk.provider("oak", years=YEARS), core(child(1, inside)))
    desk.process()
    collect(desk, jane(desk), "central-data-team", sent)
    said = " ".join(desk.gateway("pupils", "report", "--upn", made.Child(1).upn).split())
    given = said.partition("WHO WAS GIVEN IT")[2].partition("WHAT IS LEFT")[0]
    assert "GMT Central Data Team" in given or "UTC Central Data Team" in given
    passed = given.partition(f"{sent}: passed to ")[2]
    assert "Education Welfare Service" in passed
    assert "Central Data Team" not in passed
    assert "jane" not in given
    system = Entry(
        kind="collected", subject=sent, fields={"team": "sen"}, actor=hand_ons.actor_of("case-files")
    )
    with desk.registry.write() as session:
        log.append(session, [system], desk.now)
    said = " ".join(desk.gateway("pupils", "report", "--upn", made.Child(1).upn).split())
    desk.gateway("transfers", "withdraw", sent, "--why", "the wrong school")
    taken_back = " ".join(desk.gateway("pupils", "report", "--upn", made.Child(1).upn).split())
    assert "passed on, and taken back since" in taken_back
    assert "nobody was given it" not in taken_back
    assert "hand-on case-files, Special Educational Needs" in said, "a recipient is named (Article 15(1)(c))"
    assert "* on the roll of The oak, by record" in said
    assert "E-mail address" in said


def left_of_second(desk: Desk) -> str:
    """Return the section of the report for the second child that tells what is left."""
    said = " ".join(desk.gateway("pupils", "report", "--upn", made.Child(2).upn).split())
    return said.partition("WHAT IS LEFT")[2].partition("ON WHICH ROLLS")[0]


def test_the_report_for_one_child_tells_nothing_of_a_restriction_of_another(desk: Desk) -> None:
    sent = desk.send(desk.provider("oak", years=YEARS), core(child(1), child(2)))
    desk.process()
    before = left_of_second(desk)
    assert sent in before
    desk.gateway("pupils", "restrict", *made.Child(1).asked, "--why", "accuracy is contested")
    assert left_of_second(desk) == before
    assert "or longer if the authority must keep it" in before


def test_the_report_for_one_child_tells_nothing_of_a_legal_hold_on_another(desk: Desk) -> None:
    sent = desk.send(desk.provider("oak", years=YEARS), core(child(1), child(2)))
    desk.process()
    before = left_of_second(desk)
    desk.gateway("legal-holds", "place", "--upn", made.Child(1).upn, "--why", "claim 14")
    assert left_of_second(desk) == before
    assert "on hold" in desk.gateway("pupils", "find", "--upn", made.Child(2).upn)
    desk.gateway("legal-holds", "place", sent, "--why", "claim 15")
    assert ", and on legal hold" in left_of_second(desk)


def test_only_named_people_see_the_record_of_a_marked_child(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    before = desk.send(oak, core(child(1), child(2)))
    desk.process()
    for name in ("jane", "sam"):
        key = desk.root / f"{name}.pub"
        key.write_bytes(made_key())
        desk.gateway("staff", "add", name, "--team", "central-data-team", "--ssh-key", str(key))
    assert "no member of staff" in desk.gateway(
        "pupils", "protect", *made.Child(1).asked, "--person", "nobody", "--why", "x", code=1
    )
    desk.gateway("pupils", "protect", *made.Child(1).asked, "--person", "jane", "--why", "police request")
    after = desk.send(oak, core(child(1), child(3)))
    desk.send(oak, core(child(4)))
    desk.process()
    assert apart(desk, "sam") == apart(desk) == {before, after}
    assert apart(desk, "jane") == set()
    assert "only named people" in desk.gateway("transfers", "open", after, "--why", "x", code=1)
    (marker,) = json.loads(desk.gateway("pupils", "markers", "--json"))
    assert (marker["kind"], marker["people"], marker["files"]) == ("named", ["jane"], 2)
    said = desk.gateway("pupils", "protect", *made.Child(1).asked, "--person", "sam", "--why", "x", code=1)
    assert f"gateway pupils unmark {marker['number']}, gateway pupils protect" in " ".join(said.split())
    desk.gateway("pupils", "restrict", *made.Child(1).asked, "--why", "accuracy is contested")
    assert apart(desk, "jane") == {before, after}
    desk.gateway("pupils", "unmark", "2", "--why", "settled")
    desk.gateway("pupils", "unmark", str(marker["number"]), "--why", "no longer needed")
    assert apart(desk, "sam") == set()
    kinds = [event.kind for event in desk.events("pupils")]
    assert kinds == ["pupil-marked", "pupil-marked", "pupil-unmarked", "pupil-unmarked"]
    desk.gateway("log", "verify")


def made_key() -> bytes:
    import asyncssh  # noqa: PLC0415

    return asyncssh.generate_private_key("ssh-ed25519").export_public_key()


def test_a_hold_on_a_child_or_a_provider_keeps_what_comes_later_too(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    upn = made.Child(1).upn
    desk.gateway("legal-holds", "place", "--upn", upn, "--why", "claim 14")
    with_child, without = desk.send(oak, core(child(1))), desk.send(oak, core(child(2)))
    of_elm = desk.send(elm, core(child(3)))
    desk.process()
    desk.gateway("legal-holds", "place", "--provider", "elm", "--why", "claim 15")
    assert "on hold already" in desk.gateway("legal-holds", "place", "--upn", upn, "--why", "x", code=1)
    assert "one thing" in desk.gateway("legal-holds", "place", "--why", "x", code=1)

    def due() -> set[str]:
        with desk.registrar() as registrar, registrar.registry.read() as session:
            rules = load_retention(registrar.home)
            planned, _ = retention.plan_at(session, rules, desk.now + timedelta(days=500))
        return {one.reference for one in planned}

    assert due() == {without}
    held = {one["reference"]: one["on_hold"] for one in find(desk, "--upn", upn)}
    assert held == {with_child: True}
    desk.gateway("legal-holds", "lift", "--upn", upn, "--why", "settled")
    desk.gateway("legal-holds", "lift", "--provider", "elm", "--why", "settled")
    assert due() == {with_child, without, of_elm}
    desk.gateway("log", "verify")


def test_a_hold_on_a_name_neither_stands_for_the_upn_nor_is_lifted_for_another_child(desk: Desk) -> None:
    one, other = made.Child(1), made.Child(2)
    sent = desk.send(desk.provider("oak", years=YEARS), core(child(1)))
    desk.process()
    named = one.asked[2:]

    def act(*options: str, code: int = 0) -> str:
        return desk.gateway("legal-holds", *options, "--why", "claim 16", code=code)

    def is_kept() -> bool:
        with desk.registry.read() as session:
            return bool(holds.on_hold(session, [sent]))

    act("place", *named)
    assert not is_kept()  # Who has a UPN in a file is found there by that alone.
    act("place", *one.asked)
    assert is_kept()
    assert "on hold already" in act("place", *named, code=1)
    assert "is not on hold" in act("lift", "--upn", other.upn, code=1)
    act("lift", *named)
    assert "is not on hold" in act("lift", "--upn", other.upn, *named, code=1)
    assert is_kept()
    act("lift", *one.asked)
    assert not is_kept()


def test_by_a_name_that_two_children_on_hold_have_neither_hold_is_lifted(desk: Desk) -> None:
    one, other = made.Child(1), made.Child(2)
    twins = one.asked, ("--upn", other.upn, *one.asked[2:])
    for child_named in twins:
        desk.gateway("legal-holds", "place", *child_named, "--why", "claim 19")
    lift = "legal-holds", "lift", "--why", "settled"
    assert "several legal holds fit" in desk.gateway(*lift, *one.asked[2:], code=1)
    with desk.registry.read() as session:
        assert len(holds.list_holds(session)) == 2
    for child_named in twins:
        desk.gateway(*lift, *child_named)


def test_what_is_restricted_is_not_deleted_until_the_marker_is_off(desk: Desk) -> None:
    oak = desk.provider("oak", years=YEARS)
    restricted, protected = desk.send(oak, core(child(1))), desk.send(oak, core(child(2)))
    desk.process()
    desk.gateway("pupils", "restrict", *made.Child(1).asked, "--why", "accuracy is contested")
    named = ("--surname", "Nobody", "--forename", "Ann", "--born", "2015-02-01")
    desk.gateway("pupils", "restrict", *named, "--why", "in no file")
    day = f"{desk.now + timedelta(days=500):%Y-%m-%d}"

    def planned() -> tuple[set[str], set[str]]:
        said = json.loads(desk.gateway("retention", "plan", "--on", day, "--json"))
        return {one["reference"] for one in said["due"]}, {one["reference"] for one in said["on_hold"]}

    assert planned() == ({protected}, {restricted})
    assert "by a legal hold or a restriction: 1" in desk.gateway("retention", "plan", "--on", day)
    desk.pass_time(days=500)
    with desk.registrar() as registrar:
        delete_due(registrar, desk.now, by="admin")
    with desk.registry.read() as session:
        assert retention.with_sealed_file(session) == {restricted}
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    assert planned() == ({restricted}, set())
    desk.gateway("log", "verify")


@pytest.mark.parametrize("upn", ["{mistyped}", ""])
def test_a_marked_child_is_kept_apart_where_its_number_is_mistyped_or_missing(desk: Desk, upn: str) -> None:
    """A mistyped number has another check letter than is right; the record is then known by its name."""
    one = made.Child(1)
    mistyped = f"{'A' if one.upn[0] != 'A' else 'B'}{one.upn[1:]}"
    record = child(1).replace(f"<UPN>{one.upn}</UPN>", f"<UPN>{mistyped}</UPN>" if upn else "")
    oak = desk.provider("oak", years=YEARS)
    before = desk.send(oak, core(record, child(2)))
    desk.process()
    said = desk.gateway("pupils", "restrict", "--upn", one.upn, "--why", "police request", code=1)
    assert "--surname" in said
    desk.gateway("pupils", "restrict", *one.asked, "--why", "police request")
    after = desk.send(oak, core(record, child(3)))
    other = desk.send(oak, core(child(4)))
    desk.process()
    assert {desk.state(file) for file in (before, after, other)} == {"accepted"}
    assert apart(desk, "sam") == {before, after}


def test_a_child_that_got_another_number_is_marked_by_the_new_one_too(desk: Desk) -> None:
    first, other = made.Child(1), made.Child(2)
    renumbered = ("--upn", other.upn, *first.asked[2:])
    desk.gateway("pupils", "restrict", *first.asked, "--why", "contested")
    for known in (first.asked, first.asked[2:]):
        assert "marked so already" in desk.gateway("pupils", "restrict", *known, "--why", "x", code=1)
    desk.gateway("pupils", "restrict", *renumbered, "--why", "another number since")
    later = desk.send(desk.provider("oak", years=YEARS), core(child(2), child(3)))
    desk.process()
    assert apart(desk) == {later}


def test_a_file_is_put_into_the_index_by_the_rules_of_the_day_at_the_school(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.send(desk.provider("oak", years=YEARS), core(child(1)))
    desk.process()
    with desk.registry.write() as session:
        session.delete(session.exec(select(PersonsOfTransferRow)).one())
    desk.now = datetime(desk.now.year + 1, 6, 30, 23, 30, tzinfo=UTC)
    classify, days = Examiner.classify, list[date]()
    monkeypatch.setattr(
        Examiner,
        "classify",
        lambda self, file, asked: days.append(asked.today) or classify(self, file, asked),
    )
    monkeypatch.setattr("gateway.cli.pupils.registrar_of", lambda _: desk.registrar())
    desk.gateway("pupils", "index")
    assert days == [date(desk.now.year, 7, 1)]


def test_files_from_before_the_index_are_told_of_and_put_into_it(desk: Desk) -> None:
    sent = desk.send(desk.provider("oak", years=YEARS), core(child(1)))
    desk.process()
    with desk.registry.write() as session:
        before = session.exec(select(PersonsOfTransferRow)).one().persons
        session.delete(session.exec(select(PersonsOfTransferRow)).one())
    upn = made.Child(1).upn
    desk.gateway("pupils", "restrict", *made.Child(1).asked, "--why", "contested")
    assert "not in the index yet" in desk.gateway("pupils", "find", "--upn", upn)
    held = ("legal-holds", "place", "--why", "a complaint", *made.Child(1).asked)
    assert "not in the index yet, and may hold the child: 1" in " ".join(desk.gateway(*held).split())
    told = ("pupils", "report", *made.Child(1).asked, "--why", "they asked")
    assert "!! Kept files that are not in the index yet: 1." in desk.gateway(*told)
    assert apart(desk) == set()
    desk.gateway("pupils", "index")
    assert "not in the index yet" not in desk.gateway(*held, *made.Child(2).asked) + desk.gateway(*told)
    assert [one["reference"] for one in find(desk, "--upn", upn)] == [sent]
    assert apart(desk) == {sent}
    with desk.registry.read() as session:
        assert session.exec(select(PersonsOfTransferRow)).one().persons == before
        assert not persons.unindexed(session)


def test_leavers_are_listed_from_the_first_moment_of_a_day_of_the_authority(desk: Desk) -> None:
    left = desk.send(desk.provider("oak", years=YEARS), core(child(1)))
    desk.process()
    with desk.registry.write() as session:
        entries = [RollEntry(pupil=b"g" * 16, on_roll=False, record=1)]
        at = datetime(2026, 6, 30, 23, 10, tzinfo=UTC)  # Ten minutes into July, by the clocks of summer.
        transfer = transfers.get(session, left).sequence
        rolls.enter(session, [rolls.Roll(provider="oak", at=at, transfer=transfer, entries=entries)])
    assert left in desk.gateway("pupils", "missing", "--from", "2026-07-01")
    assert desk.gateway("pupils", "missing", "--from", "2026-07-02").strip() == "nobody"


def test_children_on_no_roll_and_movers(desk: Desk) -> None:
    oak, elm = desk.provider("oak", years=YEARS), desk.provider("elm", years=YEARS)
    desk.send(oak, core(child(1), child(2), child(3)))
    desk.process()
    desk.pass_time(hours=1)
    left = desk.send(oak, core(child(1, LEFT), child(2, LEFT), child(3)))
    desk.process()
    desk.pass_time(hours=1)
    desk.send(elm, core(child(2)))
    desk.process()
    missing = json.loads(desk.gateway("pupils", "missing", "--json"))
    assert [(one["provider"], one["reference"], one["record"]) for one in missing] == [("oak", left, 1)]
    movers = json.loads(desk.gateway("pupils", "movers", "--json"))
    assert [(one["provider"], one["record"], one["now_at"]) for one in movers] == [("oak", 2, "elm")]
    assert desk.gateway("pupils", "missing", "--from", "2100-01-01").strip() == "nobody"
    desk.gateway("pupils", "restrict", *made.Child(1).asked, "--why", "contested")
    for asked_of in (("missing",), ("missing", "--from", "2100-01-01"), ("movers",)):
        told = desk.gateway("pupils", *asked_of)
        assert "children whose data only named people may see are not in this list" in told, asked_of
    asked = [json.loads(one.leaf)["fields"] for one in desk.events("pupils") if one.kind == "pupils-asked"]
    assert [(one["what"], one["count"]) for one in asked[:2]] == [("missing", 1), ("movers", 1)]
    desk.gateway("pupils", "unmark", "1", "--why", "settled")
    jane(desk)
    desk.gateway("pupils", "protect", *made.Child(1).asked, "--person", "jane", "--why", "police")
    told = desk.gateway("pupils", "missing")  # By who may do what data protection may.
    assert left in told
    assert "not in this list" not in told
