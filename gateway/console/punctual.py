"""Connections of browsers are bounded: a request is there whole in time, and one address has few at once.

The server below waits for a request as long as it takes to come: whoever sends one letter a minute on many
connections would keep everybody else out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

SECONDS = 30.0
EACH = 40
_COMING = frozenset({h11.IDLE, h11.SEND_BODY})


class PunctualProtocol(H11Protocol):
    """One connection. `each` address has so many at once, but those that are `trusted`, which are proxies."""

    seconds = SECONDS
    each = EACH
    trusted: Collection[str] = ()

    def __init__(self, *arguments: Any, **more: Any) -> None:  # noqa: ANN401 - as the server has them
        super().__init__(*arguments, **more)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as in its parent
        """Begin to wait for a request, or close at once where that address has too many."""
        super().connection_made(transport)
        if self._are_too_many():
            transport.abort()
            return
        self._wait()

    def data_received(self, data: bytes) -> None:
        """Take what came, and wait no longer than before for the rest."""
        super().data_received(data)
        if self.conn.their_state in _COMING:
            self._wait()
        else:
            self._wait_no_more()

    def on_response_complete(self) -> None:
        """Go on to the next request where its beginning came meanwhile, and wait for the rest of it."""
        super().on_response_complete()
        if self.conn.their_state is h11.SEND_BODY:
            self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was waited for."""
        self._wait_no_more()
        super().connection_lost(exc)

    def _are_too_many(self) -> bool:
        address = self.client[0] if self.client else ""
        if address in self.trusted:
            return False
        # A set of this server's protocols: of these alone.
        known = (one.client for one in self.connections if isinstance(one, PunctualProtocol))
        return sum(client is not None and client[0] == address for client in known) > self.each

    def _wait(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.seconds, self.transport.abort)

    def _wait_no_more(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def punctual(
    trusted: Collection[str], *, seconds: float = SECONDS, each: int = EACH
) -> type[PunctualProtocol]:
    """The protocol with these bounds."""
    return type("Punctual", (PunctualProtocol,), {"trusted": trusted, "seconds": seconds, "each": each})
