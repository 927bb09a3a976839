"""Control one isolated child process from the service: start it, send requests, replace it after a crash."""

import builtins
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from gateway.errors import Fault, as_fault
from gateway.examiner import protocol
from gateway.examiner.confinement import environment
from gateway.examiner.process_pool import CRASHED, GREETING, SECONDS, Broken, close_all, receive, send
from gateway.examiner.protocol import Request
from gateway.openpgp.interface import UNREADABLE, is_fixed

_START_SECONDS = 60
_TO_END_SECONDS = 5
_GRACE_SECONDS = 5
_STATUS_BYTES = 16
_ANSWER_BYTES = 64 * 1024**2
_MOST_PLACES = 2_000
_ANSWERS_A_PROCESS = 100
_PLACE = re.compile(r"gateway\.([a-z_0-9]+(?:\.[a-z_0-9]+)*):[0-9]{1,4}")
_ROOT = Path(__file__).parents[1]


class ExaminerLost(Fault):
    """Raised if an examining process crashed, or ran out of memory or time. A new process takes over."""


Process = subprocess.Popen[bytes]


def start_process(command: Sequence[str], channel: int) -> Process:
    """Start Python with the arguments `command` as a child process inheriting the descriptor `channel`."""
    return subprocess.Popen(  # noqa: S603 - our own module, no shell
        [sys.executable, "-I", *command, "--channel", str(channel)],
        pass_fds=[channel],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        cwd="/",
        env=environment(os.environ),
    )


class Child:
    """An isolated child process, started on first use. For one thread at a time.
    The child only forks another process, which answers requests. `command`: the arguments with which Python
    starts the child. `setup` returns the first message to the child. `surroundings` returns values known to
    the child from the start: when the result has changed, the next request goes to a new child. Raises
    ExaminerLost if a process is lost while examining a file; Fault if a child does not start, because no file
    is to blame.
    """

    def __init__(
        self, command: Sequence[str], setup: Callable[[], bytes], surroundings: Callable[[], object]
    ) -> None:
        self._command = command
        self._setup = setup
        self._surroundings = surroundings
        self._pool: Process | None = None
        self._channel: socket.socket | None = None
        self._greeted = False
        self._begun: object = None
        # The process for files: its owner, its number of answers, and a flag while its end is awaited.
        self._process: socket.socket | None = None
        self._owner = ""
        self._answers = 0
        self._is_ending = False

    def start(self) -> None:
        """Start the child now, so the first file does not wait."""
        with suppress(Broken):  # The next request reports the failure.
            self._opened_channel()

    def ask(
        self, owner: str, request: bytes, descriptors: Sequence[int], seconds: float
    ) -> tuple[bytes, tuple[int, ...]]:
        """Send a request about a file of the provider `owner`; return the answer, and the descriptors sent
        along, which the caller closes. A forked process serves one owner only.
        Raises ExaminerLost if the process crashes, or does not answer until a little after the `seconds` that
        it may take.
        """
        if owner != self._owner or self._answers >= _ANSWERS_A_PROCESS or self._is_out_of_date():
            self.rest()
        until = time.monotonic() + seconds + _GRACE_SECONDS
        try:
            process = self._send(SECONDS.pack(seconds) + request, descriptors, until)
            self._owner, self._answers = owner, self._answers + 1
            answer, given = receive(process, _ANSWER_BYTES, until=until)
        except Broken as broken:
            self.drop()
            raise ExaminerLost(f"the examining process {broken}") from None
        if answer.startswith(CRASHED):
            close_all(given)
            self.drop()
            raise ExaminerLost(f"the examining process crashed: {crash_place(answer)}")
        return answer, given

    def drop(self) -> None:
        """End the forked process, by force if need be."""
        self.rest()
        if not self._has_ended():
            self.close()

    def rest(self) -> None:
        """End the forked process that examines files; the child forks a new one for the next request."""
        if self._process is not None:
            self._process.close()
            self._process, self._answers, self._is_ending = None, 0, True

    def close(self) -> None:
        """End the child, and the forked process that examines files."""
        self.rest()
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._pool is not None:
            self._pool.terminate()
            try:
                self._pool.wait(_TO_END_SECONDS)
            except subprocess.TimeoutExpired:
                self._pool.kill()
                self._pool.wait()
            self._pool = None
        self._greeted = self._is_ending = False

    def _send(self, message: bytes, descriptors: Sequence[int], until: float) -> socket.socket:
        """Send a request to the forked process, and return the channel to it; have the child fork one first
        if there is none.
        Raises Broken if the request is not accepted before `until`; Fault if the child does not start.
        """
        if self._process is not None:
            send(self._process, message, descriptors, until=until)
            return self._process
        # The channel to a child with a process ready. Raises Fault where none starts.
        # A process still alive after its last answer is not trusted with the next file.
        if self._is_out_of_date() or (self._is_ending and not self._has_ended()):
            self.close()
        try:
            channel = self._opened_channel()
            if not self._greeted:
                greeting, _ = receive(channel, len(GREETING), until=time.monotonic() + _START_SECONDS)
                self._greeted = greeting == GREETING
        except Broken:
            self._greeted = False
        if not self._greeted:
            self.close()
            raise Fault("the examining process does not start")
        ours, theirs = socket.socketpair()
        self._process = ours
        with theirs:
            send(channel, message, [theirs.fileno(), *descriptors], until=until)
        return ours

    def _is_out_of_date(self) -> bool:
        return self._channel is not None and self._begun != self._surroundings()

    def _opened_channel(self) -> socket.socket:
        if self._channel is None:
            self._begun = self._surroundings()
            setup = self._setup()
            ours, theirs = socket.socketpair()
            with theirs:
                self._pool = start_process(self._command, theirs.fileno())
            self._channel = ours
            send(ours, setup, until=time.monotonic() + _START_SECONDS)
        return self._channel

    def _has_ended(self) -> bool:
        """Wait up to 5 seconds for the forked process to end; return True if it has ended."""
        if self._channel is None:
            return True
        try:
            receive(self._channel, _STATUS_BYTES, until=time.monotonic() + _TO_END_SECONDS)
        except Broken:
            return False
        self._is_ending = False
        return True


def crash_place(answer: bytes) -> str:
    """Return the location of a crash for the log: only names of errors and lines of the gateway's code.
    Anything else is shown as "?": a captured process could put parts of a file into its answer.
    """
    shown = []
    for told in answer.removeprefix(CRASHED)[:_MOST_PLACES].decode("ascii", "replace").split():
        if line := _PLACE.fullmatch(told):
            is_known = _ROOT.joinpath(*line[1].split(".")).with_suffix(".py").is_file()
        else:
            is_known = isinstance(getattr(builtins, told, None), type)
        shown.append(told if is_known else "?")
    return " ".join(shown)


A = TypeVar("A")
D = TypeVar("D")
_MOST_DETAIL = 80


def checked_answer(
    request: Request, said: bytes, given: tuple[int, ...], expected: tuple[type[A], ...]
) -> tuple[A, int]:
    """Return the parsed answer to a request, and the descriptor of the answer's content, -1 if there is none.
    The answer is of a type in `expected`, the content immutable and of the size stated. Raises Fault where
    the child reports one, ExaminerLost for any other answer.
    """
    with ExitStack() as unless_believed:
        unless_believed.callback(close_all, given)
        try:
            answer: protocol.Answer = protocol.ANSWER.validate_json(said)
        except ValidationError:
            raise ExaminerLost("the examining process gave an answer that cannot be read") from None
        if isinstance(answer, protocol.Failed):
            raise Fault(answer.explanation[:_MOST_DETAIL])
        size: int | None = None
        match answer:
            case protocol.Unsealed(opened=content):
                size = content.size
            case protocol.Viewed(view=content) if not content.whole:
                size = content.size
            case protocol.Reopened() | protocol.SealedCopy() | protocol.LaidOut():
                size = answer.size
        if (
            answer.reference != request.reference
            or not isinstance(answer, expected)
            or len(given) != (size is not None)
        ):
            raise ExaminerLost("the examining process gave another answer than was asked")
        if any(not is_fixed(one) or os.fstat(one).st_size != size for one in given):
            raise ExaminerLost("the examining process gave a content that can still change")
        unless_believed.pop_all()
    return answer, next(iter(given), -1)


@contextmanager
def opened_for_reading(opening: AbstractContextManager[D]) -> Iterator[D]:
    """Enter `opening`, a context that opens a sealed file, and yield its result. Fault if opening fails."""
    with ExitStack() as stack:
        with as_fault(UNREADABLE):
            opened = stack.enter_context(opening)
        yield opened
