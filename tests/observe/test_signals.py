"""A command ends when it is told to, whatever it is at."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

_IN_THE_MIDDLE_OF_A_WAIT = """
import os
from gateway.observe.signals import until_told
with until_told() as stop:
    with stop._cond:  # As in the middle of `stop.wait`, when it holds the lock of the event.
        os.kill(os.getpid(), NUMBER)
    assert stop.wait(30)
print("ended")
"""
_WHILE_THE_MAIN_THREAD_WAITS = """
import signal, threading
from gateway.observe.signals import until_told
with until_told() as stop:
    # As when the main thread is about to wait: nothing interrupts its wait, which has no end of its own.
    threading.Timer(1, lambda: signal.pthread_kill(threading.get_ident(), NUMBER)).start()
    stop.wait()
print("ended")
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("program", [_IN_THE_MIDDLE_OF_A_WAIT, _WHILE_THE_MAIN_THREAD_WAITS])
def test_a_signal_stops_a_command(program: str, number: signal.Signals) -> None:
    told = subprocess.run(
        [sys.executable, "-c", program.replace("NUMBER", str(number.value))],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert told.stdout == "ended\n", told.stderr
