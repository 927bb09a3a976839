"""What the test folders share: gateways, schools, GnuPG, the `needs` mark; that nothing is skipped unseen."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from tests.openpgp.gnupg import Gnupg
from tests.school import School
from tests.site import Site
from tests.whole import whole
from tests.workshop import BEHIND, Workshop

REQUIRE_ALL = os.environ.get("GATEWAY_TEST_REQUIRE_ALL") == "1"
_NUMBERS = count(1)
# The files that take longest, in that order: begun first, so that no worker is left with one at the end.
LONG = (
    "hostile/test_abuse.py",
    "end_to_end/test_rotation.py",
    "end_to_end/test_interruptions.py",
    "registry/test_postgresql.py",
    "keys/test_gateway_keys.py",
    "end_to_end/test_mistakes.py",
    "hostile/test_content.py",
    "intake/test_requests.py",
    "record/test_discrepancies.py",
    "processor/test_retention.py",
    "cli/test_streams.py",
    "cli/test_running.py",
    "audit/test_tampering.py",
    "openpgp/test_vectors.py",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip a test whose programs are missing; under GATEWAY_TEST_REQUIRE_ALL=1 let it fail instead."""
    items.sort(key=_turn)
    for item in items:
        wanted = {program for mark in item.iter_markers("needs") for program in mark.args}
        missing = sorted(program for program in wanted if shutil.which(program) is None)
        if missing:
            item.add_marker(pytest.mark.skip(reason=f"not installed: {', '.join(missing)}"))
        if item.get_closest_marker("root") and os.geteuid() != 0:
            item.add_marker(pytest.mark.skip(reason="needs root"))


def _turn(item: pytest.Item) -> int:
    """Where a test stands in the order: those of one file stay together, in theirs."""
    file = item.nodeid.partition("::")[0].removeprefix("tests/")
    return LONG.index(file) if file in LONG else len(LONG)


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


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A fresh gateway."""
    return Site(tmp_path)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Workshop]:
    """A gateway in this process in which nothing has happened yet."""
    made = Workshop(tmp_path)
    yield made
    made.close()


@pytest.fixture
def copy(tmp_path: Path) -> Iterator[Workshop]:
    """A copy of the whole home, to be changed."""
    made = whole().copied(tmp_path)
    yield made
    made.close()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    """A gateway at work in this process, for all tests of a file."""
    with Workshop.at_work(tmp_path_factory.mktemp("shop")) as running:
        yield running


@pytest.fixture
def school(shop: Workshop) -> Iterator[Callable[..., School]]:
    """Enrols a school that no other test has. The clock is right again."""
    shop.now = datetime.now(UTC) - BEHIND
    with ExitStack() as stack:
        yield lambda name, **more: shop.school(
            f"{name}-{next(_NUMBERS)}", stack.enter_context(Gnupg()), **more
        )


@pytest.fixture
def oak(school: Callable[..., School]) -> School:
    """A school enrolled with the gateway at work."""
    return school("oak")


@pytest.fixture
def gnupg(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A private GNUPGHOME; its agent is ended afterwards."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    yield home
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)
