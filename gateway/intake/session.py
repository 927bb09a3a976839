"""An SSH session channel on which SFTP, and nothing else, can be started."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh

from gateway.intake.files import Files
from gateway.intake.requests import Requests
from gateway.intake.tree import Tree
from gateway.ssh import sftp
from gateway.ssh.connection import Connection


class Session(sftp.Session):
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
        super().__init__(connection, lambda channel: Files(channel, tree, handles), ended)
        self._touch = touch
        self._running = running

    def session_started(self) -> None:
        """Serve SFTP on the channel."""
        channel: Any = self._chan
        files = self._serve(channel)
        assert isinstance(files, Files)  # noqa: S101 - as given above
        reader: asyncssh.SSHReader[bytes] = asyncssh.SSHReader(self, channel)
        writer: asyncssh.SSHWriter[bytes] = asyncssh.SSHWriter(self, channel)
        requests = Requests(files, self._connection, reader, writer, self._touch)
        task = self._connection.create_task(requests.run(), requests.logger)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
