"""The numbers that ship are those that the code falls back to, and those that the documents state."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gateway.home.settings import KeyPolicy, Limits
from gateway.policy.catalogue import Catalogue
from gateway.policy.schema import CountsRule
from tests.policy.conftest import POLICIES

AGREEMENTS = sorted(path.parent for path in POLICIES.glob("**/limits.toml"))
DOCS = POLICIES.parent / "docs"


def read(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("folder", AGREEMENTS, ids=lambda path: path.name)
def test_a_limit_that_is_left_out_is_the_one_that_ships(folder: Path) -> None:
    assert Limits.model_validate(read(folder / "limits.toml")) == Limits()


@pytest.mark.parametrize("folder", AGREEMENTS, ids=lambda path: path.name)
def test_a_rule_of_keys_that_is_left_out_is_the_one_that_ships(folder: Path) -> None:
    assert KeyPolicy.model_validate(read(folder / "keys.toml")) == KeyPolicy()


def test_counts_are_withheld_and_rounded_as_the_page_on_data_protection_states(catalogue: Catalogue) -> None:
    page = (DOCS / "data-protection.md").read_text("utf-8")
    counts = catalogue.teams.counts
    assert counts == CountsRule()
    assert re.findall(r"`threshold` \((\d+)\)", page) == [str(counts.threshold)]
    assert re.findall(r"`rounding` \((\d+)\)", page) == [str(counts.rounding)]


def test_the_shortest_rsa_key_is_the_one_that_the_assurance_states(catalogue: Catalogue) -> None:
    page = (DOCS / "assurance" / "asvs.md").read_text("utf-8")
    assert re.findall(r"RSA of (\d+) bits is taken", page) == [str(catalogue.methods.strength.rsa_bits)]
