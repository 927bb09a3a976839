"""What a place of sealed files can do, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
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

        FileExistsError where another file has this reference, and the store is one that several hosts write
        to: it stays as it is. Whoever put some calls `settle` before it tells anybody that they are safe.
        """

    def put_session(self, reference: str, session: bytes) -> None:
        """Keep a session key beside its file, in place of an earlier one. It is safe after return."""

    def settle(self) -> None:
        """Make safe what was put. After an OSError nothing of it is believed."""

    def reading(self, reference: str, most: int | None = None) -> AbstractContextManager[int]:
        """A descriptor at the start of the file, for this process and its children; its size is the file's.

        Of no more than the first `most` bytes, if they are given. FileNotFoundError where there is none;
        another OSError where what comes back is not what was put, as far as the store can tell.
        """

    def reading_session(self, reference: str) -> AbstractContextManager[int | None]:
        """The session key in the same way; None where the file has none."""

    def digest(self, reference: str) -> str:
        """The SHA-256 of what is stored now, whatever was put. FileNotFoundError where there is no file."""

    def has(self, reference: str) -> bool:
        """Whether a file is there."""

    def references(self) -> Iterator[str]:
        """Of which transfers a file is there, in their order."""

    def sessions(self) -> Iterator[str]:
        """Of which transfers a session key is there, in their order."""

    def remove(self, references: Iterable[str]) -> None:
        """Remove files and their session keys, for good after return. Harmless where there are none."""

    def free(self) -> int | None:
        """How many bytes more it takes; None where nobody can say."""
