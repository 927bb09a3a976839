"""The clock of the year: that of this whole process, moved by libfaketime."""

from __future__ import annotations

import os
import sys
import time
from datetime import UTC, date, datetime
from datetime import time as clock_time
from pathlib import Path
from zoneinfo import ZoneInfo

LONDON = ZoneInfo("Europe/London")
_SETTING = "FAKETIME"


def library() -> Path | None:
    """libfaketime, where it is installed."""
    return next(iter(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")), None)


def begin_again(module: str) -> None:
    """Run this program once more, under the library; return only in the run that is."""
    if _SETTING in os.environ:
        return
    found = library()
    if found is None:
        sys.exit("libfaketime is missing: apt-get install libfaketime")
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GATEWAY_")},
        "LD_PRELOAD": str(found),
        _SETTING: "+0",
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "TZ": "Europe/London",
        "COLUMNS": "120",
    }
    os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], environment)


def put_forward(day: date, at: str = "09:00") -> datetime:
    """Make it that local time of a day now; the moment in UTC."""
    moment = datetime.combine(day, clock_time.fromisoformat(at), LONDON).astimezone(UTC)
    true = time.time() - _moved()
    os.environ[_SETTING] = f"{moment.timestamp() - true:+.3f}"
    return moment


def _moved() -> float:
    """By how many seconds the clock is moved now."""
    return float(os.environ[_SETTING])
