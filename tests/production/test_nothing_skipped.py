"""Under GATEWAY_TEST_REQUIRE_ALL=1, as continuous integration runs, no test passes by not being run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import skipping

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


def outcomes(folder: Path, required: str) -> tuple[int, dict[str, tuple[str, str]]]:
    """The exit code of all of them in one run; of each way, what it is counted as and what was said of it."""
    names = {f"test_{number}.py": way for number, way in enumerate(WAYS)}
    for name, way in names.items():
        (folder / name).write_text(WAYS[way])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rsfE", "-p", "tests.skipping", "-p", "no:cacheprovider",
         "-c", os.devnull, "--continue-on-collection-errors", "--rootdir", str(folder), str(folder)],
        cwd=REPOSITORY, env={**os.environ, "GATEWAY_TEST_REQUIRE_ALL": required, "CI": "true"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    told = re.findall(r"(?m)^(SKIPPED|FAILED|ERROR) (?:\[1\] )?\S*?(test_\d\.py)(.*)$", done.stdout)
    assert len(told) == len(WAYS), done.stdout
    return done.returncode, {names[name]: (counted, said) for counted, name, said in told}


def test_a_skipped_test_is_skipped_where_programs_may_be_missing(tmp_path: Path) -> None:
    code, told = outcomes(tmp_path, "")
    assert code in {0, 5}
    assert {way: counted for way, (counted, _) in told.items()} == dict.fromkeys(WAYS, "SKIPPED")


@pytest.fixture(scope="module")
def required(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, dict[str, tuple[str, str]]]:
    return outcomes(tmp_path_factory.mktemp("required"), "1")


@pytest.mark.parametrize("way", WAYS)
def test_a_skipped_test_has_failed(way: str, required: tuple[int, dict[str, tuple[str, str]]]) -> None:
    code, told = required
    assert code in {1, 2}
    counted, said = told[way]
    assert counted in {"FAILED", "ERROR"}
    assert "this test was not run: " in said


def test_all_tests_here_are_held_to_it(request: pytest.FixtureRequest) -> None:
    assert request.config.pluginmanager.get_plugin("tests.skipping") is skipping
