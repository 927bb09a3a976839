"""What a transaction asks of the registry grows little with its files: counted, the same on every machine."""

from __future__ import annotations

import pytest

from gateway.home import Home
from gateway.passage import conclude
from gateway.processor.service import open_registrar
from gateway.record.rulings import land
from tests.bench.writers_place import Bench, Places, now


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """Four schools."""
    return Bench(tmp_path_factory.mktemp("bench"), None)


@pytest.mark.parametrize(("files", "to_land", "to_decide"), [(1, 11, 26), (4, 11, 28), (32, 11, 28)])
def test_statements_of_a_transaction(bench: Bench, files: int, to_land: int, to_decide: int) -> None:
    with open_registrar(Home(bench.site.home), now) as registrar:
        bench.open(registrar)
        uploads, examinations = bench.files(files)
        places = Places(registrar)
        places.watch()
        land(registrar, uploads)
        landing = places.statements
        places.clear()
        conclude(registrar, examinations)
    assert landing <= to_land
    assert places.statements <= to_decide
