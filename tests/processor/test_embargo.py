"""Results wait until the official moment and are then released by themselves, once, whatever happens."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from gateway.policy.decide import decide
from gateway.processor.claim import claim_waiting
from gateway.processor.service import open_processor
from gateway.record import reconsider
from gateway.registry.tables import ReceiptRow
from tests.clock import THIS_YEAR
from tests.content import core_data, gcse_results, next_results_day
from tests.policies import enact
from tests.record.test_policies_in_force import edit
from tests.waiting import until
from tests.workshop import Desk

YEARS = THIS_YEAR


def receipts(desk: Desk, reference: str) -> list[str]:
    """The states that the receipts of a file tell, in order, the one of its landing left out."""
    with desk.registry.read() as session:
        rows = session.exec(
            select(ReceiptRow).where(ReceiptRow.reference == reference).order_by(col(ReceiptRow.sequence))
        ).all()
    return [word for row in rows for word in ("HELD", "ACCEPTED", "REFUSED") if f"{word}" in row.text[:400]]


def test_held_the_day_before_and_released_at_the_moment_once(desk: Desk) -> None:
    moment = next_results_day(desk)
    oak = desk.provider("oak", years=YEARS)
    sent = desk.send(oak, gcse_results())
    desk.process()
    assert (desk.state(sent), desk.codes(sent)) == ("held", ["policy:embargo"])
    assert desk.transfer(sent).held_until == moment
    assert f"Results may not be passed on before 08:00 on {moment.day} {moment:%B %Y}" in desk.receipt(sent)
    assert desk.transfer(sent).teams == ()
    desk.now = moment - timedelta(seconds=1)
    desk.process()
    assert desk.state(sent) == "held"
    desk.now = moment
    desk.process()
    assert (desk.state(sent), desk.transfer(sent).teams) == ("accepted", ("central-data-team",))
    assert "Your file was ACCEPTED." in desk.receipt(sent)
    told = "Until then it was held: Results may not be passed on before 08:00"
    assert told in " ".join(desk.receipt(sent).split())
    for command in (("policy", "explain"), ("transfers", "show"), ("report", "transfer")):
        assert "policy:embargo" in desk.gateway(*command, sent)
    desk.pass_time(hours=1)
    desk.process()
    assert [one for one in desk.kinds(sent) if one != "landed"] == ["decided", "decided", "delivered"]
    assert receipts(desk, sent) == ["HELD", "ACCEPTED"]


def test_a_running_processor_releases_by_itself(desk: Desk) -> None:
    moment = next_results_day(desk)
    settings = desk.home.settings
    settings.write_text(settings.read_text().replace("rescan_seconds = 5.0", "rescan_seconds = 0.2"))
    oak = desk.provider("oak", years=YEARS)
    sent = desk.send(oak, gcse_results())
    stop = threading.Event()
    with open_processor(desk.home, lambda: desk.now) as processor:
        running = threading.Thread(target=processor.run, args=(stop,))
        running.start()
        try:
            until(lambda: desk.state(sent) == "held", "the file to be held")
            desk.now = moment
            until(lambda: desk.state(sent) == "accepted", "the release")
        finally:
            stop.set()
            processor.wake()
            running.join(60)
    assert desk.kinds(sent).count("delivered") == 1


def test_two_who_release_at_the_same_moment_release_once(desk: Desk) -> None:
    moment = next_results_day(desk)
    oak = desk.provider("oak", years=YEARS)
    sent = [desk.send(oak, gcse_results(seed), f"{seed}.csv.pgp") for seed in range(6)]
    desk.process()
    desk.now = moment
    with desk.registrar() as one, desk.registrar() as other, ThreadPoolExecutor() as pool:
        released = list(pool.map(reconsider.reconsider, (one, other)))
    assert sorted(released) == [0, 6]
    assert {desk.kinds(reference).count("delivered") for reference in sent} == {1}


def test_results_day_is_decided_in_portions_once_each_and_goes_on_after_a_crash(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = next_results_day(desk)
    oak = desk.provider("oak", years=YEARS)
    sent = [desk.send(oak, gcse_results(seed), f"{seed}.csv.pgp") for seed in range(5)]
    desk.process()
    desk.now = moment
    monkeypatch.setattr("gateway.record.reconsider.A_PORTION", 2)
    with desk.registrar() as registrar, monkeypatch.context() as counting:
        decided: list[str] = []

        def told(*given: Any, **named: Any) -> Any:
            decided.append("a file")
            return decide(*given, **named)

        counting.setattr("gateway.record.reconsider.decide", told)
        assert reconsider.Portions(reconsider.due).next(registrar)
        assert sorted(desk.state(each) for each in sent) == ["accepted"] * 2 + ["held"] * 3
        counting.setattr("gateway.record.rulings.locks.take_lock", None)  # It crashes here.
        with pytest.raises(TypeError):
            reconsider.Portions(reconsider.due).next(registrar)
        assert sorted(desk.state(each) for each in sent) == ["accepted"] * 2 + ["held"] * 3
    assert len(decided) == 4
    desk.process()
    assert {desk.state(each) for each in sent} == {"accepted"}
    assert {desk.kinds(each).count("delivered") for each in sent} == {1}


def test_files_that_arrive_have_their_turn_between_two_portions(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = next_results_day(desk)
    oak = desk.provider("oak", years=YEARS)
    sent = [desk.send(oak, gcse_results(seed), f"{seed}.csv.pgp") for seed in range(3)]
    desk.process()
    desk.now = moment
    monkeypatch.setattr("gateway.record.reconsider.A_PORTION", 1)
    waiting, claimed = desk.send(oak, core_data()), list[int]()

    def told(*given: Any) -> None:
        claimed.append(sum(desk.state(each) == "held" for each in sent))
        claim_waiting(*given)

    monkeypatch.setattr("gateway.processor.loop.claim_waiting", told)
    desk.process()
    assert {desk.state(each) for each in [*sent, waiting]} == {"accepted"}
    assert set(claimed) == {3, 2, 1, 0}


def test_an_unratified_school_waits_for_both(desk: Desk) -> None:
    moment = next_results_day(desk)
    oak = desk.provider("oak")
    sent = desk.send(oak, gcse_results())
    desk.process()
    assert desk.codes(sent) == ["policy:agreement-not-ratified", "policy:embargo"]
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert (desk.state(sent), desk.codes(sent)) == ("held", ["policy:embargo"])
    desk.now = moment
    desk.process()
    assert desk.state(sent) == "accepted"
    assert receipts(desk, sent) == ["HELD", "HELD", "ACCEPTED"]


@pytest.mark.long
def test_a_results_day_that_is_moved_moves_what_waits(desk: Desk) -> None:
    moment = next_results_day(desk)
    oak = desk.provider("oak", years=YEARS)
    sent = desk.send(oak, gcse_results())
    desk.process()
    day = f"{moment + timedelta(hours=1):%Y-%m-%d}"
    edit(desk, "calendar.toml", f"2025-08-21, {day}]", f"2025-08-21, {moment + timedelta(days=3):%Y-%m-%d}]")
    enact(desk.home.root)
    desk.process()
    assert desk.transfer(sent).held_until == moment + timedelta(days=3)
    desk.now = moment
    desk.process()
    assert desk.state(sent) == "held"
    edit(desk, "calendar.toml", f"{moment + timedelta(days=3):%Y-%m-%d}]", f"{day}]")
    enact(desk.home.root)
    desk.process()
    assert desk.state(sent) == "accepted"
