"""Under GATEWAY_TEST_REQUIRE_ALL=1, as continuous integration runs, no test passes by not being run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]

WAYS = {
    "in the test": "import pytest\n\ndef test_it():\n    pytest.skip('why')\n",
    "in a fixture": (
        "import pytest\n\n@pytest.fixture\ndef x():\n    pytest.skip('why')\n\ndef test_it(x): ...\n"
    ),
    "by a mark": "import pytest\n\n@pytest.mark.skip(reason='why')\ndef test_it(): ...\n",
    "the whole file": "import pytest\n\npytest.importorskip('no_such_module', reason='why')\n",
    "a missing program": "import pytest\n\n@pytest.mark.needs('no-such-program')\ndef test_it(): ...\n",
}


def outcome(code: str, folder: Path, required: str) -> subprocess.CompletedProcess[str]:
    (folder / "test_sample.py").write_text(code)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider",
         "-c", os.devnull, "--rootdir", str(folder), str(folder)],
        cwd=REPOSITORY, env={**os.environ, "GATEWAY_TEST_REQUIRE_ALL": required},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_a_skipped_test_has_failed(way: str, tmp_path: Path) -> None:
    allowed = outcome(WAYS[way], tmp_path, "")
    assert "1 skipped" in allowed.stdout, allowed.stdout
    required = outcome(WAYS[way], tmp_path, "1")
    assert required.returncode in {1, 2}, required.stdout
    assert "this test was not run: " in required.stdout
    assert " skipped" not in required.stdout.splitlines()[-1]
