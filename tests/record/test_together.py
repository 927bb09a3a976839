"""What becomes of a file is the same whether it is decided alone or with those of other schools."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from gateway.home import Home
from gateway.passage import conclude
from gateway.processor.service import open_registrar
from gateway.record.rulings import land
from tests.bench.writers_place import Bench, now
from tests.commands import invoke

pytestmark = pytest.mark.long

SCHOOLS = 6  # More than are asked for one by one.


def told(home: Path, reference: str) -> str:
    """What is known of a file and what its receipt says, but for moments and digests of what is drawn."""
    shown = invoke(home, "transfers", "show", reference, "--json").stdout
    receipt = invoke(home, "receipts", "show", reference).stdout.partition("\nThe file\n")[0]
    return re.sub(
        r"[0-9a-f]{64}|\d{4}-\d\d-\d\dT[^\"]*|\"number\": \d+|\d+ \w+ \d{4} at [\d:]+", "", shown + receipt
    )


def test_it_is_the_same(tmp_path: Path) -> None:
    """Each school sends two files of a kind or three: a later one replaces the one before, and its counts."""
    bench = Bench(tmp_path, None, schools=SCHOOLS)
    together, alone = bench.site.home, tmp_path / "alone"
    shutil.copytree(together, alone)
    sent: list[str] = []
    with open_registrar(Home(together), now) as one, open_registrar(Home(alone), now) as other:
        bench.open(one)
        for many in (SCHOOLS, SCHOOLS, SCHOOLS - 1):
            uploads, examinations = bench.files(many)
            for registrar in (one, other):
                land(registrar, uploads)
            conclude(one, examinations)
            for each in examinations:
                conclude(other, [each])
            sent += [upload.reference for upload in uploads]
    seen = [told(together, each) for each in sent]
    assert seen == [told(alone, each) for each in sent]
    assert all('"state": "accepted"' in each for each in seen)
    counted = [each for each in seen if re.search(r'"teams": \[[^]]*"school-place-planning"', each)]
    assert len(counted) == SCHOOLS
    assert all("This file replaces" in each for each in seen[SCHOOLS:])
