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
_A_WHILE_SECONDS = 30
# The files that take longest, in that order: begun first, so that no worker is left with one at the end.
LONG = (
    "web/test_sealing.py",
    "send/test_sending.py",
    "web/test_standing.py",
    "web/test_large.py",
    "openpgp/test_vectors.py",
    "console/test_afternoon.py",
    "console/test_first_day.py",
    "clients/test_vendors.py",
    "production/test_upgrade.py",
    "attacks/test_access_matrix.py",
    "attacks/test_one_person_alone.py",
    "attacks/test_captured_children.py",
    "homes/test_upgrade.py",
    "production/test_two_sides.py",
    "web/test_look.py",
    "web/test_page.py",
    "console/test_acts.py",
    "store/test_several_hosts.py",
    "secrets/test_secret_files.py",
    "console/test_console.py",
    "console/test_looks.py",
    "attacks/test_reading_along.py",
    "corpus/test_corpus.py",
    "cli/test_streams.py",
    "send/test_ceremonies.py",
    "production/test_confined.py",
    "web/test_proving.py",
    "end_to_end/test_readme.py",
    "corpus/test_benign.py",
    "send/test_sandbox.py",
    "classify/test_quick_looks.py",
    "attacks/test_kit.py",
    "production/test_admins_guide.py",
    "send/test_writers.py",
    "end_to_end/test_rotation.py",
    "store/test_move.py",
    "hostile/test_abuse.py",
    "send/test_headings.py",
    "send/test_checking.py",
    "verify/test_verify_files.py",
    "classify/test_streaming.py",
    "console/test_console_api.py",
    "views/test_remarks.py",
    "mailboxes/test_service.py",
    "confusion/test_confusion.py",
    "policy/test_clauses.py",
    "record/test_policies_in_force.py",
    "openpgp/test_engines_agree.py",
    "homes/test_term_upgraded.py",
    "attacks/test_sight.py",
    "send/test_first_day.py",
    "homes/audit/test_tampering.py",
    "classify/test_hostile.py",
    "send/test_invitations.py",
    "web/test_offline.py",
    "samples/test_build.py",
    "processor/test_judged_anew.py",
    "keys/test_gateway_keys.py",
    "layouts/test_periods.py",
    "send/test_welsh.py",
    "console/test_api_guide.py",
    "cli/test_nouns.py",
    "processor/test_dry_run.py",
    "layouts/test_layouts.py",
    "processor/test_witness_mail.py",
    "samples/test_layouts.py",
    "end_to_end/test_embargo.py",
    "production/test_kit_wheel.py",
    "attacks/test_captured_intake.py",
    "openpgp/test_certificates.py",
    "log/test_vectors.py",
    "classify/test_stories.py",
    "classify/test_pumping.py",
    "evidence/test_privacy.py",
    "hostile/test_content.py",
    "classify/test_properties.py",
    "production/test_supply.py",
    "evidence/test_elsewhere.py",
    "classify/test_recognise.py",
    "policy/test_methods.py",
    "registry/test_postgresql.py",
    "classify/test_rehearsal.py",
    "production/test_first_of_september.py",
    "receipts/test_receipt.py",
    "store/test_two_authorities.py",
    "record/drops/test_keys.py",
    "processor/test_stopping.py",
    "end_to_end/test_remarks_reach_nobody.py",
    "store/test_every_way.py",
    "cli/test_roles.py",
    "attacks/test_shared_address.py",
    "bench/test_counts.py",
    "end_to_end/test_law_flows.py",
    "send/test_terminal.py",
    "log/test_leaf.py",
    "hostile/test_paramiko_suite.py",
    "send/test_captured_intake.py",
    "classify/test_ahead.py",
    "attacks/test_greedy_provider.py",
    "end_to_end/test_bare_machine.py",
    "record/drops/test_agreement.py",
    "policy/test_mutants.py",
    "processor/test_retention.py",
    "record/test_discrepancies.py",
    "corpus/test_one_more_column.py",
    "record/test_policy_proposals.py",
    "cli/test_policy.py",
    "processor/test_references.py",
    "keys/test_key_sets.py",
    "cli/test_commands.py",
    "cli/test_keys.py",
    "cli/test_flows.py",
    "courier/test_letters.py",
    "keys/test_life.py",
    "attacks/test_lying_children.py",
    "attacks/test_many_addresses.py",
    "openpgp/test_moments.py",
    "hand_on/test_folder.py",
    "hand_on/test_following.py",
    "hand_on/test_push.py",
    "hand_on/test_guide.py",
    "hooks/test_hooks.py",
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Tell of files that ought to be begun earlier."""
    seconds = Counter[str]()
    for report in chain.from_iterable(terminalreporter.stats.values()):
        if isinstance(report, pytest.TestReport):
            seconds[report.nodeid.partition("::")[0].removeprefix("tests/")] += report.duration
    for file, taken in seconds.most_common():
        if taken > _A_WHILE_SECONDS and file not in LONG:
            terminalreporter.write_line(f"{file} took {taken:.0f} s: put it into LONG of tests/conftest.py")


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
