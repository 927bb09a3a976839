"""The year in short: two weeks of a few schools, by the same program as `make term`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.production.guide import REPOSITORY

# Left to `make faults`: half a minute on an idle machine.
pytestmark = [pytest.mark.faults, pytest.mark.needs("faketime"), pytest.mark.timeout(300)]


def test_a_short_year_ends_with_a_log_that_fits_and_reports_within_their_bounds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.term", "--short"],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout[-3000:], done.stderr[-3000:])
    assert "the log fits" in done.stderr
    assert "report review" in done.stdout
