"""The afternoon in Chromium, and what the guide says of it; `make afternoon` does it in Firefox as well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.console.acts import ACTS
from tests.console.afternoon import done_in
from tests.console.conftest import PICTURES, House

pytestmark = [pytest.mark.long, pytest.mark.needs("chromium"), pytest.mark.timeout(600)]

GUIDE = Path(__file__).parents[2] / "docs/console.md"


def test_every_task_is_done_in_the_console_alone_and_the_guide_says_with_how_many_clicks(
    house: House,
) -> None:
    people, names, done, failed = done_in(house)
    assert failed == [], "\n\n".join(failed)
    assert ACTS["test_afternoon.py"] <= house.seen.acts
    for path in (
        "staff/list",
        "transfers/list",
        "letters/list",
        "held/list",
        "keys/confirm",
        "letters/chase",
    ):
        people["mary"].page.goto(f"{house.origin}/work/{path}")
        assert people["mary"].faults_at_each_width() == [], path
    shown = {
        "held": f"held/{names['unratified']}",
        "today": "",
        "held-list": "work/held/list",
        "tasks": "work",
        "mailbox": "mailboxes/central-data-team",
    }
    for width in (1366, 390):
        people["jane"].page.set_viewport_size({"width": width, "height": 900})
        for name, path in shown.items():
            people["jane"].page.goto(f"{house.origin}/{path}")
            people["jane"].page.screenshot(path=PICTURES / f"guide-{name}-{width}.png")
    told = re.findall(
        r"^\| (?:officer|colleague without a role|administrator) \|.*\|$", GUIDE.read_text(), re.MULTILINE
    )
    assert told == done, "\n".join(done)
