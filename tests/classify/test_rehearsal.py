"""What is made at first use is made before there is a process for files: counted, in a fresh Python."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.classify import load_rules
from gateway.examiner import opener
from gateway.examiner.classifier import TEXTS, Classifying, rehearse
from gateway.examiner.confinement import Cell, Needs
from gateway.examiner.process_pool import REHEARSALS, ProcessPool
from gateway.examiner.protocol import OpenerSetup
from gateway.home.settings import ClassifyLimits, OpenLimits, ProcessorSettings
from gateway.model import Classified
from gateway.openpgp.layers import identified
from tests.bench.bench_classify import POLICIES
from tests.costs import python_calls
from tests.openpgp.vectors import KEYS

REPOSITORY = Path(__file__).parents[2]
COUNTED = """
import io, sys
from gateway.classify import classify, load_rules
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
    return classify(io.BytesIO(data), "x", limits, rules, today=TODAY, on_pupil=lambda *_: None)
print(calls(once)[1], calls(once)[1])
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


@pytest.mark.parametrize("kind", ["gateway", "gateway-rsa"])
def test_an_opener_rehearses_with_each_kind_of_key_of_the_gateway(kind: str) -> None:
    secret = (KEYS / f"{kind}.key").read_bytes()
    fingerprint, _ = identified(secret)
    setup = OpenerSetup(
        secrets={fingerprint: secret.decode()},
        settings=ProcessorSettings(engine="embedded"),
        limits=OpenLimits(),
        proved=None,
    )
    openers = opener.opening(setup).openers
    assert opener.rehearse(openers, setup.limits) == REHEARSALS
    assert openers.of((fingerprint,)) is openers.of(), "a job that names the keys takes what was rehearsed"


def test_a_process_for_files_is_set_up_without_a_look_at_the_rules() -> None:
    work = Classifying(load_rules(POLICIES), ClassifyLimits()).work
    ours, theirs = socket.socketpair()
    with ours, theirs:
        before = signal.signal(signal.SIGTERM, ProcessPool(ours, Cell(Needs(memory_bytes=1)), work)._ended)
        _, called = python_calls(lambda: signal.signal(signal.SIGTERM, before))
    assert called < 100
