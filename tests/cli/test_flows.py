"""flows status: a pure query over what arrived."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from gateway.homes.demo.parties import Party
from gateway.policy.catalogue import load_catalogue
from gateway.registry.tables import TransferRow
from tests.classify import made
from tests.cli import a_year
from tests.clock import THIS_YEAR
from tests.content import census, core_data
from tests.costs import python_calls
from tests.openpgp.gnupg import Gnupg
from tests.workshop import Desk

# Well under a second on any machine: an idle one makes five million a second.
CALLS = 1_400_000


def status(desk: Desk, *options: str) -> dict[str, dict[str, object]]:
    rows = json.loads(desk.gateway("flows", "status", "--json", *options))
    return {row["data_type"]: row for row in rows}


def enrol(desk: Desk, name: str, kind: str = "school") -> None:
    """Somebody who has no keys yet."""
    desk.gateway("providers", "add", name, "--name", name, "--kind", kind)


def test_what_came_what_is_due_and_what_is_missing(desk: Desk) -> None:
    with desk.registry.write() as session:
        for day in (date(2026, 11, 3), date(2026, 11, 23)):
            a_year.arrived(session, "oak", "student-core", day)
        a_year.arrived(session, "oak", "school-census", date(2026, 11, 6))
        a_year.arrived(session, "oak", "attendance", date(2026, 7, 20))
    monday, tuesday = status(desk, "--on", "2026-11-23"), status(desk, "--on", "2026-11-24")
    assert monday["student-core"] == {
        "provider": "oak", "name": "oak", "flow": "student-core", "data_type": "student-core",
        "timescale": "daily", "state": "on-time", "due": "2026-11-23", "last": "2026-11-23T09:00:00Z",
        "missed": 0, "period": "2026-11-23", "known_by": "arrival",
    }  # fmt: skip
    assert [tuesday["student-core"][key] for key in ("state", "due", "missed")] == ["due", "2026-11-24", 0]
    assert [tuesday["school-census"][key] for key in ("state", "due")] == ["late", "2026-10-07"]
    # The last file came in the summer, before the stretch in which every file is looked at.
    assert [monday["attendance"][key] for key in ("last", "missed")] == ["2026-07-20T09:00:00Z", 10]
    assert status(desk, "--on", "2026-11-30")["student-core"]["missed"] == 4
    assert status(desk, "--on", "2026-11-23", "--state", "missing").keys() == {
        "phonics",
        "eyfs-profile",
        "gcse-results",
    }
    assert "--sort -missed" in " ".join(desk.gateway("flows", "status", "--state", "missing").split())
    assert "oak" in desk.gateway("flows", "status", "--provider", "oak")
    asked = "school-census of 21 January 2027 asks for: young carers"
    assert asked in desk.gateway("flows", "status", "--on", "2026-09-07")
    assert asked not in desk.gateway("flows", "status", "--on", "2027-04-20")
    assert "no provider elm" in desk.gateway("flows", "status", "--provider", "elm", code=1)


def test_what_came_before_a_school_took_part_is_not_missed(desk: Desk) -> None:
    with desk.registry.write() as session:
        joined = datetime(2026, 11, 20, tzinfo=UTC)
        a_year.arrived(session, "oak", "student-core", date(2026, 11, 20), enrolled=joined)
    found = status(desk, "--on", "2026-11-24")
    assert (found["school-census"]["state"], found["attendance"]["missed"]) == ("not-due", 0)


def test_held_and_refused_files_have_not_come(desk: Desk) -> None:
    oak = desk.provider("oak")
    desk.send(oak, core_data())
    desk.process()
    assert status(desk)["student-core"]["last"] is None


def test_an_accepted_file_has_come(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.send(oak, census())
    desk.process()
    assert status(desk)["school-census"]["last"] == desk.now.isoformat().replace("+00:00", "Z")


def _marks(first: date) -> bytes:
    """Attendance of a week from this Monday on."""
    rows = [
        f"{child.upn},{child.surname},{child.forename},{first + timedelta(days=n):%d/%m/%Y},/"
        for child in made.children(12)
        for n in range(5)
    ]
    return "\r\n".join(["UPN,Surname,Forename,Date,Mark", *rows, ""]).encode()


def test_attendance_of_the_past_has_not_come_this_week_and_its_receipt_says_so(
    desk: Desk, tmp_path: Path
) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    monday = desk.now.date() - timedelta(days=desk.now.weekday())
    old, last = _marks(date(2024, 6, 10)), _marks(monday - timedelta(days=7))
    file = tmp_path / "marks.csv"
    file.write_bytes(old)
    tried = json.loads(desk.gateway("policy", "test", str(file), "--as", "oak", "--json"))
    sent = desk.send(oak, old, "marks.csv.pgp")
    desk.process()
    assert desk.state(sent) == tried["state"] == "accepted"
    codes = ["policy:allowed", "policy:not-this-week"]
    assert desk.codes(sent) == [reason["code"] for reason in tried["reasons"]] == codes
    told = desk.receipt(sent)
    assert "No day in the file is after 14 June 2024, so it does not count as this week's." in told
    assert "If you meant this week's, export it again with the dates of this week, and send that." in told
    assert "Nothing needs doing." not in told
    assert "2024-06" not in told
    with desk.registry.read() as session:
        assert [row.period for row in session.exec(select(TransferRow))] == ["2024-W24"]
    on = desk.now.date().isoformat()
    before = status(desk, "--on", on)["attendance"]
    assert (before["known_by"], before["state"] in {"on-time", "late"}) == (None, False)

    # That of the week before counts, as of a school that sends on Mondays.
    good = desk.send(oak, last, "marks.csv.pgp")
    desk.process()
    assert desk.codes(good) == ["policy:allowed"]
    assert "replaces" not in desk.receipt(good)
    after = status(desk, "--on", on)["attendance"]
    assert after["last"] is not None
    assert before["state"] == "not-due" or after["known_by"] == "arrival"


@pytest.mark.long
def test_a_year_of_300_schools_costs_few_calls(desk: Desk) -> None:
    catalogue = load_catalogue(desk.home.policies)
    with desk.registry.write() as session:
        files = a_year.fill(session, catalogue, until=date(2026, 7, 20))
    assert files > 70_000
    said, calls = python_calls(lambda: desk.gateway("flows", "status", "--on", "2026-07-20", "--json"))
    rows = json.loads(said)
    assert len({row["provider"] for row in rows}) == a_year.SCHOOLS
    assert {row["state"] for row in rows if row["data_type"] == "student-core"} == {"on-time"}
    assert {row["missed"] for row in rows if row["timescale"] in {"daily", "weekly"}} == {0}
    assert calls < CALLS


@pytest.mark.needs("gpg")
def test_a_summer_census_that_comes_in_autumn_is_not_the_autumns(term: Desk) -> None:
    with Gnupg() as gpg:
        oak = term.school("oak", gpg)
        sent = term.sent(oak, oak.sealed(census(), term.certificate))
    assert sent.state == "accepted"
    on = term.now.date().isoformat()
    found = status(term, "--on", on)["school-census"]
    assert (found["period"], found["state"], found["known_by"]) == ("2026-27-autumn", "not-due", None)
    with term.registry.read() as session:
        (row,) = session.exec(select(TransferRow)).all()
    assert row.period == "2025-26-summer"


def test_core_data_is_of_the_day_on_which_the_schools_system_wrote_it(desk: Desk) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    desk.send(oak, core_data())
    desk.process()
    with desk.registry.read() as session:
        (row,) = session.exec(select(TransferRow)).all()
    assert row.period == "2026-06-15"
    found = status(desk, "--on", desk.now.date().isoformat())
    assert found["student-core"]["state"] in {"due", "missing", "not-due"}
    assert found["student-core"]["last"] is not None


def test_what_a_provider_owes_is_what_a_person_says(term: Desk) -> None:
    enrol(term, "oak")
    before = status(term, "--on", "2027-08-31")
    assert [before[each]["state"] for each in ("ks1", "a-level-results")] == ["not-due", "not-due"]
    term.gateway("flows", "expect", "oak", "ks1", "no", "--why", "a junior school")
    term.gateway("flows", "expect", "oak", "a-level-results", "yes", "--why", "it has a sixth form")
    said = status(term, "--on", "2027-08-31")
    assert [said[each]["state"] for each in ("ks1", "a-level-results")] == ["not-expected", "missing"]
    term.gateway("flows", "expect", "oak", "ks1", "yes", "--why", "it became an all-through school")
    assert status(term, "--on", "2027-08-31")["ks1"]["state"] == "missing"
    term.gateway("flows", "expect", "oak", "ks1", "default", "--why", "as any other")
    assert status(term, "--on", "2027-08-31")["ks1"]["state"] == "not-due"
    events = [event for event in term.events("oak") if event.kind == "expectation-set"]
    assert [event.note for event in events] == [
        "a junior school", "it has a sixth form", "it became an all-through school", "as any other",
    ]  # fmt: skip
    assert all(event.actor for event in events)
    fields = [json.loads(event.leaf)["fields"] for event in events]
    assert [(each["data_type"], each["state"]) for each in fields][:2] == [
        ("ks1", "no"), ("a-level-results", "yes"),
    ]  # fmt: skip
    term.gateway("log", "verify")


def test_what_cannot_be_expected_of_a_provider_is_refused(desk: Desk) -> None:
    desk.provider("oak")
    desk.provider("fft", "fft")
    for arguments, said in (
        (("oak", "ks9", "no", "--why", "x y"), "no flow lists ks9"),
        (("oak", "ks2", "yes", "--why", "x y"), "asks no ks2 of oak"),
        (("fft", "ks1", "no", "--why", "x y"), "asks no ks1 of fft"),
        (("elm", "ks1", "no", "--why", "x y"), "there is no provider elm"),
        (("oak", "ks1", "default", "--why", "x y"), "nothing is on record of ks1"),
    ):
        assert said in desk.gateway("flows", "expect", *arguments, code=1)
    desk.gateway("flows", "expect", "oak", "ks1", "no", code=2)
    assert not [event for event in desk.events("oak") if event.kind == "expectation-set"]


def test_a_nil_return_is_for_one_period_and_on_record(term: Desk) -> None:
    enrol(term, "oak")
    told = term.gateway(
        "flows",
        "nil",
        "oak",
        "school-census",
        "--on",
        "2026-10-05",
        "--why",
        "it opens in January",
    )
    assert "2026-27-autumn" in told
    on = term.now.date().isoformat()
    assert [status(term, "--on", on)["school-census"][key] for key in ("state", "known_by", "last")] == [
        "nil", "nil", None,
    ]  # fmt: skip
    assert status(term, "--on", "2027-03-01")["school-census"]["state"] == "missing"
    assert "on record" in term.gateway(
        "flows", "nil", "oak", "school-census", "--on", "2026-10-28", "--why", "again", code=1
    )
    enrol(term, "fft", "fft")
    assert "no set time" in term.gateway("flows", "nil", "fft", "fft-aspire", "--why", "nothing", code=1)
    (event,) = [event for event in term.events("oak") if event.kind == "nil-returned"]
    assert json.loads(event.leaf)["fields"]["until"] == "2026-10-06T23:00:00Z"
    assert event.note == "it opens in January"
    term.gateway("log", "verify")


def test_a_suspended_school_owes_nothing(desk: Desk) -> None:
    desk.provider("oak")
    desk.gateway("providers", "suspend", "oak")
    assert {row["state"] for row in status(desk, "--on", "2027-08-31").values()} == {"not-expected"}


def test_attendance_examined_again_after_weeks_is_judged_by_the_day_on_which_it_landed(desk: Desk) -> None:
    oak = desk.provider("oak")
    desk.ratify_all("oak")
    newer = Party("newer", desk.root / "parties" / "newer")
    desk.gateway("keys", "add", "oak", str(newer.certificate))
    last = _marks(desk.now.date() - timedelta(days=desk.now.weekday() + 7))
    sent = desk.land(oak, newer.seal(last, desk.certificate), "marks.csv.pgp")
    desk.process()
    assert desk.codes(sent) == ["key:not-approved"]
    desk.pass_time(days=60)
    known = json.loads(desk.gateway("keys", "list", "oak", "--json"))
    desk.gateway(
        "keys", "confirm", "oak", *(key["fingerprint"] for key in known if key["state"] == "pending")
    )
    desk.process()
    assert desk.codes(sent) == ["policy:allowed"]


def test_attendance_that_waited_for_weeks_is_judged_by_the_day_on_which_it_landed(desk: Desk) -> None:
    oak = desk.provider("oak")
    last = _marks(desk.now.date() - timedelta(days=desk.now.weekday() + 7))
    held = desk.send(oak, last, "marks.csv.pgp")
    desk.process()
    assert desk.codes(held) == ["policy:agreement-not-ratified"]
    desk.pass_time(days=60)
    desk.ratify_all("oak")
    desk.process()
    assert desk.codes(held) == ["policy:allowed"]
