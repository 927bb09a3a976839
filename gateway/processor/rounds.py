"""What the processor does besides files: the log's checkpoints, the calendar of keys, deletions, pages.

Among several hosts, some of it is for one of them to do; each brings what follows into its own published/.
"""

from __future__ import annotations

from gateway.processor.checkpoints import Checkpoints
from gateway.processor.follow import Follow
from gateway.processor.key_round import look_after_keys
from gateway.processor.letter_round import LetterRound
from gateway.processor.page_round import Pages
from gateway.processor.retention import Sweep
from gateway.record.registrar import Registrar


class Rounds:
    """The rounds of one home. Each is asked for often and rarely finds much to do; a Fault is tried again."""

    def __init__(self, registrar: Registrar) -> None:
        self._checkpoints = Checkpoints(registrar)
        self._sweep = Sweep()
        self._follow = Follow(registrar)
        self._pages = Pages()
        self._letters = LetterRound(registrar)

    def checkpoints(self, registrar: Registrar, *, leads: bool) -> None:
        """Keep the heads of the log that are due; where this host `leads`, sign and tell them first."""
        self._checkpoints.tend(registrar, leads=leads)

    def keys(self, registrar: Registrar) -> None:
        """Retire the keys whose day has come, and warn of those that expire."""
        look_after_keys(registrar)

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
