"""The requests of the SFTP protocol that are answered, each behind the boundary.

asyncssh decodes the packets and keeps the handles. Which of its methods may run stands in one
table. Only a CLOSE that the client sent completes an upload: asyncssh closes open files by itself
too, when a connection breaks.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import ClassVar, cast

import asyncssh
from asyncssh.constants import (
    FXP_CLOSE,
    FXP_FSETSTAT,
    FXP_FSTAT,
    FXP_LINK,
    FXP_LSTAT,
    FXP_MKDIR,
    FXP_OPEN,
    FXP_OPENDIR,
    FXP_READ,
    FXP_READDIR,
    FXP_READLINK,
    FXP_REALPATH,
    FXP_REMOVE,
    FXP_RENAME,
    FXP_RMDIR,
    FXP_SETSTAT,
    FXP_STAT,
    FXP_SYMLINK,
    FXP_WRITE,
)
from asyncssh.packet import SSHPacket
from asyncssh.sftp import SFTPLimits, SFTPServerHandler

from gateway.intake.boundary import NOT_OFFERED, TOO_MANY_HANDLES, Declined, Handler, guarded
from gateway.intake.connection import Connection
from gateway.intake.files import DATA_BYTES, Files, attributes
from gateway.intake.tree import Listing

_PACKET_BYTES = DATA_BYTES + 1024
_LISTINGS = 4

# Each request that is known, and the method that answers it. Any other is "unsupported".
OFFERED: dict[int | bytes, str] = {
    FXP_OPEN: "_process_open",
    FXP_CLOSE: "_process_close",
    FXP_READ: "_process_read",
    FXP_WRITE: "_process_write",
    FXP_LSTAT: "_process_lstat",
    FXP_FSTAT: "_process_fstat",
    FXP_SETSTAT: "_process_setstat",
    FXP_FSETSTAT: "_process_fsetstat",
    FXP_OPENDIR: "_process_opendir",
    FXP_READDIR: "_process_readdir",
    FXP_REMOVE: "_process_remove",
    FXP_REALPATH: "_process_realpath",
    FXP_STAT: "_process_stat",
    FXP_RENAME: "_process_rename",
    b"posix-rename@openssh.com": "_process_posix_rename",
    b"fsync@openssh.com": "_process_fsync",
    b"lsetstat@openssh.com": "_process_lsetstat",
    b"limits@openssh.com": "_process_limits",
    FXP_MKDIR: "_refuse",
    FXP_RMDIR: "_refuse",
    FXP_READLINK: "_refuse",
    FXP_SYMLINK: "_refuse",
    FXP_LINK: "_refuse",
}


def _behind_boundary(name: str) -> Handler:
    async def answer(requests: Requests, packet: SSHPacket) -> object:
        result: object = await getattr(requests, name)(packet)
        return result

    return guarded(answer)


class Requests(SFTPServerHandler):
    """The requests of one session, one after another."""

    _extensions: ClassVar[list[tuple[bytes, bytes]]] = [  # type: ignore[misc]
        (b"posix-rename@openssh.com", b"1"),
        (b"fsync@openssh.com", b"1"),
        (b"lsetstat@openssh.com", b"1"),
        (b"limits@openssh.com", b"1"),
    ]

    def __init__(
        self,
        files: Files,
        connection: Connection,
        reader: asyncssh.SSHReader[bytes],
        writer: asyncssh.SSHWriter[bytes],
        *,
        handles: int,
        touch: Callable[[], None],
    ) -> None:
        super().__init__(files, reader, writer, 3)
        self._files = files
        self._connection = connection
        self._handles = handles
        self._touch = touch

    async def run(self) -> None:
        """Answer requests until the client or the connection ends; then let go of what is still open."""
        try:
            await self._files.tree.box.load()
            await super().run()
        except EOFError:
            await self._cleanup(None)  # The client left before its first request.
        finally:
            await self._let_go()

    async def _cleanup(self, exc: Exception | None) -> None:
        """The session ends. `scp` and others want to hear that it ended well."""
        await self._let_go()
        if exc is None and self._writer is not None and not self._writer.channel.is_closing():
            cast("asyncssh.SSHServerChannel[bytes]", self._writer.channel).exit(0)
        await super()._cleanup(exc)

    async def _let_go(self) -> None:
        """Whatever is still open was cut off; it is not complete."""
        left, self._file_handles = list(self._file_handles.values()), {}
        for file_obj in left:
            await self._files.close(file_obj)

    async def _process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> None:
        """Answer one request, once the client has read enough of the earlier answers."""
        self._touch()
        await self._connection.until_read()
        if self._writer is not None:
            await self._writer.drain()
        await super()._process_packet(pkttype, pktid, packet)

    def _check_handles(self, listings: int) -> None:
        if len(self._dir_handles) >= listings or len(self._file_handles) >= self._handles:
            raise Declined(TOO_MANY_HANDLES)

    async def _process_open(self, packet: SSHPacket) -> bytes:
        self._check_handles(_LISTINGS + 1)
        return await super()._process_open(packet)

    async def _process_close(self, packet: SSHPacket) -> None:
        """The client's own CLOSE, and nothing else, completes an upload."""
        self._files.client_closes = True
        try:
            await super()._process_close(packet)
        finally:
            self._files.client_closes = False

    async def _process_opendir(self, packet: SSHPacket) -> bytes:
        self._check_handles(_LISTINGS)
        path = packet.get_string()
        packet.check_end()
        listing = await self._files.tree.listing(path)
        handle = self._get_next_handle()
        self._dir_handles[handle] = _names(listing)
        return handle

    async def _process_limits(self, packet: SSHPacket) -> SFTPLimits:
        packet.check_end()
        return SFTPLimits(_PACKET_BYTES, DATA_BYTES, DATA_BYTES, self._handles)

    async def _refuse(self, packet: SSHPacket) -> None:  # noqa: ARG002 - as all of them
        raise Declined(NOT_OFFERED)

    _packet_handlers: ClassVar[dict[int | bytes, Handler]] = {  # type: ignore[misc,assignment]
        kind: _behind_boundary(name) for kind, name in OFFERED.items()
    }


async def _names(listing: Listing) -> AsyncIterator[asyncssh.SFTPName]:
    for folder in (".", "..", *listing.folders):
        yield asyncssh.SFTPName(folder.encode(), attrs=attributes(None))
    for entry in listing.files:
        yield asyncssh.SFTPName(entry.name.encode(), attrs=attributes(entry))
