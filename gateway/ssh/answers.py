"""Turn exceptions into SFTP answers, in this one place.

Every failure behind a request leaves as one of a service's fixed answers. Exception texts, paths and internal
names never reach a client (asyncssh would send them).
"""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import asyncssh
from asyncssh import constants
from asyncssh.packet import PacketDecodeError

from gateway.errors import GatewayError, trace_of

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Answer:
    """A status of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7) and its sentence."""

    status: int
    sentence: str


def denied(sentence: str) -> Answer:
    """Return the answer "permission denied"."""
    return Answer(constants.FX_PERMISSION_DENIED, sentence)


def failed(sentence: str) -> Answer:
    """Return the answer "failure"."""
    return Answer(constants.FX_FAILURE, sentence)


NO_SUCH_FILE = Answer(constants.FX_NO_SUCH_FILE, "There is no such file here.")
NOT_OFFERED = denied("This service does not offer that.")
UNKNOWN_REQUEST = Answer(constants.FX_OP_UNSUPPORTED, "This service does not know that request.")
IS_FOLDER = denied("That is a folder, not a file.")
BAD_REQUEST = failed("The request does not make sense.")
TOO_MANY_HANDLES = failed("Too many files are open at once; close some first.")
NO_ROOM = failed("The gateway has no room at the moment; try again later.")
INTERNAL = failed("internal error")


class Declined(GatewayError):  # noqa: N818 - an answer, seldom an error
    """A client's request, answered with `answer` and nothing else."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.sentence)
        self.answer = answer


Request = Callable[..., Awaitable[Any]]


def guarded(request: Request) -> Request:
    """Return `request` raising nothing but SFTPError with a fixed text.

    asyncssh's own SFTPError (end of file, invalid handle) carries constant texts and passes.
    """

    @wraps(request)
    async def answered(*args: Any) -> Any:  # noqa: ANN401 - asyncssh's own types
        try:
            return await request(*args)
        except asyncssh.SFTPError:
            raise
        except Exception as error:  # noqa: BLE001 - this is the boundary
            answer = answer_for(error, args[0].tell)
            raise asyncssh.SFTPError(answer.status, answer.sentence) from None

    return answered


def answer_for(error: Exception, tell: Callable[[str, str], None]) -> Answer:
    """Return the fixed answer to `error`. Unexpected errors are reported, without their text."""
    if isinstance(error, Declined):
        return error.answer
    if isinstance(error, PacketDecodeError):
        return BAD_REQUEST
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        tell("no-room", errno.errorcode[error.errno])
        return NO_ROOM
    tell("internal-error", trace_of(error))
    return INTERNAL
