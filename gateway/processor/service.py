"""The processor as a service: load settings and keys, then run until stopped."""

from __future__ import annotations

import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from functools import partial

from gateway.errors import ConfigurationError, Fault
from gateway.examiner.parent import Examiners
from gateway.home import Home
from gateway.home.settings import SWITCH_SECONDS, Settings, load_settings
from gateway.keys.rotation import check_pupil_key
from gateway.observe import metrics, systemd
from gateway.observe.metrics import PROCESSOR
from gateway.processor import retention
from gateway.processor.loop import Processor
from gateway.processor.registry_view import RegistryView
from gateway.processor.work import alone, prove_engine, prove_store, renewed, sharing
from gateway.processor.worker_pool import WorkerPool
from gateway.publish.everything import publish_all
from gateway.publish.on_request import choose
from gateway.publish.projection import publish_receipts, published_is_written
from gateway.record.policies_in_force import Keeper
from gateway.record.registrar import Registrar
from gateway.record.upgrade import bring_up_to_date
from gateway.registry import log
from gateway.registry.database import Registry
from gateway.secrets.process_memory import keep_in_memory, keep_to_itself
from gateway.secrets.secret_files import make_pupil_key
from gateway.secrets.signing import Signing
from gateway.zones.places import LEASE_SECONDS

_log = logging.getLogger(__name__)


@contextmanager
def open_registrar(
    home: Home, clock: Callable[[], datetime], settings: Settings | None = None
) -> Iterator[Registrar]:
    """Yield a registrar for `home`, with the given settings or the home's own.
    Raises ConfigurationError where a setting, key or policy is missing or wrong.
    """
    settings = settings or load_settings(home)
    with closing(Registry(settings.database_url(home))) as registry:
        registry.check_version(current=True)
        signing = Signing.load(home, settings)
        with registry.read() as session:
            log.check_is_ours(session, signing.vkey)
        policies = Keeper(home, registry, signing, clock).current()
        yield Registrar(
            home=home,
            settings=settings,
            limits=policies.limits,
            registry=registry,
            catalogue=policies.catalogue,
            signing=signing,
            clock=clock,
            key_policy=policies.keys,
        )


def run_processor(home: Home, clock: Callable[[], datetime], *, ready: Callable[[], None]) -> None:
    """Process files until SIGTERM or SIGINT; call `ready` before the first round."""
    stop = threading.Event()
    keep_to_itself()
    with open_processor(home, clock) as processor, _observed(home, clock):
        keep_in_memory()
        gc.freeze()  # Objects loaded so far stay: the collector need not scan them.
        # A worker whose child has answered needs a short turn, and the loop is busy for long.
        sys.setswitchinterval(SWITCH_SECONDS)

        def end(*_: object) -> None:
            stop.set()
            processor.wake()

        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, end)

        def tell_ready() -> None:
            ready()
            systemd.notify("READY=1")

        processor.run(stop, ready=tell_ready, alive=systemd.alive)
        systemd.notify("STOPPING=1")


@contextmanager
def _observed(home: Home, clock: Callable[[], datetime]) -> Iterator[None]:
    """Serve metrics and health inside the context, on systemd's socket or the port in the settings.
    Without socket and port nothing is served.
    """
    settings = load_settings(home)
    sockets, place = systemd.handed_over("metrics"), settings.metrics
    if not sockets and place.port is not None:
        try:
            sockets = [socket.create_server((place.host, place.port), backlog=16)]
        except OSError as error:
            message = f"gateway.toml: metrics: port {place.port}: {error.strerror}"
            raise ConfigurationError(message) from None
    if not sockets:
        yield
        return
    # Own threads and connections: a scrape never waits for the work, nor the work for a scrape.
    with closing(Registry(settings.database_url(home))) as registry:
        view = RegistryView(home, registry, settings.watch, clock, PROCESSOR)
        with metrics.exposed(sockets, PROCESSOR, view.health):
            yield


def process_once(home: Home, clock: Callable[[], datetime]) -> int:
    """Process files until none waits; return the number of files still landed."""
    with open_processor(home, clock) as processor:
        return processor.drain()


@contextmanager
def open_processor(
    home: Home, clock: Callable[[], datetime], *, examiners: Callable[[Home], Examiners] = Examiners
) -> Iterator[Processor]:
    """Yield a processor for `home`, after publishing everything that may be missing in published/.
    `examiners` makes, for the home, the object that starts the processes for examinations.
    """
    bring_up_to_date(home, clock)
    prove_engine(load_settings(home))
    prove_store(home, load_settings(home))
    with open_registrar(home, clock) as registrar:
        check_pupil_key(home, registrar.registry)
        make_pupil_key(home)
        choose(home.published, on_request=registrar.settings.host.shares)
        with published_is_written():
            publish_all(home, clock())
        unproved: list[int] = []
        try:
            unproved = registrar.sign_owed()  # A standby may have lost signatures of what is published, too.
        except Fault as fault:
            _log.error("%s; receipts are signed as soon as it can be", fault)
        publish_receipts(registrar.registry, home.published, redo=True, unproved=unproved)
        retention.finish(registrar)
        settings = registrar.settings.processor
        keeper = Keeper(home, registrar.registry, registrar.signing, clock)
        keeper.vouch()
        yield Processor(
            registrar,
            pool=WorkerPool(settings.workers or 1 + (os.cpu_count() or 1), clock, examiners(home)),
            owner=sharing if registrar.settings.host.shares else alone,
            # The courier sends only while its lease is renewed.
            rescan_seconds=min(settings.rescan_seconds, LEASE_SECONDS / 2),
            renew=partial(renewed, keeper, registrar) if registrar.settings.host.shares else keeper.changed,
        )
