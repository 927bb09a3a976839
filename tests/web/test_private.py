"""A private window, in a browser and before a gateway of its own: Playwright drives one at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.school import presses, school_at

pytestmark = pytest.mark.long


@pytest.mark.needs("firefox-esr")
def test_a_window_that_keeps_nothing_makes_no_key(tmp_path: Path) -> None:
    with school_at(tmp_path / "site", "firefox-private") as school:
        page = school.opens()
        school.opens_invitation(page, tmp_path)
        presses(page, "Make my keys")
        page.locator("#problem", has_text="This window keeps nothing").wait_for()
        assert page.evaluate("Kits.all('kits')") == []
