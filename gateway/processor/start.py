"""What a processor makes sure of before it works: its engine, its store, and that it is the only one."""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from gateway.errors import Fault, GatewayError
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.keys import rotation
from gateway.openpgp.engines import prove_program
from gateway.processor.work import Alone, Share, Work
from gateway.record.policies_in_force import Keeper, Policies
from gateway.record.registrar import Registrar
from gateway.registry import hosts, work_queue
from gateway.registry.ownership import Ownership
from gateway.store.of_home import check_store

_log = logging.getLogger(__name__)


def prove_engine(settings: Settings) -> None:
    """ConfigurationError where the OpenPGP program is not to be trusted.

    One that does not run at all keeps nobody from starting: files stay landed until it does.
    """
    try:
        prove_program(settings.processor)
    except Fault as fault:
        _log.error("the OpenPGP program does not run: %s", fault)


def prove_store(home: Home, settings: Settings) -> None:
    """ConfigurationError where the store may replace files silently; Fault where it does not answer."""
    try:
        check_store(home, settings)
    except OSError as error:
        raise Fault(f"the sealed store does not answer: {error.strerror}") from None


@contextmanager
def only_owner(registrar: Registrar) -> Iterator[Ownership]:
    """Hold the home and its registry for this processor.

    GatewayError where another one has either, or it cannot be held, such as a Fault.
    """
    with home_of_its_own(registrar.home), Ownership(registrar.registry) as ownership:
        yield ownership


def alone(registrar: Registrar, _wake: Callable[[], None]) -> AbstractContextManager[Work]:
    """All the work of a home whose registry no other host works on. GatewayError as for `only_owner`."""
    return _alone(registrar)


@contextmanager
def _alone(registrar: Registrar) -> Iterator[Work]:
    with only_owner(registrar) as ownership:
        yield Alone(ownership)


@contextmanager
def sharing(registrar: Registrar, wake: Callable[[], None]) -> Iterator[Work]:
    """The share of one of several hosts. GatewayError where a processor that shares none has the registry."""
    with (
        home_of_its_own(registrar.home),
        Ownership(registrar.registry, shared=True, says=lambda: _said(registrar)) as ownership,
    ):
        work_queue.prepare(registrar.registry)
        share = Share(registrar, ownership, wake)
        try:
            yield share
        finally:
            share.end()


def _said(registrar: Registrar) -> str:
    return hosts.said(registrar.settings.host.name or "", rotation.held(registrar.home))


def renewed(keeper: Keeper, registrar: Registrar, version: int) -> Policies | None:
    """Other policies, where there are. Of several hosts, one that lacks a key examines nothing meanwhile."""
    if registrar.settings.host.shares:
        rotation.check_all_here(registrar.home, registrar.registry)
    return keeper.changed(version)


@contextmanager
def home_of_its_own(home: Home) -> Iterator[None]:
    """Keep processors out of a home meanwhile. GatewayError where one is at work; Fault without a lock."""
    try:
        descriptor = os.open(home.root / "processor.lock", os.O_RDWR | os.O_CREAT, 0o600)
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
