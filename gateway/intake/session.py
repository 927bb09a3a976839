"""An SSH session channel on which SFTP, and nothing else, can be started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh
from asyncssh.stream import SSHServerStreamSession

from gateway.intake.connection import Connection
from gateway.intake.files import Files
from gateway.intake.requests import Requests
from gateway.intake.tree import Tree


class Session(SSHServerStreamSession[bytes]):
    """One session channel. Its work is in `running` until the last of its uploads is put aside."""

    def __init__(
        self,
        tree: Tree,
        connection: Connection,
        *,
        handles: int,
        touch: Callable[[], None],
        running: set[asyncio.Task[None]],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(None)
        self._tree = tree
        self._connection = connection
        self._handles = handles
        self._touch = touch
        self._running = running
        self._ended = ended

    def shell_requested(self) -> bool:
        """There is no shell."""
        return False

    def exec_requested(self, command: str) -> bool:  # noqa: ARG002 - asyncssh's signature
        """There are no commands."""
        return False

    def subsystem_requested(self, subsystem: str) -> bool:
        """SFTP is all there is."""
        return subsystem == "sftp"

    def session_started(self) -> None:
        """Serve SFTP on the channel."""
        channel: Any = self._chan
        requests = Requests(
            Files(channel, self._tree),
            self._connection,
            asyncssh.SSHReader(self, channel),
            asyncssh.SSHWriter(self, channel),
            handles=self._handles,
            touch=self._touch,
        )
        task = self._connection.create_task(requests.run(), requests.logger)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is closed."""
        self._ended()
        super().connection_lost(exc)
