"""Which files this host examines: all that are landed, or those that tasks have brought it.

Among several hosts each landed file is in a task, see `gateway.registry.work_queue`. A host has a task for as
long as something of it is landed and can be examined here; what it cannot deal with now it lets go of, and
another one is given it.
"""

from __future__ import annotations

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
    """The work of one host. Called by the processor's loop, from one thread."""

    def hold(self) -> None:
        """Hold the registry, again where that was lost. Fault where others keep it from that."""

    def leads(self) -> bool:
        """Whether what is done once for all hosts is done here."""
        ...

    def begin(self) -> None:
        """From now on, take what is brought; before, all that is landed is this host's."""

    def landed(self, session: Session) -> Sequence[str]:
        """The references that are this host's to examine, oldest first."""
        ...

    def let_go(self, references: Collection[str]) -> None:
        """What cannot be examined here now may be examined elsewhere."""


@dataclass(frozen=True, slots=True)
class Alone:
    """All the work of a registry: no other host has any."""

    ownership: Ownership

    def hold(self) -> None:
        """As `Work` has it."""
        self.ownership.hold()

    def leads(self) -> bool:
        """Always."""
        return True

    def begin(self) -> None:
        """Nothing is brought: it is found."""

    def landed(self, session: Session) -> Sequence[str]:
        """All that is."""
        return transfers.landed(session)

    def let_go(self, references: Collection[str]) -> None:
        """There is nobody else."""


@dataclass(eq=False, slots=True)
class _Task:
    """The files of a task that are still to be dealt with; `over` once there are none."""

    left: set[str]
    loop: asyncio.AbstractEventLoop
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def without(self, references: Collection[str]) -> None:
        self.left.difference_update(references)
        if not self.left:
            self.loop.call_soon_threadsafe(self.over.set)


class Share:
    """What tasks have brought to this host. The worker's thread calls `take`, the loop's all else."""

    def __init__(self, registrar: Registrar, ownership: Ownership, wake: Callable[[], None]) -> None:
        self._registrar = registrar
        self._ownership = ownership
        self._wake = wake
        self._lock = threading.Lock()
        self._tasks: list[_Task] = []
        self._worker: TaskSource | None = None

    def hold(self) -> None:
        """As `Work` has it."""
        self._ownership.hold()

    def leads(self) -> bool:
        """Of several hosts, one."""
        return self._ownership.leads()

    def begin(self) -> None:
        """Let a worker bring tasks."""
        from gateway.processor.worker import TaskWorker  # noqa: PLC0415 - hosts that work alone lack its packages

        workers = self._registrar.settings.processor.workers
        self._worker = TaskWorker(self._registrar, self.take, at_once=max(4, 2 * workers))
        self._worker.start()

    async def take(self, references: Sequence[str]) -> None:
        """Have the files of a task examined, until each is decided or was let go of."""
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
        """Those of its tasks. What is decided by now, by whomever, is over."""
        if self._worker is None:
            return transfers.landed(session)
        mine = self._mine()
        still = work_queue.still_landed(session, sorted(mine)) if mine else []
        self.let_go(mine.difference(still))
        return still

    def let_go(self, references: Collection[str]) -> None:
        """As `Work` has it."""
        with self._lock:
            for task in [one for one in self._tasks if not one.left.isdisjoint(references)]:
                task.without(references)

    def end(self) -> None:
        """Take no more, and queue again what has not been examined, so that nobody waits for it."""
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
    """Whoever brings tasks."""

    def start(self) -> None:
        """Begin, in a thread of its own."""

    def end(self) -> None:
        """Bring no more."""
