"""Keep one provider's drop box: unfinished uploads, the latest hand-overs, and all steps of an upload.

All connections of one provider share one box.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from asyncssh import FXF_APPEND, FXF_CREAT, FXF_EXCL, FXF_TRUNC
from pydantic import ValidationError

from gateway.errors import trace_of
from gateway.home import Spool
from gateway.home.settings import IntakeLimits
from gateway.home.settings_file import File
from gateway.intake import answers
from gateway.intake.disk import Landed, check_room, on_disk
from gateway.intake.paths import IntakePlace, is_temporary
from gateway.intake.upload import (
    Label,
    Memory,
    Receiving,
    Unfinished,
    load_unfinished,
    new_unfinished,
    open_again,
)
from gateway.model import Folder, Upload
from gateway.observe.metrics import HAND_OVER_SECONDS, LANDED, LANDED_BYTES
from gateway.ssh.answers import NO_SUCH_FILE, Declined
from gateway.ssh.serving import LoggedIn
from gateway.zones.failpoints import passing
from gateway.zones.spool import NotDurableError, complete, hand_over, reserve_reference

_log = logging.getLogger(__name__)


_MOST_FOLDERS = 1_000
_FOLDER_KEPT = timedelta(hours=1)

# The provider's latest hand-overs, in intake's own memory, for listings and for the day's count. A journal in
# spool/recent/PROVIDER.jsonl restores this memory after a restart; its loss loses no upload.

_SHOWN = 2_000  # The latest entries of one provider shown in a listing.


class HandedOver(File):
    """One line in a provider's file of recent uploads: an upload that was handed over.

    `name`: as its client gave it, with the folders that the client made. `modified`: the file's time as set
    by the client, in epoch seconds.
    """

    reference: str
    folder: Folder
    name: str
    size: int
    landed_at: datetime
    modified: int | None = None


class Recent:
    """One provider's latest upload under each name, and today's total; kept in memory and in the file `path`.

    Entries older than `keep` are forgotten.
    """

    def __init__(self, path: Path, keep: timedelta) -> None:
        self._path = path
        self._keep = keep
        self._latest: dict[tuple[Folder, str], HandedOver] = {}
        self._above: Counter[tuple[Folder, str]] = Counter()  # The number of entries below each folder made.
        self._today: tuple[date | None, int, int] = (None, 0, 0)  # A day (UTC), its uploads and bytes.
        self._writing = threading.Lock()

    def load(self, now: datetime) -> None:
        """Read the entries in the file, except old or unreadable lines.
        If more than half of the lines are old or unreadable, rewrite the file. Call once, in a worker thread,
        before anything else.
        """
        entries = kept = 0
        for entry in self._read():
            entries += 1
            if entry is not None and self._is_kept(entry, now):
                kept += 1
                self.remember(entry)
        if 2 * kept < entries:
            self.rewrite(now)

    def expire(self, now: datetime) -> bool:
        """Forget entries older than `keep`. Return True if there were any, as the file must then be
        rewritten.
        """
        old = [key for key, entry in self._latest.items() if not self._is_kept(entry, now)]
        for key in old:
            self._forget(key)
        return bool(old)

    def _is_kept(self, entry: HandedOver, now: datetime) -> bool:
        return entry.landed_at >= now - self._keep

    def _read(self) -> Iterator[HandedOver | None]:
        try:
            file = self._path.open("rb")
        except FileNotFoundError:
            return
        with file:
            for line in filter(bytes.strip, file):
                try:
                    yield HandedOver.model_validate_json(line)
                except ValidationError:
                    yield None  # A line cut off by a crash.

    def remember(self, entry: HandedOver) -> None:
        """Take `entry` into memory as the latest upload under its name, and count it in the day's total."""
        key = (entry.folder, entry.name)
        known = self._forget(key)
        self._latest[key] = entry
        self._above.update(_folders_of(key))
        if len(self._latest) > _SHOWN:
            self._forget(next(iter(self._latest)))
        if known is None or known.reference != entry.reference:
            day, (today, uploads, size) = entry.landed_at.astimezone(UTC).date(), self._today
            if day == today:
                self._today = day, uploads + 1, size + entry.size
            elif today is None or day > today:
                self._today = day, 1, entry.size

    def _forget(self, key: tuple[Folder, str]) -> HandedOver | None:
        known = self._latest.pop(key, None)
        if known is not None:
            self._above.subtract(_folders_of(key))
        return known

    def today(self, now: datetime) -> tuple[int, int]:
        """Return two numbers for the day (UTC) of `now`: the uploads handed over, and their bytes in all."""
        day, uploads, size = self._today
        return (uploads, size) if day == now.astimezone(UTC).date() else (0, 0)

    def write(self, entry: HandedOver) -> None:
        """Append `entry` to the file. A disk error is only logged, as the upload is already in the spool."""
        try:
            with self._writing, self._path.open("ab") as file:
                # In a line of its own, also behind one that a full disk or a crash has cut off.
                file.write(b"\n" + entry.model_dump_json(exclude_none=True).encode() + b"\n")
        except OSError as error:
            _log.warning("journal-not-written %s", trace_of(error))

    def find(self, folder: Folder, name: str) -> HandedOver | None:
        """Return the latest upload handed over under a name; None if there was no recent one."""
        return self._latest.get((folder, name))

    def has_below(self, folder: Folder, name: str) -> bool:
        """Return True if a recent upload was handed over in the client-made folder `name`, or deeper."""
        return self._above[folder, name] > 0

    def within(self, folder: Folder) -> list[HandedOver]:
        """Return the latest upload handed over under each name in `folder`."""
        return [entry for entry in self._latest.values() if entry.folder == folder]

    def rewrite(self, now: datetime) -> None:
        """Rewrite the file without entries older than `keep`. Call in a worker thread."""
        aside = self._path.with_suffix(".new")
        try:
            with self._writing:  # Else a line appended meanwhile would be lost.
                with aside.open("wb") as file:
                    for entry in self._read():
                        if entry is not None and self._is_kept(entry, now):
                            file.write(entry.model_dump_json(exclude_none=True).encode() + b"\n")
                aside.replace(self._path)
        except OSError as error:
            _log.warning("journal-not-written %s", trace_of(error))


def _folders_of(key: tuple[Folder, str]) -> list[tuple[Folder, str]]:
    """Return the client-made folders around a name: of `a/b/c`, `a` and `a/b`."""
    folder, name = key
    return [(folder, name[:at]) for at, character in enumerate(name) if character == "/"]


def sweep_journals(folder: Path, now: datetime, keep: timedelta, in_use: Collection[str]) -> None:
    """Delete each provider's list of recent uploads that has not changed for the time `keep`.
    `folder` has the lists. The lists of the providers in `in_use` stay.
    """
    for path in folder.glob("*.jsonl"):
        age = now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
        if path.stem not in in_use and age > keep:
            path.unlink(missing_ok=True)


_TURNS = 6
_FRESH_SECONDS = 1.0


class Box:
    """The drop box of one provider: uploads begun, resumed, discarded and handed over."""

    def __init__(
        self, provider: str, spool: Spool, limits: IntakeLimits, landed: Landed, clock: Callable[[], datetime]
    ) -> None:
        self.provider = provider
        self._clock = clock
        # One turn for all sessions of a provider, so that other providers do not wait longer.
        self.turns = asyncio.Semaphore(_TURNS)
        self.partial = spool.partial(provider)
        # Unfinished uploads. Both change only on the event loop; threads do the disk work, on uploads marked
        # busy meanwhile.
        self.named: dict[tuple[Folder, str], Unfinished] = {}  # By client-given names.
        self._open: set[Unfinished] = set()  # Including those replaced under their name.
        self.recent = Recent(spool.recent / f"{provider}.jsonl", timedelta(days=limits.recent_days))
        self.made: dict[IntakePlace, datetime] = {}  # Folders that clients made below /in, and when.
        self.asked = spool.asked / f"{provider}.asked"
        self._spool = spool
        self._limits = limits
        self._landed = landed
        self._memory = Memory()
        self._room_at = float("-inf")  # When there was room, in monotonic seconds.
        self._loading = asyncio.Lock()
        self._is_loaded = False

    async def load(self) -> None:
        """Load the uploads that an earlier run of the service left; do nothing after the first call."""
        async with self._loading:
            if not self._is_loaded:
                found = await on_disk(load_unfinished, self.partial)
                self.named = {_key(upload): upload for upload in found}
                await on_disk(self.recent.load, self._clock())
                self._is_loaded = True

    async def expire(self, now: datetime, keep: timedelta) -> None:
        """Erase unfinished uploads idle for longer than `keep`; forget old entries of uploads handed over."""
        for upload in [u for u in self.named.values() if now - u.touched_at > keep]:
            await self._drop(upload)
        if self._is_loaded and self.recent.expire(now):
            await on_disk(self.recent.rewrite, now)

    def _unfinished(self) -> set[Unfinished]:
        """Return every unfinished upload, including an open one whose name a newer upload has taken."""
        return {*self.named.values(), *self._open}

    def in_use(self) -> frozenset[Path]:
        """Return the paths of the data and labels of all unfinished uploads.

        A sweep of the folder leaves these files alone: only this box erases them.
        """
        return frozenset(path for each in self._unfinished() for path in (each.data, each.label_file))

    async def _keep(self, upload: Unfinished) -> None:
        """Keep an upload whose client has stopped writing, so the client can resume later.

        An upload marked worthless is erased. So is an upload whose name a newer upload has taken.
        """
        if upload.receiving is None:
            self._open.discard(upload)
        upload.touched_at = self._clock()
        if upload.worthless:
            await self._drop(upload)
        elif self.named.setdefault(_key(upload), upload) is not upload and not upload.busy:
            await on_disk(upload.erase)

    def _take_down(self, upload: Unfinished) -> None:
        """Take a completed or erased `upload` off the list of unfinished ones."""
        self._open.discard(upload)
        if self.named.get(_key(upload)) is upload:
            del self.named[_key(upload)]

    async def _drop(self, upload: Unfinished | None) -> None:
        """Take an unfinished upload off the list and erase its files.

        Do nothing for None, or while the upload is being written or handed over.
        """
        if upload is not None and not upload.busy:
            self._take_down(upload)
            await on_disk(upload.erase)

    def is_made(self, place: IntakePlace) -> bool:
        """Return True if a client made a folder at `place` during the last hour."""
        made = self.made.get(place)
        return made is not None and self._clock() - made < _FOLDER_KEPT

    def make_folder(self, place: IntakePlace) -> None:
        """Make a folder at `place` that lasts an hour. Declined if the provider has too many folders."""
        self.made = {known: made for known, made in self.made.items() if self.is_made(known)}
        if len(self.made) >= _MOST_FOLDERS:
            raise Declined(answers.TOO_MANY_FOLDERS)
        self.made[place] = self._clock()

    def find(self, folder: Folder, name: str) -> Unfinished | HandedOver | None:
        """Return the unfinished upload under a name, or else a recent one handed over; else None."""
        return self.named.get((folder, name)) or self.recent.find(folder, name)

    def has_below(self, folder: Folder, name: str) -> bool:
        """Return True if an upload lies in the client-made folder `name`, or deeper."""
        above = f"{name}/"
        unfinished = any(where == folder and known.startswith(above) for where, known in self.named)
        return unfinished or self.recent.has_below(folder, name)

    def within(self, folder: Folder) -> dict[str, Unfinished | HandedOver]:
        """Return the uploads in `folder` by name; where two have one name, the unfinished one."""
        sent: dict[str, Unfinished | HandedOver] = {e.name: e for e in self.recent.within(folder)}
        return sent | {name: upload for (where, name), upload in self.named.items() if where == folder}

    async def set_modified(self, folder: Folder, name: str, modified: int) -> None:
        """Store the time of a file as set by its client (epoch seconds), to be shown in listings."""
        known = self.find(folder, name)
        if isinstance(known, Unfinished):
            known.label = known.label.model_copy(update={"modified": modified})
        elif known is not None:
            entry = known.model_copy(update={"modified": modified})
            self.recent.remember(entry)
            await on_disk(self.recent.write, entry)

    def check_growth(self, size: int) -> None:
        """Raise Declined if `size` more bytes exceed the day's quota, or the limit of bytes waiting."""
        unfinished = sum(upload.size for upload in self._unfinished())
        _, today = self.recent.today(self._clock())
        if today + unfinished + size > self._limits.bytes_per_day:
            raise Declined(answers.TOO_MUCH_TODAY)
        waiting = unfinished + self._landed.waiting[self.provider] + size
        if waiting > self._limits.bytes_waiting_per_provider:
            raise Declined(answers.TOO_MUCH_WAITING)

    def _check_open(self) -> None:
        if self._landed.is_closed:
            raise Declined(answers.REMOVED)

    async def _check_disk(self) -> None:
        """Raise OSError if the disk has less than `free_bytes` free; look at most once a second."""
        now = time.monotonic()
        if now - self._room_at >= _FRESH_SECONDS:
            await on_disk(check_room, self.partial, self._limits.free_bytes)
            self._room_at = now

    async def receive(self, folder: Folder, name: str, flags: int) -> Receiving:
        """Open an upload for writing: a new one, or an unfinished one, to be continued at the end.

        `flags`: the open flags of the SFTP request (draft-ietf-secsh-filexfer-02, section 6.3). Another
        connection may still be writing an upload of the same name. If this client starts anew, both uploads
        go on separately. If this client resumes, the other connection loses the upload.
        """
        self._check_open()
        known = self.named.get((folder, name))
        if flags & FXF_EXCL and (known or self.recent.find(folder, name)) is not None:
            raise Declined(answers.ALREADY_EXISTS)
        if known is not None and not flags & FXF_TRUNC:
            return await self._resume(known, flags)
        if known is None:
            # Refuse to resume a handed-over file, or to open a missing one without creating it. A rest
            # received as a new upload would make a file of a tail.
            here = self.recent.find(folder, name) is not None
            if not here and not flags & FXF_CREAT:
                raise Declined(NO_SUCH_FILE)
            if here and not flags & FXF_TRUNC and (flags & FXF_APPEND or not flags & FXF_CREAT):
                raise Declined(answers.HANDED_OVER)
        if len(self._unfinished()) >= self._limits.unfinished_uploads:
            raise Declined(answers.TOO_MANY_UNFINISHED)
        today, _ = self.recent.today(self._clock())
        if today >= self._limits.uploads_per_day:
            raise Declined(answers.TOO_MANY_TODAY)
        await self._landed.refresh()
        self.check_growth(0)
        await self._check_disk()
        label = Label(folder=folder, name=name, started_at=self._clock())
        upload = new_unfinished(self.partial, label)
        earlier = self.named.get((folder, name))
        self.named[folder, name] = upload
        receiving = self._receiving(upload, None, flags)
        passing("upload.opened")
        if earlier is not None and not earlier.busy:
            await on_disk(earlier.erase)
        return receiving

    async def _resume(self, upload: Unfinished, flags: int) -> Receiving:
        if upload.completing:
            raise Declined(answers.STILL_OPEN)
        if upload.receiving is not None:
            _log.info("taken-over provider=%s", self.provider)
            await self.cut_off(upload.receiving)
        if upload.worthless or upload.label.withheld:
            raise Declined(answers.NOT_KEPT)
        await self._check_disk()
        descriptor = await on_disk(open_again, upload)
        if upload.busy:
            os.close(descriptor)
            raise Declined(answers.STILL_OPEN)
        return self._receiving(upload, descriptor, flags)

    def _receiving(self, upload: Unfinished, descriptor: int | None, flags: int) -> Receiving:
        receiving = Receiving(
            upload,
            descriptor,
            append=bool(flags & FXF_APPEND),
            anew=bool(flags & FXF_TRUNC),
            limits=self._limits,
            memory=self._memory,
            may_grow=self.check_growth,
        )
        upload.receiving = receiving
        self._open.add(upload)
        return receiving

    async def cut_off(self, writer: Receiving) -> None:
        """Keep the received part of an upload after its client was lost, so the client can resume."""
        try:
            await writer.release(whole=False)
        finally:
            await self._keep(writer.upload)

    async def remove(self, folder: Folder, name: str) -> None:
        """Discard the unfinished upload under a name. Declined if there is none, or it is being completed."""
        upload = self.named.get((folder, name))
        if upload is None:
            raise Declined(NO_SUCH_FILE if self.recent.find(folder, name) is None else answers.GONE)
        if upload.completing:
            raise Declined(answers.STILL_OPEN)
        if upload.receiving is not None:
            _log.info("taken-over provider=%s", self.provider)
            await self.cut_off(upload.receiving)
        await self._drop(upload)

    async def close(self, receiving: Receiving, by: LoggedIn) -> str | None:
        """Complete an upload after its client's close; return its reference.

        Return None for an upload with a temporary name, since a rename has to follow. Return None also if the
        client resumed a file already handed over and sent nothing more. Raise Declined or OSError if the
        upload cannot be handed over; the upload then stays unfinished.
        """
        upload = receiving.upload
        if upload.receiving is not receiving:
            raise Declined(answers.TAKEN_OVER)
        upload.completing = True
        reference = None
        try:
            waits = is_temporary(upload.label.name)
            await receiving.release(whole=True, durable=waits)
            handed_over = self.recent.find(upload.label.folder, upload.label.name) is not None
            if handed_over and upload.size == 0 and not receiving.anew:  # A resumed file (lftp's `put -c`).
                upload.worthless = True
            elif waits:
                await on_disk(upload.write_label)
            else:
                try:
                    reference = await self._hand_over(upload, upload.label.name, by)
                except OSError:
                    # Without its last byte the file looks unfinished to a client comparing sizes, and one
                    # resuming has something to send, which tries the hand-over again.
                    if not upload.worthless:
                        await on_disk(upload.shorten)
                    raise
        finally:
            upload.completing = False
            if reference is None:
                await self._keep(upload)
        return reference

    async def rename(self, folder: Folder, old: str, new: str, by: LoggedIn) -> str:
        """Hand a temporary upload over under its final name `new`; return its reference."""
        upload = self.named.get((folder, old))
        if upload is None:
            raise Declined(NO_SUCH_FILE if self.recent.find(folder, old) is None else answers.HANDED_OVER)
        if not is_temporary(old) or is_temporary(new):
            raise Declined(answers.ONLY_TEMPORARY)
        if upload.busy:
            raise Declined(answers.STILL_OPEN)
        if not upload.label.whole:
            raise Declined(answers.CUT_OFF)
        upload.completing = True
        try:
            reference = await self._hand_over(upload, new, by)
        finally:
            upload.completing = False
            if upload.worthless:
                await self._drop(upload)
        await self._drop(self.named.get((folder, new)))
        return reference

    async def _hand_over(self, upload: Unfinished, name: str, by: LoggedIn) -> str:
        """Hand over a complete upload and list it as recent; return its new reference."""
        self._check_open()
        try:
            with HAND_OVER_SECONDS.time():
                entry = await on_disk(self._bring_over, upload, name, by)
        except OSError as error:
            # Data only in memory is lost; data possibly not durable is in an unknown state.
            upload.worthless |= upload.kept is not None or isinstance(error, NotDurableError)
            raise
        self._take_down(upload)
        self.recent.remember(entry)
        self._landed.waiting[by.name] += entry.size
        LANDED.inc()
        LANDED_BYTES.inc(entry.size)
        _log.info("landed reference=%s bytes=%d", entry.reference, entry.size)
        return entry.reference

    def _bring_over(self, upload: Unfinished, name: str, by: LoggedIn) -> HandedOver:
        """Give an upload to the processor as `name`, without any folders made by a client.

        Return the entry for listings. Afterwards the upload is durable in the spool, and its own files are
        gone. After an OSError the upload's files are unchanged; an upload that lay in memory only has been
        written to a file, or is marked worthless. All disk work is in this one call, in a disk thread.
        """
        now = self._clock()
        reference = reserve_reference(self._spool, by.name, now)
        passing("hand-over.reserved")
        kept, upload.kept = upload.kept, None
        try:
            if kept is not None:
                upload.sha256 = kept(self._spool.half(reference))
                passing("hand-over.moved")
            label = upload.label
            record = Upload(
                reference=reference,
                provider=by.name,
                name=name.rpartition("/")[2],
                folder=label.folder,
                size=upload.size,
                sha256=upload.sha256 or "",
                started_at=label.started_at,
                landed_at=now,
                ssh_key=by.key,
                client=by.client,
                withheld=label.withheld,
                looks_like=label.looks_like,
            )
            (hand_over if kept is None else complete)(self._spool, record, upload.data)
        except BaseException:
            has_file = upload.data.exists()
            upload.worthless |= kept is not None and not has_file
            if upload.worthless or has_file:
                self._spool.half(reference).unlink(missing_ok=True)
            if kept is not None and has_file:
                upload.write_label()
            raise
        if kept is None:
            with contextlib.suppress(OSError):  # A label without data is rubbish, and is swept as such.
                upload.erase()
        entry = HandedOver(
            reference=reference,
            folder=label.folder,
            name=name,
            size=upload.size,
            landed_at=now,
            modified=label.modified,
        )
        self.recent.write(entry)
        passing("hand-over.remembered")
        return entry


def _key(upload: Unfinished) -> tuple[Folder, str]:
    return (upload.label.folder, upload.label.name)
