"""What the processor does besides files: the log's checkpoints, the calendar of keys, deletions, pages."""

from __future__ import annotations

from gateway.processor.checkpoints import Checkpoints
from gateway.processor.key_round import look_after_keys
from gateway.processor.letter_round import LetterRound
from gateway.processor.page_round import Pages
from gateway.processor.retention import Sweep
from gateway.publish.provider_copies import take_back_copies
from gateway.record.registrar import Registrar
from gateway.registry import log
from gateway.registry.database import Registry


class Rounds:
    """The rounds of one home. Each is asked for often and rarely finds much to do; a Fault is tried again."""

    def __init__(self, registrar: Registrar) -> None:
        self._checkpoints = Checkpoints(registrar)
        self._sweep = Sweep()
        self._withdrawn = _last_withdrawn(registrar.registry)
        self._pages = Pages()
        self._letters = LetterRound(registrar)

    def checkpoints(self, registrar: Registrar) -> None:
        """Sign, keep and tell the heads of the log that are due."""
        self._checkpoints.tend(registrar)

    def keys(self, registrar: Registrar) -> None:
        """Retire the keys whose day has come, and warn of those that expire."""
        look_after_keys(registrar)

    def deletions(self, registrar: Registrar) -> None:
        """Delete what nobody can open once its day is over."""
        self._sweep.tend(registrar)

    def withdrawals(self, registrar: Registrar) -> None:
        """Take back the copies of what was withdrawn by somebody who does not reach published/."""
        last = _last_withdrawn(registrar.registry)
        if last != self._withdrawn:
            take_back_copies(registrar.home, registrar.registry)
            self._withdrawn = last

    def pages(self, registrar: Registrar, *, at_once: bool = False) -> None:
        """Make the pages that providers read of themselves, where they are no longer as they were."""
        self._pages.tend(registrar, at_once=at_once)

    def letters(self, registrar: Registrar) -> None:
        """Owe the letters that the day asks for, and pass on what is owed."""
        self._letters.tend(registrar)

    def close(self) -> None:
        """End what is under way."""
        self._checkpoints.close()


def _last_withdrawn(registry: Registry) -> int | None:
    """Which entry of the log tells of the latest file that was taken back."""
    with registry.read() as session:
        event = log.latest(session, "withdrawn")
    return None if event is None else event.number
