"""The processor's loop: claim landed files, examine them in children, commit, publish.

One thread owns the loop, the claims and the commits; workers examine many files at once. Files finished
during a commit go into the next commit, so a burst of files shares transactions without a wait.
"""

from __future__ import annotations

import dataclasses
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from watchdog.events import FileCreatedEvent, FileMovedEvent, FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver

from gateway.errors import ConfigurationError, Fault, GatewayError, cause_of, trace_of
from gateway.examiner.protocol import FileLost
from gateway.home import provider_of
from gateway.model import Folder
from gateway.observe.metrics import FAULTS
from gateway.passage import Examination, conclude
from gateway.processor import worker_pool
from gateway.processor.claim import BackOff, Claim, InProgress, SideJobs, claim_waiting
from gateway.processor.handing_on import HandingOn, lay_out_folders
from gateway.processor.judged_anew import JudgingAnew
from gateway.processor.provider_copies import Copier
from gateway.processor.rounds import Rounds
from gateway.processor.work import Work
from gateway.publish.everything import publish_all
from gateway.publish.on_request import publish_on_request
from gateway.publish.projection import is_published
from gateway.record import drops
from gateway.record.conclude import assignments
from gateway.record.policies_in_force import Policies
from gateway.record.registrar import Registrar
from gateway.registry import register
from gateway.registry.register import News
from gateway.secrets import secret_files
from gateway.zones.places import grant_lease

# An upload is renamed into place, which arrives as "moved" or as "created".
_TOLD = (".landed", ".asked")


class Watch(FileSystemEventHandler):
    """Calls `wake`, from another thread, when a file for the processor appears in `folder`.

    The file is an upload, or a mark that a provider looks for receipts. inotify loses events when its queue
    is full and reports the loss only in a log; a watch does not follow when another folder takes the path;
    and the system may refuse a watch. So callers also scan the folder, at start and every few seconds, and
    call `renew` each time.
    """

    def __init__(self, folder: Path, wake: Callable[[], None]) -> None:
        self._folder = folder
        self._wake = wake
        self._observer: BaseObserver | None = None
        self._watched: tuple[int, int] | None = None
        self._refused: str | None = None

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Call `wake` if an event of the folder is about an upload, or a provider's look for receipts."""
        name = event.dest_path if isinstance(event, FileMovedEvent) else event.src_path
        if os.fsdecode(name).endswith(_TOLD):
            self._wake()

    def renew(self) -> None:
        """Watch the folder that is now at the path, if not watched yet. A failure is only logged, once."""
        try:
            status = self._folder.stat()
            if self._observer is not None and self._watched == (status.st_dev, status.st_ino):
                return
            self.close()
            # Subscribe to these events only: each file opened or read here would cause an event too.
            observer, told_of = Observer(), [FileCreatedEvent, FileMovedEvent]
            observer.schedule(self, str(self._folder), event_filter=told_of)
            observer.start()
            self._observer, self._watched = observer, (status.st_dev, status.st_ino)
            self._refused = None
        except OSError as error:
            self.close()
            if self._refused != error.strerror:
                _log.warning("the spool cannot be watched (%s); it is scanned", error.strerror)
            self._refused = error.strerror

    def close(self) -> None:
        """Stop watching."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join()


_CLOCKS_APART = timedelta(hours=1)
_SELDOM_SECONDS = 1.0
"""Seconds for which work besides files may wait after a change: it takes half as long as a file."""
_log = logging.getLogger(__name__)
Owner = Callable[[Registrar, Callable[[], None]], AbstractContextManager[Work]]


class Processor:
    """The processor of a home: takes in, examines and decides files, and publishes receipts, in rounds.

    `renew`, called with the register's version, returns the policies in force if they changed, else None.
    `owner`, called with the registrar and a function that wakes the loop, returns a context manager that
    locks home and registry and yields this host's work.
    """

    def __init__(
        self,
        registrar: Registrar,
        *,
        pool: worker_pool.WorkerPool,
        owner: Owner,
        rescan_seconds: float,
        renew: Callable[[int], Policies | None] = lambda _version: None,
    ) -> None:
        self._registrar = registrar
        self._renew = renew
        self._home = registrar.home
        self._rescan_seconds = rescan_seconds
        self._pool = pool
        self._progress = InProgress(time.monotonic)
        # Hosts that share the work find each other's files on record.
        self._claims_into = None if registrar.settings.host.shares else self._progress
        self._rounds = Rounds(registrar)
        in_workers = rescan_seconds, pool.do, self.wake
        self._copier = Copier(self._home, pool.examiners, SideJobs(*in_workers))
        self._handing_on = HandingOn(registrar, pool.examiners, SideJobs(*in_workers))
        self._anew = JudgingAnew(pool.examiners, SideJobs(*in_workers))
        self._keys = secret_files.generation(self._home)
        self._published_on_request_at = 0
        self._back_off = BackOff(rescan_seconds, time.monotonic)
        # At the start as after a drop: whoever was killed may have left a secret key in the store.
        self._unshown: set[Folder] = {"keys"}
        self._secrets_gone_at: datetime | None = None
        self._seldom_seconds = min(_SELDOM_SECONDS, rescan_seconds)
        self._besides_at, self._is_besides_due = float("-inf"), True
        self._all_unshown = self._is_behind = self._has_handed_out = False
        self._news = self._besides_for = News(-1, 0, None, landed=True)
        self._asked_at = float("-inf")
        self._owner = owner
        self._work: Work
        self._stop = threading.Event()
        self._alive: Callable[[], None] = lambda: None

    def run(
        self,
        stop: threading.Event,
        *,
        ready: Callable[[], None] = lambda: None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """Process files until `stop` is set; a file under examination then is finished or stays landed.
        `ready` is called once, before the first round. `alive` is called in every round, and after every
        batch of claims.
        """
        self._stop, self._alive = stop, alive
        watch, asked = (
            Watch(one, self._pool.wake) for one in (self._home.spool.landed, self._home.spool.asked)
        )
        with self._working(warm=True), closing(watch), closing(asked):
            watch.renew()
            self._work.begin()
            ready()
            while not stop.is_set():
                alive()
                self._round()
                pause = self._rescan_seconds if self._is_besides_due else self._seldom_seconds
                self._wait(0 if self._rounds.more_held else pause)
                watch.renew()
                if self._registrar.settings.host.shares and self._home.spool.asked.is_dir():
                    asked.renew()
            # Record the results still coming in; files not begun or not finished stay landed.
            self._pool.give_up()
            while before := len(self._pool.in_hand):
                self._wait(1.0)
                if len(self._pool.in_hand) == before:
                    break
            for step in (self._record_late, self._show):
                if (fault := _fault_of(step)) is not None:
                    _log.error("%s; it is tried again at the next start", fault)

    def drain(self) -> int:
        """Process until no file waits or is under way; return the number of files still landed.
        Raises Fault where the spool cannot be claimed or receipts cannot be published.
        """
        with self._working():
            fault = self._round(at_once=True)
            besides = self._copier, self._anew, self._handing_on
            while self._pool.in_hand or self._rounds.more_held or any(each.busy for each in besides):
                self._wait(0 if self._rounds.more_held else _SELDOM_SECONDS)
                fault = self._round(at_once=True)
            fault = fault or _fault_of(lambda: self._record_late(all_of_them=True))
            if fault is not None:
                raise fault
            self._rounds.pages.tend(self._registrar, at_once=True)
            with self._registrar.registry.read() as session:
                return len(self._work.landed(session))

    def wake(self) -> None:
        """Start the next round now."""
        self._pool.wake()

    def _round(self, *, at_once: bool = False) -> Fault | None:
        """Run the steps of one round; return the first fault, or None.
        A failed step stops no other step, and is tried again in the next round. A step that does not concern
        new files is skipped if done a moment ago, or if done lately and nothing has changed since. `at_once`:
        True to skip no step. No file is processed while another host's processor owns the registry, or the
        registry is silent.
        """
        held_elsewhere = _fault_of(self._work.hold) if self._registrar.registry.is_shared else None
        if (elsewhere := held_elsewhere or _fault_of(self._ask)) is not None:
            if not self._work.leads:
                self._handing_on.empty()
                lay_out_folders(self._home.hooks, {}, "")
                grant_lease(self._home.letters.settings, 0)
            return self._told([elsewhere])
        steps = (
            self._take_over_policies,
            self._follow_keys,
            self._show,
            lambda: claim_waiting(self._registrar, self._after_batch, self._claims_into, self._news.register),
            self._record_late,
            self._publish,
            *self._besides(at_once=at_once),
            lambda: None if self._has_handed_out else self._hand_out(),  # Else done while claiming.
        )
        faults = [_fault_of(step) for step in steps if not self._stop.is_set()]
        found = [fault for fault in faults if fault is not None]
        return self._told(found) if found else None

    def _ask(self) -> None:
        """Read from the registry what changed last, so the steps of a round know if there is work."""
        with self._registrar.registry.read() as session:
            self._news = register.read_news(session)
        self._asked_at = time.monotonic()
        self._has_handed_out = False

    def _publish(self) -> None:
        """Publish receipts recorded by another process, and receipts that could not be published before."""
        if self._registrar.settings.host.shares:
            since, registry = self._published_on_request_at, self._registrar.registry
            self._published_on_request_at = publish_on_request(self._home, registry, since)
        found = self._news
        if not is_published(self._home.published, found.receipt, found.head):
            self._registrar.publish()

    def _besides(self, *, at_once: bool) -> Iterator[Callable[[], object]]:
        """Yield the steps due now that do not concern new files, such as held files, copies and letters.
        `at_once`: True if all of these steps are due. Some steps are for the leader only.
        """
        now = time.monotonic()
        pause = self._rescan_seconds if self._news == self._besides_for else self._seldom_seconds
        self._is_besides_due = at_once or now - self._besides_at >= pause
        leads, ownership = self._work.leads, self._work.ownership
        term, held_at = ownership.terms, ownership.confirmed_at
        if self._is_besides_due or self._rounds.more_held:
            # Policies are taken over only after this list is made.
            yield lambda: None if self._is_behind else self._rounds.held(self._registrar, leads=leads)
        if self._is_besides_due or self._copier.busy:
            yield lambda: self._copier.hand_out(self._registrar, leads=leads)
        if not self._is_besides_due:
            return
        self._besides_at, self._besides_for = now, self._news
        yield lambda: self._rounds.follow_log(self._registrar)
        yield self._rounds.copy_penalties
        yield lambda: self._rounds.checkpoints.tend(self._registrar, leads=leads)
        yield lambda: self._rounds.delete(self._registrar, leads=leads)
        yield lambda: self._rounds.pages.tend(self._registrar)
        yield lambda: self._rounds.letters.tend(self._registrar, held_at if leads else None)
        if leads:
            yield lambda: self._rounds.keys(self._registrar)
            yield lambda: self._anew.hand_out(self._registrar)
            yield lambda: self._handing_on.tend(self._registrar, term, held_at, at_once=at_once)
            yield lambda: self._rounds.hooks.tend(self._registrar, term, held_at)
        else:
            yield lambda: self._handing_on.withdraw(self._registrar)
            yield lambda: lay_out_folders(self._home.hooks, {}, "")

    def _told(self, faults: Sequence[Fault]) -> Fault | None:
        """Log and count the faults of a round; return the first, or None without faults."""
        for fault in faults:
            FAULTS.labels("registry").inc()
            _log.error("%s; it is tried again in %s s", fault, self._rescan_seconds)
        return faults[0] if faults else None

    def _take_over_policies(self) -> None:
        """Decide by the policies now in force, if changed. Examiner processes load policies by themselves."""
        self._is_behind = self._registrar.settings.host.shares  # Another host may have those in force.
        policies = self._renew(self._news.register)
        self._is_behind = False
        if policies is None:
            return
        self._registrar = dataclasses.replace(
            self._registrar, catalogue=policies.catalogue, limits=policies.limits, key_policy=policies.keys
        )
        self._all_unshown, self._besides_at = True, float("-inf")

    def _follow_keys(self) -> None:
        """Load and publish the gateway's keys again after a change. Raise Fault if loading fails."""
        found = secret_files.generation(self._home)
        if found == self._keys:
            return
        try:
            publish_all(self._home, self._registrar.clock())
            self._registrar = self._registrar.with_new_keys()
        except ConfigurationError as error:  # For example a passphrase changed meanwhile.
            raise Fault(str(error)) from None
        self._keys = found

    def _show(self) -> None:
        """Write the files in published/ again that depend on the policies, if these are new, or on keys just
        uploaded.
        """
        if self._all_unshown:
            publish_all(self._home, self._registrar.clock())
            self._all_unshown = False
        if "keys" in self._unshown:  # The only drops that change what is published.
            now = self._registrar.clock()
            drops.publish(self._home, self._registrar.registry, now, self._secrets_gone_at)
            self._secrets_gone_at = now - _CLOCKS_APART
        self._unshown.clear()

    def _hand_out(self) -> None:
        """Give landed files to the workers, oldest first, and at most IN_HAND at a time.
        The keys for an examination are those of this moment; they may change while the file waits.
        """
        landed: Sequence[str] = ()
        if self._news.landed or self._registrar.settings.host.shares:
            with self._registrar.registry.read() as session:
                landed = self._work.landed(session)
        uploads = self._progress.uploads
        landed = [*landed, *uploads]
        if self._is_behind:
            self._work.let_go(landed)
            return
        due = [one for one in landed if not self._back_off.is_pausing(one)]
        if len(due) < len(landed):
            self._work.let_go(set(landed).difference(due))
        in_hand = self._pool.in_hand
        held, free = Counter(map(provider_of, in_hand)), (one for one in due if one not in in_hand)
        room = worker_pool.IN_HAND - len(in_hand)
        taken = worker_pool.in_turn(
            free, held, room=room, each=worker_pool.IN_HAND_OF_EACH, at_a_time=worker_pool.A_TURN_FILES
        )
        now = self._registrar.clock()
        version = self._news.register
        for assignment in assignments(self._registrar, taken, now, uploads, version) if taken else ():
            reference = assignment.upload.reference
            self._pool.give(assignment, struck=self._back_off.losses[reference] > 0)
        self._has_handed_out = self._pool.in_hand.issuperset(due)

    def _after_batch(self) -> bool:
        """Give files to workers and record results, between two batches of claims.
        Returns False when the processor is stopping, so claiming ends.
        """
        self._alive()
        if time.monotonic() - self._asked_at >= self._seldom_seconds and (fault := _fault_of(self._ask)):
            self._told([fault])
        if not self._stop.is_set():
            self._hand_out()  # Before the commit, so that children work meanwhile.
        if (fault := _fault_of(self._record_late)) is not None:
            self._told([fault])
        if self._wait(0):
            self._pool.wake()  # Files landed since may be in no batch of this round.
        return not self._stop.is_set()

    def _record_late(self, *, all_of_them: bool = False) -> None:
        """Record as landed the uploads that have waited too long for a decision. `all_of_them`: True to
        record every upload. Raises Fault where an upload cannot be recorded.
        """
        late = self._progress.late(all_of_them=all_of_them)
        self._news = self._news._replace(landed=self._news.landed or bool(late))
        claim = Claim(self._registrar)
        if late:
            claim.put_on_record(late)
        self._progress.take_out([upload.reference for upload in late.values()])
        if claim.faults:
            raise claim.faults[0]

    def _wait(self, seconds: float | None) -> bool:
        """Wait for the workers' results, and record the results; return True if `wake` was called meanwhile.
        The wait lasts at most `seconds`, or with None until there is something to do.
        """
        finished, woken = self._pool.wait(seconds)
        # Of several hosts, one that decided by other policies gets a fault.
        takes_over = finished and not self._registrar.settings.host.shares
        if takes_over and (fault := _fault_of(self._take_over_policies)) is not None:
            self._told([fault])
        examinations = [item.examination or self._failed(item) for item in finished]
        try:
            self._conclude([one for one in examinations if one is not None])
        finally:
            self._pool.in_hand.difference_update(item.reference for item in finished)
        return woken

    def _conclude(self, examined: list[Examination]) -> None:
        if not examined:
            return
        uploads = self._progress.uploads
        try:
            decided = conclude(
                self._registrar,
                [dataclasses.replace(one, upload=uploads.get(one.examined.reference)) for one in examined],
            )
        except Fault as fault:
            FAULTS.labels("registry").inc()
            _log.error("%s; %d files stay landed and are tried again", fault, len(examined))
            for one in examined:
                self._back_off.note(one.examined.reference)
        except Exception as error:  # noqa: BLE001 - told where it was raised; one bad file must not end the service
            # One outcome that cannot be recorded must not block the others.
            if len(examined) == 1:
                self._unrecorded(examined[0], error)
                return
            for one in examined:
                self._conclude([one])
        else:
            self._unshown.update(decided.values())
            claim = Claim(self._registrar)
            claim.empty(self._progress.take_out(decided))
            if claim.faults:
                self._told(claim.faults)
            for one in examined:
                self._back_off.forget(one.examined.reference)

    def _unrecorded(self, one: Examination, error: Exception) -> None:
        """Count a failure to record an examination; after three failures hold the file for a person."""
        reference = one.examined.reference
        FAULTS.labels("internal").inc()
        self._record_late(all_of_them=True)  # Files that cannot even land are set aside.
        _log.error("%s: the outcome could not be recorded: %s", reference, trace_of(error))
        losses = self._back_off.note(reference, lost=True)
        if losses >= worker_pool.ATTEMPTS and not isinstance(one.examined, FileLost):
            self._conclude([Examination(FileLost(reference=reference))])

    def _failed(self, item: worker_pool.Finished) -> Examination | None:
        """Count a failed examination; once examiner processes died over the file three times, hold the file.
        Return the outcome that holds the file, or None if the file is to be examined again.
        """
        self._progress.count_as_late(item.reference)
        losses = self._back_off.note(item.reference, lost=item.lost)
        return Examination(FileLost(reference=item.reference)) if losses >= worker_pool.ATTEMPTS else None

    @contextmanager
    def _working(self, *, warm: bool = False) -> Iterator[None]:
        with (
            self._owner(self._registrar, self.wake) as self._work,
            closing(self._rounds.checkpoints),
            self._pool.at_work(warm=warm),
        ):
            yield


def _fault_of(step: Callable[[], object]) -> Fault | None:
    """Run one step of a round; return the fault, or None.
    Every exception becomes a Fault, so no failed step, even by a wrong setting, ends the service.
    """
    try:
        step()
    except GatewayError as error:
        return error if isinstance(error, Fault) else Fault(str(error))
    except OSError as error:
        return Fault(f"a disk failed: {cause_of(error)}")
    except Exception as error:  # noqa: BLE001 - told where it was raised; nothing ends the service
        return Fault(f"a step failed: {trace_of(error)}")
    return None
