"""The one place where an exception becomes an SFTP answer.

Whatever goes wrong behind a request leaves here as one of the fixed answers below. No text of an
exception, no path and no name of ours ever reaches a client (asyncssh would send them).
"""

from __future__ import annotations

import errno
import logging
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import PurePath

import asyncssh
from asyncssh.constants import FX_FAILURE, FX_NO_SUCH_FILE, FX_PERMISSION_DENIED
from asyncssh.packet import PacketDecodeError

from gateway.errors import GatewayError

log = logging.getLogger(__name__)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Answer:
    """A status of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7) and its sentence."""

    status: int
    sentence: str


def _denied(sentence: str) -> Answer:
    return Answer(FX_PERMISSION_DENIED, sentence)


def _failed(sentence: str) -> Answer:
    return Answer(FX_FAILURE, sentence)


NO_SUCH_FILE = Answer(FX_NO_SUCH_FILE, "There is no such file here.")
NOT_OFFERED = _denied("This service does not offer that.")

NAME_NOT_UTF8 = _denied(
    "The file name is not valid UTF-8; rename the file with ordinary letters and send it."
)
NAME_CONTROL = _denied("The file name holds a control character; rename the file and send it again.")
NAME_TOO_LONG = _denied("The file name is too long; shorten it and send the file again.")
NO_SUBFOLDERS = _denied("There are no folders below this one; put the file into the folder itself.")
IS_FOLDER = _denied("That is a folder, not a file.")
READ_ONLY = _denied("Nothing can be put into this folder; put files for the local authority into /in.")
NOT_DOWNLOADABLE = _denied("What was sent cannot be fetched back; its receipt will appear in /receipts.")
TAKEN_NAME = _denied("The gateway itself keeps a file under this name; choose another name.")
ALREADY_EXISTS = _failed("A file of this name is already here.")
HANDED_OVER = _denied("This file has been handed over already and can no longer be changed or removed.")
ONLY_TEMPORARY = _denied("Only a temporary upload (such as NAME.filepart) can be renamed, in its own folder.")
STILL_OPEN = _denied("This file is still being written; close it first.")
CUT_OFF = _denied("The upload of this file was cut off; finish it before renaming it.")
KEPT = _denied("Files in this folder are kept for you and cannot be removed.")
TAKEN_OVER = _failed("Another connection of yours has taken over this upload.")
GAP = _failed("A part of the file is missing before this one; send the file again from its start.")
NOT_WRITABLE = _denied("This file was not opened for writing.")
BAD_REQUEST = _failed("The request does not make sense.")
TOO_LARGE = _failed("The file is larger than this gateway takes.")
TOO_MANY_HANDLES = _failed("Too many files are open at once; close some first.")
TOO_MANY_UNFINISHED = _failed("Too many uploads are unfinished; finish or remove some first.")
TOO_MUCH_WAITING = _failed("Too much is waiting to be processed; try again later.")
TOO_MANY_TODAY = _failed("Too many files have been sent today; try again tomorrow.")
NO_ROOM = _failed("The gateway has no room at the moment; try again later.")
INTERNAL = _failed("internal error")


class Declined(GatewayError):  # noqa: N818 - it is an answer, seldom an error
    """A request of a client that is answered with `answer` and nothing else."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.sentence)
        self.answer = answer


Handler = Callable[..., Awaitable[object]]


def guarded(handler: Handler) -> Handler:
    """`handler`, except that all it can raise is an SFTPError with a fixed text.

    asyncssh's own SFTPError (end of file, invalid handle) carries constant texts and passes.
    """

    async def answered(*args: object) -> object:
        try:
            return await handler(*args)
        except asyncssh.SFTPError:
            raise
        except Exception as error:  # noqa: BLE001 - this is the boundary
            answer = answer_for(error)
            raise asyncssh.SFTPError(answer.status, answer.sentence) from None

    return answered


def answer_for(error: Exception) -> Answer:
    """The fixed answer to `error`. What nobody declined on purpose is logged, without its text."""
    if isinstance(error, Declined):
        return error.answer
    if isinstance(error, PacketDecodeError):
        return BAD_REQUEST
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        log.error("no-room errno=%s", errno.errorcode[error.errno])
        return NO_ROOM
    log.error("internal-error %s", trace_of(error))
    return INTERNAL


def trace_of(error: BaseException) -> str:
    """What `error` is and where it was raised, innermost first: no message, so no names or contents."""
    number = getattr(error, "errno", None)
    kind = (
        f"{type(error).__name__}({errno.errorcode.get(number, number)})" if number else type(error).__name__
    )
    frames = reversed(traceback.extract_tb(error.__traceback__))
    return f"{kind} at " + " < ".join(f"{PurePath(f.filename).name}:{f.lineno}:{f.name}" for f in frames)
