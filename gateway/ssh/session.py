"""A session of a connection: SFTP, and nothing else."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncssh
from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from gateway.ssh.channel import SMALL_BYTES, Channel
from gateway.ssh.connection import Connection
from gateway.ssh.sftp import Handler

# A function making the handler of a session from its channel and the two ends of its stream.
Start = Callable[
    [asyncssh.SSHServerChannel[bytes], asyncssh.SSHReader[bytes], asyncssh.SSHWriter[bytes]], Handler
]


_USE_SFTP = (
    b"This gateway takes files by SFTP only. Use sftp, or scp without -O (OpenSSH 9 or later), "
    b"pscp -sftp, or sftp:// instead of scp://.\n"
)
# In the protocol of scp: an error that ends it, told elsewhere. Without it, curl takes the end of the
# channel for success and its file for delivered.
_FATAL = b"\x02\n"


class Session(SSHServerStreamSession[bytes]):
    """One session. Its task stays in `running` until its last file is put aside.

    `ended` is called once when the channel is gone.
    """

    def __init__(
        self,
        connection: Connection,
        start: Start,
        *,
        running: set[asyncio.Task[None]],
        ended: Callable[[], None],
    ) -> None:
        super().__init__(None)
        self._connection = connection
        self._start = start
        self._running = running
        self._ended = ended
        self._is_scp = False

    def exec_requested(self, command: str) -> bool:
        """Accept only scp, to name the alternative; no command is ever run."""
        self._is_scp = command.partition(" ")[0] == "scp"
        return self._is_scp

    def subsystem_requested(self, subsystem: str) -> bool:
        """Accept SFTP only; the base class refuses shells and commands."""
        return subsystem == "sftp"

    def session_started(self) -> None:
        """Begin to answer requests."""
        channel: Any = self._chan
        if self._is_scp:
            channel.write_stderr(_USE_SFTP)
            channel.write(_FATAL)
            channel.exit(1)
            return
        reader, writer = SSHReader[bytes](self, channel), SSHWriter[bytes](self, channel)
        handler = self._start(channel, reader, writer)
        task = self._connection.create_task(handler.run(), handler.logger)
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        """Keep received data in few pieces."""
        kept: list[Any] = self._recv_buf[datatype]
        if len(data) < SMALL_BYTES:
            data = bytes(data)  # A view would keep its whole packet in memory.
            if kept and len(kept[-1]) < SMALL_BYTES:
                before = bytes(kept.pop())
                self._recv_buf_len -= len(before)
                data = before + data
        super().data_received(data, datatype)

    async def read(self, datatype: int | None, n: int, exact: bool) -> bytes:
        """Take received data out of memory, letting the client send as much again."""
        data: bytes = await super().read(datatype, n, exact)
        if isinstance(self._chan, Channel):
            self._chan.consumed(len(data))
        return data

    def connection_lost(self, exc: Exception | None) -> None:
        """Call `ended` after the end of the channel."""
        super().connection_lost(exc)
        self._ended()
