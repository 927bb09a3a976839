"""What is made at first use is made before there is a process for files: counted, in a fresh Python."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from gateway.classify import load_rules
from gateway.examiner import opener
from gateway.examiner.classifier import REHEARSALS, TEXTS, rehearse
from gateway.examiner.classifier import work as work_of_classifier
from gateway.examiner.confinement import Cell
from gateway.examiner.process_pool import ProcessPool
from gateway.home.settings import ClassifyLimits, OpenLimits, ProcessorSettings
from gateway.model import Classified
from gateway.openpgp.layers import identified
from tests.bench.bench_classify import POLICIES
from tests.costs import python_calls
from tests.openpgp.vectors import KEYS

pytestmark = pytest.mark.long

REPOSITORY = Path(__file__).parents[2]
COUNTED = """
import io, sys
from gateway.classify import classify, load_rules
from gateway.classify.tally import judge_on
from gateway.examiner.classifier import rehearse
from gateway.home.settings import ClassifyLimits
from tests.bench.bench_classify import POLICIES, TODAY
from tests.bench.small_files import FILES
from tests.costs import calls
rules, limits = load_rules(POLICIES), ClassifyLimits()
data = FILES[sys.argv[1]](9)
if sys.argv[2] == "rehearsed":
    rehearse(rules, limits)
def once():
    return classify(io.BytesIO(data), "x", limits, rules, today=TODAY, on_pupils=lambda *_: None)
first = calls(once)[1]
judge_on.cache_clear()  # As if its values were others.
print(first, calls(once)[1])
"""


def first_and_second(kind: str, how: str) -> tuple[int, int]:
    """The calls of functions that the first and the second file of a kind take."""
    command = [sys.executable, "-c", COUNTED, kind, how]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True)
    first, second = map(int, done.stdout.split())
    return first, second


@pytest.mark.parametrize("kind", ["ctf-core", "csv-core"])
def test_after_a_rehearsal_the_first_file_costs_hardly_more_than_the_second(kind: str) -> None:
    first, second = first_and_second(kind, "rehearsed")
    assert first <= 1.1 * second
    unrehearsed, _ = first_and_second(kind, "not")
    assert unrehearsed >= 1.5 * second, "or there is nothing to rehearse"


def test_what_is_rehearsed_goes_the_whole_way() -> None:
    found = rehearse(load_rules(POLICIES), ClassifyLimits())
    assert len(found) == len(TEXTS) * REHEARSALS
    assert all(isinstance(one, Classified) and one.data_type == "student-core" for one in found)


def opening_with(*kinds: str) -> opener.Opening:
    """A handler with these keys of the gateway, as made at the start."""
    secrets = [(KEYS / f"{kind}.key").read_bytes() for kind in kinds]
    by_fingerprint = {identified(secret)[0]: secret for secret in secrets}
    return opener.Opening(ProcessorSettings(engine="embedded"), by_fingerprint, OpenLimits())


def test_a_job_that_names_all_keys_takes_the_engine_that_was_made() -> None:
    opening = opening_with("gateway", "gateway-rsa")
    one, other = opening.secrets
    assert opening.of((one, other)) is opening.of((other, one)) is opening.of()
    assert opening.of((one,)) is not opening.of()
    assert opening.of((one,)) is not opening.of((other,))


def test_a_process_for_files_is_set_up_without_a_look_at_the_rules() -> None:
    work = partial(work_of_classifier, load_rules(POLICIES), ClassifyLimits())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        before = signal.signal(signal.SIGTERM, ProcessPool(ours, Cell(1), work)._ended)
        _, called = python_calls(lambda: signal.signal(signal.SIGTERM, before))
    assert called < 100
