"""Time limits for incoming requests.

Uvicorn waits for a request without limit: a client sending one byte a minute on many connections would keep
everybody else out.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from gateway.console.places import BrowserConnection, Places

SECONDS = 30.0
_COMING = frozenset({h11.IDLE, h11.SEND_BODY})


class PunctualProtocol(H11Protocol):
    """One connection with a place, busy from a complete request until its answer."""

    seconds = SECONDS

    def __init__(self, *arguments: Any, place: BrowserConnection, places: Places, **more: Any) -> None:  # noqa: ANN401 - as in the server
        super().__init__(*arguments, **more)
        self._place = place
        self._places = places
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in its parent
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take received bytes without extending the deadline for the rest."""
        super().data_received(data)
        if self.conn.their_state in _COMING:
            self._wait()
        else:
            self._place.busy = True
            self._wait_no_more()

    def on_response_complete(self) -> None:
        """Begin the next request if partly received, and wait for its rest."""
        self._place.busy = False
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._wait()
        elif self.conn.their_state is not h11.IDLE:
            self._place.busy = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadline."""
        self._wait_no_more()
        self._places.leave(self._place)
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def punctual(seconds: float = SECONDS) -> type[PunctualProtocol]:
    """Return the protocol class with a deadline in seconds."""
    return type("Punctual", (PunctualProtocol,), {"seconds": seconds})
