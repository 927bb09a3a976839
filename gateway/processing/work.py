"""The processor's loop: wake up, claim what landed, examine it in children, commit, publish.

One thread owns the loop, the claims and the commits; examinations run in a pool of threads, each
with a child process of its own. Whatever finished while a commit ran goes into the next one, so a
burst shares its transactions without waiting for them.
"""

from __future__ import annotations

import fcntl
import logging
import os
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential_jitter

from gateway.errors import Fault, GatewayError
from gateway.processing import claim
from gateway.processing.examination import Examined, Job
from gateway.processing.examiner import Examiners
from gateway.processing.watch import watch
from gateway.registry import keys, transfers
from gateway.spool import take_away, waiting

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.processing.commit import Office

_BATCH = 64
_ATTEMPTS = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Finished:
    reference: str
    examined: Examined | None


class Processor:
    """The one processor of a home. `clock` gives the time in UTC."""

    def __init__(self, office: Office, *, workers: int, rescan_seconds: float) -> None:
        self._office = office
        self._home = office.home
        self._workers = workers or os.cpu_count() or 1
        self._rescan_seconds = rescan_seconds
        limits = office.limits
        self._examiners = Examiners(
            self._home, seconds=limits.open.seconds + limits.classify.seconds + 30
        )
        self._inbox: queue.Queue[_Finished | None] = queue.Queue()
        self._in_hand: set[str] = set()

    def run(self, stop: threading.Event, *, ready: Callable[[], None] = lambda: None) -> None:
        """Work until `stop` is set; what is then in hand is finished or stays landed."""
        with self._working() as pool, self._watching():
            ready()
            while not stop.is_set():
                self._round(pool)
                self._wait(self._rescan_seconds)
            self._finish()

    def drain(self) -> int:
        """Work until nothing is waiting and nothing in hand; the number of transfers still landed."""
        with self._working() as pool:
            self._round(pool)
            while self._in_hand:
                self._wait(None)
                self._round(pool)
            with self._office.registry.read() as session:
                return len(transfers.landed(session))

    def wake(self) -> None:
        """Make the loop look again now."""
        self._inbox.put(None)

    def _round(self, pool: ThreadPoolExecutor) -> None:
        try:
            self._claim()
            self._office.reconsider()
            self._hand_out(pool)
        except Fault as fault:
            # Everything is still where it was; the next round tries again.
            _log.error("%s; it is tried again in %s s", fault, self._rescan_seconds)

    def _claim(self) -> None:
        for batch in _batches(waiting(self._home.spool)):
            with self._office.registry.read() as session:
                known = transfers.known(session, batch)
            stored = claim.store(self._home, [reference for reference in batch if reference not in known])
            landed = self._office.land(stored) if stored else set()
            for reference in known | landed:
                take_away(self._home.spool, reference)

    def _hand_out(self, pool: ThreadPoolExecutor) -> None:
        with self._office.registry.read() as session:
            references = [r for r in transfers.landed(session) if r not in self._in_hand]
        for reference in references:
            self._in_hand.add(reference)
            pool.submit(self._examine, reference)

    def _examine(self, reference: str) -> None:
        """In a pool thread. Whatever happens, the loop hears that the file is out of hand."""
        examined = None
        try:
            examined = self._try_to_examine(reference)
        except GatewayError as error:
            _log.error("%s: %s; it stays landed and is tried again", reference, error)
        except Exception:
            _log.exception("%s: could not be examined", reference)
        finally:
            self._inbox.put(_Finished(reference, examined))

    def _try_to_examine(self, reference: str) -> Examined:
        retrying = Retrying(
            retry=retry_if_exception_type(Fault),
            stop=stop_after_attempt(_ATTEMPTS),
            wait=wait_exponential_jitter(initial=0.2, max=5),
            reraise=True,
        )
        return retrying(lambda: self._examiners.mine().examine(self._job(reference)))

    def _job(self, reference: str) -> Job:
        now = self._office.clock()
        with self._office.registry.read() as session:
            upload = transfers.get(session, reference).upload
            senders = keys.keys_in_force(session, "provider", upload.provider, "openpgp", now)
        return Job(
            reference=reference,
            name=upload.name,
            senders=tuple(sender.material for sender in senders),
            now=now,
        )

    def _wait(self, seconds: float | None) -> None:
        """Sleep until something happened, then take in all that has."""
        try:
            finished = [self._inbox.get(timeout=seconds)]
        except queue.Empty:
            return
        while len(finished) < _BATCH:
            try:
                finished.append(self._inbox.get_nowait())
            except queue.Empty:
                break
        self._take_in([item for item in finished if item is not None])

    def _take_in(self, finished: list[_Finished]) -> None:
        examined = [item.examined for item in finished if item.examined is not None]
        try:
            if examined:
                self._office.commit(examined)
        except Fault as fault:
            _log.error("%s; %d files stay landed and are tried again", fault, len(examined))
        finally:
            self._in_hand.difference_update(item.reference for item in finished)

    def _finish(self) -> None:
        """Take in what the children still finish; what they do not stays landed."""
        while self._in_hand:
            before = len(self._in_hand)
            self._wait(1.0)
            if len(self._in_hand) == before:
                break

    @contextmanager
    def _working(self) -> Iterator[ThreadPoolExecutor]:
        with only_owner(self._office), ThreadPoolExecutor(self._workers, "examine") as pool:
            try:
                yield pool
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                self._examiners.close()

    @contextmanager
    def _watching(self) -> Iterator[None]:
        observer = watch(self._home.spool.landed, self.wake)
        try:
            yield
        finally:
            observer.stop()
            observer.join()


@contextmanager
def only_owner(office: Office) -> Iterator[None]:
    """Hold the home for this processor. GatewayError where another one has it."""
    descriptor = os.open(office.home.root / "processor.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GatewayError("another processor is at work in this home") from None
        yield
    finally:
        os.close(descriptor)


def _batches(references: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for reference in references:
        batch.append(reference)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch

