"""The hands of the processor: threads that look at files, each with isolated children of its own."""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime

from tenacity import (
    Retrying,
    retry_if_exception_type,
    retry_if_not_exception_type,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)

from gateway.errors import Fault, GatewayError, trace_of
from gateway.examiner.child import ExaminerLost
from gateway.examiner.examiners import Examiners
from gateway.home import provider_of
from gateway.observe.metrics import EXAMINE_SECONDS, FAULTS
from gateway.passage import Examination, examine
from gateway.processor.out_of_hand import Finished, OutOfHand
from gateway.processor.turns import Company, Turns, chosen
from gateway.record.assignments import Assignment

ATTEMPTS = 3
A_MOMENT_SECONDS = 0.25
"""So long a worker keeps its children for more of the same provider; then others are made ready."""
_IN_A_ROW = 100
_IN_HAND, _IN_HAND_OF_EACH = 256, 64
_log = logging.getLogger(__name__)


class Hands:
    """What is in hand, by whom it is looked at, and what is finished. One thread gives and takes."""

    def __init__(self, workers: int, clock: Callable[[], datetime], examiners: Examiners) -> None:
        self.examiners = examiners
        self.in_hand: set[str] = set()
        self._workers = workers
        self._clock = clock
        self.company = Company(time.monotonic)
        self._turns = Turns(workers, time.monotonic, self.company)
        self._lock = threading.Lock()
        # Of the workers, so many look at files or linger, and so many of these linger until one is called.
        self._busy = self._lingering = 0
        self._called = threading.Semaphore(0)
        self._out = OutOfHand(self.company)
        self._pool: Executor | None = None
        self._is_kept_free = False
        self._ending = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[Executor]:
        """The threads, for as long as it lasts; others may have them do something too."""
        with ThreadPoolExecutor(self._workers, "examine") as pool:
            self._pool = pool
            try:
                yield pool
            finally:
                self._ending.set()
                self._called.release(self._workers)
                pool.shutdown(wait=False, cancel_futures=True)
                self.examiners.close()

    def warm_up(self) -> None:
        """Start the children now, so that the first files do not wait for them."""
        every = threading.Barrier(self._workers)

        def start() -> None:
            every.wait(ATTEMPTS)  # Each in a thread of its own.
            self.examiners.mine().start()

        for _ in range(self._workers):
            self._submit(start)

    @property
    def are_full(self) -> bool:
        """Whether nothing more can be taken in hand."""
        return len(self.in_hand) >= _IN_HAND

    def choose(self, landed: Iterable[str]) -> Sequence[str]:
        """Which of those landed, the oldest first, are to be taken in hand now, as far as there is room."""
        room = _IN_HAND - len(self.in_hand)
        free = (one for one in landed if one not in self.in_hand)
        return chosen(free, self.in_hand, room=room, each=_IN_HAND_OF_EACH)

    def give(self, assignment: Assignment, *, struck: bool) -> None:
        """Take a file in hand. `struck`: its child was lost before."""
        self.in_hand.add(assignment.upload.reference)
        with self._lock:
            self._turns.add(assignment, struck=struck)
        self._call_one()

    def look_again(self) -> None:
        """Let a worker that was kept free for others look at what waits, once they are gone."""
        if self._is_kept_free and not self.company.spares_somebody:
            self._is_kept_free = False
            self._call_one()

    def give_up(self) -> None:
        """Put down what nobody looks at yet; it stays landed."""
        with self._lock:
            left = self._turns.give_up()
        self.put_down(one.upload.reference for one in left)

    def put_down(self, references: Iterator[str]) -> None:
        """Note that these files are no longer in hand."""
        self.in_hand.difference_update(references)

    def wake(self) -> None:
        """End a wait now."""
        self._out.put(None)

    def wait(self, seconds: float | None) -> Sequence[Finished]:
        """Sleep until something happened; what is out of hand by then, as much as one transaction takes."""
        return self._out.wait(seconds, self._held())

    def so_far(self) -> tuple[Sequence[Finished], bool]:
        """What is out of hand by now, as much as one transaction takes, and whether somebody wants a look."""
        return self._out.so_far(self._held())

    def hurried(self) -> Sequence[Finished]:
        """What is out of hand by now of those who go before another's heap."""
        return self._out.hurried(self._held())

    def _held(self) -> Counter[str]:
        return Counter(map(provider_of, self.in_hand))

    def _submit(self, work: Callable[[], None]) -> None:
        if self._pool is not None:
            self._pool.submit(work)

    def _call_one(self) -> None:
        """Have one more worker look at what waits: one that lingers, else one that is free."""
        with self._lock:
            if self._lingering:
                self._lingering -= 1
                self._called.release()
                return
            if self._busy >= self._workers:
                return
            self._busy += 1
        self._submit(self._look_at_files)

    def _look_at_files(self) -> None:
        """In a pool thread: look at the files whose turn it is, until no more comes."""
        for _ in range(_IN_A_ROW):
            if not self._looked_at_next():
                self.examiners.mine().rest()
                return
        self.examiners.mine().rest()
        try:
            self._submit(self._look_at_files)  # After what else the pool is to do.
        except RuntimeError:  # The threads are being ended: what waits stays landed.
            return

    def _looked_at_next(self) -> bool:
        """Look at the file whose turn it is, if one may be looked at now; whether to go on."""
        with self._lock:
            given = None if self._ending.is_set() else self._turns.next()
            self._busy -= given is None
        if given is None:
            self._is_kept_free = True
            return False
        assignment, struck = given
        self._examine(assignment)
        return self._goes_on(assignment, struck=struck)

    def _goes_on(self, done: Assignment, *, struck: bool) -> bool:
        """Whether more waits, or comes in a moment, once a file is done; a worker that does not is free.

        Where somebody is spared nobody's children are kept: whoever comes finds others ready.
        """
        with self._lock:
            self._turns.done(done, struck=struck)
            if self._turns:
                return True
            if self.company.spares_somebody:
                self._busy -= 1
                return False
            self._lingering += 1
        if self._called.acquire(timeout=A_MOMENT_SECONDS):
            return True
        with self._lock:
            if not self._lingering:  # It was called at this very moment.
                return self._called.acquire()
            self._lingering -= 1
            self._busy -= 1
            return False

    @EXAMINE_SECONDS.time()
    def _examine(self, assignment: Assignment) -> None:
        """Whatever happens, the loop hears that the file is out of hand."""
        reference = assignment.upload.reference
        finished = Finished(reference, lost=True)
        try:
            finished = Finished(reference, self._try_to_examine(assignment))
        except Exception as error:  # noqa: BLE001 - told; one bad file must not end the service
            finished = self._unfinished(reference, error)
        finally:
            self._out.put(finished)

    def _unfinished(self, reference: str, error: Exception) -> Finished:
        """What is told of a file that could not be examined, and whose fault it is."""
        if self._ending.is_set():  # Its children were ended while it was looked at.
            _log.info("%s: stays landed, as the processor stops", reference)
            return Finished(reference)
        if isinstance(error, ExaminerLost):
            FAULTS.labels("examiner-lost").inc()
            _log.error("%s: %s", reference, error)
            return Finished(reference, lost=True)
        if isinstance(error, GatewayError):
            FAULTS.labels("engine").inc()
            _log.error("%s: %s; it stays landed and is tried again", reference, error)
            return Finished(reference)
        FAULTS.labels("internal").inc()
        _log.error("%s: could not be examined: %s", reference, trace_of(error))
        return Finished(reference, lost=True)

    def _try_to_examine(self, assignment: Assignment) -> Examination:
        retrying = Retrying(
            retry=retry_if_exception_type(Fault) & retry_if_not_exception_type(ExaminerLost),
            stop=stop_after_attempt(ATTEMPTS) | stop_when_event_set(self._ending),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        return retrying(lambda: examine(assignment, self.examiners.mine(), self._clock()))
