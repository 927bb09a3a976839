"""From a decision or a day to a letter at a real SMTP server: each once, and no pupil or file in any."""

from __future__ import annotations

import json
import os
import threading
import time
from contextlib import closing, nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlmodel import Session, select

from gateway.access import EVERYTHING, Sight
from gateway.acts.act import ActContext
from gateway.acts.letters import ChaseProvider
from gateway.courier import service
from gateway.errors import Fault
from gateway.home.settings import load_settings
from gateway.model import Provider
from gateway.policy.dates import academic_year
from gateway.processor.retention import run_hourly
from gateway.processor.service import open_processor
from gateway.publish.letters_out import pass_letters
from gateway.receipts.notices import changed
from gateway.record.letters import Letterhead, by_calendar, owe_by_calendar
from gateway.record.policies_in_force import tell_everybody
from gateway.registry import letters, log, providers, receipts
from gateway.registry.tables import ContactRow, MarkedTransferRow, MarkerRow, TransferRow
from gateway.zones.places import is_leased
from tests.classify.made import Child
from tests.clock import THIS_YEAR
from tests.content import gcse_results, next_results_day
from tests.corpus.children import csv
from tests.corpus.schools import core
from tests.courier.mime import opened
from tests.courier.relay import Relay, go
from tests.policies import enact
from tests.waiting import eventually
from tests.workshop import Desk, fresh

NAME = "Jane Doe 4B.xml.pgp"


def mark(session: Session, reference: str, at: datetime) -> None:
    """Put a child of a file under a marker for named persons, of whom there are none."""
    marker = MarkerRow(kind="named", persons=b"", placed_at=at, placed_by="ann", why="w")
    session.add(marker)
    session.flush()
    transfer = session.exec(select(TransferRow.sequence).where(TransferRow.reference == reference)).one() or 0
    session.add(MarkedTransferRow(transfer=transfer, marker=marker.number or 0))
    log.record_changes(session, at)


def test_a_held_file_is_written_about_once_and_nothing_of_it_is_told(
    desk: Desk, relay: tuple[Relay, int]
) -> None:
    handler, _ = relay
    oak = desk.provider("oak", dfe_number="9991001")
    with desk.registry.write() as session:
        office = ContactRow(
            provider="oak",
            role="office",
            email="office@oak.invalid",
            recorded_at=desk.now,
            recorded_by="admin",
        )
        providers.keep_contact(session, office)
    reference = desk.send(oak, fresh(), name=NAME)
    desk.process()
    desk.process()
    go(desk)
    assert go(desk) == 0
    held = [one for one in handler.taken if reference in str(one["Subject"])]
    assert [one["To"] for one in held] == ["office@oak.invalid"]
    (letter,) = held
    assert letter["From"] == "gateway@test.invalid"
    told, html = opened(letter, desk.certificate.encode())
    assert reference in told
    assert reference in html
    assert "has not ratified" in " ".join(told.split()) or "ratif" in told
    assert not any("Jane" in f"{one}{told}{html}" for one in handler.taken)
    assert "4B" not in told.replace(reference, "")  # Signatures and references hold that by chance.


def with_a_file_that_waits(
    root: Path, *, dfe_number: str = "9994001", contact: bool = True
) -> tuple[Desk, str]:
    """Return a desk that writes letters to the office of oak, and the reference of its file that waits."""
    desk = Desk(root)
    with desk.home.settings.open("a") as settings:
        settings.write('\n[letters]\nrelay = "127.0.0.1"\nsender = "gateway@test.invalid"\n')
    desk.process()
    oak = desk.provider("oak", dfe_number=dfe_number)
    if contact:
        desk.gateway("providers", "set", "oak", "--contact", "office", "--email", "office@oak.invalid")
    reference = desk.send(oak, fresh())
    desk.process()
    return desk, reference


def test_a_school_is_written_to_each_time_a_file_that_waited_is_taken_back_or_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk, reference = with_a_file_that_waits(tmp_path / "back")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    for person, act in 2 * (("jane", "withdraw"), ("sam", "redeliver")):
        monkeypatch.setenv("GATEWAY_ADMIN", person)
        desk.gateway("transfers", act, reference, "--why", "a question")
    with desk.registry.write() as session:
        rows = sorted(letters.listed(session), key=lambda one: one.number or 0)
        of_it = [one for one in rows if reference in one.subject]
        before = letters.earlier_message_ids(session, of_it[-1])
        mark(session, reference, desk.now)
    few = desk.registry.within(lambda _: Sight(few=False, marked=False))
    with few.read() as session:
        shown = [one.subject for one in letters.listed(session) if reference in one.subject]
    desk.close()
    assert [one.subject.partition(":")[0] for one in of_it] == 3 * ["Waits", "Accepted"]
    assert list(before) == [one.message_id for one in of_it[:-1]]
    assert shown == []


def test_a_school_is_written_to_again_where_its_file_then_waits_for_something_else(tmp_path: Path) -> None:
    desk, reference = with_a_file_that_waits(tmp_path / "else")
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994009")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    desk.gateway("providers", "set", "oak", "--name", "Oak School")
    desk.gateway("held", "refuse", reference, "--why", "of another school")
    with desk.registry.read() as session:
        rows = sorted(letters.listed(session), key=lambda one: one.number or 0)
        of_it = [one for one in rows if reference in one.subject]
        before = letters.earlier_message_ids(session, of_it[-1])
        asked = ["ratif" in one.text for one in of_it]
    desk.close()
    assert [one.subject.partition(":")[0] for one in of_it] == ["Waits", "Waits", "Not taken"]
    assert asked == [True, False, False]
    assert list(before) == [one.message_id for one in of_it[:-1]]


def test_a_release_is_told_where_only_the_second_hold_had_a_letter(tmp_path: Path) -> None:
    desk, reference = with_a_file_that_waits(tmp_path / "second", dfe_number="9994009", contact=False)
    desk.gateway("providers", "set", "oak", "--contact", "office", "--email", "office@oak.invalid")
    desk.gateway("providers", "set", "oak", "--dfe-number", "9994001")
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    with desk.registry.read() as session:
        rows = sorted(letters.listed(session), key=lambda one: one.number or 0)
        of_it = [one for one in rows if reference in one.subject]
        before = letters.earlier_message_ids(session, of_it[-1])
    desk.close()
    assert [one.subject.partition(":")[0] for one in of_it] == ["Waits", "Accepted"]
    assert list(before) == [of_it[0].message_id]


def test_a_school_is_written_to_again_where_the_day_for_which_its_file_waits_moves(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "day")
    with desk.home.settings.open("a") as settings:
        settings.write('\n[letters]\nrelay = "127.0.0.1"\nsender = "gateway@test.invalid"\n')
    desk.process()
    day = next_results_day(desk)
    desk.now = day.replace(hour=0)
    oak = desk.provider("oak", dfe_number="9994001", years=(academic_year(day.date(), "09-01"),))
    desk.gateway("providers", "set", "oak", "--contact", "office", "--email", "office@oak.invalid")
    reference = desk.send(oak, gcse_results())
    desk.process()
    calendar = desk.home.policies / "calendar.toml"
    later = day + timedelta(days=2)
    calendar.write_text(calendar.read_text().replace(f"{day:%Y-%m-%d}]", f"{later:%Y-%m-%d}]"))
    enact(desk.home.root)
    desk.process()
    desk.process()
    with desk.registry.read() as session:
        rows = sorted(letters.listed(session), key=lambda one: one.number or 0)
        of_it = [one for one in rows if reference in one.subject]
        told = [f"{later.day} {later:%B}" in one.text for one in of_it]
    desk.close()
    assert [one.subject.partition(":")[0] for one in of_it] == ["Waits", "Waits"]
    assert told == [False, True]


def test_each_day_asks_for_its_letters_once(desk: Desk, relay: tuple[Relay, int]) -> None:
    handler, _ = relay
    with desk.registrar() as registrar:
        owe_by_calendar(registrar, desk.now)
        assert owe_by_calendar(registrar, desk.now) == 0
    go(desk)
    (weekly,) = [one for one in handler.taken if str(one["Subject"]).startswith("Your week with")]
    told, _ = opened(weekly, desk.certificate.encode())
    assert "Not ratified for" in told
    ids = [one["Message-ID"] for one in handler.taken]
    assert len(set(ids)) == len(ids)


def test_a_relay_that_is_down_loses_nothing_and_doubles_nothing(desk: Desk, relay: tuple[Relay, int]) -> None:
    handler, _ = relay
    before = len(handler.taken)
    with desk.registry.write() as session:
        owed = [letter(number) for number in range(20)]
        letters.owe(session, owed, "test.invalid/log", desk.now)
        assert letters.owe(session, owed, "test.invalid/log", desk.now) == 0
    settings = load_settings(desk.home).letters
    pass_letters(desk.registry, desk.home.letters, settings, desk.now)
    handler.down = True
    stop = threading.Event()
    courier = threading.Thread(
        target=service.run, args=(desk.home.letters, stop), kwargs={"pause_seconds": 0.05}
    )
    courier.start()
    eventually(lambda: len(service.waiting(desk.home.letters)) == 20)
    assert len(handler.taken) == before
    handler.down = False
    eventually(lambda: not service.waiting(desk.home.letters))
    stop.set()
    courier.join(60)
    pass_letters(desk.registry, desk.home.letters, settings, desk.now)
    assert len({one["Message-ID"] for one in handler.taken[before:]}) == 20
    assert len(handler.taken) == before + 20
    assert not list(desk.home.letters.out.iterdir())
    assert not list(desk.home.letters.done.iterdir())


def test_an_address_that_the_relay_refuses_keeps_no_other_letter(
    desk: Desk, relay: tuple[Relay, int]
) -> None:
    handler, _ = relay
    handler.unknown.add("nobody@test.invalid")
    with desk.registry.write() as session:
        pair = [letter(100, "nobody@test.invalid"), letter(101)]
        letters.owe(session, pair, "test.invalid/log", desk.now)
    assert go(desk) == 1
    with desk.registry.read() as session:
        rows = {row.event: row for row in letters.listed(session)}
    assert rows["event-100"].refused == "refused with 550"
    assert rows["event-101"].sent_at is not None
    number = rows["event-101"].number
    desk.gateway("letters", "bounced", str(number), "--why", "mailbox full")
    assert "mailbox full" not in desk.gateway("letters", "list")


def test_a_letter_noted_as_come_back_is_tried_no_more(desk: Desk, relay: tuple[Relay, int]) -> None:
    """So a person ends one to an address that the relay never takes."""
    handler, _ = relay
    handler.full.add("gone@test.invalid")
    with desk.registry.write() as session:
        letters.owe(session, [letter(120, "gone@test.invalid")], "test.invalid/log", desk.now)
    with pytest.raises(service.smtplib.SMTPRecipientsRefused):
        go(desk)
    with desk.registry.read() as session:
        (number,) = letters.unsent(session)
    desk.gateway("letters", "bounced", str(number), "--why", "the school is closed")
    assert go(desk) == 0
    assert not list(desk.home.letters.out.iterdir())


@pytest.mark.parametrize(("refusing", "number"), [("full", 110), ("greylisted", 112)])
def test_an_address_that_the_relay_takes_later_keeps_no_other_letter(
    desk: Desk, relay: tuple[Relay, int], refusing: str, number: int
) -> None:
    handler, _ = relay
    refused: set[str] = getattr(handler, refusing)
    refused.add("full@test.invalid")
    with desk.registry.write() as session:
        pair = [letter(number, "full@test.invalid"), letter(number + 1)]
        letters.owe(session, pair, "test.invalid/log", desk.now)
    before = len(handler.taken)
    with pytest.raises(service.smtplib.SMTPException):
        go(desk)
    assert len(handler.taken) == before + 1
    refused.clear()
    assert go(desk) == 1
    with desk.registry.read() as session:
        rows = {row.event: row for row in letters.listed(session)}
    assert rows[f"event-{number}"].sent_at is not None
    assert rows[f"event-{number + 1}"].sent_at is not None
    assert len(handler.taken) == before + 2


def test_letters_put_off_keep_no_other_back_and_end(desk: Desk, relay: tuple[Relay, int]) -> None:
    handler, _ = relay
    handler.full.add("full@test.invalid")
    before = len(handler.taken)
    with desk.registry.write() as session:
        put_off = [letter(number, "full@test.invalid") for number in range(1000, 1501)]
        letters.owe(session, [*put_off, letter(1501)], "test.invalid/log", desk.now - timedelta(days=15))
    for _ in range(2):
        with pytest.raises(service.smtplib.SMTPException):
            go(desk)
    assert [one["Subject"] for one in handler.taken[before:]] == ["Letter 1501"]
    with desk.registrar() as registrar:
        run_hourly(registrar)
    assert go(desk) == 0
    assert not list(desk.home.letters.out.iterdir())
    handler.full.clear()
    with desk.registry.read() as session:
        ended = {row.refused for row in letters.listed(session) if row.recipient == "full@test.invalid"}
    assert "not taken in time" in ended


def test_a_letter_that_has_not_left_goes_to_the_present_address(tmp_path: Path) -> None:
    desk, reference = with_a_file_that_waits(tmp_path / "mistyped")

    def addresses() -> list[tuple[str, bool]]:
        with desk.registry.read() as session:
            rows = [row for row in letters.listed(session) if reference in row.subject]
            unsent = letters.unsent(session)
        return [(row.recipient, row.number in unsent) for row in rows]

    desk.gateway("providers", "set", "oak", "--contact", "office", "--email", "head@oak.invalid")
    changed = addresses()
    desk.gateway("providers", "set", "oak", "--forget-contact", "office")
    forgotten = addresses()
    desk.close()
    assert changed == [("office@oak.invalid", False), ("head@oak.invalid", True)]
    assert forgotten == [("office@oak.invalid", False), ("head@oak.invalid", False)]


def test_a_letter_given_up_is_sent_again_to_whoever_is_written_to_now(tmp_path: Path) -> None:
    desk, reference = with_a_file_that_waits(tmp_path / "again")
    with desk.registry.write() as session:
        other = replace(letter(1, "gone@test.invalid"), event="held:triage:2026-11-24")
        letters.owe(session, [other], "test.invalid/log", desk.now)  # To no address of the policies.
        rows = {row.recipient: row.number or 0 for row in letters.listed(session) if reference in row.subject}
        number, stranger = rows["office@oak.invalid"], letters.unsent(session)[-1]
        letters.give_up(session, desk.now + timedelta(days=1))
    assert str(number) in desk.gateway("letters", "list")
    desk.gateway("providers", "set", "oak", "--contact", "office", "--email", "head@oak.invalid")
    assert "1 letter (" in desk.gateway("letters", "send", "--again", str(number))
    said = desk.gateway("letters", "send", "--again", str(stranger), code=1)
    assert "letters.toml does not have" in said
    assert "was not given up" in desk.gateway("letters", "send", "--again", str(number), code=1)
    with desk.registry.read() as session:
        (unsent,) = (letters.get(session, one) for one in letters.unsent(session))
    desk.close()
    assert (unsent.recipient, reference in unsent.subject) == ("head@oak.invalid", True)


def test_a_letter_given_up_while_the_relay_took_it_is_on_record_as_sent(
    desk: Desk, relay: tuple[Relay, int]
) -> None:
    go(desk)
    with desk.registry.write() as session:
        letters.owe(session, [letter(1600)], "test.invalid/log", desk.now - timedelta(days=15))
        number = letters.unsent(session)[-1]
        letters.give_up(session, desk.now - timedelta(days=14))
    (desk.home.letters.done / f"{number:010}").touch()  # The courier's word comes after.
    pass_letters(desk.registry, desk.home.letters, load_settings(desk.home).letters, desk.now)
    with desk.registry.read() as session:
        row = letters.get(session, number)
        assert (row.sent_at, row.refused) == (desk.now, None)


def test_of_a_sensitive_file_those_are_told_who_may_look_at_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "few")
    with desk.home.settings.open("a") as settings:
        settings.write('\n[letters]\nrelay = "127.0.0.1"\nsender = "gateway@test.invalid"\n')
    toml = desk.home.policies / "letters.toml"
    told = 'central-data-team = ["data@test.invalid"]\ninformation-governance = ["few@test.invalid"]'
    rules = ""
    for to in ("triage", "administrators"):
        rules += f'[[letter]]\nkind = "held"\nto = "{to}"\nat_once = true\n'
        rules += 'subject = "{reference} waits"\ntext = "{reasons}"\n'
    text = toml.read_text().replace("[teams]", f"[teams]\n{told}")
    text = text.replace("administrators = []", 'administrators = ["admins@test.invalid"]')
    toml.write_text(f"{text}\n{rules}")
    enact(desk.home.root)
    oak = desk.provider("oak", years=THIS_YEAR)
    sensitive = desk.send(oak, csv(core(**{"CAMHS referral": ("Yes", "No")})))
    other = desk.send(oak, b"no file that anybody knows")
    desk.process()
    desk.send(oak, b"nor this one")
    kept_from_teams = desk.send(oak, b"nor this one, about a child that named people alone may know of")
    desk.process()
    with desk.registry.write() as session:
        mark(session, kept_from_teams, desk.now)
    desk.gateway("providers", "set", "oak", "--contact", "office", "--email", "office@oak.invalid")
    desk.pass_time(days=1)
    with desk.registrar() as registrar:
        with desk.registry.read() as session:
            written = [*by_calendar(Letterhead(session, registrar.catalogue, registrar.settings), desk.now)]
        owe_by_calendar(registrar, desk.now)
    with desk.registry.read() as session:
        rows = [(row.subject, row.recipient) for row in letters.listed(session)]
    desk.close()
    assert {to for subject, to in rows if sensitive in subject} == {"few@test.invalid"}
    assert {to for subject, to in rows if other in subject} == {"data@test.invalid", "admins@test.invalid"}
    digests = {(subject[-1], to) for subject, to in rows if subject.startswith("Files that wait for you")}
    assert digests == {("1", "few@test.invalid"), ("2", "data@test.invalid")}
    (weekly,) = (
        one.text for one in written if one.recipient == "office@oak.invalid" and one.kind == "weekly"
    )
    assert f"- {sensitive}: a file, held" in weekly
    assert f"- {other}: not recognised, held" in weekly


def test_no_desk_is_written_to_about_a_file_that_is_not_for_it(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "none")
    with desk.home.settings.open("a") as settings:
        settings.write('\n[letters]\nrelay = "127.0.0.1"\nsender = "gateway@test.invalid"\n')
    toml, rules = desk.home.policies / "letters.toml", ""
    for to, kind in ((to, kind) for to in ("triage", "administrators") for kind in ("held", "refused")):
        rules += f'[[letter]]\nkind = "{kind}"\nto = "{to}"\nat_once = true\n'
        rules += 'subject = "{reference} waits"\ntext = "{reasons}"\n'
    rules += '[[letter]]\nkind = "new-files"\nto = "team"\nat_once = true\n'
    rules += 'subject = "{reference} came"\ntext = "{count}"\n'
    text = toml.read_text().replace("[teams]", '[teams]\ncentral-data-team = ["data@test.invalid"]')
    text = text.replace("administrators = []", 'administrators = ["admins@test.invalid"]')
    toml.write_text(f"{text}\n{rules}")
    enact(desk.home.root)
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.gateway("pupils", "restrict", *Child(1).asked, "--why", "contested")
    marked = desk.send(oak, f"UPN,Locker\n{Child(1).upn},blue\n".encode(), "lockers.csv.pgp")
    sealed = oak.seal(csv(core(**{"CAMHS referral": ("Yes", "No")})), desk.certificate)
    sensitive = desk.land(oak, sealed)
    desk.process()
    again, plain = desk.land(oak, sealed), desk.send(oak, b"no file that anybody knows")
    desk.process()
    states = {one: desk.state(one) for one in (marked, sensitive, again, plain)}
    as_known = ("--as", "student-core", "--team", "central-data-team", "--why", "a list")
    desk.gateway("held", "release", marked, *as_known)
    with desk.registry.read() as session:
        told = {row.subject.partition(" ")[0] for row in letters.listed(session)}
    desk.close()
    assert states == {marked: "held", sensitive: "held", again: "refused", plain: "held"}
    assert told == {plain}


def test_a_team_is_not_told_the_number_of_files_that_it_is_not_shown(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "counted")
    sent = desk.send(desk.provider("oak", years=THIS_YEAR), f"UPN,Locker\n{Child(1).upn},blue\n".encode())
    desk.process()
    team = "central-data-team"
    desk.gateway("held", "release", sent, "--as", "student-core", "--team", team, "--why", "a list")
    span = desk.now - timedelta(days=1), desk.now + timedelta(days=1)
    with desk.registry.read() as session:
        assert letters.delivered_by_team(session, *span) == {team: 1}
    desk.gateway("pupils", "restrict", *Child(1).asked, "--why", "contested")
    with desk.registry.read() as session:
        assert letters.delivered_by_team(session, *span) == {}
    desk.close()


def test_a_preview_needs_no_secret(desk: Desk) -> None:
    """So nobody is asked for the passphrase: what is only shown is not signed."""
    before = desk.gateway("letters", "preview", "--days", "30", "--json")
    assert json.loads(before)
    aside = desk.home.keys.rename(desk.root / "away")
    try:
        assert desk.gateway("letters", "preview", "--days", "30", "--json") == before
    finally:
        aside.rename(desk.home.keys)


def test_a_command_previews_more_days_at_once_than_a_page(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.acts.letters._JUDGED_AT_ONCE", 1)
    desk.gateway("letters", "preview", "--days", "2")


def test_who_chases_a_provider_is_shown_the_letter_first(tmp_path: Path) -> None:
    with closing(Desk(tmp_path)) as desk:
        since = desk.now - timedelta(days=120)
        office = ContactRow(
            provider="fir", role="office", email="o@fir.invalid", recorded_at=since, recorded_by="a"
        )
        with desk.registry.write() as session:
            providers.add_provider(session, Provider(id="fir", name="Fir", kind="school"), since)
            providers.keep_contact(session, office)
        context = ActContext(
            home=desk.home,
            person="ann",
            clock=lambda: desk.now,
            open_registry=lambda: nullcontext(desk.registry),
            open_registrar=desk.registrar,
            sight=lambda _: EVERYTHING,
        )
        to, subject, _, *text = ChaseProvider(provider="fir").effect(context).splitlines()
    assert to == "To: o@fir.invalid"
    assert subject.startswith("Subject: ")
    assert "late, it was due on" in " ".join(text)


def test_a_host_that_leads_no_more_sends_nothing_and_no_letter_that_another_has_sent_since(
    desk: Desk, relay: tuple[Relay, int]
) -> None:
    place, settings = desk.home.letters, load_settings(desk.home).letters
    before = len(relay[0].taken)
    with desk.registry.write() as session:
        letters.owe(session, [letter(250)], "test.invalid/log", desk.now)
        (owed,) = letters.unsent(session)
    pass_letters(desk.registry, place, settings, desk.now)
    os.utime(place.settings, (0, 0))  # The processor stands still.
    assert service.give_all(place, service.relay(place)) == 0
    pass_letters(desk.registry, place, settings, desk.now, held_at=time.time() - 60)
    assert service.give_all(place, service.relay(place)) == 0
    assert len(service.waiting(place)) == 1
    with desk.registry.write() as session:
        letters.note(session, owed, at=desk.now, refused=None)  # Another host has led meanwhile.
    assert go(desk) == 0
    assert service.waiting(place) == []
    assert len(relay[0].taken) == before


def test_a_host_that_leads_no_more_and_reaches_no_registry_sends_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PostgreSQL was started anew: another host may lead at once."""

    def gone() -> None:
        raise Fault("the registry did not answer")

    pass_letters(desk.registry, desk.home.letters, load_settings(desk.home).letters, desk.now)
    assert is_leased(desk.home.letters.settings)
    with open_processor(desk.home, desk.clock, examiners=desk.children.lent) as processor:
        monkeypatch.setattr(processor, "_ask", gone)
        monkeypatch.setattr(processor, "_work", SimpleNamespace(leads=False, hold=gone), raising=False)
        assert processor._round() is not None
    assert not is_leased(desk.home.letters.settings)


def test_it_stops_in_order_while_the_relay_is_down(desk: Desk, relay: tuple[Relay, int]) -> None:
    handler, _ = relay
    with desk.registry.write() as session:
        letters.owe(session, [letter(300)], "test.invalid/log", desk.now)
    pass_letters(desk.registry, desk.home.letters, load_settings(desk.home).letters, desk.now)
    handler.down, stop = True, threading.Event()
    ended = threading.Timer(0.3, stop.set)
    ended.start()
    service.run(desk.home.letters, stop, pause_seconds=0.05)
    ended.join()
    handler.down = False
    assert len(service.waiting(desk.home.letters)) == 1
    assert go(desk) == 1


def test_a_change_of_the_agreement_is_written_about_once(desk: Desk, relay: tuple[Relay, int]) -> None:
    """Clause 3.3. The notice itself is in the provider's folder, signed."""
    handler, before = relay[0], len(relay[0].taken)
    with desk.registrar() as registrar:
        with desk.registry.write() as session:
            notice = changed(("The deadline changes.",), "3.3")
            parties = registrar.catalogue.bodies.parties
            tell_everybody(session, registrar.signing, "Anyshire", notice, parties, desk.now)
        owe_by_calendar(registrar, desk.now)
        assert owe_by_calendar(registrar, desk.now) == 0
    go(desk)
    told = [one for one in handler.taken[before:] if "What is new" in str(one["Subject"])]
    assert [one["To"] for one in told] == ["office@oak.invalid"]
    with desk.registry.read() as session:
        ((reference, _),) = receipts.notices_since(session, desk.now, receipts.AGREEMENT_NOTICE)["oak"]
    assert reference in opened(told[0], desk.certificate.encode())[0]


def test_a_new_key_of_the_gateway_is_written_about_once(desk: Desk, relay: tuple[Relay, int]) -> None:
    handler, before = relay[0], len(relay[0].taken)
    desk.gateway("keys", "gateway", "rotate")
    with desk.registrar() as registrar:
        owe_by_calendar(registrar, desk.now)
        assert owe_by_calendar(registrar, desk.now) == 0
    go(desk)
    told = [one for one in handler.taken[before:] if "has a new key" in str(one["Subject"])]
    assert [one["To"] for one in told] == ["office@oak.invalid"]
    with desk.registry.read() as session:
        ((reference, _),) = receipts.notices_since(
            session, desk.now, receipts.KEY_NOTICE, receipts.GATEWAY_KEY_HEADLINE
        )["oak"]
    assert reference in opened(told[0], desk.certificate.encode())[0]


def test_letters_are_kept_as_long_as_the_policy_says(desk: Desk) -> None:
    with desk.registry.write() as session:
        letters.owe(session, [letter(400)], "test.invalid/log", desk.now - timedelta(days=801))
        letters.owe(session, [letter(401)], "test.invalid/log", desk.now - timedelta(days=801))
        letters.owe(session, [letter(402)], "test.invalid/log", desk.now - timedelta(days=799))
        numbers = {row.event: row.number or 0 for row in letters.listed(session)}
        for number in (400, 402):
            letters.note(session, numbers[f"event-{number}"], at=desk.now, refused=None)
    with desk.registrar() as registrar:
        run_hourly(registrar)
    with desk.registry.read() as session:
        left = {row.event for row in letters.listed(session)} & {"event-400", "event-401", "event-402"}
    assert left == {"event-402"}


def test_letters_to_who_is_on_legal_hold_and_about_what_is_are_kept(desk: Desk) -> None:
    reference = desk.send(desk.provider("ivy"), b"x")
    desk.process()
    about, to, other = letter(410), letter(411), letter(412)
    about = replace(about, event=f"held:triage:{reference}")
    to = replace(to, provider="ivy")
    events = {about.event, to.event, other.event}
    with desk.registry.write() as session:
        letters.owe(session, [about, to, other], "test.invalid/log", desk.now - timedelta(days=801))
        for row in letters.listed(session):
            if row.event in events:
                letters.note(session, row.number or 0, at=desk.now, refused=None)
    for held in ((reference,), ("--provider", "ivy")):
        desk.gateway("legal-holds", "place", *held, "--why", "claim 17")

    def left() -> set[str]:
        with desk.registrar() as registrar:
            run_hourly(registrar)
        with desk.registry.read() as session:
            return {row.event for row in letters.listed(session)} & events

    assert left() == {about.event, to.event}
    desk.gateway("legal-holds", "lift", reference, "--why", "settled")
    assert left() == {about.event, to.event}  # The file is on hold as one of the provider's.
    desk.gateway("legal-holds", "place", reference, "--why", "claim 17")
    desk.gateway("legal-holds", "lift", "--provider", "ivy", "--why", "settled")
    assert left() == {about.event}
    desk.gateway("legal-holds", "lift", reference, "--why", "settled")
    assert left() == set()


def test_an_address_is_in_plain_letters(desk: Desk) -> None:
    said = desk.gateway(
        "providers", "set", "oak", "--contact", "office", "--email", "b\u00fcro@oak.invalid", code=1
    )
    assert "in plain letters" in said
    toml = desk.home.policies / "letters.toml"
    text = toml.read_text()
    toml.write_text(text.replace("data@test.invalid", "d\u00e4ta@test.invalid"))
    said = desk.gateway("policy", "check", code=1)
    toml.write_text(text)
    assert "letters.toml" in said


def test_a_term_can_be_foreseen(desk: Desk) -> None:
    said = desk.gateway("letters", "preview", "--days", "120", "--json")
    weeks = [one for one in json.loads(said) if one["kind"] == "weekly" and one["provider"] == "oak"]
    assert len({one["day"] for one in weeks}) == len(weeks) >= 17
    assert any("due in 3 weeks, on" in one["text"] for one in weeks)
    assert "Jane" not in said


def test_a_template_that_names_something_unknown_is_told_by_its_line(desk: Desk, tmp_path: Path) -> None:
    toml = desk.home.policies / "letters.toml"
    text = toml.read_text()
    toml.write_text(text.replace("since yesterday: {count}", "since yesterday: {pupil}"))
    said = desk.gateway("policy", "check", code=1)
    toml.write_text(text)
    assert "letters.toml" in said
    assert "pupil" in said


def letter(number: int, to: str = "office@oak.invalid") -> letters.Letter:
    return letters.Letter(
        event=f"event-{number}", recipient=to, kind="held", subject=f"Letter {number}", text="Text.\n"
    )


def test_todays_letters_are_sent_at_once_where_somebody_asks(desk: Desk, relay: tuple[Relay, int]) -> None:
    handler, _ = relay
    desk.provider("elm", dfe_number="9991003", years=())
    with desk.registry.write() as session:
        providers.keep_contact(
            session,
            ContactRow(
                provider="elm", role="office", email="o@elm.invalid", recorded_at=desk.now, recorded_by="a"
            ),
        )
    assert "with the next round" in desk.gateway("letters", "send")
    assert "(0 of today)" in desk.gateway("letters", "send")  # Nobody is written to twice.
    assert go(desk) > 0
    assert [one["Subject"] for one in handler.taken if one["To"] == "o@elm.invalid"] != []
    assert "nobody is to be written to" in desk.gateway("letters", "send")


def test_no_letter_is_said_to_leave_where_no_relay_is_named(tmp_path: Path) -> None:
    with closing(Desk(tmp_path)) as desk:
        desk.provider("oak")
        for asked in (("send",), ("chase", "oak")):
            assert "name a relay" in desk.gateway("letters", *asked, code=1)
        assert json.loads(desk.gateway("letters", "list", "--json")) == []
