"""A classifier and a viewer as they really run: able to open no file, load no module and start no program.

Elsewhere the children of tests are forked from a process that has loaded more than they have by themselves.
"""

from __future__ import annotations

import io
import os
import random
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, date, datetime

import pytest

from gateway.classify import classify
from gateway.examiner.parent import Examiner
from gateway.examiner.protocol import Reading
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.homes.create import create_home
from gateway.model import Classified
from gateway.openpgp.interface import Content
from gateway.policy.items import basis_for
from gateway.samples import make, school, variants
from tests.classify import made
from tests.corpus.corpus import LIMITS, POLICIES, files, shipped

pytestmark = pytest.mark.long

TODAY = date(2026, 11, 24)
REFERENCE = "261124-oak-7K2MX"


@pytest.fixture(scope="module")
def examiner(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Examiner]:
    home = Home(tmp_path_factory.mktemp("isolated") / "home")
    create_home(home, Settings(log_origin="test.invalid/log"), datetime.now(UTC))
    with closing(Examiner(home, POLICIES)) as made:
        yield made


def in_memory(data: bytes) -> int:
    """A descriptor of a content that nobody can change any more."""
    with Content(len(data)) as memory:
        memory.write(data)
        return memory.finish()[0]


def one_of_each() -> dict[str, tuple[str, str]]:
    """A file of each form: how it is written, and what it holds."""
    found: dict[str, tuple[str, str]] = {}
    for data_type, variant in variants():
        found.setdefault(f"{variant.partition('-')[0]} {variant.rpartition('-')[2]}", (data_type, variant))
        found.setdefault(data_type, (data_type, variant))
    return found


def test_it_says_the_same_of_every_format_as_outside(examiner: Examiner) -> None:
    rules, _ = shipped()
    latin = '<?xml version="1.0" encoding="ISO-8859-15"?>' + made.ctf([made.pupil(made.Child(1))])[38:]
    others = {
        "latin.xml": lambda: latin.encode("iso8859-15", "replace"),
        "le.txt": lambda: "Zoë is on a child protection plan".encode("utf-32-le"),
        "be.txt": lambda: "Zoë is on a child protection plan".encode("utf-32-be"),
    }
    differing = {}
    for name, make_it in {**files("formats"), **others}.items():
        content = make_it()
        descriptor = in_memory(content)
        said = examiner.classify(descriptor, Reading(reference=REFERENCE, name=name, today=TODAY)).content
        outside = classify(io.BytesIO(content), name, LIMITS, rules, today=TODAY)
        if said != outside:
            differing[name] = (said, outside)
        os.close(descriptor)
    assert differing == {}


def test_a_file_of_every_form_is_read_and_a_view_of_it_is_made(examiner: Examiner) -> None:
    _, catalogue = shipped()
    for data_type, variant in dict.fromkeys(one_of_each().values()):
        rng = random.Random(1)
        data = make(data_type, variant, rng=rng, school=school(rng, 1), pupils=3)
        content = in_memory(data)
        reading = Reading(reference=REFERENCE, name="x", today=date(2026, 6, 16))
        read = examiner.classify(content, reading).content
        assert isinstance(read, Classified), (data_type, variant, read)
        basis = basis_for(
            "central-data-team", data_type, catalogue, "school", read.unlisted, form=read.format
        )
        shown, view = examiner.view_of(REFERENCE, content, basis)
        assert os.fstat(shown).st_size == (len(data) if view.whole else view.size), (data_type, variant)
        os.close(shown)
