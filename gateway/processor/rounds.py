"""What the processor does besides files: the log's checkpoints, the calendar of keys, deletions, pages.

Among several hosts, some of it is for one of them to do; each brings what follows into its own published/.
"""

from __future__ import annotations

from gateway.errors import Fault
from gateway.log.leaf import Kind
from gateway.processor.checkpoints import Checkpoints
from gateway.processor.follow import Follow
from gateway.processor.key_round import look_after_keys
from gateway.processor.letter_round import LetterRound
from gateway.processor.page_round import Pages
from gateway.processor.retention import Sweep
from gateway.publish.projection import publish_access
from gateway.record.registrar import Registrar
from gateway.registry import log
from gateway.registry.database import Registry


class Rounds:
    """The rounds of one home. Each is asked for often and rarely finds much to do; a Fault is tried again."""

    def __init__(self, registrar: Registrar) -> None:
        self._checkpoints = Checkpoints(registrar)
        self._sweep = Sweep()
        self._follow = Follow(registrar)
        self._access = _changes_of_access(registrar.registry)
        self._pages = Pages()
        self._letters = LetterRound(registrar)

    def checkpoints(self, registrar: Registrar, *, leads: bool) -> None:
        """Keep the heads of the log that are due; where this host `leads`, sign and tell them first."""
        self._checkpoints.tend(registrar, leads=leads)

    def keys(self, registrar: Registrar) -> None:
        """Retire the keys whose day has come, and warn of those that expire.

        Login keys are brought out that somebody put in force who does not reach published/.
        """
        look_after_keys(registrar)
        last = _changes_of_access(registrar.registry)
        if last != self._access:
            try:
                publish_access(registrar.registry, registrar.home.published, registrar.clock())
            except OSError as error:
                raise Fault(f"published/ cannot be written: {error.strerror}") from None
            self._access = last

    def deletions(self, registrar: Registrar, *, leads: bool) -> None:
        """Take back old receipts; where this host `leads`, also delete what nobody can open on its day."""
        self._sweep.tend(registrar, leads=leads)

    def follow(self, registrar: Registrar) -> None:
        """Bring out what commands and other hosts have changed."""
        self._follow.tend(registrar)

    def pages(self, registrar: Registrar, *, at_once: bool = False) -> None:
        """Make the pages that providers read of themselves, where they are no longer as they were."""
        self._pages.tend(registrar, at_once=at_once)

    def letters(self, registrar: Registrar, *, leads: bool) -> None:
        """Where this host `leads`, owe the letters that the day asks for, and pass on what is owed."""
        self._letters.tend(registrar, leads=leads)

    def close(self) -> None:
        """End what is under way."""
        self._checkpoints.close()


def _changes_of_access(registry: Registry) -> tuple[int | None, ...]:
    """Which entries of the log tell of the latest provider that was enrolled, and key that was confirmed."""
    return tuple(_last(registry, kind) for kind in ("provider-added", "key-approved"))


def _last(registry: Registry, kind: Kind) -> int | None:
    """Which entry of the log is the latest of a kind."""
    with registry.read() as session:
        event = log.latest(session, kind)
    return None if event is None else event.number
