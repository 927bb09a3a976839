"""A session of SFTP, octet by octet: it may ask much before it reads an answer, and what no client would."""

from __future__ import annotations

import struct
from typing import Any

STAT_IN = struct.pack(">BII", 17, 1, 3) + b"/in"


def packet(body: bytes) -> bytes:
    """What is sent of a request or an answer."""
    return struct.pack(">I", len(body)) + body


class RawSession:
    """Of a connection of asyncssh; `window` is how much the client takes before it grants more."""

    def __init__(self, connection: Any, window: int = 2 * 1024 * 1024) -> None:
        self._connection = connection
        self._window = window
        self.asked = 0  # Octets.

    async def begin(self) -> RawSession:
        """Have it opened."""
        self._writer, self._reader, _ = await self._connection.open_session(
            subsystem="sftp", encoding=None, window=self._window
        )
        self.ask(struct.pack(">BI", 1, 3))
        await self.answer()
        return self

    def ask(self, body: bytes, times: int = 1) -> None:
        """Send a request so often, all at once."""
        self._writer.write(times * packet(body))
        self.asked += times * len(packet(body))

    @property
    def sent(self) -> int:
        """Of what was asked, the octets that the service let the client send."""
        return self.asked - int(self._writer.channel.get_write_buffer_size())

    async def answer(self) -> bytes:
        """Read the next answer."""
        return bytes(await self._reader.readexactly(int.from_bytes(await self._reader.readexactly(4), "big")))

    async def asks(self, body: bytes, times: int = 1) -> bytes:
        """Ask so often, each time when the one before is answered; the last answer."""
        for _ in range(times):
            self.ask(body)
            answer = await self.answer()
        return answer
