"""Schedule of letters: owe the calendar's letters and pass letters on to the courier."""

import time
from contextlib import suppress

from gateway.errors import Fault
from gateway.policy.dates import local_day
from gateway.publish.letters_out import lay_out, pass_letters
from gateway.record.letters import owe_by_calendar
from gateway.record.registrar import Registrar

_PAUSE_SECONDS = 5.0


class LetterRound:
    """Check the calendar once a day and after each change of policies; pass letters on every few seconds.

    Without a relay no letter is owed, so that a relay named later does not get a year's letters at once.
    """

    def __init__(self, registrar: Registrar) -> None:
        """Tell the courier its relay, so that the courier can start as soon as the processor is ready."""
        settings = registrar.settings.letters
        with suppress(Fault):  # Reported with the first letters: files must not wait for a relay.
            if settings.relay is not None:
                lay_out(registrar.home.letters, settings)
        self._looked_at: tuple[object, ...] | None = None
        self._passed_at = float("-inf")

    def tend(self, registrar: Registrar, *, leads: bool = True) -> None:
        """Owe and pass on the letters due; only the host that `leads` owes.

        Raises Fault if not possible now.
        """
        if registrar.settings.letters.relay is None:
            return
        now = registrar.clock()
        looked_at = (local_day(now, registrar.catalogue.calendar.timezone), registrar.catalogue)
        if leads and looked_at != self._looked_at:
            owe_by_calendar(registrar, now)
            self._looked_at = looked_at
        if time.monotonic() - self._passed_at >= _PAUSE_SECONDS:
            place, settings = registrar.home.letters, registrar.settings.letters
            pass_letters(registrar.registry, place, settings, now, leads=leads)
            self._passed_at = time.monotonic()
