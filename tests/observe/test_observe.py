"""What the services tell about themselves: logs, metrics, health, status, alerts; nothing personal in any."""

from __future__ import annotations

import json
import logging
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.parser import text_string_to_metric_families

from gateway.cli.install import shipped_units
from gateway.home.settings import LetterSettings, WatchSettings
from gateway.mailboxes.console_api.evidence import SENTENCES
from gateway.observe import logs, metrics
from gateway.processor.registry_view import RegistryView
from gateway.processor.rounds import LetterRound
from gateway.publish.letters_out import lay_out
from gateway.record.snapshot import Snapshot, problems
from gateway.registry import letters, log
from gateway.registry.hosts import Host
from gateway.registry.log import Entry
from tests.content import core_data
from tests.ending import ending
from tests.ports import free_port, free_ports
from tests.site import Party, Running, Site
from tests.waiting import until
from tests.workshop import Desk

CHILD_NAME = "Zebedee Quux"


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


@dataclass
class Observed:
    site: Site
    oak: Party
    services: Running
    port: int

    def samples(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        status, text = get(self.port, "/metrics")
        assert status == 200, text
        return {
            (sample.name, tuple(sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        return self.samples()[name, tuple(sorted(labels.items()))]

    def status(self) -> tuple[int, dict]:
        done = self.site.stage.gateway("status", "--json")
        return done.returncode, json.loads(done.stdout)


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    """A gateway that tells metrics, after one accepted, one held and one refused file."""
    site = Site(tmp_path_factory.mktemp("observed"), workers=1)
    port = free_port()
    settings = site.home / "gateway.toml"
    watch = "[watch]\ndisk_free_bytes = 1\nkey_days = 0\n"
    settings.write_text(settings.read_text() + f"\n[metrics]\nport = {port}\n{watch}")
    oak = site.provider("oak")
    elm = site.provider("elm", ratified=False)
    with site.running() as services:
        oak.put(services.intake, f"{CHILD_NAME}.xml.pgp", oak.seal(core_data(1), site.certificate))
        elm.put(services.intake, f"{CHILD_NAME}.xml.pgp", elm.seal(core_data(2), site.certificate))
        oak.put(services.intake, f"{CHILD_NAME}.csv", b"UPN,Surname\n")
        site.await_decided(3)
        made = Observed(site, oak, services, port)
        until(lambda: made.value("gateway_examine_seconds_count") == 3, "what was examined to be counted")
        yield made


def test_metrics_say_what_happened(observed: Observed) -> None:
    assert observed.value("gateway_registry_up") == 1
    assert observed.value("gateway_landed_total") == 3
    for state in ("accepted", "held", "refused"):
        assert observed.value("gateway_transfers", state=state) == 1, state
    assert observed.value("gateway_decisions_total", state="refused", code="open:not-encrypted") == 1
    assert observed.value("gateway_held", waits_for="ratification") == 1
    assert observed.value("gateway_decision_seconds_count") == 3
    assert 0 < observed.value("gateway_decision_seconds_sum") < 60
    assert observed.value("gateway_examine_seconds_count") == 3
    assert observed.value("gateway_queue_spool") == 0
    assert observed.value("gateway_oldest_landed_age_seconds") == 0
    assert observed.value("gateway_faults_total", kind="engine") == 0
    assert observed.value("gateway_disk_free_bytes", part="home") > 0
    assert observed.value("gateway_log_entries") > 5


def test_counting_again_does_not_count_twice(observed: Observed) -> None:
    first = observed.value("gateway_landed_total")
    assert observed.value("gateway_landed_total") == first


def test_health_is_told(observed: Observed) -> None:
    assert get(observed.port, "/healthz") == (200, "ok\n")
    assert get(observed.port, "/other")[0] == 404


def test_status_says_that_all_is_well(observed: Observed) -> None:
    code, seen = observed.status()
    assert (code, seen["wrong"], seen["well"]) == (0, [], True)
    assert seen["services"] == {"intake": True, "processor": True, "mailboxes": True}
    assert seen["states"] == {"landed": 0, "accepted": 1, "held": 1, "refused": 1}
    assert seen["held"] == {"ratification": 1}
    shown = observed.site.stage.gateway("status")
    assert shown.returncode == 0, "the ports in use are found"
    assert "all is well" in shown.stdout
    assert "policy:agreement-not-ratified 1" in shown.stdout


def test_nothing_personal_is_told(observed: Observed) -> None:
    told = [
        get(observed.port, "/metrics")[1],
        observed.site.log.read_text(),
        json.dumps(observed.status()[1]),
    ]
    for text in told:
        for secret in ("Zebedee", "Quux", "The Head", "The oak"):
            assert secret not in text


def test_what_is_decided_since_the_start_is_counted_once(desk: Desk) -> None:
    before = Entry(
        kind="decided",
        subject="261124-oak-00001",
        fields={"state": "held", "reasons": "policy:embargo", "folder": "in"},
    )
    with desk.registry.write() as session:
        log.append(session, [before], desk.now)
    metrics = CollectorRegistry()
    RegistryView(desk.home, desk.registry, WatchSettings(), desk.clock, metrics)
    with desk.registry.write() as session:
        fields = {"state": "accepted", "reasons": "policy:allowed,policy:items-outside"}
        entries = [
            Entry(kind="decided", subject="261124-oak-00002", fields=fields | {"folder": "in"}),
            Entry(kind="landed", subject="261124-oak-00003"),
            Entry(kind="decided", subject="261124-oak-00003", fields=fields),
            Entry(
                kind="released",
                subject="261124-oak-00002",
                fields={"state": "accepted", "reasons": "policy:allowed"},
            ),
            Entry(kind="collected", subject="261124-oak-00002"),
        ]
        log.append(session, entries, desk.now)
    for _ in range(2):
        found = {
            (one.name, *one.labels.values()): one.value
            for family in metrics.collect()
            for one in family.samples
        }
        assert found["gateway_registry_up",] == 1
        assert found["gateway_landed_total",] == 2
        assert found["gateway_decision_seconds_count",] == 0  # Of nothing that landed.
        counted = {key[1:]: value for key, value in found.items() if key[0] == "gateway_decisions_total"}
        assert counted == {("accepted", "policy:allowed"): 3, ("accepted", "policy:items-outside"): 2}


def test_how_long_a_letter_has_waited_for_the_relay_is_told(desk: Desk) -> None:
    owed = letters.Letter(event="x", recipient="a@oak.invalid", kind="held", subject="s", text="t")
    with desk.registry.write() as session:
        letters.owe(session, [owed], "test.invalid/log", desk.now - timedelta(hours=2))
    seen = CollectorRegistry()
    RegistryView(desk.home, desk.registry, WatchSettings(), desk.clock, seen)
    assert seen.get_sample_value("gateway_oldest_letter_age_seconds") == 0  # No relay is named.
    named = LetterSettings(relay="127.0.0.1", sender="gateway@test.invalid")
    lay_out(desk.home.letters, named)
    assert seen.get_sample_value("gateway_oldest_letter_age_seconds") == 7200
    with desk.registrar() as registrar:
        LetterRound(registrar)  # The relay is not in the settings any more.
    assert seen.get_sample_value("gateway_oldest_letter_age_seconds") == 0


def test_status_without_services(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1)
    settings = site.home / "gateway.toml"
    for usual, free in zip(
        ("2222", "2223"), free_ports(2), strict=True
    ):  # Others may serve at the usual ones.
        settings.write_text(settings.read_text().replace(f"port = {usual}\n", f"port = {free}\n"))
    done = site.stage.gateway("status", "--json")
    seen = json.loads(done.stdout)
    assert done.returncode == 1
    assert [code for code in seen["wrong"] if code.startswith("service")] == [
        "service-down:intake",
        "service-down:processor",
        "service-down:mailboxes",
    ]


def ends(**owners: float) -> dict:
    return {(owner_kind, "x", "openpgp"): days for owner_kind, days in owners.items()}


def host(**changed: Any) -> Host:
    """One at work with nothing in its spool, but for these fields."""
    fine = {"name": "one", "seen_at": datetime.now(UTC), "silent_seconds": 0.0, "spool": 0, "since": None}
    more = {"oldest_seconds": 0.0, "ahead_seconds": 0.0, "holds": frozenset(), "leads": False}
    return Host(**fine | more | changed)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"oldest_landed": 299.0}, []),
        ({"oldest_landed": 301.0}, ["files-wait"]),
        ({"oldest_landed": 1.0, "oldest_in_spool": 301.0}, ["files-wait"]),
        ({"disks": {"spool": (99, 1000)}}, ["disk-nearly-full:spool"]),
        ({"disks": {"spool": (100, 1000)}}, []),
        ({"expiries": ends(gateway=29)}, ["gateway-key-expires"]),
        ({"expiries": ends(gateway=30)}, []),
        ({"expiries": ends(gateway=31, provider=-1)}, []),
        ({"oldest_landed": 300.0}, []),
        ({"aside": 1}, ["files-set-aside"]),
        ({"hand_ons": ("payroll-000001",)}, ["hand-on-late:payroll-000001"]),
        ({"hooks": {"tickets": "", "alerts": "it answered 500"}}, ["hook-fails:alerts"]),
        ({"hosts": (host(), host(spool=9, oldest_seconds=300.0, ahead_seconds=2.0))}, []),
        ({"hosts": (host(seen_at=None),)}, ["host-silent:one"]),
        ({"hosts": (host(silent_seconds=3600.0),)}, ["host-silent:one"]),
        (
            {"hosts": (host(silent_seconds=3600.0, spool=1, ahead_seconds=60.0),)},
            ["host-silent:one", "host-spool-waits:one"],
        ),
        ({"hosts": (host(spool=1, oldest_seconds=301.0),)}, ["host-spool-waits:one"]),
        ({"hosts": (host(ahead_seconds=-60.0),)}, ["host-clock-wrong:one"]),
    ],
)  # fmt: skip
def test_what_somebody_has_to_look_at(change: dict, expected: list[str]) -> None:
    watch = WatchSettings(landed_seconds=300, disk_free_bytes=100, key_days=30)
    snapshot = Snapshot(at=datetime.now(UTC), states={"landed": 0}, **change)
    assert list(problems(snapshot, watch)) == expected
    assert {one.partition(":")[0] for one in expected} <= SENTENCES.keys()  # The console has words for each.


def test_a_stopped_processor_makes_files_wait(tmp_path: Path) -> None:
    site = Site(tmp_path, workers=1)
    oak = site.provider("oak")
    intake = subprocess.Popen(
        [sys.executable, "-m", "gateway", "serve", "intake", "--home", str(site.home), "--port", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with ending(intake):
        place = ("127.0.0.1", int(intake.stdout.readline().rpartition(":")[2]))
        oak.put(place, "x.pgp", oak.seal(core_data(3), site.certificate))
    # How long it waits is the kernel's to say: intake can set the time of a file, but not that of its change.
    (record,) = (site.home / "spool/landed").glob("*.landed")
    old = (datetime.now(UTC) - timedelta(hours=1)).timestamp()
    os.utime(record, (old, old))
    settings = site.home / "gateway.toml"
    settings.write_text(settings.read_text() + "\n[watch]\nlanded_seconds = 0.5\n")
    time.sleep(1)
    done = site.stage.gateway("status", "--json")
    seen = json.loads(done.stdout)
    assert done.returncode == 1
    assert "files-wait" in seen["wrong"]
    assert seen["spool"] == 1
    assert 1 <= seen["oldest"] < 120


def test_a_failing_health_check_is_not_a_crash() -> None:
    def broken() -> list[str]:
        raise RuntimeError("/srv/secret")

    place = socket.create_server(("127.0.0.1", 0))
    with metrics.exposed([place], CollectorRegistry(), broken):
        assert get(place.getsockname()[1], "/healthz") == (500, "internal error\n")


def test_an_unwell_gateway_is_taken_out_of_service() -> None:
    place = socket.create_server(("127.0.0.1", 0))
    with metrics.exposed([place], CollectorRegistry(), lambda: ["files-wait"]):
        assert get(place.getsockname()[1], "/healthz") == (503, "files-wait\n")


def test_a_silent_scraper_does_not_keep_the_others_from_theirs() -> None:
    registry = CollectorRegistry()
    Counter("x", "x", registry=registry).inc()
    place = socket.create_server(("127.0.0.1", 0))
    port = place.getsockname()[1]
    with metrics.exposed([place], registry, list):
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
        assert "x_total 1.0" in get(port, "/metrics")[1]
        for one in silent:
            one.close()


# Log lines.


def line_of(form: logging.Formatter, message: str, *args: object, error: Exception | None = None) -> str:
    info = (type(error), error, None) if error else None
    return form.format(logging.LogRecord("gateway.x", logging.WARNING, "", 1, message, args, info))


def test_a_coded_line_keeps_its_fields_apart() -> None:
    line = json.loads(line_of(logs.AsJson(), "offence code=%s address=%s", "login-failed", "192.0.2.1"))
    assert line["event.action"] == "offence"
    assert (line["event.code"], line["source.ip"]) == ("login-failed", "192.0.2.1")
    assert (line["log.level"], line["log.logger"]) == ("warning", "gateway.x")
    assert datetime.fromisoformat(line["@timestamp"]).tzinfo is not None


@pytest.mark.parametrize("form", [logs.AsJson(), logs.AsText()])
@pytest.mark.parametrize(
    "hostile",
    ["a\nb", "a\r\nINFO forged", "\x1b[31mred", "\u202etxt.exe", "\u2028", "\x00", "a\tb", "\x9b31m"],
)
def test_a_log_line_is_neutral(form: logging.Formatter, hostile: str) -> None:
    for line in (
        line_of(form, "%s: it happened", hostile),
        line_of(form, "offence code=%s", hostile),
    ):
        assert all(c.isprintable() for c in line), line
        assert hostile not in line


def test_a_trace_is_neutral_too() -> None:
    text = line_of(logs.AsText(), "broken", error=ValueError("x\x1b[31m\ry"))
    assert "\x1b" not in text
    assert "\r" not in text
    assert "\n" not in line_of(logs.AsJson(), "broken", error=ValueError("x\ny"))


@pytest.mark.parametrize(
    ("environment", "is_json"),
    [
        ({}, False),
        ({"JOURNAL_STREAM": "8:1"}, True),
        ({"JOURNAL_STREAM": "8:1", logs.FORMAT: "text"}, False),
        ({logs.FORMAT: "json"}, True),
    ],
)  # fmt: skip
def test_the_form_follows_the_reader(tmp_path: Path, environment: dict[str, str], is_json: bool) -> None:
    code = "import logging; from gateway.observe import logs; logs.configure('INFO'); logging.info('a b=c')"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env={"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
    )  # fmt: skip
    assert done.stderr.startswith("{") == is_json


# Alerts.

DOCS = Path(__file__).parents[2] / "docs"


def rules() -> list[dict]:
    return yaml.safe_load((shipped_units() / "alerts.yml").read_text())["groups"][0]["rules"]


def shown() -> list[str]:
    """The expressions of the dashboard."""
    panels = json.loads((shipped_units() / "dashboard.json").read_text("utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.parametrize("expression", [*(rule["expr"] for rule in rules()), *shown()])
def test_what_alerts_and_dashboard_ask_for_is_told(expression: str, observed: Observed) -> None:
    promql_parser.parse(expression)
    told = {name for name, _ in observed.samples()} | {"up"}
    told |= {sample.name for family in metrics.INTAKE.collect() for sample in family.samples}
    # Labelled counters tell nothing before the first time.
    told |= {"gateway_intake_offences_total", "gateway_key_expiry_days"}
    _, text = get(observed.port, "/metrics")  # Hosts have samples only where several share a registry.
    told |= {family.name for family in text_string_to_metric_families(text)}
    for name in set(re.findall(r"\b(up|gateway_\w+)(?=[{\[ )/]|$)", expression, re.MULTILINE)):
        assert name in told, name


def test_each_alert_has_a_runbook_and_each_runbook_an_alert() -> None:
    headings = re.findall(r"^## (\w+)$", (DOCS / "runbooks.md").read_text("utf-8"), re.MULTILINE)
    assert [rule["alert"] for rule in rules()] == headings
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"].keys() == {"summary", "action", "runbook_url"}
        assert rule["annotations"]["runbook_url"] == f"docs/runbooks.md#{rule['alert'].lower()}"


def test_a_wrong_expression_would_be_found() -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever its parser says
        promql_parser.parse("sum by (kind increase(x[15m]) > 3")
