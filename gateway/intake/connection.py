"""One SSH connection: asyncssh's, with limits on attempts and on answers that nobody fetches."""

from __future__ import annotations

import asyncio
import re

import asyncssh

# Safe also against a quantum computer that opens recorded sessions one day (FIPS 203, ML-KEM).
_QUANTUM_SAFE = b"mlkem768x25519-sha256"
KEY_EXCHANGES = (_QUANTUM_SAFE, b"curve25519-sha256", b"curve25519-sha256@libssh.org")

# OpenSSH has it since 9.9. Many other clients do not have it yet.
_HAS_IT = re.compile(rb"SSH-2\.0-OpenSSH_(9\.9|\d{2,}\.)")


class Connection(asyncssh.SSHServerConnection):
    """A connection whose client may fail to log in only so often, and must read what it asked for."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, options: asyncssh.SSHServerConnectionOptions, attempts: int
    ) -> None:
        super().__init__(loop, options)
        self._attempts_left = attempts
        self._may_send = asyncio.Event()
        self._may_send.set()

    def _send_kexinit(self) -> None:
        """Offer the key exchanges; a client that says it has the quantum-safe one is offered no other."""
        if _HAS_IT.match(self._client_version):
            self._kex_algs = [_QUANTUM_SAFE]
        super()._send_kexinit()

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
