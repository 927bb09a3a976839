"""Folders made by a provider's clients below /in: visible to the provider only, for a while, on no disk.

Programs sending whole folders (`put -r`, `rclone sync`, `mirror -R`) make them first, and may use several
connections; so all sessions of a provider share them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from gateway.intake.answers import TOO_MANY_FOLDERS
from gateway.intake.paths import IntakePlace
from gateway.ssh.answers import Declined

_MOST = 1_000
_KEPT = timedelta(hours=1)


class Folders:
    """The folders of one provider, each with its time of making."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._made: dict[IntakePlace, datetime] = {}

    def __contains__(self, place: IntakePlace) -> bool:
        """Return True if the folder exists now."""
        made = self._made.get(place)
        return made is not None and self._clock() - made < _KEPT

    def make(self, place: IntakePlace) -> None:
        """Make a folder. Declined above the maximum number."""
        now = self._clock()
        self._made = {known: made for known, made in self._made.items() if now - made < _KEPT}
        if len(self._made) >= _MOST:
            raise Declined(TOO_MANY_FOLDERS)
        self._made[place] = now

    def remove(self, place: IntakePlace) -> None:
        """Remove a folder; harmless if missing."""
        self._made.pop(place, None)

    def within(self, above: IntakePlace) -> list[str]:
        """Return the names of the folders in the folder `above`."""
        here = [made for made in self._made if made.above == above and made in self]
        return [made.name.rpartition("/")[2] for made in here if made.name is not None]
