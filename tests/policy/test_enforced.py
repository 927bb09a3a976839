"""Each clause that docs/clauses.md calls enforced: from a sealed file to the outcome; and without the rule.

A scenario that came out the same without its rule would be testing nothing: so each is run against
policies, or a register, from which the rule has been taken, and has to fail there.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.policy.enforced import CLAUSES
from tests.policy.scenarios import Bench, Scenario


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with closing(Bench(Path(tmp_path_factory.mktemp("bench")))) as found:
        yield found


@pytest.mark.parametrize("scenario", CLAUSES, ids=lambda scenario: scenario.clause)
def test_enforced(bench: Bench, scenario: Scenario) -> None:
    scenario.check(bench.outcome(scenario, bench.shipped, {}))
    assert scenario.broken or scenario.without
    policies = bench.broken(scenario) if scenario.broken else bench.shipped
    without = bench.outcome(scenario, policies, scenario.without)
    with pytest.raises(AssertionError):
        scenario.check(without)


def test_no_clause_has_two_scenarios() -> None:
    assert len({scenario.clause for scenario in CLAUSES}) == len(CLAUSES)
