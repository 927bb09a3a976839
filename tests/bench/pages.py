"""The console's pages, with many transfers on record: 400 schools, a passkey of software, real HTTP.

Each page is asked for over the loopback, and answered through the console API by the service that has the
registry. Client and service are threads of this process, so that its CPU time is that of both: on a machine
with other work it tells more than the clock does.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

from gateway.access import AccessRight, Role
from gateway.acts.fields import every_act
from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.registry.database import Registry
from gateway.zones.console_api.serving import collect_garbage_rarely
from tests.bench.growth import Grown, Lived
from tests.bench.measure import Line, Setting, line
from tests.console.pages import console_of
from tests.console.through_the_api import console_api_of
from tests.console.visitor import Visitor

_SCHOOLS = 400
_ROUNDS = 9
_FIRST_MS, _LATER_MS = 500.0, 100.0
_PATIENCE = 120.0
"""In seconds: on a machine with other work. How long an answer takes is what is measured."""
_NOTHING_YET = {"retention certificate", "sensitive list"}
"""What is not there in a gateway of this kind."""
_ASKING = 240.0
"""For asking, once the gateway is filled."""


def run(setting: Setting) -> Iterator[Line]:
    """The first answer of every page since the service began, and the median of those that follow."""
    size = 20_000 if setting.quick else 100_000
    grown = Grown.make(setting.scratch / "pages", size, Lived(_SCHOOLS))
    _enrol_schools(grown)
    asking = replace(setting, deadline=time.monotonic() + _ASKING)
    (held,) = grown.site.transfers("--limit", "1", "--state", "held")
    with _visited(grown) as visitor:
        for name, path in _pages(held["reference"], size, visitor).items():
            first = _cpu_ms(visitor, path)
            later = [_cpu_ms(visitor, path) for _ in asking.rounds(_ROUNDS)]
            for what, times, target in (("first", [first], _FIRST_MS), ("p50", later, _LATER_MS)):
                yield line("pages", f"{name}, {what}, {size:,} transfers", "ms of CPU", times, "the target",
                           [target], better="less", target=1.0, bound=True)  # fmt: skip


def _cpu_ms(visitor: Visitor, path: str) -> float:
    begun = time.process_time()
    assert visitor.get(path) == 200, (path, visitor.text)
    return 1000 * (time.process_time() - begun)


def _enrol_schools(grown: Grown) -> None:
    rows = "".join(f"s{n},School {n},school,999{2000 + n}\n" for n in range(_SCHOOLS))
    listed = grown.site.root / "schools.csv"
    listed.write_text(f"id,name,kind,dfe_number\n{rows}")
    grown.site.gateway("providers", "import", str(listed))


@contextmanager
def _visited(grown: Grown) -> Iterator[Visitor]:
    """Somebody of the central data team, who triages, at the pages."""
    grown.site.staff("jane", "central-data-team")
    grown.site.gateway("breach", "record", "--aware-at", "2026-06-01T09:00:00Z", "--person", "jane")
    home = Home(grown.site.home)
    registry = Registry(load_settings(home).database_url(home))
    room = SimpleNamespace(home=home, registry=registry)
    with console_api_of(room) as console, console_of(console) as origin:  # type: ignore[arg-type] # all that is used
        for role in (Role.TRIAGE, Role.ADMINISTRATOR, Role.AUDITOR):
            console.grant("jane", role)
        visitor = Visitor(origin)
        visitor.client.timeout = _PATIENCE
        visitor.enter(console.invite("jane"))
        console.confirm("jane")
        collect_garbage_rarely()
        yield visitor
        visitor.client.close()
    registry.close()


def _pages(held: str, size: int, visitor: Visitor) -> dict[str, str]:
    """The address of each page."""
    team = "/mailboxes/central-data-team"
    visitor.get(team)
    latest = re.search(rf"{team}/([0-9A-Za-z-]+)", visitor.page)
    assert latest, visitor.text
    pages = {
        "today": "/",
        "a mailbox": team,
        "a mailbox, new": f"{team}?new=yes",
        "a mailbox, of one school": f"{team}?provider=s7",
        "a mailbox, of a school that sent nothing": f"{team}?provider=oak",
        "a mailbox, of one kind": f"{team}?data_type=school-census",
        "a mailbox, of a period": f"{team}?period=2031",
        "a mailbox, in the middle": f"{team}?before={size // 2}",
        "dealt with": f"{team}?removed=yes",
        "a file": f"{team}/{latest[1]}",
        "held": "/held",
        "held, in the middle": f"/work/held/list?after=50.{size // 2}",
        "held, in groups": "/work/held/list?group=why",
        "held, in groups by school, sorted": "/work/held/list?group=provider_name&sort=-days",
        "held, for a person": "/work/held/list?where=waits_for=a+person",
        "held, sorted": "/work/held/list?sort=days",
        "files, of one state": "/work/transfers/list?where=outcome=refused",
        "files, sorted": "/work/transfers/list?sort=-provider",
        "a held file": f"/held/{held}",
        "schools": "/schools",
        "schools that are late": "/schools?late=yes",
        "schools on another day": "/schools?on=2026-06-01",
        "a school": "/schools/s7",
        "a school, in the middle": f"/schools/s7?before={size // 2}",
        "enrol": "/work/providers/add",
        "agreement": "/agreement",
        "policies": "/agreement/policies",
        "evidence": "/evidence",
        "evidence, in the middle": f"/evidence?before={size}",
        "breaches": "/work/breach/list",
        "a breach": "/work/breach/show?number=1",
        "holds": "/work/legal-holds/list",
        "what is due for deletion": "/work/retention/plan",
        "a review": "/work/report/review",
        "watch": "/watch",
        "oneself": "/me",
        "login": "/login",
        "an invitation": "/invitation",
    }
    return pages | {name: path for name, path in pages_of_questions().items() if path not in pages.values()}


def pages_of_questions() -> dict[str, str]:
    """The page of each question that needs to be told nothing, but for what only data protection may ask."""
    return {
        name: f"/work/{name.rpartition(' ')[0].replace(' ', '.')}/{name.rpartition(' ')[2]}"
        for name, act in every_act().items()
        if act.reads
        and act.in_console
        and act.right not in {AccessRight.PROTECT, AccessRight.WELFARE}
        and name not in _NOTHING_YET
    }
