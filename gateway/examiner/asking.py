"""Ask one isolated child for one thing, accepting only an answer to that request."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

from pydantic import ValidationError

from gateway.errors import Fault
from gateway.examiner.channel import close_all
from gateway.examiner.child import Child, ExaminerLost
from gateway.examiner.growing import WHOLE
from gateway.examiner.protocol import ANSWER, REQUEST, Answer, Failed, Read, Reading, Request
from gateway.home import provider_of
from gateway.openpgp.memory import empty_memory, is_fixed

A = TypeVar("A")
D = TypeVar("D")
MOST_DETAIL = 80
CONTENT_BYTES_A_SECOND = 128 * 1024
# A small file gets little time, so that other files wait little.
_LEAST_SECONDS = 15.0


def child_of(module: str, setup: Callable[[], bytes], surroundings: Callable[[], object]) -> Child:
    """Return the service's end of the child running `module`."""
    return Child(("-m", f"gateway.examiner.{module}"), setup, surroundings)


def ask(
    child: Child, request: Request, files: Sequence[int], seconds: float, expected: tuple[type[A], ...]
) -> tuple[A, tuple[int, ...]]:
    """Return a child's answer with its descriptors. Raises ExaminerLost for an answer not `expected`."""
    said, given = child.ask(provider_of(request.reference), REQUEST.dump_json(request), files, seconds)
    return believed(request, said, given, expected)


def believed(
    request: Request, said: bytes, given: tuple[int, ...], expected: tuple[type[A], ...]
) -> tuple[A, tuple[int, ...]]:
    """Return the parsed answer with its descriptors, if it is one of the types `expected`.

    Raises Fault where the child reports one, ExaminerLost for any other answer.
    """
    try:
        answer: Answer = ANSWER.validate_json(said)
    except ValidationError:
        close_all(given)
        raise ExaminerLost("the examining process gave an answer that cannot be read") from None
    if isinstance(answer, Failed):
        close_all(given)
        raise Fault(answer.explanation[:MOST_DETAIL])
    if answer.reference != request.reference or not isinstance(answer, expected):
        close_all(given)
        raise ExaminerLost("the examining process gave another answer than was asked")
    return answer, given


def checked(content: int, size: int) -> int:
    """Return a child's content if unchangeable and of this size; otherwise raise ExaminerLost."""
    if is_fixed(content) and os.fstat(content).st_size == size:
        return content
    os.close(content)
    raise ExaminerLost("the examining process gave a content that can still change")


def seconds_for(descriptor: int, bytes_a_second: int, most: float) -> float:
    """Return the seconds a child may take over a file of this size."""
    return min(most, _LEAST_SECONDS + os.fstat(descriptor).st_size / bytes_a_second)


@contextmanager
def opened_for_reading(opening: AbstractContextManager[D]) -> Iterator[D]:
    """Open a sealed file. Raises Fault where reading fails."""
    with ExitStack() as stack:
        try:
            opened = stack.enter_context(opening)
        except OSError as error:
            raise Fault(f"the sealed file cannot be read: {error.strerror}") from None
        yield opened


@contextmanager
def closing(descriptor: int) -> Iterator[None]:
    """Close the descriptor on exit."""
    try:
        yield
    finally:
        os.close(descriptor)


# Classify a large content while still being opened, by a classifier reading along. The classifier then
# reads content without a verified signature. So its answer is read only after the opener confirms a whole
# content with one good signature; otherwise the classifier is ended and its answer never read. It has two
# read-only descriptors and so cannot pass anything on.

FROM_BYTES = 32 * 1024**2
"""Smallest sealed file, in bytes, whose content is classified during opening.

Programs based on Sequoia hold 25 MiB back until the signature is verified: a smaller file shows nothing
before its end.
"""


@dataclass(slots=True)
class Follower:
    """Classifier reading along in `memory`, the memory the opener writes to."""

    memory: int
    _classifier: Child
    _request: Reading
    _word: BinaryIO
    _is_over: bool = False

    def follows(self, content: int) -> bool:
        """Return True where the opener's content is the memory being read."""
        return os.path.samestat(os.fstat(content), os.fstat(self.memory))

    def read(self, seconds: float) -> Read:
        """Confirm a whole, signed content and return the classifier's answer, within `seconds`."""
        with suppress(BrokenPipeError):  # A classifier already ended gives no answer either.
            self._word.write(WHOLE)
        self._is_over = True
        said, given = self._classifier.finish(time.monotonic() + seconds)
        answer, given = believed(self._request, said, given, (Read,))
        close_all(given)
        return answer

    def give_up(self) -> None:
        """End the classifier and ignore its answer, unless already read."""
        self._word.close()
        if not self._is_over:
            self._is_over = True
            self._classifier.drop()


@contextmanager
def following(classifier: Child, request: Reading, seconds: float) -> Iterator[Follower | None]:
    """Let a classifier read along inside the context, for at most `seconds`; yield None where impossible.

    The cause is reported by the next request: a file that does not open is refused in any case.
    """
    with ExitStack() as kept:
        memory = empty_memory()
        kept.enter_context(closing(memory))
        # Content once readable must stay.
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK)
        ear, word = os.pipe2(os.O_CLOEXEC)
        told = kept.enter_context(os.fdopen(word, "wb", buffering=0))
        with closing(ear):
            can = _begins(classifier, request, memory, ear, seconds)
        if not can:
            yield None
            return
        follower = Follower(memory, classifier, request, told)
        kept.callback(follower.give_up)
        yield follower


def _begins(classifier: Child, request: Reading, memory: int, ear: int, seconds: float) -> bool:
    """Start a classifier on a read-only view of `memory`; return False where it cannot start."""
    sight = os.open(f"/proc/self/fd/{memory}", os.O_RDONLY | os.O_CLOEXEC)
    owner, asked = provider_of(request.reference), REQUEST.dump_json(request)
    with closing(sight), suppress(Fault):
        classifier.begin(owner, asked, (sight, ear), seconds)
        return True
    return False
