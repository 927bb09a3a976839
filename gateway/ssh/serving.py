"""A running service: sockets, tasks repeated at intervals, and an orderly end."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gateway.errors import trace_of
from gateway.home.settings import AlsoOffer
from gateway.observe import systemd
from gateway.ssh.door import Door
from gateway.ssh.offer import AlsoOffered, needs_rsa
from gateway.ssh.server import Balancers, Offer, listen, rsa_file
from gateway.ssh.server import host_key as host_key_of
from gateway.ssh.visitor import Service, Visitor
from gateway.zones.penalty_files import Lifted, Listed, PenaltyFiles

_log = logging.getLogger(__name__)

_ROUND_SECONDS = 15.0
_PENALTY_SECONDS = 2.0
_FAREWELL_SECONDS = 10.0


def penalty_round(door: Door, files: PenaltyFiles) -> Callable[[], Awaitable[None]]:
    """Return a task to repeat: cancel penalties lifted by an administrator, write the others to a file."""
    applied, listed = Lifted(), dict[str, float]()

    async def run() -> None:
        nonlocal applied, listed
        try:
            lifted = await asyncio.to_thread(files.read_lifted)
        except (OSError, ValueError) as error:
            _log.warning("lifted-not-readable %s", trace_of(error))
            return
        for source, _ in lifted.at.items() - applied.at.items():
            if door.penalties.lift(source):
                _log.info("penalty-lifted address=%s", source)
        applied, waiting = lifted, door.penalties.in_force()
        door.counts.penalties.set(len(waiting))
        if waiting or listed:
            now = datetime.now(UTC)
            until = {source: now + timedelta(seconds=seconds) for source, seconds in waiting.items()}
            await asyncio.to_thread(files.write_listed, Listed(until=until))
        listed = waiting

    return run


@contextlib.asynccontextmanager
async def serving(
    door: Door,
    service: Service,
    *,
    host_key: Path,
    place: tuple[str, int],
    sockets: Sequence[socket.socket],
    penalties: PenaltyFiles,
    running: set[asyncio.Task[None]],
    also: Sequence[AlsoOffer] = (),
    balancers: Balancers,
) -> AsyncIterator[tuple[str, int]]:
    """Accept connections at `place` (host, port), or on listening `sockets`; yield the place.
    At the end close every connection, and wait up to 10 seconds for the `running` tasks. ConfigurationError
    for an unusable host key or port.
    """
    offer = await asyncio.to_thread(Offer, host_key, door.limits, lambda: Visitor(door, service))
    old = await asyncio.to_thread(host_key_of, rsa_file(host_key), "ssh-rsa") if needs_rsa(also) else None
    listeners = await listen(offer.options, door, place, sockets, AlsoOffered(also, old), balancers=balancers)
    loop = asyncio.get_running_loop()
    rounds = [
        loop.create_task(again(door.look_round, _ROUND_SECONDS)),
        loop.create_task(again(penalty_round(door, penalties), _PENALTY_SECONDS)),
        loop.create_task(systemd.keep_alive()),
    ]
    try:
        host, port = listeners[0].sockets[0].getsockname()[:2]
        yield str(host), int(port)
    finally:
        for listener in listeners:
            listener.close()
        for one in rounds:
            one.cancel()
        door.close()
        if running:
            await asyncio.wait(running, timeout=_FAREWELL_SECONDS)


async def again(round_: Callable[[], Awaitable[None]], seconds: float) -> None:
    """Run a periodic task every few seconds, forever; log a failure and continue."""
    while True:
        try:
            await round_()
        except Exception as error:  # noqa: BLE001 - one bad round must not be the last
            _log.error("round-failed %s", trace_of(error))
        await asyncio.sleep(seconds)
