from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.home import Home
from tests.intake.running import Running


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Running]:
    """An intake with the providers avon and bath."""
    running = Running(Home(tmp_path / "home"))
    running.publish()
    running.provider("avon")
    running.provider("bath")
    running.start()
    yield running
    running.stop()
