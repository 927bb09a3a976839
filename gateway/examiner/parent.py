"""The parent's end of the isolated children: ask one, wait with a limit, replace it when it is lost."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle

from pydantic import ValidationError

from gateway.errors import Fault
from gateway.examiner.protocol import (
    ANSWER,
    GREETING,
    REQUEST,
    AgreementCopy,
    Failed,
    FileOpened,
    FileRefused,
    FileWaits,
    Job,
    KeyDrop,
    Looked,
    Reopen,
    Reopened,
    Request,
    Reseal,
    Resealed,
    SealCopy,
    SealedCopy,
)
from gateway.home import Home
from gateway.model import Folder
from gateway.secrets import passphrase, secret_files

_ANSWER_BYTES = 16 * 1024**2
_ANSWERS_A_LIFE = 2_000
_START_SECONDS = 60


_FINDINGS: dict[Folder, tuple[type, ...]] = {
    "in": (FileOpened, FileWaits, FileRefused),
    "keys": (KeyDrop, FileRefused),
    "agreement": (AgreementCopy, FileRefused),
}


class ExaminerLost(Fault):
    """The child crashed, ran out of memory or did not answer in time; a new one takes its place."""


class Examiner:
    """One child process, started when first asked. Not for use by two threads at once.

    `seconds` bounds one answer. Any failure of the child is a Fault and ends the child, so that the
    next request meets a fresh one.
    """

    def __init__(self, home: Home, *, seconds: float) -> None:
        self._home = home
        self._seconds = seconds
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: Connection | None = None
        self._greeted = False
        self._begun: object = None
        self._answers = 0

    def start(self) -> None:
        """Start the child now, so that the first file does not wait for it."""
        self._open_channel()

    def examine(self, job: Job) -> Looked:
        """Open and classify one landed file."""
        answer = self._ask(job)
        # A captured child must not be able to make a key of a file.
        if not isinstance(answer, Looked) or not isinstance(answer, _FINDINGS[job.folder]):
            raise self._lost("gave another answer than was asked")
        return answer

    def reopen(self, request: Reopen) -> tuple[int, int]:
        """The content of a transfer as (descriptor of anonymous memory, size); the caller closes it."""
        answer = self._ask(request)
        if not isinstance(answer, Reopened):
            raise self._lost("gave another answer than was asked")
        return self._received(), answer.size

    def seal_copy(self, request: SealCopy) -> tuple[int, SealedCopy]:
        """A provider's sealed copy as (descriptor of anonymous memory, what it is); the caller closes it."""
        answer = self._ask(request)
        if not isinstance(answer, SealedCopy):
            raise self._lost("gave another answer than was asked")
        return self._received(), answer

    def reseal(self, request: Reseal) -> Resealed:
        """The session key of a stored file, sealed to another certificate."""
        answer = self._ask(request)
        if not isinstance(answer, Resealed):
            raise self._lost("gave another answer than was asked")
        return answer

    def _received(self) -> int:
        """The descriptor that follows an answer."""
        try:
            return recv_handle(self._open_channel())
        except (EOFError, OSError) as error:
            raise self._lost(f"ended early ({type(error).__name__})") from None

    def close(self) -> None:
        """End the child."""
        self._answers = 0
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        if self._child is not None:
            self._child.kill()
            self._child.wait()
            self._child = None
        self._greeted = False

    def _ask(self, request: Request) -> Looked | Reopened | Resealed | SealedCopy:
        if self._channel is not None and self._begun != self._surroundings():
            self.close()  # A child knows the keys and the policies that were there when it started.
        if self._answers >= _ANSWERS_A_LIFE:
            # Libraries keep what hostile files make them intern; a fresh child starts with nothing.
            self.close()
        channel = self._greeted_channel()
        try:
            channel.send_bytes(REQUEST.dump_json(request))
            if not channel.poll(self._seconds):
                raise self._lost("did not answer in time")
            answer = ANSWER.validate_json(channel.recv_bytes(_ANSWER_BYTES))
        except (EOFError, OSError, ValidationError) as error:
            raise self._lost(f"ended early ({type(error).__name__})") from None
        if answer.reference != request.reference:
            raise self._lost("answered for another file")
        if isinstance(answer, Failed):
            raise Fault(answer.explanation)
        self._answers += 1
        return answer

    def _greeted_channel(self) -> Connection:
        """The channel to a child that is at work. Fault where none starts, which no file is to blame for."""
        try:
            channel = self._open_channel()
            if not self._greeted:
                self._greeted = channel.poll(_START_SECONDS) and channel.recv_bytes() == GREETING
        except (EOFError, OSError):
            self._greeted = False
        if not self._greeted:
            self.close()
            raise Fault("the examining process does not start")
        return channel

    def _lost(self, what: str) -> ExaminerLost:
        self.close()
        return ExaminerLost(f"the examining process {what}")

    def _surroundings(self) -> object:
        return secret_files.generation(self._home), self._home.policies_in_force

    def _open_channel(self) -> Connection:
        if self._channel is None:
            self._begun = self._surroundings()
            ours, theirs = socket.socketpair()
            with theirs:
                self._child = subprocess.Popen(  # noqa: S603 - our own module, no shell
                    [
                        sys.executable, "-m", "gateway.examiner.child",
                        "--home", str(self._home.root.absolute()),
                        "--channel", str(theirs.fileno()),
                    ],
                    pass_fds=[theirs.fileno(), *passphrase.inheriting()],
                    stdin=subprocess.DEVNULL,
                )  # fmt: skip
            self._channel = Connection(ours.detach())
        return self._channel


class Examiners:
    """One Examiner for each thread that asks; all of them are ended together."""

    def __init__(self, home: Home, *, seconds: float) -> None:
        self._home = home
        self._seconds = seconds
        self._mine = threading.local()
        self._all: list[Examiner] = []
        self._lock = threading.Lock()

    def mine(self) -> Examiner:
        """The calling thread's own examiner."""
        examiner: Examiner | None = getattr(self._mine, "examiner", None)
        if examiner is None:
            examiner = Examiner(self._home, seconds=self._seconds)
            self._mine.examiner = examiner
            with self._lock:
                self._all.append(examiner)
        return examiner

    def close(self) -> None:
        """End every child."""
        with self._lock:
            for examiner in self._all:
                examiner.close()
