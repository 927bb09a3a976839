"""Fetch this host's tasks with a worker of procrastinate, a task queue, in a thread with its own event loop.

Procrastinate leaves three duties to its user. A periodic task finds dead hosts, and queues their tasks again.
It also keeps procrastinate's own monitor alive: else a restart of the database would silently end the
listening for new tasks. A worker ended by a restart of the database is started again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import procrastinate
from sqlalchemy import make_url

from gateway.errors import Fault, trace_of
from gateway.record.registrar import Registrar
from gateway.registry import work_queue

_TEND = "tend"
_EVERY_TEN_SECONDS = "* * * * * */10"
_BEATS_SECONDS, _DEAD_SECONDS = 3.0, 15.0
_POLLS_SECONDS = 1.0
_LAST_SECONDS = 2.0
_PAUSE_SECONDS = 2.0
_CONNECTIONS = 8
_log = logging.getLogger(__name__)
Take = Callable[[Sequence[str]], Awaitable[None]]


class TaskWorker:
    """Fetches tasks, at most `at_once` at a time, and gives the files of each task to `take`.

    Tasks are fetched from the call of `start` until the call of `end`.
    """

    def __init__(self, registrar: Registrar, take: Take, *, at_once: int) -> None:
        self._registrar = registrar
        self._take = take
        self._at_once = at_once
        self._over = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._working: asyncio.Task[None] | None = None
        self._thread = threading.Thread(target=self._run, name="tasks", daemon=True)

    def start(self) -> None:
        """Start the thread for fetching tasks."""
        logging.getLogger("procrastinate").setLevel(logging.WARNING)  # It logs every task twice.
        self._thread.start()

    def end(self) -> None:
        """Fetch no more tasks, and wait for the thread to end."""
        self._over.set()
        if (working := self._working) is not None:
            with suppress(RuntimeError):  # The loop is closed already.
                self._loop.call_soon_threadsafe(working.cancel)
        self._thread.join(10 * _LAST_SECONDS)

    def _run(self) -> None:
        try:
            self._working = self._loop.create_task(self._work())
            with suppress(asyncio.CancelledError):
                self._loop.run_until_complete(self._working)
        finally:
            self._loop.close()

    async def _work(self) -> None:
        while not self._over.is_set():
            try:
                # Work until procrastinate ends, as after a restart of the database.
                app = self._app()
                async with app.open_async(), asyncio.TaskGroup() as group:
                    # The rescue task has a worker of its own, because it must not wait behind files.
                    workers = [
                        group.create_task(_one_worker(app, work_queue.QUEUE, self._at_once)),
                        group.create_task(_one_worker(app, _TEND, 1)),
                    ]
                    await asyncio.wait(workers, return_when=asyncio.FIRST_COMPLETED)
                    for worker in workers:
                        worker.cancel()
            except Exception as error:  # noqa: BLE001 - told where it was raised; nothing ends the service
                _log.error("the queue did not answer: %s", trace_of(error))
            await asyncio.sleep(_PAUSE_SECONDS)

    def _app(self) -> procrastinate.App:
        place = make_url(self._registrar.registry.url).set(drivername="postgresql")
        connector = procrastinate.PsycopgConnector(
            conninfo=place.render_as_string(hide_password=False), min_size=1, max_size=_CONNECTIONS
        )
        app = procrastinate.App(connector=connector)

        @app.task(name=work_queue.TASK, queue=work_queue.QUEUE)
        async def examine(references: list[str]) -> None:
            await self._take(references)

        # Each host schedules the task, as clocks may differ; only one at a time is queued.
        @app.periodic(cron=_EVERY_TEN_SECONDS, periodic_id=self._registrar.settings.host.name or "")
        @app.task(name=_TEND, queue=_TEND, queueing_lock=_TEND)
        async def tend(timestamp: int) -> None:  # noqa: ARG001 - it is given when it was due
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=_DEAD_SECONDS):
                _log.warning("a task of a host that is gone is queued again")
                await app.job_manager.retry_job(job)
            try:
                found = await asyncio.to_thread(work_queue.queue_again, self._registrar.registry)
            except Fault as fault:
                _log.error("%s; what is landed is queued again later", fault)
            else:
                if found:
                    _log.info("%d landed files in no task were queued again", found)

        return app


async def _one_worker(app: procrastinate.App, queue: str, at_once: int) -> None:
    await app.run_worker_async(
        queues=[queue],
        concurrency=at_once,
        name=queue,
        wait=True,
        fetch_job_polling_interval=_POLLS_SECONDS,
        update_heartbeat_interval=_BEATS_SECONDS,
        stalled_worker_timeout=_DEAD_SECONDS,
        shutdown_graceful_timeout=_LAST_SECONDS,
        delete_jobs="always",
        install_signal_handlers=False,
    )
