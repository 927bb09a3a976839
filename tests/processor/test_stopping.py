"""A processor that is told to stop while a file is in hand: no fault of the file, nor of its process."""

from __future__ import annotations

import logging
import threading

import pytest

from gateway.processor.service import open_processor
from tests.clock import THIS_YEAR
from tests.content import core_data
from tests.waiting import until
from tests.workshop import Desk

pytestmark = pytest.mark.long


def test_a_stop_is_no_fault_of_the_file_in_hand(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    oak = desk.provider("oak", years=THIS_YEAR)
    sent = desk.send(oak, core_data(1, 8_000))
    stop = threading.Event()
    with caplog.at_level(logging.INFO), open_processor(desk.home, lambda: desk.now) as processor:
        working = threading.Thread(target=processor.run, args=(stop,))
        working.start()
        until(lambda: any(one.name.startswith("examine_") for one in threading.enumerate()), "a worker")
        working.join(0.5)
        stop.set()
        processor.wake()
        working.join(60)
        assert not working.is_alive()
        until(lambda: not any(one.name.startswith("examine_") for one in threading.enumerate()), "all hands")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert desk.state(sent) in {"", "landed"}  # Still in progress, and as yet nothing is decided.
    desk.process()
    assert desk.state(sent) == "accepted"
