"""The interface of a store of sealed files, in any implementation."""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """The size and SHA-256 (hex) of a file as stored."""

    size: int
    sha256: str


class Store(Protocol):
    """One sealed file for each transfer, and a session key for a few.

    An OSError from any method means the result is unknown, and the call may be repeated.
    """

    def put(self, reference: str, source: int, size: int) -> Kept:
        """Store at most `size` bytes read from a descriptor: all or nothing.

        FileExistsError for a different file under this reference, in a store shared by hosts: it stays
        unchanged. Call `settle` before reporting files as safe.
        """

    def put_session(self, reference: str, session: bytes) -> None:
        """Store a session key beside its file, replacing an earlier one. Durable after return."""

    def settle(self) -> None:
        """Make stored files durable. After an OSError, count none of them as stored."""

    def reading(self, reference: str, most: int | None = None) -> AbstractContextManager[int]:
        """Yield a descriptor at the start of the file, usable by this process and its child processes.

        Limited to the first `most` bytes, if given. FileNotFoundError for a missing file; another OSError for
        a changed one, as far as detectable.
        """

    def reading_session(self, reference: str) -> AbstractContextManager[int | None]:
        """Yield a descriptor of the session key, like `reading`; None for a file without a session key."""

    def digest(self, reference: str) -> str:
        """Return the SHA-256 of the content stored now. FileNotFoundError for a missing file."""

    def has(self, reference: str) -> bool:
        """Return True if a file is stored under the reference."""

    def references(self) -> Iterator[str]:
        """Yield the references of the stored files, in order."""

    def sessions(self) -> Iterator[str]:
        """Yield the references of the stored session keys, in order."""

    def remove(self, references: Iterable[str]) -> None:
        """Remove files and their session keys, durably after return. Harmless for missing ones."""

    def free(self) -> int | None:
        """Return the free bytes; None if unknown."""
