"""A wall clock that is a year wrong: what it says is not believed for order, and nothing is lost over it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlmodel import col, select

from gateway.registry.tables import ReasonRow, TransferRow
from tests.faults.conftest import Note
from tests.faults.invariant import settled
from tests.faults.services import until
from tests.faults.yard import Yard

pytestmark = [pytest.mark.needs("faketime"), pytest.mark.timeout(240)]

YEARS = {"fast": "+365d", "slow": "-365d"}


def wrong_by(years: str) -> dict[str, str]:
    """The environment of a service with such a clock; timeouts are not its matter."""
    (library,) = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": str(library), "FAKETIME": years, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def test_a_processor_of_the_future(fresh_yard: Yard, note: Note) -> None:
    """By its clock nobody has ratified that year's agreement: held, and accepted when the clock is right."""
    with fresh_yard.up(fresh_yard.intake):
        with fresh_yard.up(fresh_yard.processor):
            right = fresh_yard.send_fresh(2)
            fresh_yard.await_decided(*right)
        with fresh_yard.processor.up(environment=wrong_by(YEARS["fast"])):
            wrong = fresh_yard.send_fresh(2)
            fresh_yard.await_decided(*wrong)
        assert codes(fresh_yard, wrong) == {"policy:agreement-not-ratified"}
        with fresh_yard.up(fresh_yard.processor):
            until(lambda: fresh_yard.states(*wrong) == 2 * ["accepted"], "what was held to be decided anew")
            after = fresh_yard.send_fresh(2)
            fresh_yard.await_decided(*after)
    assert fresh_yard.states(*right, *wrong, *after) == 6 * ["accepted"]
    order = names_in_order(fresh_yard)  # Two that come at once are decided in either order.
    assert [{*order[:2]}, {*order[2:4]}, {*order[4:]}] == [{*right}, {*wrong}, {*after}]
    # No OpenPGP program believes a signature of the future; all of it fits on the day that it names.
    assert "no valid signature" in fresh_yard.site.refused("log", "verify")
    fits = fresh_yard.gateway_as("log", "verify", environment=wrong_by(YEARS["fast"]))
    assert "everything fits" in fits
    note("clock of the processor a year fast", 1, settled(fresh_yard, log=False, again=wrong))


def test_a_processor_of_the_past(fresh_yard: Yard, note: Note) -> None:
    """Before its own key was made it can sign no receipt: everything waits until the clock is right."""
    with fresh_yard.up(fresh_yard.intake):
        with fresh_yard.processor.up(environment=wrong_by(YEARS["slow"])):
            names = fresh_yard.send_fresh(2)
            until(lambda: "is the clock right?" in fresh_yard.processor.log.read_text(), "the alarm")
            assert fresh_yard.states(*names) == []
        with fresh_yard.up(fresh_yard.processor):
            fresh_yard.await_decided(*names)
    outcome = settled(fresh_yard)
    assert outcome.accepted == 2
    note("clock of the processor a year slow", 1, outcome)


@pytest.mark.parametrize("which", YEARS)
def test_intake(fresh_yard: Yard, which: str, note: Note) -> None:
    with fresh_yard.up(fresh_yard.processor):
        with fresh_yard.up(fresh_yard.intake):
            before = fresh_yard.send_fresh(2)
        with fresh_yard.intake.up(environment=wrong_by(YEARS[which])):
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
