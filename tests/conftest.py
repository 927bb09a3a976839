"""What the test folders share: gateways, schools, GnuPG; in what order they run."""

from __future__ import annotations

import gc
import subprocess
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.clock import TERM_TIME, Clock, commands_go_by
from tests.faults.sample import drawn_files
from tests.openpgp.gnupg import Gnupg
from tests.school import School
from tests.site import Site
from tests.unused import site_in, workshop_in
from tests.whole import whole
from tests.workshop import BEHIND, Workshop

# The same examples each time: what is new is looked for by `make fuzz`, not by whoever changed another thing.
# However busy the machine is, no example is too slow.
settings.register_profile(
    "same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("same")
pytest_plugins = ["tests.skipping", "tests.compiled", "tests.migrated", "tests.patience", "tests.seconds"]
_NUMBERS = count(1)
# By how many new objects a search for garbage begins, and after how many searches one among what is older. As
# Python begins they are 700, 10 and 10.
_SEARCHES = 20_000, 20, 20
_A_WHILE_SECONDS = 20
# The files that take longest, in that order: begun first, so that no worker is left with one at the end.
FIRST = (
    "web/test_sealing.py",
    "console/test_looks.py",
    "store/test_several_hosts.py",
    "attacks/test_sight.py",
    "views/test_remarks.py",
    "production/test_confined.py",
    "console/test_console.py",
    "console/test_afternoon.py",
    "web/test_standing.py",
    "attacks/test_access_matrix.py",
    "homes/audit/test_tampering.py",
    "store/test_two_authorities.py",
    "send/test_ceremonies.py",
    "cli/test_streams.py",
    "hostile/test_abuse.py",
    "end_to_end/test_readme.py",
)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Half a million objects stay once the tests are read: no search for garbage goes over them."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_SEARCHES)
        gc.enable()


def pytest_addoption(parser: pytest.Parser) -> None:
    told = "of each kind of fault one case, of the files with long tests a sixth, drawn by SEED"
    parser.addoption("--sample", metavar="SEED", help=told)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, then with others that have a long test; each stays together."""
    long = {item.path for item in items if item.get_closest_marker("long")}
    if seed := config.getoption("--sample"):
        kept = drawn_files((path.relative_to(config.rootpath).as_posix() for path in long), seed)
        drawn = {config.rootpath / one for one in kept}
        left_out = {item for item in items if item.get_closest_marker("long") and item.path not in drawn}
        config.hook.pytest_deselected(items=[*left_out])
        items[:] = [item for item in items if item not in left_out]
    turns = {Path(__file__).parent / file: turn for turn, file in enumerate(FIRST)}
    items.sort(key=lambda item: turns.get(item.path, len(FIRST) + (item.path not in long)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell of tests that ought to be cheaper, or have the mark `long`."""
    seconds = Counter[str]()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport) and "long" not in report.keywords:
            seconds[report.nodeid] += report.duration
    for test, taken in seconds.most_common():
        if taken > _A_WHILE_SECONDS:
            terminalreporter.write_line(f"{test} took {taken:.0f} s: make it cheaper, or mark it `long`")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """A fresh gateway, whose processor has one worker: to start more of them takes a second."""
    return site_in(tmp_path)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Workshop]:
    """A gateway in this process in which nothing has happened yet."""
    made = workshop_in(tmp_path)
    yield made
    made.close()


@pytest.fixture
def term(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    """A gateway in this process in the midst of a term that is written down; commands go by its clock too.

    Its people have no keys made now, which are of its future: enrol them by commands, or as `school`.
    """
    clock = Clock()
    clock.set(TERM_TIME)
    made = Workshop(tmp_path, clock=clock)
    commands_go_by(clock, monkeypatch)
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
