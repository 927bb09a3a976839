"""One clean root for all who follow the guide in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.production.clean_root import clean_root
from tests.production.follow import Newcomer


@pytest.fixture(scope="session")
def newcomer() -> Iterator[Newcomer]:
    with clean_root() as root:
        yield Newcomer(root)
