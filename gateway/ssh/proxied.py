"""Connections through a balancer, with the client's address given by the PROXY protocol, version 2.

https://www.haproxy.org/download/2.9/doc/proxy-protocol.txt, section 2.2. The header is required from
balancers named in the settings, and read from no one else; data from others goes straight to SSH.
"""

import asyncio
import ipaddress
import struct
from collections.abc import Callable, Sequence
from typing import cast

from gateway.ssh.connection import Connection
from gateway.ssh.door import Door

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
_START = struct.Struct("!12sBBH")
_ADDRESSES = {0x11: struct.Struct("!4s4sHH"), 0x21: struct.Struct("!16s16sHH")}  # TCP over IPv4, over IPv6
_LOCAL, _PROXY = 0x20, 0x21
_MOST_BYTES = 4_096
_PATIENCE_SECONDS = 5.0


class NotIntroducedError(Exception):
    """The received data is not a PROXY header."""


class MoreNeededError(Exception):
    """The PROXY header is incomplete."""


def introduced(data: bytes) -> tuple[tuple[str, int] | None, bytes]:
    """Return the client's address from a PROXY header, and the data behind the header.

    None for the balancer's own connections, such as health checks.
    """
    if data[:12] != _SIGNATURE[: len(data)]:
        raise NotIntroducedError
    if len(data) < _START.size:
        raise MoreNeededError
    _, command, family, length = _START.unpack_from(data)
    if length > _MOST_BYTES or command not in {_LOCAL, _PROXY}:
        raise NotIntroducedError
    end = _START.size + length
    if len(data) < end:
        raise MoreNeededError
    return (None if command == _LOCAL else _source(family, data[_START.size : end])), data[end:]


def _source(family: int, said: bytes) -> tuple[str, int]:
    addresses = _ADDRESSES.get(family)
    if addresses is None or len(said) < addresses.size:
        raise NotIntroducedError
    source, _, port, _ = addresses.unpack_from(said)
    return str(ipaddress.ip_address(source)), port


class Balancers:
    """The balancers allowed to give client addresses."""

    def __init__(self, networks: Sequence[str], door: Door) -> None:
        """Accept balancers in `networks`, and exempt them from penalties: they make health checks."""
        self._door = door
        self._named: Sequence[str] = ()
        self.name(networks)

    def name(self, networks: Sequence[str]) -> None:
        """Accept balancers in `networks` from now on, and no others."""
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._door.penalties.spare(set(networks).difference(self._named))
        self._named = networks

    def before(self, connect: Callable[[], Connection]) -> asyncio.Protocol:
        """Return the protocol for a new connection: a Connection itself without balancers."""
        return _Reception(self, connect) if self._networks else connect()

    def speaks(self, address: str) -> bool:
        """Return True if connections from an address begin with a PROXY header."""
        known = ipaddress.ip_address(address.partition("%")[0])
        if isinstance(known, ipaddress.IPv6Address) and known.ipv4_mapped is not None:
            known = known.ipv4_mapped
        return any(known.version == one.version and known in one for one in self._networks)

    def refuse(self, address: str) -> None:
        """Note a balancer's connection without a header."""
        self._door.offences.note("no-proxy-header", address)


class _Reception(asyncio.Protocol):
    """A protocol reading the PROXY header, then handing the connection on for good."""

    def __init__(self, balancers: Balancers, connect: Callable[[], Connection]) -> None:
        self._balancers = balancers
        self._connect = connect
        self._said = b""
        self._peer = ("", 0)
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for a PROXY header if one is required."""
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        if not peer:  # Gone already, like a port check ending at once.
            self._transport.abort()
            return
        if not self._balancers.speaks(str(peer[0])):
            self._hand_on(None, b"")
            return
        self._peer = (str(peer[0]), int(peer[1]))
        self._waiting = asyncio.get_running_loop().call_later(_PATIENCE_SECONDS, self._refuse)

    def data_received(self, data: bytes) -> None:
        """Read the header, once complete."""
        self._said += data
        try:
            source, rest = introduced(self._said)
        except MoreNeededError:
            return
        except NotIntroducedError:
            self._refuse()
            return
        # A health check is the balancer's own. It may be gone already, with its address unknown.
        self._hand_on(source or self._peer, rest)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """Stop waiting: the connection ended before any data, as a port check does."""
        self._stop_waiting()

    def _hand_on(self, source: tuple[str, int] | None, rest: bytes) -> None:
        self._stop_waiting()
        transport = self._transport
        if transport is None:
            return
        connection = self._connect()
        if source is not None:
            connection.comes_from(source)
        transport.set_protocol(connection)
        connection.connection_made(transport)
        if rest:
            connection.data_received(rest)

    def _refuse(self) -> None:
        self._stop_waiting()
        self._balancers.refuse(self._peer[0])
        if self._transport is not None:
            self._transport.abort()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
