"""A classifier and a viewer as they really run, able to load nothing once confined, read every format.

Elsewhere the children of tests are forked from a process that has loaded more than they have by themselves.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from gateway.examiner.parent import Examiner
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.homes.create import create_home
from gateway.model import Classified
from gateway.openpgp.memory import Content
from gateway.policy.basis import basis_for
from gateway.policy.catalogue import load_catalogue
from gateway.samples import make, school, variants

REFERENCE = "261124-oak-7K2MX"


def in_memory(data: bytes) -> int:
    """A descriptor of a content that nobody can change any more."""
    with Content(len(data)) as memory:
        memory.write(data)
        return memory.finish()[0]


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examiner]:
    home = Home(tmp_path_factory.mktemp("isolated") / "home")
    create_home(home, Settings(log_origin="test.invalid/log"), datetime.now(UTC))
    made = Examiner(home)
    yield made
    made.close()


def one_of_each() -> dict[str, tuple[str, str]]:
    """A file of each form: how it is written, and what it holds."""
    found: dict[str, tuple[str, str]] = {}
    for data_type, variant in variants():
        found.setdefault(f"{variant.partition('-')[0]} {variant.rpartition('-')[2]}", (data_type, variant))
        found.setdefault(data_type, (data_type, variant))
    return found


def test_a_file_of_every_form_is_read_and_a_view_of_it_is_made(examiner: Examiner) -> None:
    catalogue = load_catalogue(Path(__file__).parents[2] / "policies")
    for data_type, variant in dict.fromkeys(one_of_each().values()):
        rng = random.Random(1)
        data = make(data_type, variant, rng=rng, school=school(rng, 1), pupils=3)
        content = in_memory(data)
        read = examiner.classify(REFERENCE, "x", content, date(2026, 6, 16)).content
        assert isinstance(read, Classified), (data_type, variant, read)
        basis = basis_for("central-data-team", data_type, catalogue, "school", read.unlisted)
        shown, view = examiner.view_of(REFERENCE, content, basis)
        assert os.fstat(shown).st_size == (len(data) if view.whole else view.size), (data_type, variant)
        os.close(shown)
