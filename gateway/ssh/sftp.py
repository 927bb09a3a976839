"""Serve SFTP sessions: the requests supported, each with fixed answers to errors.

Only version 3 (draft-ietf-secsh-filexfer-02) and `limits@openssh.com` are supported: no links, no copy-data,
no other extension.
"""

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, cast

import asyncssh
from asyncssh import constants
from asyncssh.packet import SSHPacket
from asyncssh.sftp import SFTPLimits, SFTPServerHandler
from asyncssh.stream import SSHReader, SSHWriter

from gateway.errors import trace_of
from gateway.ssh.answers import NOT_OFFERED, TOO_MANY_HANDLES, Declined, Listing, Names, guarded
from gateway.ssh.connection import Connection

VERSION = 3
PACKET_BYTES = 256 * 1024 + 1024
_LARGEST_PACKET = 512 * 1024  # Of clients' packets; less than half of the smallest window.
PIECE_BYTES = 256 * 1024
NAMES_A_REPLY = 128
_REQUEST_SECONDS = 0.0003  # The approximate loop time of answering a request.


class Server(asyncssh.SFTPServer):
    """The SFTP operations of one session; each is declined until a service overrides the method.
    asyncssh's own methods work on the real file system; all are overridden here. `handles`: the most files
    and folders open in a session; `listings`: the most folders. `turns`: a semaphore that bounds the requests
    answered at a time, shared by several sessions. `name_seconds`: about how long the event loop takes for
    one name in an answer.
    """

    handles: int = 32
    listings: int = sys.maxsize
    turns: asyncio.Semaphore | None = None
    name_seconds = 0.000002

    async def begin(self) -> None:
        """Prepare the session before its first request. An OSError ends the session."""

    async def opendir(self, path: bytes) -> AsyncIterator[Sequence[bytes]]:  # noqa: ARG002
        """Return the pages of encoded names in a folder. Declined if missing."""
        raise Declined(NOT_OFFERED)

    async def complete(self, file: object) -> object:
        """Close a file because its client asked for that. If the session ends first, `close` is called
        instead.
        """
        return await _result(self.close(file))


def _refuse(_self: Server, *_: object) -> object:
    raise Declined(NOT_OFFERED)


_OPERATIONS = """open open56 close read write fsync lock unlock scandir remove mkdir rmdir stat lstat fstat
setstat lsetstat fsetstat statvfs fstatvfs realpath rename posix_rename readlink symlink link map_path
reverse_map_path format_user format_group format_longname"""
for _name in _OPERATIONS.split():
    setattr(Server, _name, _refuse)


_PARSED = SFTPServerHandler._packet_handlers  # noqa: SLF001 - asyncssh has no other door
_AS_ASYNCSSH_DOES = (
    constants.FXP_WRITE, constants.FXP_LSTAT, constants.FXP_FSTAT, constants.FXP_SETSTAT,
    constants.FXP_FSETSTAT, constants.FXP_REMOVE, constants.FXP_REALPATH, constants.FXP_STAT,
    constants.FXP_RENAME,
)  # fmt: skip


class Handler(SFTPServerHandler):
    """One SFTP session: passes requests to `server` one by one, and calls `touch` for each."""

    _server: Server
    _dir_handles: dict[bytes, Listing]  # type: ignore[assignment]
    _extensions = [(b"limits@openssh.com", b"1")]  # noqa: RUF012 - as asyncssh declares it

    def __init__(
        self,
        server: Server,
        connection: Connection,
        reader: SSHReader[bytes],
        writer: SSHWriter[bytes],
        touch: Callable[[], None],
    ) -> None:
        super().__init__(server, reader, writer, VERSION)
        self._connection = connection
        self._touch = touch
        self._turns = server.turns or asyncio.Semaphore()

    async def run(self) -> None:
        """Answer requests until the client or the connection ends; then close the files left open."""
        try:
            await self._server.begin()
        except OSError as error:
            self.tell("session-not-started", trace_of(error))
            raise
        try:
            await super().run()
        except EOFError:
            await self._cleanup(None)  # The client left before its first request.
        finally:
            await self._let_go()

    def tell(self, code: str, detail: str) -> None:
        """Log an internal failure, with one line for each client and cause."""
        self._connection.note_failure(code, detail)

    async def recv_packet(self) -> SSHPacket:
        """Return the next request; a request of more than 512 KiB ends the session."""
        assert self._reader is not None  # noqa: S101 - as in the overridden method
        length = int.from_bytes(await self._reader.readexactly(4), "big")
        if length > _LARGEST_PACKET:
            raise asyncssh.SFTPBadMessage("Max packet size exceeded")
        return SSHPacket(await self._reader.readexactly(length))

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """Answer one request, once the client has read enough of the earlier answers.
        A client that sends without reading would fill the memory. Before each request every other session has
        a turn: else hundreds of requests sent at once would all be answered first.
        """
        self._touch()
        await self._connection.may_send.wait()
        if self._writer is not None:
            await self._writer.drain()
        await asyncio.sleep(self._connection.spend(_REQUEST_SECONDS))
        async with self._turns:
            await super()._process_packet(pkttype, pktid, packet)

    async def _cleanup(self, exc: Exception | None) -> None:
        """End the session with exit status 0, expected by `scp` and others."""
        await self._let_go()
        if exc is None and self._writer is not None and not self._writer.channel.is_closing():
            cast("asyncssh.SSHServerChannel[bytes]", self._writer.channel).exit(0)
        await super()._cleanup(exc)

    async def _let_go(self) -> None:
        listings, self._dir_handles = list(self._dir_handles.values()), {}
        for listing in listings:
            await listing.end()
        left, self._file_handles = list(self._file_handles.values()), {}
        for file in left:
            try:
                await _result(self._server.close(file))
            except Exception as error:  # noqa: BLE001 - the other files are to be abandoned too
                self.tell("abandon-failed", trace_of(error))

    def _check_handles(self) -> None:
        if len(self._file_handles) + len(self._dir_handles) >= self._server.handles:
            raise Declined(TOO_MANY_HANDLES)

    async def _open(self, packet: SSHPacket) -> bytes:
        self._check_handles()
        return await self._process_open(packet)

    async def _close(self, packet: SSHPacket) -> None:
        """Close a file or folder."""
        handle = packet.get_string()
        packet.check_end()
        listing = self._dir_handles.pop(handle, None)
        if listing is not None:
            await listing.end()
            return
        file = self._file_handles.pop(handle, None)
        if file is None:
            raise asyncssh.SFTPFailure("Invalid file handle")
        await self._server.complete(file)

    async def _opendir(self, packet: SSHPacket) -> bytes:
        """Open a folder and return its handle.
        A missing folder raises an error here, where asyncssh would only do so when names are read.
        """
        path = packet.get_string()
        packet.check_end()
        self._check_handles()
        if len(self._dir_handles) >= self._server.listings:
            raise Declined(TOO_MANY_HANDLES)
        listing = Listing(await self._server.opendir(path))
        handle = self._get_next_handle()
        self._dir_handles[handle] = listing
        return handle

    async def _readdir(self, packet: SSHPacket) -> tuple[Names, bool]:
        """Return the next names of a folder, and False, which says that more names may follow.
        At the end of the folder raise SFTPEOFError. The event-loop time for the names is charged to the
        client's source.
        """
        handle = packet.get_string()
        packet.check_end()
        if handle not in self._dir_handles:
            raise asyncssh.SFTPFailure("Invalid file handle")
        names = await self._dir_handles[handle].more(NAMES_A_REPLY)
        if not names:
            raise asyncssh.SFTPEOFError
        self._connection.spend(len(names) * self._server.name_seconds)
        return names, False

    async def _read(self, packet: SSHPacket) -> tuple[bytes, bool]:
        """Return at most 256 KiB of a file, and False, which says that more bytes may follow.
        The protocol allows fewer bytes than asked for (draft-ietf-secsh-filexfer-02, section 6.4). At the end
        of the file raise SFTPEOFError.
        """
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

    # Requests parsed by asyncssh; READLINK, SYMLINK, MKDIR and RMDIR are refused unparsed.
    _packet_handlers = {  # noqa: RUF012 - as asyncssh declares it
        **{kind: guarded(parsed) for kind, parsed in _PARSED.items() if parsed and kind in _AS_ASYNCSSH_DOES},
        constants.FXP_CLOSE: guarded(_close),
        constants.FXP_OPEN: guarded(_open),
        constants.FXP_OPENDIR: guarded(_opendir),
        constants.FXP_READ: guarded(_read),
        constants.FXP_READDIR: guarded(_readdir),
        constants.FXP_MKDIR: guarded(_not_offered),
        constants.FXP_RMDIR: guarded(_not_offered),
        constants.FXP_READLINK: guarded(_not_offered),
        constants.FXP_SYMLINK: guarded(_not_offered),
        b"limits@openssh.com": guarded(_limits),
    }


async def _result(value: object) -> Any:  # noqa: ANN401 - any value of the server
    return await value if inspect.isawaitable(value) else value
