"""A command ends when it is told to, whatever it is at."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

_WAITING = """
from gateway.cli.signals import until_told
with until_told() as stop:
    with stop._cond:  # As in the middle of `stop.wait`, when it holds the lock of the event.
        print("waits", flush=True)
        while not input():
            pass
    assert stop.wait(30)
print("ended", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_in_the_middle_of_a_wait_stops_a_command(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _WAITING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as waiting:
        assert waiting.stdout is not None
        assert waiting.stdout.readline() == "waits\n"
        os.kill(waiting.pid, number)
        try:
            told, _ = waiting.communicate("on\n", timeout=30)
        except subprocess.TimeoutExpired:
            waiting.kill()
            raise
    assert told == "ended\n"
