"""A cable between a kit and a gateway that can be cut: it carries so many bytes, then nothing, or breaks."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Cable:
    """Listens on a free port and carries to `to`. `sent` counts the bytes that went towards the gateway."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._to = to
        self.sent = 0
        self.cut_after: int | None = None
        """After so many bytes towards the gateway, each connection breaks."""
        self.stall_after: int | None = None
        """After so many, nothing goes on, and no connection breaks."""
        self.clog_after: int | None = None
        """After so many, nothing is taken from the kit's end any more, as where the line is dead."""
        self.stalled = threading.Event()
        self._closed = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []

    @property
    def place(self) -> tuple[str, int]:
        host, port = self._listening.getsockname()
        return host, port

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(self._to)
                self._open += [near, far]
                threading.Thread(target=self._carry, args=(near, far, True), daemon=True).start()
                threading.Thread(target=self._carry, args=(far, near, False), daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, towards: bool) -> None:
        carried = 0
        with suppress(OSError):
            while piece := source.recv(2_048):
                if towards:
                    carried += len(piece)
                    if self.cut_after is not None and carried > self.cut_after:
                        break
                    if self.clog_after is not None and carried > self.clog_after:
                        self.stalled.set()
                        self._closed.wait()
                    if self.stall_after is not None and carried > self.stall_after:
                        self.stalled.set()
                        continue
                    self.sent += len(piece)
                target.sendall(piece)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def narrow(self) -> None:
        """Hold little of what is sent, as a slow line does."""
        self._listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)

    def close(self) -> None:
        self._closed.set()
        for end in (self._listening, *self._open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


@contextmanager
def cable(to: tuple[str, int]) -> Iterator[Cable]:
    """A cable to a service, laid for a while."""
    laid = Cable(to)
    threading.Thread(target=laid.serve, daemon=True).start()
    try:
        yield laid
    finally:
        laid.close()
