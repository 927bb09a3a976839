"""What one transaction asks of the registry for every file of a batch, asked once for all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sqlmodel import Session

from gateway.model import Opened, Transfer, Upload
from gateway.registry import key_uses, keys, persons, transfers
from gateway.registry.keys import Key
from gateway.registry.transfers import SigningAct, act_of

T = TypeVar("T")


@dataclass(slots=True)
class Batch:
    """The answers that hold for the whole of one transaction, until something in it changes them."""

    session: Session
    _answers: dict[Hashable, Any] = field(default_factory=dict)
    _before: dict[SigningAct, list[str]] = field(default_factory=dict)
    _taken: dict[SigningAct, str] = field(default_factory=dict)
    _uses: dict[tuple[str, str], tuple[datetime, int]] = field(default_factory=dict)
    _persons: dict[str, bytes] = field(default_factory=dict)

    def once(self, question: Hashable, ask: Callable[[], T]) -> T:
        """The answer to a question, asked where it has not been yet."""
        if question not in self._answers:
            self._answers[question] = ask()
        answer: T = self._answers[question]
        return answer

    def know(self, question: Hashable, answer: object) -> None:
        """An answer that was found without being asked for."""
        self._answers.setdefault(question, answer)

    def keys_of(self, provider: str) -> Sequence[Key]:
        """The keys of a provider."""
        return self.once(("keys", provider), lambda: keys.list_keys(self.session, "provider", provider))

    def know_keys(self, providers: Collection[str]) -> None:
        """Ask for the keys of all these providers at once."""
        for provider, found in keys.keys_of_each(self.session, "provider", providers).items():
            self.know(("keys", provider), found)

    def forget(self) -> None:
        """Ask everything anew: keys, providers or ratifications were changed."""
        self._answers.clear()

    def look_back(self, files: Iterable[tuple[Upload, Opened]]) -> None:
        """Find out which of the files that are about to be decided came before, for `earlier`."""
        self._before = transfers.signed_before(self.session, {act_of(*file) for file in files})

    def earlier(self, upload: Upload, opened: Opened) -> str | None:
        """The reference of the transfer that this one replays, if any, be it in the same batch.

        One that was refused is no such transfer: its sender may well send the file again.
        """
        act = act_of(upload, opened)
        others = (one for one in self._before.get(act, ()) if one != upload.reference)
        return next(others, None) or self._taken.get(act)

    def note_taken(self, upload: Upload, opened: Opened) -> None:
        """A file of this batch was not refused: what comes of the same act of signing replays it."""
        self._taken.setdefault(act_of(upload, opened), upload.reference)

    def note_use(self, provider: str, fingerprint: str, at: datetime) -> None:
        """Count a use of a provider's key, to be recorded by `record_uses`."""
        _, times = self._uses.get((provider, fingerprint), (at, 0))
        self._uses[provider, fingerprint] = (at, times + 1)

    def record_uses(self) -> None:
        """Record how often each key was used."""
        key_uses.note_each(self.session, "provider", self._uses)
        self._uses.clear()

    def note_persons(self, reference: str, found: bytes) -> None:
        """Who is in a file, to be recorded by `record_persons`."""
        self._persons[reference] = found

    def record_persons(self, decided: Iterable[Transfer]) -> None:
        """Record who is in the files, now that these are on record."""
        sequences = {one.upload.reference: one.sequence for one in decided}
        persons.note_each(self.session, {sequences[one]: found for one, found in self._persons.items()})
        self._persons.clear()
