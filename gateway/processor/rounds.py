"""Work of the processor besides files: checkpoints, calendar of keys, deletions, pages, letters.

Among several hosts the leader does part of the work; each host publishes the effects in its own published/.
"""

from __future__ import annotations

from gateway.processor.checkpoints import Checkpoints
from gateway.processor.follow import Follow
from gateway.processor.hook_round import HookRound
from gateway.processor.key_round import look_after_keys
from gateway.processor.letter_round import LetterRound
from gateway.processor.page_round import Pages
from gateway.processor.retention import Sweep
from gateway.record import owed, reconsider
from gateway.record.registrar import Registrar


class Rounds:
    """The rounds of one home, called often and mostly with little to do. A Fault is tried again."""

    def __init__(self, registrar: Registrar) -> None:
        self._checkpoints = Checkpoints(registrar)
        self._sweep = Sweep()
        self._follow = Follow(registrar)
        self._pages = Pages()
        self._letters = LetterRound(registrar)
        self._hooks = HookRound(registrar)
        self._due = reconsider.Portions(reconsider.due)
        self.more_held = False

    def held(self, registrar: Registrar, *, leads: bool) -> None:
        """Decide a portion of the held files that need not wait; `more_held` tells where others remain.

        The host that `leads` sees to copies that wait no longer, too.
        """
        self.more_held = False
        self.more_held = self._due.next(registrar)
        reconsider.reconsider_approved(registrar)
        if leads:
            owed.follow(registrar)

    def checkpoints(self, registrar: Registrar, *, leads: bool) -> None:
        """Publish the heads due to be kept; where this host `leads`, first sign and tell witnesses."""
        self._checkpoints.tend(registrar, leads=leads)

    def keys(self, registrar: Registrar) -> None:
        """Retire keys on their last day and warn of expiry."""
        look_after_keys(registrar)

    def deletions(self, registrar: Registrar, *, leads: bool) -> None:
        """Withdraw old receipts; where this host `leads`, also delete unopened files due."""
        self._sweep.tend(registrar, leads=leads)

    def follow(self, registrar: Registrar) -> None:
        """Publish changes made by commands and other hosts."""
        self._follow.tend(registrar)

    def pages(self, registrar: Registrar, *, at_once: bool = False) -> None:
        """Make the providers' pages again where outdated."""
        self._pages.tend(registrar, at_once=at_once)

    def letters(self, registrar: Registrar, *, leads: bool) -> None:
        """Owe today's letters where this host `leads`, and pass owed letters on."""
        self._letters.tend(registrar, leads=leads)

    def hooks(self, registrar: Registrar) -> None:
        """Tell web hooks of what happened."""
        self._hooks.tend(registrar)

    def close(self) -> None:
        """Stop the work under way."""
        self._checkpoints.close()
