"""A short path for channel data through asyncssh, most of the work of a file transfer.

For each packet asyncssh makes an AES-GCM object, copies the data several times, and parses in small steps.
Here the packets of one read are decrypted in place, by one cipher for the life of its key, and data for an
open channel is handed over at once. Every other packet, and every packet in other states (before the login,
with other ciphers), takes asyncssh's own path, one decrypted packet at a time. docs/decisions/0006 lists the
private names used.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING, cast

import asyncssh
from asyncssh.constants import MSG_CHANNEL_DATA
from asyncssh.crypto.cipher import GCMCipher
from asyncssh.encryption import GCMEncryption
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.ssh.channel import Channel

if TYPE_CHECKING:
    import asyncio

_TAG = _BLOCK = 16
_LENGTH = struct.Struct(">I")
_DATA = struct.Struct(">BBII")  # How much padding, the kind of the packet, the channel, how much data.
_COUNTS = 1 << 64
_SEQUENCE = 1 << 32


class LeanCipher(GCMCipher):
    """AES-GCM with asyncssh's interface: one object for a key, and a counting nonce (RFC 5647)."""

    def __init__(self, cipher: GCMCipher) -> None:
        self._aead = AESGCM(cipher._key)  # noqa: SLF001 - asyncssh has no other door
        self._fixed, count = cipher._iv[:4], cipher._iv[4:]  # noqa: SLF001
        self._count = int.from_bytes(count, "big")
        self.opened: bytes | None = None
        """A packet that asyncssh has yet to ask for."""

    def _nonce(self) -> bytes:
        nonce = self._fixed + self._count.to_bytes(8, "big")
        self._count = (self._count + 1) % _COUNTS
        return nonce

    def open(self, sealed: memoryview | bytes, header: memoryview | bytes) -> bytes | None:
        """Return the contents of a packet; None if altered."""
        try:
            return self._aead.decrypt(self._nonce(), sealed, header)
        except InvalidTag:
            return None

    def seal(self, packet: bytes, header: bytes) -> bytes:
        """Return a packet encrypted, with its tag."""
        return self._aead.encrypt(self._nonce(), packet, header)

    def encrypt_and_sign(self, header: bytes, data: bytes) -> tuple[bytes, bytes]:
        """Return a packet with its header, and its tag."""
        sealed = self.seal(data, header)
        return header + sealed[:-_TAG], sealed[-_TAG:]

    def verify_and_decrypt(self, header: bytes, data: bytes, mac: bytes) -> bytes | None:
        """Return the contents of a packet, possibly opened before; None if altered."""
        opened, self.opened = self.opened, None
        return self.open(data + mac, header) if opened is None else opened


def _lean(encryption: object) -> LeanCipher | None:
    """Return the lean cipher installed into an AES-GCM encryption; None for other ciphers."""
    if not isinstance(encryption, GCMEncryption):
        return None
    cipher = encryption._cipher  # noqa: SLF001
    if not isinstance(cipher, LeanCipher):
        encryption._cipher = cipher = LeanCipher(cipher)  # noqa: SLF001
    return cipher


class LeanConnection(asyncssh.SSHServerConnection):
    """A connection with a short path for channel data."""

    def _recv_data(self) -> None:
        """Process received data: channel data here, other packets one by one through asyncssh."""
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
        """Return the receiving cipher if a packet may be opened here; None if asyncssh must."""
        if self._transport is None or not self._auth_complete or self._decompressor is not None:
            return None
        cipher = _lean(self._recv_encryption)
        if cipher is not None and self._recv_handler == self._recv_packet:
            # With AES-GCM the beginning of a packet is unencrypted.
            self._inpbuf, self._packet = self._packet + self._inpbuf, b""
            self._recv_handler = self._recv_pkthdr
        return cipher if self._recv_handler == self._recv_pkthdr else None

    def _take_data(self, cipher: LeanCipher, buffer: bytes) -> tuple[int, int]:
        """Hand on the data at the beginning of `buffer`; return start and end of the next packet.

        The next packet is already opened; or incomplete, with its end equal to its start.
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
        """Give data to its channel; return False for other or malformed packets."""
        if len(opened) < _DATA.size:
            return False
        padding, kind, number, size = _DATA.unpack_from(opened)
        channel = self._channels.get(number) if kind == MSG_CHANNEL_DATA else None
        if not isinstance(channel, Channel) or not size or _DATA.size + size + padding != len(opened):
            return False
        return channel.take(memoryview(opened)[_DATA.size : _DATA.size + size])

    def send_data(self, channel: int, data: memoryview) -> bool:
        """Send data of a channel, unless asyncssh has to do something else first."""
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
