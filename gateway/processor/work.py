"""Files this host examines: all landed ones, or those in its tasks.

Among several hosts every landed file is in a task, see `gateway.registry.work_queue`. A host keeps a task
while a file of the task is landed and can be examined here; files not examinable now go to other hosts.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sqlmodel import Session

from gateway.errors import Fault
from gateway.record.registrar import Registrar
from gateway.registry import transfers, work_queue
from gateway.registry.ownership import Ownership

_log = logging.getLogger(__name__)


class Work(Protocol):
    """Work of one host. Called by the processor's loop, from one thread."""

    def hold(self) -> None:
        """Hold the registry, again where the hold was lost. Raises Fault where others prevent the hold."""

    def leads(self) -> bool:
        """Return True where this host does the work done once for all hosts."""
        ...

    def begin(self) -> None:
        """Accept tasks from now on; before, all landed files belong to this host."""

    def landed(self, session: Session) -> Sequence[str]:
        """Return the references for this host to examine, oldest first."""
        ...

    def let_go(self, references: Collection[str]) -> None:
        """Release files to other hosts."""


@dataclass(frozen=True, slots=True)
class Alone:
    """All the work of a registry without other hosts."""

    ownership: Ownership

    def hold(self) -> None:
        """Hold the registry, as in `Work`."""
        self.ownership.hold()

    def leads(self) -> bool:
        """Return True: there is no other host."""
        return True

    def begin(self) -> None:
        """Do nothing: a lone host has no tasks."""

    def landed(self, session: Session) -> Sequence[str]:
        """Return all landed references."""
        return transfers.landed(session)

    def let_go(self, references: Collection[str]) -> None:
        """Do nothing: there is no other host."""


@dataclass(eq=False, slots=True)
class _Task:
    """Undecided files of a task; `over` is set once none is left."""

    left: set[str]
    loop: asyncio.AbstractEventLoop
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def without(self, references: Collection[str]) -> None:
        self.left.difference_update(references)
        if not self.left:
            self.loop.call_soon_threadsafe(self.over.set)


class Share:
    """Tasks given to this host. The worker's thread calls `take`, the loop's thread all else."""

    def __init__(self, registrar: Registrar, ownership: Ownership, wake: Callable[[], None]) -> None:
        self._registrar = registrar
        self._ownership = ownership
        self._wake = wake
        self._lock = threading.Lock()
        self._tasks: list[_Task] = []
        self._worker: TaskSource | None = None

    def hold(self) -> None:
        """Hold the registry, as in `Work`."""
        self._ownership.hold()

    def leads(self) -> bool:
        """Return True for one host of several."""
        return self._ownership.leads()

    def begin(self) -> None:
        """Start a worker for tasks."""
        from gateway.processor.worker import TaskWorker  # noqa: PLC0415 - hosts that work alone lack its packages

        workers = self._registrar.settings.processor.workers
        self._worker = TaskWorker(self._registrar, self.take, at_once=max(4, 2 * workers))
        self._worker.start()

    async def take(self, references: Sequence[str]) -> None:
        """Have the files of a task examined; return once each is decided or let go."""
        task = _Task(set(references), asyncio.get_running_loop())
        with self._lock:
            self._tasks.append(task)
        try:
            self._wake()
            await task.over.wait()
        finally:
            with self._lock:
                self._tasks.remove(task)

    def landed(self, session: Session) -> Sequence[str]:
        """Return the landed files of this host's tasks; decided ones leave their task."""
        if self._worker is None:
            return transfers.landed(session)
        mine = self._mine()
        still = work_queue.still_landed(session, sorted(mine)) if mine else []
        self.let_go(mine.difference(still))
        return still

    def let_go(self, references: Collection[str]) -> None:
        """Release files to other hosts, as in `Work`."""
        with self._lock:
            for task in [one for one in self._tasks if not one.left.isdisjoint(references)]:
                task.without(references)

    def end(self) -> None:
        """Take no more tasks and queue unexamined files again for other hosts at once."""
        if self._worker is None:
            return
        mine = self._mine()
        try:
            with self._registrar.registry.write() as session:
                work_queue.queue(session, work_queue.still_landed(session, sorted(mine)))
        except Fault as fault:
            _log.warning("%s; another host finds by itself what this one leaves", fault)
        self.let_go(mine)
        self._worker.end()

    def _mine(self) -> set[str]:
        with self._lock:
            return {one for task in self._tasks for one in task.left}


class TaskSource(Protocol):
    """Source of tasks."""

    def start(self) -> None:
        """Start in a thread of its own."""

    def end(self) -> None:
        """Stop giving tasks."""
