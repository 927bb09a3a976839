"""The fault suite: `make faults`, `make faults-sample`. `make test` leaves out what has the mark `faults`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.invariant import Outcome
from tests.faults.sample import drawn
from tests.faults.table import PROPERTY, Noted, write
from tests.faults.yard import Yard, yard

HERE = Path(__file__).parent
Note = Callable[[str, int, Outcome], None]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--kills", type=int, default=50, help="how many random kills in each of three runs")
    parser.addoption("--faults-table", type=Path, metavar="FILE", help="write what was tried into FILE")


def pytest_report_header(config: pytest.Config) -> str:
    seed = config.getoption("--sample")
    return f"faults: one case of each kind, drawn by --sample {seed}" if seed else "faults: all of them"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.is_relative_to(HERE)]
    for item in ours:
        item.add_marker("faults")
    if seed := config.getoption("--sample"):
        kept = drawn((item.nodeid for item in ours), seed)
        config.hook.pytest_deselected(items=[item for item in ours if item.nodeid not in kept])
        items[:] = [item for item in items if item not in ours or item.nodeid in kept]


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    page: Path | None = config.getoption("--faults-table")
    if page is None or hasattr(config, "workerinput"):  # A worker knows only what it has done itself.
        return
    reports = terminalreporter.stats.get("passed", [])
    left_out = terminalreporter.stats.get("skipped", [])
    noted = [Noted.from_json(text) for r in reports for name, text in r.user_properties if name == PROPERTY]
    if exitstatus == 0 and noted and not left_out:
        write(noted, page)


@pytest.fixture
def note(record_property: Callable[[str, object], None]) -> Note:
    """Tell the table what was tried, how often, and what became of it."""

    def noting(fault: str, times: int, outcome: Outcome) -> None:
        record_property(PROPERTY, Noted(fault, times, outcome).to_json())

    return noting


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Yard:
    """One that nobody uses: making one takes ten commands, copying it nothing."""
    return yard(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def fresh_yard(pristine: Yard, tmp_path: Path) -> Iterator[Yard]:
    made = pristine.copied(tmp_path)
    yield made
    made.stop()


@pytest.fixture(scope="module")
def shared_yard(pristine: Yard, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    made = pristine.copied(tmp_path_factory.mktemp("yard"))
    yield made
    made.stop()
