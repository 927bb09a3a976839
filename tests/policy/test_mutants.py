"""No edit of an entry is silent: `policy check` tells it, or `policy diff` lists it with what it does.

Some of the entries of each file; `python -m tests.policy.mutants` tries all of them.
"""

import shutil
from fnmatch import fnmatch
from pathlib import Path

import pytest

from gateway.law import PACKS
from gateway.policy.catalogue import OPTIONAL
from tests.policies import POLICIES
from tests.policy.mutants import is_read_alike, judge, mutants

pytestmark = pytest.mark.long

FOLDERS = sorted(path.parent for path in POLICIES.glob("*/flows.toml"))
_SOME = {"data_types.toml": 900, "items.toml": 900, "sensitive.toml": 400, "confirmed.toml": 200}


@pytest.fixture(scope="module", params=FOLDERS, ids=lambda path: path.name)
def origin(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture(scope="module")
def copied(origin: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(origin, tmp_path_factory.mktemp("mutants") / "policies"))


@pytest.mark.parametrize("name", sorted(path.name for path in POLICIES.glob("*.toml")))
def test_no_mutant_is_silent(name: str, origin: Path, copied: Path) -> None:
    if not (origin / name).exists():
        assert name in OPTIONAL or fnmatch(name, PACKS)
        return
    for mutant in mutants(origin / name, stride=_SOME.get(name, 120), start=7):
        assert is_read_alike(mutant, origin) or judge(mutant, origin, copied) != "silent", mutant.name
