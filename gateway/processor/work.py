"""Choose the files for this host to examine: all landed files or, of several hosts, its tasks' files.

Several hosts fetch tasks from one queue in the registry's database; a task names some landed files. A host
keeps a task as long as any file of the task is landed and can be examined by the host. A file that the host
cannot examine now is given up, for another host.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text
from sqlmodel import Session

from gateway.errors import ConfigurationError, Fault, as_fault
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.keys import rotation
from gateway.openpgp.engines import prove_program
from gateway.record.policies_in_force import Keeper, Policies
from gateway.record.registrar import Registrar
from gateway.record.snapshot import spool_ages
from gateway.registry import hosts, transfers, work_queue
from gateway.registry.hosts import Ownership
from gateway.store.of_home import check_store, store_answers
from gateway.zones.places import locked

if TYPE_CHECKING:
    from gateway.processor.worker import TaskWorker

_log = logging.getLogger(__name__)


class Work:
    """The work of a single host: all landed files. Called by the processor's loop, from one thread."""

    leads: bool = True
    """True on the leader, for work done once for all hosts."""

    def __init__(self, ownership: Ownership) -> None:
        self.ownership = ownership

    def hold(self) -> None:
        """Take the lock on the registry, if not held yet. Raise Fault if another processor has the lock.
        For SQLite nothing is done: the lock on the home is enough.
        """
        self.ownership.hold()

    def begin(self) -> None:
        """Begin to take tasks, where several hosts share the work; do nothing on a single host."""

    def landed(self, session: Session) -> Sequence[str]:
        """Return the references of the landed files that this host is to examine, oldest first."""
        return transfers.landed(session)

    def let_go(self, references: Collection[str]) -> None:
        """Give up files of this host's tasks, for other hosts to examine; do nothing on a single host."""


class Share(Work):
    """The work of one of several hosts: the files of its tasks. The method `take` runs in another thread."""

    def __init__(self, registrar: Registrar, ownership: Ownership, wake: Callable[[], None]) -> None:
        super().__init__(ownership)
        self._registrar = registrar
        self._wake = wake
        self._lock = threading.Lock()
        # The files left to decide of each task, by the event that is set once none is left.
        self._tasks: dict[asyncio.Event, set[str]] = {}
        self._loop: asyncio.AbstractEventLoop
        self._worker: TaskWorker | None = None

    @property
    def leads(self) -> bool:  # type: ignore[override]  # Another host may take the lead at any time.
        """True on the leader."""
        return self.ownership.leads()

    def begin(self) -> None:
        """Start the thread fetching tasks for the host."""
        from gateway.processor.worker import TaskWorker  # noqa: PLC0415 - hosts that work alone lack its packages

        workers = self._registrar.settings.processor.workers
        self._worker = TaskWorker(self._registrar, self.take, at_once=max(4, 2 * workers))
        self._worker.start()

    async def take(self, references: Sequence[str]) -> None:
        """Add a task's files to this host's work; return once each file is decided or given up."""
        self._loop, over = asyncio.get_running_loop(), asyncio.Event()
        with self._lock:
            self._tasks[over] = set(references)
        try:
            self._wake()
            await over.wait()
        finally:
            with self._lock:
                del self._tasks[over]

    def landed(self, session: Session) -> Sequence[str]:
        """Return the references of the files taken to be examined here and not decided yet.
        Before `begin` the host has taken none: return all landed files.
        """
        if self._worker is None:
            return transfers.landed(session)
        mine = self._mine()
        still = work_queue.still_landed(session, sorted(mine)) if mine else []
        self.let_go(mine.difference(still))
        return still

    def let_go(self, references: Collection[str]) -> None:
        """Give up files of the host's tasks, for other hosts to examine."""
        with self._lock:
            for over, left in self._tasks.items():
                if not left.isdisjoint(references):
                    left.difference_update(references)
                    if not left:
                        self._loop.call_soon_threadsafe(over.set)

    def end(self) -> None:
        """Take no more tasks, and queue the undecided files of this host's tasks again, for other hosts."""
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
            return {one for left in self._tasks.values() for one in left}


def prove_engine(settings: Settings) -> None:
    """Test the OpenPGP program (SOP) named in the settings, if any.
    Raises ConfigurationError for an unfit program if the settings allow no other engine (`sop`). Else a
    failure is only logged: the embedded engine opens what it can, and files stay landed as long as the
    program does not run at all.
    """
    try:
        prove_program(settings.processor)
    except ConfigurationError as error:
        if settings.processor.engine == "sop":
            raise
        _log.warning("the embedded engine alone opens files: %s", error)
    except Fault as fault:
        _log.error("the OpenPGP program does not run: %s", fault)


def prove_store(home: Home, settings: Settings) -> None:
    """Check the sealed store.
    Raises Fault if the store does not answer, and ConfigurationError if the store replaces files silently.
    """
    with store_answers():
        check_store(home, settings)


@contextmanager
def alone(registrar: Registrar, _wake: Callable[[], None] | None = None) -> Iterator[Work]:
    """Hold the locks on home and registry inside the context, and yield the work of a single host.
    Raises GatewayError where another processor has one of the locks, and Fault where a lock cannot be taken.
    """
    with home_of_its_own(registrar.home), Ownership(registrar.registry) as ownership:
        yield Work(ownership)


@contextmanager
def sharing(registrar: Registrar, wake: Callable[[], None]) -> Iterator[Work]:
    """Yield the work of one of several hosts, which share the registry.
    Raises GatewayError if the processor of a host that works alone has locked the registry.
    """
    with (
        home_of_its_own(registrar.home),
        Ownership(
            registrar.registry,
            shared=True,
            name=hosts.session_name(registrar.settings.host.name or ""),
            report=lambda connection: _report(registrar, connection),
        ) as ownership,
    ):
        work_queue.prepare(registrar.registry)
        share = Share(registrar, ownership, wake)
        try:
            yield share
        finally:
            share.end()


def _report(registrar: Registrar, connection: Connection) -> None:
    """Store this host's report for the other hosts: number and greatest age of uploads in the spool, how far
    the clock here is ahead of the database's, and which of the gateway's keys are here.
    """
    try:
        ages = list(spool_ages(registrar.home, registrar.clock()))
    except OSError:  # Told by the round that cannot claim.
        ages = []
    theirs = connection.scalar(text("SELECT clock_timestamp()"))
    with Session(connection) as session:
        holds = rotation.held(registrar.home, session)
    hosts.report(
        connection,
        registrar.settings.host.name or "",
        spool=len(ages),
        oldest_seconds=max(ages, default=0.0),
        ahead_seconds=(registrar.clock() - theirs).total_seconds() if theirs is not None else 0.0,
        holds=holds,
    )


def renewed(keeper: Keeper, registrar: Registrar, version: int) -> Policies | None:
    """Return the policies now in force if changed since the last call, else None.
    `version`: the register's version. Raises Fault while this host lacks one of the gateway's keys, so no
    file is examined.
    """
    rotation.check_all_here(registrar.home, registrar.registry)
    return keeper.changed(version)


@contextmanager
def home_of_its_own(home: Home) -> Iterator[None]:
    """Lock the home inside the context.
    Raises GatewayError if another processor has the lock, and Fault if the lock's file cannot be written.
    """
    with ExitStack() as until:
        with as_fault("processor.lock cannot be written"):
            until.enter_context(
                locked(home.root / "processor.lock", "another processor is at work in this home")
            )
        yield
