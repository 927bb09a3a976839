"""The virtual tree of one provider: what is where, what may be done there, and nothing else.

/              uploads here are taken as uploads to /in
/in            upload; lists what was sent; nothing can be fetched back or overwritten
/out /receipts what was published for this provider, to read
/keys /agreement  what was published for everybody, to read; and upload
"""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path

from gateway.home import Published
from gateway.intake.answers import KEPT, NOT_DOWNLOADABLE, ONLY_TEMPORARY, READ_ONLY, TAKEN_NAME
from gateway.intake.box import Box, Wish
from gateway.intake.disk import in_turn, on_disk
from gateway.intake.paths import FOLDERS, FolderName, Place, checked_name, place_of
from gateway.intake.published import Entry, find_published, list_published, open_published
from gateway.intake.recent import HandedOver
from gateway.intake.unfinished import Unfinished
from gateway.intake.upload import Receiving
from gateway.model import Folder
from gateway.ssh.answers import IS_FOLDER, NO_SUCH_FILE, Declined
from gateway.ssh.visitor import LoggedIn

_AT_ONCE = 500  # So many entries are made before others have their turn: about a millisecond.
_UPLOADS: dict[FolderName, Folder] = {"in": "in", "keys": "keys", "agreement": "agreement"}


@dataclass(frozen=True, slots=True)
class Listing:
    """The content of a folder: its folders and its files."""

    folders: tuple[str, ...] = ()
    files: tuple[Entry, ...] = ()


class Reading:
    """A published file that is open for reading."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def close(self) -> None:
        """Close it, once."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


@dataclass(frozen=True, slots=True)
class Tree:
    """What one session of a provider sees. Every path is bytes as the client sent them."""

    published: Published
    box: Box
    by: LoggedIn
    name_bytes: int

    async def find(self, raw: bytes) -> Entry | None:
        """The file at `raw`, or None where it is a folder. Declined where nothing is there."""
        place = place_of(raw)
        if place.name is None:
            return None
        entry = await self._published_entry(place) or self._sent_entry(place)
        if entry is None:
            raise Declined(NO_SUCH_FILE)
        return entry

    async def listing(self, raw: bytes) -> Listing:
        """The folder at `raw`. Declined where there is no such folder."""
        place = place_of(raw)
        if place.name is not None:
            raise Declined(NO_SUCH_FILE)
        if place.folder is None:
            return Listing(FOLDERS, tuple(await self._sent("in")))
        shown = {entry.name: entry for entry in await self._sent(place.folder)}
        for folder in self._published_folders(place.folder):
            shown.update({entry.name: entry for entry in await in_turn(list_published, folder)})
        return Listing(files=tuple(shown.values()))

    async def open_to_read(self, raw: bytes) -> Reading:
        """A published file. Declined for everything else, with the reason that helps."""
        place = place_of(raw)
        if place.name is None or place.folder is None:
            raise Declined(IS_FOLDER)
        for folder in self._published_folders(place.folder):
            try:
                return Reading(await on_disk(open_published, folder, place.name))
            except FileNotFoundError:
                continue
        raise Declined(NO_SUCH_FILE if self._sent_entry(place) is None else NOT_DOWNLOADABLE)

    async def open_to_write(self, raw: bytes, wish: Wish) -> Receiving:
        """An upload, new or resumed. Declined where files cannot be put or the name cannot be taken."""
        folder, name = await self._writable(raw)
        return await self.box.receive(folder, name, wish)

    async def close(self, receiving: Receiving) -> None:
        """The client closed its upload."""
        await self.box.close(receiving, self.by)

    async def rename(self, old: bytes, new: bytes) -> None:
        """Complete a temporary upload; anything else is declined."""
        before = place_of(old)
        folder, name = await self._writable(new)
        kept = await self._published_entry(before) is not None
        if before.name is None or before.folder != folder or kept:
            raise Declined(ONLY_TEMPORARY)
        await self.box.rename(folder, before.name, name, self.by)

    async def remove(self, raw: bytes) -> None:
        """Give up an unfinished upload; anything else is declined."""
        place = place_of(raw)
        if place.name is None or place.folder is None:
            raise Declined(IS_FOLDER)
        if await self._published_entry(place) is not None:
            raise Declined(KEPT)
        folder = _UPLOADS.get(place.folder)
        if folder is None:
            raise Declined(NO_SUCH_FILE)
        await self.box.remove(folder, place.name)

    async def set_modified(self, raw: bytes, modified: int) -> None:
        """Note the time that a client gives an upload of its own, for listings; elsewhere nothing happens."""
        place = place_of(raw)
        folder = _UPLOADS.get(place.folder) if place.folder is not None else None
        if folder is not None and place.name is not None:
            await self.box.set_modified(folder, place.name, modified)

    async def _writable(self, raw: bytes) -> tuple[Folder, str]:
        """The folder and name of a file to be put."""
        place = place_of(raw, putting=True)
        if place.folder is None or place.name is None:
            raise Declined(IS_FOLDER)
        folder = _UPLOADS.get(place.folder)
        if folder is None:
            raise Declined(READ_ONLY)
        name = checked_name(place.name, self.name_bytes)
        if await self._published_entry(place) is not None:
            raise Declined(TAKEN_NAME)
        return folder, name

    def _published_folders(self, folder: FolderName) -> tuple[Path, ...]:
        if folder in {"out", "receipts"}:
            return (self.published.provider(self.box.provider) / folder,)
        if folder in {"keys", "agreement"}:
            return (self.published.common / folder,)
        return ()

    async def _published_entry(self, place: Place) -> Entry | None:
        if place.folder is not None and place.name is not None:
            for folder in self._published_folders(place.folder):
                if (entry := await on_disk(find_published, folder, place.name)) is not None:
                    return entry
        return None

    async def _sent(self, folder: FolderName) -> list[Entry]:
        """What this provider sent to `folder`; of two under one name the unfinished one."""
        kind = _UPLOADS.get(folder)
        if kind is None:
            return []
        sent = {}
        for number, known in enumerate(self.box.handed_over(kind)):
            sent[known.name] = _entry(known.name, known)
            if number % _AT_ONCE == 0:
                await asyncio.sleep(0)
        for upload in self.box.unfinished(kind):
            sent[upload.label.name] = _entry(upload.label.name, upload)
        return list(sent.values())

    def _sent_entry(self, place: Place) -> Entry | None:
        kind = _UPLOADS.get(place.folder) if place.folder is not None else None
        if kind is None or place.name is None:
            return None
        known = self.box.find(kind, place.name)
        return None if known is None else _entry(place.name, known)


def _entry(name: str, known: Unfinished | HandedOver) -> Entry:
    """How an upload looks in a listing: its real size, and the time that its client gave it."""
    if isinstance(known, Unfinished):
        given, own = known.label.modified, known.touched_at
    else:
        given, own = known.modified, known.landed_at
    return Entry(name, known.size, int(own.timestamp()) if given is None else given)
