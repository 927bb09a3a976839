"""The virtual tree of one provider: folders, and the operations permitted in each.

/              uploads here count as uploads to /in; status.html and calendar.ics, to read
/in            upload; lists sent files, not to be fetched back or overwritten
/in/MADE/…     folders made by a client: for a while, and as long as they list sent files
/out /receipts files published for this provider, to read
/keys /agreement  files published for everybody, to read; and upload
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from io import FileIO
from itertools import islice
from pathlib import Path

from gateway.home import Published
from gateway.intake.answers import (
    ALREADY_EXISTS,
    KEPT,
    NO_SUBFOLDERS,
    NOT_DOWNLOADABLE,
    NOT_EMPTY,
    ONLY_IN,
    ONLY_TEMPORARY,
    READ_ONLY,
    RECEIPTS_FOLLOW,
    SIZE_IS_SET,
    TAKEN_NAME,
)
from gateway.intake.box import Box, Wish
from gateway.intake.disk import in_turn, on_disk
from gateway.intake.paths import (
    FOLDERS,
    PAGES,
    FolderName,
    IntakePlace,
    ListedFile,
    checked_name,
    find_published,
    open_published,
    place_of,
    scan_published,
)
from gateway.intake.recent import HandedOver
from gateway.intake.upload import Receiving, Unfinished
from gateway.model import Folder
from gateway.ssh.answers import IS_FOLDER, NO_SUCH_FILE, Declined
from gateway.ssh.visitor import LoggedIn

_AT_ONCE = 128  # So many names are read from the disk at a time.
_LOOKS, _PAUSE_SECONDS = 80, 0.25


@dataclass(frozen=True, slots=True)
class ProviderTree:
    """The tree of one provider's session. Every path is in bytes, as sent by the client."""

    published: Published
    box: Box
    by: LoggedIn
    name_bytes: int

    async def find(self, raw: bytes) -> ListedFile | None:
        """Return the file at `raw`, or None for a folder. Declined if nothing is there."""
        place = place_of(raw)
        if place.name is None:
            return None
        entry = await self._published_entry(place) or self._sent_entry(place)
        if entry is None and not self._is_folder(place):
            raise Declined(NO_SUCH_FILE)
        return entry

    async def listing(self, raw: bytes) -> AsyncIterator[ListedFile | str]:
        """Yield the entries of the folder at `raw`: folder names, and files. Declined where it is no folder.

        Only the page in transit to the client is in memory.
        """
        place = place_of(raw)
        if not self._is_folder(place):
            raise Declined(NO_SUCH_FILE)
        await self._await_receipts(place)
        return self._listed(place)

    async def _listed(self, place: IntakePlace) -> AsyncIterator[ListedFile | str]:
        if place.folder is None:
            for folder in FOLDERS:
                yield folder
            # The pages published for this provider beside the folders.
            found = [await self._published_entry(IntakePlace(None, name)) for name in sorted(PAGES)]
            for entry in [entry for entry in found if entry is not None]:
                yield entry
        within = IntakePlace(place.folder or "in", place.name)
        shown: set[str] = set()
        for published in self._published_folders(within.folder) if place.name is None else ():
            with closing(scan_published(published)) as entries:
                while some := await in_turn(lambda more: list(islice(more, _AT_ONCE)), entries):
                    for entry in some:
                        if within.uploads is not None:
                            shown.add(entry.name)
                        yield entry
        for name, known in self._sent(within):
            if name not in shown:
                yield name if known is None else _entry(name, known)

    def _sent(self, place: IntakePlace) -> Iterator[tuple[str, Unfinished | HandedOver | None]]:
        """Yield name and upload for each entry in a folder; a client-made folder has None as upload."""
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
        folders.update(self.box.folders.within(place))
        yield from ((name, None) for name in sorted(folders))

    def _is_folder(self, place: IntakePlace) -> bool:
        """Return True for a folder: fixed, or made by a client."""
        if place.name is None or place in self.box.folders:
            return True
        return place.uploads is not None and self.box.has_below(place.uploads, place.name)

    async def make_folder(self, raw: bytes) -> None:
        """Make a folder below /in, which exists for a limited time."""
        place = place_of(raw)
        if place.name is None or self._is_folder(place) or self._sent_entry(place) is not None:
            raise Declined(ALREADY_EXISTS)
        if place.folder != "in":
            raise Declined(ONLY_IN)
        checked_name(place.name, self.name_bytes)
        if not self._is_folder(place.above):
            raise Declined(NO_SUBFOLDERS)
        self.box.folders.make(place)

    async def remove_folder(self, raw: bytes) -> None:
        """Remove an empty folder made by the client."""
        place = place_of(raw)
        if not self._is_folder(place):
            raise Declined(NO_SUCH_FILE)
        if place.name is None:
            raise Declined(KEPT)
        if any(True for _ in self._sent(place)):
            raise Declined(NOT_EMPTY)
        self.box.folders.remove(place)

    async def open_to_read(self, raw: bytes) -> FileIO:
        """Open a published file. Declined for everything else, with a helpful reason."""
        place = place_of(raw)
        if place.name is None or place in self.box.folders:
            raise Declined(IS_FOLDER)
        await self._await_receipts(place)
        for folder in self._published_folders(place.folder):
            try:
                return FileIO(await on_disk(open_published, folder, place.name))
            except FileNotFoundError:
                continue
        raise Declined(NO_SUCH_FILE if self._sent_entry(place) is None else NOT_DOWNLOADABLE)

    async def open_to_write(self, raw: bytes, wish: Wish) -> Receiving:
        """Open an upload, new or resumed. Declined in a folder without uploads, or for a bad name."""
        folder, name = await self._writable(raw)
        return await self.box.receive(folder, name, wish)

    async def close(self, receiving: Receiving) -> str | None:
        """Complete an upload closed by its client; return its reference, None before its rename."""
        return await self.box.close(receiving, self.by)

    async def rename(self, old: bytes, new: bytes) -> None:
        """Complete a temporary upload under its final name; any other rename is declined."""
        before, after = place_of(old), place_of(new)
        folder, name = await self._writable(new)
        kept = await self._published_entry(before) is not None
        if before.name is None or before.above != after.above or kept:
            raise Declined(ONLY_TEMPORARY)
        await self.box.rename(folder, before.name, name, self.by)

    async def remove(self, raw: bytes) -> None:
        """Discard an unfinished upload; any other removal is declined."""
        place = place_of(raw)
        if place.name is None:
            raise Declined(IS_FOLDER)
        if await self._published_entry(place) is not None:
            raise Declined(KEPT)
        if place.uploads is None:
            raise Declined(NO_SUCH_FILE)
        await self.box.remove(place.uploads, place.name)

    async def check_size(self, raw: bytes, size: int) -> None:
        """Raise Declined if a client sets a file's size to a different one."""
        known = await self.find(raw)
        if known is not None and known.size != size:
            raise Declined(SIZE_IS_SET)

    async def set_modified(self, raw: bytes, modified: int) -> None:
        """Set the time of the provider's own upload in listings; ignore any other path."""
        place = place_of(raw)
        if place.uploads is not None and place.name is not None:
            await self.box.set_modified(place.uploads, place.name, modified)

    async def _writable(self, raw: bytes) -> tuple[Folder, str]:
        """Return folder and name of an upload at the path `raw`. Declined where a client may not upload."""
        place = place_of(raw)
        if place.name is None or self._is_folder(place):
            raise Declined(IS_FOLDER)
        if place.uploads is None:
            raise Declined(READ_ONLY)
        if not self._is_folder(place.above):
            raise Declined(NO_SUBFOLDERS)
        name = checked_name(place.name, self.name_bytes)
        if await self._published_entry(place) is not None:
            raise Declined(TAKEN_NAME)
        return place.uploads, name

    def _published_folders(self, folder: FolderName | None) -> tuple[Path, ...]:
        if folder is None:
            return (self.published.pages(self.box.provider),)
        if folder in {"out", "receipts"}:
            return (self.published.provider(self.box.provider) / folder,)
        if folder in {"keys", "agreement"}:
            return (self.published.common / folder,)
        return ()

    async def _published_entry(self, place: IntakePlace) -> ListedFile | None:
        if place.name is not None:
            await self._await_receipts(place)
            for folder in self._published_folders(place.folder):
                if (entry := await on_disk(find_published, folder, place.name)) is not None:
                    return entry
        return None

    async def _await_receipts(self, place: IntakePlace) -> None:
        """Where receipts are published only on demand, ask the inside for the provider's, and wait for them.

        Declined if they do not come in time.
        """
        if place.folder != "receipts" or not await on_disk(self.published.on_request.exists):
            return
        folder = self.published.provider(self.box.provider) / "receipts"
        for _ in range(_LOOKS):
            if await on_disk(_ask, folder, self.box.asked):
                return
            await asyncio.sleep(_PAUSE_SECONDS)
        raise Declined(RECEIPTS_FOLLOW)

    def _sent_entry(self, place: IntakePlace) -> ListedFile | None:
        if place.uploads is None or place.name is None:
            return None
        known = self.box.find(place.uploads, place.name)
        return None if known is None else _entry(place.name, known)


def _ask(folder: Path, mark: Path) -> bool:
    """Touch the file `mark` to ask the inside to make `folder`; return True if the folder exists already."""
    there = folder.is_dir()
    if not there:
        mark.unlink(missing_ok=True)
    mark.touch()
    return there


def _entry(name: str, known: Unfinished | HandedOver) -> ListedFile:
    """Return the listing entry of an upload, with its real size and the time set by the client."""
    if isinstance(known, Unfinished):
        given, own = known.label.modified, known.touched_at
    else:
        given, own = known.modified, known.landed_at
    return ListedFile(name, known.size, int(own.timestamp()) if given is None else given)
