"""One SSH connection below its sessions: what is read of it, how fast, and what it may send."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import OrderedDict
from typing import cast

import asyncssh
from asyncssh.constants import MSG_IGNORE, MSG_KEXINIT, MSG_REQUEST_FAILURE, MSG_REQUEST_SUCCESS
from asyncssh.packet import SSHPacket, SSHPacketLogger

from gateway.ssh.channel import Channel
from gateway.ssh.door import Door
from gateway.ssh.fair_share import FairShare
from gateway.ssh.lean import LeanConnection
from gateway.ssh.offer import QUANTUM_SAFE, AlsoOffered, can_do_more, is_of_host_keys, safe_only
from gateway.zones.source import source_of

_PIECE_BYTES = 32 * 1024
_PATIENCE_SECONDS = 1.0
# What a client may have under way in each direction of a session; so much of each may lie in memory.
WINDOW_BYTES = 2 * 1024 * 1024
LEAST_WINDOW_BYTES = 1024 * 1024
PACKET_BYTES = 128 * 1024


class Connection(LeanConnection):
    """A connection whose client may fail to log in only so often, and must read what it asked for.

    What it sends is read in small pieces; when the loop is busy, only as fast as its share allows.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHServerConnectionOptions,
        door: Door,
        shares: FairShare,
        also: AlsoOffered,
    ) -> None:
        super().__init__(loop, options)
        self._also = also
        self._weak: tuple[bytes, ...] = ()  # What is offered to this client besides.
        self._used: list[bytes] = []  # Those that it uses.
        self._unoffered: asyncio.TimerHandle | None = None
        self._turning_loop = loop
        self._shares = shares
        self._offences = door.offences
        self._address = self._source = ""
        self._held = False
        self._unread = b""
        self._taken = 0  # So much of it has been taken in.
        self._resting: asyncio.TimerHandle | None = None
        self._attempts_left = door.limits.login_attempts
        self._may_send = asyncio.Event()
        self._may_send.set()

    def _send_kexinit(self) -> None:
        """Offer algorithms: to a client that can do more, only once it has said what it is set up to do."""
        if can_do_more(self._client_version) and self._kex_algs != [QUANTUM_SAFE] and not self._session_id:
            self._unoffered = self._turning_loop.call_later(_PATIENCE_SECONDS, self._offer, True)
            return
        super()._send_kexinit()

    def _offer(self, only_safe: bool) -> None:
        """Offer algorithms now. Whoever says nothing first is offered what can do more is offered."""
        if self._unoffered is not None:
            self._unoffered.cancel()
            self._unoffered = None
            if only_safe:
                self._kex_algs = [QUANTUM_SAFE]
            super()._send_kexinit()

    async def _process_their_kexinit(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        theirs = SSHPacket(packet.get_full_payload())
        theirs.get_bytes(17)  # The kind of the packet, and a cookie.
        self._offer(safe_only(theirs.get_namelist()))
        await self._process_kexinit(pkttype, pktid, packet)
        chosen = (
            None if self._kex is None else self._kex.algorithm,
            *(self._mac_alg_cs, self._mac_alg_sc, self._enc_alg_cs, self._enc_alg_sc),
            None if self._server_host_key is None else self._server_host_key.sig_algorithm,
        )
        self._used = [name for name in chosen if name in self._weak]

    def _process_global_response(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """Pass over an answer that nobody asked for, as OpenSSH does.

        phpseclib of every version answers also what asks for no answer, such as the list of our host keys.
        """
        if self._global_request_waiters:
            super()._process_global_response(pkttype, pktid, packet)

    _packet_handlers = {  # noqa: RUF012 - as asyncssh declares it
        **asyncssh.SSHServerConnection._packet_handlers,  # noqa: SLF001 - asyncssh has no other door
        MSG_KEXINIT: _process_their_kexinit,
        MSG_REQUEST_SUCCESS: _process_global_response,
        MSG_REQUEST_FAILURE: _process_global_response,
    }

    def may_be(self, name: str) -> bool:
        """Whether somebody called `name` may log in with the algorithms that this connection uses."""
        return all(self._also.admits(self._address, name, used) for used in self._used)

    def create_server_channel(
        self,
        encoding: str | None = "",  # noqa: ARG002 - asyncssh's signature
        errors: str = "",  # noqa: ARG002
        window: int = 0,
        max_pktsize: int = 0,
    ) -> asyncssh.SSHServerChannel[bytes]:
        """A channel of which only so much lies in memory."""
        return Channel(self, self._turning_loop, window or WINDOW_BYTES, max_pktsize or PACKET_BYTES)

    def send_packet(self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        """Send a packet, without the empty message that asyncssh sends before each.

        That is against an attack on CBC, which is offered to nobody here.
        """
        if pkttype != MSG_IGNORE:
            super().send_packet(pkttype, *args, handler=handler)

    def comes_from(self, source: tuple[str, int]) -> None:
        """Take it for one from there, as its balancer says. For a connection that is not made yet."""
        self._address = source[0]
        self.set_extra_info(peername=source)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember who pays for what is read."""
        self._address = self._address or str((transport.get_extra_info("peername") or ("local",))[0])
        self._source = source_of(self._address)
        self._connected = transport.get_extra_info("socket")
        self._offer_weak()
        super().connection_made(transport)

    def _offer_weak(self) -> None:
        """Put what is offered to this client besides behind what is offered to all."""
        offered = {*self._kex_algs, *self._mac_algs, *self._enc_algs}
        self._weak = tuple(name for name in self._also.to(self._address) if name not in offered)
        self._mac_algs = [*self._mac_algs, *(name for name in self._weak if name.startswith(b"hmac-"))]
        self._enc_algs = [*self._enc_algs, *(name for name in self._weak if name.startswith(b"aes"))]
        exchanges = [name for name in self._weak if not name.startswith((b"hmac-", b"aes", b"rsa-"))]
        self._kex_algs = [*self._kex_algs, *exchanges]
        self._show_rsa([name for name in self._weak if is_of_host_keys(name)])

    def _show_rsa(self, names: list[bytes]) -> None:
        """Show the host key of RSA behind the others, signing by `names`. No one else is told of it."""
        if names and self._also.host_key is not None:
            (pair,) = asyncssh.load_keypairs(self._also.host_key)
            self._server_host_keys = OrderedDict(
                [*self._server_host_keys.items(), *((n, pair) for n in names)]
            )
            self._server_host_key_algs = [*(self._server_host_key_algs or ()), *names]

    def hold(self, seconds: float) -> None:
        """Say nothing and listen to nothing for so long. For a connection that was just made."""
        self._held = True
        self._resting = self._turning_loop.call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._held = False
        if self._reading() is not None:
            self._send_version()
            self._take_in()

    def _send_version(self) -> None:
        """Begin the conversation, unless it is held."""
        if not self._held:
            super()._send_version()

    def note_failure(self, code: str, detail: str) -> None:
        """Log what failed here at a request of this client, a line for each client and cause."""
        self._offences.note(code, self._address, level=logging.ERROR, detail=detail)

    def data_received(self, data: bytes, datatype: int | None = None) -> None:  # noqa: ARG002
        """Take in what the share allows now, and the rest after a rest."""
        if self._held and (transport := self._reading()) is not None:
            transport.pause_reading()
        if not self._auth_complete:
            self._acknowledge()
        self._unread = self._rest() + data
        self._taken = 0
        if self._resting is None:
            self._take_in()

    def _acknowledge(self) -> None:
        """Have the kernel acknowledge at once what has come.

        Twice while they log in, clients say two things one after the other, and their kernel keeps the
        second back (RFC 9293, section 3.7.4) until ours, which waits 40 ms for an answer to go with it,
        acknowledges the first.
        """
        with contextlib.suppress(OSError):  # It may have gone meanwhile.
            self._connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _take_in(self) -> None:
        rested, self._resting = self._resting is not None, None
        while piece := self._unread[self._taken : self._taken + _PIECE_BYTES]:
            self._taken += len(piece)
            begun = self._shares.clock()
            super().data_received(piece)
            pause = self.spend(self._shares.clock() - begun)
            if pause and (transport := self._reading()) is not None:
                transport.pause_reading()
                self._resting = self._turning_loop.call_later(pause, self._take_in)
                return
        self._unread = b""
        if rested and (transport := self._reading()) is not None:
            transport.resume_reading()

    def _rest(self) -> bytes:
        return self._unread[self._taken :]

    def spend(self, seconds: float) -> float:
        """Count what was done for this client; how many seconds it should wait for more."""
        return self._shares.spend(self._source, seconds)

    def _reading(self) -> asyncio.ReadTransport | None:
        """The socket as long as something may come from it."""
        transport = cast("asyncio.ReadTransport | None", self._transport)
        return None if transport is None or transport.is_closing() else transport

    def eof_received(self) -> None:
        """The client says no more: what it said is heard to the end."""
        unread, self._unread = self._rest(), b""
        if unread:
            super().data_received(unread)
        super().eof_received()

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
        self._unread = b""
        for timer in (self._resting, self._unoffered):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close at once."""
        self._may_send.set()
        super().abort()

    async def until_read(self) -> None:
        """Wait while the client leaves too much of what was sent to it unread."""
        await self._may_send.wait()
