"""Send messages between a service and its isolated children: bytes with descriptors, over a Unix socket.

The deadline is for a whole message, so a child cannot hold the service up by sending an octet at a time.
"""

import os
import socket
import struct
import time
from collections.abc import Sequence

_LENGTH = struct.Struct(">Q")
_PIECE = 1024**2
_MOST_DESCRIPTORS = 4


class Broken(Exception):  # noqa: N818 - what became of the channel
    """Raised if the other end of a channel is gone, too slow or breaks the protocol; the text says how."""


def send(
    channel: socket.socket, message: bytes, descriptors: Sequence[int] = (), *, until: float | None = None
) -> None:
    """Send one message with open descriptors.
    Raises Broken if the other end has not accepted the message before `until` (monotonic seconds; None for no
    limit).
    """
    try:
        _limit(channel, until)
        socket.send_fds(channel, [_LENGTH.pack(len(message))], descriptors)
        channel.sendall(message)
    except OSError as error:
        raise _broken(error) from None


def receive(
    channel: socket.socket, most: int, *, until: float | None = None
) -> tuple[bytes, tuple[int, ...]]:
    """Receive a message of up to `most` bytes with the descriptors, for the caller to close.
    Raises Broken if the message is longer, or incomplete at the time `until` (monotonic seconds; None for no
    limit).
    """
    descriptors: list[int] = []
    try:
        head = _received(channel, _LENGTH.size, descriptors, until)
        (length,) = _LENGTH.unpack(head)
        if length > most:
            raise Broken("said too much")  # noqa: TRY301 - its descriptors are closed below
        return bytes(_received(channel, length, descriptors, until)), tuple(descriptors)
    except (OSError, Broken) as error:
        close_all(descriptors)
        raise _broken(error) if isinstance(error, OSError) else error from None


def close_all(descriptors: Sequence[int]) -> None:
    """Close all descriptors."""
    for descriptor in descriptors:
        os.close(descriptor)


def _received(channel: socket.socket, length: int, descriptors: list[int], until: float | None) -> bytearray:
    message = bytearray()
    while len(message) < length:
        _limit(channel, until)
        piece, came, *_ = socket.recv_fds(
            channel, min(length - len(message), _PIECE), _MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
        )
        descriptors += came
        if not piece:
            raise Broken("ended early")
        if len(descriptors) > _MOST_DESCRIPTORS:
            raise Broken("sent too many descriptors")
        message += piece
    return message


def _limit(channel: socket.socket, until: float | None) -> None:
    """Limit the next call on the channel to the seconds left before `until`; TimeoutError if none are left.
    If `until` is None, do nothing: an isolated child may not set a timeout.
    """
    if until is None:
        return
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    channel.settimeout(left)


def _broken(error: OSError) -> Broken:
    if isinstance(error, TimeoutError):
        return Broken("did not answer in time")
    return Broken(f"ended early ({type(error).__name__})")
