"""One channel of a connection, with a bound on received data in memory.

asyncssh grants its full window again as soon as a piece is handed on, consumed or not. Here a client may send
only as much again as was consumed; a client sending more loses the connection.
"""

from typing import Protocol, cast

import asyncssh
from asyncssh.constants import MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.packet import SSHPacket, UInt32

# Pieces of a few bytes each would cost many times their size; smaller pieces are joined.
SMALL_BYTES = 4096


class SendsData(Protocol):
    """A connection able to send channel data on the short path."""

    def send_data(self, channel: int, data: memoryview) -> bool:
        """Send data of a channel, unless asyncssh has to do something else first."""
        ...


class Channel(asyncssh.SSHServerChannel[bytes]):
    """A channel refusing environment variables, and granting only consumed data."""

    def __init__(
        self, connection: asyncssh.SSHServerConnection, loop: object, window: int, packet: int
    ) -> None:
        super().__init__(connection, loop, False, False, False, 0, 0, None, "strict", window, packet)  # type: ignore[arg-type]
        self._consumed = 0  # And not granted again yet.

    def consumed(self, count: int) -> None:
        """Grant the client as many bytes as were taken out of memory."""
        self._consumed += count
        if self._consumed >= self._init_recv_window // 2 and self._recv_state == "open":
            self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(self._consumed))
            self._recv_window, self._consumed = self._recv_window + self._consumed, 0

    def take(self, data: memoryview) -> bool:
        """Hand data on at once, bypassing asyncssh; return False if asyncssh must handle the packet."""
        if self._recv_state != "open" or self._send_state in {"close_pending", "closed"}:
            return False
        if self._session is None or self._recv_paused or len(data) > self._recv_window:
            return False
        self._recv_window -= len(data)
        self._session.data_received(cast("bytes", data), None)
        return True

    def _flush_send_buf(self) -> None:
        """Send waiting data within the window, bypassing asyncssh if possible."""
        while self._send_buf and self._send_window:
            buffer, kind = self._send_buf[0]
            sent = self._send_some(memoryview(buffer)) if kind is None else 0
            if not sent:
                break
            if sent < len(buffer):
                self._send_buf[0] = (buffer[sent:], kind)
            else:
                del self._send_buf[0]
        super()._flush_send_buf()

    def _send_some(self, data: memoryview) -> int:
        """Send as much of `data` as the window allows; how much."""
        connection, at = cast("SendsData", self._conn), 0
        while at < len(data) and self._send_window:
            piece = data[at : at + min(self._send_window, self._send_pktsize)]
            if self._send_chan is None or not connection.send_data(self._send_chan, piece):
                break
            at += len(piece)
            self._send_window -= len(piece)
            self._send_buf_len -= len(piece)
        return at

    def _process_env_request(self, packet: SSHPacket) -> bool:  # noqa: ARG002
        """Refuse: asyncssh would keep any amount of a client's environment."""
        return False

    def _deliver_data(self, data: bytes, datatype: int | None) -> None:
        """Hand data on, without granting it again."""
        if self._session is not None:
            self._session.data_received(data, datatype)

    def _accept_data(self, data: bytes, datatype: int | None = None) -> None:
        """Keep data received before the session's begin in few pieces."""
        super()._accept_data(data, datatype)
        if len(self._recv_buf) > 1:
            (before, kind), (last, same) = self._recv_buf[-2:]
            if kind == same and len(before) < SMALL_BYTES and len(last) < SMALL_BYTES:
                self._recv_buf[-2:] = [(before + last, kind)]
