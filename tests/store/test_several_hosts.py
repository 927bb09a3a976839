"""Several hosts share the work on one registry and one store: whoever does it, it is done once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.homes.demo.parties import Party
from tests.content import core_data
from tests.registry.cluster import Cluster
from tests.store.several import another_host, at_work, shared_home
from tests.store.servers import Server
from tests.waiting import until
from tests.workshop import Workshop

pytestmark = pytest.mark.needs("pg_ctlcluster")


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    made = Cluster()
    yield made
    made.remove()


@pytest.fixture(scope="module")
def hosts(
    tmp_path_factory: pytest.TempPathFactory, cluster: Cluster, weed: Server
) -> Iterator[tuple[Workshop, Workshop]]:
    one = shared_home(tmp_path_factory.mktemp("one"), weed, cluster.database("several"))
    yield one, another_host(one, tmp_path_factory.mktemp("two"), "two")


@pytest.fixture(scope="module")
def oak(hosts: tuple[Workshop, Workshop]) -> Party:
    return hosts[0].provider("oak", years=("2026-27",))


def test_every_door_has_every_receipt_and_each_file_is_decided_once(
    hosts: tuple[Workshop, Workshop], oak: Party
) -> None:
    one, two = hosts
    with at_work(one, two):
        sent = [host.send(oak, core_data()) for host in (one, two)]
        for host in hosts:
            until(lambda: all(host.state(each) not in {"", "landed"} for each in sent), "the decisions")
        until(lambda: len(one.receipts("oak")) == len(two.receipts("oak")) >= 2, "the receipts")
        assert [path.read_bytes() for path in one.receipts("oak", "*")] == [
            path.read_bytes() for path in two.receipts("oak", "*")
        ]
        for each in sent:
            assert one.kinds(each).count("decided") == 1
