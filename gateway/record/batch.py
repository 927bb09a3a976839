"""What decisions of one transaction have in common: replays, uses of keys, who is in the files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from gateway.model import Opened, Transfer, Upload
from gateway.registry import key_uses, persons, transfers
from gateway.registry.transfers import SigningAct, act_of


@dataclass(slots=True)
class Batch:
    """What is found out before files are decided together, and what is written once they are."""

    session: Session
    before: dict[SigningAct, list[str]] = field(default_factory=dict)
    taken: dict[SigningAct, str] = field(default_factory=dict)
    uses: dict[tuple[str, str], tuple[datetime, int]] = field(default_factory=dict)
    persons: dict[str, bytes] = field(default_factory=dict)

    def look_back(self, files: Iterable[tuple[Upload, Opened]]) -> None:
        """Find out which of the files that are about to be decided came before, for `earlier`."""
        self.before = transfers.signed_before(self.session, {act_of(*file) for file in files})

    def earlier(self, upload: Upload, opened: Opened) -> str | None:
        """Return the reference of the transfer that this one replays, if any, be it in the same batch.

        One that was refused is no such transfer: its sender may well send the file again.
        """
        act = act_of(upload, opened)
        others = (one for one in self.before.get(act, ()) if one != upload.reference)
        return next(others, None) or self.taken.get(act)

    def note_use(self, provider: str, fingerprint: str, at: datetime) -> None:
        """Count a use of a provider's key, to be recorded by `record_uses`."""
        _, times = self.uses.get((provider, fingerprint), (at, 0))
        self.uses[provider, fingerprint] = (at, times + 1)

    def record_uses(self) -> None:
        """Record how often each key was used."""
        key_uses.note_each(self.session, "provider", self.uses)
        self.uses.clear()

    def record_persons(self, decided: Iterable[Transfer]) -> None:
        """Record who is in the files, now that these are on record."""
        sequences = {one.upload.reference: one.sequence for one in decided}
        persons.note_each(self.session, {sequences[one]: found for one, found in self.persons.items()})
        self.persons.clear()
