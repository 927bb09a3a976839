"""Hostile and foreign files get no data type, and cost little time and memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.model import ContentRefused
from tests.bench.bench_classify import csv_core
from tests.classify.conftest import POLICIES, Classify
from tests.classify.hostile import HOSTILE

# How many times as many calls of functions as an ordinary table of two megabytes one of them may take.
TIMES = 10
# All of them, one after the other, took 206 MB: what each leaves behind in pieces adds up. By itself the
# dearest, `wide`, takes 128, and `wide rows` 102. The rules take 45 of these, 8 more than before values had
# kinds and the law was a pack of its own.
MEGABYTES = 256
REPOSITORY = Path(__file__).parents[2]

# One child reads all of them, so that its peak memory is the peak over all.
CHILD = r"""
import json, re, sys, time
from pathlib import Path
from gateway.classify import classify, load_rules
from gateway.home.settings import ClassifyLimits
from tests.costs import calls
rules = load_rules(Path(sys.argv[1]))
told = {}
for path in sorted(Path(sys.argv[2]).iterdir()):
    with path.open("rb") as content:
        read = lambda: classify(content, path.name, ClassifyLimits(), rules)
        start = time.process_time()
        made = calls(read)[1] if sys.argv[3] == "calls" else read() and 0
        told[path.name] = made or time.process_time() - start
# getrusage would also tell of the parent, from which this process was forked.
peak = int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) // 1024
print(json.dumps({"told": told, "peak": peak}))
"""


@pytest.mark.parametrize("name", HOSTILE)
def test_it_gets_no_type(classify: Classify, name: str) -> None:
    found = classify(HOSTILE[name]())
    assert isinstance(found, ContentRefused), found
    assert found.evidence


def cost_of_each(folder: Path, what: str) -> tuple[dict[str, float], int]:
    """The `calls` or `seconds` that each of them and an ordinary table takes; and the most memory, in MB."""
    for number, made in enumerate(HOSTILE.values()):
        (folder / f"{number:03}").write_bytes(made())
    (folder / "ordinary").write_bytes(b"".join(csv_core(2 * 1024**2)))
    command = [sys.executable, "-c", CHILD, str(POLICIES), str(folder), what]
    ran = subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=True)
    measured = json.loads(ran.stdout)
    names = {f"{number:03}": name for number, name in enumerate(HOSTILE)}
    return {names.get(name, name): cost for name, cost in measured["told"].items()}, measured["peak"]


@pytest.mark.long
def test_it_costs_little(tmp_path: Path) -> None:
    told, peak = cost_of_each(tmp_path, "calls")
    ordinary = told.pop("ordinary")
    assert len(told) == len(HOSTILE)
    assert {name: made for name, made in told.items() if made > TIMES * ordinary} == {}
    assert peak < MEGABYTES
