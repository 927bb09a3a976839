"""Results day on real services: held until the moment, and released once though the processor is killed."""

from __future__ import annotations

import os
import sys
import time
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests import warm
from tests.content import gcse_results
from tests.end_to_end.test_interruptions import land
from tests.policies import enact
from tests.site import Site
from tests.waiting import until

pytestmark = pytest.mark.long

SECONDS = 20


def test_results_are_released_at_the_moment_by_services_that_were_killed_meanwhile(site: Site) -> None:
    oak, jane = site.provider("oak"), site.staff("jane", "central-data-team")
    land(site, oak, {"results.csv.pgp": oak.seal(gcse_results(), site.certificate)})
    moment = datetime.now(ZoneInfo("Europe/London")).replace(microsecond=0) + timedelta(seconds=SECONDS)
    results_day(site, moment)
    site.gateway("process", "--once")
    (held,) = site.transfers()
    assert (held["state"], [reason["code"] for reason in held["reasons"]]) == ("held", ["policy:embargo"])
    time.sleep(max(0.0, (moment - datetime.now(moment.tzinfo)).total_seconds()))
    next(site.receipts("oak").glob("results*.json")).unlink()
    kill_at(site, "publish.half")  # Passed at the start already, where a receipt is brought out again.
    assert site.transfers()[0]["state"] == "held"
    kill_at(site, "publish.finished")  # The release is on record; nothing after it is done.
    assert site.transfers()[0]["state"] == "accepted"
    with site.running() as services:
        (released,) = until(lambda: site.transfers("--state", "accepted"), "the release")
        with jane.sftp(services.mailboxes) as session:
            assert len(session.listdir("/central-data-team")) == 1
    events = [event["kind"] for event in site.json("transfers", "show", released["reference"])["events"]]
    assert [one for one in events if one != "landed"] == ["decided", "decided", "delivered"]
    assert len(list(site.receipts("oak").glob("results*.txt"))) == 1
    assert "ACCEPTED" in next(site.receipts("oak").glob("results*.txt")).read_text()


def results_day(site: Site, moment: datetime) -> None:
    """Make this moment the one of GCSE results."""
    path = site.home / "policies" / "calendar.toml"
    text = path.read_text().replace('season = "06-01"', 'season = "01-01"')
    before, _, after = text.partition(", 2026-08-20]")
    before, _, rule = before.rpartition("time = 08:00:00")
    path.write_text(f"{before}time = {moment:%H:%M:%S}{rule}, {moment:%Y-%m-%d}]{after}")
    enact(site.home)


def kill_at(site: Site, place: str) -> None:
    """Start a processor that is killed when it passes this place."""
    killed = warm.run(
        [sys.executable, "-m", "gateway", "process", "--once", "--home", str(site.home)],
        env={**os.environ, "GATEWAY_FAILPOINT": place}, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert killed.returncode == -9, killed.stderr
