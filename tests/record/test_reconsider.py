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


def test_a_file_of_an_old_version_goes_on_once_its_school_has_ratified(desk: Desk) -> None:
    oak = desk.provider("oak")
    sent = desk.send(oak, core_data().replace(b"<CTFversion>25.0<", b"<CTFversion>12.0<"))
    desk.process()
    assert {"policy:agreement-not-ratified", "classify:version-old"} <= set(desk.codes(sent))
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert desk.state(sent) == "accepted"


def test_a_school_that_has_ratified_is_not_told_any_longer_to_ratify(desk: Desk) -> None:
    oak = desk.provider("oak", dfe_number="9992003")
    sent = desk.send(oak, core_data())
    desk.process()
    assert {"policy:agreement-not-ratified", "policy:other-school"} <= set(desk.codes(sent))
    desk.gateway("agreement", "ratify", "oak", "--signatory", "The Head")
    assert desk.state(sent) == "held"
    assert "policy:other-school" in desk.codes(sent)
    assert "policy:agreement-not-ratified" not in desk.codes(sent)
