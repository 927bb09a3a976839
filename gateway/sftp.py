"""What both services share of SFTP: the requests they know, and what a client is told on failure.

Only version 3 (draft-ietf-secsh-filexfer-02) and `limits@openssh.com` are spoken; copy-data, links,
ranges and every other extension are unknown here. Whatever goes wrong behind a request leaves as
one of the fixed answers: no text of an exception, no path and no name of ours ever reaches a client
(asyncssh would send them).
"""

from __future__ import annotations

import errno
import inspect
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import PurePath
from typing import Any

import asyncssh
from asyncssh import constants
from asyncssh.packet import PacketDecodeError, SSHPacket
from asyncssh.sftp import SFTPLimits, SFTPServerHandler
from asyncssh.stream import SSHReader, SSHServerStreamSession, SSHWriter

from gateway.errors import GatewayError

log = logging.getLogger(__name__)

VERSION = 3
PACKET_BYTES = 256 * 1024 + 1024
PIECE_BYTES = 256 * 1024
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True, slots=True)
class Answer:
    """A status of SFTP version 3 (draft-ietf-secsh-filexfer-02, section 7) and its sentence."""

    status: int
    sentence: str


def denied(sentence: str) -> Answer:
    """The answer "permission denied"."""
    return Answer(constants.FX_PERMISSION_DENIED, sentence)


def failed(sentence: str) -> Answer:
    """The answer "failure"."""
    return Answer(constants.FX_FAILURE, sentence)


NO_SUCH_FILE = Answer(constants.FX_NO_SUCH_FILE, "There is no such file here.")
NOT_OFFERED = denied("This service does not offer that.")
UNKNOWN_REQUEST = Answer(constants.FX_OP_UNSUPPORTED, "This service does not know that request.")
IS_FOLDER = denied("That is a folder, not a file.")
BAD_REQUEST = failed("The request does not make sense.")
TOO_MANY_HANDLES = failed("Too many files are open at once; close some first.")
NO_ROOM = failed("The gateway has no room at the moment; try again later.")
INTERNAL = failed("internal error")


class Declined(GatewayError):  # noqa: N818 - it is an answer, seldom an error
    """A request of a client that is answered with `answer` and nothing else."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.sentence)
        self.answer = answer


Request = Callable[..., Awaitable[Any]]


def guarded(request: Request) -> Request:
    """`request`, except that all it can raise is an SFTPError with a fixed text.

    asyncssh's own SFTPError (end of file, invalid handle) carries constant texts and passes.
    """

    @wraps(request)
    async def answered(*args: Any) -> Any:  # noqa: ANN401 - asyncssh's own types
        try:
            return await request(*args)
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


class Server(asyncssh.SFTPServer):
    """What one session may do: nothing, until a service defines it.

    asyncssh's own methods work on the real file system; none of them is left. `handles` is how many
    files and folders a session may hold open.
    """

    handles: int = 32

    async def opendir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:  # noqa: ARG002
        """The entries of a folder; declined where it is not there."""
        raise Declined(NOT_OFFERED)

    async def abandon(self, file: object) -> None:
        """The session ended while `file` was open: only a client's own CLOSE is a close."""
        raise NotImplementedError


def _refuse(_self: Server, *_: object) -> object:
    raise Declined(NOT_OFFERED)


for _name in (
    *(
        "open",
        "open56",
        "close",
        "read",
        "write",
        "fsync",
        "lock",
        "unlock",
        "scandir",
        "remove",
        "mkdir",
        "rmdir",
    ),
    *("stat", "lstat", "fstat", "setstat", "lsetstat", "fsetstat", "statvfs", "fstatvfs", "realpath"),
    *("rename", "posix_rename", "readlink", "symlink", "link", "map_path", "reverse_map_path"),
):
    setattr(Server, _name, _refuse)


_PARSED = SFTPServerHandler._packet_handlers  # noqa: SLF001 - asyncssh has no other door
_AS_ASYNCSSH_DOES = (
    constants.FXP_CLOSE,
    constants.FXP_WRITE,
    constants.FXP_LSTAT,
    constants.FXP_FSTAT,
    constants.FXP_SETSTAT,
    constants.FXP_FSETSTAT,
    constants.FXP_READDIR,
    constants.FXP_REMOVE,
    constants.FXP_REALPATH,
    constants.FXP_STAT,
    constants.FXP_RENAME,
)


class Handler(SFTPServerHandler):
    """One SFTP session: reads a request, has the server answer it, and only then reads the next."""

    _server: Server
    _extensions = [(b"limits@openssh.com", b"1")]  # noqa: RUF012 - as asyncssh declares it

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """Answer one request, then wait until the client has taken most of what it was sent.

        Otherwise a client that asks and never reads would fill the memory with answers.
        """
        await super()._process_packet(pkttype, pktid, packet)
        if self._writer is not None:
            await self._writer.drain()

    async def _cleanup(self, exc: Exception | None) -> None:
        """Abandon what is still open, however the session came to its end."""
        left, self._file_handles = list(self._file_handles.values()), {}
        for file in left:
            try:
                await self._server.abandon(file)
            except Exception as error:  # noqa: BLE001 - the other files are to be abandoned too
                log.error("abandon failed %s", trace_of(error))  # noqa: TRY400 - without the text
        await super()._cleanup(exc)

    def _check_handles(self) -> None:
        if len(self._file_handles) + len(self._dir_handles) >= self._server.handles:
            raise Declined(TOO_MANY_HANDLES)

    async def _open(self, packet: SSHPacket) -> bytes:
        self._check_handles()
        return await self._process_open(packet)

    async def _opendir(self, packet: SSHPacket) -> bytes:
        """Unlike asyncssh's own: a folder that is not there fails here, not at its first entry."""
        path = packet.get_string()
        packet.check_end()
        self._check_handles()
        entries = await self._server.opendir(path)
        handle = self._get_next_handle()
        self._dir_handles[handle] = entries
        return handle

    async def _read(self, packet: SSHPacket) -> tuple[bytes, bool]:
        """A read of at most PIECE_BYTES, however much the client asks for (section 6.4 allows less)."""
        handle, offset, length = packet.get_string(), packet.get_uint64(), packet.get_uint32()
        packet.check_end()
        file = self._file_handles.get(handle)
        if file is None:
            raise asyncssh.SFTPFailure("Invalid file handle")
        data: bytes = await _result(self._server.read(file, offset, min(length, PIECE_BYTES)))
        if not data:
            raise asyncssh.SFTPEOFError
        return data, False

    async def _limits(self, packet: SSHPacket) -> SFTPLimits:
        packet.check_end()
        return SFTPLimits(PACKET_BYTES, PIECE_BYTES, PIECE_BYTES, self._server.handles)

    async def _not_offered(self, packet: SSHPacket) -> None:  # noqa: ARG002
        raise Declined(NOT_OFFERED)

    # What asyncssh parses for us; READLINK, SYMLINK, MKDIR and RMDIR are refused unparsed.
    _packet_handlers = {  # noqa: RUF012 - as asyncssh declares it
        **{kind: guarded(parsed) for kind, parsed in _PARSED.items() if parsed and kind in _AS_ASYNCSSH_DOES},
        constants.FXP_OPEN: guarded(_open),
        constants.FXP_OPENDIR: guarded(_opendir),
        constants.FXP_READ: guarded(_read),
        constants.FXP_MKDIR: guarded(_not_offered),
        constants.FXP_RMDIR: guarded(_not_offered),
        constants.FXP_READLINK: guarded(_not_offered),
        constants.FXP_SYMLINK: guarded(_not_offered),
        b"limits@openssh.com": guarded(_limits),
    }


class Session(SSHServerStreamSession[bytes]):
    """A session of an SSH connection that can be nothing but SFTP.

    `serve` makes the server of the session when it starts; `ended` is called once when the channel
    is gone.
    """

    def __init__(
        self,
        serve: Callable[[asyncssh.SSHServerChannel[bytes]], Server],
        ended: Callable[[], None],
        handler: type[Handler] = Handler,
    ) -> None:
        super().__init__(None)
        self._serve = serve
        self._ended = ended
        self._handler = handler

    def subsystem_requested(self, subsystem: str) -> bool:
        """SFTP and nothing else; shells and commands are refused by what this builds on."""
        return subsystem == "sftp"

    def session_started(self) -> None:
        """Begin to answer requests."""
        channel = self._chan
        if channel is None or self._conn is None:
            raise RuntimeError("a session began without its channel")
        reader, writer = SSHReader[bytes](self, channel), SSHWriter[bytes](self, channel)
        server = self._serve(channel)  # type: ignore[arg-type] # the channel of a server's session
        self._conn.create_task(self._handler(server, reader, writer, VERSION).run(), reader.logger)

    def connection_lost(self, exc: Exception | None) -> None:
        """The channel is gone."""
        super().connection_lost(exc)
        self._ended()


async def _result(value: object) -> Any:  # noqa: ANN401 - whatever the server gives
    return await value if inspect.isawaitable(value) else value
