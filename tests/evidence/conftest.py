"""A fresh gateway for each test, and copies of one in which much has happened."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evidence.whole import copy_of, whole
from tests.policy_cli.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A gateway in which nothing has happened yet."""
    made = Desk(tmp_path)
    yield made
    made.close()


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Desk]:
    """A copy of the whole home, to be changed."""
    made = copy_of(whole(), tmp_path)
    yield made
    made.close()
