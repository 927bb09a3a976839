"""Synthetic contents for tests, and a results day that a test can wait for."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from gateway.samples import make, school
from tests.policies import enact

if TYPE_CHECKING:
    from tests.workshop import Desk

# Appendix A lists neither telephone numbers nor e-mail addresses.
_NOT_LISTED = re.compile(rb"\s*<(Phones|Email)>.*?</\1>", re.DOTALL)
_LONDON = ZoneInfo("Europe/London")


def core_data(seed: int = 1, pupils: int = 10) -> bytes:
    """A Common Transfer File of synthetic pupils, of which the central data team may have all.

    Another seed gives other pupils.
    """
    return not_beyond(core_data_and_telephones(seed, pupils))


def not_beyond(content: bytes) -> bytes:
    """A Common Transfer File without what Appendix A does not list."""
    return _NOT_LISTED.sub(b"", content)


def core_data_and_telephones(seed: int = 1, pupils: int = 10) -> bytes:
    """A Common Transfer File as systems write it, with what Appendix A does not list."""
    rng = random.Random(seed)
    return make("student-core", "ctf-full", rng=rng, school=school(rng, 1), pupils=pupils)


def school_history(seed: int = 1, pupils: int = 10) -> bytes:
    """A Common Transfer File that holds nothing of special needs, so that more teams may have it."""
    rng = random.Random(seed)
    return make("student-core", "ctf-school-history", rng=rng, school=school(rng, 1), pupils=pupils)


def census(seed: int = 1, pupils: int = 10, number: int = 1) -> bytes:
    """A school census return of synthetic pupils of the school with a `number`."""
    rng = random.Random(seed)
    return make("school-census", "xml-summer", rng=rng, school=school(rng, number), pupils=pupils)


def gcse_results(seed: int = 1) -> bytes:
    return make("gcse-results", "csv", rng=random.Random(seed), pupils=12)


def next_results_day(desk: Desk) -> datetime:
    """Make tomorrow, 08:00 in London, the results day of GCSEs; the moment."""
    today = desk.now.astimezone(_LONDON).date()
    day = today + timedelta(days=1)
    path = desk.home.policies / "calendar.toml"
    text = path.read_text().replace('season = "06-01"', 'season = "01-01"')
    path.write_text(text.replace("2025-08-21, 2026-08-20]", f"2025-08-21, {day}]"))
    enact(desk.home.root)
    return datetime(day.year, day.month, day.day, 8, tzinfo=_LONDON).astimezone(UTC)
