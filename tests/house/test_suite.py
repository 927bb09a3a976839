"""How the suite is split and ordered: every test is run by one of two targets, and all by CI."""

from __future__ import annotations

import logging
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path

from tests.commands import invoke
from tests.conftest import FIRST

ROOT = Path(__file__).parents[2]


def selected_by(target: str) -> list[str]:
    """Return the expressions by which a target of the Makefile picks tests."""
    outside = {name: value for name, value in os.environ.items() if name not in {"MAKEFLAGS", "PYTEST_ARGS"}}
    told = subprocess.run(
        ["make", "--dry-run", "--old-file=.venv/.installed-dev", target],
        cwd=ROOT, env=outside, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    (line,) = [line for line in told.splitlines() if "-m pytest" in line]
    _, _, given = line.partition("-m pytest")
    words = shlex.split(given)
    return [words[place + 1] for place, word in enumerate(words) if word == "-m"]


def test_the_files_that_take_longest_are_where_the_order_looks_for_them() -> None:
    """One that was moved would be begun among the last, and a worker be left with it at the end."""
    assert len(set(FIRST)) == len(FIRST)
    for name in FIRST:
        assert "pytest.mark.long" in (ROOT / "tests" / name).read_text("utf-8"), name


def test_each_test_is_run_by_one_of_two_targets_and_all_by_the_third_as_by_plain_pytest() -> None:
    options = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["pytest"]["ini_options"]
    plain = shlex.split(options["addopts"])
    leaves = plain[plain.index("-m") + 1]
    assert "long" not in leaves
    assert selected_by("test") == [f"{leaves} and not long"]
    assert selected_by("test-long") == [f"{leaves} and long"]
    assert selected_by("test-sample") == selected_by("test-all") == []


def test_continuous_integration_runs_a_sample_of_the_long_ones_and_lets_none_be_skipped() -> None:
    run = (ROOT / ".ci" / "run").read_text("utf-8")
    _, required, after = run.partition("export GATEWAY_TEST_REQUIRE_ALL=1\n")
    assert required
    assert re.findall(r"(?m)^run_suite (\S+)", after) == ['"${1:-test-sample}"', "faults-sample"]


def test_a_command_in_the_process_of_a_test_leaves_each_logger_as_it_was() -> None:
    """`make soak` quietens paramiko, whose traces of killed connections hid its own words."""
    paramiko = logging.getLogger("paramiko")
    before = paramiko.level
    try:
        paramiko.setLevel(logging.CRITICAL)
        invoke(None, "classify", "/missing.xml")
        assert paramiko.level == logging.CRITICAL
    finally:
        paramiko.setLevel(before)
