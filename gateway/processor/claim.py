"""Claim landed uploads: move each from the spool into the sealed store; none is lost or claimed twice.

The order makes a claim safe: copy and fsync, then write the rows, then empty the spool. After a crash between
two steps the upload is claimed again with the same result.

Where a host works alone, an upload stays in the spool until on record (see `InProgress`). Most uploads
are decided within a moment and go on record together with the decision. An upload that takes longer goes on
record as landed, and the provider gets a receipt for landing.

The spool's content comes from intake, and an attacker may control intake. Malformed uploads are set aside one
by one, and a landing time stated by intake counts only if the kernel's time of the file is near.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache, partial

from sqlmodel import Session

from gateway.errors import Fault, cause_of, trace_of
from gateway.home import CLAIMED, provider_of
from gateway.model import Upload
from gateway.processor.worker_pool import in_turn
from gateway.record.registrar import Registrar
from gateway.record.rulings import land
from gateway.registry import receipts, register, transfers
from gateway.store.of_home import Store, store_of
from gateway.zones.failpoints import passing
from gateway.zones.spool import (
    BadFileError,
    content_size,
    open_content,
    read_handed_over,
    reference_tail,
    set_aside,
    take_away,
    waiting,
)

A_MOMENT_SECONDS, A_PLACE_SECONDS, A_QUEUE_SECONDS = 1.0, 0.1, 30.0
"""Seconds until an undecided upload goes on record as landed; more seconds for each upload before it; the
most of these. To record the landing doubles the work for a file, so a burst gets time to be decided.
"""


@dataclass(slots=True)
class InProgress:
    """The claimed uploads not on record yet: `uploads`, oldest first, by the reference in the store.

    `in_spool` maps a reference in the store to the same upload's reference in the spool. Use an object from
    one thread only. `clock` returns monotonic seconds.
    """

    clock: Callable[[], float]
    uploads: dict[str, Upload] = field(default_factory=dict)
    in_spool: dict[str, str] = field(default_factory=dict)
    _until: dict[str, float] = field(default_factory=dict)

    def add(self, uploads: Mapping[str, Upload]) -> None:
        """Add uploads just claimed, given by the reference in the spool."""
        for there, upload in uploads.items():
            self.uploads[upload.reference], self.in_spool[upload.reference] = upload, there
            queue = min(A_PLACE_SECONDS * len(self.uploads), A_QUEUE_SECONDS)
            self._until[upload.reference] = self.clock() + A_MOMENT_SECONDS + queue

    def late(self, *, all_of_them: bool = False) -> dict[str, Upload]:
        """Return the uploads that have waited too long for a decision, by spool reference.
        `all_of_them`: True to return every upload.
        """
        late = (one for one in self.uploads if all_of_them or self._until[one] <= self.clock())
        return {self.in_spool[one]: self.uploads[one] for one in late}

    def count_as_late(self, reference: str) -> None:
        """Let `late` return an upload from now on: the examination failed, so a decision will take longer."""
        if reference in self.uploads:
            self._until[reference] = float("-inf")

    def take_out(self, references: Iterable[str]) -> Collection[str]:
        """Remove uploads now on record, given by store reference; return the uploads' spool references."""
        taken = [one for one in references if self.uploads.pop(one, None) is not None]
        for reference in taken:
            del self._until[reference]
        return [self.in_spool.pop(reference) for reference in taken]


_LONGEST_WAIT = 600.0
_DOUBLINGS = 10


@dataclass(slots=True)
class BackOff:
    """Counts the failed attempts at each file, and sets a pause after each failure.

    The first pause is twice `pause_seconds`; each further one is twice as long, up to ten minutes. `losses`
    counts by reference the processes that died over a file. `clock` returns monotonic seconds.
    """

    pause_seconds: float
    clock: Callable[[], float]
    losses: Counter[str] = field(default_factory=Counter)
    _failures: Counter[str] = field(default_factory=Counter)
    _not_before: dict[str, float] = field(default_factory=dict)

    def is_pausing(self, reference: str) -> bool:
        """Return True while the pause before the next attempt at a file lasts."""
        return self.clock() < self._not_before.get(reference, float("-inf"))

    def note(self, reference: str, *, lost: bool = False) -> int:
        """Count a failed attempt at a file, and begin a pause; return how often a process died over the file.
        `lost`: True if a process died in this attempt.
        """
        self._failures[reference] += 1
        self.losses[reference] += lost
        pause = min(_LONGEST_WAIT, self.pause_seconds * 2 ** min(self._failures[reference], _DOUBLINGS))
        self._not_before[reference] = self.clock() + pause
        return self.losses[reference]

    def forget(self, reference: str) -> None:
        """Forget the failures of a file, after a success."""
        del self.losses[reference], self._failures[reference]
        self._not_before.pop(reference, None)

    @contextmanager
    def attempt(self, name: str, said: str) -> Iterator[int]:
        """Yield how often something has been attempted, this attempt included. After an error inside `with`,
        pause. The error is only logged, after the words `said`.
        """
        attempts = self.note(name, lost=True)
        try:
            yield attempts
        except Fault as fault:
            _log.error("%s: %s; it is tried again", said, fault)
        except Exception as error:  # noqa: BLE001 - told where it was raised; nothing ends the service
            _log.error("%s: %s", said, trace_of(error))
        else:
            self.forget(name)


class SideJobs:
    """Jobs for workers besides new files, such as copies to be made. Each job has a name, and is never run
    twice at a time. A failed job begins again only after a pause (`BackOff`, with `pause_seconds`). `do`: a
    function that queues a function for a worker thread. `done`: called after each job.
    """

    def __init__(
        self, pause_seconds: float, do: Callable[[Callable[[], None]], None], done: Callable[[], None]
    ) -> None:
        self._back_off = BackOff(pause_seconds, time.monotonic)
        self._do, self._done = do, done
        self._lock = threading.Lock()
        self.in_hand: set[str] = set()

    def may_begin(self, name: str) -> bool:
        """Return True if a job of this name is neither in hand nor pausing after a failure."""
        return name not in self.in_hand and not self._back_off.is_pausing(name)

    def begin(self, name: str, said: str, job: Callable[[int], object]) -> None:
        """Queue a job, called with the number of attempts at it; `said` begins the line about a failure."""
        with self._lock:
            self.in_hand.add(name)
        self._do(partial(self._run, name, said, job))

    def _run(self, name: str, said: str, job: Callable[[int], object]) -> None:
        try:
            with self._back_off.attempt(name, said) as attempts:
                job(attempts)
        finally:
            with self._lock:
                self.in_hand.discard(name)
            self._done()


# Larger batches cost less per file; smaller ones keep a new upload waiting for less time.
_BATCH, _BATCH_BYTES_OF_EACH, _BATCH_OF_EACH = 16, 1024**2, 8
_COPIERS = 8
_FOR_ALL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_CLOCKS_APART = timedelta(minutes=10)
"""Largest difference accepted between intake's landing time and the kernel's."""
_log = logging.getLogger(__name__)


def claim_waiting(
    registrar: Registrar,
    go_on: Callable[[], bool] = lambda: True,
    progress: InProgress | None = None,
    version: int | None = None,
) -> None:
    """Claim every upload in the spool, in batches, until `go_on`, called after each batch, returns False.

    Providers take turns, and each batch is chosen from the uploads present then, so one provider's backlog
    does not delay another provider's new upload. Claimed uploads are added to `progress`; if `progress` is
    None, each goes on record as landed. `version`: the register's version, if the caller has just read the
    version.

    If uploads cannot be claimed, raises a Fault after claiming all others. Raises OSError if the spool cannot
    be read.
    """
    claim, spool = Claim(registrar, progress, version), registrar.home.spool
    tried = set(progress.in_spool.values() if progress is not None else ())
    left = sum(1 for _ in waiting(spool))
    while left > len(tried):
        free = (reference for reference in waiting(spool) if reference not in tried)
        held, each = Counter(map(provider_of, tried)), len(tried) + _BATCH
        # Several of one provider at a time: a process examines the files of one provider, and making one
        # costs as much as examining two files. Behind so many bytes of a provider, its next uploads wait.
        batch, before, last = list[str](), Counter[str](), dict[str, str]()
        for one in in_turn(free, held, room=_BATCH * _BATCH_OF_EACH, each=each, at_a_time=_BATCH_OF_EACH):
            if len(batch) == _BATCH:
                break
            provider = provider_of(one)
            if provider in last:
                before[provider] += content_size(spool, last[provider])
            if before[provider] < _BATCH_BYTES_OF_EACH:
                batch.append(one)
            last[provider] = one
        if not batch:
            break
        claim.take(batch)
        tried.update(batch)
        if not go_on():
            break
    if claim.faults:
        raise claim.faults[0]
    (registrar.home.published.root / CLAIMED).touch()


@dataclass(slots=True)
class Claim:
    """Claims uploads in batches; if an upload cannot be claimed, goes on, and adds the failure to `faults`.
    Claimed uploads are added to `progress`; if `progress` is None, each goes on record as landed. `version`:
    the register's version, if known.
    """

    registrar: Registrar
    progress: InProgress | None = None
    version: int | None = None
    faults: list[Fault] = field(default_factory=list)

    def take(self, batch: Sequence[str], taken: frozenset[str] = frozenset()) -> None:
        """Claim one batch of uploads, given by spool reference.
        `taken`: references of other files in the store; no upload of the batch gets one of these.
        """
        uploads = self._read(batch)
        with self.registrar.registry.read(self.version) as session:
            enrolled = register.of(session).providers
            if any(upload.provider not in enrolled for upload in uploads.values()):
                enrolled = register.read_again(session).providers  # Enrolled since, perhaps.
            for reference in [one for one, upload in uploads.items() if upload.provider not in enrolled]:
                self._set_aside(reference, "no such provider is enrolled")
                del uploads[reference]
            fresh, known = sort_out(
                session, uploads, taken.union(() if self.progress is None else self.progress.uploads)
            )
        inside = {one: replace(uploads[one], reference=borne) for one, borne in fresh.items()}
        safe, elsewhere = self._store(inside)
        self.empty(known)
        if self.progress is None:
            self.put_on_record(safe)
        else:
            self.progress.add(safe)
        if elsewhere:
            self.take(sorted(elsewhere), taken | {fresh[one] for one in elsewhere})

    def put_on_record(self, stored: Mapping[str, Upload]) -> None:
        """Record stored uploads as landed and remove them from the spool.
        `stored` is keyed by the reference in the spool. An upload refused by the registry is set aside in
        the spool and removed from the store.
        """
        if not stored:
            return
        landed = self._land(list(stored.values()))
        left = {there: one.reference for there, one in stored.items() if one.reference not in landed}
        for reference in left:
            self._set_aside(reference, "it cannot be put on record")
        if left:
            store_of(self.registrar.home, self.registrar.settings).remove(left.values())
        self.empty([there for there in stored if there not in left])

    def _read(self, batch: Sequence[str]) -> dict[str, Upload]:
        """Read the records of a batch of uploads; return the uploads by spool reference.
        Malformed uploads are set aside. An upload's landing time is intake's or, if the two are more than ten
        minutes apart, the time at which the kernel renamed the record: no process can set that time.
        """
        found: dict[str, Upload] = {}
        for reference in batch:
            try:
                upload, named_at = read_handed_over(self.registrar.home.spool, reference)
            except FileNotFoundError:
                continue
            except BadFileError as error:
                self._set_aside(reference, str(error))
                continue
            except OSError as error:
                self.faults.append(Fault(f"the spool cannot be read: {cause_of(error)}"))
                continue
            # The gateway's clock and the kernel's need not agree on the hour.
            now, waited = self.registrar.clock(), timedelta(seconds=max(0.0, time.time() - named_at))
            landed_at = min(upload.landed_at, now)
            if abs(now - waited - landed_at) > _CLOCKS_APART:
                _log.warning("%s: landed at another time than intake says; the kernel's counts", reference)
                landed_at = now - waited
            found[reference] = replace(upload, landed_at=landed_at)
        return found

    def _store(self, uploads: Mapping[str, Upload]) -> tuple[dict[str, Upload], set[str]]:
        """Copy the content of uploads, given by spool reference, durably into the sealed store.
        Returns the stored uploads by spool reference, oldest first, and the spool references of uploads not
        stored because another stored file has the same reference. A failed copy stops no other copy, unless
        the disk is full. Several files are copied at a time, so the waits for the disk overlap.
        """
        store = store_of(self.registrar.home, self.registrar.settings)
        side_by_side = map if len(uploads) == 1 else _copiers().map
        copy = partial(self._store_one, store, threading.Event())
        results = list(side_by_side(copy, uploads, uploads.values()))
        copied = dict(zip(uploads, results, strict=True))
        stored = {there: kept for there, kept in copied.items() if isinstance(kept, Upload)}
        elsewhere = {there for there, error in copied.items() if isinstance(error, FileExistsError)}
        failed = [one for one in results if isinstance(one, OSError) and not isinstance(one, FileExistsError)]
        try:
            store.settle()
        except OSError as error:  # A folder perhaps not durable is not trusted.
            failed, stored, elsewhere = [error], {}, set()
        if failed:
            self.faults.append(Fault(f"the sealed store cannot be written: {cause_of(failed[0])}"))
        return dict(sorted(stored.items(), key=lambda one: one[1].landed_at)), elsewhere

    def _store_one(
        self, store: Store, full: threading.Event, reference: str, upload: Upload
    ) -> Upload | OSError | None:
        """Copy one upload into the store; return the upload with the stored size and digest, or the error.
        `reference`: the upload's reference in the spool. Return None if the upload was set aside, or if
        another copy found the disk `full`. Return a FileExistsError if another stored file has the reference.
        """
        if full.is_set():
            return None
        limits = self.registrar.limits
        try:
            # A withheld upload has an empty file as a placeholder.
            most = 0 if upload.withheld else limits.intake.sealed_bytes
            descriptor, size = open_content(self.registrar.home.spool, reference, most)
            with os.fdopen(descriptor, "rb", buffering=0):
                free = store.free()
                if free is not None and free < size + limits.store.reserve_bytes:
                    said = "what is left of the disk is kept for the registry"
                    raise OSError(errno.ENOSPC, said)  # noqa: TRY301 - as the disk's own
                kept = store.put(upload.reference, descriptor, size)
        except FileExistsError as error:
            _log.warning("%s: the store has another file of this reference", reference)
            return error
        except OSError as error:
            _log.error("%s: cannot be stored: %s", reference, cause_of(error))
            if error.errno in _FOR_ALL:
                full.set()
            return error
        except Exception as error:  # noqa: BLE001 - told where it was raised; one upload must not stop all
            self._set_aside(reference, str(error) if isinstance(error, BadFileError) else trace_of(error))
            return None
        if upload.withheld:
            return upload
        if (kept.size, kept.sha256) != (upload.size, upload.sha256 or kept.sha256):
            _log.error("%s: the content is not what intake recorded; what is stored counts", reference)
        return replace(upload, size=kept.size, sha256=kept.sha256)

    def _land(self, uploads: Sequence[Upload]) -> set[str]:
        """Record stored uploads as landed; return the references now on record.
        After an unexpected error each upload is tried alone, so one upload that cannot be recorded keeps no
        other out. Raises Fault where the registry fails.
        """
        try:
            return land(self.registrar, uploads)
        except Fault:
            raise
        except Exception as error:  # noqa: BLE001 - told where it was raised; one upload must not stop all
            if len(uploads) == 1:
                _log.error("%s: cannot be put on record: %s", uploads[0].reference, trace_of(error))
                return set()
            return {one for upload in uploads for one in self._land([upload])}

    def empty(self, references: Collection[str]) -> None:
        """Remove uploads from the spool, by spool reference. All of the uploads must be on record."""
        for reference in references:
            try:
                take_away(self.registrar.home.spool, reference)
            except OSError as error:
                self.faults.append(Fault(f"the spool cannot be emptied: {cause_of(error)}"))
        if references:
            passing("land.emptied")

    def _set_aside(self, reference: str, why: str) -> None:
        """Set a malformed upload aside in the spool, for a person to examine. A failure is only logged."""
        _log.error("%s: set aside in the spool for a person to look at: %s", reference, why)
        try:
            set_aside(self.registrar.home.spool, reference)
        except OSError as error:
            _log.error("%s: cannot be set aside: %s", reference, cause_of(error))


@cache
def _copiers() -> ThreadPoolExecutor:
    """Return the pool of threads that copy uploads into the store; every call returns the same pool."""
    return ThreadPoolExecutor(_COPIERS, "claim")


def sort_out(
    session: Session, waiting: Mapping[str, Upload], taken: Collection[str] = ()
) -> tuple[Mapping[str, str], Collection[str]]:
    """Divide uploads, given by spool reference, into new uploads and uploads on record already.
    Returns the reference in the store for each new upload, by spool reference, and the spool references of
    the uploads on record. A new upload keeps the spool reference, unless another file on record has the same
    reference, or `taken` includes it. Then a new reference is derived from the upload alone, so a claim
    repeated after a crash derives the same.
    """
    borne = receipts.in_use(session, list(waiting)) | (set(taken) & waiting.keys())
    fresh = {reference: reference for reference in waiting if reference not in borne}
    known = set()
    for reference in sorted(borne):
        upload = waiting[reference]
        if _on_record(session, reference, upload):
            known.add(reference)
            continue
        inside = _unused_reference(session, upload, {*waiting, *fresh.values(), *taken})
        if _on_record(session, inside, upload):
            known.add(reference)
        else:
            _log.warning("%s: the reference was drawn twice; this upload is %s now", reference, inside)
            fresh[reference] = inside
    return fresh, known


def _on_record(session: Session, reference: str, upload: Upload) -> bool:
    """Return True if `upload` is on record under `reference`: same provider, folder, name and start.
    Size, digest and landing time may differ: the claim puts on record the size and digest of the stored
    bytes, and the kernel's time where intake's is far off.
    """
    return any(
        (one.provider, one.folder, one.name, one.started_at)
        == (upload.provider, upload.folder, upload.name, upload.started_at)
        for one, _ in transfers.to_examine(session, [reference])
    )


def _unused_reference(session: Session, upload: Upload, taken: Collection[str]) -> str:
    """Return a free reference derived from `upload` alone, or the one under which `upload` is on record.
    A reference on record for another file, or in `taken`, is not free.
    """
    attempt = 0
    while True:
        seed = f"{upload.reference} {upload.started_at.isoformat()} {upload.sha256} {attempt}"
        inside = upload.reference[:-5] + reference_tail(hashlib.sha256(seed.encode()).digest())
        if _on_record(session, inside, upload):
            return inside
        if inside not in taken and not receipts.in_use(session, [inside]):
            return inside
        attempt += 1
