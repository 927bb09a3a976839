"""Homes in which nothing has happened yet: made once a minute, and copied for each test that wants one.

So the homes of several tests have the same keys: a test that needs two gateways makes one of them itself.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from functools import lru_cache
from pathlib import Path

from tests.site import Site
from tests.workshop import Workshop

_SECONDS = 60


def workshop_in(root: Path) -> Workshop:
    """A gateway in this process, whose clock stands at this moment."""
    copy = _workshop(_minute()).copied(root)
    copy.catch_up()
    return copy


def site_in(root: Path) -> Site:
    """A gateway whose processor has one worker: to start more of them takes a second."""
    return _site(_minute()).copied(root)


def _minute() -> int:
    return int(time.time() // _SECONDS)


@lru_cache(maxsize=1)
def _workshop(_made: int) -> Workshop:
    desk = Workshop(_folder())
    desk.close()
    return desk


@lru_cache(maxsize=1)
def _site(_made: int) -> Site:
    return Site(_folder(), workers=1)


def _folder() -> Path:
    root = Path(tempfile.mkdtemp(prefix="unused-"))
    atexit.register(shutil.rmtree, root, ignore_errors=True)
    return root
