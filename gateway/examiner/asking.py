"""Ask one isolated child for one thing, accepting only an answer to that request."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TypeVar

from pydantic import ValidationError

from gateway.errors import Fault
from gateway.examiner.channel import close_all
from gateway.examiner.child import Child, ExaminerLost
from gateway.examiner.protocol import ANSWER, REQUEST, Answer, Failed, Request
from gateway.home import provider_of
from gateway.openpgp.memory import is_fixed

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
