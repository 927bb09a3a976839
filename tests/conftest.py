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
    "console/test_looks.py",
    "store/test_several_hosts.py",
    "attacks/test_sight.py",
    "views/test_remarks.py",
    "attacks/test_reading_along.py",
    "production/test_confined.py",
    "web/test_standing.py",
    "attacks/test_access_matrix.py",
    "homes/audit/test_tampering.py",
    "send/test_ceremonies.py",
    "hostile/test_abuse.py",
    "end_to_end/test_readme.py",
    "console/test_console.py",
    "attacks/test_captured_children.py",
    "store/test_every_way.py",
    "send/test_writers.py",
    "console/test_afternoon.py",
    "send/test_invitations.py",
    "end_to_end/test_remarks_reach_nobody.py",
    "hooks/test_hooks.py",
    "production/test_admins_guide.py",
    "production/test_upgrade.py",
    "send/test_sending.py",
    "web/test_large.py",
    "secrets/test_secret_files.py",
    "classify/test_streaming.py",
    "homes/test_upgrade.py",
    "keys/test_gateway_keys.py",
    "attacks/test_kit.py",
    "classify/test_quick_looks.py",
    "console/test_acts.py",
    "processor/test_judged_anew.py",
    "web/test_look.py",
    "openpgp/test_vectors.py",
    "homes/test_term_upgraded.py",
    "mailboxes/test_service.py",
    "record/test_policies_in_force.py",
    "cli/test_streams.py",
    "store/test_two_authorities.py",
    "store/test_move.py",
    "attacks/test_one_person_alone.py",
    "clients/test_vendors.py",
    "registry/test_postgresql.py",
    "end_to_end/test_rotation.py",
    "classify/test_hostile.py",
    "console/test_protecting.py",
    "processor/test_retention.py",
    "console/test_pages.py",
    "openpgp/test_engines_agree.py",
    "record/test_discrepancies.py",
    "record/test_policy_proposals.py",
    "web/test_proving.py",
    "processor/test_dry_run.py",
    "console/test_wrong_input.py",
    "hand_on/test_following.py",
    "layouts/test_periods.py",
    "send/test_terminal.py",
    "classify/test_properties.py",
    "registry/test_unsigned.py",
    "web/test_page.py",
    "record/drops/test_keys.py",
    "cli/test_roles.py",
    "web/test_offline.py",
    "processor/test_witness_mail.py",
    "policy/test_mutants.py",
    "hand_on/test_guide.py",
    "console/test_api_guide.py",
    "console/test_passkeys_in_a_browser.py",
    "confusion/test_confusion.py",
    "production/test_kit_wheel.py",
    "console/test_first_day.py",
    "verify/test_verify_files.py",
    "corpus/test_one_more_column.py",
    "record/drops/test_agreement.py",
    "keys/test_key_sets.py",
    "processor/test_references.py",
    "store/test_home_on_s3.py",
    "send/test_checking.py",
    "classify/test_pumping.py",
    "cli/test_nouns.py",
    "end_to_end/test_embargo.py",
    "cli/test_running.py",
    "production/test_first_of_september.py",
    "send/test_headings.py",
    "keys/test_life.py",
    "send/test_welsh.py",
    "corpus/test_corpus.py",
    "attacks/test_captured_intake.py",
    "attacks/test_lying_children.py",
    "send/test_sandbox.py",
    "evidence/test_elsewhere.py",
    "hostile/test_content.py",
    "bench/test_counts.py",
    "samples/test_build.py",
    "production/test_units.py",
    "evidence/test_privacy.py",
    "console/test_console_api.py",
    "processor/test_embargo.py",
    "courier/test_letters.py",
    "classify/test_rehearsal.py",
    "hand_on/test_push.py",
    "processor/test_provider_copies.py",
    "hostile/test_penalties.py",
    "record/test_children.py",
    "send/test_first_day.py",
    "cli/test_flows.py",
    "hostile/test_paramiko_suite.py",
    "northmoor/test_northmoor.py",
    "record/test_counts.py",
    "attacks/test_shared_address.py",
    "cli/test_keys.py",
    "store/test_restore_together.py",
    "courier/test_readers.py",
    "openpgp/test_moments.py",
    "hand_on/test_folder.py",
    "registry/test_arrivals.py",
    "cli/test_policy.py",
    "store/test_stores.py",
    "processor/test_malware.py",
    "console/test_api.py",
    "record/test_releases.py",
    "record/test_recalls.py",
    "cli/test_commands.py",
    "attacks/test_greedy_provider.py",
    "end_to_end/test_mistakes.py",
    "end_to_end/test_bare_machine.py",
    "send/test_watching.py",
    "end_to_end/test_law_flows.py",
    "keys/test_guide.py",
    "attacks/test_greedy_client.py",
    "end_to_end/test_clients.py",
    "console/test_welsh.py",
    "record/test_schools.py",
    "views/test_statutory.py",
    "console/test_costs_of_pages.py",
    "keys/test_expiry.py",
    "send/test_captured_intake.py",
    "production/test_two_sides.py",
    "agreements/test_end_to_end.py",
    "production/test_supply.py",
    "homes/test_backup.py",
    "cli/test_listings.py",
    "openpgp/test_certificates.py",
    "observe/test_observe.py",
    "attacks/test_many_addresses.py",
    "corpus/test_confined.py",
    "end_to_end/test_interruptions.py",
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
