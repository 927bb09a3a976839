"""A running intake for the tests of this folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from tests.intake.running import Running


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Running]:
    """An intake with one provider, `avon`."""
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.provider("avon")
    running.start()
    yield running
    running.stop()
