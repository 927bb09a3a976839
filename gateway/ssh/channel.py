"""One channel of a connection: what may lie in memory of what its client sent.

asyncssh grants its full window again as soon as it has handed a piece on, whether or not anybody has
taken it from there. Here a client may send as much again as was consumed, and no more; one that sends
more loses its connection.
"""

from __future__ import annotations

import asyncssh
from asyncssh.constants import MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import SSHPacket, UInt32

# Pieces of a few bytes each would cost many times their size; smaller ones than this are put together.
SMALL_BYTES = 4096


class Channel(asyncssh.SSHServerChannel[bytes]):
    """A channel that takes no environment, and grants what was consumed."""

    def __init__(
        self, connection: asyncssh.SSHServerConnection, loop: object, window: int, packet: int
    ) -> None:
        super().__init__(connection, loop, False, False, False, 0, 0, None, "strict", window, packet)  # type: ignore[arg-type]
        self._consumed = 0  # And not granted again yet.

    def consumed(self, count: int) -> None:
        """So many bytes were taken out of memory: the client may send as many again."""
        self._consumed += count
        if self._consumed >= self._init_recv_window // 2 and self._recv_state == "open":
            self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(self._consumed))
            self._recv_window, self._consumed = self._recv_window + self._consumed, 0

    def _process_env_request(self, packet: SSHPacket) -> bool:  # noqa: ARG002
        """Refused: asyncssh would keep as much of an environment as a client sends."""
        return False

    def _deliver_data(self, data: bytes, datatype: int | None) -> None:
        """Hand data on, without granting it again."""
        if self._session is not None:
            self._session.data_received(data, datatype)

    def _accept_data(self, data: bytes, datatype: int | None = None) -> None:
        """Keep data that came before its session began in few pieces."""
        super()._accept_data(data, datatype)
        if len(self._recv_buf) > 1:
            (before, kind), (last, same) = self._recv_buf[-2:]
            if kind == same and len(before) < SMALL_BYTES and len(last) < SMALL_BYTES:
                self._recv_buf[-2:] = [(before + last, kind)]
