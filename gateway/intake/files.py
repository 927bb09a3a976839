"""The provider's tree as an SFTP server of the asyncssh library."""

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator, Sequence
from io import FileIO

import asyncssh

from gateway.intake.answers import NOT_DOWNLOADABLE, NOT_WRITABLE
from gateway.intake.box import Wish
from gateway.intake.disk import on_disk
from gateway.intake.paths import ListedFile, canonical
from gateway.intake.tree import ProviderTree
from gateway.intake.upload import Receiving
from gateway.ssh.answers import BAD_REQUEST, Declined, encoded
from gateway.ssh.sftp import Server

File = Receiving | FileIO
_FOLDER_MODE, _FILE_MODE = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644
_NAMES_AT_ONCE = 128
_LAST_OFFSET = 2**63 - 1 - 2**32


class Files(Server):
    """SFTP operations of asyncssh, carried out in the provider's tree."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], tree: ProviderTree, handles: int) -> None:
        super().__init__(channel)
        self.tree = tree
        self.handles = handles
        self.client_closes = False

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> File:  # noqa: ARG002 - asyncssh's signature
        """Open a published file for reading, or an upload for writing."""
        if not pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND):
            return await self.tree.open_to_read(path)
        wish = Wish(
            create=bool(pflags & asyncssh.FXF_CREAT),
            exclusive=bool(pflags & asyncssh.FXF_EXCL),
            truncate=bool(pflags & asyncssh.FXF_TRUNC),
            append=bool(pflags & asyncssh.FXF_APPEND),
        )
        return await self.tree.open_to_write(path, wish)

    async def close(self, file_obj: object) -> None:
        """Complete an upload if the client itself closes the file; otherwise keep the upload for resuming."""
        if isinstance(file_obj, FileIO):
            file_obj.close()
        elif isinstance(file_obj, Receiving) and self.client_closes:
            await self.tree.close(file_obj)
        elif isinstance(file_obj, Receiving):
            await self.tree.box.cut_off(file_obj)

    async def abandon(self, file: object) -> None:
        """Close a file still open at a session's end: an upload stays unfinished."""
        self.client_closes = False
        await self.close(file)

    async def opendir(self, path: bytes) -> AsyncIterator[Sequence[bytes]]:
        """Yield the encoded names of a folder, in pages."""
        return _names(await self.tree.listing(path))

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002 - asyncssh's signature
        """Make a folder below /in, which exists for a limited time."""
        await self.tree.make_folder(path)

    async def rmdir(self, path: bytes) -> None:
        """Remove an empty folder made by a client."""
        await self.tree.remove_folder(path)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of a published file. Declined for an upload."""
        if not isinstance(file_obj, FileIO):
            raise Declined(NOT_DOWNLOADABLE)
        if offset > _LAST_OFFSET:
            raise Declined(BAD_REQUEST)
        return await on_disk(os.pread, file_obj.fileno(), size, offset)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write a block of an upload at an offset; return the number of bytes."""
        if not isinstance(file_obj, Receiving):
            raise Declined(NOT_WRITABLE)
        await file_obj.write(offset, data)
        return len(data)

    async def fsync(self, file_obj: object) -> None:
        """Sync the bytes received so far to the disk."""
        if isinstance(file_obj, Receiving):
            await file_obj.make_durable()

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return the attributes of a folder or file."""
        return _attributes(await self.tree.find(path))

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return the attributes of a folder or file; the tree has no links."""
        return await self.stat(path)

    async def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        """Return the attributes of an open file."""
        if isinstance(file_obj, Receiving):
            upload = file_obj.upload
            return _attributes(ListedFile(upload.label.name, upload.size, int(upload.touched_at.timestamp())))
        assert isinstance(file_obj, FileIO)  # noqa: S101 - open makes no other
        status = os.fstat(file_obj.fileno())
        return _attributes(ListedFile("", status.st_size, int(status.st_mtime)))

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Set an upload's time in listings; ignore all other changes of attributes.

        Declined for a change of a file's size.
        """
        if attrs.size is not None:
            await self.tree.check_size(path, attrs.size)
        if attrs.mtime is not None:
            try:
                await self.tree.set_modified(path, attrs.mtime)
            except Declined:
                return

    async def lsetstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Succeed and change nothing, as `setstat` does; there are no links."""
        await self.setstat(path, attrs)

    async def fsetstat(self, file_obj: object, attrs: asyncssh.SFTPAttrs) -> None:
        """Cut a file being written to a length, and set the time in listings; ignore other attributes.

        OpenSSH's scp overwrites a file without emptying it, and at the end cuts off the remaining old bytes.
        """
        if not isinstance(file_obj, Receiving):
            return
        if attrs.size is not None:
            await file_obj.cut(attrs.size)
        if attrs.mtime is not None:
            upload = file_obj.upload
            upload.label = upload.label.model_copy(update={"modified": attrs.mtime})

    async def remove(self, path: bytes) -> None:
        """Discard an unfinished upload."""
        await self.tree.remove(path)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Complete a temporary upload under a new name."""
        await self.tree.rename(oldpath, newpath)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Complete a temporary upload, as `rename` does: nothing is ever overwritten."""
        await self.tree.rename(oldpath, newpath)

    async def realpath(self, path: bytes) -> bytes:
        """Return the canonical form of a path."""
        return canonical(path)


def _attributes(entry: ListedFile | None) -> asyncssh.SFTPAttrs:
    """Return the SFTP attributes of a listed file; of a folder, given None."""
    if entry is None:
        return asyncssh.SFTPAttrs(size=0, uid=0, gid=0, permissions=_FOLDER_MODE, atime=0, mtime=0)
    return asyncssh.SFTPAttrs(
        size=entry.size, uid=0, gid=0, permissions=_FILE_MODE, atime=entry.modified, mtime=entry.modified
    )


async def _names(listing: AsyncIterator[ListedFile | str]) -> AsyncIterator[Sequence[bytes]]:
    """Yield the encoded names of a folder, in pages, giving other tasks a turn between."""
    now = time.time()
    page = [encoded(folder, _FOLDER_MODE, 0, 0, now) for folder in (".", "..")]
    async for entry in listing:
        if isinstance(entry, str):
            page.append(encoded(entry, _FOLDER_MODE, 0, 0, now))
        else:
            page.append(encoded(entry.name, _FILE_MODE, entry.size, entry.modified, now))
        if len(page) >= _NAMES_AT_ONCE:
            yield page
            page = []
            await asyncio.sleep(0)
    yield page
