"""Complete an upload, closed by its client or renamed to its final name, and hand it over."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime

from gateway.home import Spool
from gateway.intake.answers import CUT_OFF, HANDED_OVER, ONLY_TEMPORARY, STILL_OPEN, TAKEN_OVER
from gateway.intake.backlog import Landed
from gateway.intake.disk import on_disk
from gateway.intake.paths import is_temporary
from gateway.intake.recent import HandedOver, Recent
from gateway.intake.unfinished import Unfinished, UnfinishedUploads
from gateway.intake.upload import Receiving
from gateway.model import Folder, Upload
from gateway.observe.metrics import HAND_OVER_SECONDS, LANDED, LANDED_BYTES
from gateway.ssh.answers import NO_SUCH_FILE, Declined
from gateway.ssh.visitor import LoggedIn
from gateway.zones.failpoints import passing
from gateway.zones.spool import NotDurableError, complete, hand_over, reserve_reference

# Hand a complete upload over to the processor. Blocking: for a worker thread.


def hand_over_upload(spool: Spool, upload: Unfinished, name: str, by: LoggedIn, now: datetime) -> Upload:
    """Give `upload` to the processor as `name`, without any folders made by a client.

    The upload is durable after return, without files of its own. After an OSError it is unchanged on the
    disk; one in memory, and impossible to write, is worthless.
    """
    reference = reserve_reference(spool, by.name, now)
    passing("hand-over.reserved")

    def record() -> Upload:
        return Upload(
            reference=reference,
            provider=by.name,
            name=name.rpartition("/")[2],
            folder=upload.label.folder,
            size=upload.size,
            sha256=upload.sha256 or "",
            started_at=upload.label.started_at,
            landed_at=now,
            ssh_key=by.key,
            client=by.client,
            withheld=upload.label.withheld,
            looks_like=upload.label.looks_like,
        )

    try:
        if upload.kept is not None:
            return _from_memory(spool, upload, reference, record)
        recorded = record()
        hand_over(spool, recorded, upload.data)
    except BaseException:
        if upload.worthless or upload.data.exists():
            spool.half(reference).unlink(missing_ok=True)
        raise
    with contextlib.suppress(OSError):  # A label without data is rubbish, and is swept as such.
        upload.erase()
    return recorded


def _from_memory(spool: Spool, upload: Unfinished, reference: str, record: Callable[[], Upload]) -> Upload:
    """Write an upload from memory directly to spool/landed. On failure, give it ordinary files instead."""
    kept, upload.kept = upload.kept, None
    assert kept is not None  # noqa: S101 - checked by the caller
    try:
        upload.sha256 = kept.write_to(spool.half(reference))
        passing("hand-over.moved")
        recorded = record()
        complete(spool, recorded, upload.data)
    except BaseException:
        if upload.data.exists():
            upload.write_label()
        else:
            upload.worthless = True
        raise
    return recorded


_log = logging.getLogger(__name__)


class Completion:
    """Hand the uploads of one provider over to the processor."""

    def __init__(
        self,
        spool: Spool,
        unfinished: UnfinishedUploads,
        recent: Recent,
        landed: Landed,
        clock: Callable[[], datetime],
    ) -> None:
        self._spool = spool
        self._unfinished = unfinished
        self._recent = recent
        self._landed = landed
        self._clock = clock

    async def close(self, receiving: Receiving, by: LoggedIn) -> str | None:
        """Complete a closed upload and return its reference; None for one awaiting its rename.

        Raise the obstacle to handing over; the upload is kept.
        """
        upload = receiving.upload
        if upload.receiving is not receiving:
            raise Declined(TAKEN_OVER)
        upload.completing = True
        reference = None
        try:
            waits = is_temporary(upload.label.name)
            await receiving.release(whole=True, durable=waits)
            if self._adds_nothing(receiving):
                upload.worthless = True
            elif waits:
                await on_disk(upload.write_label)
            else:
                reference = await self._hand_over_or_reopen(upload, by)
        finally:
            upload.completing = False
            if reference is None:
                await self._unfinished.keep(upload, self._clock())
        return reference

    def _adds_nothing(self, receiving: Receiving) -> bool:
        """Return True if a client resumed a handed-over file with nothing to send (lftp's `put -c`)."""
        upload = receiving.upload
        handed_over = self._recent.find(upload.label.folder, upload.label.name) is not None
        return upload.size == 0 and not receiving.anew and handed_over

    async def _hand_over_or_reopen(self, upload: Unfinished, by: LoggedIn) -> str:
        """Hand over; on failure, give the last byte back.

        A client comparing sizes then sees an unfinished file, and a resuming client has something to send, to
        try the hand-over again.
        """
        try:
            return await self._hand_over(upload, upload.label.name, by)
        except OSError:
            if not upload.worthless:
                await on_disk(upload.shorten)
            raise

    async def rename(self, folder: Folder, old: str, new: str, by: LoggedIn) -> str:
        """Rename a temporary upload to its final name and hand it over. Returns the reference."""
        upload = self._unfinished.find(folder, old)
        if upload is None:
            raise Declined(NO_SUCH_FILE if self._recent.find(folder, old) is None else HANDED_OVER)
        if not is_temporary(old) or is_temporary(new):
            raise Declined(ONLY_TEMPORARY)
        if upload.busy:
            raise Declined(STILL_OPEN)
        if not upload.label.whole:
            raise Declined(CUT_OFF)
        upload.completing = True
        try:
            reference = await self._hand_over(upload, new, by)
        finally:
            upload.completing = False
            if upload.worthless:
                await self._unfinished.drop(upload)
        await self._unfinished.drop(self._unfinished.find(folder, new))
        return reference

    async def _hand_over(self, upload: Unfinished, name: str, by: LoggedIn) -> str:
        """Hand over a whole upload under a fresh reference."""
        try:
            with HAND_OVER_SECONDS.time():
                entry = await on_disk(self._bring_over, upload, name, by)
        except OSError as error:
            # Data only in memory is lost; data possibly not durable is in an unknown state.
            upload.worthless |= upload.kept is not None or isinstance(error, NotDurableError)
            raise
        self._unfinished.take_down(upload)
        self._recent.remember(entry)
        self._landed.add(by.name, entry.size)
        LANDED.inc()
        LANDED_BYTES.inc(entry.size)
        _log.info("landed reference=%s bytes=%d", entry.reference, entry.size)
        return entry.reference

    def _bring_over(self, upload: Unfinished, name: str, by: LoggedIn) -> HandedOver:
        """Do all disk work of the hand-over in one go."""
        record = hand_over_upload(self._spool, upload, name, by, self._clock())
        entry = HandedOver(
            reference=record.reference,
            folder=record.folder,
            name=name,
            size=record.size,
            landed_at=record.landed_at,
            modified=upload.label.modified,
        )
        self._recent.write(entry)
        passing("hand-over.remembered")
        return entry
