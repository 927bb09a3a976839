"""Three hosts behind a balancer, PostgreSQL with a standby, a store of three servers: broken at random."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.faults.region import Region
from tests.faults.storm import check, storm


@pytest.mark.root
@pytest.mark.needs("pg_ctlcluster", "haproxy", "ip", "faketime")
@pytest.mark.timeout(600)
def test_any_host_may_die_and_nothing_that_landed_is_lost(tmp_path: Path) -> None:
    """The short form of `make cluster`."""
    region = Region(tmp_path / "region")
    try:
        happened = storm(region, random.Random(7), faults=10, seconds=90, pause=0.5, longest=10)
        assert sum(happened.values()) >= 5
        states = check(region)
        assert states["accepted"] >= 5
        assert set(states) == {"accepted"}
    finally:
        region.close()
