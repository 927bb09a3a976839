"""The clocks of tests: of moments, which stand still or run on, and of seconds that never go back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

import pytest

from gateway.policy.dates import academic_year

THIS_YEAR = (academic_year(datetime.now(ZoneInfo("Europe/London")).date(), "09-01"),)
"""What a provider has ratified whose files are to be taken, whenever a test runs: the year of now."""
TERM_TIME = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
"""A moment of a school day in the terms that the shipped policies have written down; it is always past."""


class Clock:
    """Give it to whatever asks for the time."""

    def __init__(self, *, behind: timedelta | None = None) -> None:
        """One that runs, so much behind the true time; one that stands at this moment where that is None."""
        self.runs = behind is not None
        self._behind = behind or timedelta()
        self._moment = datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> datetime:
        """The time by this clock."""
        return datetime.now(UTC) - self._behind if self.runs else self._moment

    def set(self, moment: datetime) -> None:
        """Make it that moment now."""
        self._behind, self._moment = datetime.now(UTC) - moment, moment


class Seconds:
    """Monotonic seconds; they pass when a test adds to `now`."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The seconds by this clock."""
        return self.now


def commands_go_by(clock: Callable[[], datetime], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands of this process take the time from this clock, as long as the test lasts."""

    class Like(type):
        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, datetime)

    class Times(datetime, metaclass=Like):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return clock().astimezone(tz)

    monkeypatch.setattr("gateway.cli.console.datetime", Times)
