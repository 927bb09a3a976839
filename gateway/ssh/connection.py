"""Run one SSH connection below its sessions: algorithms, fair reading, limits on logins and answers."""

import asyncio
import contextlib
import ipaddress
import logging
import math
import re
import socket
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import cast

import asyncssh
from asyncssh.constants import MSG_IGNORE, MSG_KEXINIT, MSG_REQUEST_FAILURE, MSG_REQUEST_SUCCESS
from asyncssh.packet import SSHPacket, SSHPacketLogger

from gateway.home.settings import AlsoOffer
from gateway.ssh.channel import Channel, LeanConnection
from gateway.ssh.door import Door
from gateway.zones.penalty_files import source_of

_MEMORY_SECONDS = 0.25  # Time spent fades with this time constant.
_BUSY = 0.4  # Above this part of its time, the loop is busy.
_UNFAIR = 1.5  # A source above this multiple of a fair part pauses.
_LONGEST_PAUSE = 0.25
_KNOWN = 1_024
_ACTIVE = 1e-4  # Seconds, faded; below, a source is not active.


class FairShare:
    """The event-loop time that each source used lately; `clock` returns monotonic seconds.
    Seconds used count less as time passes, so each number is stored with the time of its last change.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self._all = (0.0, 0.0)
        self._by_source: dict[str, tuple[float, float]] = {}

    def spend(self, source: str, seconds: float) -> float:
        """Add `seconds` used by a source; return the seconds for which to stop reading from the source."""
        now = self.clock()
        spent = _faded(self._by_source.get(source, (0.0, now)), now) + seconds
        every = _faded(self._all, now) + seconds
        self._by_source[source], self._all = (spent, now), (every, now)
        if every < _BUSY * _MEMORY_SECONDS:
            return 0.0
        # Count the active sources; forget inactive ones when many.
        wanting = {source: used for source, used in self._by_source.items() if _faded(used, now) > _ACTIVE}
        if len(self._by_source) > _KNOWN:
            self._by_source = wanting
        fair = every / max(1, len(wanting))
        if spent <= _UNFAIR * fair:
            return 0.0
        return min(_LONGEST_PAUSE, _MEMORY_SECONDS * math.log(spent / fair))


def _faded(used: tuple[float, float], now: float) -> float:
    return used[0] * math.exp((used[1] - now) / _MEMORY_SECONDS)


# The algorithms offered to a client: weak ones to a few, the quantum-safe one alone to whoever knows it.

# Safe against future decryption of recorded sessions by a quantum computer (FIPS 203, ML-KEM).
QUANTUM_SAFE = b"mlkem768x25519-sha256"
# In OpenSSH since 9.9; still missing in many other clients.
_HAS_IT = re.compile(rb"SSH-2\.0-OpenSSH_(9\.9|\d{2,}\.)")
# Sent by every OpenSSH this recent, and not by programs only named like it.
_STRICT = b"kex-strict-c-v00@openssh.com"


def knows_quantum_safe(version: bytes) -> bool:
    """Return True if a client of this version knows the quantum-safe key exchange: OpenSSH from 9.9 on."""
    return _HAS_IT.match(version) is not None


def gets_quantum_safe_only(theirs: Sequence[bytes]) -> bool:
    """Return True if a client with this list of algorithms is offered only the quantum-safe key exchange.
    An OpenSSH that knows the exchange, but has it switched off, is offered the usual algorithms.
    """
    return QUANTUM_SAFE in theirs or _STRICT not in theirs


def is_of_host_keys(algorithm: bytes | str) -> bool:
    """Return True for the name of an algorithm by which RSA host keys sign."""
    return algorithm in {b"rsa-sha2-512", b"rsa-sha2-256", "rsa-sha2-512", "rsa-sha2-256"}


def needs_rsa(offers: Sequence[AlsoOffer]) -> bool:
    """Return True if one of `offers` needs an RSA host key, because old libraries know no other kind."""
    return any(is_of_host_keys(name) for offer in offers for name in offer.algorithms)


def offered_also(offers: Iterable[AlsoOffer], address: str) -> tuple[bytes, ...]:
    """Return the weak algorithms that an administrator's `offers` add for a client at an address."""
    names = [name for offer in offers if _from(offer, address) for name in offer.algorithms]
    return tuple(dict.fromkeys(name.encode() for name in names))


def admits(offers: Iterable[AlsoOffer], address: str, name: str, used: bytes) -> bool:
    """Return True if a provider or person may log in from an address with the weak algorithm `used`."""
    return any(
        _from(offer, address) and used.decode() in offer.algorithms and offer.provider in {None, name}
        for offer in offers
    )


def _from(offer: AlsoOffer, address: str) -> bool:
    return not offer.networks or is_within(address, offer.networks)


def is_within(address: str, networks: Iterable[str]) -> bool:
    """Return True if an IP address is in one of `networks`; a zone index such as %eth0 is ignored."""
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
        known = known.ipv4_mapped
    return any(known.version == one.version and known in one for one in map(ipaddress.ip_network, networks))


_PIECE_BYTES = 32 * 1024
_PATIENCE_SECONDS = 1.0
# The data in transit in each direction of a session, and so the maximum in memory.
WINDOW_BYTES = 2 * 1024 * 1024
LEAST_WINDOW_BYTES = 1024 * 1024
PACKET_BYTES = 128 * 1024


class Connection(LeanConnection):
    """Connection with limits on failed logins and on unread answers.
    Data is read in small pieces; on a busy loop, only as fast as the fair share of its source. `also`: the
    administrator's offers of weak algorithms to some clients. `rsa_key`: the RSA host key for clients without
    support of other kinds; None if no offer needs an RSA key.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHServerConnectionOptions,
        door: Door,
        shares: FairShare,
        also: Sequence[AlsoOffer],
        *,
        rsa_key: asyncssh.SSHKey | None,
    ) -> None:
        super().__init__(loop, options)
        self._also = also
        self._rsa_key = rsa_key
        self._weak: tuple[bytes, ...] = ()  # Algorithms offered to this client in addition.
        self._used: list[bytes] = []  # Those of them in use.
        self._unoffered: asyncio.TimerHandle | None = None
        self._turning_loop = loop
        self._shares = shares
        self._offences = door.offences
        self._address = self._source = ""
        self._held = False
        self._unread = b""
        self._taken = 0  # The bytes processed so far.
        self._resting: asyncio.TimerHandle | None = None
        self._attempts_left = door.limits.login_attempts
        self.may_send = asyncio.Event()  # Set once the client has read enough of the answers sent.
        self.may_send.set()

    def _send_kexinit(self) -> None:
        """Send the server's algorithms, at once or only after the client has sent its own.
        The server waits for a client whose version may know the quantum-safe key exchange.
        """
        if (
            knows_quantum_safe(self._client_version)
            and self._kex_algs != [QUANTUM_SAFE]
            and not self._session_id
        ):
            self._unoffered = self._turning_loop.call_later(_PATIENCE_SECONDS, self._offer, True)
            return
        super()._send_kexinit()

    def _offer(self, only_safe: bool) -> None:
        """Send the server's algorithms if not sent yet. `only_safe`: True to offer only the quantum-safe key
        exchange.
        """
        if self._unoffered is not None:
            self._unoffered.cancel()
            self._unoffered = None
            if only_safe:
                self._kex_algs = [QUANTUM_SAFE]
            super()._send_kexinit()

    async def _process_their_kexinit(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        theirs = SSHPacket(packet.get_full_payload())
        theirs.get_bytes(17)  # The kind of the packet, and a cookie.
        self._offer(gets_quantum_safe_only(theirs.get_namelist()))
        await self._process_kexinit(pkttype, pktid, packet)
        chosen = (
            None if self._kex is None else self._kex.algorithm,
            *(self._mac_alg_cs, self._mac_alg_sc, self._enc_alg_cs, self._enc_alg_sc),
            None if self._server_host_key is None else self._server_host_key.sig_algorithm,
        )
        self._used = [name for name in chosen if name in self._weak]

    def _process_global_response(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """Ignore an answer that no request awaits, as OpenSSH does: phpseclib sends answers unasked."""
        if self._global_request_waiters:
            super()._process_global_response(pkttype, pktid, packet)

    _packet_handlers = {  # noqa: RUF012 - as asyncssh declares it
        **asyncssh.SSHServerConnection._packet_handlers,  # noqa: SLF001 - asyncssh has no other door
        MSG_KEXINIT: _process_their_kexinit,
        MSG_REQUEST_SUCCESS: _process_global_response,
        MSG_REQUEST_FAILURE: _process_global_response,
    }

    def may_log_in(self, name: str) -> bool:
        """Return True if the provider or person `name` may log in with this connection's algorithms."""
        return all(admits(self._also, self._address, name, used) for used in self._used)

    def create_server_channel(
        self,
        encoding: str | None = "",  # noqa: ARG002 - asyncssh's signature
        errors: str = "",  # noqa: ARG002
        window: int = 0,
        max_pktsize: int = 0,
    ) -> asyncssh.SSHServerChannel[bytes]:
        """Return a channel that bounds the received data in memory."""
        return Channel(self, self._turning_loop, window or WINDOW_BYTES, max_pktsize or PACKET_BYTES)

    def send_packet(self, pkttype: int, *args: bytes, handler: SSHPacketLogger | None = None) -> None:
        """Send a packet without the empty message that asyncssh sends before each packet.
        The empty message protects CBC ciphers, never offered here.
        """
        if pkttype != MSG_IGNORE:
            super().send_packet(pkttype, *args, handler=handler)

    def comes_from(self, source: tuple[str, int]) -> None:
        """Set the client's address and port as stated by a load balancer. Call before `connection_made`."""
        self._address = source[0]
        self.set_extra_info(peername=source)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Note the client's address, and offer the weak algorithms allowed for that address."""
        self._address = self._address or str((transport.get_extra_info("peername") or ("local",))[0])
        self._source = source_of(self._address)
        self._connected = transport.get_extra_info("socket")
        offered = {*self._kex_algs, *self._mac_algs, *self._enc_algs}
        self._weak = tuple(name for name in offered_also(self._also, self._address) if name not in offered)
        self._mac_algs = [*self._mac_algs, *(name for name in self._weak if name.startswith(b"hmac-"))]
        self._enc_algs = [*self._enc_algs, *(name for name in self._weak if name.startswith(b"aes"))]
        exchanges = [name for name in self._weak if not name.startswith((b"hmac-", b"aes", b"rsa-"))]
        self._kex_algs = [*self._kex_algs, *exchanges]
        names = [name for name in self._weak if is_of_host_keys(name)]
        if names and self._rsa_key is not None:
            (pair,) = asyncssh.load_keypairs(self._rsa_key)
            self._server_host_keys = OrderedDict(self._server_host_keys | dict.fromkeys(names, pair))
            self._server_host_key_algs = [*(self._server_host_key_algs or ()), *names]
        super().connection_made(transport)

    def hold(self, seconds: float) -> None:
        """Neither send nor read anything for some seconds. Call right after `connection_made`."""
        self._held = True
        self._resting = self._turning_loop.call_later(seconds, self._begin)

    def _begin(self) -> None:
        self._held = False
        if self._reading() is not None:
            self._send_version()
            self._take_in()

    def _send_version(self) -> None:
        """Send the server's version, unless the connection is held."""
        if not self._held:
            super()._send_version()

    def note_failure(self, code: str, detail: str) -> None:
        """Log a failure of the gateway during a request, at most once a minute for each client and cause."""
        self._offences.note(code, self._address, level=logging.ERROR, detail=detail)

    def data_received(self, data: bytes, datatype: int | None = None) -> None:  # noqa: ARG002
        """Process received data: at once within the fair share of its source, otherwise after a pause."""
        if self._held and (transport := self._reading()) is not None:
            transport.pause_reading()
        if not self._auth_complete:
            # Acknowledge received data at once. Twice during a login, clients send two messages in a row, and
            # hold the second back (RFC 9293, section 3.7.4) until the first is acknowledged; our kernel would
            # wait 40 ms for an answer to combine.
            with contextlib.suppress(OSError):  # The client may have gone meanwhile.
                self._connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        self._unread = self._unread[self._taken :] + data
        self._taken = 0
        if self._resting is None:
            self._take_in()

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

    def spend(self, seconds: float) -> float:
        """Charge event-loop seconds to the client's source; return the seconds to stop reading from it."""
        return self._shares.spend(self._source, seconds)

    def _reading(self) -> asyncio.ReadTransport | None:
        """Return the transport while data may still arrive; else None."""
        transport = cast("asyncio.ReadTransport | None", self._transport)
        return None if transport is None or transport.is_closing() else transport

    def eof_received(self) -> None:
        """Process the rest of the data once the client has sent all."""
        unread, self._unread = self._unread[self._taken :], b""
        if unread:
            super().data_received(unread)
        super().eof_received()

    async def reload_config(self) -> None:
        """Do nothing: all users have the same SSH options, so there are none to load after the login."""

    def send_userauth_failure(self, partial_success: bool) -> None:
        """Refuse a login attempt; disconnect after too many. A first attempt without a key is not counted."""
        if self._attempts_left < 0:
            raise asyncssh.DisconnectError(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE, "Too many attempts to log in"
            )
        self._attempts_left -= 1
        super().send_userauth_failure(partial_success)

    def pause_writing(self) -> None:
        """Stop answering: the client does not read, and the buffers are full."""
        self.may_send.clear()

    def resume_writing(self) -> None:
        """Resume answering: the client reads again."""
        self.may_send.set()

    def connection_lost(self, exc: Exception | None = None) -> None:
        """End the timers of this connection, and wake all tasks that wait for it."""
        self.may_send.set()
        self._unread = b""
        for timer in (self._resting, self._unoffered):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def abort(self) -> None:
        """Close the connection at once."""
        self.may_send.set()
        super().abort()
