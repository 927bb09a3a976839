"""A wall clock that is a year wrong: what it says is not believed for order, and nothing is lost over it."""

from __future__ import annotations

import pytest
from sqlmodel import col, select

from gateway.registry.tables import ReasonRow, TransferRow
from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.yard import Yard

pytestmark = [pytest.mark.needs("faketime"), pytest.mark.timeout(240)]

MONOTONIC = {"FAKETIME_DONT_FAKE_MONOTONIC": "1"}
YEARS = {"fast": "+365d", "slow": "-365d"}


@pytest.mark.parametrize("which", YEARS)
def test_the_processor(fresh_yard: Yard, which: str, note: Note) -> None:
    """By such a clock a signature is of the future, or too old: refused. After it, all goes on."""
    with fresh_yard.up(fresh_yard.intake):
        with fresh_yard.up(fresh_yard.processor):
            right = fresh_yard.send_fresh(2)
            fresh_yard.await_decided(*right)
        with fresh_yard.processor.up(["faketime", "-f", YEARS[which]], MONOTONIC):
            wrong = fresh_yard.send_fresh(2)
            fresh_yard.await_decided(*wrong)
        with fresh_yard.up(fresh_yard.processor):
            after = fresh_yard.send_fresh(2)
            fresh_yard.await_decided(*after)
    assert fresh_yard.states(*right, *after) == 4 * ["accepted"]
    assert "accepted" not in fresh_yard.states(*wrong)
    assert names_in_order(fresh_yard) == [*right, *wrong, *after]
    assert all(code.startswith(("open:", "policy:")) for code in codes(fresh_yard, wrong)), codes(
        fresh_yard, wrong
    )
    outcome = settled(fresh_yard)
    note(f"clock of the processor a year {which}", 1, outcome)


@pytest.mark.parametrize("which", YEARS)
def test_intake(fresh_yard: Yard, which: str, note: Note) -> None:
    with fresh_yard.up(fresh_yard.processor):
        with fresh_yard.up(fresh_yard.intake):
            before = fresh_yard.send_fresh(2)
        with fresh_yard.intake.up(["faketime", "-f", YEARS[which]], MONOTONIC):
            wrong = fresh_yard.send_fresh(3)
        with fresh_yard.up(fresh_yard.intake):
            after = fresh_yard.send_fresh(2)
            fresh_yard.await_decided(*before, *wrong, *after)
    outcome = settled(fresh_yard)
    assert outcome.landed == 7
    assert outcome.refused == 0
    note(f"clock of intake a year {which}", 1, outcome)


def names_in_order(yard: Yard) -> list[str]:
    with yard.registry() as registry, registry.read() as session:
        return list(session.exec(select(TransferRow.name).order_by(col(TransferRow.sequence))).all())


def codes(yard: Yard, names: list[str]) -> set[str]:
    with yard.registry() as registry, registry.read() as session:
        query = select(ReasonRow.code).join(TransferRow, col(TransferRow.sequence) == ReasonRow.transfer)
        return set(session.exec(query.where(col(TransferRow.name).in_(names))).all())
