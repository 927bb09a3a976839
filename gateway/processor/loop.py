"""The processor's loop: wake up, claim what landed, examine it in children, commit, publish.

One thread owns the loop, the claims and the commits; examinations run in a pool of threads, each
with a child process of its own. Whatever finished while a commit ran goes into the next one, so a
burst shares its transactions without waiting for them.
"""

from __future__ import annotations

import dataclasses
import fcntl
import logging
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass

from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    wait_random_exponential,
)

from gateway.drops import by_folder
from gateway.errors import ConfigurationError, Fault, GatewayError
from gateway.examiner.parent import ExaminerLost, Examiners
from gateway.examiner.protocol import FileLost
from gateway.model import Folder
from gateway.observe.metrics import EXAMINE_SECONDS, FAULTS
from gateway.passage import Examination, conclude, examine
from gateway.processor.back_off import BackOff
from gateway.processor.checkpoints import Checkpoints
from gateway.processor.claim import claim_waiting
from gateway.processor.key_round import look_after_keys
from gateway.processor.provider_copies import Copier
from gateway.processor.reconsider import reconsider
from gateway.processor.watch import Watch
from gateway.publish.everything import publish_all
from gateway.record.assignments import Assignment, assignments
from gateway.record.policies_in_force import Policies
from gateway.record.registrar import Registrar
from gateway.registry import transfers
from gateway.secrets import secret_files

_BATCH = 64
_IN_HAND = 256
_ATTEMPTS = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Finished:
    """A file out of hand: examined, or not, because of a fault of ours or because its child was lost."""

    reference: str
    examination: Examination | None = None
    lost: bool = False


class Processor:
    """The one processor of a home.

    `renew` gives the policies that decide, where they are new; `examiners` makes those who look at files.
    """

    def __init__(
        self,
        registrar: Registrar,
        *,
        workers: int,
        rescan_seconds: float,
        renew: Callable[[], Policies | None] = lambda: None,
        examiners: Callable[..., Examiners] = Examiners,
    ) -> None:
        self._registrar = registrar
        self._renew = renew
        self._home = registrar.home
        self._workers = workers or os.cpu_count() or 1
        self._rescan_seconds = rescan_seconds
        limits = registrar.limits
        self._examiners = examiners(self._home, seconds=limits.open.seconds + limits.classify.seconds + 30)
        self._checkpoints = Checkpoints(registrar)
        self._inbox: queue.Queue[_Finished | None] = queue.Queue()
        self._copier = Copier(self._home, self._examiners, pause_seconds=rescan_seconds, done=self.wake)
        self._in_hand: dict[str, Future[None]] = {}
        self._keys = secret_files.generation(self._home)
        self._back_off = BackOff(rescan_seconds, time.monotonic)
        self._unshown: set[Folder] = set()
        self._all_unshown = self._anew = False
        self._stop = threading.Event()
        self._alive: Callable[[], None] = lambda: None

    def run(
        self,
        stop: threading.Event,
        *,
        ready: Callable[[], None] = lambda: None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """Work until `stop` is set; what is then being examined is finished or stays landed.

        `alive` is called in every round, and in a long one after every batch.
        """
        self._stop, self._alive = stop, alive
        watch = Watch(self._home.spool.landed, self.wake)
        with self._working() as pool, closing(watch):
            watch.renew()
            self._warm_up(pool)
            ready()
            while not stop.is_set():
                alive()
                self._round(pool)
                self._wait(self._rescan_seconds)
                watch.renew()
            self._finish()

    def drain(self) -> int:
        """Work until nothing is waiting and nothing in hand; the number of transfers still landed.

        Fault where what waits in the spool cannot be claimed, or receipts cannot be brought out.
        """
        with self._working() as pool:
            fault = self._round(pool)
            while self._in_hand or self._copier.busy:
                self._wait(None)
                fault = self._round(pool)
            if fault is not None:
                raise fault
            with self._registrar.registry.read() as session:
                return len(transfers.landed(session))

    def wake(self) -> None:
        """Make the loop look again now."""
        self._inbox.put(None)

    def _round(self, pool: ThreadPoolExecutor) -> Fault | None:
        """Do what there is to do; the fault that kept some of it from being done, if any.

        A step that fails leaves everything where it was and keeps no other from being done.
        """
        steps = (
            self._take_over_policies,
            self._follow_keys,
            self._show,
            lambda: claim_waiting(self._registrar, lambda: self._keep_up(pool)),
            lambda: self._registrar.publish(),  # noqa: PLW0108 - of the registrar as it is by then
            lambda: self._checkpoints.tend(self._registrar),
            lambda: look_after_keys(self._registrar),
            self._reconsider,
            lambda: self._hand_out(pool),
            lambda: self._copier.hand_out(self._registrar, pool),
        )
        faults = [
            fault for step in steps if not self._stop.is_set() and (fault := _fault_of(step)) is not None
        ]
        for fault in faults:
            FAULTS.labels("registry").inc()
            _log.error("%s; it is tried again in %s s", fault, self._rescan_seconds)
        return faults[0] if faults else None

    def _take_over_policies(self) -> None:
        """Go on by the policies that have come into force; children find out by themselves."""
        policies = self._renew()
        if policies is None:
            return
        self._registrar = dataclasses.replace(
            self._registrar,
            catalogue=policies.catalogue,
            limits=policies.limits,
            key_policy=policies.keys,
        )
        self._all_unshown = self._anew = True

    def _follow_keys(self) -> None:
        """Sign with the gateway's new key as soon as there is one."""
        found = secret_files.generation(self._home)
        if found == self._keys:
            return
        try:
            publish_all(self._home, self._registrar.clock())
            self._registrar = self._registrar.with_new_keys()
        except ConfigurationError as error:  # Such as a passphrase that was changed under us.
            raise Fault(str(error)) from None
        self._keys = found

    def _show(self) -> None:
        """Show outside what policies and drops have changed, until that has been done once."""
        if self._all_unshown:
            publish_all(self._home, self._registrar.clock())
            self._all_unshown = False
        by_folder.publish(self._unshown, self._home, self._registrar.registry, self._registrar.clock())
        self._unshown.clear()

    def _reconsider(self) -> None:
        reconsider(self._registrar, anew=self._anew)
        self._anew = False

    def _hand_out(self, pool: ThreadPoolExecutor) -> None:
        """Give the oldest of what is landed to the pool: few enough that keys hardly change meanwhile."""
        room = _IN_HAND - len(self._in_hand)
        if room <= 0:
            return
        with self._registrar.registry.read() as session:
            landed = transfers.landed(session)
        free = [one for one in landed if one not in self._in_hand and not self._back_off.rests(one)]
        if not free:
            return
        for assignment in assignments(self._registrar, free[:room], self._registrar.clock()):
            self._in_hand[assignment.upload.reference] = pool.submit(self._examine, assignment)

    @EXAMINE_SECONDS.time()
    def _examine(self, assignment: Assignment) -> None:
        """In a pool thread. Whatever happens, the loop hears that the file is out of hand."""
        reference = assignment.upload.reference
        finished = _Finished(reference, lost=True)
        try:
            finished = _Finished(reference, self._try_to_examine(assignment))
        except ExaminerLost as error:
            FAULTS.labels("examiner-lost").inc()
            _log.error("%s: %s", reference, error)
        except GatewayError as error:
            FAULTS.labels("engine").inc()
            _log.error("%s: %s; it stays landed and is tried again", reference, error)
            finished = _Finished(reference)
        except Exception:  # noqa: BLE001 - logged in full; one bad file must not end the service
            FAULTS.labels("internal").inc()
            _log.exception("%s: could not be examined", reference)
        finally:
            self._inbox.put(finished)

    def _try_to_examine(self, assignment: Assignment) -> Examination:
        retrying = Retrying(
            retry=retry_if_exception_type(Fault) & retry_if_not_exception_type(ExaminerLost),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        return retrying(lambda: examine(assignment, self._examiners.mine(), self._registrar.clock()))

    def _keep_up(self, pool: ThreadPoolExecutor) -> bool:
        """Let the children work, and put on record what they finished, while more is claimed.

        False where no more is to be, as the processor is to stop.
        """
        self._alive()
        finished, woken = self._finished_so_far()
        if woken:
            self.wake()  # What has landed since may be in no batch of this round.
        self._take_in(finished)
        if self._stop.is_set():
            return False
        self._hand_out(pool)
        return True

    def _wait(self, seconds: float | None) -> None:
        """Sleep until something happened, then take in all that has."""
        try:
            first = self._inbox.get(timeout=seconds)
        except queue.Empty:
            return
        self._take_in(([] if first is None else [first]) + self._finished_so_far()[0])

    def _finished_so_far(self) -> tuple[list[_Finished], bool]:
        """What is out of hand by now, as much as one commit takes, and whether somebody wants a look."""
        finished: list[_Finished] = []
        woken = False
        while len(finished) < _BATCH:
            try:
                item = self._inbox.get_nowait()
            except queue.Empty:
                break
            if item is None:
                woken = True
            else:
                finished.append(item)
        return finished, woken

    def _take_in(self, finished: list[_Finished]) -> None:
        examinations = [item.examination or self._failed(item) for item in finished]
        try:
            self._conclude([one for one in examinations if one is not None])
        finally:
            for item in finished:
                self._in_hand.pop(item.reference, None)

    def _conclude(self, examined: list[Examination]) -> None:
        if not examined:
            return
        try:
            self._unshown |= conclude(self._registrar, examined)
        except Fault as fault:
            FAULTS.labels("registry").inc()
            _log.error("%s; %d files stay landed and are tried again", fault, len(examined))
            for one in examined:
                self._back_off.note(one.examined.reference)
        except Exception:  # noqa: BLE001 - logged in full; one bad file must not end the service
            # One outcome that cannot be recorded must not keep the others from being.
            if len(examined) == 1:
                _log.exception("%s: the outcome could not be recorded", examined[0].examined.reference)
                self._back_off.note(examined[0].examined.reference)
                return
            for one in examined:
                self._conclude([one])
        else:
            for one in examined:
                self._back_off.forget(one.examined.reference)

    def _failed(self, item: _Finished) -> Examination | None:
        """Note a failure; an outcome where the file breaks every child."""
        losses = self._back_off.note(item.reference, lost=item.lost)
        return Examination(FileLost(reference=item.reference)) if losses >= _ATTEMPTS else None

    def _finish(self) -> None:
        """Take in what the children still finish; what they have not begun, or do not, stays landed."""
        for reference in [one for one, future in self._in_hand.items() if future.cancel()]:
            del self._in_hand[reference]
        while self._in_hand:
            before = len(self._in_hand)
            self._wait(1.0)
            if len(self._in_hand) == before:
                break
        if (fault := _fault_of(self._show)) is not None:
            _log.error("%s; it is tried again at the next start", fault)

    def _warm_up(self, pool: ThreadPoolExecutor) -> None:
        """Start the children now, so that the first files do not wait for them."""
        every = threading.Barrier(self._workers)

        def start() -> None:
            every.wait(_ATTEMPTS)  # Each in a thread of its own.
            self._examiners.mine().start()

        for _ in range(self._workers):
            pool.submit(start)

    @contextmanager
    def _working(self) -> Iterator[ThreadPoolExecutor]:
        with only_owner(self._registrar), ThreadPoolExecutor(self._workers, "examine") as pool:
            try:
                yield pool
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                self._examiners.close()
                self._checkpoints.close()


@contextmanager
def only_owner(registrar: Registrar) -> Iterator[None]:
    """Hold the home for this processor. GatewayError where another one has it, or it cannot be held."""
    try:
        descriptor = os.open(registrar.home.root / "processor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Fault(f"processor.lock cannot be written: {error.strerror}") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GatewayError("another processor is at work in this home") from None
        yield
    finally:
        os.close(descriptor)


def _fault_of(step: Callable[[], object]) -> Fault | None:
    """Do one step of a round; the fault that it met, if any.

    A setting that is wrong keeps a service from starting, but does not end one that runs.
    """
    try:
        step()
    except Fault as fault:
        return fault
    except GatewayError as error:
        return Fault(str(error))
    except OSError as error:
        return Fault(f"a disk failed: {error.strerror}")
    return None
