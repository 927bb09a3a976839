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

from tests.clock import TERM_TIME, Clock, commands_go_by
from tests.openpgp.gnupg import Gnupg
from tests.school import School
from tests.site import Site
from tests.unused import site_in, workshop_in
from tests.whole import whole
from tests.workshop import BEHIND, Workshop

pytest_plugins = ["tests.skipping", "tests.compiled", "tests.seconds"]
_NUMBERS = count(1)
_NEW_OBJECTS = 10_000  # By which a search for garbage begins; 700 as Python begins.
# The files that take longest, in that order: begun first, so that no worker is left with one at the end.
LONG = (
    "homes/audit/test_tampering.py",
    "hostile/test_abuse.py",
    "console/test_console.py",
    "store/test_every_way.py",
    "store/test_several_hosts.py",
    "attacks/test_captured_children.py",
    "send/test_sending.py",
    "end_to_end/test_rotation.py",
    "openpgp/test_vectors.py",
    "send/test_ceremonies.py",
    "registry/test_postgresql.py",
    "keys/test_gateway_keys.py",
    "production/test_admins_guide.py",
    "record/drops/test_keys.py",
    "secrets/test_secret_files.py",
    "send/test_sandbox.py",
    "classify/test_patterns.py",
    "hostile/test_penalties.py",
    "processor/test_dry_run.py",
    "attacks/test_shared_address.py",
    "mailboxes/test_service.py",
    "attacks/test_greedy_client.py",
    "end_to_end/test_mistakes.py",
    "keys/test_life.py",
    "store/test_home_on_s3.py",
    "attacks/test_captured_intake.py",
    "production/test_upgrade.py",
    "end_to_end/test_readme.py",
    "classify/test_properties.py",
    "keys/test_guide.py",
    "evidence/test_privacy.py",
    "attacks/test_lying_children.py",
    "record/test_policy_proposals.py",
    "end_to_end/test_embargo.py",
    "homes/test_backup.py",
    "production/test_confined.py",
    "attacks/test_greedy_provider.py",
    "processor/test_retention.py",
    "end_to_end/test_interruptions.py",
    "processor/test_witness_mail.py",
    "keys/test_expiry.py",
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
        gc.set_threshold(_NEW_OBJECTS)
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
