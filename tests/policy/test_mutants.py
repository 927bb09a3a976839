"""No edit of an entry is silent: `policy check` tells it, or `policy diff` lists it with what it does.

Some of the entries of each file; `python -m tests.policy.mutants` tries all of them.
"""

import shutil
from pathlib import Path

import pytest

from tests.policies import POLICIES
from tests.policy.mutants import is_read_alike, judge, mutants

_SOME = {"data_types.toml": 900, "items.toml": 900, "sensitive.toml": 400, "confirmed.toml": 200}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(POLICIES, tmp_path_factory.mktemp("mutants") / "policies"))


@pytest.mark.parametrize("path", sorted(POLICIES.glob("*.toml")), ids=lambda path: path.name)
def test_no_mutant_is_silent(path: Path, copied: Path) -> None:
    for mutant in mutants(path, stride=_SOME.get(path.name, 60), start=7):
        assert is_read_alike(mutant) or judge(mutant, copied) != "silent", mutant.name
