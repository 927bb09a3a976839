"""Requests of browsers are there whole in time.

The server below waits for a request as long as it takes to come: whoever sends one letter a minute on many
connections would keep everybody else out.
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
    """One connection, which has a place. It is busy from when a request is whole until that is answered."""

    seconds = SECONDS

    def __init__(self, *arguments: Any, place: BrowserConnection, places: Places, **more: Any) -> None:  # noqa: ANN401 - as the server has them
        super().__init__(*arguments, **more)
        self._place = place
        self._places = places
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in its parent
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait no longer than before for the rest."""
        super().data_received(data)
        if self.conn.their_state in _COMING:
            self._wait()
        else:
            self._place.busy = True
            self._wait_no_more()

    def on_response_complete(self) -> None:
        """Go on to the next request where its beginning came meanwhile, and wait for the rest of it."""
        self._place.busy = False
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._wait()
        elif self.conn.their_state is not h11.IDLE:
            self._place.busy = True

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for."""
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
    """The protocol that waits so long."""
    return type("Punctual", (PunctualProtocol,), {"seconds": seconds})
