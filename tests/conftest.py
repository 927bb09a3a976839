"""What the test folders share: gateways, schools, GnuPG; in what order they run."""

from __future__ import annotations

import gc
import subprocess
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest
from hypothesis import settings

from tests.clock import TERM_TIME, Clock, commands_go_by
from tests.openpgp.gnupg import Gnupg
from tests.school import School
from tests.site import Site
from tests.unused import site_in, workshop_in
from tests.whole import whole
from tests.workshop import BEHIND, Workshop

# The same examples each time: what is new is looked for by `make fuzz`, not by whoever changed another thing.
settings.register_profile("same", derandomize=True)
settings.load_profile("same")
pytest_plugins = ["tests.skipping", "tests.compiled", "tests.migrated", "tests.patience", "tests.seconds"]
_NUMBERS = count(1)
# By how many new objects a search for garbage begins, and after how many searches one among what is older. As
# Python begins they are 700, 10 and 10.
_SEARCHES = 20_000, 20, 20
# The files that take longest, in that order: begun first, so that no worker is left with one at the end.
LONG = (
    "attacks/test_captured_children.py",
    "hostile/test_abuse.py",
    "store/test_every_way.py",
    "send/test_sending.py",
    "homes/audit/test_tampering.py",
    "console/test_console.py",
    "store/test_several_hosts.py",
    "attacks/test_reading_along.py",
    "secrets/test_secret_files.py",
    "registry/test_postgresql.py",
    "end_to_end/test_rotation.py",
    "console/test_acts.py",
    "cli/test_streams.py",
    "keys/test_gateway_keys.py",
    "production/test_admins_guide.py",
    "production/test_confined.py",
    "record/drops/test_keys.py",
    "end_to_end/test_embargo.py",
    "openpgp/test_vectors.py",
    "classify/test_quick_looks.py",
    "send/test_ceremonies.py",
    "processor/test_stopping.py",
    "end_to_end/test_readme.py",
    "hostile/test_penalties.py",
    "send/test_sandbox.py",
    "store/test_home_on_s3.py",
    "classify/test_properties.py",
    "mailboxes/test_service.py",
    "classify/test_hostile.py",
    "processor/test_retention.py",
    "attacks/test_shared_address.py",
    "production/test_upgrade.py",
    "store/test_stores.py",
    "cli/test_policy.py",
    "record/test_discrepancies.py",
    "attacks/test_greedy_client.py",
    "evidence/test_privacy.py",
    "attacks/test_lying_children.py",
    "store/test_move.py",
    "openpgp/test_engines_agree.py",
    "classify/test_streaming.py",
    "attacks/test_greedy_provider.py",
    "keys/test_guide.py",
    "production/test_first_of_september.py",
    "keys/test_life.py",
    "processor/test_witness_mail.py",
    "confusion/test_confusion.py",
    "hostile/test_content.py",
    "corpus/test_one_more_column.py",
    "processor/test_dry_run.py",
    "record/test_recalls.py",
    "attacks/test_captured_intake.py",
    "cli/test_flows.py",
    "production/test_supply.py",
    "keys/test_expiry.py",
    "record/test_policies_in_force.py",
    "send/test_watching.py",
    "cli/test_running.py",
    "cli/test_nouns.py",
    "record/drops/test_agreement.py",
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


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Where a test stands in the order: those of one file stay together, in theirs."""
    file = item.nodeid.partition("::")[0].removeprefix("tests/")
    return LONG.index(file) if file in LONG else len(LONG)


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
