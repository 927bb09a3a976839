"""The console's pages, with many transfers on record: 300 schools, a passkey of software, real HTTP.

Each page is asked for over the loopback, and answered through the console API by the service that has the
registry.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

from gateway.home import Home
from gateway.home.settings import load_settings
from gateway.mailboxes.console_api.judged import SECONDS
from gateway.registry.database import Registry
from tests.bench.growth import Grown, Lived
from tests.bench.measure import Line, Setting, in_parts, line, percentile, seconds
from tests.console.pages import console_of
from tests.console.through_the_api import console_api_of
from tests.console.visitor import Visitor

_SCHOOLS = 300
_ROUNDS = 20
_TARGET_MS = 200.0
_ANEW = "today, while what is late is judged anew"
_PATIENCE = 120.0
"""In seconds: the first answers with a million files take long. They are not what is measured."""
_ASKING = 240.0
"""For asking, once the gateway is filled."""


def run(setting: Setting) -> Iterator[Line]:
    """The p95 of every page."""
    size = 20_000 if setting.quick else 1_000_000
    grown = Grown.make(setting.scratch / "pages", size, Lived(_SCHOOLS))
    _enrol_schools(grown)
    asking = replace(setting, deadline=time.monotonic() + _ASKING)
    with _visited(grown) as visitor:
        for name, path in (*_pages(grown, size, visitor).items(), (_ANEW, "/")):
            if name == _ANEW:
                time.sleep(SECONDS + 1)  # What was judged is too old then: whoever asks first has it renewed.
            assert visitor.get(path) == 200, (path, visitor.text)
            times = [1000 * seconds(lambda: visitor.get(path)) for _ in asking.rounds(_ROUNDS)]  # noqa: B023
            yield line("pages", f"{name}, p95, {size:,} transfers", "ms",
                       [percentile(each, 0.95) for each in in_parts(times)], "the target", [_TARGET_MS],
                       better="less", target=1.0, bound=True)  # fmt: skip


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
        console.grant("jane", "triage")
        visitor = Visitor(origin)
        visitor.client.timeout = _PATIENCE
        visitor.enter(console.invite("jane"))
        console.confirm("jane")
        yield visitor
        visitor.client.close()
    registry.close()


def _pages(grown: Grown, size: int, visitor: Visitor) -> dict[str, str]:
    """The address of each page."""
    team = "/mailboxes/central-data-team"
    visitor.get(team)
    latest = re.search(rf"{team}/([0-9A-Za-z-]+)", visitor.page)
    (held,) = grown.site.transfers("--limit", "1", "--state", "held")
    assert latest, visitor.text
    return {
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
        "held, in the middle": f"/work/held/list?after={size // 2}",
        "a held file": f"/held/{held['reference']}",
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
        "one child": "/work/pupils/report",
        "holds": "/work/legal-holds/list",
        "what is due for deletion": "/work/retention/plan",
        "a review": "/work/report/review",
        "watch": "/watch",
        "oneself": "/me",
        "login": "/login",
        "an invitation": "/invitation",
    }
