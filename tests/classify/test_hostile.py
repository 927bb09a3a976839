"""Hostile and foreign files get no data type, and cost little time and memory."""

import json
import subprocess
import sys

import pytest

from gateway.model import ContentRefused
from tests.bench.bench_classify import csv_core
from tests.classify.conftest import POLICIES, Classify
from tests.classify.hostile import HOSTILE

# How much longer than an ordinary table of two megabytes one of them may take, in the same process.
TIMES = 10
# All of them, one after the other, took 206 MB: what each leaves behind in pieces adds up. By itself the
# dearest, `wide`, takes 128, and `wide rows` 102. The rules take 45 of these, 8 more than before values had
# kinds and the law was a pack of its own.
MEGABYTES = 256

# One child reads all of them, so that its peak memory is the peak over all.
CHILD = r"""
import json, re, sys, time
from pathlib import Path
from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
rules = load_rules(Path(sys.argv[1]))
told = []
for path in sorted(Path(sys.argv[2]).iterdir()):
    with path.open("rb") as content:
        start = time.process_time()
        found = classify(content, path.name, ClassifyLimits(), rules)
        told.append((path.name, type(found).__name__, time.process_time() - start))
# getrusage would also tell of the parent, from which this process was forked.
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024
print(json.dumps({"told": told, "peak": peak}))
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_it_gets_no_type(classify: Classify, name: str) -> None:
    found = classify(HOSTILE[name]())
    assert isinstance(found, ContentRefused), found
    assert found.evidence


def test_it_costs_little(tmp_path) -> None:
    for number, made in enumerate(HOSTILE.values()):
        (tmp_path / f"{number:03}").write_bytes(made())
    (tmp_path / "ordinary").write_bytes(b"".join(csv_core(2 * 1024**2)))
    policies = str(POLICIES)
    ran = subprocess.run(
        [sys.executable, "-c", CHILD, policies, str(tmp_path)], capture_output=True, check=True, timeout=100
    )
    measured = json.loads(ran.stdout)
    (ordinary,) = (seconds for name, _, seconds in measured["told"] if name == "ordinary")
    hostile = ((name, seconds) for name, _, seconds in measured["told"] if name != "ordinary")
    slow = {list(HOSTILE)[int(name)]: taken for name, taken in hostile if taken > TIMES * ordinary}
    assert slow == {}
    assert measured["peak"] < MEGABYTES
