"""The year in short: two weeks of a few schools, by the same program as `make term`, in two pieces."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.production.guide import REPOSITORY
from tests.term.__main__ import STOPPED

# Left to `make faults`: half a minute on an idle machine.
pytestmark = [pytest.mark.faults, pytest.mark.needs("faketime"), pytest.mark.timeout(300)]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.term", "--short", "--state", str(folder), *words],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_short_year_ends_with_a_log_that_fits_and_reports_within_their_bounds(tmp_path: Path) -> None:
    first = run(tmp_path, "--seconds", "0")
    assert first.returncode == STOPPED, (first.stdout[-3000:], first.stderr[-3000:])
    assert "the day 2025-09-01 is over" in first.stderr
    done = run(tmp_path)
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
    assert "the law of 2026-27 is in force" in done.stderr
    assert "the log fits" in done.stderr
    assert "report review" in done.stdout
