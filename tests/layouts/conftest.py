"""Policies of an authority that takes every return which a law asks for."""

import shutil
from pathlib import Path

import pytest

from tests.layouts.returns_of_law import FLOWS
from tests.policies import POLICIES, confirm


@pytest.fixture(scope="session")
def switched_on(tmp_path_factory: pytest.TempPathFactory) -> Path:
    policies = shutil.copytree(POLICIES, tmp_path_factory.mktemp("law") / "policies")
    flows = policies / "flows.toml"
    text = flows.read_text("utf-8")
    assert "switched_on = []" in text
    flows.write_text(text.replace("switched_on = []", f"switched_on = {list(FLOWS)}"), "utf-8")
    confirm(policies)
    return policies
