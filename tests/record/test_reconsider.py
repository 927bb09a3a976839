"""Held files are decided again a portion at a time, each once in a round."""

from __future__ import annotations

import pytest

from gateway.record import reconsider
from gateway.registry import waits
from tests.content import core_data
from tests.workshop import Desk


def test_files_that_stay_held_are_passed_by_and_the_next_round_begins_with_the_first(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    oak = desk.provider("oak")
    for seed in range(2):
        desk.send(oak, core_data(seed), f"{seed}.xml.pgp")
    desk.process()
    monkeypatch.setattr(reconsider, "A_PORTION", 1)
    portions = reconsider.Portions(lambda *_: waits.for_reasons("policy:agreement-not-ratified"))
    with desk.registrar() as registrar:
        assert [portions.next(registrar) for _ in range(4)] == [True, True, False, True]
    assert portions.changed == 0
