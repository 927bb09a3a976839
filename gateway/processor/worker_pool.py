"""Examine files in worker threads of the processor, each with separate isolated children."""

import logging
import math
import queue
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import tenacity

from gateway.errors import Fault, GatewayError, trace_of
from gateway.examiner.child import ExaminerLost
from gateway.examiner.parent import Examiners
from gateway.home import provider_of
from gateway.observe.metrics import EXAMINE_SECONDS, FAULTS
from gateway.passage import Examination, examine
from gateway.record.conclude import Assignment

ATTEMPTS = 3
A_MOMENT_SECONDS = 1.0
"""Seconds for which a worker keeps its children for the same provider before preparing fresh ones."""
A_COMMIT, WORTH_A_COMMIT = 64, 16
"""The most files in one transaction, and the number of results that wait for no others."""
A_COMMIT_SECONDS = 0.1
"""Seconds for which a result waits, and again for each 16 files in hand: a commit costs as much as three."""
_LOOKS_AGAIN_SECONDS, _ENDS_SECONDS = 1.0, 10.0
IN_HAND, IN_HAND_OF_EACH = 256, 64
"""Most files in hand, of all providers and of one."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finished:
    """A worker's result for a file: the examination, or None after a failure.

    `lost`: True if an examiner process may have died over the file. A file with several such losses is held,
    as the possible cause.
    """

    reference: str
    examination: Examination | None = None
    lost: bool = False


class WorkerPool:
    """Runs worker threads that examine files; queues the files for the threads, and keeps the results.

    Any thread may call `do` and `wake`; only one thread may call the other methods. `in_hand` has the
    reference of each file from `give` until the caller has recorded the result and removes the reference.
    """

    def __init__(self, workers: int, clock: Callable[[], datetime], examiners: Examiners) -> None:
        self.examiners = examiners
        self.in_hand: set[str] = set()
        self._workers = workers
        self._clock = clock
        self._turns = Turns(workers, time.monotonic)
        self._others: deque[Callable[[], None]] = deque()
        self._more = threading.Condition()
        self._lingering = 0
        self._inbox: queue.SimpleQueue[Finished | None] = queue.SimpleQueue()  # A signal may call `wake`.
        self._here: list[Finished] = []
        self._here_since = 0.0
        self._ending = threading.Event()

    @contextmanager
    def at_work(self, *, warm: bool = False) -> Iterator[None]:
        """Run the worker threads inside the context. `warm`: True to start examiner processes before the
        first file comes.
        """
        threads = [
            threading.Thread(target=self._work, args=[warm], name=f"examine_{number}", daemon=True)
            for number in range(self._workers)
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            with self._more:
                self._ending.set()
                self._others.clear()
                self._more.notify_all()
            self.examiners.close()
            for thread in threads:
                thread.join(_ENDS_SECONDS)

    def give(self, assignment: Assignment, *, struck: bool) -> None:
        """Queue a file for examination. `struck`: True if an examiner process has died over the file."""
        self.in_hand.add(assignment.upload.reference)
        with self._more:
            self._turns.add(assignment, struck=struck)
            self._more.notify_all()

    def do(self, work: Callable[[], None]) -> None:
        """Queue a function for a worker to call when no file waits. The function must not raise."""
        with self._more:
            self._others.append(work)
            self._more.notify_all()

    def give_up(self) -> None:
        """Drop the files not begun by a worker; they stay landed."""
        with self._more:
            left = self._turns.give_up()
        self.in_hand.difference_update(one.upload.reference for one in left)

    def wake(self) -> None:
        """Make a running `wait` return now."""
        self._inbox.put(None)

    def wait(self, seconds: float | None) -> tuple[Sequence[Finished], bool]:
        """Wait for results; return them, and True if `wake` was called. `seconds`: the longest wait; None for
        no limit. Results are kept back for a moment, to share a transaction with later results. At most
        A_COMMIT are returned, shared out among the providers; the next call returns further results.
        """
        until, woken = math.inf if seconds is None else time.monotonic() + seconds, False
        while True:
            left = 0.0 if woken else min(until, self._shared_until()) - time.monotonic()
            try:
                item = self._inbox.get(left > 0, None if left == math.inf else left)
            except queue.Empty:
                break
            if item is None:
                woken = True
                continue
            if not self._here:
                self._here_since = time.monotonic()
            self._here.append(item)
        if self._shared_until() > time.monotonic():
            return [], woken
        files = {item.reference: item for item in self._here}
        found = in_turn(files, Counter(), room=A_COMMIT, each=A_COMMIT)
        self._here = [item for item in self._here if item.reference not in set(found)]
        return [files[reference] for reference in found], woken

    def _shared_until(self) -> float:
        """Return the time, in monotonic seconds, until which the present results wait for later ones.
        Return 0 if the wait is over, infinity if there are no results.
        """
        if not self._here:
            return math.inf
        if len(self._here) >= min(WORTH_A_COMMIT, len(self.in_hand)) or self._ending.is_set():
            return 0.0
        return self._here_since + A_COMMIT_SECONDS * (1 + len(self.in_hand) / WORTH_A_COMMIT)

    def _work(self, warm: bool) -> None:
        """Examine files one after another until the pool ends; runs in a worker thread."""
        if warm:
            with suppress(Exception):  # Whatever it is: told with the first file, which starts them again.
                self.examiners.mine().start()
        rested, whose = True, None
        while not self._ending.is_set():
            with self._more:
                if whose is not None:
                    self._turns.at_work[whose] -= 1
                    self._more.notify_all()
                keeps = 0.0 if self._turns.are_shared else A_MOMENT_SECONDS
                self._lingering += not rested
                next_job = partial(self._next, rested=rested, whose=whose)
                found = self._more.wait_for(next_job, _LOOKS_AGAIN_SECONDS if rested else keeps)
                job, whose = found or (None, None)
                self._lingering -= not rested
            try:
                if job:
                    job()
                elif not rested:
                    self.examiners.mine().rest()
            except BaseException as error:  # noqa: BLE001 - told where it was raised; no worker ends by it
                FAULTS.labels("internal").inc()
                _log.error("a worker failed: %s", trace_of(error))
            rested = not job

    def _next(self, *, rested: bool, whose: str | None) -> tuple[Callable[[], None], str | None] | None:
        """Return a worker's next job and the queue of its file, if any; None if there is no job. The caller
        has the lock. `rested`: True for a worker that has ended its examiner processes. Such a worker takes a
        file only if more files wait than there are idle workers with processes. `whose`: see `Turns.next`.
        """
        if self._ending.is_set():
            return lambda: None, None
        may_look = not rested or self._turns.count > self._lingering
        if may_look and (given := self._turns.next(whose)) is not None:
            return partial(self._examine, given[0]), given[1]
        return (self._others.popleft(), None) if self._others else None

    @EXAMINE_SECONDS.time()
    def _examine(self, assignment: Assignment) -> None:
        """Examine one file, and report the result to the loop, even a failure."""
        reference = assignment.upload.reference
        finished = Finished(reference, lost=True)
        retrying = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Fault)
            & tenacity.retry_if_not_exception_type(ExaminerLost),
            stop=tenacity.stop_after_attempt(ATTEMPTS) | tenacity.stop_when_event_set(self._ending),
            wait=tenacity.wait_random_exponential(multiplier=0.2, max=5),
            reraise=True,
        )
        try:
            found = retrying(lambda: examine(assignment, self.examiners.mine().examine, self._clock()))
            finished = Finished(reference, found)
        except Exception as error:  # noqa: BLE001 - told; one bad file must not end the service
            finished = self._unfinished(reference, error)
        finally:
            self._inbox.put(finished)

    def _unfinished(self, reference: str, error: Exception) -> Finished:
        """Log and count a failed examination; return the file's result."""
        if self._ending.is_set():  # The children were ended during the examination.
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


A_TURN_FILES, A_TURN_SECONDS = 16, 2.0
"""The most files, and the most seconds, of a provider's turn while others wait: a turn costs processes."""

_ABOUT_SECONDS = 10.0
_STRUCK = ""
"""The queue, in place of a provider's, of files over which a process died: one is examined at a time."""


def in_turn(
    waiting: Iterable[str], held: Counter[str], *, room: int, each: int, at_a_time: int = 1
) -> list[str]:
    """Choose at most `room` of the waiting references, given oldest first.
    Providers take turns of `at_a_time` files. First comes the provider with the fewest files, counting
    files chosen here and the number in `held` for files chosen before; among equals, the provider with the
    fewest waiting. No provider gets more than `each` files by this count.
    """
    held = held.copy()
    queues: dict[str, deque[str]] = {}
    for reference in waiting:
        queues.setdefault(provider_of(reference), deque()).append(reference)
    found: list[str] = []
    while queues and len(found) < room:
        provider = min(queues, key=lambda one: (held[one], len(queues[one])))
        if held[provider] >= each:
            break
        for _ in range(min(at_a_time, each - held[provider], room - len(found), len(queues[provider]))):
            found.append(queues[provider].popleft())
            held[provider] += 1
        if not queues[provider]:
            del queues[provider]
    return found


@dataclass(slots=True)
class Turns:
    """The files queued for examination, in a queue for each provider; providers take turns.

    `workers`: the number of worker threads. `count`: the number of files queued. `at_work`: the number of
    files of each queue under examination. `clock` returns monotonic seconds.
    """

    workers: int
    clock: Callable[[], float]
    count: int = 0
    _waiting: OrderedDict[str, deque[Assignment]] = field(default_factory=OrderedDict)
    at_work: Counter[str] = field(default_factory=Counter)
    _seen: dict[str, float] = field(default_factory=dict)
    _turns: dict[str, tuple[int, float]] = field(default_factory=dict)
    """The present turn of a provider: the number of files, and the end."""

    def add(self, assignment: Assignment, *, struck: bool = False) -> None:
        """Queue a file for examination.
        `struck`: True if an examiner process has died over the file. Such files of all providers share a
        queue of their own, so no other file waits behind one.
        """
        provider = assignment.upload.provider
        self._seen[provider] = self.clock()
        self.count += 1
        self._waiting.setdefault(_STRUCK if struck else provider, deque()).append(assignment)

    @property
    def are_shared(self) -> bool:
        """True if several providers sent files in the last ten seconds: the workers are divided among all."""
        latest = self.clock() - _ABOUT_SECONDS
        self._seen = {provider: at for provider, at in self._seen.items() if at >= latest}
        return len(self._seen) > 1

    def next(self, last: str | None = None) -> tuple[Assignment, str] | None:
        """Return the next file to examine, and the name of its queue; None if no file may be begun now.
        The caller lowers the queue's `at_work` when the file is done. `last`: the queue of the caller's last
        file, preferred until its turn ends, because the caller has processes for that provider.
        """
        now = self.clock()
        over = [one for one, (files, ends) in self._turns.items() if files >= A_TURN_FILES or now >= ends]
        for one in over:
            del self._turns[one]
            if one in self._waiting:
                self._waiting.move_to_end(one)
        most = self.workers
        if self.are_shared:
            # A process serves one provider only: two workers for a turn would start twice as many.
            each = math.ceil(self.workers / max(1, len(self._waiting)))
            most = max(1, min(each, self.workers - 1))
        free = [one for one in self._waiting if self.at_work[one] < (1 if one == _STRUCK else most)]
        whose = last if last in free and last in self._turns else next(iter(free), None)
        if whose is None:
            return None
        files, ends = self._turns.get(whose, (0, now + A_TURN_SECONDS))
        self._turns[whose] = files + 1, ends
        self.at_work[whose] += 1
        self.count -= 1
        found = self._waiting[whose].popleft()
        if not self._waiting[whose]:
            del self._waiting[whose]
        return found, whose

    def give_up(self) -> list[Assignment]:
        """Empty all queues; return the assignments that were queued."""
        left = [one for files in self._waiting.values() for one in files]
        self._waiting.clear()
        self.count = 0
        return left
