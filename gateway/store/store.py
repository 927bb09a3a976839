"""What a place of sealed files can do, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """What is stored of an upload: so many bytes, of this SHA-256."""

    size: int
    sha256: str


class Store(Protocol):
    """One sealed file for each transfer, and for a few of them a session key that opens it.

    An OSError of any of these means that nothing is known to be stored, or gone, and that it may be tried
    again.
    """

    def put(self, reference: str, source: int, size: int) -> Kept:
        """Keep what a descriptor holds from here on, at most `size` bytes: all of it or nothing.

        Whoever put some calls `settle` before it tells anybody that they are safe.
        """

    def put_session(self, reference: str, session: bytes) -> None:
        """Keep a session key beside its file. It is safe after return."""

    def settle(self) -> None:
        """Make safe what was put. After an OSError nothing of it is believed."""

    def path(self, reference: str) -> Path:
        """The file, to be read by this process and its children. It need not be there."""

    def session(self, reference: str) -> Path:
        """The session key, in the same way."""

    def has(self, reference: str) -> bool:
        """Whether a file is there."""

    def references(self) -> Iterator[str]:
        """Of which transfers a file is there."""

    def remove(self, references: Iterable[str]) -> None:
        """Remove files and their session keys, for good after return. Harmless where there are none."""

    def free(self) -> int:
        """How many bytes more it takes."""
