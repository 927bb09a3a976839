"""flows status: a pure query over what arrived."""

from __future__ import annotations

import json
import time
from datetime import UTC, date, datetime

from gateway.policy.catalogue import load_catalogue
from tests.cli import a_year
from tests.content import census, core_data
from tests.workshop import Desk


def status(desk: Desk, *options: str) -> dict[str, dict[str, object]]:
    rows = json.loads(desk.gateway("flows", "status", "--json", *options))
    return {row["data_type"]: row for row in rows}


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
        "missed": 0,
    }  # fmt: skip
    assert [tuesday["student-core"][key] for key in ("state", "due", "missed")] == ["due", "2026-11-24", 0]
    assert [tuesday["school-census"][key] for key in ("state", "due")] == ["late", "2026-10-28"]
    # The last file came in the summer, before the stretch in which every file is looked at.
    assert [monday["attendance"][key] for key in ("last", "missed")] == ["2026-07-20T09:00:00Z", 10]
    assert status(desk, "--on", "2026-11-30")["student-core"]["missed"] == 4
    assert status(desk, "--on", "2026-11-23", "--state", "missing").keys() == {
        "phonics",
        "ks1",
        "eyfs-profile",
        "gcse-results",
    }
    assert "oak" in desk.gateway("flows", "status", "--provider", "oak")
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
    oak = desk.provider("oak", years=("2026-27",))
    desk.send(oak, census())
    desk.process()
    assert status(desk)["school-census"]["last"] == desk.now.isoformat().replace("+00:00", "Z")


def test_a_year_of_300_schools_takes_less_than_a_second(desk: Desk) -> None:
    catalogue = load_catalogue(desk.home.policies)
    with desk.registry.write() as session:
        files = a_year.fill(session, catalogue, until=date(2026, 7, 20))
    assert files > 70_000
    took, rows = [], []
    for _ in range(3):
        began = time.perf_counter()
        rows = json.loads(desk.gateway("flows", "status", "--on", "2026-07-20", "--json"))
        took.append(time.perf_counter() - began)
    assert len({row["provider"] for row in rows}) == a_year.SCHOOLS
    assert {row["state"] for row in rows if row["data_type"] == "student-core"} == {"on-time"}
    assert {row["missed"] for row in rows if row["timescale"] in {"daily", "weekly"}} == {0}
    assert min(took) < 1.0, took
