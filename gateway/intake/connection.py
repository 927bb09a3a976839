"""One SSH connection: asyncssh's, with limits on attempts and on answers that nobody fetches."""

from __future__ import annotations

import asyncio
import logging

import asyncssh

log = logging.getLogger(__name__)


class Connection(asyncssh.SSHServerConnection):
    """A connection whose client may fail to log in only so often, and must read what it asked for."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: asyncssh.SSHServerConnectionOptions, attempts: int
    ) -> None:
        super().__init__(loop, options)
        self._attempts_left = attempts
        self._may_send = asyncio.Event()
        self._may_send.set()

    async def reload_config(self) -> None:
        """Nothing in the options depends on who logs in."""

    def send_userauth_failure(self, partial_success: bool) -> None:
        """Refuse an attempt, and the connection after too many; the first is the usual probe for methods."""
        if self._attempts_left < 0:
            raise asyncssh.DisconnectError(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many attempts to log in"
            )
        self._attempts_left -= 1
        super().send_userauth_failure(partial_success)

    def pause_writing(self) -> None:
        """The client does not read: what was sent fills the buffers."""
        self._may_send.clear()

    def resume_writing(self) -> None:
        """The client reads again."""
        self._may_send.set()

    def connection_lost(self, exc: Exception | None = None) -> None:
        """Nobody needs to wait any longer."""
        self._may_send.set()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once."""
        self._may_send.set()
        super().abort()

    async def until_read(self) -> None:
        """Wait while the client leaves too much of what was sent to it unread."""
        await self._may_send.wait()
