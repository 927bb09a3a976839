"""The catalogue as shipped, and copies of it to break."""

import shutil
from pathlib import Path

import pytest

from gateway.policy.catalogue import Catalogue, load_catalogue, read
from gateway.policy.faults import PolicyFault

POLICIES = Path(__file__).parents[2] / "policies"


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load_catalogue(POLICIES)


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A copy of the shipped policies that a test may edit."""
    return Path(shutil.copytree(POLICIES, tmp_path / "policies"))


def check(policies: Path) -> list[PolicyFault]:
    """Every fault that keeps a catalogue from being read, in the order of the files."""
    return sorted(read(policies).faults, key=lambda fault: (fault.file, fault.line or 0, fault.key))
