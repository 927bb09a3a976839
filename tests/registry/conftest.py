"""A PostgreSQL server for the tests of this folder that ask for one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.bench.writers_place import Bench
from tests.registry.cluster import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A server of its own, on a socket."""
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def bench(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A gateway there, and files of its schools as they are once examined."""
    return Bench(tmp_path_factory.mktemp("bench"), cluster.database("places"))
