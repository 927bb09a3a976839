"""Nothing is skipped unseen: the marks `needs` and `root`, and what follows in continuous integration."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator

import pytest

REQUIRE_ALL = os.environ.get("GATEWAY_TEST_REQUIRE_ALL") == "1"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip a test whose programs are missing; under GATEWAY_TEST_REQUIRE_ALL=1 let it fail instead."""
    for item in items:
        wanted = {program for mark in item.iter_markers("needs") for program in mark.args}
        missing = sorted(program for program in wanted if shutil.which(program) is None)
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)}"))
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Under GATEWAY_TEST_REQUIRE_ALL=1 a skipped test has failed, whatever made it skip."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail_where_skipped(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a whole file."""
    report = yield
    _fail_where_skipped(report)
    return report


def _fail_where_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    if REQUIRE_ALL and report.skipped:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"GATEWAY_TEST_REQUIRE_ALL=1 and this test was not run: {why}"
