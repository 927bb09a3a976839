"""Run a child of the examiner: set up, confined, then forking one process after another to examine files.

Each forked process examines files of one provider and then ends; the next one is made and waits. So a file
that captures its process gains only files of the same provider. The forking process reads no more messages
after its start.

Messages between a service and its children are bytes with descriptors, over a Unix socket. The deadline is
for a whole message, so a child cannot hold the service up by sending an octet at a time.
"""

import argparse
import codecs
import contextlib
import gc
import heapq  # noqa: F401 - Counter.most_common loads it when it is first asked, which a confined child cannot
import logging
import os
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from gateway.errors import GatewayError
from gateway.examiner.confinement import Cell, start_of_child
from gateway.observe import logs
from gateway.secrets.process_memory import keep_in_memory

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


GREETING = b"at work"
"""First message of a child, once it has loaded its data."""

CRASHED = b"crashed "
"""Beginning of an answer with nothing but the place of a crash."""

SECONDS = struct.Struct(">d")
"""How a request begins: with its time limit in seconds."""
_REQUEST_BYTES = 64 * 1024**2
_FAILED, _SERVICE_GONE = 1, 3
# Codecs are loaded on first use, and by then no files can be opened.
_CODECS = (
    "ascii", "cp1252", "cp437", "idna", "iso8859-15", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-be",
    "utf-16-le", "utf-32", "utf-32-be", "utf-32-le", "unicode-escape",
)  # fmt: skip

Answer = tuple[bytes, Sequence[int]]
Work = Callable[[bytes, Sequence[int]], Answer]
"""Handler of a request: takes its text and descriptors, returns the answer's text and descriptors."""


@dataclass(slots=True, repr=False)  # `signal` asks for the repr of a handler: that of all rules takes 20 ms.
class ProcessPool:
    """Keeps a child's process for examining files: forks one, waits for its end, and forks the next.
    `channel` leads to the service. `cell` confines the processes. `work` handles a request in a forked
    process.
    """

    channel: socket.socket
    cell: Cell
    work: Work
    _nothing: int = field(default_factory=lambda: os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    _process: int = 0

    def serve(self) -> None:
        """Fork one process after another until the service ends."""
        for name in _CODECS:
            codecs.lookup(name)
        self.cell.prepare()
        signal.signal(signal.SIGTERM, self._ended)
        gc.collect()
        gc.set_threshold(50_000)  # A file makes few cycles: searching for them takes a twentieth of its time.
        gc.freeze()  # Rules, keys and modules never change: memory shared by all processes.
        with contextlib.suppress(Broken):
            send(self.channel, GREETING)
            while (status := self._one()) != _SERVICE_GONE:
                send(self.channel, str(status).encode())

    def _one(self) -> int:
        """Fork a process to examine files, wait for the end, and return the exit code."""
        self._process = os.fork()
        if not self._process:
            # Run the process for the files of one provider; never returns.
            status = _FAILED
            try:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                os.setpgid(0, 0)  # A group with every process started here.
                os.dup2(self._nothing, sys.stderr.fileno())
                status = self._answer_all()
            finally:
                os._exit(status)
        _, status = os.waitpid(self._process, 0)
        self._end_process()
        return os.waitstatus_to_exitcode(status)

    def _answer_all(self) -> int:
        try:
            message, (own, *files) = receive(self.channel, _REQUEST_BYTES)
        except Broken:
            return _SERVICE_GONE
        self.channel.close()
        with socket.socket(fileno=own) as service, contextlib.suppress(Broken):
            self.cell.close()
            while True:
                self._answer(service, message, files)
                message, came = receive(service, _REQUEST_BYTES)
                files = [*came]
        return 0

    def _answer(self, service: socket.socket, message: bytes, descriptors: Sequence[int]) -> None:
        (seconds,) = SECONDS.unpack_from(message)
        # Ends an honest process after its time; a captured one is ended by the service.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        given: Sequence[int] = ()
        try:
            answer, given = self.work(message[SECONDS.size :], descriptors)
        except MemoryError:
            raise  # Memory may be too short to answer.
        except Exception as error:  # noqa: BLE001 - told to the service, which counts the process as lost
            answer = CRASHED + " ".join(_places(error)).encode("ascii", "replace")
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(service, answer, given)
        close_all([*descriptors, *given])

    def _end_process(self) -> None:
        """Kill the forked process and every process started there."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process, signal.SIGKILL)
        self._process = 0

    def _ended(self, *_: object) -> NoReturn:
        if process := self._process:
            self._end_process()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)
        os._exit(0)


def _places(error: BaseException) -> Iterator[str]:
    """Yield an error's type, and module and line of each step of its traceback; nothing of its message."""
    yield type(error).__name__
    for frame, line in traceback.walk_tb(error.__traceback__):
        yield f"{frame.f_globals.get('__name__', '?')}:{line}"


# Start of every isolated child: its channel, its setup and its confinement.

_log = logging.getLogger(__name__)
_SETUP_BYTES = 16 * 1024**2


def serve(prepared: Callable[[bytes], tuple[Cell, Work]]) -> None:
    """Run a child: read its arguments and setup, confine it, and answer requests until the service ends.
    `prepared`: a function from the setup message to the child's confinement and its request handler.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--channel", type=int, required=True)
    arguments = parser.parse_args()
    logs.configure(logging.WARNING)
    logs.tell_on_signal()
    start_of_child()
    with contextlib.suppress(Broken), socket.socket(fileno=arguments.channel) as channel:
        message, _ = receive(channel, _SETUP_BYTES)
        try:
            cell, work = prepared(message)
        except GatewayError as error:
            _log.error("%s", error)
            return
        keep_in_memory()
        ProcessPool(channel, cell, work).serve()
