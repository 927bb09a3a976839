"""Stop a command by a signal."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """Yield an event set by SIGTERM and Ctrl-C; after the block, both signals act as before."""
    stop, heard = threading.Event(), SimpleQueue[None]()

    # A handler may interrupt its own thread in the middle of `stop.wait`, with the lock that `stop.set`
    # takes: a queue takes a signal at any moment, and another thread sets the event.
    def set_once_heard() -> None:
        heard.get()
        stop.set()

    threading.Thread(target=set_once_heard, daemon=True).start()
    before = {
        number: signal.signal(number, lambda *_: heard.put(None))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        heard.put(None)
