"""Every agreement that ships, each in its folder of `policies/`: nothing here names one of them."""

from pathlib import Path

import pytest

from gateway.policy.catalogue import Catalogue, load_catalogue
from tests.policies import POLICIES

FOLDERS = sorted(path.parent for path in POLICIES.glob("*/flows.toml"))


@pytest.fixture(scope="session", params=FOLDERS, ids=lambda path: path.name)
def folder(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


@pytest.fixture(scope="session")
def catalogue(folder: Path) -> Catalogue:
    return load_catalogue(folder)
