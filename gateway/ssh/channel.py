"""A leaner connection, cipher and channel for asyncssh; a channel bounds the received data in memory.

asyncssh lets the client send again as soon as a piece is handed on, consumed or not. This channel lets a
client send only as much again as was consumed; a client sending more loses the connection.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING, cast

import asyncssh
from asyncssh.constants import MSG_CHANNEL_DATA, MSG_CHANNEL_WINDOW_ADJUST
from asyncssh.crypto.cipher import GCMCipher
from asyncssh.encryption import GCMEncryption
from asyncssh.packet import SSHPacket, UInt32
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

# Pieces of a few bytes each would cost many times their size; smaller pieces are joined.
SMALL_BYTES = 4096


class Channel(asyncssh.SSHServerChannel[bytes]):
    """A channel that refuses environment variables, and widens its window as data is consumed."""

    def __init__(
        self, connection: asyncssh.SSHServerConnection, loop: object, window: int, packet: int
    ) -> None:
        super().__init__(connection, loop, False, False, False, 0, 0, None, "strict", window, packet)  # type: ignore[arg-type]
        self._consumed = 0  # And not granted again yet.

    def consumed(self, count: int) -> None:
        """Let the client send `count` bytes more, since the session has taken `count` bytes out of memory."""
        self._consumed += count
        if self._consumed >= self._init_recv_window // 2 and self._recv_state == "open":
            self.send_packet(MSG_CHANNEL_WINDOW_ADJUST, UInt32(self._consumed))
            self._recv_window, self._consumed = self._recv_window + self._consumed, 0

    def take(self, data: memoryview) -> bool:
        """Deliver received data directly to the session; return False if asyncssh must handle the packet."""
        if self._recv_state != "open" or self._send_state in {"close_pending", "closed"}:
            return False
        if self._session is None or self._recv_paused or len(data) > self._recv_window:
            return False
        self._recv_window -= len(data)
        self._session.data_received(cast("bytes", data), None)
        return True

    def _flush_send_buf(self) -> None:
        """Send waiting data as far as the client's window allows, bypassing asyncssh where possible."""
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
        """Send as much of the data as the client's window allows; return the number of bytes sent."""
        connection, at = cast("LeanConnection", self._conn), 0
        while at < len(data) and self._send_window:
            piece = data[at : at + min(self._send_window, self._send_pktsize)]
            if self._send_chan is None or not connection.send_data(self._send_chan, piece):
                break
            at += len(piece)
            self._send_window -= len(piece)
            self._send_buf_len -= len(piece)
        return at

    def _process_env_request(self, packet: SSHPacket) -> bool:  # noqa: ARG002
        """Return False, refusing a client's environment variables: asyncssh would keep any amount."""
        return False

    def _deliver_data(self, data: bytes, datatype: int | None) -> None:
        """Deliver received data to the session. The client may send more only after `consumed` is called."""
        if self._session is not None:
            self._session.data_received(data, datatype)

    def _accept_data(self, data: bytes, datatype: int | None = None) -> None:
        """Receive data; join small pieces that arrive before the session begins."""
        super()._accept_data(data, datatype)
        if len(self._recv_buf) > 1:
            (before, kind), (last, same) = self._recv_buf[-2:]
            if kind == same and len(before) < SMALL_BYTES and len(last) < SMALL_BYTES:
                self._recv_buf[-2:] = [(before + last, kind)]


# The short path. For each packet asyncssh makes an AES-GCM object, copies the data several times, and parses
# in small steps. Here the packets of one read are decrypted in place, by one cipher for the life of its key,
# and data for an open channel is handed over at once. All other packets, and all before the login or with
# other ciphers, take asyncssh's own path, one at a time. docs/decisions/0006 lists the private names used.

if TYPE_CHECKING:
    import asyncio

_TAG = _BLOCK = 16
_LENGTH = struct.Struct(">I")
_DATA = struct.Struct(">BBII")  # How much padding, the kind of the packet, the channel, how much data.
_COUNTS = 1 << 64
_SEQUENCE = 1 << 32


class LeanCipher(GCMCipher):
    """AES-GCM (RFC 5647) with asyncssh's interface; one cipher object serves as long as the key is used."""

    def __init__(self, cipher: GCMCipher) -> None:
        self._aead = AESGCM(cipher._key)  # noqa: SLF001 - asyncssh has no other door
        self._fixed, count = cipher._iv[:4], cipher._iv[4:]  # noqa: SLF001
        self._count = int.from_bytes(count, "big")
        self.opened: bytes | None = None
        """The contents of a packet opened here, until asyncssh asks for them."""

    def _nonce(self) -> bytes:
        nonce = self._fixed + self._count.to_bytes(8, "big")
        self._count = (self._count + 1) % _COUNTS
        return nonce

    def open(self, sealed: memoryview | bytes, header: memoryview | bytes) -> bytes | None:
        """Return the contents of a packet; None if the packet was altered."""
        try:
            return self._aead.decrypt(self._nonce(), sealed, header)
        except InvalidTag:
            return None

    def seal(self, packet: bytes, header: bytes) -> bytes:
        """Return a packet encrypted, with the tag at the end."""
        return self._aead.encrypt(self._nonce(), packet, header)

    def encrypt_and_sign(self, header: bytes, data: bytes) -> tuple[bytes, bytes]:
        """Return two values: the header with the encrypted packet behind it, and the packet's tag."""
        sealed = self.seal(data, header)
        return header + sealed[:-_TAG], sealed[-_TAG:]

    def verify_and_decrypt(self, header: bytes, data: bytes, mac: bytes) -> bytes | None:
        """Return the contents of a packet, which may have been opened already; None if it was altered."""
        opened, self.opened = self.opened, None
        return self.open(data + mac, header) if opened is None else opened


def _lean(encryption: object) -> LeanCipher | None:
    """Return the LeanCipher in asyncssh's AES-GCM `encryption`; None if the encryption is not AES-GCM.
    The first call puts the LeanCipher there, in place of asyncssh's own cipher.
    """
    if not isinstance(encryption, GCMEncryption):
        return None
    cipher = encryption._cipher  # noqa: SLF001
    if not isinstance(cipher, LeanCipher):
        encryption._cipher = cipher = LeanCipher(cipher)  # noqa: SLF001
    return cipher


class LeanConnection(asyncssh.SSHServerConnection):
    """An SSH connection that handles channel data in a few steps, bypassing asyncssh."""

    def _recv_data(self) -> None:
        """Process received packets: data of channels here, others one by one through asyncssh."""
        while (cipher := self._receiving()) is not None and self._inpbuf:
            buffer = self._inpbuf
            try:
                at, ends = self._take_data(cipher, buffer)
            except asyncssh.DisconnectError as error:
                self._inpbuf = b""
                self._send_disconnect(error.code, error.reason, error.lang)
                self._force_close(error)
                return
            except Exception:  # noqa: BLE001 - as asyncssh does
                self._inpbuf = b""
                self.internal_error()
                return
            if at == ends:  # The next packet is not whole yet.
                self._inpbuf = buffer[at:]
                self._reset_keepalive_timer()
                return
            self._inpbuf = buffer[at:ends]
            super()._recv_data()
            self._inpbuf += buffer[ends:]
        super()._recv_data()

    def _receiving(self) -> LeanCipher | None:
        """Return the cipher of received packets if this class may open them; None if asyncssh must."""
        if self._transport is None or not self._auth_complete or self._decompressor is not None:
            return None
        cipher = _lean(self._recv_encryption)
        if cipher is not None and self._recv_handler == self._recv_packet:
            # With AES-GCM the beginning of a packet is unencrypted.
            self._inpbuf, self._packet = self._packet + self._inpbuf, b""
            self._recv_handler = self._recv_pkthdr
        return cipher if self._recv_handler == self._recv_pkthdr else None

    def _take_data(self, cipher: LeanCipher, buffer: bytes) -> tuple[int, int]:
        """Deliver the packets of channel data at the beginning of `buffer`.
        Return start and end of the first packet of another kind, to be handled by asyncssh; the decrypted
        contents are in `cipher.opened`. If no complete packet follows, the end equals the start.
        """
        view, whole, at = memoryview(buffer), len(buffer), 0
        while whole - at >= _BLOCK:
            (size,) = _LENGTH.unpack_from(buffer, at)
            if size > self._max_recv_pktlen:
                raise asyncssh.ProtocolError("Max packet size exceeded")
            ends = at + 4 + size + _TAG
            if ends > whole:
                break
            opened = cipher.open(view[at + 4 : ends], view[at : at + 4])
            if not opened:
                raise asyncssh.MACError("MAC verification failed")
            if not self._take_packet(opened):
                cipher.opened = opened
                return at, ends
            self._recv_seq = (self._recv_seq + 1) % _SEQUENCE
            at = ends
        return at, at

    def _take_packet(self, opened: bytes) -> bool:
        """Deliver the data in a packet to its channel; return False for any other packet."""
        if len(opened) < _DATA.size:
            return False
        padding, kind, number, size = _DATA.unpack_from(opened)
        channel = self._channels.get(number) if kind == MSG_CHANNEL_DATA else None
        if not isinstance(channel, Channel) or not size or _DATA.size + size + padding != len(opened):
            return False
        return channel.take(memoryview(opened)[_DATA.size : _DATA.size + size])

    def send_data(self, channel: int, data: memoryview) -> bool:
        """Send data of a channel and return True; return False without sending if asyncssh has to send it."""
        cipher = _lean(self._send_encryption)
        if (
            cipher is None
            or not self._transport
            or not self._auth_complete
            or not self._kex_complete
            or self._compressor is not None
            or self._rekey_bytes_sent >= self._rekey_bytes
            or (self._rekey_seconds and time.monotonic() >= self._rekey_time)
        ):
            return False
        padding = -(_DATA.size + len(data)) % _BLOCK
        padding += _BLOCK if padding < 4 else 0  # noqa: PLR2004 - RFC 4253, section 6
        packet = b"".join(
            (_DATA.pack(padding, MSG_CHANNEL_DATA, channel, len(data)), data, os.urandom(padding))
        )
        header = _LENGTH.pack(len(packet))
        cast("asyncio.WriteTransport", self._transport).writelines((header, cipher.seal(packet, header)))
        self._send_seq = (self._send_seq + 1) % _SEQUENCE
        self._rekey_bytes_sent += len(packet)
        return True
