"""Answer SFTP requests: the fixed sentence for each failure, and the encoded listing of a folder.

Texts of exceptions, paths and internal names never reach a client: asyncssh would send them.
"""

from __future__ import annotations

import errno
import stat
import struct
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import lru_cache, wraps
from typing import Any, NamedTuple

import asyncssh
from asyncssh import constants
from asyncssh.packet import PacketDecodeError

from gateway.errors import GatewayError, trace_of

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class Answer(NamedTuple):
    """Status of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7) and its sentence."""

    status: int
    sentence: str


def denied(sentence: str) -> Answer:
    """Return the answer "permission denied" with a sentence."""
    return Answer(constants.FX_PERMISSION_DENIED, sentence)


def failed(sentence: str) -> Answer:
    """Return the answer "failure" with a sentence."""
    return Answer(constants.FX_FAILURE, sentence)


NO_SUCH_FILE = Answer(constants.FX_NO_SUCH_FILE, "There is no such file here.")
NOT_OFFERED = denied("This service does not offer that.")
IS_FOLDER = denied("That is a folder, not a file.")
BAD_REQUEST = failed("The request does not make sense.")
TOO_MANY_HANDLES = failed("Too many files are open at once; close some first.")
NO_ROOM = failed("The gateway has no room at the moment; try again later.")
INTERNAL = failed("internal error")


class Declined(GatewayError):  # noqa: N818 - an answer, seldom an error
    """Raised to decline a client's request: the client gets `answer` and nothing else."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.sentence)
        self.answer = answer


Request = Callable[..., Awaitable[Any]]


def guarded(request: Request) -> Request:
    """Wrap a request handler so that it raises only SFTPError with a fixed text.
    asyncssh's own SFTPError (end of file, invalid handle) has a constant text and passes unchanged.
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
    """Return the fixed answer to an error. Of an unexpected error, `tell` logs a code and a detail."""
    if isinstance(error, Declined):
        return error.answer
    if isinstance(error, PacketDecodeError):
        return BAD_REQUEST
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        tell("no-room", errno.errorcode[error.errno])
        return NO_ROOM
    tell("internal-error", trace_of(error))
    return INTERNAL


def parts_of(path: str) -> list[str]:
    """Return the parts of a client's path from the root, without `.`, `..` and empty parts."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            del parts[-1:]
        elif part not in {"", "."}:
            parts.append(part)
    return parts


# A folder may have fifty thousand names. asyncssh makes two objects for each and encodes them field by field;
# here each name is encoded once, for SFTP version 3.

OWNER = "gateway"
"""Owner and group of every file in listings."""

_SIZE, _REST = 0x1, 0x2 | 0x4 | 0x8  # Owner and group, permissions, times.
_WITH_SIZE, _WITHOUT = struct.Struct(">IQIIIII"), struct.Struct(">IIIIII")
_LENGTH = struct.Struct(">I").pack
_QUARTER = 900  # Seconds: every time zone is off UTC by a number of quarters of an hour.
_HALF_A_YEAR = 365 * 24 * 3600 / 2


class Names:
    """Encoded names of a folder, with those methods of a list that asyncssh calls: count, iterate, encode."""

    def __init__(self, encoded: Sequence[bytes]) -> None:
        self._encoded = encoded

    def __len__(self) -> int:
        """Return the number of names."""
        return len(self._encoded)

    def __iter__(self) -> Iterator[Names]:
        """Yield this object alone: asyncssh then encodes all names at once."""
        return iter((self,))

    def encode(self, _version: int) -> bytes:
        """Return the names, already encoded, as bytes of an SFTP answer."""
        return b"".join(self._encoded)


class Listing:
    """A folder that a client is reading: its encoded names, taken page by page from `pages`."""

    def __init__(self, pages: AsyncIterator[Sequence[bytes]]) -> None:
        self._pages = pages
        self._page: Sequence[bytes] = ()
        self._given = 0

    async def more(self, most: int) -> Names:
        """Return the next names, at most `most`; none at the end of the folder."""
        while self._given >= len(self._page):
            page = await anext(self._pages, None)
            if page is None:
                return Names(())
            self._page, self._given = page, 0
        found = self._page[self._given : self._given + most]
        self._given += len(found)
        return Names(found)

    async def end(self) -> None:
        """Close a listing not read to its end."""
        if isinstance(self._pages, AsyncGenerator):
            await self._pages.aclose()


def encoded(name: str, mode: int, size: int | None, modified: int, now: float) -> bytes:
    """Encode a name for SFTP, with attributes and a line as in `ls -l`; `size` None leaves the size out.
    `modified` and `now`: in seconds since 1970. The line shows the day of `modified`, and the time of day; or
    the year instead, if the day is more than half a year before `now`.
    """
    day, year, hour, minute = _quarter(modified // _QUARTER)
    lately = now - _HALF_A_YEAR < modified <= now
    moment = f"{day} {hour:02}:{minute + modified % _QUARTER // 60:02}" if lately else f"{day}  {year}"
    text, shown = name.encode(), "" if size is None else str(size)
    line = f"{_beginning(mode)}{shown:>8s} {moment:12s} {name}".encode()
    if size is None:
        attributes = _WITHOUT.pack(_REST, 0, 0, mode, modified, modified)
    else:
        attributes = _WITH_SIZE.pack(_SIZE | _REST, size, 0, 0, mode, modified, modified)
    return b"".join((_LENGTH(len(text)), text, _LENGTH(len(line)), line, attributes))


@lru_cache(16)
def _beginning(mode: int) -> str:
    return f"{stat.filemode(mode):10s} {1:>4d} {OWNER:8s} {OWNER:8s} "


@lru_cache(4096)
def _quarter(number: int) -> tuple[str, int, int, int]:
    """Return local day, year, hour and minute at the start of quarter-hour `number`, counted from 1970."""
    local = time.localtime(number * _QUARTER)
    return time.strftime("%b %e", local), local.tm_year, local.tm_hour, local.tm_min
