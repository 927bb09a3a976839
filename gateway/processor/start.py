"""Checks before a processor works: its OpenPGP program, its store, and no second processor."""

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from sqlalchemy import Connection, text

from gateway.errors import Fault, GatewayError
from gateway.home import Home
from gateway.home.settings import Settings
from gateway.keys import rotation
from gateway.openpgp.engines import prove_program
from gateway.processor.work import Alone, Share, Work
from gateway.record.policies_in_force import Keeper, Policies
from gateway.record.registrar import Registrar
from gateway.record.snapshot import spool_ages
from gateway.registry import hosts, work_queue
from gateway.registry.ownership import Ownership
from gateway.store.of_home import check_store

_log = logging.getLogger(__name__)


def prove_engine(settings: Settings) -> None:
    """Raise ConfigurationError where the OpenPGP program is not trustworthy.

    A program that does not run at all is only logged: files stay landed until the program runs.
    """
    try:
        prove_program(settings.processor)
    except Fault as fault:
        _log.error("the OpenPGP program does not run: %s", fault)


def prove_store(home: Home, settings: Settings) -> None:
    """Check the store. Raises ConfigurationError if files may be replaced silently, Fault if down."""
    try:
        check_store(home, settings)
    except OSError as error:
        raise Fault(f"the sealed store does not answer: {error.strerror}") from None


@contextmanager
def only_owner(registrar: Registrar) -> Iterator[Ownership]:
    """Hold the home and its registry for this processor.

    Raises GatewayError where another processor has either, and Fault where holding fails.
    """
    with home_of_its_own(registrar.home), Ownership(registrar.registry) as ownership:
        yield ownership


def alone(registrar: Registrar, _wake: Callable[[], None]) -> AbstractContextManager[Work]:
    """Yield all work of a registry without other hosts. Raises GatewayError as `only_owner`."""
    return _alone(registrar)


@contextmanager
def _alone(registrar: Registrar) -> Iterator[Work]:
    with only_owner(registrar) as ownership:
        yield Alone(ownership)


@contextmanager
def sharing(registrar: Registrar, wake: Callable[[], None]) -> Iterator[Work]:
    """Yield this host's share of the work. Raises GatewayError where a lone processor holds the registry."""
    with (
        home_of_its_own(registrar.home),
        Ownership(
            registrar.registry,
            shared=True,
            name=hosts.session_name(registrar.settings.host.name or ""),
            says=lambda connection: _say(registrar, connection),
        ) as ownership,
    ):
        work_queue.prepare(registrar.registry)
        share = Share(registrar, ownership, wake)
        try:
            yield share
        finally:
            share.end()


def _say(registrar: Registrar, connection: Connection) -> None:
    """Tell all hosts what waits in the spool of this one, how its clock stands, and which keys it holds."""
    try:
        ages = list(spool_ages(registrar.home, registrar.clock()))
    except OSError:  # Told by the round that cannot claim.
        ages = []
    theirs = connection.scalar(text("SELECT clock_timestamp()"))
    hosts.say(
        connection,
        registrar.settings.host.name or "",
        spool=len(ages),
        oldest_seconds=max(ages, default=0.0),
        ahead_seconds=(registrar.clock() - theirs).total_seconds() if theirs is not None else 0.0,
        holds=rotation.held(registrar.home),
    )


def renewed(keeper: Keeper, registrar: Registrar, version: int) -> Policies | None:
    """Return changed policies, or None. A host lacking a key raises Fault and examines nothing meanwhile."""
    if registrar.settings.host.shares:
        rotation.check_all_here(registrar.home, registrar.registry)
    return keeper.changed(version)


@contextmanager
def home_of_its_own(home: Home) -> Iterator[None]:
    """Lock the home against a second processor. Raises GatewayError if locked, Fault without a lock."""
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
