"""A child process that is told what it needs, gives up all else, and makes processes that look at files.

Each of these looks at files of one provider and then ends; the next one is made and waits. So whoever
captures one has the files of the provider that sent the hostile one, no other, and no way to the next
process. The nursery itself reads nothing after its start.
"""

from __future__ import annotations

import codecs
import contextlib
import gc
import importlib
import os
import signal
import socket
import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from gateway.examiner.channel import Broken, close_all, receive, send
from gateway.examiner.confinement import Cell

GREETING = b"at work"
"""What a child says first, once it has loaded what it needs."""

CRASHED = b"crashed "
"""What an answer begins with that says where the code stopped, and nothing else."""

_SECONDS = struct.Struct(">d")
_REQUEST_BYTES = 64 * 1024**2
_FAILED, _SERVICE_GONE = 1, 3
# Loaded on first use by whoever decodes with them, when there are no files to load them from any more.
_CODECS = (
    "ascii", "cp1252", "cp437", "idna", "iso8859-15", "latin-1", "utf-8", "utf-8-sig", "utf-16", "utf-16-be",
    "utf-16-le", "utf-32", "unicode-escape",
)  # fmt: skip
_MODULES = ("heapq",)
"""In the same way: loaded by collections.Counter when it is first asked for the most common."""

Answer = tuple[bytes, Sequence[int]]
Work = Callable[[bytes, Sequence[int]], Answer]
"""What is done for one request: from its text and descriptors to an answer and its descriptors."""


@dataclass(slots=True)
class Nursery:
    """One child that serves the service at the other end of `channel`."""

    channel: socket.socket
    cell: Cell
    work: Work
    _nothing: int = field(default_factory=lambda: os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
    _process: int = 0

    def serve(self) -> None:
        """Make one process after another until the service is gone."""
        for name in _CODECS:
            codecs.lookup(name)
        for name in _MODULES:
            importlib.import_module(name)
        self.cell.prepare()
        signal.signal(signal.SIGTERM, self._ended)
        gc.collect()
        gc.freeze()  # Rules, keys and modules stay as they are: memory that all the processes share.
        with contextlib.suppress(Broken):
            send(self.channel, GREETING)
            while (status := self._one()) != _SERVICE_GONE:
                send(self.channel, str(status).encode())

    def _one(self) -> int:
        """Make a process, and wait for its end; how it ended."""
        self._process = os.fork()
        if not self._process:
            self._look_at_files()
        _, status = os.waitpid(self._process, 0)
        self._end_process()
        return os.waitstatus_to_exitcode(status)

    def _look_at_files(self) -> NoReturn:
        """In the process for the files of one provider, which ends here whatever happens."""
        status = _FAILED
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.setpgid(0, 0)  # With whatever it starts.
            os.dup2(self._nothing, sys.stderr.fileno())
            status = self._answer_all()
        finally:
            os._exit(status)

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
        (seconds,) = _SECONDS.unpack_from(message)
        # This ends an honest process that takes too long; a captured one is ended by the service.
        signal.setitimer(signal.ITIMER_REAL, seconds)
        answer, given = self._worked(message[_SECONDS.size :], descriptors)
        signal.setitimer(signal.ITIMER_REAL, 0)
        send(service, answer, given)
        close_all([*descriptors, *given])

    def _worked(self, request: bytes, descriptors: Sequence[int]) -> Answer:
        try:
            return self.work(request, descriptors)
        except MemoryError:
            raise  # There may be none to say it with.
        except Exception as error:  # noqa: BLE001 - told to the service, which counts the process as lost
            return CRASHED + " ".join(_places(error)).encode("ascii", "replace"), ()

    def _end_process(self) -> None:
        """End the process, or what it has left behind."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process, signal.SIGKILL)
        self._process = 0

    def _ended(self, *_: object) -> NoReturn:
        if process := self._process:
            self._end_process()
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)
        os._exit(0)


def asked(request: bytes, seconds: float) -> bytes:
    """A request as it goes to a nursery."""
    return _SECONDS.pack(seconds) + request


def _places(error: BaseException) -> Iterator[str]:
    """The kind of an error and the lines of code that it passed: nothing of what the error says."""
    yield type(error).__name__
    trace = error.__traceback__
    while trace is not None:
        yield f"{trace.tb_frame.f_globals.get('__name__', '?')}:{trace.tb_lineno}"
        trace = trace.tb_next
