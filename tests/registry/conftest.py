"""A PostgreSQL server for the tests of this folder that ask for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.registry.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server of its own, on a socket."""
    made = Cluster()
    yield made
    made.remove()
