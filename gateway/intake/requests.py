"""The requests of one provider's session, one after another.

Only a CLOSE sent by the client completes an upload: asyncssh also closes open files by itself, when a
connection breaks.
"""

from __future__ import annotations

from collections.abc import Callable

import asyncssh
from asyncssh import constants
from asyncssh.packet import SSHPacket
from asyncssh.sftp import SFTPServerHandler

from gateway.errors import trace_of
from gateway.intake.files import Files
from gateway.ssh.answers import TOO_MANY_HANDLES, Declined, guarded
from gateway.ssh.connection import Connection
from gateway.ssh.listing import Names
from gateway.ssh.sftp import Handler

_ENTRY_SECONDS = 0.00001  # The approximate loop time of reading one entry of a folder.
_LISTINGS = 4  # Each open listing holds a descriptor.

_POSIX_RENAME = b"posix-rename@openssh.com"
_FSYNC = b"fsync@openssh.com"
_LSETSTAT = b"lsetstat@openssh.com"


class Requests(Handler):
    """The requests on `files`; `touch` is called at each."""

    _extensions = [*Handler._extensions, (_POSIX_RENAME, b"1"), (_FSYNC, b"1"), (_LSETSTAT, b"1")]  # noqa: RUF012, SLF001

    def __init__(
        self,
        files: Files,
        connection: Connection,
        reader: asyncssh.SSHReader[bytes],
        writer: asyncssh.SSHWriter[bytes],
        touch: Callable[[], None],
    ) -> None:
        super().__init__(files, connection, reader, writer, touch)
        self._files = files
        self.turns = files.tree.box.turns

    async def run(self) -> None:
        """Answer requests until the client or the connection ends."""
        try:
            await self._files.tree.box.load()
        except OSError as error:
            self.tell("session-not-started", trace_of(error))
            raise
        await super().run()

    async def _close(self, packet: SSHPacket) -> None:
        """Handle the client's own CLOSE."""
        self._files.client_closes = True
        try:
            await super()._close(packet)
        finally:
            self._files.client_closes = False

    async def _opendir(self, packet: SSHPacket) -> bytes:
        if len(self._dir_handles) >= _LISTINGS:
            raise Declined(TOO_MANY_HANDLES)
        return await super()._opendir(packet)

    async def _readdir(self, packet: SSHPacket) -> tuple[Names, bool]:
        names, at_end = await super()._readdir(packet)
        self._connection.spend(len(names) * _ENTRY_SECONDS)
        return names, at_end

    _packet_handlers = {  # noqa: RUF012 - as asyncssh declares it
        **Handler._packet_handlers,  # noqa: SLF001 - the parent's
        constants.FXP_CLOSE: guarded(_close),
        constants.FXP_OPENDIR: guarded(_opendir),
        constants.FXP_READDIR: guarded(_readdir),
        constants.FXP_MKDIR: guarded(SFTPServerHandler._process_mkdir),  # noqa: SLF001 - as the parent does
        constants.FXP_RMDIR: guarded(SFTPServerHandler._process_rmdir),  # noqa: SLF001
        _POSIX_RENAME: guarded(SFTPServerHandler._process_posix_rename),  # noqa: SLF001 - as the parent does
        _FSYNC: guarded(SFTPServerHandler._process_fsync),  # noqa: SLF001
        _LSETSTAT: guarded(SFTPServerHandler._process_lsetstat),  # noqa: SLF001
    }
