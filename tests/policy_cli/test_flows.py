"""flows status: a pure query over what arrived."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import date, timedelta

from gateway.policy.catalogue import load_catalogue
from tests.end_to_end.content import census, core_data
from tests.policy_cli import a_year
from tests.policy_cli.desk import Desk


def status(desk: Desk, *options: str) -> dict[str, dict[str, object]]:
    rows = json.loads(desk.gateway("flows", "status", "--json", *options))
    return {row["data_type"]: row for row in rows}


def test_what_came_what_is_due_and_what_is_missing(desk: Desk) -> None:
    desk.now = desk.now.replace(hour=12)
    oak = desk.provider("oak", years=("2026-27",))
    desk.send(oak, core_data())
    desk.send(oak, census())
    desk.process()
    today, later = desk.now.date(), desk.now.date() + timedelta(days=60)
    found = status(desk, "--provider", "oak", "--on", today.isoformat())
    core = found["student-core"]
    assert set(core) >= {"provider", "flow", "data_type", "timescale", "state", "due", "last"}
    assert (core["timescale"], core["state"]) == ("daily", "on-time")
    assert core["last"] == desk.now.isoformat().replace("+00:00", "Z")
    assert found["exclusions"]["state"] == "not-due"
    after = status(desk, "--provider", "oak", "--on", later.isoformat())
    assert after["student-core"]["state"] in {"missing", "due"}
    assert int(str(after["student-core"]["missed"])) > 20
    assert "oak" in desk.gateway("flows", "status")
    assert "no provider" in desk.gateway("flows", "status", "--provider", "elm", code=1)


def test_held_and_refused_files_have_not_come(desk: Desk) -> None:
    oak = desk.provider("oak")
    desk.send(oak, core_data())
    desk.process()
    assert status(desk)["student-core"]["last"] is None


def test_a_year_of_300_schools_takes_less_than_a_second(desk: Desk) -> None:
    catalogue = load_catalogue(desk.home.policies)
    with desk.registry.write() as session:
        files = a_year.fill(session, catalogue, until=date(2026, 7, 20))
    assert files > 70_000
    command = [sys.executable, "-m", "gateway", "flows", "status", "--on", "2026-07-20", "--json",
               "--home", str(desk.home.root)]  # fmt: skip
    took, rows = [], []
    for _ in range(3):
        began = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True)
        took.append(time.perf_counter() - began)
        rows = json.loads(done.stdout)
    assert len({row["provider"] for row in rows}) == a_year.SCHOOLS
    assert {row["state"] for row in rows if row["data_type"] == "student-core"} == {"on-time"}
    assert min(took) < 1.0, took
