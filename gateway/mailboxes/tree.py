"""One SFTP session of a member of staff: a virtual tree, and nothing else.

Listing and stat are views of the registry. To open a file is to collect it: the sealed original is opened in
memory, the team's view is made, the collection is recorded, and only then can the client read. To remove a
file marks it as dealt with; renaming it back undoes the mark. Everything else is refused.
"""

import asyncio
import csv
import io
import logging
import stat
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Concatenate, ParamSpec, TypeVar

import asyncssh

from gateway.errors import Fault
from gateway.home.settings import MailboxLimits
from gateway.log.checkpoint import LogKey
from gateway.mailboxes.contents import Contents, OpenContent
from gateway.mailboxes.mailbox_access import PAGE, AccessEnded, MailboxAccess, Person
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
from gateway.policy.catalogue import Catalogue
from gateway.record.children import Leavers, leavers
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.registry.deliveries import Delivery
from gateway.registry.staff import teams_while_in_force
from gateway.ssh.answers import IS_FOLDER, NO_SUCH_FILE, TOO_MANY_HANDLES, Declined, denied, encoded, failed
from gateway.ssh.sftp import Server
from gateway.zones.failpoints import passing

SINCE = timedelta(days=365)
_LISTS = {"children-on-no-roll.csv": False, "movers.csv": True}
_HEADER = ("Left", "School", "Reference", "Record", "Now at")


@dataclass(frozen=True, slots=True)
class Lists:
    """The CSV files in /lists: children on no roll, and movers, for teams looking for children."""

    registry: Registry
    catalogue: Callable[[], Catalogue]
    log_key: LogKey
    log_origin: str
    clock: Callable[[], datetime]

    @property
    def teams(self) -> frozenset[str]:
        """The teams with lists, by the policies in force now."""
        return self.catalogue().looking_teams().welfare

    def inside(self, person: Person, place: MailboxPlace) -> tuple[str, ...] | None:
        """Return the entries of a folder; None for a list. Declined if nothing is there."""
        with self.registry.read() as session:
            teams = teams_while_in_force(session, person.name, person.key, self.clock())
        if teams is None:
            raise AccessEnded
        entitled = self.teams
        own = tuple(team for team in teams if team in entitled)
        if not own or place.folder not in (*own, None) or place.name not in (*_LISTS, None):
            raise Declined(NO_SUCH_FILE)
        if place.name is not None:
            return None
        return own if place.folder is None else tuple(_LISTS)

    def text(self, person: Person, place: MailboxPlace) -> bytes:
        """Return a list as UTF-8 CSV for one person, after recording the reading. Declined without a list."""
        if self.inside(person, place) is not None:
            raise Declined(NO_SUCH_FILE)
        now, moved = self.clock(), _LISTS[str(place.name)]
        with self.registry.write() as session:
            found, question = leavers(session, now - SINCE, moved=moved, by=person.name, name=person.name)
            log.append(session, [question], now)
            log.sign_head(session, self.log_key, self.log_origin, now)
        return _csv(found)


def _csv(found: Leavers) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_HEADER)
    for one in sorted(found.children, key=lambda each: each.left_at, reverse=True):
        writer.writerow([f"{one.left_at:%Y-%m-%d}", one.provider, one.reference, one.record, one.to or ""])
    return text.getvalue().encode()


_log = logging.getLogger(__name__)

READ_ONLY = denied("Nothing can be put here; the mailboxes are for collecting files.")
NOT_RECORDED = failed("The gateway cannot record this at the moment, so it was not done; try again later.")
_WRITING = (
    asyncssh.FXF_WRITE | asyncssh.FXF_APPEND | asyncssh.FXF_CREAT | asyncssh.FXF_TRUNC | asyncssh.FXF_EXCL
)
_FILE_MODE = stat.S_IFREG | 0o440
_TEAM_MODE = stat.S_IFDIR | 0o770
_FOLDER_MODE = stat.S_IFDIR | 0o550

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SharedResources:
    """Resources shared by all sessions. `readers` and `writers` are threads for registry calls."""

    mailboxes: MailboxAccess
    lists: Lists
    contents: Contents
    readers: Executor
    writers: Executor
    limits: MailboxLimits


@dataclass(frozen=True, slots=True, eq=False)
class Collected:
    """A collected file opened by a client."""

    delivery: Delivery
    content: OpenContent


@dataclass(frozen=True, slots=True, eq=False)
class OpenText:
    """An open about text of a delivery, or an open list."""

    text: bytes
    delivery: Delivery | None = None


_Encoded = tuple[Sequence[bytes], int | None]
"""Part of a folder: names encoded for SFTP, and the sequence with which to go on, None at the end."""


class MailboxTree(Server):
    """The SFTP session of `person`."""

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
        place = place_of(path)
        if place.is_list:
            inside = await self._ask(self._resources.lists.inside, place)
            if inside is not None:
                return self._folder(place)
            return _attrs(_FILE_MODE, None, self._mailboxes.clock())
        found = await self._ask(self._mailboxes.find, place)
        if found is None:
            return self._folder(place)
        if place.is_about:
            return _file(found, len(await self._ask(self._mailboxes.about, place)))
        return _file(found, self._resources.contents.size_of(found))

    async def lstat(self, path: bytes) -> asyncssh.SFTPAttrs:
        """Return the same as `stat`: the tree has no links."""
        return await self.stat(path)

    async def fstat(self, file: object) -> asyncssh.SFTPAttrs:
        """Return the size and times of an open file."""
        await self._ask(self._mailboxes.folders)
        if isinstance(file, OpenText):
            modified = file.delivery.decided_at if file.delivery else self._mailboxes.clock()
            return _attrs(_FILE_MODE, len(file.text), modified)
        collected = _collected(file)
        return _file(collected.delivery, collected.content.given.size)

    async def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002
        """Succeed and do nothing: clients set times and modes unasked."""
        await self._ask(self._mailboxes.find, place_of(path))

    async def fsetstat(self, file: object, attrs: asyncssh.SFTPAttrs) -> None:  # noqa: ARG002
        """Succeed and do nothing."""
        await self._ask(self._mailboxes.folders)

    async def opendir(self, path: bytes) -> AsyncIterator[Sequence[bytes]]:
        """Yield the person's folders, or the files of a folder, latest first; encoded, in pages."""
        place = place_of(path)
        if place.is_list:
            inside = await self._ask(self._resources.lists.inside, place)
            if inside is None:
                raise Declined(NO_SUCH_FILE)
            return self._lists(place, inside)
        if place.folder is None:
            there = await self._ask(self._mailboxes.removed_folders)
            if place.removed:
                return self._root(place, there)
            folders = await self._ask(self._mailboxes.folders)
            further = (REMOVED,) if there and place.shelf is None else ()
            lists = (
                (LISTS,) if place.shelf is None and self._resources.lists.teams.intersection(folders) else ()
            )
            return self._root(place, (*folders, *further, *lists))
        if place.name is not None:
            raise Declined(NO_SUCH_FILE)
        if place.has_folders:
            return self._kinds(place, await self._ask(self._mailboxes.kinds, place))
        return self._files(place, await self._ask(self._page, place, None))

    async def open(
        self,
        path: bytes,
        pflags: int,
        attrs: asyncssh.SFTPAttrs,  # noqa: ARG002
    ) -> Collected | OpenText:
        """Collect a file: open the permitted view in memory, record the collection, return the handle."""
        place = place_of(path)
        if pflags & _WRITING:
            raise Declined(READ_ONLY)
        if self._open >= self._resources.limits.open_files_per_session:
            raise Declined(TOO_MANY_HANDLES)
        if place.is_list:
            text = await self._tell(self._resources.lists.text, place)
            self._open += 1
            return OpenText(text)
        delivery = await self._ask(self._mailboxes.find, place)
        if delivery is None:
            raise Declined(IS_FOLDER)
        order = await self._ask(self._mailboxes.order, place)
        if place.is_about:
            text = await self._ask(self._mailboxes.about, place)
            self._open += 1
            return OpenText(text, order.delivery)
        content = await self._resources.contents.borrow(order, self._person.name)
        passing("collect.opened")
        try:
            await self._tell(self._mailboxes.collect, place, content.given)
        except BaseException:
            self._resources.contents.give_back(content, self._person.name)
            raise
        passing("collect.recorded")
        self._open += 1
        return Collected(order.delivery, content)

    async def read(self, file: object, offset: int, length: int) -> bytes:
        """Return a piece of an open file, unless withdrawn since opening."""
        delivery = file.delivery if isinstance(file, OpenText) else _collected(file).delivery
        if delivery is None:
            await self._ask(self._mailboxes.folders)
        else:
            await self._ask(self._mailboxes.check_reading, delivery)
        if isinstance(file, OpenText):
            return file.text[offset : offset + length]
        return self._resources.contents.read(_collected(file).content, offset, length)

    async def close(self, file: object) -> None:
        """Release the content of an open file."""
        self._open -= 1
        if not isinstance(file, OpenText):
            self._resources.contents.give_back(_collected(file).content, self._person.name)

    async def abandon(self, file: object) -> None:
        """Close a file of a client that is gone: how much was read makes no difference."""
        await self.close(file)

    async def remove(self, path: bytes) -> None:
        """Mark a file as dealt with."""
        await self._tell(self._mailboxes.deal_with, place_of(path))

    async def rename(self, old: bytes, new: bytes) -> None:
        """Put a file removed by the team back in place; every other rename is declined."""
        before, after = place_of(old), place_of(new)
        if (
            not before.removed
            or before.name is None
            or before.is_about
            or replace(before, removed=False) != after
        ):
            raise Declined(READ_ONLY)
        await self._tell(self._mailboxes.restore, before)

    async def posix_rename(self, old: bytes, new: bytes) -> None:
        """Rename, as `rename`."""
        await self.rename(old, new)

    async def _ask(
        self, question: Callable[Concatenate[Person, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return the mailboxes' answer about this person, awaited in a reader thread."""
        return await self._wait(self._resources.readers, question, *args, **kwargs)

    async def _tell(
        self, record: Callable[Concatenate[Person, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Record something in a writer thread; declined if recording fails."""
        try:
            return await self._wait(self._resources.writers, record, *args, **kwargs)
        except Fault as fault:
            _log.error("not recorded: %s", fault)
            raise Declined(NOT_RECORDED) from None

    async def _wait(
        self, threads: Executor, ask: Callable[Concatenate[Person, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(threads, lambda: ask(self._person, *args, **kwargs))
        except AccessEnded:
            # The answer is sent first; then the connection ends.
            loop.call_soon(self.connection.close)
            raise

    async def _root(self, place: MailboxPlace, folders: tuple[str, ...]) -> AsyncIterator[Sequence[bytes]]:
        """Yield the teams' folders of the root or a shelf, and the shelves in the root."""
        teams = [name for name in folders if name not in {HELD, REMOVED, LISTS}]
        is_root = place.shelf is None and not place.removed
        yield [
            *self._folders(MailboxPlace(), (".", "..", *(SHELVES if teams and is_root else ()))),
            *(
                folder
                for name in (folders if is_root else teams)
                for folder in self._folders(MailboxPlace(None if name in {REMOVED, LISTS} else name), (name,))
            ),
        ]

    async def _lists(self, place: MailboxPlace, inside: Sequence[str]) -> AsyncIterator[Sequence[bytes]]:
        now = self._mailboxes.clock().timestamp()
        lists = [encoded(name, _FILE_MODE, None, int(now), now) for name in inside]
        yield [
            *self._folders(place, (".", "..")),
            *(self._folders(place, inside) if place.folder is None else lists),
        ]

    async def _kinds(self, place: MailboxPlace, kinds: Sequence[str]) -> AsyncIterator[Sequence[bytes]]:
        yield self._folders(place, (".", "..", *kinds))

    async def _files(self, place: MailboxPlace, page: _Encoded) -> AsyncIterator[Sequence[bytes]]:
        yield self._folders(place, (".", ".."))
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
        """Return the next page of a folder; run in a thread, because a page may be two thousand files."""
        page, now, names = (
            self._mailboxes.page(person, place, before),
            self._mailboxes.clock().timestamp(),
            [],
        )
        for delivery in page.files:
            name, modified = file_name(delivery), int(delivery.decided_at.timestamp())
            size = self._resources.contents.size_of(delivery)
            names.append(encoded(name, _FILE_MODE, size, modified, now))
            if delivery.sequence in page.abouts:
                names.append(encoded(f"{name}{ABOUT}", _FILE_MODE, None, modified, now))
        return names, page.files[-1].sequence if len(page.files) == PAGE else None

    def _folders(self, place: MailboxPlace, names: Sequence[str]) -> list[bytes]:
        now = self._mailboxes.clock().timestamp()
        return [encoded(name, _folder_mode(place), 0, int(now), now) for name in names]

    def _folder(self, place: MailboxPlace) -> asyncssh.SFTPAttrs:
        return _attrs(_folder_mode(place), 0, self._mailboxes.clock())


def _folder_mode(place: MailboxPlace) -> int:
    return _FOLDER_MODE if place.folder in {None, HELD} or place.has_folders else _TEAM_MODE


def _collected(file: object) -> Collected:
    """Return the handle as Collected; asyncssh passes open files as plain objects."""
    if not isinstance(file, Collected):
        raise TypeError("not a file of this session")
    return file


def _file(delivery: Delivery, size: int | None) -> asyncssh.SFTPAttrs:
    """Return file attributes; an unknown size is omitted, so that clients read to the end."""
    return _attrs(_FILE_MODE, size, delivery.decided_at)


def _attrs(mode: int, size: int | None, modified: datetime) -> asyncssh.SFTPAttrs:
    seconds = int(modified.timestamp())
    return asyncssh.SFTPAttrs(
        size=size, uid=0, gid=0, permissions=mode, atime=seconds, mtime=seconds, nlink=1
    )
