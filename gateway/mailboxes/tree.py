"""Serve one SFTP session of a member of staff: a virtual tree, and nothing else.

Listing and stat are views of the registry. To open a file is to collect: the sealed original is opened in
memory, the team's view is made, the collection is recorded, and only then can the client read. To remove a
file marks the file as dealt with; to rename the file back undoes the mark. Everything else is refused.
"""

import asyncio
import logging
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar, TypeVarTuple

import asyncssh

from gateway.errors import Fault
from gateway.home.settings import MailboxLimits
from gateway.mailboxes.contents import Contents, FileOrder, OpenContent
from gateway.mailboxes.mailbox_access import FILES_A_QUERY, AccessEnded, MailboxAccess, Person
from gateway.mailboxes.names import (
    ABOUT,
    HELD,
    LISTS,
    REMOVED,
    SHELVES,
    MailboxPlace,
    canonical,
    file_name,
    place_of,
)
from gateway.ssh.answers import NO_SUCH_FILE, TOO_MANY_HANDLES, Declined, denied, encoded, failed
from gateway.ssh.sftp import Server
from gateway.zones.failpoints import passing

_log = logging.getLogger(__name__)

READ_ONLY = denied("Nothing can be put here; the mailboxes are for collecting files.")
NOT_RECORDED = failed("The gateway cannot record this at the moment, so it was not done; try again later.")
_WRITING = (
    asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC | asyncssh.FXF_EXCL
)
_FILE_MODE = stat.S_IFREG | 0o440
_TEAM_MODE = stat.S_IFDIR | 0o770
_FOLDER_MODE = stat.S_IFDIR | 0o550

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
_Encoded = tuple[Sequence[bytes], int | None]
"""Part of a folder: names encoded for SFTP, and the sequence with which to go on, None at the end."""


@dataclass(frozen=True, slots=True)
class SharedResources:
    """Resources shared by all sessions. `readers` and `writers` are threads for registry calls."""

    mailboxes: MailboxAccess
    contents: Contents
    readers: Executor
    writers: Executor
    limits: MailboxLimits


@dataclass(frozen=True, slots=True, eq=False)
class CollectedFile:
    """A file opened by a client: the content of an order, or a text (list, NAME.about.txt) as bytes."""

    place: MailboxPlace
    order: FileOrder | None
    content: OpenContent | None = None
    text: bytes = b""


class MailboxTree(Server):
    """Serve the mailboxes of one member of staff, `person`, as a virtual folder tree in one SFTP session."""

    def __init__(
        self, channel: asyncssh.SSHServerChannel[bytes], person: Person, resources: SharedResources
    ) -> None:
        super().__init__(channel)
        self._person = person
        self._resources = resources
        self._mailboxes = resources.mailboxes
        self._open = 0
        self.handles = resources.limits.handles_per_session

    async def realpath(self, path: bytes) -> bytes:
        """Return the canonical form of a path, existing or not."""
        return canonical(path)

    async def stat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return the size and times of a file, or the attributes of a folder."""
        place, now = place_of(path), self._mailboxes.clock()
        if place.is_list:
            if await self._ask(self._mailboxes.inside_lists, place) is None:
                return _attrs(_FILE_MODE, None, now)
        elif (found := await self._ask(self._mailboxes.find, place)) is not None:
            # An unknown size is left out, so that clients read to the end.
            size = self._resources.contents.size_of(found)
            if place.is_about:
                size = len(await self._ask(self._mailboxes.about, place))
            return _attrs(_FILE_MODE, size, found.decided_at)
        return _attrs(_folder_mode(place), 0, now)

    lstat = stat  # The tree has no links.

    async def fstat(self, file: object) -> asyncssh.SFTPAttrs:
        """Return the size and times of an open file."""
        await self._ask(self._mailboxes.folders)
        opened = _opened(file)
        modified = opened.order.delivery.decided_at if opened.order else self._mailboxes.clock()
        size = opened.content.given.size if opened.content else len(opened.text)
        return _attrs(_FILE_MODE, size, modified)

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002
        """Succeed and do nothing: clients set times and modes unasked."""
        await self._ask(self._mailboxes.find, place_of(path))

    async def fsetstat(self, file: object, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002
        """Succeed and do nothing."""
        await self._ask(self._mailboxes.folders)

    async def opendir(self, path: bytes) -> AsyncIterator[Sequence[bytes]]:
        """Yield a folder's entries in pages, encoded: subfolders, or files with the latest first."""
        place = place_of(path)
        if place.is_list:
            inside = await self._ask(self._mailboxes.inside_lists, place)
            if inside is None:
                raise Declined(NO_SUCH_FILE)
            is_root = place.folder is None
            upper = self._entries(_folder_mode(place), (".", "..", *(inside if is_root else ())))
            return _at_once([*upper, *self._entries(_FILE_MODE, () if is_root else inside, None)])
        if place.folder is None:
            removed = await self._ask(self._mailboxes.removed_folders)
            folders = removed if place.removed else await self._ask(self._mailboxes.folders)
            teams, there = [name for name in folders if name != HELD], dict[str, bool]()
            if place.shelf is None and not place.removed:
                has_lists = not self._mailboxes.looking.welfare.isdisjoint(folders)
                there = {HELD: HELD in folders, REMOVED: bool(removed), LISTS: has_lists}
            shelves = SHELVES if there and teams else ()
            return _at_once(
                [
                    *self._entries(_FOLDER_MODE, (".", "..", *shelves)),
                    *self._entries(_TEAM_MODE, teams),
                    *self._entries(_FOLDER_MODE, [name for name, is_there in there.items() if is_there]),
                ]
            )
        if place.name is not None:
            raise Declined(NO_SUCH_FILE)
        if place.has_folders:
            kinds = await self._ask(self._mailboxes.kinds, place)
            return _at_once(self._entries(_FOLDER_MODE, (".", "..", *kinds)))
        return self._files(place, await self._ask(self._page, place, None))

    async def open(
        self,
        path: bytes,
        pflags: int,
        attrs: asyncssh.SFTPAttrs,  # noqa: ARG002
    ) -> CollectedFile:
        """Collect a file: open the permitted view in memory, record the collection, return the handle."""
        place = place_of(path)
        if pflags & _WRITING:
            raise Declined(READ_ONLY)
        if self._open >= self._resources.limits.open_files_per_session:
            raise Declined(TOO_MANY_HANDLES)
        if place.is_list:
            text = await self._tell(self._mailboxes.list_text, place)
            self._open += 1
            return CollectedFile(place, None, text=text)
        order = await self._ask(self._mailboxes.order, place)
        if place.is_about:
            text = await self._ask(self._mailboxes.about, place)
            self._open += 1
            return CollectedFile(place, order, text=text)
        content = await self._resources.contents.borrow(order, self._person.name)
        passing("collect.opened")
        try:
            await self._tell(self._mailboxes.collect, place, content.given)
        except BaseException:
            self._resources.contents.give_back(content, self._person.name)
            raise
        passing("collect.recorded")
        self._open += 1
        return CollectedFile(place, order, content)

    async def read(self, file: object, offset: int, length: int) -> bytes:
        """Return a piece of an open file. Declined if the person may not open it any more."""
        opened = _opened(file)
        if opened.order is None:
            await self._ask(self._mailboxes.inside_lists, opened.place)
        else:
            await self._ask(self._mailboxes.check_reading, opened.order)
        if opened.content is None:
            return opened.text[offset : offset + length]
        return self._resources.contents.read(opened.content, offset, length)

    async def close(self, file: object) -> None:
        """Release the content of an open file."""
        self._open -= 1
        if (content := _opened(file).content) is not None:
            self._resources.contents.give_back(content, self._person.name)

    async def remove(self, path: bytes) -> None:
        """Mark the file at a path as dealt with, for the whole team."""
        await self._tell(self._mailboxes.deal_with, place_of(path))

    async def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Restore a file that is moved from /removed/TEAM to /TEAM; decline every other rename."""
        before, after = place_of(oldpath), place_of(newpath)
        if (
            not before.removed
            or before.name is None
            or before.is_about
            or replace(before, removed=False) != after
        ):
            raise Declined(READ_ONLY)
        await self._tell(self._mailboxes.restore, before)

    posix_rename = rename

    async def _ask(
        self, question: Callable[[Person, *Ts], T], *args: *Ts, threads: Executor | None = None
    ) -> T:
        """Call a method of the mailboxes for the person, in a reader thread; return the result."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                threads or self._resources.readers, question, self._person, *args
            )
        except AccessEnded:
            # The answer is sent first; then the connection ends.
            loop.call_soon(self.connection.close)
            raise

    async def _tell(self, record: Callable[[Person, *Ts], T], *args: *Ts) -> T:
        """Call `record`, a method to record an act, in a writing thread. Declined if recording fails."""
        try:
            return await self._ask(record, *args, threads=self._resources.writers)
        except Fault as fault:
            _log.error("not recorded: %s", fault)
            raise Declined(NOT_RECORDED) from None

    async def _files(self, place: MailboxPlace, page: _Encoded) -> AsyncIterator[Sequence[bytes]]:
        yield self._entries(_folder_mode(place), (".", ".."))
        names, further = page
        while further is not None:
            # Fetch the next page while the client reads this one.
            ahead = asyncio.ensure_future(self._ask(self._page, place, further))
            try:
                yield names
                names, further = await ahead
            finally:
                ahead.cancel()
        yield names

    def _page(self, person: Person, place: MailboxPlace, before: int | None) -> _Encoded:
        """Return a folder's next page of entries, encoded; called in a thread, since pages are long."""
        files, abouts = self._mailboxes.page(person, place, before)
        now, names = self._mailboxes.clock().timestamp(), []
        for delivery in files:
            name, modified = file_name(delivery), int(delivery.decided_at.timestamp())
            size = self._resources.contents.size_of(delivery)
            names.append(encoded(name, _FILE_MODE, size, modified, now))
            if delivery.sequence in abouts:
                names.append(encoded(f"{name}{ABOUT}", _FILE_MODE, None, modified, now))
        return names, files[-1].sequence if len(files) == FILES_A_QUERY else None

    def _entries(self, mode: int, names: Sequence[str], size: int | None = 0) -> list[bytes]:
        """Return encoded SFTP entries with the given names, for folders or for files made on reading.
        `mode`: kind and permissions; `size`: in bytes, None if unknown.
        """
        now = self._mailboxes.clock().timestamp()
        return [encoded(name, mode, size, int(now), now) for name in names]


async def _at_once(names: Sequence[bytes]) -> AsyncIterator[Sequence[bytes]]:
    """Yield the entries of a small folder as one page."""
    yield names


def _folder_mode(place: MailboxPlace) -> int:
    return _FOLDER_MODE if place.folder in {None, HELD} or place.has_folders else _TEAM_MODE


def _opened(file: object) -> CollectedFile:
    """Return the handle as CollectedFile; asyncssh passes open files as plain objects."""
    if not isinstance(file, CollectedFile):
        raise TypeError("not a file of this session")
    return file


def _attrs(mode: int, size: int | None, modified: datetime) -> asyncssh.SFTPAttrs:
    seconds = int(modified.timestamp())
    return asyncssh.SFTPAttrs(
        size=size, uid=0, gid=0, permissions=mode, atime=seconds, mtime=seconds, nlink=1
    )
