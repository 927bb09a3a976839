"""Stop a process by a signal."""

import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_STOPS = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def until_told() -> Iterator[threading.Event]:
    """Yield an event set by SIGTERM and Ctrl-C; after the block, both signals act as before."""
    stop = threading.Event()
    with calling_when_told(stop.set):
        yield stop


@contextmanager
def calling_when_told(call: Callable[[], object]) -> Iterator[None]:
    """Call `call` in another thread at each SIGTERM and Ctrl-C; after the block, both act as before."""
    # A handler runs in the main thread once that does something, which may just have begun to wait without
    # end. The interpreter itself writes the number of each signal into a socket at once.
    reads, writes = socket.socketpair()
    writes.setblocking(False)

    def heed() -> None:
        with reads:
            while number := reads.recv(1):
                if ord(number) in _STOPS:
                    call()

    threading.Thread(target=heed, daemon=True).start()
    before_in = signal.set_wakeup_fd(writes.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, lambda *_: None) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(before_in)
        writes.close()
