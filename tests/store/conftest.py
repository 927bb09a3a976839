"""A SeaweedFS and a PostgreSQL for all tests of this folder, and the stores that keep the same promises."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import obstore
import pytest

from gateway.home.store_settings import StoreSettings
from gateway.store.objects import ObjectStore, client_of
from gateway.store.of_home import SealedFolder, Store
from tests.registry.cluster import Cluster
from tests.store.servers import Server, rclone, seaweedfs

_FOLDERS = count(1)


@pytest.fixture(scope="session")
def weed() -> Iterator[Server]:
    made = seaweedfs()
    obstore.put(client_of(made.settings("first")), "made", b"")  # It makes a bucket that is not there.
    yield made
    made.remove()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture(scope="session")
def rclone_server() -> Iterator[Server]:
    made = rclone()
    yield made
    made.remove()


@pytest.fixture
def s3(weed: Server) -> StoreSettings:
    """A folder of a bucket that nobody has used."""
    return weed.settings(f"test-{next(_FOLDERS)}")


@pytest.fixture(params=["folder", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Each kind of store, empty."""
    if request.param == "folder":
        return SealedFolder(tmp_path)
    return ObjectStore(client_of(request.getfixturevalue("s3")), tmp_path)
