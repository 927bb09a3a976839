"""What every test folder shares: the `needs` mark."""

import os
import shutil
from pathlib import Path

import pytest

from tests.gateway_site import Site

REQUIRE_ALL = os.environ.get("GATEWAY_TEST_REQUIRE_ALL") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip a test whose programs are missing; under GATEWAY_TEST_REQUIRE_ALL=1 let it fail instead."""
    for item in items:
        wanted = {program for mark in item.iter_markers("needs") for program in mark.args}
        missing = sorted(program for program in wanted if shutil.which(program) is None)
        if missing and not REQUIRE_ALL:
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)}"))
        if item.get_closest_marker("root") and os.geteuid() != 0 and not REQUIRE_ALL:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Under GATEWAY_TEST_REQUIRE_ALL=1 a missing program is a failure, never a skip."""
    if not REQUIRE_ALL:
        return
    wanted = {program for mark in item.iter_markers("needs") for program in mark.args}
    missing = sorted(program for program in wanted if shutil.which(program) is None)
    if missing:
        pytest.fail(f"GATEWAY_TEST_REQUIRE_ALL=1, and these are missing: {', '.join(missing)}")
    if item.get_closest_marker("root") and os.geteuid() != 0:
        pytest.fail("GATEWAY_TEST_REQUIRE_ALL=1, and this test needs root")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A fresh gateway."""
    return Site(tmp_path)
