"""Show one provider's virtual tree: folders, and the operations permitted in each.

/              uploads here count as uploads to /in; status.html and calendar.ics, to read
/in            upload; lists sent files, not to be fetched back or overwritten
/in/MADE/…     folders made by a client: there for an hour, and while /in lists files sent to them
/out /receipts files published for this provider, to read
/keys /agreement  files published for everybody, to read; and upload
"""

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing, suppress
from io import FileIO
from itertools import islice
from pathlib import Path

import asyncssh

from gateway.home import Published
from gateway.home.settings import IntakeLimits
from gateway.intake import answers, paths
from gateway.intake.box import Box, HandedOver
from gateway.intake.disk import in_reader_thread, on_disk
from gateway.intake.upload import Receiving, Unfinished
from gateway.model import Folder
from gateway.ssh.answers import BAD_REQUEST, IS_FOLDER, NO_SUCH_FILE, Declined, encoded
from gateway.ssh.serving import LoggedIn
from gateway.ssh.sftp import Server

_AT_ONCE = 128  # So many names are read from the disk, or encoded, at a time.
_LOOKS, _PAUSE_SECONDS = 80, 0.25
_FOLDER_MODE, _FILE_MODE = stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644
_LAST_OFFSET = 2**63 - 1 - 2**32


class CopyOut(FileIO):
    """A file of /out, open to read, which is read no further once it is taken back."""


class ProviderTree(Server):
    """The tree of one provider's session. Every path is in bytes, as sent by the client.

    `channel`: the SSH channel of an SFTP session; None at the web door.
    """

    listings = 4  # Each open listing holds a descriptor.
    name_seconds = 0.000012

    def __init__(
        self,
        published: Published,
        box: Box,
        by: LoggedIn,
        limits: IntakeLimits,
        channel: asyncssh.SSHServerChannel[bytes] | None = None,
    ) -> None:
        if channel is not None:
            super().__init__(channel)
        self.published = published
        self.box = box
        self.turns = box.turns
        self.by = by
        self.handles = limits.handles_per_session
        self._name_bytes = limits.name_bytes

    async def begin(self) -> None:
        """Load the unfinished uploads left by an earlier run of the service, at the first session only."""
        await self.box.load()

    async def realpath(self, path: bytes) -> bytes:
        """Return the canonical form of a path."""
        return paths.canonical(path)

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return the attributes of a folder or file."""
        return _attributes(await self.find(path))

    lstat = stat  # The tree has no links.

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Set the time of an upload for listings; ignore all other attributes.

        Declined for a change of a file's size.
        """
        if attrs.size is not None:
            known = await self.find(path)
            if known is not None and known.size != attrs.size:
                raise Declined(answers.SIZE_IS_SET)
        if attrs.mtime is not None:
            with suppress(Declined):
                place = paths.place_of(path)
                if place.uploads is not None and place.name is not None:
                    await self.box.set_modified(place.uploads, place.name, attrs.mtime)

    lsetstat = setstat

    async def find(self, raw: bytes) -> paths.ListedFile | None:
        """Return the file at `raw`, or None for a folder. Declined if nothing is there."""
        place = paths.place_of(raw)
        if place.name is None:
            return None
        entry = await self._published_entry(place) or self._sent_entry(place)
        if entry is None and not self._is_folder(place):
            raise Declined(NO_SUCH_FILE)
        return entry

    async def opendir(self, path: bytes) -> AsyncIterator[Sequence[bytes]]:
        """Return the encoded names of a folder, in pages."""
        return _names(await self.listing(path))

    async def listing(self, raw: bytes) -> AsyncIterator[paths.ListedFile | str]:
        """Return an iterator over the entries of the folder at `raw`: folders as names, and files.

        Declined if `raw` is no folder. The iterator holds only one page of entries in memory.
        """
        place = paths.place_of(raw)
        if not self._is_folder(place):
            raise Declined(NO_SUCH_FILE)
        await self._await_receipts(place)
        return self._listed(place)

    async def _listed(self, place: paths.IntakePlace) -> AsyncIterator[paths.ListedFile | str]:
        if place.folder is None:
            for folder in paths.FOLDERS:
                yield folder
            # The pages published for this provider beside the folders.
            for name in sorted(paths.PAGES):
                if (page := await self._published_entry(paths.IntakePlace(None, name))) is not None:
                    yield page
        within = paths.IntakePlace(place.folder or "in", place.name)
        shown: set[str] = set()
        published = self._published_folder(within.folder) if place.name is None else None
        if published is not None:
            with closing(paths.scan_published(published)) as entries:
                while some := await in_reader_thread(lambda more: list(islice(more, _AT_ONCE)), entries):
                    for entry in some:
                        if within.uploads is not None:
                            shown.add(entry.name)
                        yield entry
        for name, known in self._sent(within):
            if name not in shown:
                yield name if known is None else _entry(name, known)

    def _sent(self, place: paths.IntakePlace) -> Iterator[tuple[str, Unfinished | HandedOver | None]]:
        """Yield each upload in a folder as name and upload, then each client-made folder as name and None."""
        if place.uploads is None:
            return
        above = "" if place.name is None else f"{place.name}/"
        folders: set[str] = set()
        for name, known in self.box.within(place.uploads).items():
            if name.startswith(above):
                first, below, _ = name[len(above) :].partition("/")
                if not below:
                    yield first, known
                else:
                    folders.add(first)
        here = [made for made in self.box.made if made.above == place and self.box.is_made(made)]
        folders.update(made.name.rpartition("/")[2] for made in here if made.name is not None)
        yield from ((name, None) for name in sorted(folders))

    def _is_folder(self, place: paths.IntakePlace) -> bool:
        """Return True for a folder: fixed, or made by a client."""
        if place.name is None or self.box.is_made(place):
            return True
        return place.uploads is not None and self.box.has_below(place.uploads, place.name)

    async def open_to_read(self, raw: bytes) -> FileIO:
        """Open a published file for reading. Declined for a folder, an upload or a missing file."""
        place = paths.place_of(raw)
        if place.name is None or self.box.is_made(place):
            raise Declined(IS_FOLDER)
        await self._await_receipts(place)
        kind = CopyOut if place.folder == "out" else FileIO
        folder = self._published_folder(place.folder)
        if folder is not None:
            with suppress(FileNotFoundError):
                return kind(await on_disk(paths.open_published, folder, place.name))
        raise Declined(NO_SUCH_FILE if self._sent_entry(place) is None else answers.NOT_DOWNLOADABLE)

    async def open_to_write(self, raw: bytes, flags: int) -> Receiving:
        """Open an upload, new or resumed. Declined in a folder that takes no uploads, or for a bad name."""
        folder, name = await self._writable(raw)
        return await self.box.receive(folder, name, flags)

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> FileIO | Receiving:  # noqa: ARG002 - asyncssh's signature
        """Open a published file for reading, or an upload for writing."""
        if not pflags & (asyncssh.FXF_WRITE | asyncssh.FXF_APPEND):
            return await self.open_to_read(path)
        return await self.open_to_write(path, pflags)

    async def complete(self, file: object) -> str | None:
        """Complete an upload; return its reference. For any other file, close the file and return None.
        None also if a rename has to follow, and for a resumed upload that was handed over already.
        """
        if isinstance(file, Receiving):
            return await self.box.close(file, self.by)
        await self.close(file)
        return None

    async def close(self, file_obj: object) -> None:
        """Close a file that its client left open; an upload stays unfinished, for resuming."""
        if isinstance(file_obj, FileIO):
            file_obj.close()
        elif isinstance(file_obj, Receiving):
            await self.box.cut_off(file_obj)

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        """Return up to `size` bytes of a published file. Declined for an upload, and a copy taken back."""
        if not isinstance(file_obj, FileIO):
            raise Declined(answers.NOT_DOWNLOADABLE)
        if offset > _LAST_OFFSET:
            raise Declined(BAD_REQUEST)
        if isinstance(file_obj, CopyOut) and not os.fstat(file_obj.fileno()).st_nlink:
            raise Declined(NO_SUCH_FILE)
        return await on_disk(os.pread, file_obj.fileno(), size, offset)

    async def write(self, file_obj: object, offset: int, data: bytes) -> int:
        """Write a block of an upload at an offset; return its length. Declined for a file open to read."""
        if not isinstance(file_obj, Receiving):
            raise Declined(answers.NOT_WRITABLE)
        await file_obj.write(offset, data)
        return len(data)

    async def fsync(self, file_obj: object) -> None:
        """Sync the bytes received so far to the disk."""
        if isinstance(file_obj, Receiving):
            await file_obj.make_durable()

    async def fstat(self, file_obj: object) -> asyncssh.SFTPAttrs:
        """Return the attributes of an open file."""
        if isinstance(file_obj, Receiving):
            upload = file_obj.upload
            return _attributes(
                paths.ListedFile(upload.label.name, upload.size, int(upload.touched_at.timestamp()))
            )
        assert isinstance(file_obj, FileIO)  # noqa: S101 - open makes no other
        status = os.fstat(file_obj.fileno())
        return _attributes(paths.ListedFile("", status.st_size, int(status.st_mtime)))

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

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002 - asyncssh's signature
        """Make a folder below /in; the folder is forgotten after an hour."""
        place = paths.place_of(path)
        if place.name is None or self._is_folder(place) or self._sent_entry(place) is not None:
            raise Declined(answers.ALREADY_EXISTS)
        if place.folder != "in":
            raise Declined(answers.ONLY_IN)
        paths.checked_name(place.name, self._name_bytes)
        if not self._is_folder(place.above):
            raise Declined(answers.NO_SUBFOLDERS)
        self.box.make_folder(place)

    async def rmdir(self, path: bytes) -> None:
        """Remove an empty folder made by the client."""
        place = paths.place_of(path)
        if not self._is_folder(place):
            raise Declined(NO_SUCH_FILE)
        if place.name is None:
            raise Declined(answers.KEPT)
        if any(True for _ in self._sent(place)):
            raise Declined(answers.NOT_EMPTY)
        self.box.made.pop(place, None)

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Complete a temporary upload under its final name. Declined for any other file, or a taken name."""
        before, after = paths.place_of(oldpath), paths.place_of(newpath)
        folder, name = await self._writable(newpath)
        kept = await self._published_entry(before) is not None
        if before.name is None or before.above != after.above or kept:
            raise Declined(answers.ONLY_TEMPORARY)
        await self.box.rename(folder, before.name, name, self.by)

    posix_rename = rename

    async def remove(self, path: bytes) -> None:
        """Discard an unfinished upload. Declined for any other file, and for a folder."""
        place = paths.place_of(path)
        if place.name is None:
            raise Declined(IS_FOLDER)
        if await self._published_entry(place) is not None:
            raise Declined(answers.KEPT)
        if place.uploads is None:
            raise Declined(NO_SUCH_FILE)
        await self.box.remove(place.uploads, place.name)

    async def _writable(self, raw: bytes) -> tuple[Folder, str]:
        """Return folder and name of an upload at the path `raw`. Declined where a client may not upload."""
        place = paths.place_of(raw)
        if place.name is None or self._is_folder(place):
            raise Declined(IS_FOLDER)
        if place.uploads is None:
            raise Declined(answers.READ_ONLY)
        if not self._is_folder(place.above):
            raise Declined(answers.NO_SUBFOLDERS)
        name = paths.checked_name(place.name, self._name_bytes)
        if await self._published_entry(place) is not None:
            raise Declined(answers.TAKEN_NAME)
        return place.uploads, name

    def _published_folder(self, folder: paths.FolderName | None) -> Path | None:
        """Return the folder on disk whose files a folder of the tree shows; None for /in."""
        if folder is None:
            return self.published.pages(self.box.provider)
        if folder in {"out", "receipts"}:
            return self.published.provider(self.box.provider) / folder
        return self.published.common / folder if folder in {"keys", "agreement"} else None

    async def _published_entry(self, place: paths.IntakePlace) -> paths.ListedFile | None:
        folder = self._published_folder(place.folder)
        if place.name is None or folder is None:
            return None
        await self._await_receipts(place)
        return await on_disk(paths.find_published, folder, place.name)

    async def _await_receipts(self, place: paths.IntakePlace) -> None:
        """Ask the inside for the provider's receipts, and wait for them. Declined if they do not come in
        time. Nothing is done for a folder other than /receipts, or if this host always publishes receipts.
        """
        if place.folder != "receipts" or not await on_disk(self.published.on_request.exists):
            return
        folder = self.published.provider(self.box.provider) / "receipts"
        for _ in range(_LOOKS):
            if await on_disk(_ask, folder, self.box.asked):
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        raise Declined(answers.RECEIPTS_FOLLOW)

    def _sent_entry(self, place: paths.IntakePlace) -> paths.ListedFile | None:
        if place.uploads is None or place.name is None:
            return None
        known = self.box.find(place.uploads, place.name)
        return None if known is None else _entry(place.name, known)


def _ask(folder: Path, mark: Path) -> bool:
    """Touch the file `mark`, which asks the inside to make `folder`; return True if the folder exists."""
    there = folder.is_dir()
    if not there:
        mark.unlink(missing_ok=True)
    mark.touch()
    return there


def _entry(name: str, known: Unfinished | HandedOver) -> paths.ListedFile:
    """Return the listing entry of an upload, with the real size and the time set by the client."""
    if isinstance(known, Unfinished):
        given, own = known.label.modified, known.touched_at
    else:
        given, own = known.modified, known.landed_at
    return paths.ListedFile(name, known.size, int(own.timestamp()) if given is None else given)


def _attributes(entry: paths.ListedFile | None) -> asyncssh.SFTPAttrs:
    """Return the SFTP attributes of a listed file, or, for None, of a folder."""
    mode, (_, size, at) = (_FOLDER_MODE, ("", 0, 0)) if entry is None else (_FILE_MODE, entry)
    return asyncssh.SFTPAttrs(size=size, uid=0, gid=0, permissions=mode, atime=at, mtime=at)


async def _names(listing: AsyncIterator[paths.ListedFile | str]) -> AsyncIterator[Sequence[bytes]]:
    """Yield the encoded names of a folder, in pages; other tasks may run between two pages."""
    now = time.time()
    page = [encoded(folder, _FOLDER_MODE, 0, 0, now) for folder in (".", "..")]
    async for entry in listing:
        if isinstance(entry, str):
            page.append(encoded(entry, _FOLDER_MODE, 0, 0, now))
        else:
            page.append(encoded(entry.name, _FILE_MODE, entry.size, entry.modified, now))
        if len(page) >= _AT_ONCE:
            yield page
            page = []
            await asyncio.sleep(0)
    yield page
