"""Shared state of the decisions of one transaction: replays, uses of keys, children in the files."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlmodel import Session

from gateway.home import provider_of
from gateway.model import Classified, ContentRefused, Opened, Transfer, Upload
from gateway.registry import key_uses, persons, transfers
from gateway.registry.transfers import SigningAct, act_of


@dataclass(slots=True)
class Batch:
    """Facts read before files are decided together, and rows to write afterwards."""

    session: Session
    before: dict[SigningAct, list[str]] = field(default_factory=dict)
    taken: dict[SigningAct, str] = field(default_factory=dict)
    uses: dict[tuple[str, str], tuple[datetime, int]] = field(default_factory=dict)
    persons: dict[str, bytes] = field(default_factory=dict)

    def look_back(self, files: Iterable[tuple[Upload, Opened]]) -> None:
        """Look up earlier transfers of the same acts of signing, for `earlier`."""
        self.before = transfers.signed_before(self.session, {act_of(*file) for file in files})

    def earlier(self, upload: Upload, opened: Opened) -> str | None:
        """Return the reference of an earlier transfer replayed by an upload, also of the batch; else None.

        A refused transfer is not counted: the sender may send the file again.
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
        """Record the children in the files, once the files are on record."""
        sequences = {one.upload.reference: one.sequence for one in decided}
        persons.note_each(self.session, {sequences[one]: found for one, found in self.persons.items()})
        self.persons.clear()


def subjects(reference: str, content: Classified | ContentRefused | None) -> tuple[str, str]:
    """Return the subjects to lock for a decision: the file, and the provider's files of the same kind.

    Files of one kind may replace, or be copies of, each other.
    """
    kind = content.data_type if isinstance(content, Classified) else ""
    return reference, f"{provider_of(reference)} {kind}"
